"""What was written to referrals, as the runs of the ledger have seen it: referral by referral, in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any

from syncjob.core.history import Seen, events
from syncjob.core.values import crm_id
from syncjob.errors import InputRefused
from syncjob.job.context import Job
from syncjob.ledger import Ledger, finding
from syncjob.model import Settled
from syncjob.model.memory import Event


def told(job: Job, ledger: Ledger, deal: str, paths: Collection[str], since: str) -> Iterator[Event]:
    """Give every field that was written: of one deal or of all, of some fields or of all, not before a moment."""
    name, remote = job.settings.job, job.address
    database, called = ledger.database, crm_id(deal)
    met = finding.referrals(database, name, remote, called) if deal else finding.eventful(database, name, remote)
    for referral in met:
        rows = finding.rows_of(ledger.database, name, remote, referral)
        for event in events(Seen(run, at, row) for run, at, row in rows):
            if event.at >= since and (not paths or event.path in paths):
                yield event


def unanswered(job: Job, ledger: Ledger, deal: str) -> list[tuple[str, Settled]]:
    """Give the changes, with their runs, of which nobody knows whether they have arrived: of one deal or of all."""
    found = [(one.run, one.planned) for one in ledger.open_intents(job.settings.job, job.address)]
    called = {crm_id(deal), deal.lower()}
    return [(run, row) for run, row in found if not deal or called & {row.key, (row.id or "").lower()}]


def prove_known(job: Job, ledger: Ledger, deal: str) -> None:
    """Refuse a deal that no run has met: of such a one nothing can be said."""
    if deal and not finding.has_met(ledger.database, job.settings.job, job.address, crm_id(deal)):
        raise InputRefused(f"--deal {deal}: no run of job {job.settings.job} has met it; name its key or referral's id")


def facts_of(ledger: Ledger) -> Callable[[str], Mapping[str, Any]]:
    """Give what is known of a run, read once each."""
    return cache(ledger.facts)
