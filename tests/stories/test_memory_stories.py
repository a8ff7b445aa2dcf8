"""What is remembered across nights, through the command line: whose word counts, and what nobody may write over."""

from __future__ import annotations

import csv
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from desk import PATIENCE_S, Box, Desk, Said, crm, guid, referral, renamed

from syncjob.ledger import Ledger

pytestmark = pytest.mark.long

NIGHT = range(1, 21)


@pytest.fixture
def job(desk: Desk) -> Desk:
    """A desk whose guard against rows without a history is as it is shipped: 0."""
    desk.configure(guards={"first_run": 0})
    return desk


def night(desk: Desk, *args: str | Path) -> Said:
    """Let tonight's run go over the configuration's own rows.file, or what is named."""
    said = desk.run("apply", "--yes", "--json", *args)
    assert said.out, said.err
    return said


def agreed(desk: Desk, *rows: Mapping[str, str]) -> None:
    """Let a night go by in which row and referral say the same."""
    desk.rows(*rows)
    assert set(night(desk).outcomes.values()) == {"unchanged"}


def in_step(*numbers: int) -> list[dict[str, str]]:
    """Give rows that ask for the names that the referrals have."""
    return renamed(*numbers, name="Deal {}")


def name_of(desk: Desk, n: int) -> str:
    """Give the name that referral `n` has now."""
    return str(desk.box.store.get(guid(n))["name"])


def forget(desk: Desk) -> None:
    """Take the ledger away, as a new machine or a tidy colleague does."""
    for path in desk.folder.glob("desk.ledger*"):
        path.unlink()


def remembered(desk: Desk, n: int) -> Mapping[str, Any]:
    """Give the bases of referral `n`."""
    with closing(Ledger(desk.ledger)) as ledger:
        return ledger.remembered("desk", f"{desk.box.url}/v1.0/engagements/referrals", guid(n)).values


