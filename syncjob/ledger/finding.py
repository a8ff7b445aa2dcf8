"""What runs have seen, found by referral: the rows of all runs of a job, referral by referral, in the order of runs.

A row stands by itself (`outcomes`, with an index), or with others that are quiet (`quiet`): there each run is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice
from sqlite3 import Connection
from typing import Any

from syncjob.ledger import quiet
from syncjob.ledger.database import Database, several
from syncjob.ledger.decoding import read_row
from syncjob.ledger.recall import iso
from syncjob.ledger.tables import NO_INDEX
from syncjob.model import Cause, Settled

REFERRALS_PER_READ = 200
RUNS_MAX = 400  # so far back it is looked since when something stands as it does

RUNS = "SELECT id, began FROM runs WHERE job = :job AND remote = :remote ORDER BY began DESC, id DESC"
REFERRALS = """
SELECT DISTINCT outcomes.referral
FROM outcomes JOIN runs ON runs.id = outcomes.run
WHERE runs.job = :job AND runs.remote = :remote AND outcomes.referral > :last
ORDER BY outcomes.referral LIMIT :most
"""
# Two questions, an index each: of one with OR between them SQLite walks all rows, in the order that is asked for.
NAMED = " UNION ".join(
    f"""
SELECT outcomes.referral
FROM outcomes JOIN runs ON runs.id = outcomes.run
WHERE runs.job = :job AND runs.remote = :remote AND outcomes.referral > '' AND {same}
"""  # noqa: S608  # our own words
    for same in ("outcomes.key = :name", "outcomes.referral = :id")
)
ROWS_OF = """
SELECT coalesce((
    SELECT max(intents.at) FROM intents WHERE intents.run = outcomes.run AND intents.n = outcomes.n
), runs.began), runs.began, runs.id, outcomes.n, outcomes.settled
FROM runs JOIN outcomes ON outcomes.run = runs.id
WHERE runs.job = :job AND runs.remote = :remote AND outcomes.referral = :referral
"""
BACK = """
SELECT runs.id, outcomes.n, outcomes.cause
FROM runs JOIN outcomes ON outcomes.run = runs.id
WHERE runs.job = :job AND runs.remote = :remote AND {same} AND outcomes.cause <> :not_selected
ORDER BY runs.began DESC, runs.id DESC, outcomes.n LIMIT :most
"""
LATER = """
FROM runs AS later JOIN runs AS this
ON this.job = later.job AND this.remote = later.remote AND this.began < later.began
"""
LATER_RUNS = f"SELECT later.id {LATER} WHERE this.id = :run ORDER BY later.began DESC"
SEEN_SINCE = f"""
SELECT later.id {LATER} JOIN outcomes ON (outcomes.run {NO_INDEX}) = later.id
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
SELECT outcomes.n, outcomes.key, outcomes.referral
FROM outcomes
WHERE outcomes.run = :run AND outcomes.cause IN ({{causes}})
AND NOT EXISTS ({SEEN} AND ends.referral = outcomes.referral)
AND NOT EXISTS (
    {SEEN} AND (ends.referral IS NULL OR outcomes.referral IS NULL) AND outcomes.key <> '' AND ends.key = outcomes.key
)
ORDER BY outcomes.n
"""  # noqa: S608  # our own words
ROW = "SELECT settled FROM outcomes WHERE run = ? AND n = ?"
EXTENT = "SELECT count(*), min(began) FROM runs WHERE job = :job AND remote = :remote"


def referrals(database: Database, job: str, remote: str, name: str) -> Iterator[str]:
    """Give the ids of the referrals that a key or id names, of those that a job's runs have met."""
    runs = [run for run, _ in database.rows(RUNS, {"job": job, "remote": remote})]
    return _both(_alone(database, job, remote, name), _called_so(database, runs, name))


def eventful(database: Database, job: str, remote: str) -> Iterator[str]:
    """Give the ids of all referrals to which anything may have been written, as a job's runs have met them.

    Those with a row that stands by itself, and those of which quiet rows have seen two things. All others were as
    they are from the first night on: to read their rows one by one would take most of the time.
    """
    known: dict[str, int] = {}
    moved: set[str] = set()
    for run, _ in database.rows(RUNS, {"job": job, "remote": remote}):
        for referral, mark in quiet.sights(database, run):
            if known.setdefault(referral, mark) != mark:
                moved.add(referral)
    return _both(_alone(database, job, remote, ""), moved)


def _both(alone: Iterator[str], still: set[str]) -> Iterator[str]:
    return (one for one, _ in groupby(merge(alone, sorted(still))))


def has_met(database: Database, job: str, remote: str, name: str) -> bool:
    """Tell whether any run of a job has met a referral that a key or id names; the last is asked first."""
    if next(_alone(database, job, remote, name), None) is not None:
        return True
    runs = (run for run, _ in database.rows(RUNS, {"job": job, "remote": remote}))
    return any(_called_so(database, [run], name) for run in runs)


def rows_of(database: Database, job: str, remote: str, referral: str) -> list[tuple[str, str, Settled]]:
    """Give the rows of one referral in the order of time: (run, moment, row).

    The moment is that of the last send, else the run's: a run that broke off may have sent the row much later.
    """
    whose = {"job": job, "remote": remote}
    with database.reading() as connection:
        alone = connection.execute(ROWS_OF, whose | {"referral": referral}).fetchall()
        found = [(*order, read_row(text, order[2])) for *order, text in alone]
        for run, began in connection.execute(RUNS, whose).fetchall():
            still = quiet.called_so(connection, run, referral=referral)
            found += ((began, began, run, row.n, row) for row in still)
    written = {at: iso(at) for moment, began, *_ in found for at in (moment, began)}  # what is no moment has no order
    found.sort(key=lambda one: one[:4])
    return [(run, written[moment], row) for moment, _, run, _, row in found]


