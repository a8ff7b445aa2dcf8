"""A report goes in, JSON comes out: one object that any parser reads, with one row a line so that `grep` reads it too.

A stable interface for scripts. Nothing is masked. Money stands in `before` and `after` as text, whatever the
remote sent, so that no parser rounds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from syncjob.model import Report, Settled, Verdict, dumps
from syncjob.reports.values import plain, requests

MONEY = "/details/dealValue"


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
    for row in report.rows():
        yield f"{separator}{dumps(_row(row))}"
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


def _row(row: Settled) -> dict[str, Any]:
    return {
        "row": row.place.to_json(),
        "n": row.n,
        "key": row.key,
        "id": row.id,
        "outcome": row.outcome,
        "cause": row.cause,
        "reason": row.reason,
        "warnings": row.warnings,
        "patch": row.operations,
        "before": _money_as_text(row.before()) if row.operations else {},
        "after": _money_as_text(row.after()) if row.operations else {},
        "fields": row.triples,
        "etag": row.etag,
        "attempts": row.attempts,
        "request_ids": row.request_ids,
        "columns": row.columns,
    }


def _money_as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        path: plain(value) if path == MONEY and isinstance(value, int | Decimal) else value
        for path, value in values.items()
    }
