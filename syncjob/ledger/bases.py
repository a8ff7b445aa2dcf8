"""What row and remote last agreed on, by referral and path: written with the outcomes, read by the next plan.

A base has the moment at which it was seen. An older sight never replaces a younger one: a plan that was made on Monday
and sent on Tuesday must not undo what Monday night has learnt. A sight from the future is one of a clock that was
wrong: anything newer replaces it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, case, func, literal_column, select
from sqlalchemy.dialects.sqlite import insert

from syncjob.ledger.database import Database, many
from syncjob.ledger.decoding import read_value
from syncjob.ledger.tables import bases, scopes
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


READ = (
    select(bases.c.referral, bases.c.path, bases.c.value, bases.c.nights, bases.c.at, bases.c.run)
    .join(scopes, scopes.c.id == bases.c.scope)
    .where(
        scopes.c.job == bindparam("job"),
        scopes.c.remote == bindparam("remote"),
        bases.c.referral.in_(bindparam("referrals", expanding=True)),
    )
)


def _moving() -> Any:
    """Give the statement that remembers values: a younger sight stays, a value sent once more counts its nights."""
    words = insert(bases)
    new = words.excluded
    none: Any = literal_column("0")  # written out: what is bound comes from each row
    one: Any = literal_column("1")
    nights = case(((new.nights > none) & (new.value == bases.c.value), bases.c.nights + one), else_=new.nights)
    values = {"value": new.value, "at": new.at, "run": new.run, "nights": nights}
    keys = [bases.c.scope, bases.c.referral, bases.c.path]
    younger = (new.at >= bases.c.at) | (bases.c.at > bindparam("today"))
    return words.on_conflict_do_update(index_elements=keys, set_=values, where=younger)


MOVE = _moving()
FOREVER = 1e18  # no sight is from the future of that
FIRST = insert(bases).on_conflict_do_nothing()


def scope_of(connection: Connection, job: str, remote: str) -> int:
    """Give the number under which a job and remote are remembered; it is given one where it has none."""
    query = select(scopes.c.id).where(scopes.c.job == job, scopes.c.remote == remote)
    known: int | None = connection.execute(query).scalar_one_or_none()
    if known is None:
        known = int(connection.execute(scopes.insert(), {"job": job, "remote": remote}).inserted_primary_key[0])  # type: ignore[index]
    return known


def of(database: Database, job: str, remote: str, referrals: Collection[str]) -> dict[str, Remembered]:
    """Give what is remembered of referrals, by id in small letters; of some nothing may be."""
    ids = [one.lower() for one in referrals]
    found: dict[str, Remembered] = {one: Remembered({}, {}, {}) for one in ids}
    for referral, path, value, nights, at, run in database.rows(READ, {"job": job, "remote": remote, "referrals": ids}):
        values, counts, since = found[referral].parts
        values[path], counts[path], since[path] = read_value(value, referral), nights, (at, run)
    return found


def move(connection: Connection, scope: int, run: str, seen: Iterable[Base]) -> None:
    """Remember agreed values, in bulk; a younger sight stays.

    A value that is sent though it was sent and agreed on before counts its nights: something sets it back.
    """
    sights = list(seen)
    rows = [_row(scope, run, one, path, value) for one in sights for path, value in one.values.items()]
    first = [_row(scope, run, one, path, value) for one in sights for path, value in one.first.items()]
    many(connection, MOVE, rows)
    many(connection, FIRST, first)


def _row(scope: int, run: str, one: Base, path: str, value: Any) -> dict[str, Any]:
    return {
        "scope": scope,
        "referral": one.referral.lower(),
        "path": path,
        "value": dumps(value),
        "at": one.at,
        "run": run,
        "nights": 1 if path in one.sent else 0,
        "today": FOREVER if one.now is None else one.now,
    }


def count(database: Database, job: str, remote: str) -> int:
    """Count the referrals of which something is remembered."""
    query = (
        select(func.count(bases.c.referral.distinct()))
        .join(scopes, scopes.c.id == bases.c.scope)
        .where(scopes.c.job == job, scopes.c.remote == remote)
    )
    return int(database.rows(query)[0][0])
