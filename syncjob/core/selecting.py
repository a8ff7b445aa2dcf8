"""Which rows and fields an act is about: words of the command line in, a test of rows and a set of paths out.

    CRM-00017            the row with that key, or of that referral
    key=K1,K2            rows by key or referral id
    row=3,17             rows by number
    field=dealValue      of each row these fields only
    outcome=failed       rows by how they ended, or by its cause

Several are held together: a row must fit each kind of word, and one of the words of a kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncjob.core.fields import BY_NAME, did_you_mean
from syncjob.core.narrowing import paths_of
from syncjob.core.pulled import is_pulled
from syncjob.core.values import crm_id
from syncjob.errors import UsageRefused
from syncjob.model import Cause, Outcome, Settled

KINDS = ("key", "row", "field", "outcome")


@dataclass(frozen=True, slots=True)
class Selection:
    """What was selected; empty sets select everything."""

    keys: frozenset[str] = frozenset()
    rows: frozenset[int] = frozenset()
    outcomes: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()

    def takes(self, row: Settled) -> bool:
        """Tell whether a row is selected."""
        names = {spelt for name in names_of(row) for spelt in (name, name.casefold(), crm_id(name))}
        return (
            (not self.keys or bool(names & self.keys))
            and (not self.rows or row.n in self.rows)
            and (not self.outcomes or bool({str(row.outcome), str(row.cause)} & self.outcomes))
        )

    def names(self, path: str) -> bool:
        """Tell whether a field is selected."""
        return not self.paths or path in self.paths


def names_of(row: Settled) -> set[str]:
    """Give what a row may be called: its key, its referral, and the CRM's id where a pulled file shows that."""
    known = row.columns.get(BY_NAME["externalReferenceId"].name, "") if is_pulled(row.columns) else ""
    return {row.key, row.id or "", known.strip()} - {""}


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
        parts = [one.strip() for one in said.split(",") if one.strip()]
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
    keys = {spelt for one in found["key"] for spelt in (one, one.casefold(), crm_id(one))}
    return Selection(
        frozenset(keys),
        frozenset(map(int, found["row"])),
        frozenset(found["outcome"]),
        paths_of(found["field"], option) if found["field"] else frozenset(),
    )