def decide(path: Path, word: str) -> None:
    """Let a person write a decision into every row of a CSV report."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"syncjob decision": word} for row in rows)


# ── F-125: a side run, and tonight's export that does not know of it ─────────────────────────────


def test_a_side_file_is_not_undone_by_tonight_s_stale_export(job: Desk) -> None:
    """What a side file has sent stands: the export that still says the old name meets drift, tonight and tomorrow."""
    agreed(job, *in_step(1, 2))
    job.rows(*renamed(1), name="side.csv")
    side = night(job, "side.csv")
    assert (side.code, side.outcomes) == (0, {crm(1): "applied"})
    for _ in range(2):
        said = night(job)
        assert said.outcomes == {crm(1): "drifted", crm(2): "unchanged"}
        assert (said.code, said.report["requests"]["PATCH"]) == (0, 0)
    assert (name_of(job, 1), remembered(job, 1)["/name"]) == ("Renamed 1", "Deal 1")


def test_a_side_file_counts_once_the_export_says_the_same(job: Desk) -> None:
    """When the CRM has caught up they agree again, and what it says next is sent."""
    agreed(job, *in_step(1))
    job.rows(*renamed(1), name="side.csv")
    night(job, "side.csv")
    agreed(job, *renamed(1))
    job.rows(*renamed(1, name="Next {}"))
    assert night(job).outcomes == {crm(1): "applied"}


@pytest.mark.parametrize("name", ["pulled.xlsx", "pulled.csv"])
def test_a_pulled_file_is_not_undone_by_tonight_s_stale_export(job: Desk, name: str) -> None:
    """Pulled, edited by a person and applied: the nightly export, still old, sends nothing over it."""
    agreed(job, *in_step(1, 2, 3))
    assert job.run("pull", "-o", name).code == 0
    _rename_first(job.folder / name, "By hand")
    side = night(job, name)
    assert side.code == 0, side.err
    assert Counter(side.outcomes.values())["applied"] == 1
    job.box.records.clear()
    said = night(job)
    assert said.outcomes == {crm(1): "drifted", crm(2): "unchanged", crm(3): "unchanged"}
    assert (said.code, job.box.patches, name_of(job, 1)) == (0, [], "By hand")


def _rename_first(path: Path, name: str) -> None:
    """Let a person rename the referral of the first row."""
    if path.suffix == ".csv":
        text = path.read_text(encoding="utf-8-sig")
        assert text.count(",Deal 1,") == 1
        path.write_text(text.replace(",Deal 1,", f",{name},"), encoding="utf-8")
        return
    book = openpyxl.load_workbook(path)
    (cell,) = [cell for line in book.worksheets[0].iter_rows() for cell in line if cell.value == "Deal 1"]
    cell.value = name
    book.save(path)


# ── F-126: forgetting is safe ────────────────────────────────────────────────────────────────────


@pytest.fixture
def forgotten(job: Desk) -> Desk:
    """A night sent two names, a person renamed the first since, and the ledger is gone."""
    agreed(job, *in_step(1, 2))
    job.rows(*renamed(1, 2))
    assert set(night(job).outcomes.values()) == {"applied"}
    job.box.edit(1, name="By a person")
    forget(job)
    job.box.records.clear()
    return job


def test_without_a_ledger_what_a_person_did_stands_until_a_person_says_so(forgotten: Desk) -> None:
    """The row is held, exit 3, and told with both ways out; a new ledger is announced; the next night is no wiser."""
    for n in range(2):
        said = night(forgotten)
        assert (said.code, said.causes) == (3, {crm(1): "first_run", crm(2): "in_step"})
        assert "--allow first-run" in said.out
        assert "--adopt remote" in said.out
        assert ("a new ledger is begun" in said.err) == (n == 0)
    assert (forgotten.box.patches, name_of(forgotten, 1)) == ([], "By a person")


def test_a_person_may_let_the_rows_without_a_history_go(forgotten: Desk) -> None:
    """`--allow first-run` sends them; from then on they have a history, and the next edit is drift."""
    assert night(forgotten, "--allow", "first-run").outcomes == {crm(1): "applied", crm(2): "unchanged"}
    assert name_of(forgotten, 1) == "Renamed 1"
    forgotten.box.edit(1, name="By a person")
    said = night(forgotten)
    assert (said.code, said.outcomes[crm(1)], name_of(forgotten, 1)) == (0, "drifted", "By a person")


def test_a_number_allows_no_more_rows_than_it_says(forgotten: Desk) -> None:
    """`--allow first-run=0` allows none, `=1` this one."""
    assert night(forgotten, "--allow", "first-run=0").code == 3
    assert night(forgotten, "--allow", "first-run=1").outcomes[crm(1)] == "applied"


def test_the_remote_s_word_is_kept_tonight_and_on_the_nights_to_come(forgotten: Desk) -> None:
    """`--adopt remote`: drifted, exit 0, and drifted without the option; what the CRM says anew is a conflict."""
    assert forgotten.run("plan", "--adopt", "remote", "--json").outcomes[crm(1)] == "drifted"
    assert night(forgotten, "--adopt", "remote").outcomes == {crm(1): "drifted", crm(2): "unchanged"}
    for _ in range(2):
        said = night(forgotten)
        assert (said.code, said.causes[crm(1)]) == (0, "remote_moved")
    assert (forgotten.box.patches, name_of(forgotten, 1)) == ([], "By a person")
    forgotten.rows(*renamed(1, 2, name="Newer {}"))
    assert night(forgotten).outcomes == {crm(1): "conflicted", crm(2): "applied"}
    assert name_of(forgotten, 1) == "By a person"


def test_the_row_s_word_is_sent_and_is_not_held(forgotten: Desk) -> None:
    """`--adopt row`: no guard asks once more."""
    said = night(forgotten, "--adopt", "row")
    assert (said.code, said.outcomes) == (0, {crm(1): "applied", crm(2): "unchanged"})
    assert name_of(forgotten, 1) == "Renamed 1"


def test_adopting_is_for_what_nobody_knows(job: Desk) -> None:
    """A row with a history is drift or conflict, whatever is adopted."""
    agreed(job, *in_step(1, 2))
    job.box.edit(1, name="By a person")
    job.box.edit(2, name="By a person")
    job.rows(*in_step(1), *renamed(2))
    for whose in ("row", "remote"):
        assert night(job, "--adopt", whose).outcomes == {crm(1): "drifted", crm(2): "conflicted"}
    assert job.box.patches == []


def test_a_run_may_be_about_some_fields(forgotten: Desk) -> None:
    """`--only-fields` sends and settles those alone; of the others nothing is sent, and nothing is learnt."""
    forgotten.rows({"CRM Id": crm(1), "Deal": "Renamed 1", "Action": "call"})
    said = night(forgotten, "--only-fields", "customerAction", "--allow", "first-run")
    assert said.outcomes == {crm(1): "applied"}
    assert [one["path"] for one in forgotten.box.patches[0].operations] == ["/details/customerAction"]
    assert (name_of(forgotten, 1), dict(remembered(forgotten, 1))) == (
        "By a person",
        {"/details/customerAction": "call"},
    )
    assert night(forgotten).causes == {crm(1): "first_run"}
    assert night(forgotten, "--only-fields", "name", "--adopt", "remote").outcomes == {crm(1): "drifted"}
    assert night(forgotten).outcomes == {crm(1): "drifted"}


def test_what_decides_belongs_to_the_plan(job: Desk) -> None:
    """A kept plan is decided: options that decide are refused with it, and an unknown field by name."""
    job.rows(*renamed(1))
    job.run("plan", "-o", "kept.plan")
    for option in (("--adopt", "row"), ("--only-fields", "name")):
        said = job.run("apply", "kept.plan", "--yes", *option)
        assert (said.code, job.box.patches) == (2, [])
        assert "a kept plan is decided: plan again" in said.err
    said = job.run("plan", "--only-fields", "naem")
    assert said.code == 2
    assert "--only-fields: no field is called 'naem'; did you mean 'name'?" in said.err


def test_the_remote_cannot_be_adopted_where_drift_is_overwritten(job: Desk) -> None:
    """The next night would send all the same: refused, with the key to change."""
    job.configure(guards={"first_run": 0}, merge={"drift": "overwrite"})
    job.rows(*renamed(1))
    said = job.run("apply", "--yes", "--adopt", "remote")
    assert (said.code, job.box.records) == (2, [])
    assert "merge.drift is overwrite" in said.err


def test_a_first_night_holds_exactly_what_differs_and_has_no_history(job: Desk) -> None:
    """What is in step is settled and remembered; the next change of those goes, the others wait on."""
    job.rows(*renamed(1, 2), *in_step(3, 4), {"CRM Id": crm(5), "Team": "New, Person, , new@contoso.example"})
    said = night(job)
    held = {crm(1), crm(2), crm(5)}
    assert said.code == 3
    assert {key for key, cause in said.causes.items() if cause == "first_run"} == held
    assert {key for key, cause in said.causes.items() if cause == "in_step"} == {crm(3), crm(4)}
    assert job.box.patches == []
    job.rows(*renamed(1, 2, 3), *in_step(4))
    said = night(job)
    assert said.outcomes == {crm(1): "held", crm(2): "held", crm(3): "applied", crm(4): "unchanged"}
    assert [record.path[-36:] for record in job.box.patches] == [guid(3)]


def test_a_second_field_without_a_history_holds_its_row(job: Desk) -> None:
    """One column more in the export: where it differs the row waits, where it is in step the row goes."""
    agreed(job, *in_step(1, 2))
    job.rows({**renamed(1)[0], "Action": "call"}, {**renamed(2)[0], "Amount": "2000", "Currency": "EUR"})
    assert night(job).outcomes == {crm(1): "held", crm(2): "applied"}


# ── F-83: two who want different things ──────────────────────────────────────────────────────────


def test_a_value_that_is_set_back_every_night_is_told_from_the_third_on(job: Desk) -> None:
    """With `drift: overwrite` the row's word goes every night; that somebody sets it back is said, and ends with it."""
    job.configure(guards={"first_run": None}, merge={"drift": "overwrite"})
    job.rows(*renamed(1))
    told = []
    for _ in range(4):
        (row,) = night(job).report["rows"]
        assert row["outcome"] == "applied"
        told.append([one for one in row["warnings"] if "nights in a row" in one])
        job.box.edit(1, name="Set back")
    assert told[:2] == [[], []]
    assert told[2] == ["name: sent 3 nights in a row, and something sets it back: is another job at work?"]
    assert told[3] == ["name: sent 4 nights in a row, and something sets it back: is another job at work?"]
    assert night(job).outcomes == {crm(1): "applied"}
    assert night(job).outcomes == {crm(1): "unchanged"}
    job.box.edit(1, name="Set back")
    (row,) = night(job).report["rows"]
    assert (row["outcome"], row["warnings"]) == ("applied", [])


