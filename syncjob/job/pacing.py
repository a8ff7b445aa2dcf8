"""The rate that a remote bears, from one night to the next: it is the tenant's, whatever job asks.

Only a rate at which the remote has refused is worth remembering; where it never did, none is known.
"""

from __future__ import annotations

import hashlib
import math

from syncjob.core.pace import Pace
from syncjob.job.context import Job
from syncjob.ledger import Ledger

COST = "cost: "  # how a note begins that a plan has, and a run that sends it has no more
MINUTE_S = 60
TOLD_FROM = 50  # changes
IN_THOUSANDTHS = 1_000  # the ledger keeps whole numbers


def learned(job: Job, ledger: Ledger | None) -> float | None:
    """Give what was learnt, in requests a second; None where nothing was."""
    found = None if ledger is None else ledger.number(_name(job))
    return None if found is None else found / IN_THOUSANDTHS


def learn(job: Job, ledger: Ledger, pace: Pace) -> None:
    """Keep what was learnt now; where nothing was refused, what was borne, if that is more."""
    rate = pace.rate
    if rate.per_s is None or not rate.known or (rate.refusals and not rate.sure):
        return
    known = rate.per_s if rate.refusals else max(rate.per_s, learned(job, ledger) or 0.0)
    ledger.remember(_name(job), str(round(known * IN_THOUSANDTHS)))


def foretold(job: Job, pages: int, reads: int, changes: int, per_s: float | None) -> tuple[str, ...]:
    """Say what a plan that sends much costs in requests; where a rate is known how long it takes, and if time will do.

    `pages` are those of the listing that was read, `reads` the requests for one referral each.
    """
    if changes < TOLD_FROM:
        return ()
    looked = [_counted(pages, "page", "of the listing"), _counted(reads, "read", "by id"), f"{changes:,} PATCH"]
    words = f"{COST}{', '.join(filter(None, looked))}"
    if not per_s:
        return (words,)
    needed_s = math.ceil(changes / per_s)
    said = f"{needed_s} s" if needed_s < MINUTE_S else f"{math.ceil(needed_s / MINUTE_S)} min"
    words += f"; to send them takes about {said} at the {per_s:.0f} requests a second that the remote has borne"
    lasting, left_s = job.settings.limits.duration_max, math.inf
    if job.until is not None:
        left_s = job.until - job.world.monotonic()
    if lasting is not None and needed_s > lasting.total_seconds():
        words += ", which is more than the run's time (limits.duration_max, --max-duration): the rest is deferred"
    elif lasting is not None and needed_s < left_s:
        words += ", which should fit in what is left of the run's time (limits.duration_max, --max-duration)"
    return (words,)


def _counted(count: int, what: str, more: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'} {more}" if count else ""


def _name(job: Job) -> str:
    return f"pace {hashlib.sha256(job.address.encode()).hexdigest()[:16]}"
