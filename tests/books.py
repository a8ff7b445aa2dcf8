"""Workbooks for tests: written by XlsxWriter, or put together part by part where no program would write them so."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from syncjob.errors import Exit, InputRefused
from syncjob.settings import Rows
from syncjob.sources import Snapshot, Table, read

KNOWN = ("Deal ID", "Amount")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"


def book(file: Path, write: Callable[[Any, Any], object], name: str = "Pipeline") -> Path:
    """Write a workbook of one sheet by a function that takes the workbook and the sheet."""
    with xlsxwriter.Workbook(file) as made:
        write(made, made.add_worksheet(name))
    return file


def table_book(file: Path, *rows: list[object]) -> Path:
    """Write a workbook of these rows; texts stay texts."""

    def write(_: Any, sheet: Any) -> None:
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                (sheet.write_string if isinstance(value, str) else sheet.write)(at, column, value)

    return book(file, write)


def parts(rows: str, *, above: str = "", below: str = "", sheets: str = "") -> dict[str, str]:
    """Give the parts of a small workbook around the XML of its rows."""
    sheets = sheets or '<sheet name="Pipeline" sheetId="1" r:id="rId1"/>'
    links = f'<Relationship Id="rId1" Type="{KIND}/worksheet" Target="worksheets/sheet1.xml"/>'
    return {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{LINKS}"><Relationship Id="rId1" Type="{KIND}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{KIND}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{LINKS}">{links}</Relationships>',
        SHEET: f'<worksheet xmlns="{MAIN}">{above}<sheetData>{rows}</sheetData>{below}</worksheet>',
    }


def text(at: str, words: str) -> str:
    """Give the XML of a cell of text."""
    return f'<c r="{at}" t="inlineStr"><is><t>{words}</t></is></c>'


HEADER = f'<row r="1">{text("A1", "Deal ID")}{text("B1", "Amount")}</row>'


def packed(file: Path, made: Mapping[str, str | bytes]) -> Path:
    """Zip the parts."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.items():
            archive.writestr(name, content)
    return file


def opened(file: Path, *, known: Collection[str] = KNOWN, rows: Rows | None = None) -> Table:
    """Open a workbook as a plan does, without the copy."""
    taken = Snapshot(file.name, file, "sha256:-", 0, "xlsx")
    return read(taken, rows=rows or Rows(), known=known)


def refusal(file: Path, *, known: Collection[str] = KNOWN, rows: Rows | None = None) -> str:
    """Give the words with which a workbook is refused: always as the file's fault."""
    with pytest.raises(InputRefused) as refused:
        list(opened(file, known=known, rows=rows))
    assert refused.value.exit_code == Exit.INPUT
    return str(refused.value)
