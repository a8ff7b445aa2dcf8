"""How a job stands, for whoever takes it over: its last run, what waits and since when, token, ledger, lock.

Nothing is asked of the remote, and nothing is remembered of having looked.
"""

from __future__ import annotations

from datetime import UTC, datetime

from syncjob.errors import Exit
from syncjob.job.context import Job
from syncjob.job.showing import of_run
from syncjob.job.waiting import OPEN, own_runs, waiting
from syncjob.ledger import Ledger, Lock, at_work, bases, finding, refusals
from syncjob.model import Settled
from syncjob.model.memory import Kept, Refused, Standing, Waiting
from syncjob.remote import UNUSED_DAYS_MAX, claims_of, kept_sign_in

SHOWN_MAX = 50


def standing(job: Job, ledger: Ledger | None, lock: Lock) -> Standing:
    """Look at what there is."""
    name, remote = job.settings.job, job.address
    holder = at_work(lock, ledger.database if ledger else None)
    if ledger is None:
        return Standing(name, remote, _token(job, None), holder, None)
    extent, first = finding.extent(ledger.database, name, remote)
    known = Kept(
        ledger.path,
        ledger.path.stat().st_size,
        extent,
        first,
        bases.count(ledger.database, name, remote),
        len(ledger.open_intents(name, remote)),
    )
    runs, refused = ledger.runs(name, remote), refusals.last(ledger.database, lock)
    token = _token(job, _unsigned(ledger, runs, refused))
    if not runs:
        return Standing(name, remote, token, holder, known, refused=refused)
    last, found = runs[0], waiting(ledger, name, remote, holder, SHOWN_MAX)
    return Standing(
        name,
        remote,
        token,
        holder,
        known,
        ledger.facts(last),
        of_run(ledger, last, alive=last in (holder or "")).totals,
        own_runs(ledger, name, remote)[0],
        tuple(_waiting(ledger, name, remote, row, run) for run, row in found.rows),
        found.count,
        found.runs,
        refused,
    )


def _waiting(ledger: Ledger, job: str, remote: str, row: Settled, run: str) -> Waiting:
    first = finding.since(ledger.database, job, remote, row, OPEN) if row.key else None
    since, at = first or (run, ledger.facts(run)["began_at"])
    return Waiting(row, run, since, at)


def _unsigned(ledger: Ledger, runs: list[str], refused: Refused | None) -> datetime | None:
    """Give the moment at which the last act of all ended because a person must sign in; None where it did not."""
    if refused is not None:
        return datetime.fromtimestamp(refused.at, UTC) if refused.exit_code == Exit.SIGN_IN else None
    facts = ledger.facts(runs[0]) if runs else {}
    return datetime.fromisoformat(facts["ended_at"]) if facts.get("exit_code") == Exit.SIGN_IN else None


def _token(job: Job, refused: datetime | None) -> str:
    """Say how long the sign-in will do, as far as anybody knows; never what the token is.

    `refused` is when the last act of all ended for want of one: what the token says of itself is not all then.
    """
    auth = job.settings.remote.auth
    if auth is None:
        return "none needed: the remote asks for none"
    if auth.client_id is not None:
        return _kept(job, refused)
    said = f"; but at {_minute(refused)} a person had to sign in (exit code 5)" if refused else ""
    if auth.token_command:
        return f"printed by {auth.token_command[0]}, asked anew for each run{said}"
    return f"{_from_variable(job, auth.token_env or '')}{said}"


def _from_variable(job: Job, name: str) -> str:
    token = job.environ.get(name, "").strip()
    if not token:
        return f"missing: the environment variable {name} holds none; a person must sign in"
    expires = claims_of(token).get("exp")
    if not isinstance(expires, int | float):
        return f"in {name}; it does not say when it expires"
    try:
        until = datetime.fromtimestamp(expires, UTC)
    except (OverflowError, ValueError, OSError):
        return f"in {name}; it says no moment at which it expires"
    left = until - job.world.now()
    said = "expired" if left.total_seconds() <= 0 else "good"
    return f"in {name}: {said} until {_minute(until)}"


def _minute(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


def _kept(job: Job, refused: datetime | None) -> str:
    """Say how the sign-in that is kept stands."""
    found = kept_sign_in(job.settings.remote, job.settings.job)
    if found is None:
        return "missing: nobody has signed in yet; run syncjob login"
    if refused is not None and refused.timestamp() > found.used_at:
        return f"refused at {_minute(refused)}: a person must sign in; run syncjob login"
    days = int((job.world.now().timestamp() - found.used_at) // 86_400)
    left = UNUSED_DAYS_MAX - days
    if left <= 0:
        return f"expired: last used {days} days ago; run syncjob login"
    return f"signed in; last used {days} days ago, and good for {left} days without use"
