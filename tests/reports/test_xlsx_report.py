import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.errors import StorageRefused
from syncjob.model import Cause, Day, Number, Operation, Place, Report, Settled, Triple, Truth
from syncjob.model.own import PULLED_ID
from syncjob.model.remembering import remembered
from syncjob.reports import write
from syncjob.reports.csv import COLUMNS as OF_CSV
from syncjob.reports.xlsx import fill

OF_RUN = (
    *("syncjob row", "syncjob outcome", "syncjob cause", "syncjob changes", "syncjob reason", "syncjob warnings"),
    *("syncjob conflict", "syncjob decision", "syncjob id", "syncjob attempts", "syncjob request ids"),
    *("syncjob base", "syncjob n", "syncjob plan"),
)
HIDDEN = ("syncjob base", "syncjob n", "syncjob plan")


def book_of(report: Report) -> Any:
    """Give the report's workbook as openpyxl reads it."""
    file = io.BytesIO()
    fill(report, file)
    return openpyxl.load_workbook(file)


def rows_of(report: Report) -> list[dict[str, Any]]:
    """Give the cells of the report's rows by column, without the blank ones."""
    header, *rows = book_of(report)["rows"].iter_rows(values_only=True)
    return [{name: cell for name, cell in zip(header, row, strict=True) if cell is not None} for row in rows]


def summary_of(report: Report) -> list[tuple[Any, ...]]:
    """Give the lines of the second sheet."""
    return list(book_of(report)["syncjob summary"].iter_rows(values_only=True))


def test_the_users_columns_come_first_and_ours_after_them(night: Report) -> None:
    """In the order in which they were read; what programs need is there and hidden."""
    book = book_of(night)
    assert book.sheetnames == ["rows", "syncjob summary"]
    assert book.active.title == "rows"
    rows = book["rows"]
    header = [cell.value for cell in rows[1]]
    assert tuple(header) == (*night.columns, *OF_RUN)
    hidden = {cell.value for cell in rows[1] if rows.column_dimensions[cell.column_letter].hidden}
    # openpyxl names the first of neighbours that look alike: the three stand side by side.
    assert "syncjob base" in hidden
    assert hidden <= set(HIDDEN)
    assert rows.column_dimensions["O"].max == rows.max_column


def test_a_night_in_a_workbook(night: Report) -> None:
    """Each row with its end, what moved, who disagrees, and what it is to be remembered by."""
    applied, unchanged, ragged, held, conflicted = rows_of(night)
    assert applied == {
        "CRM id": "CRM-00001",
        "Value": "12000",
        "syncjob row": "deals.csv:2",
        "syncjob outcome": "applied",
        "syncjob cause": "confirmed",
        "syncjob changes": "dealValue: 10000 -> 12000; notes: old secret -> new secret; "
        "team: + Jane <jane@example.com>",
        "syncjob reason": "confirmed by the answer",
        "syncjob warnings": "team: the phone number differs",
        "syncjob id": "id-1",
        "syncjob attempts": 2,
        "syncjob request ids": "q-1 q-2",
        "syncjob base": '{"":["CRM-00001"],"/details/dealValue":[10000]}',
        "syncjob n": 1,
        "syncjob plan": "r-7",
    }
    assert unchanged["syncjob outcome"] == "unchanged"
    assert "CRM id" not in ragged
    assert (
        held["syncjob changes"]
        == "CLOSES the referral: cannot be undone; status: Active -> Closed; substatus: Accepted -> Won"
    )
    assert conflicted["syncjob conflict"] == "dealValue"
    assert conflicted["syncjob base"] == (
        '{"":["CRM-00005"],"/details/dealValue":[10000,"11000.50"],"/salesStage":["40"]}'
    )


