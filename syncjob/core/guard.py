"""Hold or refuse what a person has to see first: changes go by one at a time, verdicts with their numbers come out.

    closes    holds    a status becomes Closed, which cannot be undone
    accepts   holds    a status becomes Active that was New: it cannot go back
    consent   holds    a consent is given, which cannot be taken back
    first-run holds    row and referral differ in a field of which nobody knows what they last agreed on

Those that refuse the whole plan stand in `braking`. Guards act on apply, never on plan; the plan says which would.
`--allow NAME` lifts a guard for one run, `--allow NAME=N` gives it another limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncjob.core.braking import brakes
from syncjob.core.fields import BY_NAME, STATUS, did_you_mean
from syncjob.core.tally import Tally
from syncjob.errors import UsageRefused
from syncjob.model import UNKNOWN, Cause, Change, Operation, Settled, Verdict
from syncjob.settings.guards import Guards

CONSENT = BY_NAME["consent.consentToShareReferralWithMicrosoftSellers"].path
HOLDS = {"closes": Cause.CLOSES, "accepts": Cause.ACCEPTS, "consent": Cause.CONSENT, "first-run": Cause.FIRST_RUN}
ADOPTING = "; where Partner Center is right, --adopt remote"
NAMES = {
    "closes": "closing referrals, which cannot be undone (rows are held)",
    "accepts": "accepting more leads than guards.accepts, which cannot be taken back (rows are held)",
    "consent": "giving consents, which cannot be taken back (rows are held)",
    "first-run": "changing what has no history yet (rows are held)",
    "changes": "changing more rows than guards.changes (the run is refused)",
    "column": "one field changing in more rows than guards.column (the run is refused)",
    "clears": "emptying more fields than guards.clears (the run is refused)",
    "value": "deal values moving by more than guards.value (the run is refused)",
    "rows": "no rows, fewer than rows.rows_min, or far fewer than last time (the run is refused)",
    "unmatched": "more rows without a referral than guards.unmatched (the run is refused)",
    "invalid": "more invalid rows than guards.invalid (the run is refused)",
    "age": "a file older than guards.age, or than the last one (the run is refused)",
}


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
        if one.path not in (STATUS, CONSENT) and not isinstance(one.value, Mapping):
            continue
        if _sets(one, STATUS, "Closed"):
            names.append("closes")
        if _sets(one, STATUS, "Active") and _was(row, STATUS) == "New":
            names.append("accepts")
        if _sets(one, CONSENT, True):
            names.append("consent")
    unknown = [one.path for one in row.triples if one.base is UNKNOWN]
    if any(one.reaches(path) for one in row.operations for path in unknown):
        names.append("first-run")
    return names


def _was(row: Change | Settled, path: str) -> object:
    """Give what the referral holds at a path that the row names."""
    return next((one.observed for one in row.triples if one.path == path), None)


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
        ("accepts", guards.accepts, "would accept a lead", ""),
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
    return (*found, *brakes(tally, guards, allowed))


def held(row: Change | Settled, acting: Sequence[Verdict]) -> tuple[Cause, str] | None:
    """Give the cause and reason for which a row is held, None when it may go; the reason names each guard."""
    if not acting:
        return None
    names = set(touched(row))
    found = [verdict for verdict in acting if verdict.holds and verdict.guard in names]
    if not found:
        return None
    reason = "; and ".join(f"guard {one.guard}: {one.message}" for one in found)
    return HOLDS[found[0].guard], reason
