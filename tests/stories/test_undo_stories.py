"""A bad night is taken back: planned and shown like any plan, sent under the remote's eTags, and not done again."""

from __future__ import annotations

import pytest
from desk import Desk, Said, crm, guid, referral, renamed

from syncjob.sandbox.faults import Rates
from syncjob.sandbox.messages import Request

pytestmark = pytest.mark.long

LONG, NIGHT, SIXTY = range(1, 201), range(1, 13), range(1, 61)


def _bad_night(desk: Desk, numbers: range) -> Desk:
    """Live through a night that renames deals and gives them another value, over a known history."""
    desk.box.empty(referral(n) for n in numbers)
    desk.configure(guards={"changes": None}, limits={"concurrency": 8, "reads_max": 300})
    good = ({"CRM Id": crm(n), "Deal": f"Deal {n}", "Amount": str(1000 * n), "Currency": "EUR"} for n in numbers)
    desk.rows(*good)
    assert desk.run("apply", "--yes").code == 0
    desk.rows(*({"CRM Id": crm(n), "Deal": f"Bad {n}", "Amount": "1", "Currency": "EUR"} for n in numbers))
    assert desk.run("apply", "--yes").code == 0
    return desk


@pytest.fixture
def night(desk: Desk) -> Desk:
    """A bad night of a dozen rows."""
    return _bad_night(desk, NIGHT)


def _undone(desk: Desk, *words: str) -> Said:
    assert desk.run("undo", "last", "-o", "undo.plan", *words).code == 0
    return desk.run("apply", "undo.plan", "--yes", "--json")


def test_a_night_of_200_rows_goes_back_but_for_5_that_somebody_edited_since(desk: Desk) -> None:
    """195 hold their earlier values again, 5 are refused with the reason, and what somebody wrote stands."""
    night = _bad_night(desk, LONG)
    for n in (10, 20, 30, 40, 50):
        night.box.edit(n, name=f"Theirs {n}", details__dealValue=7)
    said = _undone(night)
    assert said.code == 0, said.err
    assert said.report["totals"] == {"rows": 200, "applied": 195, "refused": 5}
    refused = [row for row in said.report["rows"] if row["outcome"] == "refused"]
    assert [row["key"] for row in refused] == [crm(n) for n in (10, 20, 30, 40, 50)]
    assert {row["cause"] for row in refused} == {"moved_since"}
    assert refused[0]["reason"] == (
        "name: was edited since the run, which had written Bad 10; it holds Theirs 10; "
        "dealValue: was edited since the run, which had written 1; it holds 7"
    )
    for n in LONG:
        document = night.box.store.get(guid(n))
        theirs = n in (10, 20, 30, 40, 50)
        assert document["name"] == (f"Theirs {n}" if theirs else f"Deal {n}")
        assert float(document["details"]["dealValue"]) == (7 if theirs else 1000 * n)
    assert all(record.if_match for record in night.box.patches)


def test_the_next_night_does_not_do_it_again(night: Desk) -> None:
    """The export still says what was taken back: drift, no PATCH, exit 0."""
    assert _undone(night).code == 0
    sent = len(night.box.patches)
    said = night.run("apply", "--yes", "--json")
    assert (said.code, len(night.box.patches)) == (0, sent)
    assert said.report["totals"] == {"rows": 12, "drifted": 12}
    assert night.box.store.get(guid(1))["name"] == "Deal 1"


def test_an_undo_that_is_undone_restores(night: Desk) -> None:
    """Taken back twice, the bad night stands again, and the nightly job agrees with it."""
    assert _undone(night).code == 0
    assert _undone(night).code == 0
    assert {night.box.store.get(guid(n))["name"] for n in NIGHT} == {f"Bad {n}" for n in NIGHT}
    assert night.run("apply", "--yes", "--json").report["totals"] == {"rows": 12, "unchanged": 12}


def test_some_of_it_may_be_selected(night: Desk) -> None:
    """One deal, one field: the rest of the night stands."""
    said = _undone(night, "--select", crm(7), "--select", "field=name")
    assert said.outcomes == {crm(7): "applied"}
    document = night.box.store.get(guid(7))
    assert (document["name"], float(document["details"]["dealValue"])) == ("Deal 7", 1)


def test_the_plan_of_an_undo_is_shown_and_sends_nothing(night: Desk) -> None:
    """It only reads, by id, and says what would go back and what it is."""
    before = night.box.methods["GET"]
    said = night.run("undo", "last", "--select", "row=1,2")
    assert (said.code, night.box.methods["GET"] - before) == (0, 2)
    assert "note: this takes back run " in said.err
    assert "~ name: Bad 1 -> Deal 1" in said.out
    assert "2 rows: 2 planned" in said.out


