"""A ledger of an earlier version is copied and brought up; what this program does not know is refused."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from syncjob.errors import StorageRefused
from syncjob.ledger import Base, Begun, Ledger, Quiet, Remembered, finding, migrating
from syncjob.ledger.checking import problems, rebuild
from syncjob.ledger.tables import SCHEMA
from syncjob.model import Cause, Operation, Place, Settled

SCRIPT = Path(__file__).with_name("schema-1.sql")
SECOND = Path(__file__).with_name("schema-2.sql")
JOB, REMOTE = "scene", "http://127.0.0.1:9/v1.0/engagements/referrals"
CONFIRMED, UNSETTLED = "20261102T020000Z-6b0d", "20261102T020000Z-8e81"
LONG = "2500ec5a-0000-4000-8000-000000000004"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger as the first version has left it: three rows, one of them unsettled, and one normal form."""
    path = tmp_path / "job.ledger"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCRIPT.read_text(encoding="utf-8"))
    path.chmod(0o600)
    return path


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A ledger as schema 2 has left it: a run of two quiet rows and one that was sent, and what it has agreed on."""
    path = tmp_path / "job.ledger"
    place, sent = Place("rows.csv", 1), (Operation("replace", "/name", "b"),)
    rows = [
        Settled(1, place, "k1", {}, Cause.IN_STEP, "", id="ID-1"),
        Settled(2, place, "k2", {}, Cause.IN_STEP, "", id="id-2"),
        Settled(3, place, "k3", {}, Cause.CONFIRMED, "", id="id-3", operations=sent, attempts=1),
    ]
    outcomes = [
        ("run-2", row.n, str(row.cause), row.to_line().decode(), row.key, (row.id or "").lower()) for row in rows
    ]
    bases = [
        (1, "id-1", "/details/dealValue", '"10.50"', 5.0, "run-2", 0),
        (1, "id-1", "/name", '"ü"', 5.0, "run-2", 0),
        (1, "id-1", "/team", '[{"email":"a@b.example"}]', 4.5, "run-1", 0),
        (1, "id-3", "/name", '"b"', 6.25, "run-2", 3),
        (2, "id-1", "/name", "null", 1.0, "run-0", 0),
    ]
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SECOND.read_text(encoding="utf-8"))
        with database:
            database.execute("INSERT INTO scopes VALUES (1, ?, ?), (2, 'other', ?)", (JOB, REMOTE, REMOTE))
            facts = (JOB, REMOTE, "plan-2", '{"columns":[]}', 1.8e9, "bases")
            database.execute(
                "INSERT INTO runs (id, job, remote, plan, facts, began, moves) VALUES ('run-2', ?, ?, ?, ?, ?, ?)",
                facts,
            )
            database.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", outcomes)
            database.executemany("INSERT INTO bases VALUES (?, ?, ?, ?, ?, ?, ?)", bases)
    path.chmod(0o600)
    return path


def dump(path: Path) -> list[str]:
    """All that a database says."""
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def layout(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The columns of every table and the names of its indexes."""
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: sorted(database.execute(f"PRAGMA table_info({name})"), key=lambda one: one[1]) for name in names}
        return {
            name: [one[1:4] for one in columns]
            + sorted((index[1],) for index in database.execute(f"PRAGMA index_list({name})") if index[3] == "c")
            for name, columns in found.items()
        }


def test_an_old_ledger_keeps_all_that_it_knew(old: Path) -> None:
    """Runs, outcomes, the open intent and the normal form are there; no base is invented."""
    with Ledger(old) as ledger:
        assert not ledger.is_new
        assert ledger.runs(JOB, REMOTE) == [UNSETTLED, CONFIRMED]
        assert ledger.totals(CONFIRMED) == {Cause.CONFIRMED: 2}
        assert [row.cause for row in ledger.outcomes(UNSETTLED)] == [Cause.ANSWER_UNKNOWN]
        [intent] = ledger.open_intents(JOB, REMOTE)
        assert (intent.run, intent.n, intent.attempts, intent.moves) == (UNSETTLED, 1, 1, "unknown")
        assert ledger.normal_forms(REMOTE, LONG) == {"/name": ("Long", "Lon")}
        facts = ledger.facts(CONFIRMED)
        assert (facts["moves"], facts["source"]) == ("unknown", "rows.csv")
        assert ledger.run_before(JOB, REMOTE, "rows.csv", 9e9) in (CONFIRMED, UNSETTLED)
        assert ledger.remembered(JOB, REMOTE, LONG).values == {}


