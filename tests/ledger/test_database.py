"""A transaction that ends ill leaves nothing behind and tells what was wrong first; a new ledger is one of schema 3."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncjob.errors import StorageRefused
from syncjob.ledger import Base, Begun, Ledger
from syncjob.ledger.database import Database, several
from syncjob.ledger.tables import layout
from syncjob.model import Cause, Place, Settled

SCRIPT = Path(__file__).with_name("schema-3.sql")
STRAY = "INSERT INTO outcomes (run, n, cause, settled) VALUES ('nobody''s', 1, 'stopped', '')"
FACT = "INSERT INTO facts (name, value) VALUES ('a', 'b')"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The file of a new ledger."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        yield ledger.database


def shape(path: Path) -> dict[str, list[object]]:
    """What SQLite makes of every table and index of a file."""
    found: dict[str, list[object]] = {}
    with closing(sqlite3.connect(path)) as file:
        for name, words in file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
            indexes = sorted(one[1:] for one in file.execute(f"PRAGMA index_list({name})"))
            found[name] = [
                "WITHOUT ROWID" in words,
                *file.execute(f"PRAGMA table_info({name})"),
                *file.execute(f"PRAGMA foreign_key_list({name})"),
                *((one, *file.execute(f"PRAGMA index_xinfo({one[0]})")) for one in indexes),
            ]
        partial = "SELECT name, substr(sql, instr(sql, 'WHERE')) FROM sqlite_master WHERE sql LIKE '% WHERE %'"
        return found | {"partial": file.execute(partial).fetchall()}


def test_a_new_ledger_is_one_of_schema_3(database: Database, tmp_path: Path) -> None:
    """Tables, columns, keys, references and indexes are those that the first version of schema 3 has written."""
    with closing(sqlite3.connect(tmp_path / "other.ledger")) as file:
        file.executescript(SCRIPT.read_text(encoding="utf-8"))
    assert shape(database.path) == shape(tmp_path / "other.ledger")
    with Ledger(tmp_path / "other.ledger") as other:
        assert other.copy is None
        assert other.is_new
    assert shape(database.path) == shape(tmp_path / "other.ledger")


def test_the_layout_is_what_the_page_of_tables_says() -> None:
    """Each table with its columns, its key and the table that it refers to, which stands before it."""
    tables = layout()
    assert {name: table.parent for name, table in tables.items() if table.parent} == {
        "outcomes": "runs",
        "intents": "runs",
        "quiet_parts": "runs",
        "quiet_names": "runs",
        "bases": "scopes",
        "input_parts": "inputs",
    }
    names = list(tables)
    assert all(names.index(table.parent) < names.index(name) for name, table in tables.items() if table.parent)
    assert tables["intents"].key == ("run", "n", "attempt")
    assert tables["outcomes"].columns == ("run", "n", "cause", "settled", "key", "referral")
    assert {name: set(table.binary) for name, table in tables.items() if table.binary} == {
        "quiet_parts": {"content"},
        "quiet_names": {"content"},
        "input_parts": {"content"},
    }


@pytest.mark.parametrize("kind", ["writing", "reading"])
def test_what_goes_wrong_first_is_told_though_nothing_can_be_taken_back(database: Database, kind: str) -> None:
    """A disk that is gone refuses the rollback too: that is not what anybody wants to hear of."""

    def broken() -> None:
        with getattr(database, kind)() as connection:
            connection.close()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()


def test_a_commit_that_is_refused_leaves_nothing_behind(database: Database) -> None:
    """What was written before it is gone, and the next transaction begins as any other."""

    def refused() -> None:
        with database.writing() as connection:
            connection.execute("PRAGMA defer_foreign_keys=ON")  # so that the commit is what finds it
            connection.execute(FACT)
            connection.execute(STRAY)

    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        refused()
    assert database.rows("SELECT count(*) FROM outcomes") == [(0,)]
    with database.writing() as connection:
        connection.execute(FACT)
    assert database.rows("SELECT value FROM facts WHERE name = 'a'") == [("b",)]


def test_one_transaction_does_not_begin_within_another(database: Database) -> None:
    """Reading in the middle of writing would end what was begun: it is refused, and nothing is written."""

    def nested() -> None:
        with database.writing() as connection:
            connection.execute(FACT)
            database.rows("SELECT 1")

    with pytest.raises(StorageRefused, match="within a transaction"):
        nested()
    assert database.rows("SELECT count(*) FROM facts WHERE name = 'a'") == [(0,)]


def test_reading_leaves_nothing_behind(database: Database) -> None:
    """It ends by a rollback, whatever was done in it."""
    with database.reading() as connection:
        connection.execute(FACT)
    assert database.rows("SELECT count(*) FROM facts WHERE name = 'a'") == [(0,)]


def test_a_run_that_is_not_on_record_cannot_be_ended(tmp_path: Path) -> None:
    """A ledger that has lost a run cannot be relied on."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        with pytest.raises(StorageRefused, match=r"No row was found .*; nothing more is sent"):
            ledger.end("gone", 1.0, 0, {})
        with pytest.raises(StorageRefused, match=r"No row was found .*; nothing more is sent"):
            ledger.note("gone", {})


def test_any_number_of_referrals_can_be_asked_for(tmp_path: Path) -> None:
    """More than SQLite takes in one question; each is found, wherever it stands among them."""
    ids = [f"id-{n}" for n in range(40_000)]
    with Ledger(tmp_path / "job.ledger") as ledger:
        rows = [
            (Settled(n, Place("rows.csv", n), "", {}, Cause.IN_STEP, "", id=one), (Base(one, {"/name": n}, 1.0),))
            for n, one in enumerate(ids)
            if n % 4_999 == 0
        ]
        ledger.begin(Begun("run", "job", "remote", "plan", {}, 1.0), rows)
        found = {one: kept.remembered for one, kept in ledger.kept_of("job", "remote", ids).items()}
    assert list(found) == ids
    assert {one: known.values["/name"] for one, known in found.items() if known.values} == {
        f"id-{n}": n for n in range(0, 40_000, 4_999)
    }


def test_a_list_of_values_is_as_many_places(database: Database) -> None:
    """None of them is written into the words; of no values nothing is found, and nothing is wrong."""
    words, named = several("name", ["schema", "it's; DROP TABLE facts"])
    assert (words, list(named)) == (":name_0, :name_1", ["name_0", "name_1"])
    assert database.rows(f"SELECT name FROM facts WHERE name IN ({words})", named) == [("schema",)]
    words, named = several("name", [])
    assert database.rows(f"SELECT name FROM facts WHERE name IN ({words})", named) == []
