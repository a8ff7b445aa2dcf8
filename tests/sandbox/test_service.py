"""The sandbox as a whole, without a socket: requests in, meetings out."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncjob.sandbox.faults import NAMES, Rates, rates_of
from syncjob.sandbox.seeds import seed
from syncjob.sandbox.service import Meeting, Reply, Request, Sandbox
from syncjob.sandbox.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = "/v1.0/engagements/referrals"
HEADERS = {"content-type": "application/json; charset=utf-8", "prefer": "return=representation"}
NOTES = [{"op": "add", "path": "/details/notes", "value": "ours"}]


def _sandbox(*, chance: int = 1, require_token: bool = False, **rates: float) -> Sandbox:
    documents = [
        {"id": "r1", "status": "Active", "substatus": "Accepted", "details": {"notes": "old"}, "team": []},
        {"id": "r2", "status": "Closed", "substatus": "Won", "details": {}},
    ]
    store = Store(documents)
    return Sandbox(store, rates_of(rates), random=Random(chance), clock=lambda: NOW, require_token=require_token)


def _patch(sandbox: Sandbox, operations: Any = NOTES, *, referral_id: str = "r1", **headers: str) -> Meeting:
    given_headers = {"if-match": sandbox.store.get("r1")["eTag"], **HEADERS, **headers}
    body = operations if isinstance(operations, bytes) else json.dumps(operations).encode()
    return sandbox.meet(Request("PATCH", f"{ROOT}/{referral_id}", "", given_headers, body))


def _get(sandbox: Sandbox, path: str, query: str = "", *, method: str = "GET", body: bytes = b"") -> Reply:
    reply = sandbox.meet(Request(method, path, query, {}, body)).reply
    assert reply is not None
    return reply


def _status(meeting: Meeting) -> int | None:
    return None if meeting.reply is None else meeting.reply.status


def _notes(sandbox: Sandbox) -> Any:
    return sandbox.store.get("r1")["details"]["notes"]


def test_a_patch_answers_with_what_was_asked_for() -> None:
    """With Prefer the new referral and its next eTag (200), without it nothing (204); a Request-ID either way."""
    sandbox = _sandbox()
    reply = _patch(sandbox).reply
    assert reply is not None
    assert json.loads(reply.body) == sandbox.store.get("r1")
    quiet = _patch(sandbox, prefer="").reply
    assert quiet is not None
    assert (quiet.status, quiet.body) == (204, b"")
    assert [name for name, _ in quiet.headers] == ["Request-ID"]
    assert [record.effect for record in sandbox.records] == ["applied", "applied"]


def test_reading_one_and_many() -> None:
    """A referral by id and the collection, each as JSON."""
    sandbox = _sandbox()
    assert json.loads(_get(sandbox, f"{ROOT}/r1").body) == sandbox.store.get("r1")
    assert len(json.loads(_get(sandbox, ROOT, "$top=5").body)["value"]) == 2
    assert _get(sandbox, ROOT, "$top=x").status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{ROOT}/r9", 404),
        ("GET", "/v1.0/referrals", 404),
        ("GET", f"{ROOT}/r1/x", 404),
        ("GET", f"{ROOT}/", 404),
        ("POST", ROOT, 405),
        ("DELETE", f"{ROOT}/r1", 405),
        ("DELETE", f"{ROOT}/r9", 404),
        ("PATCH", ROOT, 405),
    ],
)
def test_what_is_not_there_is_refused_in_the_documented_shape(method: str, path: str, status: int) -> None:
    """404 and 405 carry error.code, message, target and innerError."""
    reply = _get(_sandbox(), path, method=method)
    assert reply.status == status
    assert set(json.loads(reply.body)["error"]) == {"code", "message", "target", "innerError"}


def test_bodies_and_types_that_are_no_json_patch_are_refused() -> None:
    """Content type first (415), then JSON (400); NaN is no JSON; 404, 409 and 412 come from the referral."""
    sandbox = _sandbox()
    assert _status(_patch(sandbox, **{"content-type": "application/json-patch+json"})) == 415
    assert _status(_patch(sandbox, b"[")) == 400
    assert _status(_patch(sandbox, b"[" * 100_000)) == 400
    assert _status(_patch(sandbox, b'[{"op":"add","path":"/name","value":NaN}]')) == 400
    assert _status(_patch(sandbox, {"name": "x"})) == 400
    assert _status(_patch(sandbox, referral_id="r9")) == 404
    assert _status(_patch(sandbox, referral_id="r2", **{"if-match": sandbox.store.get("r2")["eTag"]})) == 409
    assert _status(_patch(sandbox, **{"if-match": "old"})) == 412
    assert sandbox.store.writes == []


def test_a_token_is_demanded_when_told_and_never_kept() -> None:
    """401 without a bearer; the record only says whether one came."""
    sandbox = _sandbox(require_token=True)
    assert _get(sandbox, ROOT).status == 401
    assert _status(_patch(sandbox)) == 401
    assert _status(_patch(sandbox, authorization="Bearer opaque")) == 200
    assert [record.authorized for record in sandbox.records] == [False, False, True]
    assert "opaque" not in repr(sandbox.records)


def test_every_request_is_recorded() -> None:
    """Who asked what under which headers, what came of it, and when."""
    sandbox = _sandbox()
    _patch(sandbox, **{"ms-requestid": "a", "ms-correlationid": "b"})
    record = sandbox.records[0]
    assert (record.n, record.at, record.method, record.path) == (1, NOW, "PATCH", f"{ROOT}/r1")
    assert (record.ms_requestid, record.ms_correlationid) == ("a", "b")
    assert (record.status, record.effect, record.fault, record.operations) == (200, "applied", "", NOTES)
    assert record.if_match == sandbox.store.writes[0].etag_before


@pytest.mark.parametrize(
    ("fault", "status", "effect"),
    [
        ("throttle", 429, "none"),
        ("unavailable", 503, "none"),
        ("reset", None, "none"),
        ("locked", 423, "none"),
        ("lost", None, "applied"),
        ("silent", 204, "applied"),
        ("stubborn", 412, "none"),
    ],
)
def test_each_fault_does_what_it_says(fault: str, status: int | None, effect: str) -> None:
    """Status and effect of one PATCH under one certain fault; the record names it and still holds what was asked."""
    sandbox = _sandbox()
    sandbox.rates = rates_of({fault: 1})
    assert _status(_patch(sandbox)) == status
    record = sandbox.records[0]
    assert (record.status, record.effect, record.fault, record.operations) == (status, effect, fault, NOTES)
    assert _notes(sandbox) == ("ours" if effect == "applied" else "old")


def test_a_throttled_answer_says_how_long() -> None:
    """429 has Retry-After in seconds and the documented body, which is not the error shape."""
    reply = _patch(_sandbox(throttle=1)).reply
    assert reply is not None
    wait_s = int(dict(reply.headers)["Retry-After"])
    assert json.loads(reply.body) == {
        "statusCode": 429,
        "message": f"Rate limit is exceeded. Try again in {wait_s} seconds.",
    }


def test_an_unavailable_service_sometimes_says_how_long() -> None:
    """503 comes with and without Retry-After."""
    sandbox = _sandbox(unavailable=1)
    assert {"Retry-After" in dict(_get(sandbox, ROOT).headers) for _ in range(30)} == {True, False}


def test_a_quota_refuses_what_is_beyond_it() -> None:
    """Two pass, the third is 429 with Retry-After: 1."""
    sandbox = _sandbox(quota=2)
    replies = [_get(sandbox, ROOT) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert dict(replies[2].headers)["Retry-After"] == "1"
    assert [record.fault for record in sandbox.records] == ["", "", "quota"]


def test_a_late_patch_is_judged_when_it_arrives() -> None:
    """The connection is cut at once; the write lands with the later act, unless the eTag has moved by then."""
    sandbox = _sandbox(late=1)
    first, second = _patch(sandbox), _patch(sandbox)
    assert (first.reply, first.delay_s, _notes(sandbox)) == (None, 0.0, "old")
    for meeting in (second, first):
        assert meeting.later is not None
        assert 0.05 <= meeting.later.delay_s <= 2
        meeting.later.act()
    assert _notes(sandbox) == "ours"
    assert [record.effect for record in sandbox.records] == ["none", "late"]
    assert len(sandbox.store.writes) == 1


def test_a_slow_answer_is_applied_at_once() -> None:
    """Only the answer waits."""
    sandbox = _sandbox(slow=1)
    meeting = _patch(sandbox)
    assert 0.2 <= meeting.delay_s <= 3
    assert (_status(meeting), _notes(sandbox), sandbox.records[0].fault) == (200, "ours", "slow")


def test_a_gateway_applies_half_of_the_patches() -> None:
    """HTML under 408, 500, 502, 504 or 520; a patch may or may not have landed."""
    statuses, effects = set(), Counter[str]()
    sandbox = _sandbox(gateway=1)
    for _ in range(100):
        reply = _patch(sandbox).reply
        assert reply is not None
        assert dict(reply.headers)["Content-Type"].startswith("text/html")
        statuses.add(reply.status)
        effects[sandbox.records[-1].effect] += 1
    assert statuses == {408, 500, 502, 504, 520}
    assert 30 < effects["applied"] < 70
    assert _get(sandbox, ROOT).status in statuses


def test_a_garbled_answer_never_shows_the_referral() -> None:
    """Applied as usual, but the body is cut, HTML or something else's JSON; a 204 grows a body."""
    kinds = set()
    sandbox = _sandbox(garbled=1)
    for i in range(100):
        reply = _patch(sandbox, prefer="" if i % 2 else "return=representation").reply
        assert reply is not None
        assert (reply.status, sandbox.records[-1].effect) == (200, "applied")
        try:
            kinds.add(str(json.loads(reply.body))[:8])
        except ValueError:
            kinds.add("html" if reply.body.startswith(b"<!") else "cut")
    assert {"html", "cut", "None", "[]", "{}", "OK"} <= kinds
    empty = Sandbox(Store([]), Rates(garbled=1), random=Random(1), clock=lambda: NOW)
    assert all(_get(empty, ROOT).status == 200 for _ in range(20))


