"""A file without tables gets them; one of an earlier version is copied, then brought up in one transaction.

The copy stays beside the ledger as `NAME.schema-1`; a step that fails leaves the ledger as it was. A newer schema
than this program knows is refused: it may mean what we cannot know.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from sqlite3 import Connection
from typing import Any
from urllib.parse import quote

from syncjob.errors import StorageRefused
from syncjob.ledger import facts
from syncjob.ledger.database import Database, has_table
from syncjob.ledger.sights import joined, of_2
from syncjob.ledger.tables import BASES, INDEXES, SCHEMA, TABLES
from syncjob.model import Cause

BATCH_ROWS = 500
COPIES_MAX = 99
NEW_COLUMNS_OF_2 = (
    "ALTER TABLE runs ADD COLUMN moves VARCHAR(10)",
    "ALTER TABLE runs ADD COLUMN source TEXT",
    "ALTER TABLE outcomes ADD COLUMN key TEXT",
    "ALTER TABLE outcomes ADD COLUMN referral VARCHAR(64)",
)
SOURCE = "UPDATE runs SET source = :source, moves = 'unknown' WHERE id = :run"
WITHOUT_ROW = """
SELECT intents.run, intents.n, intents.planned
FROM intents LEFT JOIN outcomes ON outcomes.run = intents.run AND outcomes.n = intents.n
WHERE outcomes.n IS NULL
ORDER BY intents.attempt
"""
ROW = "INSERT INTO outcomes (run, n, cause, settled) VALUES (:run, :n, :cause, :settled)"
NEXT_ROWS = "SELECT n, settled FROM outcomes WHERE run = :run AND n > :last ORDER BY n LIMIT :most"
BASES_OF_2 = """
CREATE TABLE bases (
    scope        INTEGER      NOT NULL,
    referral     VARCHAR(64)  NOT NULL,
    path         VARCHAR(80)  NOT NULL,
    value        TEXT         NOT NULL,
    at           FLOAT        NOT NULL,
    run          VARCHAR(40)  NOT NULL,
    nights       INTEGER      NOT NULL,
    PRIMARY KEY (scope, referral, path),
    FOREIGN KEY (scope) REFERENCES scopes (id)
) WITHOUT ROWID
"""
OLD_BASES = "SELECT scope, referral, path, value, at, run, nights FROM bases_of_2 ORDER BY scope, referral, path"
NEW_BASE = "INSERT INTO bases (scope, referral, at, run, agreed, besides) VALUES (?, ?, ?, ?, ?, ?)"
UNREADABLE = "{"  # told by `ledger check`, and by whoever reads it
FOUND_BY = "UPDATE outcomes SET key = :key, referral = :referral WHERE run = :run AND n = :n"


def prepared(database: Database) -> Path | None:
    """Make the tables or bring them up; give the path of the copy where one was made."""
    known = _schema(database)
    if known is None:
        with database.writing() as connection:
            if not has_table(connection, "facts"):  # another process may have been quicker
                for words in (*TABLES, *INDEXES):
                    connection.execute(words)
                facts.keep(connection, "schema", str(SCHEMA))
        return None
    if known > SCHEMA:
        raise StorageRefused(
            f"ledger {database.path}: written by a newer syncjob (schema {known}), this one knows {SCHEMA};"
            " install that version again, or name another ledger.file"
        )
    if known == SCHEMA:
        return None
    copy = _copied(database, known)
    try:
        with database.writing() as connection:
            now = _read(connection)
            for schema in range(now, SCHEMA):
                STEPS[schema](connection)
            facts.keep(connection, "schema", str(SCHEMA))
    except BaseException:
        copy.unlink(missing_ok=True)  # the ledger is as it was: each try would leave one more
        raise
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
        return _read(connection) if has_table(connection, "facts") else None


def _read(connection: Connection) -> int:
    known = facts.of(connection, "schema")
    if known is None or not str(known).isdecimal():
        raise StorageRefused(f"ledger: does not say of which schema it is ({known!r}); put a backup in its place")
    return int(known)


def _copied(database: Database, schema: int) -> Path:
    """Keep the file as it is under a name of its own; what is cut off in the middle never has that name."""
    part = database.path.with_name(f"{database.path.name}.{secrets.token_hex(4)}.part")
    try:
        database.copy(part)
        for n in range(1, COPIES_MAX):
            place = database.path.with_name(f"{database.path.name}.schema-{schema}{f'.{n}' if n > 1 else ''}")
            try:
                os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                continue
            return part.replace(place)
    except OSError as error:
        words = f"a copy of it cannot be made: {error.strerror}; make room"
        raise StorageRefused(f"ledger {database.path}: {words}") from error
    finally:
        for left in (part, part.with_name(f"{part.name}-journal")):
            left.unlink(missing_ok=True)
    raise StorageRefused(f"ledger {database.path}: has {COPIES_MAX} copies of schema {schema} already; take some away")


def _to_2(connection: Connection) -> None:
    """Give bases and archived inputs their tables; runs and outcomes what they are found by."""
    for words in (*NEW_COLUMNS_OF_2, BASES_OF_2, *(words for words in TABLES if words is not BASES)):
        connection.execute(words)
    for run, text in connection.execute("SELECT id, facts FROM runs").fetchall():
        connection.execute(SOURCE, {"run": run, "source": _known(text).get("source")})
        _find_rows(connection, run)
    _open_rows(connection)
    for words in INDEXES:
        connection.execute(words)


def _known(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _open_rows(connection: Connection) -> None:
    """Give rows to intents that have none: of a run that died, schema 1 knew no more than what was about to leave."""
    last = {(run, n): text for run, n, text in connection.execute(WITHOUT_ROW).fetchall()}
    for (run, n), text in last.items():
        connection.execute(ROW, {"run": run, "n": n, "cause": str(Cause.TO_SEND), "settled": text})


def _find_rows(connection: Connection, run: str) -> None:
    last = 0
    while True:
        found = connection.execute(NEXT_ROWS, {"run": run, "last": last, "most": BATCH_ROWS}).fetchall()
        for n, text in found:
            last = n
            try:
                row = json.loads(text)
            except ValueError:
                continue  # `ledger check` tells it; it is found by nothing
            referral = (row.get("id") or "").lower() or None
            connection.execute(FOUND_BY, {"run": run, "n": n, "key": row.get("key"), "referral": referral})
        if len(found) < BATCH_ROWS:
            return


def _to_3(connection: Connection) -> None:
    """Give quiet rows their tables, and a referral one row of bases; rows that are on record stay as they are."""
    connection.execute("ALTER TABLE bases RENAME TO bases_of_2")
    for words in TABLES:
        connection.execute(words)
    rows = joined_bases(connection.execute(OLD_BASES))
    while group := list(islice(rows, BATCH_ROWS)):
        connection.executemany(NEW_BASE, group)
    connection.execute("DROP TABLE bases_of_2")


def joined_bases(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, str, float, str, str, str]]:
    """Make one row a referral of rows of schema 2, which come referral by referral; what is damaged stays so."""
    for (scope, referral), paths in groupby(rows, key=itemgetter(0, 1)):
        try:
            yield scope, referral, *joined(dict(of_2(referral, *one) for _, _, *one in paths))
        except StorageRefused:
            yield scope, referral, 0.0, "", UNREADABLE, ""


STEPS: dict[int, Callable[[Connection], None]] = {1: _to_2, 2: _to_3}
