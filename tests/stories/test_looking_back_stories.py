"""What the ledger knows: a run shown again, a row explained, what was written by whom, how the job stands."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from desk import Desk, Said, crm, guid, referral, renamed

pytestmark = pytest.mark.long


@pytest.fixture
def nights(desk: Desk) -> Desk:
    """Two nights: the second sends one change, holds a close, and says why it ran."""
    desk.rows(*({"CRM Id": crm(n), "Deal": f"Deal {n}"} for n in (1, 2, 3)))
    assert desk.run("apply", "--yes").code == 0
    rows = {"CRM Id": crm(1), "Deal": "Ours"}, {"CRM Id": crm(2), "Stage": "Won"}, {"CRM Id": crm(3), "Deal": "Deal 3"}
    desk.rows(*rows)
    assert desk.run("apply", "--yes", "--reason", "quarter's end").code == 3
    return desk


def _last(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.run("show", "last", "--json").out)
    return found


def test_a_run_is_shown_as_it_was(nights: Desk) -> None:
    """The same report, by its id or as the last, in any form; nothing is asked of the remote."""
    asked = len(nights.box.records)
    first = nights.run("show", "last", "--report", "again.xlsx", "--report", "again.csv")
    assert (first.code, len(nights.box.records)) == (0, asked)
    assert "3 rows: 1 applied, 1 unchanged, 1 held" in first.out
    run = _last(nights)["run"]["id"]
    assert nights.run("show", run).out == first.out
    assert (nights.folder / "again.xlsx").exists()


def test_a_kept_plan_is_shown_again(desk: Desk) -> None:
    """What plan printed, show prints."""
    desk.rows(*renamed(1))
    printed = desk.run("plan", "-o", "kept.plan").out
    assert desk.run("show", "kept.plan").out == printed


def test_a_run_that_is_not_known_is_refused_by_name(nights: Desk) -> None:
    """With the id of the last one, which is mostly meant."""
    said = nights.run("show", "20200101T000000Z-dead")
    assert said.code == 4
    assert f"; the last is {_last(nights)['run']['id']}" in said.err


def test_the_input_of_a_run_comes_back_to_the_letter(nights: Desk) -> None:
    """Archived with the run that read it; a kept plan's run has none, and says so."""
    given = (nights.folder / "rows.csv").read_bytes()
    nights.rows(*renamed(9))
    assert nights.run("show", "last", "--input", "then.csv").code == 0
    assert (nights.folder / "then.csv").read_bytes() == given
    assert nights.run("show", "last", "--input", "then.csv").code == 2
    nights.run("plan", "-o", "kept.plan")
    assert nights.run("apply", "kept.plan", "--yes").code == 0
    said = nights.run("show", "last", "--input", "other.csv")
    assert (said.code, "its input was not archived" in said.err) == (4, True)


def test_the_report_names_no_person_who_ran_it(nights: Desk) -> None:
    """Who ran it is for history; a report goes to others."""
    facts = _last(nights)["run"]
    assert facts["reason"] == "quarter's end"
    assert not {"operator", "signed_in"} & facts.keys()


def test_a_row_is_explained_from_its_cell_to_its_end(nights: Desk) -> None:
    """Cell, desired, base, observed, where that puts it, what was sent, how it was answered."""
    said = nights.run("explain", "last", crm(1))
    assert said.code == 0
    for words in (
        "applied (confirmed): the remote's answer shows what was asked",
        "cell      Deal (line 2): Ours",
        "desired   Ours",
        "base      Deal 1",
        "observed  Deal 1",
        "so        change: the row has moved: its value is to be sent",
        "sent      replace /name Ours",
        "attempt 1 was about to leave at ",
        "answered under Request-ID ",
    ):
        assert words in said.out
    assert "guard closes: 1 row would close" in nights.run("explain", "last", crm(2)).out


@pytest.mark.parametrize("name", [crm(1), guid(1), "1", "rows.csv:2"])
def test_a_row_goes_by_many_names(nights: Desk, name: str) -> None:
    """Key, referral, number and place name the same row."""
    found = json.loads(nights.run("explain", "last", name, "--json").out)
    assert found["key"] == crm(1)


def test_a_row_that_is_not_there_is_refused(nights: Desk) -> None:
    """With how rows are named."""
    said = nights.run("explain", "last", "CRM-9")
    assert (said.code, "has no row 'CRM-9'; name its key, its number or where it stood" in said.err) == (4, True)


