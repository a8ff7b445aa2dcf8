"""A ledger that is damaged: it is told by name, it is kept, and what can be understood of it is saved."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, crm, guid, renamed

from syncjob.ledger import Ledger, Lock, held

SCHEMA_1 = Path(__file__).parent.parent / "ledger" / "schema-1.sql"
FOREIGN = "http://127.0.0.1:9/v1.0/engagements/referrals"  # that of the ledger of schema 1


@pytest.fixture
def known(desk: Desk) -> Desk:
    """One referral was sent a name, another is in step; the ledger knows both."""
    desk.rows(*renamed(1), {"CRM Id": crm(2), "Deal": "Deal 2"})
    assert desk.run("apply", "--yes").code == 0
    return desk


def harm(desk: Desk, *statements: str) -> None:
    """Damage the ledger, page by page sound, by these statements."""
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        for one in statements:
            assert database.execute(one).rowcount > 0


def remembered(desk: Desk, n: int) -> Mapping[str, Any]:
    """Give the bases of referral `n`."""
    with closing(Ledger(desk.ledger)) as ledger:
        return ledger.remembered("desk", f"{desk.box.url}/v1.0/engagements/referrals", guid(n)).values


def rebuilt(desk: Desk) -> str:
    """See the damage told, save what can be saved, and see the new ledger sound; give what was said."""
    assert desk.run("ledger", "check").code == 8
    said = desk.run("ledger", "check", "--rebuild")
    assert said.code == 0, said.err
    assert desk.run("ledger", "check").code == 0
    return said.out


DAMAGE = {
    "row": "UPDATE outcomes SET settled = '{' WHERE n = 1",
    "row of another shape": """UPDATE outcomes SET settled = replace(settled, '"cause"', '"x"') WHERE n = 1""",
    "unknown cause": "UPDATE outcomes SET cause = 'from_the_future' WHERE n = 1",
    "facts": "UPDATE runs SET facts = '['",
    "facts of another shape": "UPDATE runs SET facts = '[]'",
    "base": "UPDATE bases SET agreed = '{'",
    "moment of a run": "UPDATE runs SET began = 'x'",
    "end of a run": "UPDATE runs SET ended = x'00'",
    "moment of an intent": "UPDATE intents SET at = 'x'",
    "requests": "UPDATE runs SET requests = 3.5",
}


@pytest.mark.parametrize(
    ("damage", "commands"),
    [
        ("row", ["show last", "explain last 1", "history", "undo last", "retry last"]),
        ("row of another shape", ["show last", "explain last 1", "history", "undo last", "retry last"]),
        ("unknown cause", ["show last", "status", "undo last", "apply --yes"]),
        ("facts", ["show last", "explain last 1", "history", "status", "undo last", "retry last"]),
        ("facts of another shape", ["show last", "explain last 1", "history", "status", "undo last", "retry last"]),
        ("base", ["plan", "drift", "apply --yes"]),
        ("moment of a run", ["show last", "explain last 1", "history", "status", "undo last", "retry last"]),
        ("end of a run", ["show last", "explain last 1", "status", "undo last"]),
        ("moment of an intent", ["explain last 1", "history"]),
        ("requests", ["show last", "status"]),
    ],
)
def test_damage_is_told_with_the_way_to_look_at_it(known: Desk, damage: str, commands: list[str]) -> None:
    """Exit 8 and `syncjob ledger check`, whatever is asked of it; nothing is sent, and the check tells it too."""
    harm(known, DAMAGE[damage])
    known.rows(*renamed(1, 2, name="Next {}"))
    known.box.records.clear()
    for command in commands:
        said = known.run(*command.split())
        assert said.code == 8, (command, said.err)
        assert "syncjob ledger check" in said.err, command
    assert known.box.patches == []
    said = known.run("ledger", "check")
    assert (said.code, "--rebuild" in said.err) == (8, True)


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_rebuilt_once_is_sound(known: Desk, damage: str) -> None:
    """What cannot be understood is left in the ledger that stands aside: the new one needs no second rebuild."""
    harm(known, DAMAGE[damage])
    said = rebuilt(known)
    assert f"the damaged ledger stands aside as {known.ledger}.damaged" in said
    assert known.run("apply", "--yes", "--json").code == 0
    assert (known.folder / "desk.ledger.damaged").exists()
    assert not list(known.folder.glob("desk.ledger.damaged.2*"))


def test_a_damaged_row_takes_no_base_with_it(known: Desk) -> None:
    """What row and referral agreed on is known still: an edit since is drift."""
    harm(known, DAMAGE["row"])
    rebuilt(known)
    known.box.edit(1, name="By a person")
    assert known.run("apply", "--yes", "--json").causes == {crm(1): "remote_moved", crm(2): "in_step"}


def test_bases_behind_many_that_belong_to_nobody_are_saved(known: Desk) -> None:
    """Orphans fill more than a group: what comes after them is saved all the same."""
    harm(known, "UPDATE scopes SET id = 2", "UPDATE bases SET scope = 2")
    with closing(sqlite3.connect(known.ledger)) as database, database:
        database.executemany("INSERT INTO bases VALUES (1, ?, 0, 'r', '{}', '')", [(f"g{n}",) for n in range(1_200)])
    rebuilt(known)
    assert [remembered(known, n)["/name"] for n in (1, 2)] == ["Renamed 1", "Deal 2"]


@pytest.fixture
def old(desk: Desk) -> Desk:
    """A ledger of schema 1, of two runs with three rows; the first of each cannot be read."""
    desk.ledger.touch(0o600)
    with closing(sqlite3.connect(desk.ledger)) as database:
        database.executescript(SCHEMA_1.read_text(encoding="utf-8"))
    harm(desk, "UPDATE outcomes SET settled = '{' WHERE n = 1")
    return desk


def test_a_damaged_ledger_of_an_earlier_version_can_be_rebuilt(old: Desk) -> None:
    """Told like any damage, and what can be understood of it is saved: runs, the sound row and normal forms."""
    said = old.run("ledger", "check")
    assert (said.code, "--rebuild" in said.err) == (8, True)
    assert "the ledger was brought up to this version; a copy of what it was: " in said.err
    assert "brought up" not in old.run("ledger", "check").err, "once"
    rebuilt(old)
    with Ledger(old.ledger) as ledger:
        runs = ledger.runs("scene", FOREIGN)
        assert len(runs) == 2
        assert [row.n for run in runs for row in ledger.outcomes(run)] == [2]
        assert ledger.has_forms(FOREIGN)
    old.rows(*renamed(1))
    assert old.run("apply", "--yes").code == 0


# ── Several jobs over one ledger ─────────────────────────────────────────────────────────────────


def test_a_ledger_at_which_another_job_is_at_work_is_not_rebuilt(known: Desk) -> None:
    """Its run would go on in the file that stands aside: exit 9 until it has ended, then it is saved."""
    harm(known, DAMAGE["row"])
    before = known.ledger.read_bytes()
    with held(Lock(known.ledger, "other", "http://elsewhere"), "apply"):
        said = known.run("ledger", "check", "--rebuild")
        assert (said.code, "is at work (apply, process " in said.err) == (9, True)
    assert known.ledger.read_bytes() == before
    assert not list(known.folder.glob("*.damaged*"))
    rebuilt(known)


def test_nothing_is_imported_while_another_job_is_at_work(known: Desk) -> None:
    """It may have begun the ledger that is to be filled: exit 9, and no ledger is made."""
    assert known.run("ledger", "export", "all.jsonl").code == 0
    for path in known.folder.glob("desk.ledger*"):
        path.unlink()
    with held(Lock(known.ledger, "other", "http://elsewhere"), "apply"):
        said = known.run("ledger", "import", "all.jsonl")
        assert (said.code, "is at work (apply, process " in said.err) == (9, True)
        assert not known.ledger.exists()
    assert known.run("ledger", "import", "all.jsonl").code == 0
    assert remembered(known, 1)["/name"] == "Renamed 1"
