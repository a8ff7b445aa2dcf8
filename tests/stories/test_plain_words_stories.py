"""What a first user stumbled over: words that mislead, options that mean more than they say, commands to paste."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
from desk import Desk, crm, guid, referral, renamed
from editing import edit

from syncjob.cli import terminal

pytestmark = pytest.mark.long

CLOSING = {"CRM Id": crm(1), "Stage": "Won", "Deal": "Renamed 1"}


def set_cell(column: str, value: str, rows: list[dict[str, Any]]) -> None:
    """Write one cell of the first row."""
    rows[0][column] = value


@pytest.mark.parametrize("name", ["pulled.xlsx", "pulled.csv", "pulled.yaml"])
def test_a_blank_that_somebody_else_has_filled_since_is_a_conflict(desk: Desk, name: str) -> None:
    """What was pulled as nothing is known too: nobody's edit is overwritten, and a mere fill is no first run."""
    desk.box.empty(referral(n) for n in (1, 2))
    desk.configure(guards={"first_run": 0})
    assert desk.run("pull", "-o", name).code == 0

    def fill(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["customerAction"] = "Mine"

    edit(desk.folder / name, fill)
    desk.box.edit(1, details__customerAction="Theirs")
    said = desk.run("apply", name, "--yes", "--json")
    assert {row["id"]: row["cause"] for row in said.report["rows"]} == {guid(1): "both_moved", guid(2): "confirmed"}
    assert desk.box.store.get(guid(1))["details"]["customerAction"] == "Theirs"


@pytest.mark.parametrize("word", ["meine", "thiers", "MINE!", "ja", "yes", "keep", "their", "x"])
def test_a_misspelt_decision_is_never_sent_as_a_value(desk: Desk, word: str) -> None:
    """It is invalid, with what to write; the deal does not end up being called so."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    desk.box.edit(1, name="Elsewhere")
    desk.rows(*renamed(1, name="Ours {}"))
    assert desk.run("apply", "--yes", "--report", "night.csv").code == 3
    edit(desk.folder / "night.csv", partial(set_cell, "syncjob decision", word))
    said = desk.run("retry", "night.csv", "-o", "again.plan", "--json")
    (row,) = said.report["rows"]
    assert (row["outcome"], "may mean mine or theirs" in row["reason"]) == ("invalid", True)


def test_theirs_is_told_to_count_only_once_it_is_applied(desk: Desk) -> None:
    """And the command that is printed does it: the next night is in step with the person's word."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    desk.box.edit(1, name="Elsewhere")
    desk.rows(*renamed(1, name="Ours {}"))
    assert desk.run("apply", "--yes", "--report", "night.csv").code == 3
    edit(desk.folder / "night.csv", partial(set_cell, "syncjob decision", "theirs"))
    said = desk.run("retry", "night.csv", "-o", "my again.plan")
    assert "what was decided counts only once it is applied: syncjob apply 'my again.plan'" in said.err
    command = shlex.split(said.err.rpartition("syncjob ")[2])
    assert desk.run(*command, "--yes").code == 0
    assert desk.run("apply", "--yes", "--json").causes == {crm(1): "remote_moved"}


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--only-fields", ""),
        ("plan", "--only-fields", " , "),
        ("apply", "--yes", "--only-fields", ""),
        ("drift", "--ignore", ""),
        ("undo", "last", "--select", ""),
        ("undo", "last", "--select", " ,"),
        ("undo", "last", "--select", "key="),
        ("undo", "last", "--select", "field=,"),
    ],
)
def test_an_empty_word_does_not_mean_all(desk: Desk, words: tuple[str, ...]) -> None:
    """A script whose variable is not set must not send everything."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    desk.rows(*renamed(2))
    sent = len(desk.box.patches)
    said = desk.run(*words)
    assert (said.code, len(desk.box.patches)) == (2, sent), said.err


def test_fields_may_be_parted_by_commas_wherever_they_are_named(desk: Desk) -> None:
    """As --only-fields takes them, so does --ignore."""
    desk.rows(*renamed(1))
    assert desk.run("drift", "--ignore", "name,dealValue").code == 0


def test_a_run_that_broke_off_says_what_was_sent_and_how_to_go_on(desk: Desk) -> None:
    """Its requests are counted by its intents; taken up, the whole run is counted."""
    desk.rows(*renamed(1, 2))
    assert desk.run("plan", "-o", "kept.plan").code == 0
    assert desk.run("apply", "kept.plan", "--yes").code == 0
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        database.execute("UPDATE runs SET ended = NULL, exit_code = NULL, requests = NULL")
    said = desk.run("show", "last")
    assert "2 rows applied, 2 PATCH sent" in said.out
    assert "apply the same plan again to take it up" in said.err
    assert "broke off: apply its plan again" in desk.run("status").out


def test_a_deal_is_found_by_its_crm_id_in_runs_of_pulled_files(desk: Desk) -> None:
    """History, explain and undo know it by what people call it."""
    desk.box.empty([referral(1)])
    desk.configure()
    assert desk.run("pull", "-o", "pulled.csv").code == 0
    edit(desk.folder / "pulled.csv", partial(set_cell, "name", "Edited"))
    assert desk.run("apply", "pulled.csv", "--yes").code == 0
    assert "name: Deal 1 -> Edited" in desk.run("history", "--deal", crm(1)).out
    assert desk.run("explain", "last", crm(1)).code == 0
    assert "1 planned" in desk.run("undo", "last", "--select", crm(1)).out


def test_a_deal_that_no_run_has_met_is_refused(desk: Desk) -> None:
    """That nothing was written to it would be a claim."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    said = desk.run("history", "--deal", "CRM-77")
    assert (said.code, "no run of job desk has met it" in said.err) == (4, True)


