"""What one plan and one run look like in every form, kept: a change of theirs is looked at before it is committed.

`make golden` writes them anew. A workbook is kept as the values of its cells, and the page without its own style and
script, which stand in the project once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from msgspec.structs import replace

from syncjob.model import Cause, Report, Settled, Verdict
from syncjob.reports import SUFFIXES, html, write

GOLDEN = Path(__file__).with_name("golden")
RENEW = os.environ.get("GOLDEN") == "renew"


@pytest.fixture
def evening(night: Report, report_of: Callable[..., Report]) -> Report:
    """Give the plan of that night."""
    rows = [_planned(row) for row in night.rows()]
    verdicts = (*night.verdicts, Verdict("changes", 4, 3, holds=False, message="4 of 5 rows would change, 3 allowed"))
    facts = {
        "id": "p-7",
        "job": "nightly",
        "source": "deals.csv",
        "made_at": "2026-11-02T02:00:00Z",
        "notes": ["a note"],
    }
    return report_of(*rows, kind="plan", run=facts, requests={"GET": 4}, verdicts=verdicts)


def _planned(row: Settled) -> Settled:
    if row.cause not in (Cause.CONFIRMED, Cause.CLOSES):
        return row
    return replace(row, cause=Cause.TO_SEND, reason="", attempts=0, request_ids=())


def spelt(path: Path) -> str:
    """Give a report as text that can be compared."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        cells = [f"{sheet.title}!{cell.coordinate} {cell.value!r}" for sheet in book for line in sheet for cell in line]
        return "\n".join(line for line in cells if not line.endswith(" None")) + "\n"
    text = path.read_bytes().decode()
    if path.suffix == ".html":
        _, style, script = html._parts()
        for part in (style, script):
            assert part in text
            text = text.replace(part, "").replace(html._hash(part), "HASH")
    return text


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["plan", "run"])
def test_a_report_looks_as_it_did(tmp_path: Path, night: Report, evening: Report, kind: str, suffix: str) -> None:
    """Byte for byte, or value for value; renew it by `make golden` and look at the difference."""
    made = spelt(write({"plan": evening, "run": night}[kind], tmp_path / f"{kind}{suffix}"))
    kept = GOLDEN / f"{kind}{suffix}{'.txt' if suffix == '.xlsx' else ''}"
    if RENEW:
        GOLDEN.mkdir(exist_ok=True)
        kept.write_bytes(made.encode())
    assert kept.read_bytes().decode() == made
