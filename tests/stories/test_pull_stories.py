"""Pull, edit, plan: the remote's state as a file that people work in, in every form in which it can be kept."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from desk import Desk, guid, referral
from editing import edit

pytestmark = pytest.mark.long

FORMS = ("pulled.xlsx", "pulled.csv", "pulled.yaml")


def pulled(desk: Desk, name: str, *args: str) -> Path:
    """Pull into a file."""
    said = desk.run("pull", "-o", name, *args)
    assert said.code == 0, said.err
    return desk.folder / name


@pytest.mark.parametrize("name", FORMS)
def test_an_untouched_file_plans_to_nothing(desk: Desk, name: str) -> None:
    """Without a column mapped in the configuration; and nothing but GET is sent."""
    desk.box.empty(referral(n) for n in range(1, 8))
    desk.config.write_text(f"job: desk\nremote: {{url: '{desk.box.url}'}}\n")
    said = desk.run("plan", pulled(desk, name), "--json", "--detailed-exitcode")
    assert said.code == 0, said.err
    assert said.report["totals"] == {"rows": 7, "unchanged": 7}
    assert set(desk.box.methods) == {"GET"}
    assert (desk.folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", FORMS)
def test_an_edit_meets_what_others_edited(desk: Desk, name: str) -> None:
    """One change, one conflict with its three values, and nothing else; a decision settles the conflict."""
    desk.box.empty(referral(n) for n in range(1, 6))
    desk.configure()
    path = pulled(desk, name)

    def work(rows: list[dict[str, Any]]) -> None:
        rows[0]["dealValue"] = 1500
        rows[1]["dealValue"] = 2500

    edit(path, work)
    desk.box.edit(1, name="Renamed elsewhere")
    desk.box.edit(2, details__dealValue=2200)
    said = desk.run("plan", path, "--json", "--report", "plan.xlsx", "--report", "plan.csv")
    assert said.code == 3, said.err
    rows = {row["id"]: row for row in said.report["rows"]}
    assert said.report["totals"] == {"rows": 5, "unchanged": 3, "planned": 1, "conflicted": 1}
    assert rows[guid(1)]["patch"] == [{"op": "replace", "path": "/details/dealValue", "value": "1500"}]
    assert rows[guid(1)]["warnings"] == ["name: changed at the remote since row and remote agreed; kept"]
    (apart,) = (one for one in rows[guid(2)]["fields"] if one["path"] == "/details/dealValue")
    assert (apart["base"], apart["observed"], apart["desired"]) == ("2000", "2200", "2500")
    for report in ("plan.xlsx", "plan.csv"):
        _decided(desk, report)


def _decided(desk: Desk, report: str) -> None:
    """Undecided it is a conflict again; then each decision is planned as it was meant."""
    path = desk.folder / report
    again = desk.run("retry", path, "--json")
    assert again.report["totals"] == {"rows": 1, "conflicted": 1}, again.err
    for decision, patch in (("mine", ["2500"]), ("2300", ["2300"]), ("theirs", [])):
        edit(path, partial(_deciding, decision))
        said = desk.run("retry", path, "--json")
        (row,) = said.report["rows"]
        assert [one["value"] for one in row["patch"]] == patch, (decision, said.err)
        assert said.code == 0


def _deciding(word: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["syncjob decision"] = word


def test_a_decision_is_sent_under_the_etag_of_now(desk: Desk) -> None:
    """Read and compared again, never replayed; the next plan of the file is in step."""
    desk.box.empty([referral(1)])
    desk.configure()
    path = pulled(desk, "pulled.xlsx")
    edit(path, lambda rows: rows[0].update(dealValue=1500))
    desk.box.edit(1, details__dealValue=1200)
    assert desk.run("plan", path, "--report", "plan.xlsx").code == 3
    edit(desk.folder / "plan.xlsx", lambda rows: rows[0].update({"syncjob decision": "mine"}))
    assert desk.run("retry", "plan.xlsx", "-o", "t.syncplan").code == 0
    assert desk.run("apply", "t.syncplan", "--yes").code == 0
    assert desk.box.store.get(guid(1))["details"]["dealValue"] in (1500, "1500")
    assert [bool(record.if_match) for record in desk.box.patches] == [True]
    said = desk.run("plan", "plan.xlsx", "--json")
    assert said.report["totals"] == {"rows": 1, "unchanged": 1}


def test_rows_of_a_run_are_planned_anew(desk: Desk) -> None:
    """By the run's id, from what the ledger remembers: only those that need a person."""
    desk.box.empty([referral(1), referral(2)])
    desk.configure()
    desk.rows({"CRM Id": "CRM-00001", "Deal": "One"}, {"CRM Id": "CRM-00009", "Deal": "Nobody"})
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 3
    desk.box.edit(2, externalReferenceId="CRM-00009")
    again = desk.run("retry", said.report["run"]["id"], "--json", "-o", "again.syncplan")
    assert [(row["key"], row["outcome"]) for row in again.report["rows"]] == [("CRM-00009", "planned")]
    assert desk.run("apply", "again.syncplan", "--yes").code == 0
    assert desk.box.store.get(guid(2))["name"] == "Nobody"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "20260101T000000Z-abcd",
            "neither the file of a report nor a run that is known; 2026",
        ),
        ("rows.csv", "has no column 'syncjob outcome', so it is no report of a plan or run"),
    ],
)
def test_what_is_neither_report_nor_run_is_refused(desk: Desk, asked: str, said: str) -> None:
    """Before anything is asked of the remote."""
    desk.configure()
    desk.box.empty([referral(1)])
    desk.rows({"CRM Id": "CRM-00001", "Deal": "One"})
    assert desk.run("apply", "--yes").code == 0
    before = len(desk.box.records)
    found = desk.run("retry", asked)
    assert (found.code, said in found.err) == (4, True), found.err
    assert len(desk.box.records) == before


