"""A file without tables gets them; one of an earlier version is copied, then brought up in one transaction.

The copy stays beside the ledger as `NAME.schema-1`; a step that fails leaves the ledger as it was. A newer schema
than this program knows is refused: it may mean what we cannot know.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, inspect, select

from syncjob.errors import StorageRefused
from syncjob.ledger.database import Database
from syncjob.ledger.tables import ALL, INDEXES, SCHEMA, facts, intents, metadata, outcomes, runs
from syncjob.model import Cause

BATCH_ROWS = 500
COPIES_MAX = 99


def prepared(database: Database) -> Path | None:
    """Make the tables or bring them up; give the path of the copy where one was made."""
    known = _schema(database)
    if known is None:
        with database.writing() as connection:
            if not inspect(connection).has_table(facts.name):  # another process may have been quicker
                metadata.create_all(connection)
                connection.execute(facts.insert(), {"name": "schema", "value": str(SCHEMA)})
        return None
    if known > SCHEMA:
        raise StorageRefused(
            f"ledger {database.path}: written by a newer syncjob (schema {known}), this one knows {SCHEMA};"
            " install that version again, or name another ledger.file"
        )
    if known == SCHEMA:
        return None
    copy = _copied(database, known)
    with database.writing() as connection:
        now = _read(connection)
        for schema in range(now, SCHEMA):
            STEPS[schema](connection)
        connection.execute(facts.update().where(facts.c.name == "schema").values(value=str(SCHEMA)))
    return copy


def is_older(path: Path) -> bool:
    """Tell whether a ledger would be brought up by whoever opens it; it is not opened to be written."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as file:
            found = file.execute("SELECT value FROM facts WHERE name = 'schema'").fetchone()
    except sqlite3.Error:
        return False  # no ledger, or a damaged one: whoever opens it says so
    return found is not None and str(found[0]).isdecimal() and int(found[0]) < SCHEMA


def _schema(database: Database) -> int | None:
    with database.reading() as connection:
        return _read(connection) if inspect(connection).has_table(facts.name) else None


def _read(connection: Connection) -> int:
    known = connection.execute(select(facts.c.value).where(facts.c.name == "schema")).scalar_one_or_none()
    if known is None or not str(known).isdecimal():
        raise StorageRefused(f"ledger: does not say of which schema it is ({known!r}); put a backup in its place")
    return int(known)


def _copied(database: Database, schema: int) -> Path:
    for n in range(1, COPIES_MAX):
        place = database.path.with_name(f"{database.path.name}.schema-{schema}{f'.{n}' if n > 1 else ''}")
        try:
            database.copy(place)
        except FileExistsError:
            continue
        except OSError as error:
            raise StorageRefused(f"ledger {place}: the copy cannot be made: {error.strerror}; make room") from error
        return place
    raise StorageRefused(f"ledger {database.path}: has {COPIES_MAX} copies of schema {schema} already; take some away")


def _to_2(connection: Connection) -> None:
    """Give bases and archived inputs their tables; runs and outcomes what they are found by."""
    for words in (
        "ALTER TABLE runs ADD COLUMN moves VARCHAR(10)",
        "ALTER TABLE runs ADD COLUMN source TEXT",
        "ALTER TABLE outcomes ADD COLUMN key TEXT",
        "ALTER TABLE outcomes ADD COLUMN referral VARCHAR(64)",
    ):
        connection.exec_driver_sql(words)
    for table in ALL:
        table.create(connection, checkfirst=True)
    for run, text in connection.execute(select(runs.c.id, runs.c.facts)).all():
        known = _known(text)
        connection.execute(runs.update().where(runs.c.id == run).values(source=known.get("source"), moves="unknown"))
        _find_rows(connection, run)
    _open_rows(connection)
    for index in INDEXES:
        index.create(connection, checkfirst=True)


def _known(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _open_rows(connection: Connection) -> None:
    """Give rows to intents that have none: of a run that died, schema 1 knew no more than what was about to leave."""
    query = (
        select(intents.c.run, intents.c.n, intents.c.planned)
        .outerjoin(outcomes, (outcomes.c.run == intents.c.run) & (outcomes.c.n == intents.c.n))
        .where(outcomes.c.n.is_(None))
        .order_by(intents.c.attempt)
    )
    last = {(run, n): text for run, n, text in connection.execute(query).all()}
    for (run, n), text in last.items():
        row = {"run": run, "n": n, "cause": str(Cause.TO_SEND), "settled": text}
        connection.execute(outcomes.insert(), row)


def _find_rows(connection: Connection, run: str) -> None:
    last = 0
    while True:
        query = select(outcomes.c.n, outcomes.c.settled).where(outcomes.c.run == run, outcomes.c.n > last)
        found = connection.execute(query.order_by(outcomes.c.n).limit(BATCH_ROWS)).all()
        for n, text in found:
            last = n
            try:
                row = json.loads(text)
            except ValueError:
                continue  # `ledger check` tells it; it is found by nothing
            here = (outcomes.c.run == run) & (outcomes.c.n == n)
            known = {"key": row.get("key"), "referral": (row.get("id") or "").lower() or None}
            connection.execute(outcomes.update().where(here).values(known))
        if len(found) < BATCH_ROWS:
            return


STEPS: dict[int, Callable[[Connection], None]] = {1: _to_2}
