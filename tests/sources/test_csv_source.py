"""Promises of reading CSV: a row is what was written, or it is known not to be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from syncjob.errors import InputRefused
from syncjob.model import SourceRow
from syncjob.settings import Rows
from syncjob.sources import Snapshot, Table, read
from syncjob.sources.csv import CELL_CHARS_BROKEN
from syncjob.sources.numbering import CUT_OFF

KNOWN = ("Deal ID", "Name", "Value")
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for all tests here."""
    return tmp_path_factory.mktemp("csv")


def table(
    folder: Path,
    content: str | bytes,
    *,
    rows: Rows | None = None,
    known: Collection[str] = KNOWN,
) -> Table:
    """Open a file of this content."""
    file = folder / "deals.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    taken = Snapshot("deals.csv", file, "sha256:-", 0, "csv")
    return read(taken, rows=rows or Rows(), known=known)


def cells(rows: Collection[SourceRow]) -> list[list[str]]:
    """Give the cells of rows, line by line."""
    return [list(row.columns.values()) for row in rows]


def refusal(folder: Path, content: str, *, known: Collection[str] = KNOWN, rows: Rows | None = None) -> str:
    """Give the words with which a file is refused, whenever that happens."""
    with pytest.raises(InputRefused) as refused:
        list(table(folder, content, known=known, rows=rows))
    return str(refused.value)


def escaped(cell: str) -> str:
    """Escape a cell as our reports do: what a spreadsheet could take for a formula gains an apostrophe."""
    return "'" + cell if re.match(r"'*[=+\-@\t\r\x00]", cell) else cell


def line_of(row: list[str], *, delimiter: str = ",", end: str = "\n") -> str:
    """Write one line, every cell in quotes."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator=end).writerow(row)
    return out.getvalue()


def test_rows_come_with_number_place_and_cells(folder: Path) -> None:
    """Cells are text as it was written; rows count from 1, lines with the header."""
    read_ = table(folder, "Deal ID,Name,Value\n007, Contoso ,1.10\n\n008,,\n")
    assert read_.columns == ("Deal ID", "Name", "Value")
    first, second = read_
    assert (first.n, str(first.place), first.fault, first.warnings) == (1, "deals.csv:2", "", ())
    assert first.columns == {"Deal ID": "007", "Name": " Contoso ", "Value": "1.10"}
    assert (second.n, str(second.place)) == (2, "deals.csv:4")
    assert second.columns == {"Deal ID": "008", "Name": "", "Value": ""}


def test_a_table_may_be_read_twice(folder: Path) -> None:
    """Each pass starts anew."""
    read_ = table(folder, "Deal ID\n1\n2\n")
    assert list(read_) == list(read_)
    assert [row.n for row in read_] == [1, 2]


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\r\n", "Deal ID,Name\n"])
def test_a_file_without_rows_has_none(folder: Path, content: str) -> None:
    """Rows are counted elsewhere; a file of none is read without complaint."""
    assert list(table(folder, content)) == []


def test_a_row_stands_where_it_begins(folder: Path) -> None:
    """Line breaks inside quotes move the rows below, and the place follows."""
    content = 'Deal ID,Name\r\n1,"a\nb\r\nc"\r\n\r\n2,d\r3,e\n'
    assert [row.place.line for row in table(folder, content)] == [2, 6, 7]


def test_a_ragged_line_is_a_fault_without_cells(folder: Path) -> None:
    """A line too short or too long is told by its place, and none of its cells is handed on."""
    short, sound, long = table(folder, "Deal ID,Name\n1\n2,b\n3,c,d\n")
    assert (short.fault, short.columns) == ("has 1 cell, the header has 2", {})
    assert (sound.fault, sound.columns) == ("", {"Deal ID": "2", "Name": "b"})
    assert (long.fault, long.columns) == ("has 3 cells, the header has 2", {})


def test_a_long_cell_is_handed_on(folder: Path) -> None:
    """How long a cell may be is judged where it is read: nobody may map that column."""
    (long,) = table(folder, f"Deal ID,Name\n1,{'x' * 1_000_000}\n")
    assert (long.fault, len(long.columns["Name"])) == ("", 1_000_000)


def test_an_open_quote_refuses_the_file(folder: Path) -> None:
    """A quote that is never closed would swallow the rest of the file into one cell."""
    assert refusal(folder, 'Deal ID,Name\n1,a\n2,"b\n3,c\n') == "deals.csv:3: a quote is opened and never closed"
    assert refusal(folder, '"Deal ID,Name\n1,a\n') == "deals.csv:1: a quote is opened and never closed"


def test_an_open_quote_swallows_no_file_of_any_size(folder: Path) -> None:
    """Far beyond any cell the reader gives up and says why."""
    said = refusal(folder, 'Deal ID\n"' + "x" * CELL_CHARS_BROKEN + "y\n")
    assert said.startswith("deals.csv:2: a cell has more than 16,777,216 characters")


def test_a_stray_quote_refuses_the_file(folder: Path) -> None:
    """Text after a closing quote shows that quotes were not doubled: no line can be trusted then."""
    assert refusal(folder, 'Deal ID,Name\n1,"a"b\n').startswith("deals.csv:2: text follows a closing quote")


def test_a_quote_inside_a_plain_cell_is_text(folder: Path) -> None:
    """Inches are no quotes."""
    assert cells(list(table(folder, 'Deal ID,Name\n1,5" pipe\n'))) == [["1", '5" pipe']]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("known", [KNOWN, ("Name",), ()])
def test_the_delimiter_is_seen_in_the_header(folder: Path, delimiter: str, known: tuple[str, ...]) -> None:
    """The one under which configured columns appear, else the one that parts the header at all."""
    content = line_of(["Deal ID", "Name"], delimiter=delimiter) + line_of(["1,2;3", "a\tb"], delimiter=delimiter)
    assert cells(list(table(folder, content, known=known))) == [["1,2;3", "a\tb"]]


def test_configured_columns_outweigh_other_delimiters_in_the_header(folder: Path) -> None:
    """A comma inside a column's name confuses nobody."""
    assert table(folder, "Deal ID;Value, net;City, country\n").columns == ("Deal ID", "Value, net", "City, country")


