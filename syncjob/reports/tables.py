"""A sheet and a path go in; out comes a table in the form that the suffix asks for: rows to edit, not a report.

    .xlsx   the sheets as they are, types and all
    .csv    as CSV reports are written: UTF-8 with a byte order mark, CRLF, no cell a formula
    .yaml   a list of rows; every scalar in double quotes, so that none is taken for a number, a date or a truth value

Only a workbook can hide a column: in a text hidden ones stand last. The first sheet is the table; further ones
explain it and stand in a workbook only. Rows stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from syncjob.errors import UsageRefused
from syncjob.model import dumps
from syncjob.reports import csv, files, workbook
from syncjob.reports.values import visible
from syncjob.reports.workbook import Sheet

WHAT = "table"
KEY_CHARS_MAX = 1_000  # of a YAML key in its short form; the limit is 1,024 with its quotes
HALVES = re.compile("[\ud800-\udfff]")
# What is valid inside a JSON text and not inside YAML's, or would be folded there like a line break.
NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def prove_writable(paths: Sequence[Path], taken: Sequence[Path] = ()) -> None:
    """Prove that tables can be written there; as `files.prove_writable`, for the suffixes of tables."""
    files.prove_writable(paths, taken, suffixes=SUFFIXES, what=WHAT)


def write(path: Path, sheet: Sheet, also: Sequence[Sheet] = ()) -> Path:
    """Write a table, whole or not at all and with mode 0600; give the path at which it stands in the end.

    Raises UsageRefused when the suffix is unknown, StorageRefused when the disk refuses.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageRefused(f"{path}: a {WHAT} ends in {', '.join(SUFFIXES)}; name the file accordingly")
    return files.put(path, lambda file: form(file, (sheet, *also)), what=WHAT)


def _fill_csv(file: BinaryIO, sheets: Sequence[Sheet]) -> None:
    sheet = sheets[0]
    order = _shown_first(sheet)
    file.write(csv.BYTE_ORDER_MARK.encode())
    file.write(_encoded(csv.line(sheet.columns[at].name for at in order)))
    file.writelines(_encoded(csv.line(cells[at] for at in order)) for cells, _ in sheet.rows)


def _fill_yaml(file: BinaryIO, sheets: Sequence[Sheet]) -> None:
    sheet = sheets[0]
    keys = [(at, _key(sheet.columns[at].name)) for at in _shown_first(sheet)]
    written = False
    for cells, _ in sheet.rows:
        written = True
        said = [f"{key} {_quoted(cells[at])}" for at, key in keys if cells[at]]
        file.write(_encoded("- " + "\n  ".join(said or ["{}"]) + "\n"))
    if not written:
        file.write(b"[]\n")


def _shown_first(sheet: Sheet) -> list[int]:
    return sorted(range(len(sheet.columns)), key=lambda at: sheet.columns[at].hidden)


def _key(name: str) -> str:
    quoted = _quoted(name)
    return f"{quoted}:" if len(quoted) <= KEY_CHARS_MAX else f"? {quoted}\n  :"


def _quoted(text: str) -> str:
    """Give a text in double quotes, on one line: as JSON, without what YAML reads otherwise or not at all."""
    whole = HALVES.sub(lambda found: visible(found[0]), text)
    return NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", dumps(whole))


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


FORMS: dict[str, Callable[[BinaryIO, Sequence[Sheet]], None]] = {
    ".xlsx": workbook.fill,
    ".csv": _fill_csv,
    ".yaml": _fill_yaml,
}
SUFFIXES = tuple(FORMS)
