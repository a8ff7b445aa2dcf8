"""What row and remote last agreed on, by referral and path: written with the outcomes, read by the next plan.

A referral is one row, and what a night has seen of it is merged into that (`sights`): a row a path, each with its own
moment and run, was thrice the writing for what is seen together and stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from sqlite3 import Connection

from syncjob.ledger.database import VALUES_MAX, Database, places, value_of
from syncjob.ledger.sights import Kept, Row, Sighting, merged

READ = """
SELECT bases.referral, bases.at, bases.run, bases.agreed, bases.besides
FROM bases JOIN scopes ON scopes.id = bases.scope
WHERE scopes.job = ? AND scopes.remote = ? AND bases.referral IN ({referrals})
"""
STANDING = "SELECT referral, at, run, agreed, besides FROM bases WHERE scope = ? AND referral IN ({referrals})"
AGAIN = """
UPDATE bases SET at = ?, run = ?
WHERE scope = ? AND referral = ? AND agreed = ? AND besides = '' AND (at <= ? OR at > ?)
"""
PUT = """
INSERT INTO bases (scope, referral, at, run, agreed, besides) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, referral) DO UPDATE SET
    at = excluded.at,
    run = excluded.run,
    agreed = excluded.agreed,
    besides = excluded.besides
"""
SCOPE = "SELECT id FROM scopes WHERE job = :job AND remote = :remote"
NEW_SCOPE = "INSERT INTO scopes (job, remote) VALUES (:job, :remote)"
NEW_MAX = 50  # referrals of a group that turn out to be new before the others are taken for new as well
COUNT = """
SELECT count(*)
FROM bases JOIN scopes ON scopes.id = bases.scope
WHERE scopes.job = :job AND scopes.remote = :remote
"""


def scope_of(connection: Connection, job: str, remote: str) -> int:
    """Give the number under which a job and remote are remembered; it is given one where it has none."""
    whose = {"job": job, "remote": remote}
    known = value_of(connection.execute(SCOPE, whose))
    if known is None:
        connection.execute(NEW_SCOPE, whose)
        known = value_of(connection.execute(SCOPE, whose))
    return int(known)


def of(database: Database, job: str, remote: str, referrals: Collection[str]) -> dict[str, Kept]:
    """Give what is remembered of referrals, by id in small letters; of some nothing may be."""
    ids = [one.lower() for one in referrals]
    found: dict[str, Kept] = {one: Kept(one, None) for one in ids}
    with database.reading() as connection:
        for start in range(0, len(ids), VALUES_MAX):
            some = ids[start : start + VALUES_MAX]
            rows = connection.execute(READ.format(referrals=places(len(some))), (job, remote, *some))
            for referral, at, run, agreed, besides in rows:
                found[referral] = Kept(referral, (at, run, agreed, besides))
    return found


def move(connection: Connection, scope: int, run: str, seen: Sequence[Sighting]) -> None:
    """Remember agreed values, in bulk: what stands is read, merged with what was seen, and written.

    What counts only where nothing is known comes after all else. Of most referrals nothing is new but the moment: that
    alone is written then, and nothing is read, until it shows that they are new: on a first night. They go in the order
    of their ids, neighbours after each other.
    """
    cursor, left = connection.cursor(), dict[str, list[Sighting]]()
    for referral, one in sorted(((one.referral.lower(), one) for one in seen), key=itemgetter(0)):
        text = one.plainly if len(left) < NEW_MAX and referral not in left else ""
        if text and cursor.execute(AGAIN, (one.at, run, scope, referral, text, one.at, one.today)).rowcount:
            continue
        left.setdefault(referral, []).append(one)
    known = _standing(connection, scope, list(left))
    fresh = {referral: merged(known.get(referral), sights, run) for referral, sights in left.items()}
    connection.executemany(PUT, [(scope, referral, *row) for referral, row in fresh.items() if row])


def count(database: Database, job: str, remote: str) -> int:
    """Count the referrals of which something is remembered."""
    return int(database.rows(COUNT, {"job": job, "remote": remote})[0][0])


def _standing(connection: Connection, scope: int, referrals: Sequence[str]) -> dict[str, Row]:
    known: dict[str, Row] = {}
    for start in range(0, len(referrals), VALUES_MAX):
        some = referrals[start : start + VALUES_MAX]
        rows = connection.execute(STANDING.format(referrals=places(len(some))), (scope, *some))
        known |= {referral: (at, run, agreed, besides) for referral, at, run, agreed, besides in rows}
    return known