def test_a_row_of_a_plan_is_explained_before_it_is_sent(desk: Desk) -> None:
    """What would be sent, and that nobody knows the history."""
    desk.rows({"CRM Id": crm(1), "Deal": "Ours", "Notes": "secret"})
    assert desk.run("plan", "-o", "kept.plan").code == 0
    said = desk.run("explain", "kept.plan", crm(1))
    assert "base      nobody knows what was agreed on last" in said.out
    assert "patch     replace /name Ours" in said.out
    assert "secret" not in said.out


def test_history_tells_what_was_written_by_whom_and_why(nights: Desk) -> None:
    """Ours by run, place and reason; somebody else's between the two runs that saw the field."""
    nights.box.edit(1, name="Theirs")
    assert nights.run("apply", "--yes").code == 3
    said = nights.run("history", "--deal", crm(1))
    assert said.code == 0
    assert "name: Deal 1 -> Ours" in said.out
    assert "rows.csv:2 Deal, by " in said.out
    assert "because: quarter's end" in said.out
    assert "name: Ours -> Theirs" in said.out
    events = [json.loads(line) for line in nights.run("history", "--deal", crm(1), "--json").out.splitlines()]
    assert [(one["by"], one["before"], one["after"]) for one in events] == [
        ("us", "Deal 1", "Ours"),
        ("elsewhere", "Ours", "Theirs"),
    ]
    assert events[1]["between"] == [events[0]["run"], _last(nights)["run"]["id"]]


def test_history_may_be_narrowed(nights: Desk) -> None:
    """By deal, field and moment; what is no moment or field is named."""
    whole = nights.run("history").out
    assert crm(1) in whole
    empty = "nothing was written, as far back as the ledger goes\n"
    assert nights.run("history", "--deal", crm(3)).out == empty
    assert nights.run("history", "--field", "notes").out == empty
    assert nights.run("history", "--since", "2099-01-01").out == "nothing was written, since 2099-01-01\n"
    assert nights.run("history", "--since", "1d").out == whole
    assert nights.run("history", "--since", "soon").code == 2
    assert nights.run("history", "--field", "nmae").code == 2


def test_private_values_are_masked_in_history(desk: Desk) -> None:
    """That notes were written is told, not what."""
    desk.rows({"CRM Id": crm(1), "Notes": "secret note"})
    assert desk.run("apply", "--yes").code == 0
    assert "notes: (blank) -> •••" in desk.run("history").out
    assert "secret note" in desk.run("history", "--json").out


