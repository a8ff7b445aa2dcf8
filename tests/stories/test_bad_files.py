from __future__ import annotations

import codecs
import csv
import importlib
import io
import json
import os
import sys
import tracemalloc
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from desk import COLUMNS, Desk, crm, guid, referral, renamed, sheet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncjob import sources
from syncjob.core import feeds, mapping
from syncjob.errors import InputRefused
from syncjob.model import Desired, Settled
from syncjob.settings import Rows, Settings

HEADER = ",".join(COLUMNS)
ON_A_DESK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(desk: Desk, message: str, *args: str | Path) -> None:
    """The file is refused by exactly these words, a line each; the remote is asked nothing."""
    said = desk.run("plan", *args)
    lines = "".join(f"syncjob: {line}\n" for line in message.splitlines())
    assert (said.code, said.err, said.out, desk.box.records) == (4, lines, "", [])


def judged(desk: Desk, *args: str | Path, code: int = 3) -> list[dict[str, Any]]:
    """Give the rows of a plan as its report tells them; nothing but GET was sent."""
    said = desk.run("plan", "--json", *args)
    assert said.code == code, said.err
    assert desk.box.methods.keys() <= {"GET"}
    rows: list[dict[str, Any]] = said.report["rows"]
    return rows


def bad_cells(desk: Desk, column: str, cells: Sequence[str], **others: str) -> list[str]:
    """Plan one row for each cell, all of them invalid; give the reasons without the column that they begin with."""
    desk.rows(*({"CRM Id": crm(n), column: cell, **others} for n, cell in enumerate(cells, 1)))
    rows = judged(desk)
    assert {(row["outcome"], row["cause"]) for row in rows} == {("invalid", "bad_cell")}
    assert desk.box.records == [], "for rows that ask nothing nothing is asked"
    assert all(row["reason"].startswith(f"{column}: ") for row in rows)
    return [row["reason"].removeprefix(f"{column}: ") for row in rows]


# ── The file as a whole ──────────────────────────────────────────────────────────────────────────