def test_retry_without_a_ledger_begins_none(desk: Desk) -> None:
    """There is no run to take up."""
    desk.configure()
    found = desk.run("retry", "20260101T000000Z-abcd")
    assert found.code == 4
    assert not desk.ledger.exists()


def test_fields_and_filter_are_chosen(desk: Desk) -> None:
    """By name and as OData; an unknown name is told with what was meant."""
    desk.box.empty([referral(1), referral(2, status="New", substatus="Pending")])
    desk.configure()
    path = pulled(desk, "new.csv", "--fields", "dealValue, currency", "--filter", "status eq 'New'")
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    shown = [name for name in row if not name.startswith("syncjob")]
    assert shown == ["id", "customerProfile.name", "dealValue", "currency"]
    assert (row["id"], row["dealValue"], row["currency"]) == (guid(2), "2000", "EUR")
    said = desk.run("pull", "-o", "x.csv", "--fields", "dealValu")
    assert (said.code, "did you mean 'dealValue'?" in said.err) == (2, True)


def test_dates_are_days_where_a_zone_is_stated(desk: Desk) -> None:
    """In Excel as dates; one day later is one change."""
    desk.box.empty([referral(1, details={"closingDateTime": "2027-03-30T22:00:00Z"})])
    desk.configure()
    path = pulled(desk, "p.xlsx")
    sheet = openpyxl.load_workbook(path).worksheets[0]
    names = {str(cell.value): cell.column for cell in sheet[1]}
    shown = sheet.cell(2, names["closingDateTime"])
    assert (shown.value.isoformat(), shown.number_format) == ("2027-03-31T00:00:00", "yyyy-mm-dd")
    hidden = [(one.min, one.max) for one in sheet.column_dimensions.values() if one.hidden]
    assert hidden == [(names["syncjob pulled id"], names["syncjob pulled values"])]
    shown.value = shown.value.replace(month=4, day=1)
    sheet.parent.save(path)
    said = desk.run("plan", path, "--json")
    (row,) = said.report["rows"]
    assert row["patch"] == [{"op": "replace", "path": "/details/closingDateTime", "value": "2027-03-31T22:00:00Z"}]


def test_rows_sorted_in_part_are_invalid(desk: Desk) -> None:
    """The visible columns moved, the hidden ones did not: nothing of it may be sent."""
    desk.box.empty([referral(1), referral(2)])
    desk.configure()
    path = pulled(desk, "p.xlsx")

    def mixed(rows: list[dict[str, Any]]) -> None:
        one, two = rows
        for name in one:
            if not name.startswith("syncjob pulled"):
                one[name], two[name] = two[name], one[name]

    edit(path, mixed)
    said = desk.run("plan", path, "--json")
    assert said.code == 3
    assert [row["cause"] for row in said.report["rows"]] == ["bad_key", "bad_key"]
    assert "were columns sorted or cut in part?" in said.report["rows"][0]["reason"]


