"""A plan that broke off is taken up: what is left is guarded, asked about and told as if it were begun."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from desk import Desk, Said, crm, guid, renamed

from syncjob.sandbox.faults import Rates
from syncjob.sandbox.messages import Request

CLOSING = {"CRM Id": crm(1), "Stage": "Won"}


def kept(desk: Desk, *rows: dict[str, str]) -> Path:
    """Keep a plan of these rows."""
    desk.rows(*rows)
    assert desk.run("plan", "-o", "kept.plan").code == 0
    return desk.folder / "kept.plan"


def put_off(desk: Desk, *words: str) -> Said:
    """Let the kept plan be sent while every referral is locked; then it is calm again."""
    desk.box.rates = Rates(locked=1)
    said = desk.run("apply", "kept.plan", "--yes", "--json", *words)
    desk.box.rates = Rates()
    assert said.code == 3, said.err
    desk.box.records.clear()
    return said


def status_of(desk: Desk, n: int) -> str:
    """Give the status that referral `n` has now."""
    return str(desk.box.store.get(guid(n))["status"])


def test_what_was_allowed_once_is_not_allowed_to_whoever_takes_up(desk: Desk) -> None:
    """A close that was put off under --allow closes is held when the plan goes on without it; the rest goes."""
    kept(desk, CLOSING, *renamed(2))
    assert set(put_off(desk, "--allow", "closes").causes.values()) == {"locked"}
    said = desk.run("apply", "kept.plan", "--yes", "--json")
    assert (said.code, said.causes) == (3, {crm(1): "closes", crm(2): "confirmed"})
    assert "--allow closes" in said.report["rows"][0]["reason"]
    assert [record.path[-36:] for record in desk.box.patches] == [guid(2)]
    assert status_of(desk, 1) == "Active"


def test_what_was_allowed_twice_goes(desk: Desk) -> None:
    """The same words to the second go send what the first had put off."""
    kept(desk, CLOSING)
    put_off(desk, "--allow", "closes")
    said = desk.run("apply", "kept.plan", "--yes", "--json", "--allow", "closes")
    assert (said.code, said.causes, status_of(desk, 1)) == (0, {crm(1): "confirmed"}, "Closed")


def test_at_a_terminal_a_no_holds_what_was_allowed_before(desk: Desk) -> None:
    """Whoever takes up is asked about the guard again; no to it and yes to the rest sends the rest."""
    kept(desk, CLOSING, *renamed(2))
    put_off(desk, "--allow", "closes")
    said = desk.at_terminal("apply", "kept.plan", "--json", answers="n\ny\n")
    assert "Lift closes and send these rows too?" in said.err
    assert (said.code, said.causes) == (3, {crm(1): "closes", crm(2): "confirmed"})
    assert status_of(desk, 1) == "Active"


def test_the_question_counts_only_what_is_left(desk: Desk) -> None:
    """Of three rows one was sent before the others were put off: two are asked about, shown and sent."""
    desk.configure(limits={"concurrency": 1})
    kept(desk, *renamed(1, 2, 3))

    def locked_after_the_first(request: Request) -> None:
        if request.method == "PATCH":
            desk.box.rates = Rates(locked=1)

    desk.box.watch = locked_after_the_first
    first = desk.run("apply", "kept.plan", "--yes", "--json")
    assert sorted(first.causes.values()) == ["confirmed", "locked", "locked"]
    desk.box.watch, desk.box.rates = None, Rates()
    desk.box.records.clear()
    said = desk.at_terminal("apply", "kept.plan", "--json", answers="y\n")
    assert (said.code, set(said.causes.values())) == (0, {"confirmed"})
    assert "Send 2 changes" in said.err
    assert "2 planned" in said.err
    assert len(desk.box.patches) == 2


def test_a_row_that_was_held_has_ended(desk: Desk) -> None:
    """The first go held it: the second sends what was put off alone, and the guard's word to it lifts nothing."""
    kept(desk, CLOSING, *renamed(2))
    assert put_off(desk).causes == {crm(1): "closes", crm(2): "locked"}
    said = desk.at_terminal("apply", "kept.plan", "--json", "--allow", "closes", answers="y\n")
    assert "Send 1 changes" in said.err
    assert (said.code, said.causes, status_of(desk, 1)) == (3, {crm(1): "closes", crm(2): "confirmed"}, "Active")


def test_a_run_of_which_rows_are_missing_is_not_taken_up(desk: Desk) -> None:
    """Begun by an earlier version, which had not recorded every row: refused with what to do, before anything goes."""
    kept(desk, *renamed(1, 2, 3))
    run = put_off(desk).report["run"]["id"]
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        for table in ("intents", "outcomes"):
            database.execute(f"DELETE FROM {table} WHERE n = 3")
        database.execute("UPDATE runs SET moves = 'unknown', ended = NULL")
    for _ in range(2):
        said = desk.run("apply", "kept.plan", "--yes")
        assert (said.code, desk.box.patches) == (4, [])
        assert run in said.err
        assert "plan again" in said.err


def test_history_tells_a_write_that_was_taken_up_as_ours_and_when_it_went(desk: Desk) -> None:
    """Put off on Monday, sent on Wednesday: after Tuesday's write, by the run that began on Monday, nobody else's."""
    kept(desk, {"CRM Id": crm(1), "Deal": "A"})
    monday = put_off(desk).report["run"]["id"]
    for row in ({"Action": "call"}, {"Deal": "Deal 1"}):
        desk.rows({"CRM Id": crm(1), **row})
        assert desk.run("apply", "--yes").code == 0
    assert desk.run("apply", "kept.plan", "--yes").code == 0
    desk.rows({"CRM Id": crm(1), "Deal": "A"})
    assert desk.run("apply", "--yes", "--json").causes == {crm(1): "in_step"}
    events = [json.loads(line) for line in desk.run("history", "--json").out.splitlines()]
    assert [(one["by"], one["before"], one["after"]) for one in events] == [
        ("us", None, "call"),
        ("us", "Deal 1", "A"),
    ]
    assert events[1]["run"] == monday
    assert events[0]["at"] <= events[1]["at"]


@pytest.mark.parametrize("keep", ["purge", "ledger.keep"])
def test_a_plan_goes_once_whatever_is_forgotten(desk: Desk, keep: str) -> None:
    """Its run is kept as long as the plan may go: neither purge nor ledger.keep lets it write over a person twice."""
    kept(desk, *renamed(1))
    assert desk.run("apply", "kept.plan", "--yes").code == 0
    desk.box.edit(1, name="By a person")
    if keep == "purge":
        assert "no run is older than that" in desk.run("purge", "--older-than", "0s", "--yes").out
    else:
        desk.configure(ledger={"keep": "0s"})
        assert desk.run("apply", "--yes").code == 0
    sent = len(desk.box.patches)
    said = desk.run("apply", "kept.plan", "--yes")
    assert (said.code, len(desk.box.patches)) == (4, sent)
    assert "sent already, by run " in said.err
    assert desk.box.store.get(guid(1))["name"] == "By a person"