def test_what_a_retry_has_settled_waits_no_more(desk: Desk) -> None:
    """And what is held since nights is told since the first of them, whatever holds it now."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    desk.box.edit(1, name="Elsewhere")
    desk.rows(*renamed(1, name="Ours {}"))
    assert desk.run("apply", "--yes", "--report", "night.csv").code == 3
    assert "waits for a person: 1 row" in desk.run("status").out
    edit(desk.folder / "night.csv", partial(set_cell, "syncjob decision", "mine"))
    assert desk.run("retry", "night.csv", "-o", "again.plan").code == 0
    assert desk.run("apply", "again.plan", "--yes").code == 0
    assert "nothing waits for a person" in desk.run("status").out


def test_a_row_that_two_guards_hold_names_both(desk: Desk) -> None:
    """So that one evening is enough to lift them."""
    desk.configure(guards={"first_run": 0})
    desk.rows(CLOSING)
    said = desk.run("apply", "--yes", "--json")
    (row,) = said.report["rows"]
    assert row["cause"] == "closes"
    assert "--allow closes" in row["reason"]
    assert "--allow first-run" in row["reason"]
    assert desk.run("apply", "--yes", "--allow", "closes", "--allow", "first-run").code == 0


def test_where_guards_hold_all_nobody_is_told_that_yes_would_send_it(desk: Desk) -> None:
    """The number is of what would go."""
    desk.rows({"CRM Id": crm(1), "Stage": "Won"})
    said = desk.run("apply")
    assert (said.code, "0 changes would be sent" in said.err) == (2, True)
    assert "1 are held by guards" in said.err


def test_a_question_that_nobody_answers_is_called_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten terminal must not hold the lock through the night."""
    monkeypatch.setattr(terminal, "ASK_S", 0.2)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: time.sleep(60))
    desk.rows(*renamed(1))
    said = desk.at_terminal("apply", answers="")
    assert (said.code, "nobody has answered" in said.err) == (2, True)
    assert desk.box.patches == []
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_ledger_that_may_only_be_read_can_be_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking needs no right to write; sending does, and says which folder."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    real = os.access
    monkeypatch.setattr(os, "access", lambda place, mode, **more: mode != os.W_OK and real(place, mode, **more))
    for command in ("show last", "explain last 1", "history", "status", "plan", "drift", "undo last", "ledger check"):
        assert desk.run(*command.split()).code in (0, 10), command
    assert desk.run("ledger", "export", "kept.jsonl").code == 0
    said = desk.run("apply", "--yes")
    assert (said.code, "readonly" in said.err) == (8, True)


def test_a_rebuilt_ledger_says_that_it_knows_too_little(desk: Desk) -> None:
    """Whatever is asked of it afterwards, so that its silence is not taken for nothing."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        database.execute("UPDATE outcomes SET settled = '{'")
    said = desk.run("ledger", "check", "--rebuild")
    assert (said.code, "not all of it could be read (outcomes)" in said.out) == (0, True)
    for command in ("show last", "history", "status"):
        assert "this ledger was rebuilt on" in desk.run(*command.split()).err, command
    undo = desk.run("undo", "last")
    assert (undo.code, "rows of runs before that are lost" in undo.err) == (4, True)


def test_an_export_of_another_job_is_told_to_be_one(desk: Desk, tmp_path: Path) -> None:
    """It is read, since a job may be renamed; but nobody is left to wonder where the runs are."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    assert desk.run("ledger", "export", "kept.jsonl").code == 0
    again = desk.run("ledger", "export", "kept.jsonl")
    assert (again.code, "--force" in again.err, "name another" in again.err) == (2, False, True)
    desk.configure(job="other", ledger={"file": str(tmp_path / "other.ledger")})
    said = desk.run("ledger", "import", "kept.jsonl")
    assert (said.code, "none of them is of job other" in said.err) == (0, True)


def test_a_plan_has_no_input_to_give(desk: Desk) -> None:
    """It is said, and not passed over."""
    desk.rows(*renamed(1))
    assert desk.run("plan", "-o", "kept.plan").code == 0
    said = desk.run("show", "kept.plan", "--input", "then.csv")
    assert (said.code, "--input goes with a run" in said.err) == (2, True)


def test_a_change_without_history_is_explained_with_its_guard(desk: Desk) -> None:
    """Who reads `explain` learns why it does not go."""
    desk.configure(guards={"first_run": 0})
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 3
    assert "the guard first-run holds it until a person says" in desk.run("explain", "last", "1").out


def test_the_command_that_pull_prints_can_be_pasted(desk: Desk) -> None:
    """Whatever the file is called."""
    said = desk.run("pull", "-o", "my deals.csv", "-c", str(desk.config))
    command = shlex.split(said.err.rpartition("then: syncjob ")[2])
    assert desk.run(*command).code == 0
