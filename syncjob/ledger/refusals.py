"""An act over a job that came to no run leaves a fact: when, its exit code, a sentence without values. The last counts.

Runs have their rows on record; what was refused before it was one has nothing else by which anybody could see it.
"""

from __future__ import annotations

import json

from sqlalchemy import func, select

from syncjob.ledger.database import Database
from syncjob.ledger.lock import Lock
from syncjob.ledger.tables import facts, runs
from syncjob.model import dumps
from syncjob.model.memory import Refused


def keep(database: Database, lock: Lock, refused: Refused) -> None:
    """Remember it in the place of the one before."""
    with database.writing() as connection:
        connection.execute(facts.delete().where(facts.c.name == _fact(lock)))
        connection.execute(facts.insert(), {"name": _fact(lock), "value": dumps(refused)})


def last(database: Database, lock: Lock) -> Refused | None:
    """Give the last one; None where there is none, it cannot be read, or a run of the job was at work since."""
    found = database.rows(select(facts.c.value).where(facts.c.name == _fact(lock)))
    try:
        refused = Refused(**json.loads(found[0][0]))
    except (IndexError, TypeError, ValueError):
        return None
    here = (runs.c.job == lock.job) & (runs.c.remote == lock.remote)
    since = select(runs.c.id).where(here, func.coalesce(runs.c.ended, runs.c.began) > refused.at)
    return None if database.rows(since.limit(1)) else refused


def _fact(lock: Lock) -> str:
    return f"refused.{lock.scope}"
