"""The API's written rules of a write, judged on referrals in memory."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.sandbox import patches
from syncjob.sandbox.refusals import RefusedError
from syncjob.sandbox.store import Store, Write, stamp

NOW = datetime(2026, 3, 1, 12, 0, 0, 120000, tzinfo=UTC)


def _referral(**parts: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "status": "Active",
        "substatus": "Accepted",
        "name": "Pilot",
        "details": {"dealValue": 10000, "currency": "USD", "notes": "old", "requirements": {"solutions": []}},
        "team": [{"email": "jane.doe@contoso.example"}],
        "consent": {"consentToContact": True},
        **parts,
    }


def _patch(store: Store, *operations: tuple[str, str, Any], if_match: str | None = None) -> Write:
    asked = patches.operations([{"op": op, "path": path, "value": value} for op, path, value in operations])
    return store.patch("r1", asked, if_match=if_match, now=NOW)


def _refused(store: Store, *operations: tuple[str, str, Any], if_match: str | None = None) -> RefusedError:
    before = copy.deepcopy(store.documents())
    with pytest.raises(RefusedError) as caught:
        _patch(store, *operations, if_match=if_match)
    assert store.documents() == before
    return caught.value


def test_etag_holds_its_own_quotes_and_is_new_at_each_write() -> None:
    """An eTag's value begins and ends with a double quote, and no write repeats one."""
    store = Store([_referral()])
    seen = {store.get("r1")["eTag"]}
    for i in range(50):
        seen.add(_patch(store, ("replace", "/name", str(i))).etag_after)
    assert len(seen) == 51
    assert all(etag.startswith('"') and etag.endswith('"') and len(etag) > 2 for etag in seen)


def test_given_etags_are_kept_unless_two_are_the_same() -> None:
    """A document that brings an eTag keeps it; a second one with the same eTag gets its own; none is minted again."""
    minted = Store([_referral()]).get("r1")["eTag"]
    store = Store([_referral(eTag=minted), _referral(id="r2", eTag=minted), _referral(id="r3", eTag="")])
    etags = [document["eTag"] for document in store.documents()]
    assert etags[0] == minted
    assert len(set(etags)) == 3


def test_what_was_given_and_handed_out_never_changes() -> None:
    """Writes make new documents: neither the caller's nor one read before is touched."""
    given_document = _referral()
    untouched = copy.deepcopy(given_document)
    store = Store([given_document])
    read = store.get("r1")
    kept = copy.deepcopy(read)
    _patch(store, ("add", "/team/-", {"email": "x"}), ("replace", "/details/notes", "new"))
    assert given_document == untouched
    assert read == kept
    assert store.get("r1") != kept


def test_body_is_the_document_as_json() -> None:
    """The bytes of a referral say what the document says, before and after a write."""
    store = Store([_referral(name="Zoë")])
    assert json.loads(store.body("r1")) == store.get("r1")
    _patch(store, ("replace", "/name", "Núñez"))
    assert json.loads(store.body("r1")) == store.get("r1")
    assert store.get("r1")["name"] == "Núñez"


def test_if_match_is_compared_verbatim() -> None:
    """The eTag lets a write pass only with its quotes; without If-Match the last writer wins."""
    store = Store([_referral()])
    etag = store.get("r1")["eTag"]
    for wrong in (etag.strip('"'), f'"{etag}"', f"W/{etag}", "*", ""):
        assert _refused(store, ("replace", "/name", "x"), if_match=wrong).status == 412
    _patch(store, ("replace", "/name", "x"), if_match=etag)
    assert _refused(store, ("replace", "/name", "y"), if_match=etag).status == 412
    _patch(store, ("replace", "/name", "y"))
    assert store.get("r1")["name"] == "y"


