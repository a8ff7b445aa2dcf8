from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from desk import crm, sheet
from hypothesis import given, settings
from hypothesis import strategies as st

from syncjob import sources
from syncjob.core import feeds, mapping
from syncjob.errors import InputRefused
from syncjob.model import Desired, Settled
from syncjob.settings import Rows, Settings

pytestmark = pytest.mark.long


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
    table = sources.read(taken, rows=Rows(), known=FEEDS.columns)
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