def test_a_share_of_changes_is_one_of_the_run_that_is_undone(desk: Desk) -> None:
    """A quarter of sixty rows passed the guard when they were sent; they pass it when they go back."""
    desk.box.empty(referral(n) for n in SIXTY)
    desk.rows(*renamed(*range(1, 16)), *({"CRM Id": crm(n), "Deal": f"Deal {n}"} for n in range(16, 61)))
    assert desk.run("apply", "--yes").code == 0
    said = _undone(desk)
    assert (said.code, said.report["totals"]) == (0, {"rows": 15, "applied": 15})


def test_an_undo_is_guarded_like_any_plan(desk: Desk) -> None:
    """More than the guard allows is refused, in the words of the run that is undone; nothing is sent."""
    desk.box.empty(referral(n) for n in SIXTY)
    desk.rows(*renamed(*SIXTY))
    assert desk.run("apply", "--yes", "--allow", "changes").code == 0
    assert desk.run("undo", "last", "-o", "undo.plan").code == 0
    sent = len(desk.box.patches)
    said = desk.run("apply", "undo.plan", "--yes")
    assert (said.code, len(desk.box.patches)) == (6, sent)
    assert "60 of the 60 rows of the run would change (100%; name 60), 18 allowed" in said.err


def test_runs_that_are_not_there_or_sent_nothing_are_told(desk: Desk) -> None:
    """No ledger, no such run, nothing sent, nothing selected: exit 4 with what to look at."""
    said = desk.run("undo", "last")
    assert (said.code, desk.box.records) == (4, [])
    assert "there is none yet, so that nothing is remembered" in said.err
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 1"})
    assert desk.run("apply", "--yes").code == 0
    assert "is no run of job desk that" in desk.run("undo", "20200101T000000Z-dead").err
    assert "has sent nothing; there is nothing to undo" in desk.run("undo", "last").err
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    said = desk.run("undo", "last", "--select", crm(2))
    assert (said.code, "has sent nothing that is selected" in said.err) == (4, True)


def test_a_side_run_that_wrote_is_taken_back_too(desk: Desk) -> None:
    """A workbook's changes are a run like any other; the nightly base stays out of it."""
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 1"})
    assert desk.run("apply", "--yes").code == 0
    desk.rows({"CRM Id": crm(1), "Deal": "By hand"}, name="side.csv")
    assert desk.run("apply", "side.csv", "--yes").code == 0
    assert _undone(desk).outcomes == {crm(1): "applied"}
    assert desk.box.store.get(guid(1))["name"] == "Deal 1"
    assert desk.run("apply", "--yes", "--json").outcomes == {crm(1): "unchanged"}


# ── What an undo may not do ──────────────────────────────────────────────────────────────────────

PERSON = {"firstName": "Anna", "lastName": "Ott", "phoneNumber": "1", "email": "anna@x.example"}
FIELDS = {"Deal": "name", "Action": "customerAction", "Notes": "notes"}


@pytest.mark.parametrize("conflict", ["hold", "mine"])
def test_no_policy_lets_an_undo_win_over_an_edit(desk: Desk, conflict: str) -> None:
    """Edited between the plan and its PATCH: the eTag says so, and what a person wrote stands, by `mine` too."""
    desk.configure(merge={"conflict": conflict})
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    assert desk.run("undo", "last", "-o", "undo.plan").code == 0
    desk.box.edit(1, name="By a person")
    said = desk.run("apply", "undo.plan", "--yes", "--json")
    assert (said.code, said.outcomes) == (3, {crm(1): "conflicted"})
    assert desk.box.store.get(guid(1))["name"] == "By a person"


def test_people_who_were_appended_to_an_empty_list_stay_and_are_told(desk: Desk) -> None:
    """A list is only ever added to: the plan says what to write instead, and nothing is sent or called applied."""
    desk.rows({"CRM Id": crm(1), "Team": "Anna, Ott, 1, anna@x.example"})
    assert desk.run("apply", "--yes").code == 0
    sent = len(desk.box.patches)
    said = desk.run("undo", "last", "-o", "undo.plan", "--json")
    assert said.causes == {crm(1): "cannot_undo"}
    assert "write <remove> and the e-mail" in said.report["rows"][0]["reason"]
    said = desk.run("apply", "undo.plan", "--yes", "--json")
    assert (said.code, said.outcomes, len(desk.box.patches)) == (0, {crm(1): "refused"}, sent)
    assert desk.box.store.get(guid(1))["team"] == [PERSON]


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """An empty list that a run has filled, where lists are whole; the plan to empty it again is kept."""
    desk.configure(fields={"Team": {"field": "team", "list": "whole"}})
    desk.rows({"CRM Id": crm(1), "Team": "Anna, Ott, 1, anna@x.example"})
    assert desk.run("apply", "--yes").code == 0
    assert desk.box.store.get(guid(1))["team"] == [PERSON]
    assert desk.run("undo", "last", "-o", "undo.plan").code == 0
    return desk


