"""Who has moved since row and remote last agreed, and Partner Center's news in the CRM's own words."""

from __future__ import annotations

import csv
import json
from typing import Any

import canary
import pytest
from desk import COLUMNS, Desk, Said, crm, guid, referral

AGREED = {"Deal": "Deal {}", "Amount": "{}000", "Currency": "EUR", "Action": "Wait"}


def _row(n: int, **cells: str) -> dict[str, str]:
    return {"CRM Id": crm(n)} | {name: cell.format(n) for name, cell in (AGREED | cells).items()}


@pytest.fixture
def agreed(desk: Desk) -> Desk:
    """Nine deals on which the last night agreed."""
    desk.rows(*(_row(n) for n in range(1, 10)))
    assert desk.run("apply", "--yes").code == 0
    return desk


def _fields(said: Said) -> list[tuple[str, str, str]]:
    found = [(one["key"], one["path"], one["who"]) for one in json.loads(said.out)["fields"]]
    return sorted(found)


def test_nothing_has_moved(agreed: Desk) -> None:
    """Exit 0, and the rows are counted."""
    said = agreed.run("drift")
    assert (said.code, said.err) == (0, f"note: column '{canary.COLUMN}' is mapped to no field\n")
    assert said.out.endswith("9 rows, 0 of them apart from their referrals\n")


def test_each_field_is_told_by_who_has_moved(agreed: Desk) -> None:
    """We, they, both: with the three values; exit 10, and only GET was sent."""
    agreed.box.edit(1, name="Theirs")
    agreed.box.edit(3, details__dealValue=5)
    agreed.rows(_row(1), _row(2, Deal="Ours"), _row(3, Amount="7"), *(_row(n) for n in range(4, 10)))
    sent = len(agreed.box.patches)
    said = agreed.run("drift", "--json")
    assert (said.code, len(agreed.box.patches)) == (10, sent)
    assert _fields(said) == [
        (crm(1), "/name", "they"),
        (crm(2), "/name", "we"),
        (crm(3), "/details/dealValue", "both"),
    ]
    text = agreed.run("drift").out
    assert "they    name: agreed Deal 1, row Deal 1, remote Theirs" in text
    assert "we      name: agreed Deal 2, row Ours, remote Deal 2" in text
    assert "both    dealValue: agreed 3000, row 7, remote 5" in text
    assert "9 rows, 3 of them apart from their referrals" in text


def test_it_is_told_between_which_runs_somebody_moved(agreed: Desk) -> None:
    """The last run that agreed, and the first that saw it otherwise, however many saw it since."""
    first = json.loads(agreed.run("show", "last", "--json").out)["run"]["id"]
    agreed.box.edit(1, name="Theirs")
    (one,) = json.loads(agreed.run("drift", "--json").out)["fields"]
    assert (one["agreed"]["run"], one["first_seen"]["run"]) == (first, "")
    assert agreed.run("apply", "--yes").code == 0
    second = json.loads(agreed.run("show", "last", "--json").out)["run"]["id"]
    assert agreed.run("apply", "--yes").code == 0
    (one,) = json.loads(agreed.run("drift", "--json").out)["fields"]
    assert (one["agreed"]["run"], one["first_seen"]["run"]) == (first, second)
    assert f"agreed until run {first}" in agreed.run("drift").out


def test_a_field_without_history_is_nobody_s(desk: Desk) -> None:
    """Before the first run nobody knows who moved."""
    desk.rows(_row(1, Deal="Ours", Action=""))
    said = desk.run("drift", "--json")
    assert (said.code, _fields(said)) == (10, [(crm(1), "/name", "unknown")])
    assert not desk.ledger.exists()


def test_fields_may_be_ignored(agreed: Desk) -> None:
    """What is ignored is neither told nor counted; a field that does not exist is named."""
    agreed.box.edit(1, name="Theirs")
    assert agreed.run("drift", "--ignore", "name").code == 0
    assert agreed.run("drift", "--ignore", "dealValue").code == 10
    said = agreed.run("drift", "--ignore", "nmae")
    assert (said.code, "no field is called 'nmae'; did you mean 'name'" in said.err) == (2, True)


def test_rows_that_cannot_be_compared_are_counted_and_change_no_exit_code(agreed: Desk) -> None:
    """A row that matches nothing or cannot be read is no drift."""
    agreed.rows(_row(1), _row(404), _row(2, Amount="much"))
    said = agreed.run("drift")
    assert said.code == 0
    assert "2 rows could not be compared; syncjob plan says why" in said.err


def test_policies_hide_nothing(agreed: Desk) -> None:
    """What would be overwritten all the same is told as what it is."""
    agreed.configure(merge={"drift": "overwrite", "conflict": "mine"})
    agreed.box.edit(1, name="Theirs")
    said = agreed.run("drift", "--json")
    assert (said.code, _fields(said)) == (10, [(crm(1), "/name", "they")])


def test_a_dead_remote_is_no_drift(agreed: Desk) -> None:
    """Exit 7: nobody can say."""
    agreed.configure(remote={"url": "http://127.0.0.1:1"}, limits={"attempts_max": 1})
    assert agreed.run("drift").code == 7


