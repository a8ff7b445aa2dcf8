"""The nouns of a row until it meets its referral: SourceRow, Desired, Pair with an Observed.

A JSON value is `Any`: None, bool, int, Decimal, str, list or dict, numbers with a fraction always Decimal. Paths
are JSON Pointers (RFC 6901).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


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
