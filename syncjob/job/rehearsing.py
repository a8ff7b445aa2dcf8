"""The first night, harmless: the referrals that a file means are read, and a run is lived through on copies of them.

From the real remote is only read (GET). What the sandbox is, and how it is reached, is for who calls to say: a job
knows no sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncjob.core.values import sendable
from syncjob.errors import BrokenAssumption, RemoteUnavailable, SignInNeeded
from syncjob.job.context import Job
from syncjob.job.planning import Asked, plan_asked
from syncjob.job.reading import from_file, read
from syncjob.ledger import Ledger
from syncjob.model import Cause, Observed, Outcome
from syncjob.planfile import PlanFile


async def witnessed(job: Job, file: Path, folder: Path) -> Path:
    """Read every referral that a row is held against into a file of JSON Lines, once each."""
    place, seen = folder / "referrals.jsonl", set[str]()
    with place.open("x", encoding="utf-8", errors="surrogatepass") as kept:

        def witness(observed: Observed) -> None:
            if observed.id.lower() not in seen:
                seen.add(observed.id.lower())
                kept.write(json.dumps(sendable(observed.body)) + "\n")

        fill = lambda inner, draft: read(job, from_file(job, file, inner), draft)  # noqa: E731  # named for the line below
        made = await plan_asked(job, Asked(fill, witness=witness), folder / "plan")
    _check_read(made)
    job.log.info("referrals.read", referrals=len(seen))
    return place


def _check_read(made: PlanFile) -> None:
    """Refuse to rehearse on half of what there is: a referral that could not be read is not one that is missing."""
    unread = [cause for cause in made.footer.totals if cause.outcome is Outcome.DEFERRED]
    if not unread:
        return
    words = f"the referrals cannot be read, so that there is nothing to rehearse with: {unread[0].meaning}"
    kind = {Cause.SIGN_IN: SignInNeeded, Cause.BROKEN: BrokenAssumption}.get(unread[0], RemoteUnavailable)
    raise kind(words, *made.footer.notes)


def documents(place: Path) -> Iterator[dict[str, Any]]:
    """Give the referrals that were read."""
    with place.open(encoding="utf-8", errors="surrogatepass") as kept:
        for line in kept:
            yield json.loads(line)


def rehearsal(job: Job, wire: Any, folder: Path) -> Job:
    """Give the same job over another network, with a copy of its ledger, and without its token."""
    settings, ledger = job.settings, folder / "rehearsal.ledger"
    kept = settings.ledger.file
    if kept is not None and kept.exists():
        with Ledger(kept) as known:
            known.database.copy(ledger)
    remote = settings.remote.model_copy(update={"filter": None, "auth": None})
    changed = {"remote": remote, "ledger": settings.ledger.model_copy(update={"file": ledger})}
    return replace(job, settings=settings.model_copy(update=changed), wire=wire, environ={})