def _jwt(**claims: Any) -> str:
    parts: tuple[dict[str, Any], ...] = ({"alg": "none"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def test_history_names_who_was_signed_in(desk: Desk) -> None:
    """As the token says itself; the token is in no artefact, and the name in no report and no log."""
    token = _jwt(upn="jana@contoso.example", exp=4_000_000_000)
    desk.environ["DESK_TOKEN"] = token
    desk.configure(remote={"auth": {"token_env": "DESK_TOKEN"}})
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes", "--report", "run.json", "--log-file", "run.log")
    assert said.code == 0
    assert "signed in as jana@contoso.example" in desk.run("history").out
    shown = said.out + said.err + (desk.folder / "run.json").read_text() + (desk.folder / "run.log").read_text()
    assert "jana@" not in shown
    assert [path.name for path in desk.folder.iterdir() if token.encode() in path.read_bytes()] == []


def test_status_is_the_page_for_whoever_takes_over(nights: Desk) -> None:
    """Last run, what waits and since which night, ledger, lock and token."""
    nights.bare()
    first = _last(nights)["run"]["id"]
    assert nights.run("apply", "--yes").code == 3
    said = nights.run("status")
    assert said.code == 0
    for words in (
        "job desk over http://127.0.0.1",
        "lock    free: no run is at work",
        "token   none needed",
        "3 runs since ",
        "with exit code 3",
        "waits for a person: 1 row of run ",
        f"{crm(2)}  held (closes)",
        f"run {first}: guard closes",
    ):
        assert words in said.out, words
    found = json.loads(nights.run("status", "--json").out)
    assert [(one["key"], one["since_run"]) for one in found["waiting"]] == [(crm(2), first)]
    assert (found["lock"], found["last_run"]["exit_code"], found["ledger"]["unanswered"]) == (None, 3, 0)


def test_what_waits_is_not_hidden_by_a_run_about_other_rows(desk: Desk) -> None:
    """Four closes that were held wait on after `--select` of another row, until somebody approves them."""
    configured(desk)
    desk.rows(*({"CRM Id": crm(n), "Stage": "Won"} for n in (1, 3, 4, 5)), *renamed(2))
    assert desk.run("apply", "--yes").code == 3
    night = _last(desk)["run"]["id"]
    assert desk.run("apply", "--yes", "--select", crm(2)).code == 0
    said, found = desk.run("status"), json.loads(desk.run("status", "--json").out)
    assert f"waits for a person: 4 rows of run {night}\n" in said.out
    assert {(one["key"], one["run"], one["since_run"]) for one in found["waiting"]} == {
        (crm(n), night, night) for n in (1, 3, 4, 5)
    }
    assert 'syncjob_rows_waiting{job="desk"} 4' in (desk.folder / "x.prom").read_text()
    assert desk.run("approve", "last", "--yes", "--select", crm(1)).code == 0
    assert {one["key"] for one in json.loads(desk.run("status", "--json").out)["waiting"]} == {crm(3), crm(4), crm(5)}
    assert desk.run("apply", "--yes", "--select", crm(3)).code == 3
    found = json.loads(desk.run("status", "--json").out)
    assert (found["waiting_count"], len({one["run"] for one in found["waiting"]})) == (3, 2)
    assert {one["since_run"] for one in found["waiting"]} == {night}


def test_one_long_reason_is_said_once(desk: Desk) -> None:
    """What held the row above held this one, too."""
    desk.rows(*({"CRM Id": crm(n), "Stage": "Won"} for n in (1, 2, 3)))
    assert desk.run("apply", "--yes").code == 3
    out = desk.run("status").out
    assert (out.count("guard closes: 3 rows"), out.count("(for the same reason)")) == (1, 2)


def test_status_of_a_run_that_was_killed_says_what_its_report_says(desk: Desk) -> None:
    """What was sent without an answer and what was never sent wait, for a person or the next run."""
    desk.box.slow_s = 2.0
    desk.rows(*renamed(*range(1, 10)))
    with desk.begun(patches=4):
        pass
    report = _last(desk)
    found = json.loads(desk.run("status", "--json").out)
    assert found["totals"] == report["totals"]
    assert (report["totals"]["unsettled"], report["totals"]["deferred"]) == (4, 5)
    assert (found["waiting_count"], {one["outcome"] for one in found["waiting"]}) == (9, {"unsettled", "deferred"})
    said = desk.run("status").out
    assert ("broke off" in said, "nothing waits" in said) == (True, False)
    open_ = next(row["key"] for row in report["rows"] if row["outcome"] == "unsettled")
    assert "unsettled (answer_unknown)" in desk.run("explain", "last", open_).out
    told = desk.run("history", "--deal", open_).out
    assert re.search(r"name: perhaps written by run \S+, whose answer is not known; the next run looks", told)
    assert "nothing was written" not in told
    assert desk.run("history").out.count("perhaps written") == 4


def configured(desk: Desk) -> None:
    """Let nights write metrics."""
    desk.configure(notices={"metrics_file": "x.prom"})


HARMS: dict[str, Callable[[Desk], object]] = {
    "input": lambda desk: (desk.folder / "rows.csv").unlink(),
    "guard": lambda desk: desk.configure(guards={"changes": 1}),
    "remote": lambda desk: desk.configure(remote={"url": desk.box.url, "auth": {"token_env": "NO_TOKEN"}}),
}


@pytest.mark.parametrize(
    ("harm", "code", "kind", "words"),
    [
        ("input", 4, "InputRefused", "the file of rows, or the plan, was refused; nothing was sent"),
        ("guard", 6, "GuardRefused", "a guard refused the run; nothing was sent: guard changes (3, limit 1)"),
        ("remote", 5, "SignInNeeded", "somebody must sign in: syncjob login"),
    ],
)
def test_a_night_that_came_to_no_run_leaves_its_trace(
    nights: Desk, harm: str, code: int, kind: str, words: str
) -> None:
    """In the log by its kind, in status and doctor by a sentence; the next run that there is takes its place."""
    nights.rows(*renamed(1, 2, 3))
    HARMS[harm](nights)
    said = nights.run("apply", "--yes", "--log-file", "run.log")
    events = [json.loads(line) for line in (nights.folder / "run.log").read_text().splitlines()]
    assert (said.code, events[-1]["event"], events[-1]["exit_code"], events[-1]["kind"]) == (
        code,
        "run.refused",
        code,
        kind,
    )
    assert set(events[-1]) == {"event", "exit_code", "kind", "level", "timestamp"}
    status, found = nights.run("status").out, json.loads(nights.run("status", "--json").out)["refused"]
    assert f", exit code {code}, before it was a run: {words}\n" in status
    assert (found["exit_code"], found["said"]) == (code, words)
    assert f"an apply came to no run since, exit code {code}: {words}" in nights.run("show", "last").err
    assert f"none came of the last apply, 0 minutes ago, exit code {code}" in nights.run("doctor").out
    nights.configure()
    nights.rows(*renamed(1))
    assert nights.run("apply", "--yes").code == 0
    assert json.loads(nights.run("status", "--json").out)["refused"] is None


def test_a_night_that_came_to_no_run_makes_no_ledger(desk: Desk) -> None:
    """There is nothing to remember it in."""
    assert desk.run("apply", "--yes").code == 4
    assert (desk.ledger.exists(), desk.run("status").code) == (False, 0)


def test_status_without_a_ledger_says_what_will_happen(desk: Desk) -> None:
    """Before the first night; nothing is made."""
    said = desk.run("status")
    assert (said.code, "ledger  none yet: the first run begins it" in said.out) == (0, True)
    assert not desk.ledger.exists()
    assert json.loads(desk.run("status", "--json").out)["ledger"] is None


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "missing: the environment variable DESK_TOKEN holds none"),
        ("opaque", "in DESK_TOKEN; it does not say when it expires"),
        (_jwt(exp=4_000_000_000), "in DESK_TOKEN: good until 2096-10-02T07:06+00:00"),
        (_jwt(exp=1_000_000_000), "in DESK_TOKEN: expired until 2001-09-09T01:46+00:00"),
        (_jwt(exp=10**30), "it says no moment at which it expires"),
        ("a.b.c", "it does not say when it expires"),
    ],
)
def test_status_says_how_long_the_token_will_do(desk: Desk, token: str, said: str) -> None:
    """As it says itself; never the token."""
    desk.environ["DESK_TOKEN"] = token
    desk.configure(remote={"auth": {"token_env": "DESK_TOKEN"}})
    shown = desk.run("status").out
    assert said in shown
    assert not token or token not in shown.replace("DESK_TOKEN", "")


