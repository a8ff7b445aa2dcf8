"""The nouns of a row, in the order in which it becomes them: SourceRow, Desired, Pair, Change, Settled.

Each step of the story hands on the next noun or a `Settled`. A JSON value is `Any`: None, bool, int,
Decimal, str, list or dict, numbers with a fraction always Decimal. Paths are JSON Pointers (RFC 6901).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from syncjob.model.outcome import CAUSES, Cause, Outcome


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stood: `deals.csv:17`."""

    source: str
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as it was read: cells as text by column, untouched; `fault` says why it cannot be trusted."""

    n: int
    place: Place
    columns: Mapping[str, str]
    fault: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a row asks of one field: `desired` as it goes over the wire; None clears.

    `zone` is the IANA time zone in which a date is meant; `column` is where the wish was written.
    """

    path: str
    desired: Any
    column: str = ""
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """A row that could be read: its key and its wishes, one a path."""

    row: SourceRow
    key: str
    wishes: tuple[Wish, ...]
    verify: str | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give one JSON object, complete: `from_json` gives the same value back."""
        return {
            "n": self.row.n,
            "source": self.row.place.source,
            "line": self.row.place.line,
            "columns": dict(self.row.columns),
            "key": self.key,
            "wishes": [[wish.path, wish.desired, wish.column, wish.zone] for wish in self.wishes],
            "verify": self.verify,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Desired:
        """Read what `to_json` gave."""
        row = SourceRow(value["n"], Place(value["source"], value["line"]), value["columns"])
        wishes = tuple(Wish(*wish) for wish in value["wishes"])
        return cls(row, value["key"], wishes, value["verify"], tuple(value["warnings"]))


@dataclass(frozen=True, slots=True)
class Observed:
    """A referral as the remote showed it; `etag` verbatim, quotes included, or None."""

    id: str
    etag: str | None
    body: Mapping[str, Any]


class Unknown(Enum):
    """The base of a field whose history nobody knows."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Pair:
    """A row and the referral it names; `base` holds, by path, the last agreed value where one is known.

    `kept` holds, by path, (what was asked once, what the remote made of it): asking again would change nothing.
    """

    desired: Desired
    observed: Observed
    base: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Triple:
    """What base, observed and desired say of one named field."""

    path: str
    observed: Any
    desired: Any
    base: Any = UNKNOWN
    zone: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object; an unknown base is left out."""
        known = {} if self.base is UNKNOWN else {"base": self.base}
        zone = {} if self.zone is None else {"zone": self.zone}
        return {"path": self.path, **known, "observed": self.observed, "desired": self.desired, **zone}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Triple:
        """Read what `to_json` gave."""
        return cls(
            path=value["path"],
            observed=value["observed"],
            desired=value["desired"],
            base=value.get("base", UNKNOWN),
            zone=value.get("zone"),
        )


@dataclass(frozen=True, slots=True)
class Operation:
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
        step = path.removeprefix(f"{self.path}/").partition("/")[0]
        if not path.startswith(f"{self.path}/") or not isinstance(self.value, Mapping) or step not in self.value:
            return False
        return Operation(self.op, f"{self.path}/{step}", self.value[step]).reaches(path)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Operation:
        """Read what `to_json` gave."""
        return cls(value["op"], value["path"], value["value"])


@dataclass(frozen=True, slots=True)
class Change:
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


@dataclass(frozen=True, slots=True)
class Settled:
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
        return {triple.path: triple.observed for triple in self.triples if self._touched(triple.path)}

    def after(self) -> dict[str, Any]:
        """Give, by path, what the operations make of every field that they touch."""
        return {
            triple.path: [*(triple.observed or []), *appended]
            if (appended := [one.value for one in self.operations if one.path == f"{triple.path}/-"])
            else triple.desired
            for triple in self.triples
            if self._touched(triple.path)
        }

    def _touched(self, path: str) -> bool:
        return any(one.reaches(path) for one in self.operations)

    def change(self) -> Change:
        """Give back the change that a planned row holds."""
        assert self.id, "a planned row names its referral"
        row = (self.n, self.place, self.key, self.columns)
        return Change(*row, self.id, self.etag or "", self.triples, self.operations, self.warnings)

    def to_json(self) -> dict[str, Any]:
        """Give one JSON object, complete: `from_json` gives the same value back."""
        return {
            "n": self.n,
            "source": self.place.source,
            "line": self.place.line,
            "key": self.key,
            "id": self.id,
            "etag": self.etag,
            "outcome": self.outcome,
            "cause": self.cause,
            "reason": self.reason,
            "warnings": list(self.warnings),
            "columns": dict(self.columns),
            "fields": [triple.to_json() for triple in self.triples],
            "operations": [operation.to_json() for operation in self.operations],
            "attempts": self.attempts,
            "request_ids": list(self.request_ids),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settled:
        """Read what `to_json` gave; KeyError when it is not that."""
        return cls(
            n=value["n"],
            place=Place(value["source"], value["line"]),
            key=value["key"],
            columns=value["columns"],
            cause=CAUSES[value["cause"]],
            reason=value["reason"],
            id=value["id"],
            etag=value["etag"],
            warnings=tuple(value["warnings"]),
            triples=tuple(map(Triple.from_json, value["fields"])),
            operations=tuple(map(Operation.from_json, value["operations"])),
            attempts=value["attempts"],
            request_ids=tuple(value["request_ids"]),
        )