def test_two_jobs_that_want_different_things_do_not_write_over_each_other(job: Desk) -> None:
    """As shipped what the other has sent is drift: it stands, and nobody sends every night."""
    agreed(job, *in_step(1))
    job.box.edit(1, name="Of another job")
    for _ in range(3):
        assert night(job).outcomes == {crm(1): "drifted"}
    assert job.box.patches == []


# ── Conflicts and their decisions ────────────────────────────────────────────────────────────────


@pytest.fixture
def conflicted(job: Desk) -> Desk:
    """A row and its referral have both moved since they agreed; last night's report says so."""
    agreed(job, *in_step(1))
    job.box.edit(1, name="Theirs")
    job.rows(*renamed(1, name="Mine {}"))
    said = night(job, "--report", "night.csv")
    assert (said.code, said.causes) == (3, {crm(1): "both_moved"})
    return job


def test_a_conflict_stays_one_until_a_person_decides(conflicted: Desk) -> None:
    """Night after night, from what they had agreed on; nothing is sent."""
    for _ in range(3):
        (row,) = night(conflicted).report["rows"]
        assert (row["cause"], row["reason"]) == (
            "both_moved",
            "name: was Deal 1, the remote says Theirs, the row says Mine 1",
        )
    assert (conflicted.box.patches, name_of(conflicted, 1)) == ([], "Theirs")


