"""Hold or refuse what a person has to see first: changes go by one at a time, verdicts with their numbers come out.

    closes    holds    a status becomes Closed, which cannot be undone
    consent   holds    a consent is given, which cannot be taken back
    first-run holds    row and referral differ in a field of which nobody knows what they last agreed on
    changes   refuses  more rows change than a count, or than a share of all rows (shares count from 50 rows up)
    rows      refuses  the file has no row, or fewer than rows.rows_min (already when it is read, also by plan)

Guards act on apply, never on plan; the plan says which would. `--allow NAME` lifts a guard for one run,
`--allow NAME=N` gives it another limit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from syncjob.core.fields import BY_NAME, STATUS, did_you_mean
from syncjob.errors import UsageRefused
from syncjob.model import UNKNOWN, Cause, Change, Operation, Settled, Verdict
from syncjob.settings import Guards

SHARE_FROM_ROWS = 50
CONSENT = BY_NAME["consent.consentToShareReferralWithMicrosoftSellers"].path
HOLDS = {"closes": Cause.CLOSES, "consent": Cause.CONSENT, "first-run": Cause.FIRST_RUN}
ADOPTING = "; where Partner Center is right, --adopt remote"
NAMES = {
    "closes": "closing referrals, which cannot be undone (rows are held)",
    "consent": "giving consents, which cannot be taken back (rows are held)",
    "first-run": "changing what has no history yet (rows are held)",
    "changes": "changing more rows than guards.changes (the run is refused)",
    "rows": "no rows, fewer than rows.rows_min, or far fewer than last time (the run is refused)",
}


@dataclass(slots=True)
class Tally:
    """What the guards count while rows go by."""

    rows: int = 0
    changes: int = 0
    rows_before: int = 0  # of the last run over the same input; 0 where nobody knows
    rows_undone: int = 0  # of the run that is undone: its changes were a share of those
    held: Counter[str] = field(default_factory=Counter)

    def add(self, row: Settled) -> None:
        """Count one row of a plan."""
        self.rows += 1
        if row.cause is Cause.TO_SEND:
            self.held.update(set(touched(row)))
            self.changes += 1


def allowances(words: Iterable[str]) -> dict[str, int | None]:
    """Read `--allow NAME[=N]`: a limit by name, None lifts the guard; UsageRefused names every mistake."""
    found: dict[str, int | None] = {}
    problems = []
    for word in words:
        name, equals, limit = word.partition("=")
        if name not in NAMES:
            problems.append(f"--allow {word}: no guard is called {name!r}{did_you_mean(name, list(NAMES))}")
        elif equals and not limit.isdecimal():
            problems.append(f"--allow {word}: the limit must be a whole number, as in {name}=5")
        else:
            found[name] = int(limit) if equals else None
    if problems:
        raise UsageRefused(*problems, f"the guards are {', '.join(NAMES)}")
    return found


def touched(row: Change | Settled) -> list[str]:
    """Name the guards that hold rows and that the operations of this one touch."""
    names = []
    for one in row.operations:
        if _sets(one, STATUS, "Closed"):
            names.append("closes")
        if _sets(one, CONSENT, True):
            names.append("consent")
    unknown = [one.path for one in row.triples if one.base is UNKNOWN]
    if any(one.reaches(path) for one in row.operations for path in unknown):
        names.append("first-run")
    return names


def _sets(operation: Operation, path: str, value: object) -> bool:
    """Tell whether an operation, or what hangs below it, puts that value at that path."""
    if operation.path == path:
        return bool(operation.value == value)
    below = path.removeprefix(operation.path + "/")
    if below == path or not isinstance(operation.value, Mapping):
        return False
    first, _, rest = below.partition("/")
    if first not in operation.value:
        return False
    return _sets(
        Operation("add", "/" + first, operation.value[first]), "/" + "/".join(filter(None, (first, rest))), value
    )


def verdicts(tally: Tally, guards: Guards, allowed: Mapping[str, int | None]) -> tuple[Verdict, ...]:
    """Say which guards would act, each with its numbers and its way out; nothing when none would."""
    found = []
    for name, limit, what, way_out in (
        ("closes", guards.closes, "would close a referral", ""),
        ("consent", guards.consent, "would give a consent", ""),
        ("first-run", guards.first_run, "would change what has no history yet", ADOPTING),
    ):
        limit = allowed.get(name, limit)  # noqa: PLW2901  # the allowed limit stands in for the configured one
        count = tally.held[name]
        if limit is not None and count > limit:
            words = (
                f"{count} {'row' if count == 1 else 'rows'} {what}, {limit} allowed: held;"
                f" to send, --allow {name} or --allow {name}={count}{way_out}"
            )
            found.append(Verdict(name, count, limit, holds=True, message=words))
    found += _refusals(tally, guards, allowed)
    return tuple(found)


def _refusals(tally: Tally, guards: Guards, allowed: Mapping[str, int | None]) -> list[Verdict]:
    found = []
    limit = _changes_max(tally, guards, allowed)
    if limit is not None and tally.changes > limit:
        rows = tally.rows_undone or tally.rows
        whose = f"the {rows} rows of the run" if tally.rows_undone else f"{rows} rows"
        words = (
            f"{tally.changes} of {whose} would change ({tally.changes / rows:.0%}), {limit} allowed: nothing is sent;"
            f" look at the plan, then --allow changes or --allow changes={tally.changes}"
        )
        found.append(Verdict("changes", tally.changes, limit, holds=False, message=words))
    least = _rows_min(tally, guards, allowed)
    if least is not None and tally.rows < least:
        words = (
            f"{tally.rows_before:,} rows last time, {tally.rows:,} now: nothing is sent; is the export whole?"
            f" Then --allow rows or --allow rows={tally.rows}"
        )
        found.append(Verdict("rows", tally.rows, least, holds=False, message=words))
    return found


def _rows_min(tally: Tally, guards: Guards, allowed: Mapping[str, int | None]) -> int | None:
    """Give the least count of rows that may go, held against the last run over the same input."""
    if "rows" in allowed:
        return allowed["rows"]
    if isinstance(guards.rows, float):
        return math.ceil(guards.rows * tally.rows_before) if tally.rows_before >= SHARE_FROM_ROWS else None
    return guards.rows if tally.rows_before else None


def _changes_max(tally: Tally, guards: Guards, allowed: Mapping[str, int | None]) -> int | None:
    if "changes" in allowed:
        return allowed["changes"]
    rows = tally.rows_undone or tally.rows
    if isinstance(guards.changes, float):
        return int(round(guards.changes * rows, 6)) if rows >= SHARE_FROM_ROWS else None
    return guards.changes


def held(row: Change | Settled, acting: Iterable[Verdict]) -> tuple[Cause, str] | None:
    """Give the cause and reason for which a row is held, None when it may go; the reason names each guard."""
    names = set(touched(row))
    found = [verdict for verdict in acting if verdict.holds and verdict.guard in names]
    if not found:
        return None
    reason = "; and ".join(f"guard {one.guard}: {one.message}" for one in found)
    return HOLDS[found[0].guard], reason
