"""Forget old runs: their rows, intents and inputs. What was agreed on last stays, and so does what is unanswered."""

from __future__ import annotations

from msgspec import Struct

from syncjob.ledger.database import several
from syncjob.ledger.store import Ledger

RUNS_PER_GROUP = 20
OLD = "SELECT id FROM runs WHERE job = :job AND remote = :remote AND began < :before ORDER BY began"
ROWS = """
SELECT (SELECT count(*) FROM outcomes WHERE run IN ({runs}))
    + (SELECT coalesce(sum(count), 0) FROM quiet_parts WHERE run IN ({runs}))
"""
FORGET_RUNS = (  # those that refer to runs first
    "DELETE FROM intents WHERE run IN ({runs})",
    "DELETE FROM outcomes WHERE run IN ({runs})",
    "DELETE FROM quiet_names WHERE run IN ({runs})",
    "DELETE FROM quiet_parts WHERE run IN ({runs})",
    "DELETE FROM runs WHERE id IN ({runs})",
)
FORGET_INPUT = (
    "DELETE FROM input_parts WHERE digest = :digest",
    "DELETE FROM inputs WHERE digest = :digest",
)


class Purged(Struct, frozen=True):
    """What is or would be forgotten: runs and their rows; `kept` are old runs with a send that is still unanswered."""

    runs: tuple[str, ...]
    rows: int
    kept: tuple[str, ...]


def old(ledger: Ledger, job: str, remote: str, before: float, *, but: str = "") -> Purged:
    """Say which runs of a job began before a moment, and may be forgotten; never the run `but`."""
    unanswered = {one.run for one in ledger.open_intents(job, remote)}
    found = [run for (run,) in ledger.database.rows(OLD, {"job": job, "remote": remote, "before": before})]
    gone = tuple(run for run in found if run not in unanswered and run != but)
    rows = sum(_rows(ledger, gone[at : at + RUNS_PER_GROUP]) for at in range(0, len(gone), RUNS_PER_GROUP))
    return Purged(gone, rows, tuple(run for run in found if run in unanswered))


def purge(ledger: Ledger, purged: Purged) -> None:
    """Forget these runs, and the inputs that no other run has read; their room is used again."""
    for at in range(0, len(purged.runs), RUNS_PER_GROUP):
        places, named = several("run", purged.runs[at : at + RUNS_PER_GROUP])
        with ledger.database.writing() as connection:
            for words in FORGET_RUNS:
                connection.execute(words.format(runs=places), named)
    used = {str(ledger.facts(run).get("digest")) for (run,) in ledger.database.rows("SELECT id FROM runs")}
    for (digest,) in ledger.database.rows("SELECT digest FROM inputs"):
        if digest not in used:
            with ledger.database.writing() as connection:
                for words in FORGET_INPUT:
                    connection.execute(words, {"digest": digest})


def compact(ledger: Ledger) -> None:
    """Give the room of what was forgotten back to the disk."""
    ledger.database.raw(lambda connection: connection.execute("VACUUM"))
    ledger.database.pragma("wal_checkpoint(TRUNCATE)")


def _rows(ledger: Ledger, group: tuple[str, ...]) -> int:
    places, named = several("run", group)
    return int(ledger.database.rows(ROWS.format(runs=places), named)[0][0])
