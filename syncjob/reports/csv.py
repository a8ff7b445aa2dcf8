"""A report goes in, CSV comes out: the user's own columns as they were read, then ours, each `syncjob …`.

It can be mended in a sheet and fed back in. So the user's cells are neither masked nor cut, and what we must
add to them is undone on reading: a cell that a sheet would take for a formula gets one apostrophe in front,
and so does a cell that already looks like that, so that taking away one always gives back the very cell.

UTF-8 with a byte order mark, because Excel takes a file without one for the local code page. Lines end in
CRLF, because RFC 4180 and Excel say so and every CSV reader takes it; it also makes the writer quote a cell
that holds a lone CR or LF, which would otherwise be read as the end of its line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from syncjob.model import Report, own
from syncjob.model.cell import types_of
from syncjob.reports.values import ours

BYTE_ORDER_MARK = "\ufeff"
FORMULA = re.compile(r"'*[=+\-@\t\r\x00]")
NAMES = (
    own.ROW,
    own.SEND,
    own.OUTCOME,
    own.CAUSE,
    "reason",
    "changes",
    "warnings",
    "id",
    "attempts",
    "request ids",
    own.CONFLICT,
    own.DECISION,
    own.REMEMBERED,
    own.TYPES,
    own.N,
    own.MADE_BY,
)


COLUMNS = tuple(f"{own.OWN}{name}" for name in NAMES if name != own.SEND)  # of a run


def render(report: Report) -> Iterator[str]:
    """Give the report in chunks, a line each; a row that could not be read has blank cells of its own."""
    names = [name for name in NAMES if name != own.SEND or report.kind == "plan"]
    yield BYTE_ORDER_MARK
    yield line((*report.columns, *(f"{own.OWN}{name}" for name in names)))
    for row in report.rows():
        known = ours(row) | {
            own.SEND: "",
            own.TYPES: types_of(row.columns),
            own.N: str(row.n),
            own.MADE_BY: str(report.run.get("id") or ""),
        }
        cells = (row.columns.get(column, "") for column in report.columns)
        yield line((*cells, *(known[name] for name in names)))


def line(cells: Iterable[str]) -> str:
    """Give one line of a file; no cell of it is a formula."""
    written: str = _writer.writerow([_disarmed(cell) for cell in cells])
    return written


class _Echo:
    """A file that hands back what is written to it: `writerow` then returns its line."""

    def write(self, line: str) -> str:
        return line


_writer = csv.writer(_Echo(), lineterminator="\r\n")


def _disarmed(cell: str) -> str:
    return f"'{cell}" if FORMULA.match(cell) else cell
