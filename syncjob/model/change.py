"""The nouns of a row from its referral to its end: Change with its Operations and Triples, Settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncjob.model.cell import columns_from_json, columns_to_json
from syncjob.model.desired import UNKNOWN, Desired, Place, SourceRow, Wish
from syncjob.model.outcome import CAUSES, Cause, Outcome
from syncjob.model.stand import Stand, Why


@dataclass(frozen=True, slots=True)
class Triple:
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
        known = {} if self.base is UNKNOWN else {"base": self.base}
        more = {
            "zone": self.zone,
            "removed": list(self.removed),
            "column": self.column,
            "stand": self.stand,
            "why": self.why,
        }
        said = {name: value for name, value in more.items() if value}
        return {"path": self.path, **known, "observed": self.observed, "desired": self.desired, **said}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Triple:
        """Read what `to_json` gave."""
        return cls(
            path=value["path"],
            observed=value["observed"],
            desired=value["desired"],
            base=value.get("base", UNKNOWN),
            zone=value.get("zone"),
            removed=tuple(value.get("removed", ())),
            column=value.get("column", ""),
            stand=Stand(value["stand"]) if "stand" in value else None,
            why=Why(value.get("why", "")),
        )

    def wish(self) -> Wish:
        """Give the wish that it was made from."""
        return Wish(self.path, self.desired, self.column, self.zone, self.removed)


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
        return {one.path: self._made_of(one) for one in self.triples if self._touched(one.path)}

    def _made_of(self, triple: Triple) -> Any:
        added = [one.value for one in self.operations if one.path == f"{triple.path}/-"]
        if added:
            return [*(triple.observed or []), *added]
        return next((one.value for one in self.operations if one.path == triple.path), triple.desired)

    def _touched(self, path: str) -> bool:
        return bool(self.operations) and any(one.reaches(path) for one in self.operations)

    def change(self) -> Change:
        """Give back the change that a planned row holds."""
        assert self.id, "a planned row names its referral"
        row = (self.n, self.place, self.key, self.columns)
        return Change(*row, self.id, self.etag or "", self.triples, self.operations, self.warnings)

    def to_json(self) -> dict[str, Any]:
        """Give one JSON object, complete: `from_json` gives the same value back."""
        return {
            "n": self.n,
            **self.place.to_json(),
            "key": self.key,
            "id": self.id,
            "etag": self.etag,
            "outcome": self.outcome,
            "cause": self.cause,
            "reason": self.reason,
            "warnings": list(self.warnings),
            "columns": columns_to_json(self.columns),
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
            place=Place.from_json(value),
            key=value["key"],
            columns=columns_from_json(value["columns"]),
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
