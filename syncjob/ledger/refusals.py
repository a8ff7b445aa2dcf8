"""An act over a job that came to no run leaves a fact: when, its exit code, a sentence without values. The last counts.

Runs have their rows on record; what was refused before it was one has nothing else by which anybody could see it.
"""

from __future__ import annotations

import json

from syncjob.ledger import facts
from syncjob.ledger.database import Database
from syncjob.ledger.lock import Lock
from syncjob.model import dumps
from syncjob.model.memory import Refused

SINCE = "SELECT id FROM runs WHERE job = :job AND remote = :remote AND coalesce(ended, began) > :at LIMIT 1"


def keep(database: Database, lock: Lock, refused: Refused) -> None:
    """Remember it in the place of the one before."""
    with database.writing() as connection:
        facts.keep(connection, _fact(lock), dumps(refused))


def last(database: Database, lock: Lock) -> Refused | None:
    """Give the last one; None where there is none, it cannot be read, or a run of the job was at work since."""
    with database.reading() as connection:
        text = facts.of(connection, _fact(lock))
    try:
        refused = Refused(**json.loads(text or ""))
    except (TypeError, ValueError):
        return None
    since = database.rows(SINCE, {"job": lock.job, "remote": lock.remote, "at": refused.at})
    return None if since else refused


def _fact(lock: Lock) -> str:
    return f"refused.{lock.scope}"