def test_an_emptied_cell_is_warned_of(desk: Desk) -> None:
    """It has no opinion; <clear> has."""
    desk.box.empty([referral(1, details={"notes": "call back", "dealValue": 5, "currency": "EUR"})])
    desk.configure()
    path = pulled(desk, "p.xlsx")
    edit(path, lambda rows: rows[0].update(notes=None))
    said = desk.run("plan", path, "--json")
    assert said.report["totals"] == {"rows": 1, "unchanged": 1}
    (warning,) = said.report["rows"][0]["warnings"]
    assert warning.endswith("notes: was emptied, and a blank cell has no opinion; write <clear> to clear it")
    edit(path, lambda rows: rows[0].update(notes="<clear>"))
    (row,) = desk.run("plan", path, "--json").report["rows"]
    assert row["patch"] == [{"op": "replace", "path": "/details/notes", "value": None}]


def test_a_listing_that_fails_leaves_no_file(desk: Desk) -> None:
    """Half of the referrals would look like all of them."""
    desk.configure(remote={"url": "http://127.0.0.1:1"})
    said = desk.run("pull", "-o", "p.xlsx")
    assert said.code == 7
    assert not (desk.folder / "p.xlsx").exists()
    assert desk.run("pull", "-o", "p.docx").code == 2
    assert desk.run("pull", "-o", "syncjob.yaml").code == 2


def test_pulled_values_stay_out_of_the_talk(desk: Desk) -> None:
    """What was pulled stands in the file and nowhere else."""
    desk.box.empty([referral(1, details={"notes": "a secret note \x07"})])
    desk.configure()
    said = desk.run("pull", "-o", "p.csv", "--log-file", "log.jsonl")
    assert "notes: 1 values cannot stand in a cell" in said.err
    assert "secret" not in said.err + said.out + (desk.folder / "log.jsonl").read_text()
    assert json.loads((desk.folder / "log.jsonl").read_text().splitlines()[-1])["event"] == "pull.ended"
    assert desk.run("plan", "p.csv", "--json").report["totals"] == {"rows": 1, "unchanged": 1}


@pytest.mark.parametrize("name", FORMS)
def test_files_of_ours_are_read_as_we_write_them(desk: Desk, name: str) -> None:
    """What the configuration says of the nightly export is not said of them: not its encoding, sheet or marker."""
    desk.box.empty([referral(1), referral(2)])
    export = {"format": "csv", "encoding": "cp1252", "delimiter": ";", "sheet": "Pipeline", "rows_min": 100}
    desk.configure(rows={"file": "rows.csv", "done_marker": ".done", "final_newline": "required", **export})
    path = pulled(desk, name)
    edit(path, lambda rows: rows[0].update(name="Größe"))
    said = desk.run("apply", path, "--yes", "--json", "--report", "r.xlsx", "--report", "r.csv")
    assert said.code == 0, said.err
    for report in ("r.xlsx", "r.csv"):
        again = desk.run("plan", report, "--json")
        assert again.code == 0, again.err
        assert again.report["totals"] == {"rows": 2, "unchanged": 2}


def test_a_conflict_met_while_sending_is_decided_in_the_report(desk: Desk) -> None:
    """The base is what the plan saw; undecided it stays a conflict, and so it does when the remote moves once more."""
    desk.box.empty([referral(1), referral(2)])
    desk.configure()
    desk.rows({"CRM Id": "CRM-00001", "Amount": "1500", "Currency": "EUR"}, {"CRM Id": "CRM-00002", "Deal": "Two"})
    assert desk.run("plan", "-o", "t.syncplan").code == 0
    desk.box.edit(1, details__dealValue=1200)
    ran = desk.run("apply", "t.syncplan", "--yes", "--json", "--report", "r.xlsx")
    assert ran.outcomes == {"CRM-00001": "conflicted", "CRM-00002": "applied"}
    assert desk.run("retry", ran.report["run"]["id"], "--json").outcomes == {"CRM-00001": "conflicted"}
    assert desk.run("retry", "r.xlsx", "--json").outcomes == {"CRM-00001": "conflicted"}
    edit(desk.folder / "r.xlsx", partial(_deciding, "mine"))
    assert desk.run("retry", "r.xlsx", "-o", "again.syncplan", "--json").outcomes == {"CRM-00001": "planned"}
    desk.box.edit(1, details__dealValue=1300)
    assert desk.run("retry", "r.xlsx", "--json").outcomes == {"CRM-00001": "conflicted"}
    sent = desk.run("apply", "again.syncplan", "--yes", "--json")
    assert sent.outcomes == {"CRM-00001": "conflicted"}
    assert desk.box.store.get(guid(1))["details"]["dealValue"] == 1300