def test_a_file_of_one_column_is_read(folder: Path) -> None:
    """One configured column needs no delimiter; a comma in a cell is told as ragged, not guessed away."""
    sound, ragged = table(folder, "Deal ID\n1;2\n3,4\n")
    assert sound.columns == {"Deal ID": "1;2"}
    assert ragged.fault == "has 2 cells, the header has 1"


@pytest.mark.parametrize("header", ["Deal,Name;Worth", "Deal ID,x;Value", "Something"])
def test_an_unclear_delimiter_is_refused(folder: Path, header: str) -> None:
    """Two that could be meant, or none: what was tried is named, nothing is guessed."""
    said = refusal(folder, header + "\n1,2;3\n", known=("Deal ID", "Value"))
    assert said.startswith("deals.csv:1: the header does not tell its delimiter (comma: ")
    assert "state rows.delimiter" in said


def test_what_was_tried_is_told(folder: Path) -> None:
    """Both candidates appear with what they showed."""
    said = refusal(folder, "Deal ID,x;Value\n", known=("Deal ID", "Value"))
    assert "comma: 2 cells, with 'Deal ID'; semicolon: 2 cells, with 'Value'; tab: 1 cell, none configured" in said


@pytest.mark.parametrize(("stated", "delimiter"), [(",", ","), (";", ";"), ("\t", "\t"), ("tab", "\t")])
def test_a_stated_delimiter_is_used(folder: Path, stated: str, delimiter: str) -> None:
    """What is stated needs no proof."""
    rows = Rows.model_validate({"delimiter": stated})
    assert table(folder, delimiter.join("abc") + "\n", rows=rows).columns == ("a", "b", "c")
    assert refusal(folder, '"a\n', rows=rows) == "deals.csv:1: a quote is opened and never closed"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_a_first_line_of_excel_states_the_delimiter(folder: Path, first: str, end: str) -> None:
    """`sep=;` is no header; it outweighs what the header shows, and the lines keep their numbers."""
    read_ = table(folder, end.join([first, "Deal ID;Name,Value", "1;a", "2", ""]))
    assert read_.columns == ("Deal ID", "Name,Value")
    sound, ragged = read_
    assert (sound.place.line, dict(sound.columns)) == (3, {"Deal ID": "1", "Name,Value": "a"})
    assert (ragged.place.line, ragged.fault) == (4, "has 1 cell, the header has 2")
    assert refusal(folder, end.join([first, "Deal ID;Name", '1;"a', ""])).startswith("deals.csv:3: a quote is opened")


def test_a_delimiter_stated_otherwise_or_unknown_is_refused(folder: Path) -> None:
    """Two statements that differ are told; so is one that nobody could follow."""
    rows = Rows.model_validate({"delimiter": ";"})
    assert table(folder, "sep=;\na;b\n", rows=rows).columns == ("a", "b")
    assert refusal(folder, "sep=,\na,b\n", rows=rows).startswith("deals.csv:1: 'sep=,' states another delimiter")
    assert refusal(folder, "sep=|\na|b\n").startswith("deals.csv:1: 'sep=|' states a delimiter that is neither")
    assert table(folder, "sep=;").columns == ()
    assert table(folder, "Sep=x,b\n", rows=Rows.model_validate({"delimiter": ","})).columns == ("Sep=x", "b")


def test_header_cells_are_trimmed(folder: Path) -> None:
    """Spaces around a column's name are no part of it."""
    assert table(folder, "\ufeff Deal ID , Name\n").columns == ("Deal ID", "Name")


def test_a_bad_header_is_told_at_once(folder: Path) -> None:
    """Blank and repeated columns refuse the file, all in one message."""
    said = refusal(folder, "Deal ID,,Name,Name , \n")
    assert said.splitlines() == [
        "deals.csv:1: column 2 has no name; name it or delete it",
        "deals.csv:1: column 5 has no name; name it or delete it",
        "deals.csv:1: column 'Name' stands 2 times (at 3, 4); keep one of them",
    ]


