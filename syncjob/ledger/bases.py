"""What row and remote last agreed on, by referral and path: written with the outcomes, read by the next plan.

A base has the moment at which it was seen. An older sight never replaces a younger one: a plan that was made on Monday
and sent on Tuesday must not undo what Monday night has learnt. A sight from the future is one of a clock that was
wrong: anything newer replaces it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from sqlite3 import Connection
from typing import Any

from msgspec import Struct

from syncjob.ledger.database import VALUES_MAX, Database, several, value_of
from syncjob.ledger.decoding import read_value
from syncjob.model import dumps


class Base(Struct, frozen=True):
    """The agreed values of one referral, by path, as they were seen at a moment; `sent` are those that we wrote.

    `first` are values that count only where none is known yet. `now` is when it is written down, where that is later.
    """

    referral: str
    values: Mapping[str, Any]
    at: float
    sent: frozenset[str] = frozenset()
    first: Mapping[str, Any] = {}
    now: float | None = None


class Remembered(Struct, frozen=True):
    """What is remembered of one referral: its bases, how many nights in a row each was sent, and since when it holds.

    `since` is, by path, (moment, run).
    """

    values: dict[str, Any]
    nights: dict[str, int]
    since: dict[str, tuple[float, str]]

    @property
    def parts(self) -> tuple[dict[str, Any], dict[str, int], dict[str, tuple[float, str]]]:
        """The three of them."""
        return self.values, self.nights, self.since


READ = """
SELECT bases.referral, bases.path, bases.value, bases.nights, bases.at, bases.run
FROM bases JOIN scopes ON scopes.id = bases.scope
WHERE scopes.job = :job AND scopes.remote = :remote AND bases.referral IN ({referrals})
"""
FIRST = """
INSERT INTO bases (scope, referral, path, value, at, run, nights) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, referral, path) DO NOTHING
"""
MOVE = """
INSERT INTO bases (scope, referral, path, value, at, run, nights) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, referral, path) DO UPDATE SET
    value = excluded.value,
    at = excluded.at,
    run = excluded.run,
    nights = CASE
        WHEN excluded.nights > 0 AND excluded.value = bases.value THEN bases.nights + 1
        ELSE excluded.nights
    END
WHERE excluded.at >= bases.at OR bases.at > ?
"""
FOREVER = 1e18  # no sight is from the future of that
SCOPE = "SELECT id FROM scopes WHERE job = :job AND remote = :remote"
NEW_SCOPE = "INSERT INTO scopes (job, remote) VALUES (:job, :remote)"
COUNT = """
SELECT count(DISTINCT bases.referral)
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


def of(database: Database, job: str, remote: str, referrals: Collection[str]) -> dict[str, Remembered]:
    """Give what is remembered of referrals, by id in small letters; of some nothing may be."""
    ids = [one.lower() for one in referrals]
    found: dict[str, Remembered] = {one: Remembered({}, {}, {}) for one in ids}
    with database.reading() as connection:
        for start in range(0, len(ids), VALUES_MAX):
            words, named = several("referral", ids[start : start + VALUES_MAX])
            rows = connection.execute(READ.format(referrals=words), {"job": job, "remote": remote, **named})
            for referral, path, value, nights, at, run in rows:
                values, counts, since = found[referral].parts
                values[path], counts[path], since[path] = read_value(value, referral), nights, (at, run)
    return found


def move(connection: Connection, scope: int, run: str, seen: Iterable[Base]) -> None:
    """Remember agreed values, in bulk; a younger sight stays.

    A value that is sent though it was sent and agreed on before counts its nights: something sets it back.
    """
    moved: list[tuple[Any, ...]] = []
    first: list[tuple[Any, ...]] = []
    for one in seen:  # each in the order of the table's columns
        referral, today = one.referral.lower(), FOREVER if one.now is None else one.now
        for path, value in one.values.items():
            moved.append((scope, referral, path, dumps(value), one.at, run, 1 if path in one.sent else 0, today))
        first += [(scope, referral, path, dumps(value), one.at, run, 0) for path, value in one.first.items()]
    connection.executemany(MOVE, moved)
    connection.executemany(FIRST, first)


def count(database: Database, job: str, remote: str) -> int:
    """Count the referrals of which something is remembered."""
    return int(database.rows(COUNT, {"job": job, "remote": remote})[0][0])