def test_a_missed_precondition_answers_in_the_published_words() -> None:
    """412 carries preconditionFailed, the target ETag and the inner code 99918."""
    refusal = _refused(Store([_referral()]), ("replace", "/name", "x"), if_match="old")
    error = json.loads(refusal.body)["error"]
    assert (error["code"], error["target"]) == ("preconditionFailed", "ETag")
    assert error["innerError"] == {
        "code": "99918",
        "message": "One of the specified pre-condition is not met. Etag value did not Match",
        "details": None,
    }


@pytest.mark.parametrize(
    "patch",
    [
        {},
        [],
        None,
        "x",
        [1],
        [{"op": "add", "path": "/name"}],
        [{"op": "add", "value": 1}],
        [{"op": "add", "path": 1, "value": 1}],
        [{"op": "remove", "path": "/name", "value": None}],
        [{"op": "move", "from": "/a", "path": "/name", "value": 1}],
        [{"op": "test", "path": "/name", "value": "Pilot"}],
        [{"path": "/name", "value": "x"}],
    ],
)
def test_only_arrays_of_add_and_replace_are_patches(patch: Any) -> None:
    """Whatever is not an array of add and replace, each with path and value, is invalidRequest."""
    with pytest.raises(RefusedError) as caught:
        patches.operations(patch)
    assert (caught.value.status, caught.value.code) == (400, "invalidRequest")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/id",
        "/eTag",
        "/team/0",
        "/team/0/phoneNumber",
        "/details/requirements/offers",
        "name",
        "/~0name",
        "/-",
    ],
)
def test_paths_that_are_not_writable_are_refused(path: str) -> None:
    """A path outside the documented ones is invalidRequest and named as the target."""
    refusal = _refused(Store([_referral()]), ("add", path, "x"))
    assert (refusal.status, refusal.code) == (400, "invalidRequest")
    assert json.loads(refusal.body)["error"]["target"] == path


def test_an_add_needs_its_parent_and_a_replace_its_target() -> None:
    """RFC 6902: neither creates what lies above; replace does not create at all."""
    store = Store([_referral(details={"requirements": None}, team="odd", customerProfile={"team": None})])
    operations: tuple[tuple[str, str, Any], ...] = (
        ("add", "/inviteContext/notes", "x"),
        ("add", "/details/requirements/solutions", []),
        ("add", "/details/requirements/solutions/-", {}),
        ("add", "/customerProfile/team/-", {}),
        ("add", "/team/-", {}),
        ("replace", "/details/notes", "x"),
        ("replace", "/salesStage", "10"),
    )
    for operation in operations:
        assert _refused(store, operation).status == 400
    odd = Store([_referral(details=[], consent={"x": 1})])
    assert _refused(odd, ("add", "/details/notes", "x")).status == 400
    assert _refused(odd, ("add", "/details/requirements/solutions", [])).status == 400


def test_only_add_appends() -> None:
    """The dash stands for the end of a list: replace has nothing there to replace."""
    store = Store([_referral()])
    assert _refused(store, ("replace", "/team/-", {"email": "x"})).status == 400
    write = _patch(store, ("add", "/team/-", {"email": "x"}), ("add", "/team/-", {"email": "x"}))
    assert [person["email"] for person in store.get("r1")["team"]] == ["jane.doe@contoso.example", "x", "x"]
    assert write.edits[0].old is None


def test_a_missing_parent_comes_in_one_add() -> None:
    """An absent or null parent is added with what hangs below it; one that is there is not overwritten."""
    bare = Store([{"id": "r1", "status": "Active", "substatus": "Accepted", "customerProfile": None}])
    _patch(
        bare,
        ("add", "/details", {"dealValue": "12.50", "requirements": {"solutions": []}}),
        ("add", "/customerProfile", {"team": []}),
    )
    assert bare.get("r1")["details"] == {"dealValue": 12.5, "requirements": {"solutions": []}}
    full = Store([_referral()])
    assert _refused(full, ("add", "/details", {"notes": "x"})).status == 400
    assert _refused(full, ("add", "/details/requirements", {"solutions": []})).status == 400
    assert _refused(bare, ("add", "/inviteContext", {"invitedMpnId": "1"})).status == 400
    assert _refused(bare, ("add", "/inviteContext", "x")).status == 400