def test_a_foreign_edit_lands_before_ours_and_is_told() -> None:
    """Under If-Match ours is then 412; the journal holds the foreign edit, what it replaced, and its place."""
    sandbox = _sandbox(foreign=1)
    before = sandbox.store.get("r1")["eTag"]
    assert _status(_patch(sandbox)) == 412
    (write,) = sandbox.store.writes
    assert (write.writer, write.sequence, write.referral_id, write.etag_before) == ("elsewhere", 1, "r1", before)
    assert write.edits
    assert sandbox.records[0].fault == "foreign"


def test_nobody_edits_what_is_closed_missing_or_empty() -> None:
    """A foreign edit needs an open referral; otherwise it does not happen and is not told."""
    sandbox = _sandbox(foreign=1)
    assert _status(_patch(sandbox, referral_id="r2", **{"if-match": sandbox.store.get("r2")["eTag"]})) == 409
    assert _status(_patch(sandbox, referral_id="r9")) == 404
    assert [record.fault for record in sandbox.records] == ["", ""]
    bare = Sandbox(Store([{"id": "r1", "status": "Active"}]), Rates(foreign=1), random=Random(1), clock=lambda: NOW)
    every = ("salesStage", "statusReason", "campaignId", "name", "favorite", "details/notes")
    for _ in range(60):
        _patch(bare, [{"op": "add", "path": f"/{name}", "value": None} for name in every])
    assert {record.fault for record in bare.records} == {"", "foreign"}


