"""What runs have seen, found by referral: the rows of all runs of a job, referral by referral, in the order of runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from syncjob.ledger.database import Database, several
from syncjob.ledger.decoding import read_row
from syncjob.ledger.recall import iso
from syncjob.ledger.tables import NO_INDEX
from syncjob.model import Cause, Settled

REFERRALS_PER_READ = 200
RUNS_MAX = 400  # so far back it is looked since when something stands as it does

REFERRALS = """
SELECT DISTINCT outcomes.referral
FROM outcomes JOIN runs ON runs.id = outcomes.run
WHERE runs.job = :job AND runs.remote = :remote AND outcomes.referral > :last{named}
ORDER BY outcomes.referral LIMIT :most
"""
NAMED = " AND (outcomes.key = :name OR outcomes.referral = :id)"
ROWS_OF = """
SELECT runs.id, coalesce((
    SELECT max(intents.at) FROM intents WHERE intents.run = outcomes.run AND intents.n = outcomes.n
), runs.began) AS moment, outcomes.settled
FROM runs JOIN outcomes ON outcomes.run = runs.id
WHERE runs.job = :job AND runs.remote = :remote AND outcomes.referral = :referral
ORDER BY moment, runs.began, runs.id, outcomes.n
"""
BACK = """
SELECT runs.id, runs.began, outcomes.cause
FROM runs JOIN outcomes ON outcomes.run = runs.id
WHERE runs.job = :job AND runs.remote = :remote AND {same} AND outcomes.cause <> :not_selected
ORDER BY runs.began DESC, runs.id DESC LIMIT :most
"""
LATER = """
FROM runs AS later JOIN runs AS this
ON this.job = later.job AND this.remote = later.remote AND this.began < later.began
"""
SEEN_SINCE = f"""
SELECT later.id {LATER} JOIN outcomes ON outcomes.run = later.id
WHERE this.id = :run AND {{same}} AND outcomes.cause <> :not_selected
ORDER BY later.began DESC LIMIT 1
"""
# No index serves `ends.run` so: SQLite finds a row's later ends by its referral or key, and walks no whole run.
SEEN = f"""
SELECT ends.n FROM outcomes AS ends
WHERE (ends.run {NO_INDEX}) IN (SELECT later.id {LATER} WHERE this.id = :run)
AND (ends.cause NOT IN ({{unsettled}}) OR (ends.run IN ({{newer}}) AND ends.cause <> :not_selected))
"""  # noqa: S608  # our own words
NEEDING = f"""
FROM outcomes
WHERE outcomes.run = :run AND outcomes.cause IN ({{causes}})
AND NOT EXISTS ({SEEN} AND ends.referral = outcomes.referral)
AND NOT EXISTS (
    {SEEN} AND (ends.referral IS NULL OR outcomes.referral IS NULL) AND outcomes.key <> '' AND ends.key = outcomes.key
)
"""
EXTENT = "SELECT count(*), min(began) FROM runs WHERE job = :job AND remote = :remote"


def referrals(database: Database, job: str, remote: str, name: str = "") -> Iterator[str]:
    """Give the ids of all referrals that a job's runs have met, or of those that a key or id names."""
    last, words = "", REFERRALS.format(named=NAMED if name else "")
    whose = {"job": job, "remote": remote, "name": name, "id": name.lower(), "most": REFERRALS_PER_READ}
    while True:
        found = database.rows(words, whose | {"last": last})
        for (last,) in found:
            yield last
        if len(found) < REFERRALS_PER_READ:
            return


def rows_of(database: Database, job: str, remote: str, referral: str) -> list[tuple[str, str, Settled]]:
    """Give the rows of one referral in the order of time: (run, moment, row).

    The moment is that of the last send, else the run's: a run that broke off may have sent the row much later.
    """
    found = database.rows(ROWS_OF, {"job": job, "remote": remote, "referral": referral})
    return [(run, iso(moment), read_row(text, run)) for run, moment, text in found]


def since(database: Database, job: str, remote: str, row: Settled, causes: Collection[str]) -> tuple[str, str] | None:
    """Give the first of the last runs in a row that ended a referral's or key's row by such a cause: (run, moment)."""
    same, whose = _same(row)
    asked = {"job": job, "remote": remote, "not_selected": str(Cause.NOT_SELECTED), "most": RUNS_MAX, **whose}
    first: tuple[str, str] | None = None
    for run, began, ended in database.rows(BACK.format(same=same), asked):
        if ended not in causes:
            break
        first = (run, iso(began))
    return first


def seen_since(database: Database, run: str, row: Settled) -> str | None:
    """Give the last later run of the same job that has looked at a row's referral or key; None where none has."""
    same, whose = _same(row)
    asked = {"run": run, "not_selected": str(Cause.NOT_SELECTED), **whose}
    found = database.rows(SEEN_SINCE.format(same=same), asked)
    return str(found[0][0]) if found else None


def needing(
    database: Database, run: str, causes: list[str], rows_max: int, newer: Collection[str] = ()
) -> tuple[list[Settled], int]:
    """Give the first rows of a run that ended by one of these causes, and how many there are.

    A row that a later run of the job has settled is none of them, nor one that a run of `newer` was about: it waits
    there, if it does. That a later run was not about a row, or did not come to it, settles nothing.
    """
    words = {}
    values: dict[str, Any] = {"run": run, "not_selected": str(Cause.NOT_SELECTED), "most": rows_max}
    unsettled = {*causes, str(Cause.NOT_SELECTED), str(Cause.TO_SEND)}
    for name, listed in (("causes", causes), ("unsettled", unsettled), ("newer", newer)):
        words[name], named = several(name, listed)
        values |= named
    which = NEEDING.format(**words)
    with database.reading() as connection:
        (count,) = connection.execute(f"SELECT count(*) {which}", values).fetchone()
        found = connection.execute(
            f"SELECT outcomes.settled {which} ORDER BY outcomes.n LIMIT :most", values
        ).fetchall()
    return [read_row(text, run) for (text,) in found], int(count)


def extent(database: Database, job: str, remote: str) -> tuple[int, Any]:
    """Give how many runs of a job are on record, and the moment of the first."""
    count, first = database.rows(EXTENT, {"job": job, "remote": remote})[0]
    return count, None if first is None else iso(first)


def _same(row: Settled) -> tuple[str, dict[str, str]]:
    """Give the words for the rows of a row's referral, or of its key where it has none, and their values."""
    if row.id:
        return "outcomes.referral = :same", {"same": row.id.lower()}
    return "outcomes.key = :same", {"same": row.key}
