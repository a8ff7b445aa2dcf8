"""What was seen long ago says nothing about now: old plans, old answers and old reports write over nobody."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Said, crm, guid, referral, renamed

from syncjob.ledger import Ledger
from syncjob.sandbox.faults import Rates
from syncjob.sandbox.messages import Request

pytestmark = pytest.mark.long

SAME = {"CRM Id": crm(1), "Deal": "Deal 1"}
AL, BOB = ({"firstName": name, "email": f"{name.lower()}@x.example"} for name in ("Al", "Bob"))


def night(desk: Desk, *words: str | Path) -> Said:
    """Let tonight's run go over the configuration's own rows.file, or what is named."""
    said = desk.run("apply", "--yes", "--json", *words)
    assert said.out, said.err
    return said


def agreed(desk: Desk, *rows: Mapping[str, str]) -> None:
    """Let a night go by in which row and referral say the same."""
    desk.rows(*rows)
    assert set(night(desk).causes.values()) == {"in_step"}


def locked(desk: Desk, *words: str | Path) -> Said:
    """Let a night go by in which every referral is locked."""
    desk.box.rates = Rates(locked=1)
    said = night(desk, *words)
    desk.box.rates = Rates()
    assert "locked" in said.causes.values()
    return said


def name_of(desk: Desk, n: int = 1) -> str:
    """Give the name that referral `n` has now."""
    return str(desk.box.store.get(guid(n))["name"])


def team_of(desk: Desk) -> Any:
    """Give the e-mail of everybody in the team of the first referral."""
    return [one["email"] for one in desk.box.store.get(guid(1))["team"]]


def remembered(desk: Desk) -> Mapping[str, Any]:
    """Give the bases of the first referral."""
    with closing(Ledger(desk.ledger)) as ledger:
        return ledger.remembered("desk", f"{desk.box.url}/v1.0/engagements/referrals", guid(1)).values


def decided(desk: Desk, name: str, word: str) -> Path:
    """Give a copy of a CSV report in which a person has written a decision into every row."""
    with (desk.folder / name).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    place = desk.folder / f"{word}-{name}"
    with place.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(_with(rows, word))
    return place


def _with(rows: Iterable[Mapping[str, str]], word: str) -> Iterable[dict[str, str]]:
    return ({**row, "syncjob decision": word} for row in rows)


def test_a_kept_plan_whose_row_was_not_sent_moves_no_base_back(desk: Desk) -> None:
    """What it saw in step on Monday is not what was agreed on Monday night: a person's edit after it is kept."""
    row = {**SAME, "Amount": "1000", "Currency": "EUR"}
    agreed(desk, row)
    desk.rows({**row, "Amount": "5"})
    assert desk.run("plan", "-o", "monday.plan").code == 0
    desk.box.edit(1, name="Deal B")
    agreed(desk, {**row, "Deal": "Deal B"})
    locked(desk, "monday.plan")
    assert remembered(desk)["/name"] == "Deal B"
    desk.box.edit(1, name="Deal 1")
    said = night(desk)
    assert (said.code, said.causes, name_of(desk)) == (0, {crm(1): "remote_moved"}, "Deal 1")


def _lost(desk: Desk) -> None:
    """Let the next PATCH land, its answer be lost, and no look succeed after it."""

    def gone(request: Request) -> None:
        if request.method == "PATCH":
            desk.box.rates = Rates(unavailable=1)

    desk.box.rates, desk.box.watch = Rates(lost=1), gone


def test_a_lost_answer_that_is_mended_says_only_what_was_sent(desk: Desk) -> None:
    """What the plan saw beside it is old by then: what tonight agrees on stays, and a person's edit after it."""
    row = {**SAME, "Action": "x"}
    desk.box.edit(1, details__customerAction="x")
    agreed(desk, row)
    desk.rows({**row, "Deal": "New"})
    _lost(desk)
    assert night(desk).causes == {crm(1): "answer_unknown"}
    desk.box.rates, desk.box.watch = Rates(), None
    assert name_of(desk) == "New"
    desk.box.edit(1, details__customerAction="y")
    agreed(desk, {**row, "Deal": "New", "Action": "y"})
    assert dict(remembered(desk)) == {"/name": "New", "/details/customerAction": "y"}
    desk.box.edit(1, details__customerAction="x")
    said = night(desk)
    assert (said.code, said.causes) == (0, {crm(1): "remote_moved"})
    assert desk.box.store.get(guid(1))["details"]["customerAction"] == "x"


@pytest.fixture
def monday(desk: Desk) -> tuple[Desk, str]:
    """On Monday a new name was put off, as the report mon.csv and a run say; the referral has the old one."""
    agreed(desk, SAME)
    desk.rows({**SAME, "Deal": "New"})
    return desk, locked(desk, "--report", "mon.csv").report["run"]["id"]


def _retried(desk: Desk, what: str) -> Said:
    assert desk.run("retry", what, "-o", "again.plan").code in (0, 3)
    return night(desk, "again.plan")


@pytest.mark.parametrize("by", ["report", "run"])
def test_an_old_row_planned_anew_does_not_undo_a_person_s_edit(monday: tuple[Desk, str], by: str) -> None:
    """Tuesday has sent it and a person set it back, as the ledger knows: drift, whatever Monday's report says."""
    desk, run = monday
    assert night(desk).causes == {crm(1): "confirmed"}
    desk.box.edit(1, name="Deal 1")
    assert night(desk).causes == {crm(1): "remote_moved"}
    assert _retried(desk, "mon.csv" if by == "report" else run).causes == {crm(1): "remote_moved"}
    assert name_of(desk) == "Deal 1"
    assert night(desk).causes == {crm(1): "remote_moved"}


