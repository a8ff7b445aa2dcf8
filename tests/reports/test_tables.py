import csv
import io
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Day, Number, Truth
from syncjob.reports import tables
from syncjob.reports.workbook import Column, Sheet

COLUMNS = (Column("id"), Column("syncjob pulled id", hidden=True), Column("Value"))
ROWS: list[tuple[Sequence[str], str]] = [
    (("1", "h-1", Number("12.5")), ""),
    (("", "", ""), ""),
    (("=1+1", "h-3", "a\nb"), "planned"),
]
MORE = Sheet("syncjob notes", (Column("note"),), [(("a word",), "")])
TEXTS = st.text("=+-@'\"\\\r\n\t\x00\x7f\x85\u2028\ufeff\ufffe\uffff#:{}[]&*!|>%~é\U0001f600 a0", min_size=1) | st.text(
    min_size=1
)


def written(path: Path, rows: Sequence[tuple[Sequence[str], str]] = ROWS) -> Path:
    """Write the rows, and a sheet that explains them."""
    return tables.write(path, Sheet("referrals", COLUMNS, rows), also=[MORE])


def whole(text: str) -> str:
    """Give a text as UTF-8 can hold it."""
    return text.encode(errors="backslashreplace").decode()


@pytest.mark.parametrize("suffix", [*tables.SUFFIXES, ".YAML"])
def test_a_table_is_written_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    """Each known suffix, however spelt; only the owner may read it."""
    path = tmp_path / f"rows{suffix}"
    tables.prove_writable([path])
    assert written(path) == path
    assert list(tmp_path.iterdir()) == [path]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_csv_is_as_csv_reports_are(tmp_path: Path) -> None:
    """A byte order mark, CRLF, no live cell, and the hidden columns last."""
    assert written(tmp_path / "rows.csv").read_bytes().decode() == (
        '\ufeffid,Value,syncjob pulled id\r\n1,12.5,h-1\r\n,,\r\n\'=1+1,"a\nb",h-3\r\n'
    )


def test_yaml_is_a_list_of_rows_in_quotes(tmp_path: Path) -> None:
    """Nothing in it is a number, a date or a truth value; blank cells are left out."""
    assert written(tmp_path / "rows.yaml").read_text(encoding="utf-8") == (
        '- "id": "1"\n  "Value": "12.5"\n  "syncjob pulled id": "h-1"\n'
        "- {}\n"
        '- "id": "=1+1"\n  "Value": "a\\nb"\n  "syncjob pulled id": "h-3"\n'
    )


def test_a_workbook_has_every_sheet_and_type(tmp_path: Path) -> None:
    """What only a workbook can hold stands there: hidden columns in their place, types, and further sheets."""
    book = openpyxl.load_workbook(written(tmp_path / "rows.xlsx"))
    assert book.sheetnames == ["referrals", "syncjob notes"]
    assert [[cell.value for cell in row] for row in book["referrals"]] == [
        ["id", "syncjob pulled id", "Value"],
        ["1", "h-1", 12.5],
        [None, None, None],
        ["=1+1", "h-3", "a\nb"],
    ]
    assert book["referrals"]["A4"].data_type == "s"
    assert book["referrals"].column_dimensions["B"].hidden
    assert book["syncjob notes"]["A2"].value == "a word"


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@given(cells=st.lists(TEXTS, min_size=1, max_size=4), names=st.lists(TEXTS, min_size=4, max_size=4, unique=True))
@example(cells=["no", "1.10", "0x10", "2026-03-31"], names=["on", "~", "? a", "x" * 5000])
def test_yaml_reads_back_as_the_very_text(
    tmp_path_factory: pytest.TempPathFactory, loader: Any, cells: list[str], names: list[str]
) -> None:
    """Whatever a cell or a column's name looks like, both parsers give it back as text, to the letter."""
    path = tmp_path_factory.getbasetemp() / "rows.yaml"
    columns = tuple(map(Column, names))
    padded = [*cells, *[""] * (4 - len(cells))]
    tables.write(path, Sheet("rows", columns, [(padded, ""), ([""] * 4, "")]))
    first, second = yaml.load(path.read_bytes(), Loader=loader)
    assert first == {whole(name): whole(cell) for name, cell in zip(names, cells, strict=False)}
    assert second == {}


