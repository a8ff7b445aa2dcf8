"""What runs have seen, found by referral: the rows of all runs of a job, referral by referral, in the order of runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import func, or_, select

from syncjob.ledger.database import Database
from syncjob.ledger.decoding import read_row
from syncjob.ledger.recall import iso
from syncjob.ledger.tables import intents, outcomes, runs
from syncjob.model import Cause, Settled

REFERRALS_PER_READ = 200
RUNS_MAX = 400  # so far back it is looked since when something stands as it does


def referrals(database: Database, job: str, remote: str, name: str = "") -> Iterator[str]:
    """Give the ids of all referrals that a job's runs have met, or of those that a key or id names."""
    last = ""
    while True:
        query = (
            select(outcomes.c.referral)
            .distinct()
            .join(runs, runs.c.id == outcomes.c.run)
            .where(runs.c.job == job, runs.c.remote == remote, outcomes.c.referral > last)
        )
        if name:
            query = query.where(or_(outcomes.c.key == name, outcomes.c.referral == name.lower()))
        found = database.rows(query.order_by(outcomes.c.referral).limit(REFERRALS_PER_READ))
        for (last,) in found:
            yield last
        if len(found) < REFERRALS_PER_READ:
            return


def rows_of(database: Database, job: str, remote: str, referral: str) -> list[tuple[str, str, Settled]]:
    """Give the rows of one referral in the order of time: (run, moment, row).

    The moment is that of the last send, else the run's: a run that broke off may have sent the row much later.
    """
    sent = select(func.max(intents.c.at)).where(intents.c.run == outcomes.c.run, intents.c.n == outcomes.c.n)
    at = func.coalesce(sent.scalar_subquery(), runs.c.began).label("at")
    query = (
        select(runs.c.id, at, outcomes.c.settled)
        .join(outcomes, outcomes.c.run == runs.c.id)
        .where(runs.c.job == job, runs.c.remote == remote, outcomes.c.referral == referral)
        .order_by(at, runs.c.began, runs.c.id, outcomes.c.n)
    )
    return [(run, iso(moment), read_row(text, run)) for run, moment, text in database.rows(query)]


def since(database: Database, job: str, remote: str, row: Settled, causes: Collection[str]) -> tuple[str, str] | None:
    """Give the first of the last runs in a row that ended a referral's or key's row by such a cause: (run, moment)."""
    same = outcomes.c.referral == row.id.lower() if row.id else outcomes.c.key == row.key
    query = (
        select(runs.c.id, runs.c.began, outcomes.c.cause)
        .join(outcomes, outcomes.c.run == runs.c.id)
        .where(runs.c.job == job, runs.c.remote == remote, same, outcomes.c.cause != str(Cause.NOT_SELECTED))
        .order_by(runs.c.began.desc(), runs.c.id.desc())
        .limit(RUNS_MAX)
    )
    first: tuple[str, str] | None = None
    for run, began, ended in database.rows(query):
        if ended not in causes:
            break
        first = (run, iso(began))
    return first


def seen_since(database: Database, run: str, row: Settled) -> str | None:
    """Give the last later run of the same job that has looked at a row's referral or key; None where none has."""
    of, after = runs.alias(), runs.alias()
    same = outcomes.c.referral == row.id.lower() if row.id else outcomes.c.key == row.key
    query = (
        select(after.c.id)
        .join(of, (of.c.job == after.c.job) & (of.c.remote == after.c.remote) & (of.c.began < after.c.began))
        .join(outcomes, outcomes.c.run == after.c.id)
        .where(of.c.id == run, same, outcomes.c.cause != str(Cause.NOT_SELECTED))
        .order_by(after.c.began.desc())
        .limit(1)
    )
    found = database.rows(query)
    return str(found[0][0]) if found else None


def needing(
    database: Database, run: str, causes: list[str], rows_max: int, newer: Collection[str] = ()
) -> tuple[list[Settled], int]:
    """Give the first rows of a run that ended by one of these causes, and how many there are.

    A row that a later run of the job has settled is none of them, nor one that a run of `newer` was about: it waits
    there, if it does. That a later run was not about a row, or did not come to it, settles nothing.
    """
    of, after, later = runs.alias(), runs.alias(), outcomes.alias()
    since = (
        select(after.c.id)
        .join(of, (of.c.job == after.c.job) & (of.c.remote == after.c.remote) & (of.c.began < after.c.began))
        .where(of.c.id == run)
    )
    # No index serves `run || ''`: SQLite finds a row's later ends by its referral or key then, and walks no whole run.
    of_later = later.c.run.concat("").in_([one for (one,) in database.rows(since)])
    unsettled = {*causes, str(Cause.NOT_SELECTED), str(Cause.TO_SEND)}
    looked_at = later.c.run.in_(newer) & (later.c.cause != str(Cause.NOT_SELECTED))
    seen = select(later.c.n).where(of_later, later.c.cause.not_in(unsettled) | looked_at)
    unknown = later.c.referral.is_(None) | outcomes.c.referral.is_(None)
    by_referral = seen.where(later.c.referral == outcomes.c.referral)
    by_key = seen.where(unknown, outcomes.c.key != "", later.c.key == outcomes.c.key)
    which = (outcomes.c.run == run) & outcomes.c.cause.in_(causes) & ~by_referral.exists() & ~by_key.exists()
    query = select(outcomes.c.settled).where(which).order_by(outcomes.c.n).limit(rows_max)
    count = database.rows(select(func.count()).select_from(outcomes).where(which))[0][0]
    return [read_row(text, run) for (text,) in database.rows(query)], int(count)


def extent(database: Database, job: str, remote: str) -> tuple[int, Any]:
    """Give how many runs of a job are on record, and the moment of the first."""
    query = select(func.count(), func.min(runs.c.began)).where(runs.c.job == job, runs.c.remote == remote)
    count, first = database.rows(query)[0]
    return count, None if first is None else iso(first)