def test_no_token_is_asked_for_a_file_that_is_not_there(desk: Desk) -> None:
    """The file is looked at first: who lacks both is told of the file."""
    desk.configure(remote={"auth": {"token_env": "SYNCJOB_NO_SUCH_TOKEN"}})
    where = f"(working folder {desk.folder}); check rows.file or the path on the command line"
    refused(desk, f"input not found: gone.csv {where}", "gone.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="speaks of Linux")
def test_a_file_that_cannot_be_read_is_refused(desk: Desk) -> None:
    """An error of the disk is no crash."""
    refused(desk, "input not readable: mem: Input/output error; is its disk sound?", "/proc/self/mem")


@pytest.mark.skipif(sys.platform == "win32", reason="links are rare there")
def test_root_follows_no_link(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that others may write a link could lead to any file; who is not root reads no more than they may."""
    (desk.folder / "link.csv").symlink_to(desk.rows(*renamed(1)))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    words = "run as root, links are not followed: name the file itself"
    refused(desk, f"input is a symbolic link: link.csv; {words}", "link.csv")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert desk.run("plan", "link.csv").code == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "rows: []\n"),
        ("a.yaml", "# none\n"),
        ("a.json", "[]"),
        ("a.json", ""),
        ("a.jsonl", "\n"),
        ("a.tsv", ""),
    ],
)
def test_a_file_without_rows_is_refused_in_every_format(desk: Desk, name: str, content: str) -> None:
    """However an export writes that it found nothing."""
    desk.put(name, content)
    refused(desk, f"{name}: 0 data rows: is last night's export broken? --allow rows takes it", name)


@pytest.mark.xfail(strict=True, reason="the number of rows is not held against that of the last run")
def test_far_fewer_rows_than_last_time_are_refused(desk: Desk) -> None:
    """Half an export looks like a whole one; the ledger knows better."""
    desk.rows(*renamed(*range(1, 10)))
    assert desk.run("apply", "--yes").code == 0
    desk.rows(*renamed(1))
    desk.box.records.clear()
    said = desk.run("apply", "--yes")
    assert (said.code, desk.box.patches) == (6, [])
    assert "9 rows last time, 1 now; --allow rows" in said.err


def growing(monkeypatch: pytest.MonkeyPatch, file: Path, times: int) -> None:
    """Let an export write one more row whenever somebody has begun to read it, so many times."""
    look, more = os.fstat, iter(range(times))

    def looked(handle: int) -> os.stat_result:
        seen = look(handle)
        if os.path.samestat(seen, file.stat()) and (n := next(more, None)) is not None:
            with file.open("a") as export:
                export.write(f"{crm(n + 2)},Renamed,,,,,,,,\n")
        return seen

    monkeypatch.setattr("os.fstat", looked)
    monkeypatch.setattr(importlib.import_module("syncjob.sources.snapshot"), "PAUSE_S", 0)


def test_a_file_that_grows_while_it_is_read_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After four looks it is said what happens, and how to part the two jobs."""
    growing(monkeypatch, desk.rows(*renamed(1)), 99)
    words = "run this after the export has finished, or have it write elsewhere and rename (see also rows.done_marker)"
    refused(desk, f"rows.csv changed while being read, 4 times; {words}")


def test_a_file_that_comes_to_rest_is_read_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows came while it was looked at, and all four are planned."""
    growing(monkeypatch, desk.rows(*renamed(1)), 3)
    assert [row["key"] for row in judged(desk, code=0)] == [crm(n) for n in range(1, 5)]


def test_a_file_without_its_marker_is_not_complete(desk: Desk) -> None:
    """It is refused, not waited for; once the marker is there it is read."""
    desk.configure(rows={"done_marker": ".done"})
    file = desk.rows(*renamed(1))
    words = "rows.csv counts as complete only once it is (rows.done_marker); has the export finished?"
    refused(desk, f"{file}.done is not there: {words}")
    desk.put("rows.csv.done", "")
    assert desk.run("plan").code == 0


def test_a_cut_at_a_lines_end_shows_in_every_format(desk: Desk) -> None:
    """Of what has no closing bracket the last row is warned of; `final_newline: required` refuses the file."""
    desk.configure(fields={"Deal": "name"})
    desk.put("a.yaml", f"- CRM Id: {crm(1)}\n  Deal: Ren")
    desk.put("a.jsonl", f'{{"CRM Id": "{crm(1)}", "Deal": "Ren"}}')
    for name in ("a.yaml", "a.jsonl"):
        (row,) = judged(desk, name, code=0)
        assert row["warnings"] == ["the file ends without a newline: was it cut off?"]
    desk.configure(fields={"Deal": "name"}, rows={"final_newline": "required"})
    desk.box.records.clear()
    for name in ("a.yaml", "a.jsonl"):
        words = "the file ends without a newline, which rows.final_newline requires: was it cut off? Export it again"
        refused(desk, f"{name}: {words}", name)


# ── Encodings and delimiters ─────────────────────────────────────────────────────────────────────

UMLAUT = sheet([{"CRM Id": crm(1), "Deal": "Größere Lizenz"}])
NO_MARK = "rows.csv:1: looks like UTF-16 without its byte order mark; save it as UTF-8, or set rows.encoding: utf-16-"
WINDOWS = "rows.csv:2: not UTF-8; looks like Windows-1252; set rows.encoding: cp1252, or save it as UTF-8"


@pytest.mark.parametrize(
    ("content", "stated", "message"),
    [
        (UMLAUT.encode("cp1252"), "auto", WINDOWS),
        (UMLAUT.encode("utf-16-le"), "auto", f"{NO_MARK}le"),
        (UMLAUT.encode("utf-16-be"), "auto", f"{NO_MARK}be"),
        (
            UMLAUT.replace("ö", "ü").encode("cp850"),
            "auto",
            "rows.csv:2: not UTF-8; save it as UTF-8, or state rows.encoding",
        ),
        (UMLAUT.encode("utf-8"), "ascii", "rows.csv:2: not ascii, which rows.encoding states; state another"),
        (
            UMLAUT.encode("utf-8") + UMLAUT.encode("cp1252"),
            "auto",
            (
                "rows.csv:4: not UTF-8; what stands above it is: was the file damaged, or pasted together from two "
                "encodings?"
            ),
        ),
        (
            codecs.BOM_UTF16_LE + UMLAUT.encode("utf-16-le")[:-1],
            "auto",
            "rows.csv:2: not UTF-16; the file ends inside a character: was it cut off?",
        ),
        (
            UMLAUT.encode("utf-8-sig"),
            "cp1252",
            "rows.csv: starts with the mark of UTF-8, but rows.encoding says cp1252; set rows.encoding: auto",
        ),
    ],
    ids=["cp1252", "utf-16-le", "utf-16-be", "cp850", "ascii stated", "two encodings", "cut", "mark"],
)
def test_an_encoding_is_never_guessed(desk: Desk, content: bytes, stated: str, message: str) -> None:
    """What is not certain is refused, with the line and the setting that would make it so."""
    desk.configure(rows={"encoding": stated})
    desk.put("rows.csv", content)
    refused(desk, message)


@pytest.mark.parametrize("encoding", ["cp850", "utf-16-le", "utf-16-be", "utf-32", "iso8859-15"])
def test_a_stated_encoding_is_read(desk: Desk, encoding: str) -> None:
    """Then every letter arrives."""
    desk.configure(rows={"encoding": encoding if encoding != "utf-32" else "auto"})
    desk.put("rows.csv", UMLAUT.encode(encoding))
    assert judged(desk, code=0)[0]["after"] == {"/name": "Größere Lizenz"}


def test_a_first_line_states_the_delimiter(desk: Desk) -> None:
    """Excel writes `sep=;`: commas in the header and the cells part nothing then, and lines keep their numbers."""
    desk.configure(fields={"Deal, name": "name"})
    desk.put("rows.csv", f"sep=;\nCRM Id;Deal, name\n{crm(1)};A,B\n{crm(2)};A;B\n")
    first, second = judged(desk)
    assert (first["row"]["line"], first["after"]) == (3, {"/name": "A,B"})
    assert (second["row"]["line"], second["reason"]) == (4, "has 3 cells, the header has 2")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "CRM Id,x;Deal",
            (
                "the header does not tell its delimiter (comma: 2 cells, with 'CRM Id'; semicolon: 2 cells, with "
                "'Deal'; tab: 1 cell, none configured); state rows.delimiter, or correct the column names"
            ),
        ),
        (
            "sep=|\nCRM Id|Deal",
            "'sep=|' states a delimiter that is neither comma, semicolon nor tab; export the file with one of these",
        ),
    ],
)
def test_a_delimiter_is_never_guessed(desk: Desk, head: str, message: str) -> None:
    """Two that could be meant, or one that is not known."""
    desk.put("rows.csv", f"{head}\n{crm(1)},x;y\n")
    refused(desk, f"rows.csv:1: {message}")


# ── Cells ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("locale", "cells"),
    [
        ("de_DE", ("1.234,56", "1234,56")),
        ("en_US", ("1,234.56", "1234.56")),
        ("fr_FR", ("1 234,56", "1\u00a0234,56", "1\u202f234,56")),
        ("de_CH", ("1'234.56", "1\u2019234.56")),
    ],
)
def test_a_number_is_read_as_its_locale_writes_it(desk: Desk, locale: str, cells: tuple[str, ...]) -> None:
    """Group marks of every kind, and the same amount."""
    desk.configure(fields={"Amount": {"field": "dealValue", "locale": locale, "currency": "EUR"}})
    desk.put(
        "rows.csv", sheet([{"CRM Id": crm(n), "Amount": one} for n, one in enumerate(cells, 1)], ["CRM Id", "Amount"])
    )
    assert [row["after"] for row in judged(desk, code=0)] == [{"/details/dealValue": "1234.56"}] * len(cells)


def test_without_a_locale_money_is_never_guessed(desk: Desk) -> None:
    """What could be a thousand or one and a bit is told with what to write."""
    plain = "is not a plain number; write it as 12000.50 or state a locale"
    cells = {
        "1,234": "'1,234' is not a plain number; write 1234 or state a locale",
        "1.234": "'1.234' can be read in two ways; write 1234 or 1.2340, or state a locale",
        "1.234,56": f"'1.234,56' {plain}",
        "1\u00a0234,56": f"'1\\xa0234,56' {plain}",
        "1.23E+17": f"'1.23E+17' {plain}",
        "-5": "'-5' is negative; a deal value is 0 or more",
        "0.00001": "'0.00001' has too many digits; at most 15, of them 4 decimals",
    }
    assert bad_cells(desk, "Amount", list(cells), Currency="EUR") == list(cells.values())


def test_a_date_is_never_guessed(desk: Desk) -> None:
    """Day and month in either order, a day that no calendar has, and a count of days in a file that shows no dates."""
    cells = ["03/04/2026", "31/02/2026", "2026-02-31", "46082", "1.4.2026"]
    wanted = "is no date; write it as 2026-03-31, or state a date_format"
    assert bad_cells(desk, "Close Date", cells) == [f"{cell!r} {wanted}" for cell in cells]
    desk.configure(defaults={"date_format": "%d/%m/%Y"})
    wanted = "is no date; write it as %d/%m/%Y"
    assert bad_cells(desk, "Close Date", cells[1:]) == [f"{cell!r} {wanted}" for cell in cells[1:]]
    desk.rows({"CRM Id": crm(1), "Close Date": "03/04/2026"})
    assert judged(desk, code=0)[0]["after"] == {"/details/closingDateTime": "2026-04-02T22:00:00Z"}


def test_an_id_that_excel_has_spoilt_is_no_key(desk: Desk) -> None:
    """`1.23E+17` names nobody; a long number that was kept as text still does."""
    desk.box.empty([referral(1, externalReferenceId="12345678901234567890"), referral(2, externalReferenceId="007")])
    desk.rows(*({"CRM Id": key, "Deal": "x"} for key in ("1.23E+17", "1,23e+17", "12345678901234567890", "007")))
    point, comma, *kept = judged(desk)
    way_out = "Excel changed this id to a number; format the column as text and export again"
    assert (point["cause"], point["reason"]) == ("bad_key", f"CRM Id: '1.23E+17': {way_out}")
    assert (comma["cause"], comma["reason"]) == ("bad_key", f"CRM Id: '1,23e+17': {way_out}")
    assert [(row["cause"], row["id"]) for row in kept] == [("to_send", guid(1)), ("to_send", guid(2))]


def test_a_salesforce_id_is_matched_in_both_lengths_and_to_the_letter(desk: Desk) -> None:
    """Fifteen characters or eighteen are one key; another case is another opportunity."""
    desk.box.empty(
        [referral(1, externalReferenceId="006Hs00001ABCdeIAB"), referral(2, externalReferenceId="006Hs00001abcDE")]
    )
    desk.rows(*({"CRM Id": f"006{rest}", "Deal": "x"} for rest in ("Hs00001abcDE", "hs00001ABCDE")))
    (same, other) = judged(desk)
    assert (same["cause"], same["id"]) == ("to_send", guid(2))
    assert (other["cause"], other["reason"]) == (
        "not_found",
        "no referral has the externalReferenceId '006hs00001ABCDE'",
    )


def test_all_that_is_wrong_with_a_row_is_told_with_what_would_be_right(desk: Desk) -> None:
    """A word, a code, a sign and a length: one round of mending is enough."""
    desk.configure(fields={"Stage": "status", "Amount": "dealValue", "Currency": "currency", "Share": COLUMNS["Share"]})
    desk.rows({"CRM Id": crm(1), "Stage": "Open", "Amount": "-1", "Currency": "Euro", "Share": "maybe"})
    (row,) = judged(desk)
    assert row["cause"] == "bad_cell"
    assert row["reason"] == (
        "Stage: 'Open' is not one of New, Active, Closed; write one of them or translate it; "
        "Amount: '-1' is negative; a deal value is 0 or more; "
        "Currency: 'Euro' is no currency; write its ISO 4217 code, for example EUR; "
        "Share: 'maybe' is neither yes nor no; write one of them or translate it"
    )


def test_a_text_that_is_too_long_is_told_by_its_limit(desk: Desk) -> None:
    """What fits is sent, one character more is not."""
    desk.configure(limits={"cell_chars_max": 10})
    desk.rows({"CRM Id": crm(1), "Deal": "x" * 10}, {"CRM Id": crm(2), "Deal": "x" * 11})
    short, long = judged(desk)
    assert short["after"] == {"/name": "x" * 10}
    assert (long["outcome"], long["reason"]) == (
        "invalid",
        "Deal has 11 characters, the limit is 10 (limits.cell_chars_max)",
    )


def test_a_status_that_may_not_move_is_told_with_its_moves(desk: Desk) -> None:
    """From Active there is no way back; nothing is tried."""
    desk.rows({"CRM Id": crm(1), "Stage": "Prospect"})
    said = desk.run("plan", "--json")
    (row,) = said.report["rows"]
    assert (row["cause"], row["patch"]) == ("status_move", [])
    assert row["reason"] == "status may not move from Active to New; from Active it may become Active or Closed"
    assert desk.box.methods.keys() <= {"GET"}


@pytest.mark.xfail(strict=True, reason="outcome refused and exit 0: nobody is told of a move that can never be")
def test_a_status_that_may_not_move_needs_a_person(desk: Desk) -> None:
    """The row asks for the impossible tonight and every night: it is invalid, and the exit code says so."""
    desk.rows({"CRM Id": crm(1), "Stage": "Prospect"})
    assert judged(desk)[0]["outcome"] == "invalid"


def test_control_characters_are_refused_and_invisible_ones_shown(desk: Desk) -> None:
    """What no person can see is named by its code, and on a terminal it does nothing."""
    cells = ["a\0b", "bell\x07", "\x1b[2J", "c1\x85x", "none\uffff"]
    codes = ["0000", "0007", "001B", "0085", "FFFF"]
    assert bad_cells(desk, "Deal", cells) == [f"holds the control character U+{code}; delete it" for code in codes]
    desk.rows({"CRM Id": crm(1), "Deal": "\u202egnp.exe"}, {"CRM Id": crm(2), "Deal": "zero\u200bwidth"})
    said = desk.run("plan")
    assert said.code == 0
    assert "~ name: Deal 1 -> \\u202egnp.exe\n    warning: Deal: holds invisible characters" in said.out
    assert "~ name: Deal 2 -> zero\\u200bwidth\n    warning: Deal: holds invisible characters" in said.out
    for key in ("CRM\0-1", f"{crm(1)}\u200b", "\u202eCRM"):
        desk.rows({"CRM Id": key, "Deal": "x"})
        (row,) = judged(desk)
        assert row["cause"] == "bad_key"
        assert "with control or invisible characters" in row["reason"]


@pytest.mark.xfail(strict=True, reason="str.strip takes them for spaces before the cell is judged")
def test_a_control_character_at_the_edge_of_a_cell_is_one_too(desk: Desk) -> None:
    """It is no space that a person typed: a form feed, a separator of records, a line break of mainframes."""
    cells = ["\x0cpage", "record\x1e", "unit\x1f", "next line\x85"]
    codes = ["000C", "001E", "001F", "0085"]
    assert bad_cells(desk, "Deal", cells) == [f"holds the control character U+{code}; delete it" for code in codes]


def test_a_column_named_with_what_nobody_sees_is_told_by_its_codes(desk: Desk) -> None:
    """Two names that look alike on the screen are told apart by the message, and it clears no screen."""
    desk.configure(fields={"Deal": "name"})
    for odd, shown in (
        ("CRM\u200b Id", "CRM\\u200b Id"),
        ("CRM\u00a0Id", "CRM\\xa0Id"),
        ("\x1b[2JCRM Id", "\\x1b[2JCRM Id"),
    ):
        desk.put("rows.csv", f"{odd},Deal\n{crm(1)},x\n")
        refused(desk, f"the file has no column 'CRM Id'; did you mean '{shown}'?\nthe file's columns: {shown}, Deal")


def test_a_cell_of_a_megabyte_is_one_rows_fault(desk: Desk) -> None:
    """The others go on, and the cell is shown nowhere."""
    desk.rows({"CRM Id": crm(1), "Deal": "x" * 1_000_000}, *renamed(2))
    said = desk.run("plan", "--json")
    long, sound = said.report["rows"]
    assert (said.code, long["outcome"], sound["cause"]) == (3, "invalid", "to_send")
    assert long["reason"] == "Deal has 1,000,000 characters, the limit is 32,767 (limits.cell_chars_max)"
    assert len(said.out) < 10_000


@pytest.mark.xfail(strict=True, reason="told as ragged_line, which README explains by the number of the line's cells")
def test_a_cell_that_is_too_long_makes_no_line_ragged(desk: Desk) -> None:
    """A cause is what scripts and `tolerate` go by: the line has all its cells."""
    desk.rows({"CRM Id": crm(1), "Deal": "x" * 40_000})
    assert judged(desk)[0]["cause"] == "bad_cell"


@pytest.mark.parametrize(("held", "asked"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFKC", "NFD")])
def test_composed_or_not_is_no_change(desk: Desk, held: Any, asked: Any) -> None:
    """One program writes é as one character, another as two; key and value agree all the same."""
    name, key = "Größe é Ångström 각", "CRM-é"
    desk.box.empty(
        [referral(1, name=unicodedata.normalize(held, name), externalReferenceId=unicodedata.normalize(held, key))]
    )
    desk.rows({"CRM Id": unicodedata.normalize(asked, key), "Deal": unicodedata.normalize(asked, name)})
    (row,) = judged(desk, code=0)
    assert (row["cause"], row["patch"]) == ("in_step", [])


# ── Twins and the order of rows ──────────────────────────────────────────────────────────────────


@pytest.mark.xfail(strict=True, reason="twins are parted without a look at the verifying column")
@pytest.mark.parametrize("customers", [("Fabrikam", "Contoso"), ("Contoso", "Fabrikam")])
def test_twins_of_two_customers_disagree(desk: Desk, customers: tuple[str, str]) -> None:
    """One of them belongs to another deal: nobody guesses which, whichever comes first."""
    account = {"column": "Account", "field": "customerProfile.name"}
    desk.configure(match={"by": "externalReferenceId", "column": "CRM Id", "verify": account})
    rows = [{"CRM Id": crm(1), "Deal": "X", "Account": customer} for customer in customers]
    desk.put("rows.csv", sheet(rows, [*COLUMNS, "Account"]))
    assert [row["cause"] for row in judged(desk)] == ["twins_disagree"] * 2


@pytest.mark.xfail(strict=True, reason="of twins that mean the same in two spellings the first one's spelling is sent")
def test_twins_of_two_spellings_give_one_plan_in_any_order(desk: Desk) -> None:
    """What is sent must not hang on how the export was sorted."""
    sent = set()
    for names in (("R&D", "R&amp;D"), ("R&amp;D", "R&D")):
        desk.rows(*({"CRM Id": crm(1), "Deal": name} for name in names))
        sent.add(str([row["after"] for row in judged(desk, code=0)]))
    assert len(sent) == 1


ROWS: list[dict[str, str]] = [
    *renamed(1, 2),
    {"CRM Id": crm(3), "Deal": "Deal 3"},
    {"CRM Id": crm(4), "Amount": "12k"},
    {"CRM Id": crm(404), "Deal": "Nobody's"},
    {"CRM Id": crm(5), "Stage": "Won"},
    {"CRM Id": crm(6), "Action": "Call"},
    {"CRM Id": crm(6), "Action": "Call"},
    {"CRM Id": crm(7), "Deal": "One"},
    {"CRM Id": crm(7), "Deal": "Two"},
    {"CRM Id": "1.23E+17", "Deal": "x"},
]


def plan_of(desk: Desk) -> list[str]:
    """Give all that a plan decides of its rows, without where they stand."""
    return sorted(
        str([row[part] for part in ("key", "id", "outcome", "cause", "before", "after", "patch", "warnings")])
        for row in judged(desk)
    )


@ON_A_DESK
@given(rows=st.permutations(ROWS), columns=st.permutations(list(COLUMNS)))
def test_order_decides_nothing(desk: Desk, rows: list[dict[str, str]], columns: list[str]) -> None:
    """However rows and columns are sorted: the same plan, to the last operation."""
    desk.rows(*ROWS)
    straight = plan_of(desk)
    desk.put("rows.csv", sheet(rows, columns))
    assert plan_of(desk) == straight


# ── YAML and JSON ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("opening", ["- CRM Id: x\n- ", ""])
def test_a_yaml_bomb_does_not_go_off(desk: Desk, opening: str) -> None:
    """Ten levels of ten aliases are ten gigabytes; the first anchor is refused, and nothing was expanded."""
    lines = ["a0: &a0 " + "x" * 100, *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    desk.put("a.yaml", opening + ("\n  " if opening else "\n").join(lines) + "\n")
    tracemalloc.start()
    said = desk.run("plan", "a.yaml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (said.code, desk.box.records) == (4, [])
    assert said.err.startswith(f"syncjob: a.yaml:{2 if opening else 1}: ")
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "- a: &a x\n", "1: an anchor (&a) has no place in rows; delete it, or quote the text"),
        ("a.yaml", "- a: x\n- b: *a\n", "2: an alias (*a) has no place in rows; write the text out"),
        (
            "a.yaml",
            "- a: !!python/object/apply:os.system [id]\n",
            "1: a tag (!) has no place in rows: every cell is text; delete it, or quote the text",
        ),
        ("a.yaml", "- a: x\n  b: y\n  a: z\n", "3: the key 'a' stands twice in one row; keep one of them"),
        (
            "a.yaml",
            "- a: " + "{x: " * 100_000,
            (
                "1: nested deeper than 20 levels; write a list of rows, '- column: cell', "
                "or 'rows:' with that list under it"
            ),
        ),
        (
            "a.yaml",
            "- a: x\n- a: y\0\n",
            (
                "2: the character U+0000 is not allowed in YAML; delete it, "
                'or write it as an escape in double quotes: "\\u0000"'
            ),
        ),
        ("a.json", '[{"a": 1},\n {"a": 1, "a": 2}]', "2: the key 'a' stands twice in one row; keep one of them"),
        ("a.json", '[{"a": NaN}]', "1: NaN is no number of JSON's; write the number, or null"),
        (
            "a.json",
            '[{"a": 1},\n{"a": 2}\n',
            "3: not valid JSON: the file ends without its ']'; mend the line, or is the file cut off?",
        ),
        (
            "a.json",
            '[{"a": ' + "[" * 100_000,
            '1: nested too deeply; write one object a line, {"column": "cell"}, or a list of such objects',
        ),
        (
            "a.jsonl",
            '{"a": 1}\n{"a": "x',
            "2: not valid JSON: Unterminated string starting at; mend the line, or is the file cut off?",
        ),
        (
            "a.jsonl",
            '{"a": 1}\n["a", 1]\n',
            (
                '2: a row must be an object of columns and cells; write one object a line, {"column": "cell"}, '
                "or a list of such objects"
            ),
        ),
    ],
)
def test_a_broken_list_of_rows_is_refused_by_its_line(desk: Desk, name: str, content: str, message: str) -> None:
    """What is hidden, repeated, nested or cut off: no row of the file is planned."""
    desk.put(name, content)
    refused(desk, f"{name}:{message}", name)


def test_what_yaml_would_make_of_a_word_is_not_made(desk: Desk) -> None:
    """An amount keeps its digits, a date is no object, an id its zeros, and no word is a truth value."""
    desk.configure(
        fields={"Deal": "name", "Amount": {"field": "dealValue", "currency": "EUR"}, "End": "closingDateTime"}
    )
    desk.box.empty(referral(n, externalReferenceId=key) for n, key in enumerate(("01234", "1e3", "12:30:45"), 1))
    rows = "".join(
        f"- {{CRM Id: {key}, Deal: {deal}, Amount: {amount}, End: 2027-05-01}}\n"
        for key, deal, amount in (("01234", "NO", "1.10"), ("1e3", "0x1F", "12345678901.25"), ("12:30:45", "~", "010"))
    )
    desk.put("a.yaml", rows)
    after = [row["after"] for row in judged(desk, "a.yaml", code=0)]
    assert [one.get("/name") for one in after] == ["NO", "0x1F", None]
    assert [one["/details/dealValue"] for one in after] == ["1.1", "12345678901.25", "10"]
    assert {one["/details/closingDateTime"] for one in after} == {"2027-04-30T22:00:00Z"}


def test_what_no_cell_holds_is_its_rows_fault(desk: Desk) -> None:
    """An object in a cell, half a character, an endless number: told in its row, and the next is planned."""
    desk.configure(fields={"Deal": "name"})
    cells = ['{"a": 1}', '[["a"]]', '"\\ud800"', "1e999", '"\\u0000"', '"sound"']
    desk.put("a.jsonl", "".join(f'{{"CRM Id": "{crm(n)}", "Deal": {cell}}}\n' for n, cell in enumerate(cells, 1)))
    *bad, sound = judged(desk, "a.jsonl")
    assert {row["outcome"] for row in bad} == {"invalid"}
    assert [row["reason"] for row in bad] == [
        *["Deal is nested too deeply; write a text, or a list of texts"] * 2,
        "Deal holds half a character, \\ud800 to \\udfff without its other half; write the text anew",
        "Deal is 1e999, which has more digits than any number here; write it plainly",
        "Deal: holds the control character U+0000; delete it",
    ]
    assert sound["after"] == {"/name": "sound"}


@pytest.mark.xfail(strict=True, reason="the words speak of Excel, of a workbook and of formatting the column")
def test_a_typed_cell_of_json_is_told_in_words_of_json(desk: Desk) -> None:
    """No column can be formatted there: the id wants quotes, the amount is to be a number."""
    desk.configure(fields={"Amount": {"field": "dealValue", "currency": "EUR"}})
    desk.put("a.jsonl", f'{{"CRM Id": 123, "Amount": 1}}\n{{"CRM Id": "{crm(1)}", "Amount": true}}\n')
    reasons = " ".join(row["reason"] for row in judged(desk, "a.jsonl"))
    assert not [word for word in ("Excel", "workbook", "format the") if word in reasons]


# ── Our own reports, and many faults ─────────────────────────────────────────────────────────────


def test_a_report_for_the_eye_is_no_input(desk: Desk) -> None:
    """In text private words are masked, and JSON holds more than rows: both are refused, as is a mask in any cell."""
    desk.rows({"CRM Id": crm(1), "Notes": "a private word"})
    assert desk.run("plan", "--report", "a.txt", "--report", "a.json").code == 0
    masked = (desk.folder / "a.txt").read_text()
    assert ("•••" in masked, "private word" in masked) == (True, False)
    desk.box.records.clear()
    refused(
        desk,
        "a.txt:1: the header does not tell its delimiter (comma: 1 cell, none configured; semicolon: 1 cell, none "
        "configured; tab: 1 cell, none configured); state rows.delimiter, or correct the column names",
        "a.txt",
    )
    said = desk.run("plan", "a.json")
    assert (said.code, desk.box.records) == (4, [])
    assert "the file's columns: run, totals, requests, guards, rows" in said.err
    way_out = "holds •••, the mask of a report; take the value from the CSV or JSON report"
    assert bad_cells(desk, "Deal", ["•••", "Anna•••", " ••• "]) == [way_out] * 3


@pytest.mark.xfail(strict=True, reason="a key is not looked over for masks and tokens: unmatched, not invalid")
@pytest.mark.parametrize("key", ["•••", "<clear>"])
def test_a_mask_is_no_key(desk: Desk, key: str) -> None:
    """It is told as what it is, before anything is asked."""
    desk.rows({"CRM Id": key, "Deal": "x"})
    assert [row["cause"] for row in judged(desk)] == ["bad_key"]


def test_many_faults_are_counted_and_fifty_are_shown(desk: Desk) -> None:
    """The screen stays readable; every report has all of them."""
    desk.rows(*({"CRM Id": crm(n), "Amount": "12k"} for n in range(1, 61)))
    reports = ("all.txt", "all.csv", "all.json")
    said = desk.run("plan", *(word for name in reports for word in ("--report", name)))
    fault = "Amount: '12k' is not a plain number"
    assert (said.code, said.out.count(fault), desk.box.records) == (3, 50, [])
    assert "\n  … and 10 more; all are in the report\n\n60 rows: 60 invalid\n" in said.out
    assert [(desk.folder / name).read_text().count(fault) for name in reports] == [60] * 3
    said = desk.run("validate")
    assert (said.code, said.out.count(fault), desk.box.records) == (3, 50, [])
    assert said.out.endswith("… and 10 more\n60 rows: 0 can be planned, 60 cannot\n")


# ── Laws: never a silently wrong row ─────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for files that are read by the thousand."""
    return tmp_path_factory.mktemp("laws")


FEEDS = feeds.compiled(
    Settings.model_validate(
        {
            "job": "laws",
            "remote": {"url": "http://127.0.0.1:1"},
            "match": {"by": "externalReferenceId", "column": "CRM Id"},
            "fields": {"Deal": "name", "Amount": {"field": "dealValue", "currency": "EUR"}, "Notes": "notes"},
        }
    )
)
DEALS = [
    {"CRM Id": crm(1), "Deal": "Größere Lizenz", "Amount": "12000.50", "Notes": "two\nlines"},
    {"CRM Id": crm(2), "Deal": 'Pilot, "40" seats', "Amount": "1200", "Notes": ""},
    {"CRM Id": crm(3), "Deal": "", "Amount": "7", "Notes": "end"},
]


def asked(folder: Path, content: bytes, format_: Any = "csv") -> list[Desired | Settled]:
    """Read and map a file as a plan does; InputRefused where it is refused."""
    file = folder / "deals"
    file.write_bytes(content)
    taken = sources.Snapshot("deals", file, "sha256:-", len(content), format_)
    table = sources.read(taken, rows=Rows(), known=FEEDS.columns, cell_chars_max=32_767)
    rows = [mapping.map_row(FEEDS, row) for row in table]
    if rows:
        feeds.check_columns(FEEDS, table.columns, strict=False)
    return rows


def wishes(row: Desired | Settled) -> dict[str, Any]:
    """Give what a row asks for, and of whom; nothing when it is settled."""
    if isinstance(row, Settled):
        return {}
    return {"": row.key} | {wish.path: wish.desired for wish in row.wishes}


def never_wrong(folder: Path, content: bytes, whole: list[Desired | Settled], format_: Any = "csv") -> list[Any]:
    """Read a damaged file: it is refused, or each row asks for what it did, is settled, or carries a warning.

    A row of YAML that was cut between two lines looks like one that names fewer columns: it asks for less.
    """
    try:
        rows = asked(folder, content, format_)
    except InputRefused:
        return []
    for row, meant in zip(rows, whole, strict=False):
        now, then = wishes(row), wishes(meant)
        same = now.items() <= then.items() if format_ == "yaml" else now == then
        assert isinstance(row, Settled) or row.warnings or same
    return rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n")])
def test_a_csv_file_cut_at_any_byte_asks_for_nothing_else(
    folder: Path, encoding: str, delimiter: str, end: str
) -> None:
    """A value cut short, a quote left open, half a character: never sent as if it were meant."""
    text = sheet(DEALS, list(DEALS[0])).replace("\n", end)
    content = text.replace(",", delimiter).encode(encoding)
    whole = asked(folder, content)
    assert all(isinstance(row, Desired) and not row.warnings for row in whole)
    for cut in range(len(content)):
        never_wrong(folder, content[:cut], whole)


@pytest.mark.parametrize("format_", ["yaml", "jsonl", "json"])
def test_a_list_cut_at_any_byte_asks_for_nothing_else(folder: Path, format_: str) -> None:
    """The same of the other formats."""
    content = {
        "yaml": yaml.safe_dump(DEALS, allow_unicode=True, sort_keys=False),
        "jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in DEALS),
        "json": json.dumps(DEALS, ensure_ascii=False, indent=1),
    }[format_].encode()
    whole = asked(folder, content, format_)
    for cut in range(len(content)):
        never_wrong(folder, content[:cut], whole, format_)


@settings(max_examples=150)
@given(data=st.data())
def test_a_cell_more_or_less_in_any_line_shifts_nothing(folder: Path, data: st.DataObject) -> None:
    """Dropped, doubled or put in, in the header too: no cell ever reaches another cell's field."""
    lines = [list(DEALS[0]), *(list(row.values()) for row in DEALS)]
    whole = asked(folder, written(lines))
    line = data.draw(st.sampled_from(lines))
    at = data.draw(st.integers(0, len(line) - 1))
    match data.draw(st.sampled_from(["drop", "double", "put in"])):
        case "drop":
            del line[at]
        case "double":
            line.insert(at, line[at])
        case _:
            line.insert(at, data.draw(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)))
    rows = never_wrong(folder, written(lines), whole)
    assert sum(isinstance(row, Desired) for row in rows) in (0, len(DEALS) - 1)


def written(lines: list[list[str]]) -> bytes:
    """Write lines of CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()
