"""Columns and their cells go in; out comes the one that names the referral of a row, or those among which to choose."""

from __future__ import annotations

from collections.abc import Sequence

from syncjob.core import guessing, naming
from syncjob.core.claiming import Cells
from syncjob.model import Number
from syncjob.model.proposal import Key

SAID_MIN = 0.5  # of the rows a key column must name, or it is none


def stated(column: str, by: str, cells: Sequence[str]) -> Key:
    """Give the key in a column that a person has named."""
    found, why = _by(column, by, cells)
    return Key(column, found, f"stated; {why}", numeric=_numeric(cells))


def find(cells: Cells, by: str, rows: int) -> tuple[Key | None, list[str]]:
    """Find the key; where it is open, the columns that it may stand in, the likeliest first."""
    ranked: dict[int, list[str]] = {}
    for column, column_cells in cells.items():
        rank = naming.names_key(column)
        if rank is None or len(column_cells) < SAID_MIN * rows or not column_cells:
            continue
        if rank == naming.REFERRALS and (by == "externalReferenceId" or not guessing.are_guids(column_cells)):
            continue
        if rank != naming.REFERRALS and by == "id" and not guessing.are_guids(column_cells):
            continue
        ranked.setdefault(rank, []).append(column)
    if not ranked:
        codes = [name for name, column in cells.items() if len(set(column)) == rows == len(column) and _is_code(column)]
        return None, codes
    first = ranked[min(ranked)]
    if len(first) > 1:
        # Of two names that are as clear, the one that names each row once.
        once = [name for name in first if len(set(cells[name])) == rows]
        if len(once) != 1:
            return None, first
        first = once
    column = first[0]
    how, why = _by(column, by, cells[column])
    times = len(set(cells[column]))
    alone = f"{times} different in {rows} rows" if times < rows else "it names each row once"
    return Key(column, how, f"named like an id, and {alone}; {why}", numeric=_numeric(cells[column])), []


def _by(column: str, by: str, cells: Sequence[str]) -> tuple[str, str]:
    if by:
        return by, f"matched by {by} as stated"
    if guessing.are_guids(cells) and naming.names_key(column) == naming.REFERRALS:
        return "id", "the referral's own id"
    return "externalReferenceId", "the CRM's id, which referrals hold as externalReferenceId"


def _numeric(cells: Sequence[str]) -> bool:
    """Tell whether a workbook holds the keys as numbers, all of them whole."""
    return bool(cells) and all(isinstance(cell, Number) and cell.isdecimal() for cell in cells)


def _is_code(cells: Sequence[str]) -> bool:
    """Tell whether cells look like ids: no spaces, and a digit somewhere."""
    return all(" " not in cell and any(char.isdigit() for char in cell) for cell in cells)
