"""How a job stands, for whoever takes it over: its last run, what waits and since when, token, ledger, lock.

Nothing is asked of the remote, and nothing is remembered of having looked.
"""

from __future__ import annotations

from datetime import UTC, datetime

from syncjob.core.report import by_outcome, waits
from syncjob.job.context import Job
from syncjob.job.reading import BASES
from syncjob.ledger import Ledger, Lock, at_work, bases, finding
from syncjob.model import Cause, Settled
from syncjob.model.memory import Kept, Standing, Waiting
from syncjob.remote import UNUSED_DAYS_MAX, claims_of, kept_sign_in

SHOWN_MAX = 50
WAITING = [str(cause) for cause in Cause if waits(cause)]


def standing(job: Job, ledger: Ledger | None, lock: Lock) -> Standing:
    """Look at what there is."""
    name, remote = job.settings.job, job.address
    token, holder = _token(job), at_work(lock, ledger.database if ledger else None)
    if ledger is None:
        return Standing(name, remote, token, holder, None)
    extent, first = finding.extent(ledger.database, name, remote)
    known = Kept(
        ledger.path,
        ledger.path.stat().st_size,
        extent,
        first,
        bases.count(ledger.database, name, remote),
        len(ledger.open_intents(name, remote)),
    )
    runs = ledger.runs(name, remote)
    if not runs:
        return Standing(name, remote, token, holder, known)
    last, nightly = runs[0], (ledger.runs(name, remote, BASES) or runs)[0]
    rows, count = finding.needing(ledger.database, nightly, WAITING, SHOWN_MAX)
    waiting = tuple(_waiting(ledger, name, remote, row, nightly) for row in rows)
    totals = by_outcome(ledger.totals(last))
    return Standing(name, remote, token, holder, known, ledger.facts(last), totals, nightly, waiting, count)


def _waiting(ledger: Ledger, job: str, remote: str, row: Settled, last: str) -> Waiting:
    found = finding.since(ledger.database, job, remote, row, WAITING) if row.key else None
    run, at = found or (last, ledger.facts(last)["began_at"])
    return Waiting(row, run, at)


def _token(job: Job) -> str:
    """Say how long the sign-in will do, as far as anybody knows; never what the token is."""
    auth = job.settings.remote.auth
    if auth is None:
        return "none needed: the remote asks for none"
    if auth.token_command:
        return f"printed by {auth.token_command[0]}, asked anew for each run"
    if auth.token_env is None:
        return _kept(job)
    token = job.environ.get(auth.token_env, "").strip()
    if not token:
        return f"missing: the environment variable {auth.token_env} holds none; a person must sign in"
    expires = claims_of(token).get("exp")
    if not isinstance(expires, int | float):
        return f"in {auth.token_env}; it does not say when it expires"
    try:
        until = datetime.fromtimestamp(expires, UTC)
    except (OverflowError, ValueError, OSError):
        return f"in {auth.token_env}; it says no moment at which it expires"
    left = until - job.world.now()
    said = "expired" if left.total_seconds() <= 0 else "good"
    return f"in {auth.token_env}: {said} until {until.isoformat(timespec='minutes')}"


def _kept(job: Job) -> str:
    """Say how the sign-in that is kept stands."""
    found = kept_sign_in(job.settings.remote, job.settings.job)
    if found is None:
        return "missing: nobody has signed in yet; run syncjob login"
    days = int((job.world.now().timestamp() - found.used_at) // 86_400)
    left = UNUSED_DAYS_MAX - days
    if left <= 0:
        return f"expired: last used {days} days ago; run syncjob login"
    return f"signed in; last used {days} days ago, and good for {left} days without use"