def test_columns_of_our_own_reports_are_dropped(folder: Path) -> None:
    """A report sent back as input shows the same table as the file that it reports on."""
    read_ = table(folder, "syncjob outcome,Deal ID,syncjob reason,Name\napplied,1,,a\n")
    assert read_.columns == ("Deal ID", "Name")
    assert cells(list(read_)) == [["1", "a"]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'=1+1", "=1+1"),
        ("'+49 30 1", "+49 30 1"),
        ("'-5", "-5"),
        ("'@x", "@x"),
        ("''=x", "'=x"),
        ("'s Hertogenbosch", "'s Hertogenbosch"),
        ("=1+1", "=1+1"),
        ("'", "'"),
        ("-5", "-5"),
    ],
)
def test_the_escape_of_our_reports_is_undone(folder: Path, written: str, meant: str) -> None:
    """Exactly one apostrophe before what looks like a formula goes; every other one stays."""
    assert cells(list(table(folder, f"Deal ID\n{written}\n"))) == [[meant]]


def test_a_file_cut_at_its_end_is_noticed(folder: Path) -> None:
    """The last row of a file without a last line break carries a warning, or the file is refused."""
    first, last = table(folder, "Deal ID\n1\n2")
    assert (first.warnings, last.warnings) == ((), (CUT_OFF,))
    required = Rows(final_newline="required")
    assert "rows.final_newline requires" in refusal(folder, "Deal ID\n1\n2", rows=required)
    assert len(list(table(folder, "Deal ID\n1\n2\n", rows=required))) == 2
    assert list(table(folder, "", rows=required)) == []


ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), delimiter=st.sampled_from([",", ";", "\t"]))
def test_written_rows_are_read(folder: Path, rows: list[list[str]], end: str, delimiter: str) -> None:
    """Whatever stands in cells comes back as it was, the escape undone."""
    content = line_of(list(KNOWN), end=end, delimiter=delimiter)
    content += "".join(line_of(list(map(escaped, row)), end=end, delimiter=delimiter) for row in rows)
    read_ = list(table(folder, content))
    assert cells(read_) == rows
    assert not any(row.fault or row.warnings for row in read_)


@settings(max_examples=12, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=2), quoted=st.booleans())
def test_a_cut_file_gives_no_silently_wrong_row(folder: Path, rows: list[list[str]], *, quoted: bool) -> None:
    """Cut at every byte: the file is refused, or each row is whole, has a fault, or carries a warning."""
    assume(quoted or not any(set('",\r\n') & set(cell) for row in rows for cell in row))
    lines = [list(KNOWN), *([escaped(cell) for cell in row] for row in rows)]
    content = "".join(line_of(line) if quoted else ",".join(line) + "\n" for line in lines).encode()
    header = content.index(b"\n")
    for cut in range(len(content)):
        try:
            read_ = list(table(folder, content[:cut]))
        except InputRefused:
            continue
        assert cut > header or not read_, "no rows without a whole header"
        for row, meant in zip(read_, rows, strict=False):
            assert row.fault or row.warnings or list(row.columns.values()) == meant


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, data=st.data())
def test_a_cell_too_few_or_too_many_is_a_fault(folder: Path, rows: list[list[str]], data: st.DataObject) -> None:
    """Drop or add a cell in any line: that row has a fault, and only that one."""
    at = data.draw(st.integers(0, len(rows) - 1))
    place = data.draw(st.integers(0, 2))
    damaged = [list(row) for row in rows]
    if data.draw(st.booleans()):
        del damaged[at][place]
    else:
        damaged[at].insert(place, data.draw(CELLS))
    content = "".join(map(line_of, [list(KNOWN), *damaged]))
    assert [bool(row.fault) for row in table(folder, content)] == [n == at for n in range(len(rows))]


@settings(max_examples=80, deadline=None)
@given(cell=st.from_regex(r"'{0,3}[=+\-@\t\r\x00a]?.{0,2}", fullmatch=True))
def test_escape_and_reading_are_inverse(folder: Path, cell: str) -> None:
    """Report, then read: the cell is what it was, however many apostrophes it began with."""
    content = line_of(["Deal ID"]) + line_of([escaped(cell)])
    assume(cell.isascii())
    assert cells(list(table(folder, "\ufeff" + content))) == [[cell]]


@settings(max_examples=150, deadline=None)
@given(content=st.text(st.sampled_from("Deal ID,;\"'\n\r\tx=\0"), max_size=40))
def test_any_text_is_read_or_refused(folder: Path, content: str) -> None:
    """No content is a crash, and every row without a fault fills its columns."""
    try:
        read_ = table(folder, content)
        rows = list(read_)
    except InputRefused:
        return
    assert all(row.fault or tuple(row.columns) == read_.columns for row in rows)
