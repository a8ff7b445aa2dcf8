"""A broken export does no damage: refused with exit 6, the numbers and the column, and not one PATCH."""

from __future__ import annotations

import os
from typing import Any

import openpyxl
import pytest
from desk import Desk, crm, guid, referral

pytestmark = pytest.mark.long

ROWS = 400


@pytest.fixture
def many(desk: Desk) -> Desk:
    """A desk with many referrals that the export agrees with, under the guards as they are configured by default."""
    desk.box.empty(referral(n) for n in range(1, ROWS + 1))
    desk.configure(guards={"first_run": None, "column": "25%"})
    desk.rows(*export())
    assert desk.run("apply", "--yes").code == 0
    desk.box.records.clear()
    return desk


def export(**changed: dict[int, Any]) -> list[dict[str, str]]:
    """Give the rows as the CRM holds them; `changed` gives other cells by row."""
    rows = [
        {"CRM Id": crm(n), "Deal": f"Deal {n}", "Amount": str(1000 * n), "Currency": "EUR"} for n in range(1, ROWS + 1)
    ]
    for column, cells in changed.items():
        for n, cell in cells.items():
            rows[n - 1][column] = cell
    return rows


def test_a_column_that_slipped_by_one_row_is_refused_by_its_name(many: Desk) -> None:
    """Exit 6, no PATCH, and the message names the column (the amounts of all rows stand one row too low)."""
    many.rows(*export(Amount={n: str(1000 * (n - 1)) for n in range(2, ROWS + 1)}))
    said = many.run("apply", "--yes")
    assert (said.code, many.box.patches) == (6, [])
    assert f"column 'Amount' (dealValue) in {ROWS - 1} would change, 100 allowed" in said.err
    assert "--allow column" in said.err
    plan = many.run("plan")
    assert (plan.code, "column 'Amount' (dealValue)" in plan.out) == (0, True)


def test_the_report_of_a_refused_night_says_of_each_row_that_it_was_not_sent(many: Desk) -> None:
    """In every form, with the guard and its numbers: nobody takes `planned` for a thing that has been done."""
    many.rows(*export(Deal={n: f"New {n}" for n in range(1, 201)}))
    files = [f"run.{form}" for form in ("json", "csv", "txt", "xlsx")]
    said = many.run("apply", "--yes", "--json", *(f"--report={name}" for name in files))
    words = "nothing was sent: guard changes (200, limit 120) and guard column (200, limit 100) refused the run"
    assert (said.code, many.box.patches) == (6, [])
    reasons = {row["outcome"]: row["reason"] for row in said.report["rows"]}
    assert reasons == {"planned": words, "unchanged": reasons["unchanged"]}
    assert words not in reasons["unchanged"]
    for name in ("run.json", "run.csv"):
        assert (many.folder / name).read_text(encoding="utf-8-sig").count(words) == 200
    text = (many.folder / "run.txt").read_text()
    assert (text.count(words), "(for the same reason)" in text) == (1, True)
    sheet = openpyxl.load_workbook(many.folder / "run.xlsx").worksheets[0]
    assert sum(cell.value == words for line in sheet.iter_rows() for cell in line) == 200


def test_one_close_too_many_in_a_night_of_good_rows_is_held(many: Desk) -> None:
    """399 rows are looked at and go their way, one waits for a person; exit 3 (F-128)."""
    many.rows(*export(Stage={7: "Won"}, Deal={n: f"New {n}" for n in range(100, 160)}))
    said = many.run("apply", "--yes", "--json")
    assert (said.code, said.report["totals"]) == (3, {"rows": 400, "unchanged": 339, "applied": 60, "held": 1})
    assert many.box.store.get(guid(7))["status"] == "Active"


def test_leads_that_would_be_accepted_in_great_number_are_held(desk: Desk) -> None:
    """A stage that has slipped accepts leads, which cannot be taken back: eleven are one too many, ten may go."""
    desk.box.empty(referral(n, status="New", substatus="Received") for n in range(1, 61))
    desk.configure(guards={"first_run": None})
    desk.rows(*({"CRM Id": crm(n), "Stage": "Working"} for n in range(1, 12)))
    said = desk.run("apply", "--yes")
    assert (said.code, desk.box.patches) == (3, [])
    assert "11 rows would accept a lead, 10 allowed: held" in said.out
    assert "! ACCEPTS the lead: cannot be undone" in said.out
    desk.rows(*({"CRM Id": crm(n), "Stage": "Working"} for n in range(1, 11)))
    assert (desk.run("apply", "--yes").code, len(desk.box.patches)) == (0, 10)
    desk.rows({"CRM Id": crm(1), "Stage": "Working", "Deal": "Renamed"})
    assert "ACCEPTS" not in desk.run("apply", "--yes").out, "it is Active already"


