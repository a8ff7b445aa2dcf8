"""The nouns of a row from its referral to its end: Change with its Operations and Triples, Settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from syncjob.model.cell import columns_from_json, columns_to_json
from syncjob.model.desired import UNKNOWN, Desired, Place, SourceRow, Wish
from syncjob.model.outcome import Cause, Outcome
from syncjob.model.stand import Stand, Why
from syncjob.model.wire import coded, reader

PLAIN = frozenset({str, int, float, bool, Decimal, type(None)})
FIRST = b'{"n":'  # the start of a line
STILL = b',"outcome":"unchanged","cause":"in_step","reason":"","warnings":[],"columns":'
IDLE = b',"operations":[],"attempts":0,"request_ids":[]}'  # the end of one with nothing to send


class Triple(Struct, frozen=True, omit_defaults=True, gc=False):
    """What base, observed and desired say of one named field, and where that puts row and remote.

    `removed` are those who are to leave a list; `column` is where the wish was written; `stand` is None in what an
    earlier version has recorded.
    """

    path: str
    observed: Any
    desired: Any
    base: Any = UNKNOWN
    zone: str | None = None
    removed: tuple[str, ...] = ()
    column: str = ""
    stand: Stand | None = None
    why: Why = Why.MERGED

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object; what is not known is left out."""
        said: dict[str, Any] = msgspec.to_builtins(self)
        return said

    def wish(self) -> Wish:
        """Give the wish that it was made from."""
        return Wish(self.path, self.desired, self.column, self.zone, self.removed)


class Operation(Struct, frozen=True, gc=False):
    """One operation of a JSON Patch (RFC 6902); the remote knows only `add` and `replace`."""

    op: str
    path: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        """Give the object that goes over the wire."""
        return {"op": self.op, "path": self.path, "value": self.value}

    def reaches(self, path: str) -> bool:
        """Tell whether it writes a field: there, at its list's end, or in what hangs below a parent that it adds."""
        if self.path in (path, f"{path}/-"):
            return True
        if not path.startswith(f"{self.path}/") or not isinstance(self.value, Mapping):
            return False
        step = path.removeprefix(f"{self.path}/").partition("/")[0]
        if step not in self.value:
            return False
        return Operation(self.op, f"{self.path}/{step}", self.value[step]).reaches(path)


