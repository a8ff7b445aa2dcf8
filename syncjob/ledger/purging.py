"""Forget old runs: their rows, intents and inputs. What was agreed on last stays, and so does what is unanswered."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import func, select

from syncjob.ledger.store import Ledger
from syncjob.ledger.tables import input_parts, inputs, intents, outcomes, runs

RUNS_PER_GROUP = 20


class Purged(Struct, frozen=True):
    """What is or would be forgotten: runs and their rows; `kept` are old runs with a send that is still unanswered."""

    runs: tuple[str, ...]
    rows: int
    kept: tuple[str, ...]


def old(ledger: Ledger, job: str, remote: str, before: float, *, but: str = "") -> Purged:
    """Say which runs of a job began before a moment, and may be forgotten; never the run `but`."""
    unanswered = {one.run for one in ledger.open_intents(job, remote)}
    query = select(runs.c.id).where(runs.c.job == job, runs.c.remote == remote, runs.c.began < before)
    found = [run for (run,) in ledger.database.rows(query.order_by(runs.c.began))]
    gone = tuple(run for run in found if run not in unanswered and run != but)
    rows = sum(_rows(ledger, gone[at : at + RUNS_PER_GROUP]) for at in range(0, len(gone), RUNS_PER_GROUP))
    return Purged(gone, rows, tuple(run for run in found if run in unanswered))


def purge(ledger: Ledger, purged: Purged) -> None:
    """Forget these runs, and the inputs that no other run has read; their room is used again."""
    for at in range(0, len(purged.runs), RUNS_PER_GROUP):
        group = purged.runs[at : at + RUNS_PER_GROUP]
        with ledger.database.writing() as connection:
            for table in (intents, outcomes):
                connection.execute(table.delete().where(table.c.run.in_(group)))
            connection.execute(runs.delete().where(runs.c.id.in_(group)))
    used = {str(ledger.facts(run).get("digest")) for (run,) in ledger.database.rows(select(runs.c.id))}
    for (digest,) in ledger.database.rows(select(inputs.c.digest)):
        if digest not in used:
            with ledger.database.writing() as connection:
                connection.execute(input_parts.delete().where(input_parts.c.digest == digest))
                connection.execute(inputs.delete().where(inputs.c.digest == digest))


def compact(ledger: Ledger) -> None:
    """Give the room of what was forgotten back to the disk."""
    ledger.database.raw(lambda connection: connection.execute("VACUUM"))
    ledger.database.pragma("wal_checkpoint(TRUNCATE)")


def _rows(ledger: Ledger, group: tuple[str, ...]) -> int:
    query = select(func.count()).select_from(outcomes).where(outcomes.c.run.in_(group))
    return int(ledger.database.rows(query)[0][0])
