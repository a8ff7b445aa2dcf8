"""Fold what was settled: totals by outcome and cause in, what a shell is told out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from syncjob.core.fields import did_you_mean
from syncjob.errors import Exit, UsageRefused
from syncjob.model import NEEDS_PERSON, Cause, Outcome

PRECEDENCE = (
    Exit.BROKEN,
    Exit.STORAGE,
    Exit.SIGN_IN,
    Exit.GUARD,
    Exit.REMOTE,
    Exit.NEEDS_PERSON,
    Exit.PENDING,
    Exit.OK,
)
SAME_BUGS_MAX = 3
OF_CAUSE = {
    Cause.BROKEN: Exit.BROKEN,
    Cause.SIGN_IN: Exit.SIGN_IN,
    Cause.REMOTE_UNAVAILABLE: Exit.REMOTE,
    Cause.BUDGET_SPENT: Exit.REMOTE,
    Cause.TIME_UP: Exit.REMOTE,
    Cause.ERRORS_MAX: Exit.REMOTE,
}


def waits(cause: Cause) -> bool:
    """Tell whether a row that ended so needs a person, or the next run; one that nobody had asked for does not."""
    return cause.outcome in NEEDS_PERSON and cause is not Cause.NOT_SELECTED


def by_outcome(totals: Mapping[Cause, int]) -> dict[str, int]:
    """Give the totals that a report shows: rows first, then every outcome that occurred, in the model's order."""
    summed: Counter[Outcome] = Counter()
    for cause, count in totals.items():
        summed[cause.outcome] += count
    return {"rows": sum(totals.values())} | {str(one): summed[one] for one in Outcome if summed[one]}


def check_tolerate(words: Collection[str]) -> None:
    """Refuse words that are neither outcome nor cause, or that need no tolerance: a typo must not hide a failure."""
    causes = (one for one in Cause if waits(one) and one not in OF_CAUSE)
    known = [*map(str, NEEDS_PERSON), *map(str, causes)]
    wrong = [
        f"tolerate: {word!r} is no outcome or cause that needs a person{did_you_mean(word, known)}"
        for word in words
        if word not in known
    ]
    if wrong:
        raise UsageRefused(*wrong)


def exit_code(
    totals: Mapping[Cause, int], tolerate: Collection[str] = (), *, ended: Exit = Exit.OK, pending: bool = False
) -> Exit:
    """Give the exit code of a run: `ended` is why asking ended early, `pending` says that a difference counts."""
    said = {Exit.OK, ended}
    for cause, count in totals.items():
        if count and cause in OF_CAUSE:  # why a whole run came to nothing is never tolerated
            said.add(OF_CAUSE[cause])
        elif count and waits(cause) and not {str(cause), str(cause.outcome)} & set(tolerate):
            said.add(Exit.NEEDS_PERSON)
    if totals.get(Cause.BUG, 0) >= SAME_BUGS_MAX or totals.get(Cause.ETAG_REFUSED, 0) >= SAME_BUGS_MAX:
        said.add(Exit.BROKEN)
    if pending and totals.get(Cause.TO_SEND):
        said.add(Exit.PENDING)
    return next(one for one in PRECEDENCE if one in said)
