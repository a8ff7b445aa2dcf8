"""A report goes in, JSON comes out: one object that any parser reads, with one row a line so that `grep` reads it too.

A stable interface for scripts. Nothing is masked. Money stands in `before` and `after` as text, whatever the
remote sent, so that no parser rounds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from syncjob.model import Operation, Place, Report, Settled, Triple, Verdict, dumps
from syncjob.model.change import cut
from syncjob.reports.values import plain, requests

MONEY = "/details/dealValue"
TYPED = b'":{"'  # a cell that knows its type is an object in a line
QUIET = (
    b'{"row":{%b},"n":%b,"key":%b,"outcome":"unchanged","cause":"in_step","reason":"","warnings":[],"patch":[],'
    b'"before":{},"after":{},"fields":[%b,"etag":%b,"attempts":0,"request_ids":[],"columns":%b}'
)


def render(report: Report) -> Iterator[str]:
    """Give the report in chunks: the head, then a chunk a row."""
    counts = dict(report.totals)
    totals = {"rows": sum(counts.values())} | counts
    yield f'{{"run":{dumps(dict(report.run) | {"kind": report.kind})},\n'
    yield f'"totals":{dumps(totals)},\n'
    yield f'"requests":{dumps(requests(report))},\n'
    yield f'"guards":{dumps([_guard(verdict) for verdict in report.verdicts])},\n'
    yield '"rows":['
    separator = "\n"
    for row in (report.written or report.rows)():
        yield separator + (_quiet(row) if isinstance(row, bytes) else dumps(_row(row)))
        separator = ",\n"
    yield "\n]}\n"


def _guard(verdict: Verdict) -> dict[str, Any]:
    return {
        "guard": verdict.guard,
        "count": verdict.count,
        "limit": verdict.limit,
        "holds": verdict.holds,
        "message": verdict.message,
    }


class _Row(Struct, frozen=True, gc=False):
    """A row as scripts read it, in this order."""

    row: Place
    n: int
    key: str
    id: str | None
    outcome: str
    cause: str
    reason: str
    warnings: tuple[str, ...]
    patch: tuple[Operation, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    fields: tuple[Triple, ...]
    etag: str | None
    attempts: int
    request_ids: tuple[str, ...]
    columns: Mapping[str, str]


def _row(row: Settled) -> _Row:
    moves = row.moves() if row.operations else {}
    return _Row(
        row.place,
        row.n,
        row.key,
        row.id,
        row.outcome,
        row.cause,
        row.reason,
        row.warnings,
        row.operations,
        _money_as_text({path: before for path, (before, _) in moves.items()}),
        _money_as_text({path: after for path, (_, after) in moves.items()}),
        row.triples,
        row.etag,
        row.attempts,
        row.request_ids,
        row.columns,
    )


def _quiet(line: bytes) -> str:
    """Give a row of which there is nothing to tell: what stands in its line stands in a report, in another order."""
    try:
        n, place, names, etag, columns, fields = cut(line)
    except ValueError:
        return dumps(_row(Settled.from_line(line)))
    if TYPED in columns:
        return dumps(_row(Settled.from_line(line)))
    return (QUIET % (place, n, names, fields, etag, columns)).decode()


def _money_as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        path: plain(value) if path == MONEY and isinstance(value, int | Decimal) else value
        for path, value in values.items()
    }
