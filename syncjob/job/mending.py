"""Settle what earlier runs left open: intents whose answer nobody knows are looked at before anything new is sent.

Looking is all that happens: what had arrived is written down as applied, what had not is left to tonight's file.
"""

from __future__ import annotations

from syncjob.core.diff import again, marks
from syncjob.core.landing import landed
from syncjob.core.merge import Rules
from syncjob.core.undoing import rules_of
from syncjob.errors import StorageRefused, frames
from syncjob.exchange import Miss, Sender
from syncjob.job.context import Job
from syncjob.job.remembering import bases_of
from syncjob.ledger import Ledger, OpenIntent
from syncjob.model import Cause, Observed, Settled


async def mend(job: Job, sender: Sender, ledger: Ledger) -> None:
    """Look at every open intent of this job and remote; one that cannot be looked at, or understood, stays open."""
    for intent in ledger.open_intents(job.settings.job, job.address):
        try:
            seen = await sender.read(intent.planned.id or "")
            if isinstance(seen, Miss) and seen.cause is not Cause.NOT_FOUND:
                job.log.warning("intent.unread", run=intent.run, n=intent.n, cause=seen.cause)
                continue
            rules = rules_of(job.rules, undoes=ledger.facts(intent.run).get("undoes", ""))
            settled = _settled(rules, intent, seen)
            now = job.world.now().timestamp()
            fresh = settled.triples != intent.planned.triples  # else what was not sent was seen by its run alone
            ledger.mend(intent.run, settled, bases_of(settled, intent.moves, rules, now if fresh else None, now))
        except StorageRefused:
            raise
        except Exception as error:  # noqa: BLE001  # one intent that nobody understands must not end every run to come
            job.log.warning("intent.broken", run=intent.run, n=intent.n, frames=frames(error))
        else:
            job.log.info("intent.settled", run=intent.run, n=intent.n, outcome=settled.outcome, cause=settled.cause)


def _settled(rules: Rules, intent: OpenIntent, seen: Observed | Miss) -> Settled:
    change, sends = intent.planned.change(), intent.attempts
    if isinstance(seen, Miss):
        return Settled.of_change(change, seen.cause, seen.reason, attempts=sends)
    if landed(change, seen.body, rules):
        reason = "its run ended before the answer; reading again shows what was asked"
        return Settled.of_change(change, Cause.READ_BACK, reason, attempts=sends)
    found = again(change, seen, rules, marks(change.operations))
    if isinstance(found, Settled):
        return Settled.of_change(change, found.cause, found.reason, attempts=sends, triples=found.triples)
    reason = "its run ended before the answer; reading again shows that it had not arrived"
    return Settled.of_change(change, Cause.STOPPED, reason, attempts=sends)