def _back(desk: Desk, name: str = "back.csv") -> list[dict[str, str]]:
    with (desk.folder / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_news_come_back_in_the_user_s_own_columns(agreed: Desk) -> None:
    """Only what Partner Center alone has changed, in the key's column and those with news; what both moved is left."""
    agreed.box.edit(1, name="Theirs", details__dealValue=1234.5)
    agreed.box.edit(2, details__customerAction="Call them")
    agreed.box.edit(3, name="Theirs too")
    agreed.rows(_row(1), _row(2), _row(3, Deal="Ours"), *(_row(n) for n in range(4, 10)))
    said = agreed.run("drift", "--to-crm", "back.csv")
    assert said.code == 10
    assert "2 rows with news from Partner Center written to back.csv; load it into the CRM" in said.err
    assert _back(agreed) == [
        {"CRM Id": crm(1), "Deal": "Theirs", "Amount": "1234.5", "Action": ""},
        {"CRM Id": crm(2), "Deal": "", "Amount": "", "Action": "Call them"},
    ]


def test_a_crm_that_has_taken_the_news_agrees(agreed: Desk) -> None:
    """Loaded into the export they leave nothing apart: in German, with a stage, a date and a person who left."""
    fields: dict[str, Any] = {
        "Deal": "name",
        "Stage": {"field": "status", "translate": {"In Arbeit": "Active/Accepted", "Verloren": "Closed/Lost"}},
        "Amount": "dealValue",
        "Currency": "currency",
        "Close Date": "closingDateTime",
        "Team": "team",
    }
    defaults = {"locale": "de_DE", "date_format": "%d.%m.%Y", "time_zone": "Europe/Berlin"}
    people = [{"email": "a@b.example"}, {"email": "c@d.example"}]
    agreed.box.empty([referral(1, team=people)])
    agreed.configure(fields=fields, defaults=defaults)
    mine = {
        "CRM Id": crm(1),
        "Deal": "Deal 1",
        "Stage": "In Arbeit",
        "Amount": "1.000,00",
        "Currency": "EUR",
        "Close Date": "31.03.2027",
        "Team": "a@b.example; c@d.example",
    }
    agreed.rows(mine)
    assert agreed.run("apply", "--yes").code == 0
    agreed.box.edit(1, details__dealValue=12500.5, details__closingDateTime="2027-04-29T22:00:00Z", team=people[1:])
    agreed.box.edit(1, status="Closed", substatus="Lost")
    assert agreed.run("drift", "--to-crm", "back.csv").code == 10
    (news,) = _back(agreed)
    assert news == {
        "CRM Id": crm(1),
        "Stage": "Verloren",
        "Amount": "12500,5",
        "Close Date": "30.04.2027",
        "Team": "c@d.example",
    }
    agreed.rows(mine | news)
    assert agreed.run("drift").code == 0
    assert agreed.run("apply", "--yes", "--json").outcomes == {crm(1): "unchanged"}


def test_what_has_no_word_in_the_crm_is_told_and_not_guessed(agreed: Desk) -> None:
    """Two words of the CRM mean the new status: neither is written."""
    words = {"Working": "New/Received", "Talking": "Active/Accepted", "Dealing": "Active/Accepted"}
    agreed.box.empty([referral(1, status="New", substatus="Received")])
    agreed.configure(fields={"Stage": {"field": "status", "translate": words}})
    agreed.rows({"CRM Id": crm(1), "Stage": "Working"})
    assert agreed.run("apply", "--yes").code == 0
    agreed.box.edit(1, status="Active", substatus="Accepted")
    said = agreed.run("drift", "--to-crm", "back.csv")
    assert said.code == 10
    assert "not written: rows.csv:2: Stage: " in said.err
    assert "nothing is new in Partner Center; no file was written" in said.err
    assert not (agreed.folder / "back.csv").exists()


def test_a_file_with_work_in_it_is_not_replaced(agreed: Desk) -> None:
    """--force says that it may be."""
    agreed.box.edit(1, name="Theirs")
    agreed.put("back.csv", "mine")
    said = agreed.run("drift", "--to-crm", "back.csv")
    assert (said.code, (agreed.folder / "back.csv").read_text()) == (2, "mine")
    assert agreed.run("drift", "--to-crm", "back.csv", "--force").code == 10
    assert _back(agreed)[0]["Deal"] == "Theirs"


def test_private_values_are_masked_for_passers_by(agreed: Desk) -> None:
    """Notes and people are told as moved, and stand in JSON and in the file for the CRM alone."""
    agreed.rows({"CRM Id": crm(1), "Notes": "secret before", "Deal": "Deal 1"})
    assert agreed.run("apply", "--yes").code == 0
    agreed.box.edit(1, details__notes="secret after")
    said = agreed.run("drift", "--to-crm", "back.csv", "--log-file", "run.log")
    assert "they    notes: agreed •••, row •••, remote •••" in said.out
    assert "secret" not in said.out + said.err + (agreed.folder / "run.log").read_text()
    assert _back(agreed)[0]["Notes"] == "secret after"


def test_columns_of_the_desk_are_all_there() -> None:
    """The stories above mean what they say: the columns exist."""
    assert {"Deal", "Amount", "Currency", "Action", "Notes"} <= set(COLUMNS)
    assert guid(1)
