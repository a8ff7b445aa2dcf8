"""Whatever somebody calls a deal or writes into a note: in every form of a report it is text, and in its place."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from syncjob.model import Cause, Operation, Report, Settled, Triple
from syncjob.reports import SUFFIXES, write

LONG = "".join(f"{n:04} " for n in range(2_000)).strip()
NAMES = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\u202egpj.exe", LONG, "a\nb", '"quoted", and | barred')


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", NAMES, ids=["tag", "formula", "turned", "long", "lines", "quoted"])
def test_a_name_is_text_in_every_form(
    tmp_path: Path, report_of: Callable[..., Report], row_of: Callable[..., Settled], suffix: str, name: str
) -> None:
    """Machines read back the very name; people see it without anything that turns, hides, runs or computes."""
    triple = Triple("/details/notes", "x", name, base="x")
    operation = Operation("replace", "/details/notes", name)
    columns = {"CRM id": name, "Value": "1", "Notes": name}
    row = row_of(1, Cause.CONFIRMED, columns=columns, triples=(triple,), operations=(operation,))
    path = write(report_of(row, private=frozenset()), tmp_path / f"report{suffix}")
    READ[suffix](path, name)


def _json(path: Path, name: str) -> None:
    (row,) = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert (row["after"]["/details/notes"], row["columns"]["CRM id"]) == (name, name)


def _csv(path: Path, name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    assert row["CRM id"] == (f"'{name}" if name.startswith("=") else name)


def _xlsx(path: Path, name: str) -> None:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    cells = [cell for line in sheet for cell in line if cell.value == name]
    assert len(cells) >= 2
    assert {cell.data_type for cell in cells} == {"s"}


def _text(path: Path, name: str) -> None:
    _seen(path.read_text(encoding="utf-8"), name, cut=100)


def _markdown(path: Path, name: str) -> None:
    said = path.read_text(encoding="utf-8")
    _seen(said, name, cut=100)
    assert "<script>" not in re.sub("`[^`]+`", "", said)


def _page(path: Path, name: str) -> None:
    page = path.read_text(encoding="utf-8")
    assert "\u202e" not in page
    assert "<script>alert" not in page
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    ((_, _, _, after),) = data[0][7]
    assert after == name.replace("\u202e", "\\u202e").replace("\n", "\\n")


def _seen(said: str, name: str, cut: int) -> None:
    shown = name.replace("\u202e", "\\u202e").replace("\n", "\\n")
    assert shown[:cut] in said
    assert "\u202e" not in said


READ = {".json": _json, ".csv": _csv, ".xlsx": _xlsx, ".txt": _text, ".md": _markdown, ".html": _page}