def test_a_patch_is_all_or_nothing() -> None:
    """One bad operation leaves the referral as it was, whatever came before it."""
    store = Store([_referral()])
    _refused(store, ("replace", "/name", "new"), ("add", "/team/-", {"email": "x"}), ("replace", "/eTag", "x"))
    assert store.writes == []


@pytest.mark.parametrize(
    ("sent", "kept"), [("10000", 10000), (10000, 10000), ("10000.10", 10000.1), (0.5, 0.5), ("1E3", 1000), (None, None)]
)
def test_a_deal_value_is_a_number_in_whatever_spelling(sent: Any, kept: Any) -> None:
    """A number and the string of one are the same; the referral keeps the number."""
    store = Store([_referral()])
    _patch(store, ("replace", "/details/dealValue", sent))
    value = store.get("r1")["details"]["dealValue"]
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/details/dealValue", "12,000"),
        ("/details/dealValue", "12k"),
        ("/details/dealValue", ""),
        ("/details/dealValue", True),
        ("/details/dealValue", []),
        ("/details/dealValue", "NaN"),
        ("/details/dealValue", "1e999"),
        ("/details/currency", "usd"),
        ("/details/currency", "DOLLAR"),
        ("/details/currency", 1),
        ("/details/closingDateTime", "2026-03-01"),
        ("/details/closingDateTime", "2026-02-30T00:00:00Z"),
        ("/details/closingDateTime", "2026-03-01T00:00:00"),
        ("/details/closingDateTime", 5),
        ("/name", 5),
        ("/salesStage", 10),
        ("/favorite", "yes"),
        ("/team", {}),
        ("/team", ["x"]),
        ("/team/-", "x"),
        ("/status", None),
        ("/substatus", ""),
    ],
)
def test_values_of_another_kind_are_refused(path: str, value: Any) -> None:
    """A value that its field cannot hold is invalidRequest."""
    assert _refused(Store([_referral()]), ("add", path, value)).code == "invalidRequest"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/details/currency", "EUR"),
        ("/details/currency", None),
        ("/details/currency", ""),
        ("/details/closingDateTime", "2026-03-01T18:30:00.1234567Z"),
        ("/details/closingDateTime", "2026-03-01T18:30:00+05:30"),
        ("/details/closingDateTime", None),
        ("/details/closingDateTime", ""),
        ("/name", ""),
        ("/name", None),
        ("/favorite", True),
        ("/favorite", None),
        ("/consent/consentToShareReferralWithMicrosoftSellers", True),
        ("/team", None),
        ("/team", []),
        ("/details/requirements/solutions", [{"id": "SOL-1"}]),
        ("/externalReferenceId", "CRM-00001"),
    ],
)
def test_values_are_kept_as_they_were_sent(path: str, value: Any) -> None:
    """Null, the empty string and values of the right kind are stored verbatim."""
    store = Store([_referral()])
    _patch(store, ("add", path, value))
    assert patches.found(store.get("r1"), path) == value


def test_a_team_has_at_most_fifty_members() -> None:
    """Fifty go in as a whole list, the fifty-first does not join, and 51 do not go in at all."""
    store = Store([_referral()])
    _patch(store, ("replace", "/team", [{"email": f"{i}@contoso.example"} for i in range(50)]))
    assert _refused(store, ("add", "/team/-", {"email": "x"})).status == 400
    assert _refused(store, ("replace", "/team", [{}] * 51)).status == 400


_PAIRS = [
    (status, substatus)
    for status, all_of in {
        "New": ("Pending", "Received"),
        "Active": ("Accepted",),
        "Closed": ("Won", "Lost", "Declined", "Expired"),
    }.items()
    for substatus in all_of
]
_MOVES = {("New", "New"), ("New", "Active"), ("New", "Closed"), ("Active", "Active"), ("Active", "Closed")}


