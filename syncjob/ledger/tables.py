"""The ledger's tables, one place: the words that make them, and their layout as SQLite understands these words.

    facts           what the file is: its schema
    scopes          a job over one remote and tenant: whose memory it is
    runs            one row a run; its plan goes once
    outcomes        how the rows of a run ended; a row that is still to be sent is there too, as `to_send`
    quiet_parts     the other rows of a run: those unchanged without a warning, compressed, in parts (`quiet`)
    quiet_names     where a run's quiet rows are found by key or referral, in pages (`names`)
    intents         every PATCH before it leaves; of a run that was stopped some never did
    bases           what row and remote last agreed on, by referral
    normal_forms    what the remote makes of a value, by referral and path
    inputs          the files that were read, once each
    input_parts     their bytes, compressed, in parts

What `SCHEMA` counts is this page: whoever changes it adds a step to `migrating`.

It is plain SQL, and so are the statements of all rooms here. No toolkit writes them: importing one (SQLAlchemy) took
each command 0.4 s before it did anything. The words keep to what PostgreSQL understands as well, as far as that costs
nothing; what SQLite alone understands, or needs, stands here and in `database`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from msgspec import Struct

SCHEMA = 3
REBUILT = "rebuilt"  # a fact: when rows were lost in a rebuild

FACTS = """
CREATE TABLE IF NOT EXISTS facts (
    name         VARCHAR(40)  NOT NULL,
    value        TEXT         NOT NULL,
    PRIMARY KEY (name)
)
"""

SCOPES = """
CREATE TABLE IF NOT EXISTS scopes (
    id           INTEGER      NOT NULL,
    job          VARCHAR(64)  NOT NULL,
    remote       TEXT         NOT NULL,
    PRIMARY KEY (id)
)
"""

RUNS = """
CREATE TABLE IF NOT EXISTS runs (
    id           VARCHAR(40)  NOT NULL,
    job          VARCHAR(64)  NOT NULL,
    remote       TEXT         NOT NULL,
    plan         VARCHAR(40)  NOT NULL,
    facts        TEXT         NOT NULL,
    began        FLOAT        NOT NULL,
    ended        FLOAT,
    exit_code    INTEGER,
    requests     TEXT,
    moves        VARCHAR(10),
    source       TEXT,
    PRIMARY KEY (id),
    UNIQUE (plan)
)
"""

OUTCOMES = """
CREATE TABLE IF NOT EXISTS outcomes (
    run          VARCHAR(40)  NOT NULL,
    n            INTEGER      NOT NULL,
    cause        VARCHAR(40)  NOT NULL,
    settled      TEXT         NOT NULL,
    key          TEXT,
    referral     VARCHAR(64),
    PRIMARY KEY (run, n),
    FOREIGN KEY (run) REFERENCES runs (id)
) WITHOUT ROWID
"""

INTENTS = """
CREATE TABLE IF NOT EXISTS intents (
    run          VARCHAR(40)  NOT NULL,
    n            INTEGER      NOT NULL,
    attempt      INTEGER      NOT NULL,
    at           FLOAT        NOT NULL,
    mark         VARCHAR(40)  NOT NULL,
    planned      TEXT         NOT NULL,
    PRIMARY KEY (run, n, attempt),
    FOREIGN KEY (run) REFERENCES runs (id)
)
"""

QUIET_PARTS = """
CREATE TABLE IF NOT EXISTS quiet_parts (
    run          VARCHAR(40)  NOT NULL,
    first        INTEGER      NOT NULL,
    last         INTEGER      NOT NULL,
    count        INTEGER      NOT NULL,
    content      BLOB         NOT NULL,
    PRIMARY KEY (run, first),
    FOREIGN KEY (run) REFERENCES runs (id)
)
"""

QUIET_NAMES = """
CREATE TABLE IF NOT EXISTS quiet_names (
    run          VARCHAR(40)  NOT NULL,
    mark         INTEGER      NOT NULL,
    content      BLOB         NOT NULL,
    PRIMARY KEY (run, mark),
    FOREIGN KEY (run) REFERENCES runs (id)
)
"""

BASES = """
CREATE TABLE IF NOT EXISTS bases (
    scope        INTEGER      NOT NULL,
    referral     VARCHAR(64)  NOT NULL,
    at           FLOAT        NOT NULL,
    run          VARCHAR(40)  NOT NULL,
    agreed       TEXT         NOT NULL,
    besides      TEXT         NOT NULL,
    PRIMARY KEY (scope, referral),
    FOREIGN KEY (scope) REFERENCES scopes (id)
) WITHOUT ROWID
"""

FORMS = """
CREATE TABLE IF NOT EXISTS normal_forms (
    remote       TEXT         NOT NULL,
    referral     VARCHAR(64)  NOT NULL,
    path         TEXT         NOT NULL,
    desired      TEXT         NOT NULL,
    held         TEXT         NOT NULL,
    weight       INTEGER      NOT NULL,
    PRIMARY KEY (remote, referral, path)
)
"""

INPUTS = """
CREATE TABLE IF NOT EXISTS inputs (
    digest       VARCHAR(80)  NOT NULL,
    source       TEXT         NOT NULL,
    bytes        INTEGER      NOT NULL,
    PRIMARY KEY (digest)
)
"""

INPUT_PARTS = """
CREATE TABLE IF NOT EXISTS input_parts (
    digest       VARCHAR(80)  NOT NULL,
    part         INTEGER      NOT NULL,
    content      BLOB         NOT NULL,
    PRIMARY KEY (digest, part),
    FOREIGN KEY (digest) REFERENCES inputs (digest)
)
"""

TABLES = (FACTS, SCOPES, RUNS, OUTCOMES, INTENTS, QUIET_PARTS, QUIET_NAMES, BASES, FORMS, INPUTS, INPUT_PARTS)
"""In an order in which each stands behind those that it refers to."""

OPEN = "cause IN ('answer_unknown', 'to_send')"
"""The rows whose end nobody knows, in the very words of their index: SQLite takes it for no others."""

INDEXES = (
    f"CREATE INDEX IF NOT EXISTS outcomes_open ON outcomes (run, n) WHERE {OPEN}",
    "CREATE INDEX IF NOT EXISTS intents_by_run ON intents (run, n)",
    "CREATE INDEX IF NOT EXISTS outcomes_by_referral ON outcomes (referral, run)",
    "CREATE INDEX IF NOT EXISTS outcomes_by_key ON outcomes (key, run)",
    "CREATE UNIQUE INDEX IF NOT EXISTS scopes_by_name ON scopes (job, remote)",
    "CREATE INDEX IF NOT EXISTS runs_by_job ON runs (job, remote, began)",
)

NO_INDEX = "|| ''"
"""Behind a column: no index serves it then, so that SQLite finds rows by the others that are asked for."""


class Table(Struct, frozen=True):
    """A table of this page; `parent` is that whose row the first column of its key names, '' where it names none."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    parent: str
    binary: frozenset[str]

    @property
    def select(self) -> str:
        """The words that give all its rows."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"  # noqa: S608  # our own names

    @property
    def insert(self) -> str:
        """The words that take a row, its values by the names of the columns."""
        values = ", ".join(f":{one}" for one in self.columns)
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({values})"  # noqa: S608  # our own names


@cache
def layout() -> dict[str, Table]:
    """Give the tables of this page by name, in its order."""
    with closing(sqlite3.connect(":memory:")) as database:
        for words in TABLES:
            database.execute(words)
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        return {name: _table(database, name) for (name,) in names}


def described(words: str, name: str) -> Table:
    """Give the table that words make, be it of an earlier page."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(words)
        return _table(database, name)


def _table(database: sqlite3.Connection, name: str) -> Table:
    columns = database.execute(f"PRAGMA table_info({name})").fetchall()
    foreign = database.execute(f"PRAGMA foreign_key_list({name})").fetchone()
    ranks = {rank: column for _, column, _, _, _, rank in columns if rank}
    return Table(
        name,
        columns=tuple(column for _, column, *_ in columns),
        key=tuple(ranks[rank] for rank in sorted(ranks)),
        parent="" if foreign is None else foreign[2],
        binary=frozenset(column for _, column, kind, *_ in columns if kind == "BLOB"),
    )