def test_a_conflict_ends_when_one_gives_way(conflicted: Desk) -> None:
    """The CRM takes the remote's value: they agree; what it says next is sent."""
    agreed(conflicted, {"CRM Id": crm(1), "Deal": "Theirs"})
    conflicted.rows(*renamed(1, name="Next {}"))
    assert night(conflicted).outcomes == {crm(1): "applied"}


def _decided(desk: Desk, word: str) -> Said:
    """Let a person decide in last night's report, and send what comes of it."""
    decide(desk.folder / "night.csv", word)
    assert desk.run("retry", "night.csv", "-o", "decided.plan").code == 0
    return night(desk, "decided.plan")


def test_theirs_stays_decided_until_the_crm_says_something_else(conflicted: Desk) -> None:
    """Drifted and kept, by the decision and on every night; a new word of the CRM is a new conflict."""
    assert _decided(conflicted, "theirs").causes == {crm(1): "remote_moved"}
    for _ in range(2):
        said = night(conflicted)
        assert (said.code, said.causes) == (0, {crm(1): "remote_moved"})
    conflicted.rows(*renamed(1, name="Newer {}"))
    assert night(conflicted).causes == {crm(1): "both_moved"}
    assert (conflicted.box.patches, name_of(conflicted, 1)) == ([], "Theirs")


def test_theirs_is_no_answer_where_drift_is_overwritten(desk: Desk) -> None:
    """It would be written over the night after: the row says so, and stays a conflict until the CRM is mended."""
    desk.configure(merge={"drift": "overwrite"})
    agreed(desk, *in_step(1))
    desk.box.edit(1, name="Theirs")
    desk.rows(*renamed(1, name="Mine {}"))
    assert night(desk, "--report", "night.csv").causes == {crm(1): "both_moved"}
    decide(desk.folder / "night.csv", "theirs")
    said = desk.run("retry", "night.csv")
    assert (said.code, "theirs would not last: merge.drift is overwrite" in said.out) == (3, True)
    assert night(desk).causes == {crm(1): "both_moved"}
    assert (desk.box.patches, name_of(desk, 1)) == ([], "Theirs")


def test_mine_is_sent_and_agreed_on_the_next_night(conflicted: Desk) -> None:
    """The decision sends; tonight's run sees row and referral agree, and an edit after it is drift."""
    assert _decided(conflicted, "mine").causes == {crm(1): "confirmed"}
    assert night(conflicted).outcomes == {crm(1): "unchanged"}
    conflicted.box.edit(1, name="By a person")
    assert night(conflicted).outcomes == {crm(1): "drifted"}
    assert name_of(conflicted, 1) == "By a person"


def test_a_decision_in_a_side_run_s_report_is_not_remembered(job: Desk) -> None:
    """It was never about the export: tonight's run over the configuration's own input knows its own base."""
    agreed(job, *in_step(1))
    job.box.edit(1, name="Theirs")
    job.rows(*renamed(1, name="Side {}"), name="side.csv")
    assert night(job, "side.csv", "--report", "night.csv").causes == {crm(1): "both_moved"}
    assert _decided(job, "theirs").causes == {crm(1): "remote_moved"}
    assert remembered(job, 1)["/name"] == "Deal 1"