@given(st.sampled_from(_PAIRS), st.sampled_from(_PAIRS))
def test_status_moves_by_the_table(start: tuple[str, str], end: tuple[str, str]) -> None:
    """From each pair to each pair: allowed moves land, others are 400, and nothing leaves Closed (409)."""
    store = Store([_referral(status=start[0], substatus=start[1], closedDateTime=None)])
    move = (("replace", "/status", end[0]), ("replace", "/substatus", end[1]))
    if (start[0], end[0]) in _MOVES:
        _patch(store, *move)
        after = store.get("r1")
        assert (after["status"], after["substatus"]) == end
        assert (after["closedDateTime"] is not None) == (end[0] == "Closed")
        assert ("acceptedDateTime" in after) == (start[0] == "New" and end[0] == "Active")
    else:
        assert _refused(store, *move).status == (409 if start[0] == "Closed" else 400)


def test_status_and_substatus_go_together_and_agree() -> None:
    """One without the other, or two that do not belong together, are refused."""
    store = Store([_referral()])
    assert _refused(store, ("replace", "/status", "Closed")).status == 400
    assert _refused(store, ("replace", "/substatus", "Won")).status == 400
    assert _refused(store, ("replace", "/status", "Closed"), ("replace", "/substatus", "Accepted")).status == 400
    assert _refused(store, ("replace", "/status", "Gone"), ("replace", "/substatus", "Won")).status == 400


def test_a_closed_referral_takes_no_patch() -> None:
    """Closed is terminal: any patch is 409, and an eTag that does not hold is told first."""
    store = Store([_referral(status="Closed", substatus="Won")])
    assert _refused(store, ("replace", "/name", "x")).status == 409
    assert _refused(store, ("replace", "/name", "x"), if_match="old").status == 412


def test_an_unknown_referral_is_not_found() -> None:
    """404 itemNotFound, for reading and for writing."""
    store = Store([])
    for act in (lambda: store.get("r1"), lambda: store.body("r1"), lambda: _patch(store, ("add", "/name", "x"))):
        with pytest.raises(RefusedError) as caught:
            act()
        assert (caught.value.status, caught.value.code) == (404, "itemNotFound")


def test_the_journal_tells_every_write() -> None:
    """Sequence, writer, operations, what was there before, eTags and If-Match are kept of each write that landed."""
    store = Store([_referral()])
    etag = store.get("r1")["eTag"]
    first = _patch(store, ("replace", "/details/dealValue", "5"), if_match=etag)
    asked = patches.operations([{"op": "add", "path": "/name", "value": "x"}])
    second = store.patch("r1", asked, if_match=None, now=NOW, writer="elsewhere")
    third = store.patch("r1", asked, if_match=etag, now=NOW, honour_if_match=False)
    assert store.writes == [first, second, third]
    assert [write.sequence for write in store.writes] == [1, 2, 3]
    assert first.edits == (patches.Edit("/details/dealValue", 10000, 5),)
    assert (first.etag_before, first.etag_after) == (etag, second.etag_before)
    assert [write.blind for write in store.writes] == [False, False, True]
    shown = first.as_json()
    assert json.loads(json.dumps(shown))["operations"] == [
        {"op": "replace", "path": "/details/dealValue", "value": "5"}
    ]


def test_timestamps_are_utc_with_zeros_trimmed() -> None:
    """The API trims the zeros at the end of a fraction."""
    assert stamp(NOW) == "2026-03-01T12:00:00.12Z"
    assert stamp(NOW.replace(microsecond=0).astimezone(timezone(timedelta(hours=5)))) == "2026-03-01T12:00:00Z"
    store = Store([_referral()])
    _patch(store, ("replace", "/name", "x"))
    assert store.get("r1")["updatedDateTime"] == "2026-03-01T12:00:00.12Z"