def test_many_invalid_rows_are_a_column_that_has_slipped(many: Desk) -> None:
    """Amount and currency slipped together: most rows fit no referral's currency, and the few that do are not sent."""
    many.rows(*export(Currency=dict.fromkeys(range(1, 82), "USD"), Amount=dict.fromkeys(range(90, 110), "7")))
    said = many.run("apply", "--yes")
    assert (said.code, many.box.patches) == (6, [])
    assert "81 of 400 rows are invalid (20%), 80 allowed: nothing is sent; has a column slipped" in said.err
    assert many.run("apply", "--yes", "--allow", "invalid=81").code == 3
    assert len(many.box.patches) == 20


def test_a_column_that_is_blank_in_every_row_is_told(many: Desk) -> None:
    """An export that lost a column asks for nothing of it: no change, and no silence either."""
    many.rows(*export(Deal=dict.fromkeys(range(1, ROWS + 1), "")))
    said = many.run("plan")
    assert (said.code, f"blank in each of the {ROWS} rows: 'Action', " in said.err) == (0, True), said.err
    assert "'Deal'" in said.err


def test_cells_that_were_emptied_by_a_broken_export_are_not_sent(many: Desk) -> None:
    """`blank: clear` and a column that lost its values: eleven fields are one too many."""
    many.configure(
        guards={"first_run": None},
        fields={"Notes": {"field": "notes", "blank": "clear"}, "Deal": "name"},
    )
    for n in range(1, 12):
        many.box.edit(n, details__notes="kept")
    many.rows(*({"CRM Id": crm(n), "Deal": f"Deal {n}", "Notes": ""} for n in range(1, 12)))
    said = many.run("apply", "--yes", "--allow", "rows")
    assert (said.code, many.box.patches) == (6, [])
    assert "11 fields would be emptied, 10 allowed" in said.err


def test_amounts_that_grew_tenfold_are_not_sent(many: Desk) -> None:
    """A locale that was lost: the sum says it before the first PATCH."""
    many.configure(guards={"first_run": None, "value": {"EUR": 100_000}})
    many.rows(*export(Amount={n: str(10_000 * n) for n in range(1, 10)}))
    said = many.run("apply", "--yes")
    assert (said.code, many.box.patches) == (6, [])
    assert "deal values in EUR would move by 405,000 in all, 100,000 allowed" in said.err


def test_keys_of_another_tenant_are_not_worked_through(many: Desk) -> None:
    """Most rows name no referral: exit 6 with the question that helps (F-80)."""
    rows = export()
    for row in rows[:200]:
        row["CRM Id"] = f"X-{row['CRM Id']}"
    rows[300]["Deal"] = "New"
    many.rows(*rows)
    said = many.run("apply", "--yes")
    assert (said.code, many.box.patches) == (6, [])
    assert "200 of 400 rows name no referral (50%), 80 allowed" in said.err
    assert many.run("apply", "--yes", "--allow", "unmatched").code == 3
    assert len(many.box.patches) == 1


def test_last_weeks_export_put_back_by_mistake_is_refused(many: Desk) -> None:
    """Older than the file that the last run has read (F-88); --allow age sends it all the same."""
    file = many.rows(*export(Deal={1: "Last week's"}))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    said = many.run("apply", "--yes")
    assert (said.code, many.box.patches) == (6, [])
    assert "the file was written at 2023-11-14T22:13+00:00, and the one that the last run has read at" in said.err
    assert many.run("apply", "--yes", "--allow", "age").code == 0


def test_a_file_that_is_too_old_is_refused_where_that_is_configured(many: Desk) -> None:
    """guards.age is for an export that nobody has renewed."""
    many.configure(guards={"first_run": None, "age": "26h"})
    file = many.rows(*export(Deal={1: "Yesterday's"}))
    before = file.stat().st_mtime - 30 * 3_600
    os.utime(file, (before, before))
    said = many.run("apply", "--yes")
    assert (said.code, "hours before it was read" in said.err, many.box.patches) == (6, True, [])


def test_a_close_as_won_says_what_keeps_it_from_being_registered(desk: Desk) -> None:
    """In the plan, before anybody agrees to it."""
    desk.rows({"CRM Id": crm(1), "Stage": "Won"})
    said = desk.run("plan")
    assert "closes as won without a solution" in said.out
