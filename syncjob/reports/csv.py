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

from syncjob.model import Report, Settled
from syncjob.reports.values import Move, moves, name_of, plain, visible

BYTE_ORDER_MARK = "\ufeff"
FORMULA = re.compile(r"'*[=+\-@\t\r\x00]")
COLUMNS = (
    "syncjob row",
    "syncjob outcome",
    "syncjob cause",
    "syncjob reason",
    "syncjob changes",
    "syncjob warnings",
    "syncjob id",
    "syncjob attempts",
    "syncjob request ids",
)


def render(report: Report) -> Iterator[str]:
    """Give the report in chunks, a line each; a row that could not be read has blank cells of its own."""
    yield BYTE_ORDER_MARK
    yield _line((*report.columns, *COLUMNS))
    for row in report.rows():
        yield _line((*(row.columns.get(column, "") for column in report.columns), *_ours(row)))


def _ours(row: Settled) -> Iterator[str]:
    """Give the cells of `COLUMNS`; nobody reads them back, so what they quote is shown on one line."""
    yield visible(str(row.place))
    yield row.outcome
    yield row.cause
    yield visible(row.reason)
    yield "; ".join(visible(_words(move)) for move in moves(row))
    yield "; ".join(map(visible, row.warnings))
    yield visible(row.id or "")
    yield str(row.attempts)
    yield " ".join(map(visible, row.request_ids))


def _words(move: Move) -> str:
    name = name_of(move.path)
    if move.appended:
        return f"{name}: + {', '.join(map(plain, move.appended))}"
    return f"{name}: {plain(move.before)} -> {plain(move.after)}"


class _Echo:
    """A file that hands back what is written to it: `writerow` then returns its line."""

    def write(self, line: str) -> str:
        return line


_writer = csv.writer(_Echo(), lineterminator="\r\n")


def _line(cells: Iterable[str]) -> str:
    line: str = _writer.writerow([_disarmed(cell) for cell in cells])
    return line


def _disarmed(cell: str) -> str:
    return f"'{cell}" if FORMULA.match(cell) else cell
