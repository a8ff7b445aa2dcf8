"""Referrals in memory: operations and queries in, referrals, pages, refusals and a journal of every write out.

No socket, no clock, no chance. A document is never changed in place: each write makes a new one, so what was handed
out stays what it was, and its JSON is made once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from syncjob.sandbox import patches, queries, refusals
from syncjob.sandbox.patches import Document, Edit, Operation
from syncjob.sandbox.queries import Query

CONTEXT = "http://api.partner.microsoft.com/v1.0/$metadata#Referrals"

Writer = Literal["client", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was accepted; `sequence` counts all writes of the store from 1, `at` is when it landed."""

    sequence: int
    at: datetime
    referral_id: str
    writer: Writer
    operations: tuple[Operation, ...]
    edits: tuple[Edit, ...]
    etag_before: str
    etag_after: str
    if_match: str | None

    @property
    def blind(self) -> bool:
        """A client wrote over a state that its If-Match did not name."""
        return self.writer == "client" and self.if_match != self.etag_before

    def as_json(self) -> dict[str, Any]:
        """The write as the introspection shows it."""
        return {**asdict(self), "at": self.at.isoformat(), "blind": self.blind}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: whole documents, how many match in all, and the link to go on (None at the end)."""

    documents: Sequence[Document]
    total: int
    next_link: str | None


class Store:
    """The referrals of one partner; `list_etags` says whether the items of a list carry their eTag (sources differ)."""

    def __init__(self, documents: Iterable[Document], *, list_etags: bool = True) -> None:
        self.writes: list[Write] = []
        self._list_etags = list_etags
        self._minted = 0
        self._documents: dict[str, Document] = {}
        self._bodies: dict[str, bytes] = {}
        self._items: dict[str, bytes] = {}
        given = list(documents)
        self._etags_given = {document.get("eTag") for document in given}
        taken: set[str] = set()
        for document in given:
            etag = document.get("eTag")
            if not etag or etag in taken:
                document = {**document, "eTag": self._mint()}  # noqa: PLW2901 - the caller's document stays as it is
            taken.add(document["eTag"])
            self._documents[document["id"]] = document

    def documents(self) -> list[Document]:
        """Every referral, in the order of arrival; not to be changed."""
        return list(self._documents.values())

    def get(self, referral_id: str) -> Document:
        """One referral, not to be changed; raises RefusedError 404."""
        document = self._documents.get(referral_id)
        if document is None:
            raise refusals.not_found(referral_id)
        return document

    def body(self, referral_id: str) -> bytes:
        """One referral as JSON; raises RefusedError 404."""
        body = self._bodies.get(referral_id)
        if body is None:
            body = self._bodies[referral_id] = _json(self.get(referral_id))
        return body

    def patch(
        self,
        referral_id: str,
        operations: tuple[Operation, ...],
        *,
        if_match: str | None,
        now: datetime,
        writer: Writer = "client",
        honour_if_match: bool = True,
    ) -> Write:
        """All operations or none. Without `if_match` the last writer wins; raises RefusedError 400, 404, 409, 412.

        `honour_if_match=False` writes whatever the eTag is, and still notes what the client had asked for.
        """
        before = self.get(referral_id)
        if honour_if_match and if_match is not None and if_match != before["eTag"]:
            raise refusals.precondition_failed()
        if before.get("status") == "Closed":
            raise refusals.closed()
        after, edits = patches.applied(before, operations)
        after["eTag"] = self._mint()
        after["updatedDateTime"] = stamp(now)
        if after.get("status") != before.get("status"):
            after["closedDateTime" if after["status"] == "Closed" else "acceptedDateTime"] = stamp(now)
        self._documents[referral_id] = after
        self._bodies.pop(referral_id, None)
        self._items.pop(referral_id, None)
        etags = before["eTag"], after["eTag"]
        write = Write(len(self.writes) + 1, now, referral_id, writer, operations, edits, *etags, if_match)
        self.writes.append(write)
        return write

    def page(self, asked: Query) -> Page:
        """The page that a query asks for; raises RefusedError 400."""
        matching = queries.chosen(list(self._documents.values()), asked)
        shown = matching[asked.skip : asked.skip + asked.top]
        more = asked.skip + len(shown) < len(matching)
        return Page(shown, len(matching), asked.after(len(shown)) if more else None)

    def page_body(self, asked: Query) -> bytes:
        """The page as JSON in the documented envelope; raises RefusedError 400."""
        page = self.page(asked)
        head: dict[str, Any] = {"@odata.context": CONTEXT}
        if asked.count:
            head["@odata.count"] = page.total
        items = b",".join(self._item(document, asked.select) for document in page.documents)
        tail = b"" if page.next_link is None else b',"@odata.nextLink":' + json.dumps(page.next_link).encode()
        return _json(head)[:-1] + b',"value":[' + items + b"]" + tail + b"}"

    def _item(self, document: Document, select: tuple[str, ...]) -> bytes:
        if select:
            return _json({name: document[name] for name in select if name in document})
        body = self._items.get(document["id"])
        if body is None:
            hidden = ("@odata.context",) if self._list_etags else ("@odata.context", "eTag")
            shown = {name: value for name, value in document.items() if name not in hidden}
            body = self._items[document["id"]] = _json(shown)
        return body

    def _mint(self) -> str:
        """A new eTag: strong, its value holds its own quotes, never one that a given document brought along."""
        while True:
            self._minted += 1
            etag = f'"{self._minted:08x}-0000-0100-0000-{self._minted * 2654435761 % 2**32:08x}0000"'
            if etag not in self._etags_given:
                return etag


def stamp(now: datetime) -> str:
    """A moment as the API writes it: UTC, the zeros at the end of the fraction trimmed."""
    text = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def _json(document: Document) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate goes over the wire as its escape
        return json.dumps(document, separators=(",", ":")).encode()