def since(database: Database, job: str, remote: str, row: Settled, causes: Collection[str]) -> tuple[str, str] | None:
    """Give the first of the last runs in a row that ended a referral's or key's row by such a cause: (run, moment)."""
    first: tuple[str, str] | None = None
    with database.reading() as connection:
        for run, began, ended in islice(_back(connection, job, remote, row), RUNS_MAX):
            if ended not in causes:
                break
            first = (run, iso(began))
    return first


def seen_since(database: Database, run: str, row: Settled) -> str | None:
    """Give the last later run of the same job that has looked at a row's referral or key; None where none has."""
    same, whose = _same(row)
    asked = {"run": run, "not_selected": str(Cause.NOT_SELECTED), **whose}
    with database.reading() as connection:
        alone = {one for (one,) in connection.execute(SEEN_SINCE.format(same=same), asked)}
        for (later,) in connection.execute(LATER_RUNS, {"run": run}).fetchall():
            if later in alone or _is_quiet(connection, later, row.key, row.id):
                return str(later)
    return None


def needing(
    database: Database, run: str, causes: list[str], rows_max: int, newer: Collection[str] = ()
) -> tuple[list[Settled], int]:
    """Give the first rows of a run that ended by one of these causes, and how many there are.

    A row that a later run of the job has settled is none of them, nor one that a run of `newer` was about: it waits
    there, if it does. That a later run was not about a row, or did not come to it, settles nothing.
    """
    words = {}
    values: dict[str, Any] = {"run": run, "not_selected": str(Cause.NOT_SELECTED)}
    unsettled = {*causes, str(Cause.NOT_SELECTED), str(Cause.TO_SEND)}
    for name, listed in (("causes", causes), ("unsettled", unsettled), ("newer", newer)):
        words[name], named = several(name, listed)
        values |= named
    with database.reading() as connection:
        later = [one for (one,) in connection.execute(LATER_RUNS, {"run": run})]
        if Cause.IN_STEP in unsettled:  # then a quiet row settles nothing, but that a newer run was about it counts
            later = [one for one in later if one in newer]
        found: list[Settled] = []
        count = 0
        for n, key, referral in connection.execute(NEEDING.format(**words), values):
            if (key or referral) and any(_is_quiet(connection, one, key or "", referral) for one in later):
                continue
            count += 1
            if count <= rows_max:
                found += (read_row(text, run) for (text,) in connection.execute(ROW, (run, n)))
    return found, count


def extent(database: Database, job: str, remote: str) -> tuple[int, Any]:
    """Give how many runs of a job are on record, and the moment of the first."""
    count, first = database.rows(EXTENT, {"job": job, "remote": remote})[0]
    return count, None if first is None else iso(first)


def _alone(database: Database, job: str, remote: str, name: str) -> Iterator[str]:
    """Give the referrals of the rows that stand by themselves, in their order."""
    last, whose = "", {"job": job, "remote": remote, "most": REFERRALS_PER_READ}
    if name:
        yield from (one for (one,) in database.rows(f"{NAMED} ORDER BY 1", whose | {"name": name, "id": name.lower()}))
        return
    while True:
        found = database.rows(REFERRALS, whose | {"last": last})
        for (last,) in found:
            yield last
        if len(found) < REFERRALS_PER_READ:
            return


def _back(connection: Connection, job: str, remote: str, row: Settled) -> Iterator[tuple[str, float, str]]:
    """Give how a referral's or key's rows have ended, from the last run back: (run, its moment, cause)."""
    same, whose = _same(row)
    asked = {"job": job, "remote": remote, "not_selected": str(Cause.NOT_SELECTED), "most": RUNS_MAX, **whose}
    alone: dict[str, list[tuple[int, str]]] = {}
    for run, n, cause in connection.execute(BACK.format(same=same), asked):
        alone.setdefault(run, []).append((n, cause))
    for run, began in connection.execute(RUNS, {"job": job, "remote": remote}).fetchall():
        still = [(one.n, str(one.cause)) for one in _quiet(connection, run, row.key, row.id)]
        yield from ((run, began, cause) for _, cause in sorted([*alone.get(run, ()), *still]))


def _called_so(database: Database, runs: Sequence[str], name: str) -> set[str]:
    """Give the referrals of quiet rows that a key or id names."""
    found: set[str] = set()
    with database.reading() as connection:
        for run in runs:
            for one in ({"key": name}, {"referral": name.lower()}):
                found.update((row.id or "").lower() for row in quiet.called_so(connection, run, **one))
    return found


def _quiet(connection: Connection, run: str, key: str, referral: str | None) -> Iterator[Settled]:
    """Give a referral's quiet rows in a run, or where there is none a key's."""
    if referral:
        return quiet.called_so(connection, run, referral=referral.lower())
    return quiet.called_so(connection, run, key=key)


def _is_quiet(connection: Connection, run: str, key: str, referral: str | None) -> bool:
    """Tell whether it has any."""
    return next(_quiet(connection, run, key, referral), None) is not None


def _same(row: Settled) -> tuple[str, dict[str, str]]:
    """Give the words for the rows of a row's referral, or of its key where it has none, and their values."""
    if row.id:
        return "outcomes.referral = :same", {"same": row.id.lower()}
    return "outcomes.key = :same", {"same": row.key}