@pytest.mark.parametrize("by", ["report", "run"])
def test_an_old_row_planned_anew_does_not_go_over_a_newer_one(monday: tuple[Desk, str], by: str) -> None:
    """Tuesday's export has said and sent something newer: Monday's row is not sent, and does not settle anything."""
    desk, run = monday
    desk.rows({**SAME, "Deal": "Newer"})
    assert night(desk).causes == {crm(1): "confirmed"}
    said = _retried(desk, "mon.csv" if by == "report" else run)
    assert (said.report["requests"]["PATCH"], name_of(desk)) == (0, "Newer")
    assert night(desk).causes == {crm(1): "in_step"}


@pytest.mark.parametrize("by", ["report", "run"])
def test_an_old_row_that_nothing_has_passed_goes(monday: tuple[Desk, str], by: str) -> None:
    """It was put off and still stands: planned anew it is sent, and settled for tonight."""
    desk, run = monday
    assert _retried(desk, "mon.csv" if by == "report" else run).causes == {crm(1): "confirmed"}
    assert night(desk).causes == {crm(1): "in_step"}


@pytest.mark.parametrize("drift", ["keep", "overwrite"])
def test_somebody_who_was_taken_off_and_put_back_is_drift(desk: Desk, drift: str) -> None:
    """`<remove>` was agreed on: by drift: keep whom a person puts back stays, by overwrite he goes once more."""
    desk.configure(merge={"drift": drift})
    desk.box.empty([referral(1, team=[BOB, AL])])
    desk.rows({**SAME, "Team": "<remove> bob@x.example"})
    assert night(desk).causes == {crm(1): "confirmed"}
    assert night(desk).causes == {crm(1): "in_step"}
    desk.box.edit(1, team=[AL, BOB])
    for cause in ("remote_moved", "remote_moved") if drift == "keep" else ("confirmed", "in_step"):
        assert night(desk).causes == {crm(1): cause}
    assert team_of(desk) == (["al@x.example", "bob@x.example"] if drift == "keep" else ["al@x.example"])


def test_a_removal_that_was_never_agreed_on_goes(desk: Desk) -> None:
    """Who joined since the last night was never taken off: the row's word is new, and is sent."""
    desk.box.empty([referral(1, team=[AL])])
    agreed(desk, SAME)
    desk.box.edit(1, team=[AL, BOB])
    desk.rows({**SAME, "Team": "<remove> bob@x.example"})
    assert night(desk).causes == {crm(1): "confirmed"}
    assert team_of(desk) == ["al@x.example"]


@pytest.fixture
def another_currency(desk: Desk) -> Desk:
    """Somebody has put the amount into another currency, and the row asks for another amount; c.csv says so."""
    row = {"CRM Id": crm(1), "Amount": "1000", "Currency": "EUR"}
    agreed(desk, row)
    desk.box.edit(1, details__currency="USD")
    desk.rows({**row, "Amount": "7"})
    said = night(desk, "--report", "c.csv")
    assert (said.code, said.outcomes) == (3, {crm(1): "conflicted"})
    return desk


def test_a_conflict_of_currencies_can_be_settled_with_theirs(another_currency: Desk) -> None:
    """The decision keeps amount and currency as they are, tonight and on the nights to come; nothing is sent."""
    desk = another_currency
    assert desk.run("retry", decided(desk, "c.csv", "theirs"), "-o", "decided.plan").code == 0
    assert night(desk, "decided.plan").outcomes == {crm(1): "drifted"}
    for _ in range(2):
        said = night(desk)
        assert (said.code, said.outcomes) == (0, {crm(1): "drifted"})
    details = desk.box.store.get(guid(1))["details"]
    assert (desk.box.patches, float(details["dealValue"]), details["currency"]) == ([], 1000, "USD")


def test_a_conflict_of_currencies_is_not_settled_with_mine(another_currency: Desk) -> None:
    """An amount is no amount of another currency: the row stays with a person, and nothing is sent."""
    desk = another_currency
    said = desk.run("retry", decided(desk, "c.csv", "mine"), "--json")
    assert (said.code, desk.box.patches) == (3, [])
    (row,) = said.report["rows"]
    assert "USD" in row["reason"]


def test_the_run_of_another_job_is_none_to_plan_anew(desk: Desk) -> None:
    """They share a ledger, not their runs: refused by its id, and `last` is the last of this job."""
    shared = {"ledger": {"file": "desk.ledger"}}
    desk.configure(**shared)
    desk.rows(*renamed(1))
    own = locked(desk).report["run"]["id"]
    desk.configure(job="other", guards={"first_run": 0}, fields={"Deal": "customerAction"}, **shared)
    desk.rows({"CRM Id": crm(2), "Deal": "Other's"})
    others = night(desk).report["run"]["id"]
    desk.configure(**shared)
    said = desk.run("retry", others)
    assert (said.code, f"{others}: is no run of job desk" in said.err) == (4, True)
    said = desk.run("retry", "last", "--json")
    assert (said.code, said.causes) == (0, {crm(1): "to_send"})
    assert desk.run("retry", own, "--json").causes == said.causes
