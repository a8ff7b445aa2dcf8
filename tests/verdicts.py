"""What a plan says of a bad file: refused as a whole by exact words, or each row as it was judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desk import Desk, crm


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
