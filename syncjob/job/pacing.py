"""The rate that a remote bears, from one night to the next: it is the tenant's, whatever job asks.

Only a rate at which the remote has refused is worth remembering; where it never did, none is known.
"""

from __future__ import annotations

import hashlib
import math

from syncjob.core.pace import Pace
from syncjob.job.context import Job
from syncjob.ledger import Ledger

MINUTE_S = 60
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


def foretold(job: Job, changes: int, per_s: float | None) -> tuple[str, ...]:
    """Say how long it takes to send so many changes, where a rate is known, and whether the run's time will do."""
    if not per_s or not changes:
        return ()
    needed_s = math.ceil(changes / per_s)
    said = f"{needed_s} s" if needed_s < MINUTE_S else f"{math.ceil(needed_s / MINUTE_S)} min"
    words = f"to send: {changes:,} PATCH, about {said} at the {per_s:.0f} requests a second that the remote has borne"
    lasting = job.settings.limits.duration_max
    if lasting is not None and needed_s > lasting.total_seconds():
        words += "; more than the run is given (limits.duration_max, --max-duration): the rest is deferred"
    return (words,)


def _name(job: Job) -> str:
    return f"pace {hashlib.sha256(job.address.encode()).hexdigest()[:16]}"