def test_the_rows_of_an_old_ledger_can_be_found(old: Path) -> None:
    """By the key of the row and by its referral, in lower case."""
    Ledger(old).close()
    with closing(sqlite3.connect(old)) as database:
        found = database.execute("SELECT key, referral FROM outcomes ORDER BY run, n").fetchall()
    assert found == [(f"2500ec5a-0000-4000-8000-{n:012d}",) * 2 for n in (1, 2, 3)]


def test_a_ledger_that_was_brought_up_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    """The same tables, columns and indexes, and a new run with bases goes into it."""
    with Ledger(old) as ledger:
        assert ledger.copy == old.with_name("job.ledger.schema-1")
        begun = Begun("run", JOB, REMOTE, "plan", {"source": "rows.csv"}, 1.8e9, "bases")
        row = next(ledger.outcomes(CONFIRMED))
        ledger.begin(begun, [(row, (Base(LONG, {"/name": "Lon"}, 1.8e9),))])
        assert ledger.remembered(JOB, REMOTE, LONG).values == {"/name": "Lon"}
        assert ledger.runs(JOB, REMOTE)[0] == "run"
    Ledger(tmp_path / "new.ledger").close()
    assert layout(old) == layout(tmp_path / "new.ledger")


def test_the_copy_is_the_ledger_as_it_was_and_its_owner_s(old: Path) -> None:
    """Whole, 0600; a second opening makes no other, and a name that is taken is left alone."""
    before = dump(old)
    old.with_name("job.ledger.schema-1").write_bytes(b"somebody's")
    with Ledger(old) as ledger:
        copy = ledger.copy
        assert copy == old.with_name("job.ledger.schema-1.2")
    assert copy is not None
    assert dump(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert old.with_name("job.ledger.schema-1").read_bytes() == b"somebody's"
    with Ledger(old) as ledger:
        assert ledger.copy is None
    assert sorted(one.name for one in old.parent.iterdir()) == ["job.ledger", "job.ledger.schema-1", copy.name]


def test_a_step_that_fails_leaves_the_ledger_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing: the tables of the step are gone again, and the next opening brings it up."""
    before = dump(old)

    def failing(connection: Connection) -> None:
        migrating._to_2(connection)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setitem(migrating.STEPS, 1, failing)
        with pytest.raises(StorageRefused, match="No space left"):
            Ledger(old)
    assert dump(old) == before
    assert [one.name for one in old.parent.iterdir()] == ["job.ledger"], "and no try leaves a copy"
    with Ledger(old) as ledger:
        assert ledger.totals(CONFIRMED) == {Cause.CONFIRMED: 2}


def test_no_room_for_the_copy_is_told_and_nothing_is_touched(old: Path) -> None:
    """Without a copy no step is taken."""
    before = dump(old)
    for n in range(1, migrating.COPIES_MAX + 1):
        old.with_name(f"job.ledger.schema-1{f'.{n}' if n > 1 else ''}").touch()
    with pytest.raises(StorageRefused, match=f"{migrating.COPIES_MAX} copies of schema 1 already"):
        Ledger(old)
    assert dump(old) == before


def test_a_newer_schema_is_refused_and_left_alone(old: Path) -> None:
    """It may mean what we cannot know: no copy, no step, the same bytes."""
    with closing(sqlite3.connect(old)) as database, database:
        database.execute("UPDATE facts SET value = ?", (str(SCHEMA + 1),))
    before = dump(old)
    with pytest.raises(StorageRefused, match=f"written by a newer syncjob .schema {SCHEMA + 1}., this one knows"):
        Ledger(old)
    assert dump(old) == before
    assert [one.name for one in old.parent.iterdir()] == ["job.ledger"]


@pytest.mark.parametrize("damage", ["no database", "a header and noise", "a page of zeros"])
def test_a_damaged_ledger_is_refused_with_the_way_to_save_it(tmp_path: Path, damage: str) -> None:
    """Exit 8 that names the command which reads what can be read; not a byte of the file is changed."""
    path = tmp_path / "job.ledger"
    Ledger(path).close()
    whole = path.read_bytes()
    content = {
        "no database": b"this is no database, whatever its name says\n" * 200,
        "a header and noise": whole[:100] + bytes(range(256)) * (len(whole) // 256),
        "a page of zeros": whole[:4096] + bytes(4096 * 40) + whole[4096 * 41 :],
    }[damage]
    path.write_bytes(content)
    with pytest.raises(StorageRefused, match="syncjob ledger check --rebuild") as refused:
        Ledger(path)
    assert "left as it is and nothing is sent" in str(refused.value)
    assert path.read_bytes() == content


# ── From schema 2 to 3 ───────────────────────────────────────────────────────────────────────────


def test_a_ledger_of_schema_2_keeps_all_that_it_knew(second: Path) -> None:
    """Rows stay where they stand, and are found; of each referral there is one row of what was agreed on."""
    with Ledger(second) as ledger:
        assert ledger.copy == second.with_name("job.ledger.schema-2")
        assert [row.n for row in ledger.outcomes("run-2")] == [1, 2, 3]
        assert [row.n for row in ledger.loud("run-2")] == [3]
        assert list(finding.eventful(ledger.database, JOB, REMOTE)) == ["id-1", "id-2", "id-3"]
        known = {one: ledger.remembered(JOB, REMOTE, one) for one in ("id-1", "id-2", "id-3")}
        assert known["id-1"] == Remembered(
            {"/details/dealValue": "10.50", "/name": "ü", "/team": [{"email": "a@b.example"}]},
            {"/details/dealValue": 0, "/name": 0, "/team": 0},
            {"/details/dealValue": (5.0, "run-2"), "/name": (5.0, "run-2"), "/team": (4.5, "run-1")},
        )
        assert known["id-2"] == Remembered({}, {}, {})
        assert known["id-3"] == Remembered({"/name": "b"}, {"/name": 3}, {"/name": (6.25, "run-2")})
        assert ledger.remembered("other", REMOTE, "id-1").since == {"/name": (1.0, "run-0")}
    assert problems(second) == []


def test_a_new_night_goes_on_where_schema_2_has_ended(second: Path) -> None:
    """A row that stood alone is quiet in a part now: both are found, and its base moves."""
    with Ledger(second) as ledger:
        row = next(ledger.outcomes("run-2"))
        quiet = Quiet.of(row)
        assert quiet is not None
        seen = Base("ID-1", {"/name": "ü", "/details/dealValue": "10.50"}, 1.9e9)
        ledger.begin(Begun("run-3", JOB, REMOTE, "plan-3", {}, 1.9e9, "bases"), [(quiet, (seen,))])
        assert [run for run, _, _ in finding.rows_of(ledger.database, JOB, REMOTE, "id-1")] == ["run-2", "run-3"]
        assert ledger.remembered(JOB, REMOTE, "id-1").since == {
            "/details/dealValue": (1.9e9, "run-3"),
            "/name": (1.9e9, "run-3"),
            "/team": (4.5, "run-1"),
        }


def test_a_ledger_of_schema_2_is_like_a_new_one_afterwards(second: Path, tmp_path: Path) -> None:
    """The same tables, columns and indexes; the copy is as it was."""
    before = dump(second)
    Ledger(second).close()
    Ledger(tmp_path / "new.ledger").close()
    assert layout(second) == layout(tmp_path / "new.ledger")
    assert dump(second.with_name("job.ledger.schema-2")) == before


HARM: dict[str, list[Any]] = {
    "value": ["{", "", "nonsense", '"', '"b","/details/currency":"USD"', b'"b"'],
    "at": ["x", b"x"],
    "run": [b"r"],
}


@pytest.mark.parametrize(("column", "damage"), [(name, one) for name, many in HARM.items() for one in many])
def test_a_damaged_value_of_schema_2_stays_one(second: Path, column: str, damage: object) -> None:
    """It is told after the step as it was before, by its referral; the others are sound."""
    with closing(sqlite3.connect(second)) as database, database:
        database.execute(f"UPDATE bases SET {column} = ? WHERE referral = 'id-3'", (damage,))
    with Ledger(second) as ledger:
        with pytest.raises(StorageRefused, match="remembered of referral id-3 cannot be read"):
            ledger.remembered(JOB, REMOTE, "id-3")
        assert ledger.remembered(JOB, REMOTE, "id-1").values["/name"] == "ü"
    [said] = problems(second)
    assert said.startswith("bases ")


@pytest.mark.parametrize("damaged", [False, True])
def test_a_damaged_ledger_of_schema_2_is_rebuilt_as_one_of_schema_3(second: Path, *, damaged: bool) -> None:
    """What each referral has agreed on is saved, but for the value that cannot be understood."""
    with closing(sqlite3.connect(second)) as database, database:
        database.execute("UPDATE facts SET value = 'x'")  # of no schema: nobody opens it
        if damaged:
            database.execute("UPDATE bases SET value = '{' WHERE referral = 'id-1' AND path = '/team'")
    assert "does not say of which schema it is" in problems(second)[0]
    _, saved, broke_off = rebuild(second)
    assert (saved["bases"], broke_off) == (3, ["bases"] if damaged else [])
    with Ledger(second) as ledger:
        assert set(ledger.remembered(JOB, REMOTE, "id-1").values) == {
            "/details/dealValue",
            "/name",
            *(() if damaged else ("/team",)),
        }
        assert ledger.remembered(JOB, REMOTE, "id-3").nights == {"/name": 3}
        assert [row.n for row in ledger.outcomes("run-2")] == [1, 2, 3]
    assert problems(second) == []