class Change(Struct, frozen=True):
    """A pair and its patch, never empty; `etag` is the one that the patch was made from."""

    n: int
    place: Place
    key: str
    columns: Mapping[str, str]
    id: str
    etag: str
    triples: tuple[Triple, ...]
    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold what only a bug can break."""
        assert self.operations, "a change is never empty"
        assert self.etag, "no change without an eTag"

    def written(self) -> list[Triple]:
        """Give the triples of the fields that its operations write."""
        return _written(self.triples, self.operations)

    def before(self) -> dict[str, Any]:
        """Give, by path, what the remote held in every field that the operations touch."""
        return {one.path: one.observed for one in self.written()}


class Settled(Struct, frozen=True):
    """How a row ended, with all that a plan, a ledger or a report says of it."""

    n: int
    place: Place
    key: str
    columns: Mapping[str, str]
    cause: Cause
    reason: str
    id: str | None = None
    etag: str | None = None
    warnings: tuple[str, ...] = ()
    triples: tuple[Triple, ...] = ()
    operations: tuple[Operation, ...] = ()
    attempts: int = 0
    request_ids: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The outcome that goes with the cause."""
        return self.cause.outcome

    @classmethod
    def of_row(cls, row: SourceRow, cause: Cause, reason: str, *, key: str = "") -> Settled:
        """Settle a row that names no referral yet."""
        return cls(row.n, row.place, key, row.columns, cause, reason, warnings=row.warnings)

    @classmethod
    def of_desired(cls, desired: Desired, cause: Cause, reason: str, **known: Any) -> Settled:
        """Settle a row that could be read; `known` may name id, etag, triples, operations or warnings."""
        row = desired.row
        known.setdefault("warnings", desired.warnings)
        return cls(row.n, row.place, desired.key, row.columns, cause, reason, **known)

    @classmethod
    def of_change(cls, change: Change, cause: Cause, reason: str, **known: Any) -> Settled:
        """Settle a change; `known` may name attempts, request_ids, operations, triples or warnings."""
        known = {
            "warnings": change.warnings,
            "triples": change.triples,
            "operations": change.operations,
            "etag": change.etag,
        } | known
        return cls(change.n, change.place, change.key, change.columns, cause, reason, change.id, **known)

    def before(self) -> dict[str, Any]:
        """Give, by path, what the remote held in every field that the operations touch."""
        return {one.path: one.observed for one in _written(self.triples, self.operations)}

    def after(self) -> dict[str, Any]:
        """Give, by path, what the operations make of every field that they touch."""
        return {one.path: self._made_of(one) for one in _written(self.triples, self.operations)}

    def moves(self) -> dict[str, tuple[Any, Any]]:
        """Give, by path, what the remote held in every field that the operations touch, and what they make of it."""
        return {one.path: (one.observed, self._made_of(one)) for one in _written(self.triples, self.operations)}

    def _made_of(self, triple: Triple) -> Any:
        end, added = f"{triple.path}/-", []
        for one in self.operations:
            if one.path == triple.path:
                return one.value
            if one.path == end:
                added.append(one.value)
        return [*(triple.observed or []), *added] if added else triple.desired

    def change(self) -> Change:
        """Give back the change that a planned row holds."""
        assert self.id, "a planned row names its referral"
        row = (self.n, self.place, self.key, self.columns)
        return Change(*row, self.id, self.etag or "", self.triples, self.operations, self.warnings)

    def to_line(self) -> bytes:
        """Give one JSON object on one line, complete: `from_line` gives the same value back."""
        place = self.place
        return coded(
            _Line(
                self.n,
                place.source,
                place.line,
                place.sheet or UNSET,
                self.key,
                self.id,
                self.etag,
                self.cause.outcome,
                self.cause,
                self.reason,
                self.warnings,
                columns_to_json(self.columns),
                self.triples,
                self.operations,
                self.attempts,
                self.request_ids,
            )
        )

    @classmethod
    def from_line(cls, line: bytes | str) -> Settled:
        """Read what `to_line` gave; ValueError when it is not that."""
        one = _read(line)
        return cls(
            one.n,
            Place(one.source, one.line, one.sheet),
            one.key,
            columns_from_json(one.columns),
            one.cause,
            one.reason,
            one.id,
            one.etag,
            one.warnings,
            one.fields,
            one.operations,
            one.attempts,
            one.request_ids,
        )


class _Line(Struct, frozen=True):
    """A settled row as it is written in files and in the ledger: in their words and order, without a sheet in most."""

    n: int
    source: str
    line: int
    sheet: str | UnsetType
    key: str
    id: str | None
    etag: str | None
    outcome: str
    cause: Cause
    reason: str
    warnings: tuple[str, ...]
    columns: Mapping[str, Any]
    fields: tuple[Triple, ...]
    operations: tuple[Operation, ...]
    attempts: int
    request_ids: tuple[str, ...]


def cut(line: bytes) -> Sequence[bytes]:
    """Cut the line of a row of which there is nothing to tell, unread; ValueError where it is another's.

    It gives what stands between `{"n":`, `,`, `,"key":`, `,"etag":`, `STILL`, `,"fields":[` and its end. No text of a
    row or referral holds any of these, since JSON escapes every quote in it; nor does a column that is called so, since
    it comes later, and its value is no list.
    """
    if not line.endswith(IDLE):
        raise ValueError("this line has something to send")
    head, rest = line.split(b',"key":', 1)
    n, place = head.split(b",", 1)
    names, rest = rest.split(b',"etag":', 1)
    etag, rest = rest.split(STILL, 1)
    columns, fields = rest.split(b',"fields":[', 1)
    return n[len(FIRST) :], place, names, etag, columns, fields[: -len(IDLE)]


class _LineRead(_Line, frozen=True, kw_only=True):
    """The same as it is read; the outcome goes with the cause, which alone is believed."""

    sheet: str = ""
    outcome: str = ""


def _is_object(value: Any) -> bool:
    return type(value) not in PLAIN and isinstance(value, Mapping)  # to ask of an ABC costs most


def _written(triples: Sequence[Triple], operations: Sequence[Operation]) -> list[Triple]:
    """Give the triples of the fields that operations write; of most rows none."""
    if not operations:
        return []
    paths = [one.path for one in operations]
    wide = [one for one in operations if one.path.endswith("/-") or _is_object(one.value)]
    if not wide:
        return [one for one in triples if one.path in paths]
    return [one for one in triples if one.path in paths or any(wider.reaches(one.path) for wider in wide)]


_read = reader(_LineRead)