def test_only_a_plan_asks_what_to_send(night: Report) -> None:
    """`send?` waits for a tick in a plan's workbook and is in no other; a decision can be taken in both."""
    plan = replace(night, kind="plan", requests={"GET": 4})
    rows = book_of(plan)["rows"]
    header = [cell.value for cell in rows[1]]
    assert tuple(header) == (*night.columns, "syncjob row", "syncjob send?", *OF_RUN[1:])
    offered = {
        header[next(iter(one.sqref.ranges)).min_col - 1]: (one.formula1, one.showErrorMessage)
        for one in rows.data_validations.dataValidation
    }
    assert offered == {"syncjob send?": ('"yes"', False), "syncjob decision": ('"mine,theirs"', False)}
    assert [row[header.index("syncjob send?")] for row in rows.iter_rows(min_row=2, values_only=True)] == [None] * 5
    (decision,) = book_of(night)["rows"].data_validations.dataValidation
    assert decision.formula1 == '"mine,theirs"'


def test_the_users_cells_keep_their_types(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """What came as a number or a date goes out as one; what a pulled file says of itself goes along, hidden."""
    columns = {"A": Number("12.5"), "B": Day("2026-03-31"), "C": Truth("true"), "D": "0012", PULLED_ID: "id-1"}
    report = report_of(row_of(1, Cause.IN_STEP, columns=columns), columns=tuple(columns))
    rows = book_of(report)["rows"]
    assert [cell.data_type for cell in rows[2]][:5] == ["n", "d", "b", "s", "s"]
    assert rows["E1"].value == PULLED_ID
    assert rows.column_dimensions["E"].hidden
    assert not rows.column_dimensions["D"].hidden


def test_rows_are_tinted_by_outcome(night: Report) -> None:
    """What needs a person is seen at once; what is unchanged is left in peace."""
    rows = book_of(night)["rows"]
    tints = [rows.cell(row, 1).fill.fill_type and rows.cell(row, 1).fill.fgColor.rgb for row in range(2, 7)]
    assert len(set(tints)) == 4
    assert tints[1] is None


def test_a_base_too_long_for_a_cell_is_left_out(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Half a base would be a wrong base: it stands whole or not at all, in CSV as in the workbook."""
    for length in (32_718, 32_719):
        triple = Triple("/details/notes", "theirs", "mine", base="x" * length)
        (shown,) = rows_of(report_of(row_of(1, Cause.BOTH_MOVED, triples=(triple,))))
        assert ("syncjob base" in shown) == (length == 32_718)
        assert shown["syncjob conflict"] == "notes"


VALUES = st.none() | st.booleans() | st.integers() | st.decimals(-9, 9, places=2) | st.text() | st.lists(st.text())


@given(base=VALUES, observed=VALUES, desired=VALUES)
def test_what_is_remembered_is_read_back(
    report_of: Callable[..., Report], row_of: Callable[..., Settled], base: Any, observed: Any, desired: Any
) -> None:
    """Whatever the remote held: the hidden cell gives back the very values, and what is in conflict is named."""
    row = row_of(1, Cause.BOTH_MOVED, triples=(Triple("/name", observed, desired, base=base),))
    (shown,) = rows_of(report_of(row))
    known = remembered(shown["syncjob base"])
    assert known is not None
    as_json = json.loads(json.dumps([base, observed], default=lambda number: format(number, "f")), parse_float=Decimal)
    assert known["/name"] == (as_json if "syncjob conflict" in shown else as_json[:1])


def test_what_is_quoted_from_outside_stays_on_one_line(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Our columns show what they quote; a report can also be read where half a character was sent."""
    row = row_of(
        1, Cause.REMOTE_REFUSED, "=cmd|' /C calc'!A0\nsecond \x1b[31m \ud800", columns={"CRM id": "a\ud800\x00"}
    )
    (shown,) = rows_of(report_of(replace(row, place=Place("deals.xlsx", 7, "Pipe\nline"))))
    assert shown["syncjob reason"] == r"=cmd|' /C calc'!A0\nsecond \x1b[31m \ud800"
    assert shown["syncjob row"] == r"deals.xlsx 'Pipe\nline'!7"
    assert shown["CRM id"] == r"••• a\ud800_x0000_"


def test_the_summary_of_a_plan_says_first_that_nothing_was_sent(night: Report) -> None:
    """Then what it is about, how its rows ended, what the guards say, and what to do."""
    facts = {
        "id": "p-1",
        "job": "nightly",
        "remote": "https://example.com",
        "tenant": None,
        "source": "deals.csv",
        "made_at": "2026-03-31T02:00:00+00:00",
        "notes": ["column 'X' is not\nmapped"],
    }
    totals = {"planned": 2, "conflicted": 1, "held": 1}
    plan = replace(night, kind="plan", run=facts, totals=totals, requests={"GET": 4})
    *said, send, decide, mend = summary_of(plan)
    assert said == [
        ("verdict", "DRY RUN — nothing was sent"),
        ("job", "nightly"),
        ("remote", "https://example.com"),
        ("source", "deals.csv"),
        ("id", "p-1"),
        ("planned at", "2026-03-31T02:00:00+00:00"),
        ("rows", 4),
        ("planned", 2),
        ("held", 1),
        ("conflicted", 1),
        ("requests: GET", 4),
        ("requests: PATCH", 0),
        ("guard: closes", "1 row closes its referral (limit 0); --allow closes"),
        ("note", r"column 'X' is not\nmapped"),
    ]
    assert {send[0], decide[0], mend[0]} == {"next"}
    assert "yes into 'syncjob send?'" in send[1]
    assert "syncjob apply PLAN --approved THIS.xlsx" in send[1]
    assert "'syncjob decision'" in decide[1]
    assert "syncjob retry THIS.xlsx" in mend[1]


def test_the_summary_of_a_run_says_what_was_sent(night: Report, report_of: Callable[..., Report]) -> None:
    """Its verdict is its numbers; where nobody is needed there is nothing to do."""
    lines = summary_of(replace(night, run={"id": "r-7", "began_at": "2026-03-31", "ended_at": None, "exit_code": 3}))
    assert lines[0] == ("verdict", "RUN: 1 rows applied, 2 PATCH sent")
    assert ("exit code", 3) in lines
    assert not [line for line in lines if line[0] == "ended at"]
    assert [line[1] for line in lines if line[0] == "next"]
    calm = summary_of(report_of())
    assert calm[0] == ("verdict", "RUN: 0 rows applied, nothing was sent")
    assert not [line for line in calm if line[0] == "next"]


def test_a_plan_whose_rows_are_in_step_asks_for_nothing(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """No tick is asked for where nothing would be sent."""
    calm = report_of(row_of(1, Cause.IN_STEP), kind="plan")
    assert not [line for line in summary_of(calm) if line[0] == "next"]


def test_csv_and_workbook_tell_the_same(
    night: Report, report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Either can be decided and handed in again: a workbook keeps types by itself."""
    operation = Operation("replace", "/name", None)
    row = row_of(1, Cause.CONFIRMED, triples=(Triple("/name", "a", None, base="a"),), operations=(operation,))
    assert rows_of(report_of(row))[0]["syncjob changes"] == "name: a -> (blank)"
    assert set(OF_CSV) - set(OF_RUN) == {"syncjob types"}
    assert set(OF_RUN) <= set(OF_CSV)


def test_the_reader_that_plans_use_sees_the_same(tmp_path: Path, night: Report) -> None:
    """Calamine finds the same cells as openpyxl, in the file that `write` leaves."""
    path = write(night, tmp_path / "report.xlsx")
    read = pd.read_excel(path, engine="calamine", sheet_name="rows", dtype=object, na_filter=False)
    shown = [{name: cell for name, cell in row.items() if cell != ""} for row in read.to_dict("records")]
    assert shown == rows_of(night)


def test_a_full_disk_leaves_the_earlier_workbook(
    tmp_path: Path, report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Whether the rows or the package do not fit: it is one refusal, and nothing is left beside the old file."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "report.xlsx"
    path.write_text("old")
    big = report_of(*(row_of(n, Cause.IN_STEP, f"{n * 7919:x}" * 100) for n in range(100)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size_bytes in (2_000, 200, 0):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
        try:
            with pytest.raises(StorageRefused, match=r"report\.xlsx: .*File too large; make room"):
                write(big, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
