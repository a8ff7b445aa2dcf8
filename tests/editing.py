"""A person edits the rows of a file that was pulled or reported, and saves it as its program would."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import yaml


def edit(path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Let a person edit the rows of a file, as its program would save them."""
    if path.suffix == ".xlsx":
        _edit_workbook(path, change)
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(rows)
        path.write_text(yaml.safe_dump(rows, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _edit_workbook(path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    names = [str(cell.value) for cell in sheet[1]]
    rows = [dict(zip(names, (cell.value for cell in line), strict=True)) for line in sheet.iter_rows(min_row=2)]
    change(rows)
    sheet.delete_rows(2, sheet.max_row)
    for row in rows:
        sheet.append([row.get(name) for name in names])
    book.save(path)