FORGETFUL: dict[str, Any] = {"plan": {"age_max": "0s"}}  # a plan's run is kept as long as the plan may go


def _purged(desk: Desk, *words: str) -> Said:
    return desk.run("purge", "--older-than", *words)


def _age(desk: Desk, *, days: int) -> None:
    """Let all runs on record have begun so much earlier."""
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        database.execute("UPDATE runs SET began = began - ?", (days * 86_400,))


def test_old_runs_are_forgotten_and_bases_are_not(nights: Desk) -> None:
    """Rows, intents and inputs go for good; what was agreed on last still tells drift."""
    nights.configure(**FORGETFUL)
    said = _purged(nights, "0s", "--yes")
    assert (said.code, said.out.startswith("forgotten: 2 runs, 6 rows")) == (0, True)
    assert nights.run("show", "last").code == 4
    assert nights.run("history").out.startswith("nothing was written")
    nights.configure()
    nights.box.edit(1, name="Theirs")
    nights.rows({"CRM Id": crm(1), "Deal": "Ours"})
    assert nights.run("apply", "--yes", "--json").causes == {crm(1): "remote_moved"}


def test_purge_asks_and_forgets_nothing_else(nights: Desk) -> None:
    """Nobody to ask is exit 2; young runs stay; no is no."""
    nights.configure(**FORGETFUL)
    assert "no run is older than that" in _purged(nights, "1d", "--yes").out
    said = _purged(nights, "0s")
    assert (said.code, "Nobody is here to ask: add --yes" in said.err) == (2, True)
    assert nights.at_terminal("purge", "--older-than", "0s", answers="n\n").code == 2
    assert nights.run("show", "last").code == 0
    assert nights.at_terminal("purge", "--older-than", "0s", answers="y\n").code == 0
    assert nights.run("show", "last").code == 4
    assert _purged(nights, "soon").code == 2