# ── Plans that wait ──────────────────────────────────────────────────────────────────────────────


def test_a_plan_of_monday_sent_after_monday_night_moves_no_base_back(job: Desk) -> None:
    """What was in step when it was made says nothing any more: the younger agreement stays, and an edit after it."""
    agreed(job, *in_step(1, 2))
    job.rows(*in_step(1), *renamed(2, name="Monday {}"))
    assert job.run("plan", "-o", "monday.plan").code == 0
    job.rows(*renamed(1, name="Night {}"), *in_step(2))
    assert night(job).outcomes == {crm(1): "applied", crm(2): "unchanged"}
    assert night(job, "monday.plan").outcomes == {crm(1): "unchanged", crm(2): "applied"}
    assert [remembered(job, n)["/name"] for n in (1, 2)] == ["Night 1", "Monday 2"]
    job.box.edit(1, name="Deal 1")
    job.rows(*renamed(1, name="Night {}"))
    assert night(job).outcomes == {crm(1): "drifted"}


def test_a_conflict_of_an_old_plan_moves_no_base_back(job: Desk) -> None:
    """The night has agreed on another value since: the plan's row is a conflict, and that value stays agreed."""
    agreed(job, *in_step(1))
    job.rows(*renamed(1, name="Monday {}"))
    assert job.run("plan", "-o", "monday.plan").code == 0
    job.rows(*renamed(1, name="Night {}"))
    assert night(job).outcomes == {crm(1): "applied"}
    assert night(job, "monday.plan").causes == {crm(1): "both_moved"}
    assert remembered(job, 1)["/name"] == "Night 1"
    job.box.edit(1, name="Deal 1")
    assert night(job).outcomes == {crm(1): "drifted"}
    assert name_of(job, 1) == "Deal 1"


# ── A run that broke off ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def kept(desk: Desk, box: Box) -> Desk:
    """A kept plan of twenty renames, two at a time, with answers slow enough to be interrupted."""
    box.empty(referral(n) for n in NIGHT)
    desk.configure(limits={"concurrency": 2, "stop_s": 0.2}, guards={"changes": None})
    desk.rows(*renamed(*NIGHT))
    assert desk.run("plan", "-o", "kept.plan").code == 0
    box.slow_s = 0.2
    return desk


def _taken_up(desk: Desk, run: str) -> Said:
    """Apply the same plan again, in a calm: by the same run, whose report adds up, and each change was made once."""
    desk.box.slow_s = 0
    said = night(desk, "kept.plan")
    assert (said.code, said.report["run"]["id"]) == (0, run), said.err
    assert said.report["totals"] == {"rows": len(NIGHT), "applied": len(NIGHT)}
    assert [row["n"] for row in said.report["rows"]] == list(NIGHT)
    assert sorted(write.referral_id for write in desk.box.store.writes) == [guid(n) for n in NIGHT]
    assert all(name_of(desk, n) == f"Renamed {n}" for n in NIGHT)
    refused = desk.run("apply", "kept.plan", "--yes")
    assert refused.code == 4
    assert f"sent already, by run {run}, and nothing of it is left to send: plan again" in refused.err
    return said


def _run_of(desk: Desk) -> str:
    """Give the run that the ledger has, all of whose rows are on record."""
    with closing(Ledger(desk.ledger)) as ledger:
        (run,) = ledger.runs("desk", f"{desk.box.url}/v1.0/engagements/referrals")
        assert sum(ledger.totals(run).values()) == len(NIGHT)
        return run


def test_a_killed_plan_is_taken_up_where_it_stopped(kept: Desk) -> None:
    """Kill -9 twice in the middle: the third time it ends, by one run, each change made once."""
    for patches in (3, 9):
        with kept.begun("kept.plan", patches=patches) as process:
            process.kill()
            assert process.wait(PATIENCE_S) == -signal.SIGKILL
    said = _taken_up(kept, _run_of(kept))
    assert len(said.report["run"]["resumed_at"]) == 2