@given(cells=st.lists(TEXTS, min_size=3, max_size=3))
def test_csv_reads_back_as_the_very_text(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    """Taking away one apostrophe gives back the very cell, and no cell is alive in a sheet."""
    path = written(tmp_path_factory.getbasetemp() / "rows.csv", [(cells, "")])
    text = path.read_bytes().decode("utf-8-sig")
    _, shown = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert not any(re.match(r"[=+\-@\t\r\x00]", cell) for cell in shown)
    undone = [cell[1:] if re.match(r"'+[=+\-@\t\r\x00]", cell) else cell for cell in shown]
    assert undone == [whole(cells[at]) for at in (0, 2, 1)]


def test_a_table_without_rows_is_still_one(tmp_path: Path) -> None:
    """Nothing pulled is an empty list, a lone header, a sheet with its names."""
    assert yaml.safe_load(written(tmp_path / "rows.yaml", []).read_bytes()) == []
    assert written(tmp_path / "rows.csv", []).read_bytes().count(b"\r\n") == 1
    assert openpyxl.load_workbook(written(tmp_path / "rows.xlsx", []))["referrals"].max_row == 1


def test_types_are_plain_text_where_there_are_none(tmp_path: Path) -> None:
    """A CSV or YAML file has the digits of a number and the day of a date."""
    cells = (Number("12.50"), Day("2026-03-31"), Truth("true"))
    assert "12.50,true,2026-03-31" in written(tmp_path / "rows.csv", [(cells, "")]).read_text(encoding="utf-8")
    found = yaml.safe_load(written(tmp_path / "rows.yaml", [(cells, "")]).read_bytes())
    assert found == [{"id": "12.50", "syncjob pulled id": "2026-03-31", "Value": "true"}]


def test_rows_stream(tmp_path: Path) -> None:
    """A row is written before the next is asked for; nothing keeps them all."""
    alive = 0

    class Row(tuple[str, ...]):
        """A row that counts itself."""

        __slots__ = ()

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def rows() -> Iterator[tuple[Sequence[str], str]]:
        nonlocal alive
        for n in range(100):
            alive += 1
            assert alive <= 3
            yield Row((str(n), "", "")), ""

    for suffix in tables.SUFFIXES:
        tables.write(tmp_path / f"rows{suffix}", Sheet("rows", COLUMNS, rows()))


def test_an_unknown_suffix_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """The forms are named; no file is begun."""
    path = tmp_path / "rows.ods"
    said = r"rows\.ods: a table ends in \.xlsx, \.csv, \.yaml; name the file accordingly"
    with pytest.raises(UsageRefused, match=said):
        tables.prove_writable([path])
    with pytest.raises(UsageRefused, match=said):
        written(path)
    assert not list(tmp_path.iterdir())


def test_a_table_never_replaces_what_the_job_reads(tmp_path: Path) -> None:
    """The configuration, the ledger and the rows themselves are safe from an output of the same name."""
    taken = tmp_path / "rows.csv"
    taken.write_text("yours")
    with pytest.raises(UsageRefused, match="reads or keeps; a table would replace it"):
        tables.prove_writable([taken], taken=[taken])
    with pytest.raises(StorageRefused, match="two tables would go to this one file"):
        tables.prove_writable([tmp_path / "a.csv", tmp_path / "a.csv"])


def test_a_missing_folder_is_a_refusal_of_the_disk(tmp_path: Path) -> None:
    """The message names the file, what it was to be and what to do."""
    with pytest.raises(StorageRefused, match=r"rows\.csv: the table could not be written: No such file"):
        written(tmp_path / "missing" / "rows.csv")