def test_apply_forgets_by_itself_what_the_configuration_says(nights: Desk) -> None:
    """ledger.keep: what is older is gone with the next night."""
    _age(nights, days=2)
    nights.configure(ledger={"keep": "3d"})
    assert nights.run("apply", "--yes").code == 3
    assert json.loads(nights.run("status", "--json").out)["ledger"]["runs"] == 3
    _age(nights, days=2)
    nights.configure(ledger={"keep": "0s"})
    assert nights.run("apply", "--yes").code == 3
    assert json.loads(nights.run("status", "--json").out)["ledger"]["runs"] == 1


def test_a_ledger_goes_out_as_text_and_comes_back_whole(nights: Desk) -> None:
    """Export, a new place, import: history, undo and bases are there as before."""
    before = nights.run("history").out
    assert nights.run("ledger", "export", "all.jsonl").code == 0
    assert nights.run("ledger", "export", "all.jsonl").code == 2
    assert nights.run("ledger", "import", "all.jsonl").code == 8
    nights.ledger.unlink()
    said = nights.run("ledger", "import", "all.jsonl")
    assert (said.code, "rows read into" in said.err) == (0, True)
    assert nights.run("history").out == before
    nights.box.edit(1, name="Theirs")
    assert nights.run("apply", "--yes", "--json").causes[crm(1)] == "remote_moved"
    assert nights.run("ledger", "check").code == 0


@pytest.mark.parametrize("harm", ["cut", "altered", "other", "newer", "gone"])
def test_an_export_that_is_not_whole_is_refused(nights: Desk, harm: str) -> None:
    """Cut, altered, something else, of another schema or not there: exit 4, and nothing is read."""
    assert nights.run("ledger", "export", "all.jsonl").code == 0
    path = nights.folder / "all.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    harmed = {
        "cut": lines[:-2],
        "altered": [line.replace("Deal 1", "Deal X") for line in lines],
        "other": ["CRM Id,Deal\n", "1,2\n"],
        "newer": [lines[0].replace('"schema":3', '"schema":99'), *lines[1:]],
        "gone": [],
    }[harm]
    path.unlink() if harm == "gone" else path.write_text("".join(harmed))
    nights.ledger.unlink()
    assert nights.run("ledger", "import", "all.jsonl").code == 4
    assert nights.run("status").out.count("0 runs") == (0 if harm == "gone" else 1) or not nights.ledger.exists()


def test_a_sound_ledger_is_told_so(nights: Desk) -> None:
    """Exit 0; one that others may read, or that is not there, is told."""
    said = nights.run("ledger", "check")
    assert (said.code, said.out.endswith("is sound\n")) == (0, True)
    nights.ledger.chmod(0o644)
    said = nights.run("ledger", "check")
    assert (said.code, "others may read it; chmod 600" in said.err) == (8, True)
    nights.ledger.unlink()
    assert nights.run("ledger", "check").code == 4


def test_a_damaged_ledger_is_kept_and_what_can_be_read_is_saved(desk: Desk) -> None:
    """Exit 8 and nothing sent; --rebuild sets it aside, and the next night holds what has lost its history."""
    desk.box.empty(referral(n) for n in range(1, 61))
    desk.rows(*({"CRM Id": crm(n), "Deal": f"Deal {n}"} for n in range(1, 61)))
    assert desk.run("apply", "--yes").code == 0
    whole = desk.ledger.read_bytes()
    harmed = whole[: len(whole) // 2] + b"\x13" * 8192 + whole[len(whole) // 2 + 8192 :]
    desk.ledger.write_bytes(harmed)
    said = desk.run("ledger", "check")
    assert said.code == 8
    desk.configure(guards={"first_run": 0})
    said = desk.run("ledger", "check", "--rebuild")
    assert (said.code, "the damaged ledger stands aside as" in said.out) == (0, True)
    aside = desk.folder / "desk.ledger.damaged"
    assert aside.read_bytes()[: len(whole)] == harmed
    assert desk.run("ledger", "check").code == 0
    assert desk.run("apply", "--yes").code in (0, 3)


def test_what_is_no_database_is_never_overwritten(desk: Desk) -> None:
    """A ledger full of something else: exit 8 with the way out, and the file stays as it is."""
    desk.ledger.write_bytes(b"not a database at all, but somebody's" * 100)
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes")
    assert (said.code, desk.box.patches) == (8, [])
    assert "syncjob ledger check --rebuild" in said.err
    assert desk.ledger.read_bytes().startswith(b"not a database")
    assert desk.run("ledger", "check", "--rebuild").code == 0
    assert desk.run("apply", "--yes").code == 0