@pytest.mark.parametrize("slow_s", [0.05, 60])
def test_a_stopped_plan_is_taken_up_where_it_stopped(kept: Desk, slow_s: float) -> None:
    """SIGTERM, with answers in time or without: what was put off or unsettled is looked at and sent, once."""
    kept.box.slow_s = slow_s
    with kept.begun("kept.plan", patches=2) as process:
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE_S)
        first = Said(process.returncode, out, err)
    assert first.code == 143, first.err
    assert first.report["totals"]["deferred"] > 0
    _taken_up(kept, first.report["run"]["id"])


def test_a_taken_up_plan_leaves_what_somebody_has_edited_since(kept: Desk) -> None:
    """Between the two a person renamed a referral that was not sent yet: a conflict, and the name stands."""
    with kept.begun("kept.plan", patches=2) as process:
        process.kill()
        process.wait(PATIENCE_S)
    kept.box.edit(20, name="By a person")
    kept.box.slow_s = 0
    said = night(kept, "kept.plan")
    assert (said.code, said.outcomes[crm(20)], name_of(kept, 20)) == (3, "conflicted", "By a person")
    assert said.report["totals"] == {"rows": len(NIGHT), "applied": len(NIGHT) - 1, "conflicted": 1}


def test_a_plan_whose_rows_were_put_off_is_taken_up(desk: Desk) -> None:
    """A person had to sign in first: exit 5, every row deferred; then the same plan goes, by the same run."""
    desk.bare()
    desk.rows(*renamed(1, 2, 3))
    assert desk.run("plan", "-o", "kept.plan").code == 0
    desk.box._require_token = True
    before = night(desk, "kept.plan")
    assert (before.code, set(before.outcomes.values())) == (5, {"deferred"})
    desk.box._require_token = False
    after = night(desk, "kept.plan")
    assert (after.code, set(after.outcomes.values())) == (0, {"applied"})
    assert after.report["run"]["id"] == before.report["run"]["id"]


# ── Who and why, and one at a time ───────────────────────────────────────────────────────────────


def test_the_reason_of_a_run_is_kept(desk: Desk) -> None:
    """`--reason` stands in the ledger beside who ran it; what the run may remember does too."""
    desk.rows(*renamed(1))
    said = night(desk, "--reason", "the quarter's names, ticket 4711")
    with closing(Ledger(desk.ledger)) as ledger:
        facts = ledger.facts(said.report["run"]["id"])
    assert facts["reason"] == "the quarter's names, ticket 4711"
    assert "@" in facts["operator"]
    assert facts["moves"] == "bases"


def test_a_second_run_is_turned_away_and_may_wait(kept: Desk) -> None:
    """Exit 9 names the run that is at work, at once; with --wait the second goes when the first has ended."""
    with kept.begun("kept.plan", patches=2) as process:
        second = kept.run("apply", "--yes")
        assert second.code == 9
        assert f"another run of job desk is at work (run {_run_of(kept)}, apply, process {process.pid}" in second.err
        assert "--wait" in second.err
        kept.box.slow_s = 0
        waited = night(kept, "--wait", "10m")
        assert process.wait(PATIENCE_S) == 0
    assert (waited.code, set(waited.outcomes.values())) == (0, {"unchanged"})


def test_another_job_over_the_same_ledger_does_not_wait(kept: Desk) -> None:
    """A lock is one job's: what another job does goes into the same ledger beside it."""
    with kept.begun("kept.plan", patches=2):
        kept.configure(job="other", rows={"file": "other.csv"})
        kept.rows(*renamed(*NIGHT, name="Deal {}")[-1:], name="other.csv")
        other = kept.run("apply", "--yes", "--json")
        assert other.code == 0, other.err


def test_fewer_rows_than_last_night_are_counted_over_the_nightly_runs_alone(job: Desk, box: Box) -> None:
    """A retry of two rows in between is no night: half an export is refused by the numbers of the last whole one."""
    box.empty(referral(n) for n in range(1, 61))
    agreed(job, *in_step(*range(1, 61)))
    job.rows(*in_step(*range(1, 60)), {"CRM Id": crm(60), "Amount": "12k"})
    run = night(job).report["run"]["id"]
    job.run("retry", run, "-o", "again.plan")
    night(job, "again.plan")
    job.rows(*in_step(*range(1, 21)))
    said = job.run("apply", "--yes", "--json")
    assert said.code == 6
    assert "60 rows last time, 20 now" in said.err