def test_an_if_match_not_honoured_shows_as_a_blind_write() -> None:
    """The write passes over a foreign edit, and record and journal tell."""
    sandbox = _sandbox(foreign=1, ignored_if_match=1)
    assert _status(_patch(sandbox)) == 200
    assert sandbox.records[0].fault == "foreign+ignored_if_match"
    assert [write.blind for write in sandbox.store.writes] == [False, True]


def test_an_altered_patch_is_accepted_and_differs() -> None:
    """200, but the text kept is not the text sent; a patch with nothing to alter passes as it is."""
    sandbox = _sandbox(altered=1)
    assert _status(_patch(sandbox)) == 200
    assert (_notes(sandbox), sandbox.records[0].fault) == ("ou", "altered")
    _patch(sandbox, [{"op": "add", "path": "/team/-", "value": {"email": "x"}}])
    assert sandbox.records[1].fault == ""


def test_introspection_tells_all_and_is_neither_faulted_nor_recorded() -> None:
    """Requests, referrals, writes and faults as JSON, on the worst of days."""
    sandbox = _sandbox(lost=1)
    _patch(sandbox)
    sandbox.rates = Rates(reset=1, unavailable=1)
    (record,) = json.loads(_get(sandbox, "/sandbox/requests").body)
    assert (record["n"], record["status"], record["effect"], record["fault"]) == (1, None, "applied", "lost")
    (write,) = json.loads(_get(sandbox, "/sandbox/writes").body)
    assert write["edits"] == [{"path": "/details/notes", "old": "old", "new": "ours"}]
    assert json.loads(_get(sandbox, "/sandbox/referrals").body) == sandbox.store.documents()
    assert json.loads(_get(sandbox, "/sandbox/faults").body)["reset"] == 1
    assert len(sandbox.records) == 1