def test_a_whole_list_goes_back_to_nobody(filled: Desk) -> None:
    """As it was before the run: empty."""
    assert filled.run("apply", "undo.plan", "--yes", "--json").causes == {crm(1): "confirmed"}
    assert filled.box.store.get(guid(1))["team"] == []


def test_a_whole_list_that_did_not_go_back_is_not_called_applied(filled: Desk) -> None:
    """Every PATCH is cut off before it arrives, every look shows the list full: deferred, and taken up it goes."""

    def cut(request: Request) -> None:
        filled.box.rates = Rates() if request.method == "PATCH" else Rates(reset=1)

    filled.box.rates, filled.box.watch = Rates(reset=1), cut
    said = filled.run("apply", "undo.plan", "--yes", "--json")
    assert filled.box.store.get(guid(1))["team"] == [PERSON]
    assert said.outcomes[crm(1)] in ("deferred", "unsettled")
    filled.box.rates, filled.box.watch = Rates(), None
    assert filled.run("apply", "undo.plan", "--yes", "--json").outcomes == {crm(1): "applied"}
    assert filled.box.store.get(guid(1))["team"] == []


def test_a_whole_list_goes_back_under_a_new_etag(filled: Desk) -> None:
    """Somebody has edited another field: looked at again, the list goes back and the edit stands."""
    filled.box.edit(1, name="By a person")
    assert filled.run("apply", "undo.plan", "--yes", "--json").outcomes == {crm(1): "applied"}
    document = filled.box.store.get(guid(1))
    assert (document["team"], document["name"]) == ([], "By a person")


def test_a_whole_list_that_somebody_has_edited_stays(filled: Desk) -> None:
    """Looked at again it holds neither what was written nor what was there before: a person decides."""
    filled.box.edit(1, team=[PERSON | {"firstName": "Ida"}])
    assert filled.run("apply", "undo.plan", "--yes", "--json").outcomes == {crm(1): "conflicted"}
    assert [one["firstName"] for one in filled.box.store.get(guid(1))["team"]] == ["Ida"]


def test_where_drift_is_overwritten_the_undo_says_that_it_will_not_last(desk: Desk) -> None:
    """The next night sends the bad values again: the plan and its run say so, with what to mend."""
    desk.configure(merge={"drift": "overwrite"})
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    words = "merge.drift is overwrite: the next run over rows.file sends its values again; mend the CRM first"
    assert words in desk.run("undo", "last", "-o", "undo.plan").err
    assert words in desk.run("apply", "undo.plan", "--yes").err
    desk.configure()
    assert words not in desk.run("undo", "last").err


def test_an_undo_that_was_put_off_is_not_planned_anew_as_rows(desk: Desk) -> None:
    """Its rows say what was, not what is: retry refuses its run with both ways on, and its plan is taken up."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    run = desk.run("undo", "last", "-o", "undo.plan").err.split("this takes back run ")[1].split()[0]
    desk.box.rates = Rates(locked=1)
    undoing = desk.run("apply", "undo.plan", "--yes", "--json").report["run"]["id"]
    desk.box.rates = Rates()
    for name in (undoing, "last"):
        said = desk.run("retry", name)
        assert said.code == 4
        assert f"run {undoing} took back run {run}" in said.err
        assert f"syncjob undo {run}" in said.err
    assert desk.run("apply", "undo.plan", "--yes", "--json").outcomes == {crm(1): "applied"}
    assert desk.box.store.get(guid(1))["name"] == "Deal 1"


@pytest.mark.parametrize("clear_as", ["null", "empty"])
def test_nothing_goes_back_as_the_very_nothing_that_was_there(desk: Desk, clear_as: str) -> None:
    """Null is null and an empty text is one, however the job itself clears."""
    desk.configure(remote={"url": desk.box.url, "clear_as": clear_as}, fields=FIELDS)
    desk.rows({"CRM Id": crm(1), "Action": "call", "Notes": "hello"})
    before = dict(desk.box.store.get(guid(1))["details"])
    assert (before["customerAction"], before["notes"]) == (None, "")
    assert desk.run("apply", "--yes").code == 0
    assert _undone(desk).outcomes == {crm(1): "applied"}
    assert desk.box.store.get(guid(1))["details"] == before


def test_what_a_killed_run_may_have_sent_is_not_called_nothing(desk: Desk) -> None:
    """Nobody knows whether it arrived: undo says so of each row, and what comes first."""
    desk.box.slow_s = 2.0
    desk.rows(*renamed(1, 2, 3, 4))
    with desk.begun(patches=4):
        pass
    said = desk.run("undo", "last")
    assert "has sent nothing" not in said.err
    assert said.out.count("nobody knows yet whether it arrived; run the job once more, then undo that") >= 1
    assert len(desk.box.patches) == 4
    desk.box.slow_s = 0.0
    assert "\n4 rows: " in desk.run("retry", "last").out, "they wait, and are planned anew"
