"""The sandbox as one whole without a socket: a Request in, a Meeting out, and a record of every request kept.

What is judged and when: a quota and the endings that refuse stand before the referral; somebody else's edit lands
before our patch is judged; what bends or loses an answer comes after. Introspection (`/sandbox/…`) meets no faults and
leaves no record, so that a test may look without disturbing what it looks at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from random import Random

from syncjob.sandbox import answers, elsewhere, patches, queries, refusals
from syncjob.sandbox.entra import Entra
from syncjob.sandbox.faults import Luck, Misfortunes, Rates
from syncjob.sandbox.introspection import introspected
from syncjob.sandbox.messages import Later, Meeting, Record, Reply, Request
from syncjob.sandbox.patches import Operation
from syncjob.sandbox.refusals import RefusedError
from syncjob.sandbox.store import Store

__all__ = ["Later", "Meeting", "Record", "Reply", "Request", "Sandbox"]

COLLECTION = "/v1.0/engagements/referrals"


class Sandbox:
    """The imitated API over a store; `clock` gives the moment in UTC, `random` and `rates` the misfortunes."""

    def __init__(
        self,
        store: Store,
        rates: Rates | None = None,
        *,
        random: Random,
        clock: Callable[[], datetime],
        require_token: bool = False,
        entra: Entra | None = None,
    ) -> None:
        self.store = store
        self.records: list[Record] = []
        self._misfortunes = Misfortunes(rates or Rates(), random)
        self._clock = clock
        self._require_token = require_token
        self.entra = entra

    @property
    def rates(self) -> Rates:
        """How often each fault happens from now on; may be replaced."""
        return self._misfortunes.rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        self._misfortunes.rates = rates

    def meet(self, request: Request) -> Meeting:
        """What happens to a request: the store is written here, unless the meeting says later."""
        if request.path.startswith("/sandbox/"):
            return Meeting(introspected(self, request))
        if self.entra is not None and self.entra.knows(request.path):
            return Meeting(self.entra.answered(request))
        record = self._recorded(request)
        luck = self._misfortunes.draw(record.at, _patched_id(request))
        record.fault = "+".join(name for name in ("slow" if luck.slow_s else "", luck.ending) if name)
        reply = self._answered(request, record, luck)
        later = None
        if luck.ending == "late":
            delay_s = self._misfortunes.random.uniform(0.05, 2.0)
            later = Later(luck.slow_s + delay_s, lambda: self._arrive_late(request, record, luck))
        record.status = None if reply is None else reply.status
        return Meeting(reply, luck.slow_s, later)

    def _answered(self, request: Request, record: Record, luck: Luck) -> Reply | None:
        """The answer under this luck, None for a cut connection."""
        random, request_id = self._misfortunes.random, record.request_id
        reply: Reply | None = None
        match luck.ending:
            case "quota" | "throttle":
                wait_s = 1 if luck.ending == "quota" else random.choice((1, 2, 3, 5))
                reply = answers.throttled(request_id, wait_s=wait_s)
            case "unavailable":
                reply = answers.unavailable(request_id, random)
            case "locked":
                reply = answers.refused(refusals.locked(), request_id)
            case "gateway":
                if request.method == "PATCH" and random.random() < 0.5:  # noqa: PLR2004 - half of the patches
                    self._judged(request, record, luck)
                reply = answers.gateway(request_id, random)
            case "lost":
                self._judged(request, record, luck)
            case "garbled":
                reply = answers.garbled(self._judged(request, record, luck), self._stranger(), random)
            case "" | "silent":
                reply = self._judged(request, record, luck)
            case "reset" | "late":
                pass
        return reply

    def _stranger(self) -> bytes:
        """Any referral's JSON."""
        documents = self.store.documents()
        return self.store.body(self._misfortunes.random.choice(documents)["id"]) if documents else b"{}"

    def _arrive_late(self, request: Request, record: Record, luck: Luck) -> None:
        self._judged(request, record, luck)
        if record.effect == "applied":
            record.effect = "late"

    def _judged(self, request: Request, record: Record, luck: Luck) -> Reply:
        """What the API itself says."""
        try:
            self._admit(request, record)
            if request.path == COLLECTION:
                return self._listed(request, record)
            referral_id = _referral_id(request.path)
            if request.method == "PATCH":
                return self._patched(referral_id, record, luck)
            if request.method != "GET":
                self.store.get(referral_id)
                raise refusals.not_allowed(request.method)
            return answers.answer(200, self.store.body(referral_id), record.request_id)
        except RefusedError as refusal:
            return answers.refused(refusal, record.request_id)

    def _admit(self, request: Request, record: Record) -> None:
        if self.entra is not None and (code := self.entra.refusal(request.headers.get("authorization", ""))):
            raise refusals.unauthenticated(code)
        if self._require_token and not record.authorized:
            raise refusals.unauthenticated()

    def _listed(self, request: Request, record: Record) -> Reply:
        if request.method != "GET":
            raise refusals.not_allowed(request.method)
        return answers.answer(200, self.store.page_body(queries.query(request.query)), record.request_id)

    def _patched(self, referral_id: str, record: Record, luck: Luck) -> Reply:
        if (record.content_type or "").partition(";")[0].strip().lower() != "application/json":
            raise refusals.not_json_content()
        operations = patches.operations(record.operations)
        if luck.foreign:
            self._edit_elsewhere(referral_id, operations, record)
        if_match = record.if_match
        if if_match is not None and luck.stubborn:
            _befall(record, "stubborn")
            raise refusals.precondition_failed()
        if if_match is not None and luck.ignored_if_match and if_match != self.store.get(referral_id)["eTag"]:
            _befall(record, "ignored_if_match")
            honoured = False
        else:
            honoured = True
        bent = elsewhere.altered(operations, self._misfortunes.random) if luck.altered else operations
        self.store.patch(referral_id, bent, if_match=if_match, now=self._clock(), honour_if_match=honoured)
        record.effect = "applied"
        if bent is not operations:
            _befall(record, "altered")
        if luck.ending == "silent" or "return=representation" not in (record.prefer or ""):
            return answers.answer(204, b"", record.request_id)
        return answers.answer(200, self.store.body(referral_id), record.request_id)

    def _edit_elsewhere(self, referral_id: str, ours: tuple[Operation, ...], record: Record) -> None:
        """Somebody else's edit, by the same rules as ours; nobody edits what is closed or not there."""
        n = len(self.store.writes) + 1
        document = self.store.get(referral_id)
        edit = elsewhere.foreign_edit(document, ours, n=n, random=self._misfortunes.random)
        if not edit:
            return
        with contextlib.suppress(RefusedError):
            self.store.patch(referral_id, edit, if_match=None, now=self._clock(), writer="elsewhere")
            _befall(record, "foreign")

    def _recorded(self, request: Request) -> Record:
        n = len(self.records) + 1
        headers = request.headers
        record = Record(
            n=n,
            at=self._clock(),
            method=request.method,
            path=request.path,
            query=request.query,
            if_match=headers.get("if-match"),
            prefer=headers.get("prefer"),
            content_type=headers.get("content-type"),
            request_id=f"{n:08x}-5a4d-4b0c-8000-000000000000",
            ms_requestid=headers.get("ms-requestid"),
            ms_correlationid=headers.get("ms-correlationid"),
            authorized=headers.get("authorization", "").lower().startswith("bearer "),
            operations=patches.parsed(request.body) if request.method == "PATCH" else None,
        )
        self.records.append(record)
        return record


def _befall(record: Record, fault: str) -> None:
    record.fault = f"{record.fault}+{fault}" if record.fault else fault


def _patched_id(request: Request) -> str | None:
    if request.method != "PATCH":
        return None
    return request.path.removeprefix(COLLECTION + "/")


def _referral_id(path: str) -> str:
    referral_id = path.removeprefix(COLLECTION + "/")
    if referral_id == path or "/" in referral_id or not referral_id:
        raise RefusedError(404, "itemNotFound", f"There is nothing at {path}.", target="path")
    return referral_id