def test_faults_are_replaced_as_a_whole() -> None:
    """PUT gives the new rates; what is not named is calm again; a wrong name is told."""
    sandbox = _sandbox(lost=1)
    reply = _get(sandbox, "/sandbox/faults", method="PUT", body=b'{"slow": 0.5}')
    assert json.loads(reply.body) == {name: 0.5 if name == "slow" else 0.0 for name in NAMES}
    assert sandbox.rates == Rates(slow=0.5)
    for wrong in (b"[]", b"{", b'{"lots": 1}'):
        assert _get(sandbox, "/sandbox/faults", method="PUT", body=wrong).status == 400
    assert _get(sandbox, "/sandbox/requests", method="PUT").status == 405
    assert _get(sandbox, "/sandbox/nothing").status == 404


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(0, 0.5))
def test_a_bad_day_keeps_the_books(chance: int, rate: float) -> None:
    """Any seed: client writes are the applied and late records, under If-Match none is blind, and a replay is equal."""

    def day() -> tuple[Sandbox, list[int | None]]:
        store = Store(seed(10, Random(3), NOW))
        rates = Rates(**{name: 0.0 if name in {"quota", "ignored_if_match"} else rate for name in NAMES})
        sandbox = Sandbox(store, rates, random=Random(chance), clock=lambda: NOW)
        statuses = []
        for i in range(60):
            referral = store.documents()[i % 10]
            body = json.dumps([{"op": "add", "path": "/name", "value": f"name {i}"}]).encode()
            headers = {**HEADERS, "if-match": referral["eTag"]}
            meeting = sandbox.meet(Request("PATCH", f"{ROOT}/{referral['id']}", "", headers, body))
            statuses.append(_status(meeting))
            if meeting.later is not None:
                meeting.later.act()
        return sandbox, statuses

    sandbox, statuses = day()
    ours = [write for write in sandbox.store.writes if write.writer == "client"]
    assert len(ours) == sum(record.effect != "none" for record in sandbox.records)
    assert not any(write.blind for write in ours)
    last: dict[str, str] = {}
    for write in sandbox.store.writes:
        assert last.get(write.referral_id, write.etag_before) == write.etag_before
        last[write.referral_id] = write.etag_after
    again, statuses_again = day()
    assert (statuses, sandbox.store.writes, sandbox.records) == (statuses_again, again.store.writes, again.records)
