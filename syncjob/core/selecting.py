"""Which rows and fields an act is about: words of the command line in, a test of rows and a set of paths out.

    CRM-00017            the row with that key, or of that referral
    key=K1,K2            rows by key or referral id
    row=3,17             rows by number
    field=dealValue      of each row these fields only
    outcome=failed       rows by how they ended, or by its cause

Several are held together: a row must fit each kind of word, and one of the words of a kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from syncjob.core.fields import BY_NAME, BY_PATH, did_you_mean
from syncjob.core.narrowing import paths_of
from syncjob.core.pulled import is_pulled
from syncjob.core.values import crm_id
from syncjob.errors import UsageRefused
from syncjob.model import Cause, Desired, Outcome, Settled

KINDS = ("key", "row", "field", "outcome")


@dataclass(frozen=True, slots=True)
class Selection:
    """What was selected; empty sets select everything. `said` are its keys as they were said, for people."""

    keys: frozenset[str] = frozenset()
    rows: frozenset[int] = frozenset()
    outcomes: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    said: tuple[str, ...] = field(default=(), compare=False)

    def takes(self, row: Settled) -> bool:
        """Tell whether a row that has ended is selected."""
        return self.fits(row.n, names_of(row), {str(row.outcome), str(row.cause)})

    def fits(self, n: int, called: Collection[str], ended: Collection[str]) -> bool:
        """Tell whether a row is selected: its number, what it may be called, and the words for how it has ended."""
        return (
            (not self.keys or bool(_spelt(called) & self.keys))
            and (not self.rows or n in self.rows)
            and (not self.outcomes or not self.outcomes.isdisjoint(ended))
        )

    def names(self, path: str) -> bool:
        """Tell whether a field is selected."""
        return not self.paths or path in self.paths


class Unmet:
    """The keys and row numbers of selections that no row has answered to so far: a slip of the pen selects nothing."""

    def __init__(self, *selections: Selection | None) -> None:
        """Watch for all that these name."""
        chosen = [one for one in selections if one is not None]
        self._keys = [word for one in chosen for word in one.said]
        self._rows = {n for one in chosen for n in one.rows}

    def see(self, row: Desired | Settled) -> None:
        """Hear of a row."""
        if not self._keys and not self._rows:
            return
        self._rows.discard(row.row.n if isinstance(row, Desired) else row.n)
        called = _spelt(names_of(row))
        self._keys = [word for word in self._keys if called.isdisjoint(_spelt([word]))]

    @property
    def words(self) -> list[str]:
        """What nobody has answered to."""
        return [*self._keys, *(f"row={n}" for n in sorted(self._rows))]


class Scope(Struct, frozen=True):
    """Which rows a run is about: those of `select`, without those of `exclude`; None where nothing was said.

    `ended` gives, by what a row may be called, the words for how it has ended in the last run.
    """

    select: Selection | None = None
    exclude: Selection | None = None
    ended: Mapping[str, frozenset[str]] = {}

    def takes(self, row: Desired | Settled) -> bool:
        """Tell whether the run is about a row."""
        n, called = (row.row.n if isinstance(row, Desired) else row.n), names_of(row)
        ended = {word for name in called for word in self.ended.get(name.casefold(), ())}
        if self.select is not None and not self.select.fits(n, called, ended):
            return False
        return self.exclude is None or not self.exclude.fits(n, called, ended)


def scope_of(
    select: Iterable[str], exclude: Iterable[str], only: str | None = None
) -> tuple[Scope | None, frozenset[str]]:
    """Read the options: which rows (None: all), which paths (all where empty); UsageRefused names every mistake.

    `only` is what --only-fields says. Options that leave no field between them are refused: nothing is not all.
    """
    taken, left = selection(select), selection(exclude, "--exclude")
    named = [one for one in (taken.paths, paths_of([only], "--only-fields") if only is not None else None) if one]
    paths = frozenset(BY_PATH).intersection(*named) - left.paths
    if not paths:
        raise UsageRefused("--only-fields, --select field= and --exclude field= leave no field between them")
    paths = paths if named or left.paths else frozenset()
    rows, others = (None if one == Selection(paths=one.paths) else one for one in (taken, left))
    return (Scope(rows, others) if rows or others else None), paths


def names_of(row: Desired | Settled) -> set[str]:
    """Give what a row may be called: its key, its referral, and the CRM's id where a pulled file shows that."""
    columns = row.row.columns if isinstance(row, Desired) else row.columns
    known = columns.get(BY_NAME["externalReferenceId"].name, "") if is_pulled(columns) else ""
    return {row.key, row.id or "", known.strip()} - {""}


def _spelt(names: Iterable[str]) -> set[str]:
    """Give names in every way in which they may be said."""
    return {spelt for name in names for spelt in (name, name.casefold(), crm_id(name))}


def selection(words: Iterable[str], option: str = "--select") -> Selection:
    """Read what was selected; UsageRefused names every mistake."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    problems = []
    for word in words:
        if not word.partition("=")[2].strip(" ,") and not word.partition("=")[0].strip(" ,"):
            problems.append(f"{option}: selects nothing; leave the option out to mean all")
            continue
        kind, equals, said = word.partition("=")
        if not equals:
            kind, said = "key", word
        if kind not in KINDS:
            problems.append(f"{option} {word}: select by {', '.join(KINDS)}{did_you_mean(kind, list(KINDS))}")
            continue
        parts = [one.strip().removeprefix(f"{kind}=") for one in said.split(",") if one.strip()]
        if not parts:
            problems.append(f"{option} {word}: names nothing")
        found[kind] += parts
    problems += [f"{option} row={one}: is no row's number" for one in found["row"] if not one.isdecimal()]
    known = [*map(str, Outcome), *map(str, Cause)]
    problems += [
        f"{option} outcome={one}: is no outcome or cause{did_you_mean(one, known)}"
        for one in found["outcome"]
        if one not in known
    ]
    if problems:
        raise UsageRefused(*problems)
    return Selection(
        frozenset(_spelt(found["key"])),
        frozenset(map(int, found["row"])),
        frozenset(found["outcome"]),
        paths_of(found["field"], option) if found["field"] else frozenset(),
        tuple(found["key"]),
    )
