"""A report goes in, a workbook comes out: the user's columns as they were read, then ours, each `syncjob …`.

It is for deciding: what needs a person is tinted, `decision` and `send?` wait for a word, and the hidden columns say
what the rows were merged with and which plan they are of, so that the very workbook can be handed in again. The second
sheet says what happened, and what to do next.

Nothing is masked, since what is handed in again must be the very cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from syncjob.model import Number, Outcome, Report, Settled, own
from syncjob.reports import workbook
from syncjob.reports.text import GROUPS
from syncjob.reports.values import ours, outcomes, requests, visible
from syncjob.reports.workbook import Column, Sheet

ROWS, SUMMARY = "rows", f"{own.OWN}summary"
DRY_RUN = "DRY RUN — nothing was sent"
MINE_OR_THEIRS = ("mine", "theirs")
WIDTH_MIN, WIDTH_MAX, WIDTH_OF_FILTER = 12, 40, 4

COLUMNS = (
    Column(own.ROW, 22),
    Column(own.SEND, 10, choices=("yes",)),
    Column(own.OUTCOME, 13),
    Column("cause", 18),
    Column("changes", 48),
    Column("reason", 48),
    Column("warnings", 30),
    Column(own.CONFLICT, 20),
    Column(own.DECISION, 14, choices=MINE_OR_THEIRS),
    Column("id", 38),
    Column("attempts", 12),
    Column("request ids", 20),
    Column(own.REMEMBERED, hidden=True),
    Column(own.N, hidden=True),
    Column(own.MADE_BY, hidden=True),
)

# What the run's facts are called, in the order in which they are told.
FACTS = {
    "job": "job",
    "remote": "remote",
    "tenant": "tenant",
    "source": "source",
    "id": "id",
    "plan": "plan",
    "made_at": "planned at",
    "began_at": "began at",
    "ended_at": "ended at",
    "exit_code": "exit code",
    "approved_by": "approved by",
}


def fill(report: Report, file: BinaryIO) -> None:
    """Write the report; the rows come first and are what opens, the summary second."""
    workbook.fill(file, (_rows(report), _summary(report)))


def _rows(report: Report) -> Sheet:
    added = [one for one in COLUMNS if one.name != own.SEND or report.kind == "plan"]
    named = [Column(f"{own.OWN}{one.name}", one.width, one.hidden, one.choices) for one in added]
    return Sheet(
        ROWS,
        (*map(_theirs, report.columns), *named),
        ((_cells(row, report, added), str(row.outcome)) for row in report.rows()),
    )


def _theirs(name: str) -> Column:
    width = min(max(len(name) + WIDTH_OF_FILTER, WIDTH_MIN), WIDTH_MAX)
    return Column(name, width, hidden=name.startswith(own.PULLED))


def _cells(row: Settled, report: Report, added: Sequence[Column]) -> list[str]:
    known = ours(row) | {
        own.SEND: "",
        own.N: Number(row.n),
        own.MADE_BY: str(report.run.get("id") or ""),
        "attempts": Number(row.attempts),
    }
    return [
        *(row.columns.get(column, "") for column in report.columns),
        *(known[one.name] for one in added),
    ]


def _summary(report: Report) -> Sheet:
    """Say what happened: the verdict is the header, so that it stands first and stays in sight."""
    header = Column("verdict", 24), Column(_verdict(report), 110)
    return Sheet(SUMMARY, header, ((line, "") for line in _lines(report)))


def _verdict(report: Report) -> str:
    if report.kind == "plan":
        return DRY_RUN
    patches, applied = report.requests.get("PATCH", 0), report.totals.get(Outcome.APPLIED, 0)
    if report.kind == "rehearsal":
        return f"REHEARSAL: {applied} rows would be applied; nothing was sent, {patches} PATCH went to a sandbox"
    sent = f"{patches} PATCH sent" if patches else "nothing was sent"
    return f"{report.kind.upper()}: {applied} rows applied, {sent}"


def _lines(report: Report) -> Iterator[tuple[str, str]]:
    for key, name in FACTS.items():
        if report.run.get(key) not in (None, ""):
            yield name, _told(report.run[key])
    counts = outcomes(report)
    yield "rows", Number(sum(counts.values()))
    for outcome, count in counts.items():
        yield outcome, Number(count)
    for method, count in requests(report).items():
        yield f"requests: {method}", Number(count)
    for verdict in report.verdicts:
        yield f"guard: {verdict.guard}", visible(verdict.message)
    for note in report.run.get("notes", ()):
        yield "note", visible(note)
    for step in _next(report):
        yield "next", step


def _told(fact: Any) -> str:
    return Number(fact) if isinstance(fact, int) else visible(str(fact))


def _next(report: Report) -> Iterator[str]:
    """Say what a person does with this workbook."""
    if report.kind == "plan" and report.totals.get(Outcome.PLANNED):
        yield (
            f"To send: write yes into '{own.OWN}{own.SEND}' of each row that may go, save, "
            "then: syncjob apply PLAN --approved THIS.xlsx (PLAN is the file that `syncjob plan -o` has kept)"
        )
    if report.totals.get(Outcome.CONFLICTED):
        yield (
            f"To settle conflicts: write mine, theirs or a value into '{own.OWN}{own.DECISION}', save, "
            "then: syncjob retry THIS.xlsx"
        )
    if any(report.totals.get(one) for one, words in GROUPS.items() if words.startswith("needs a person")):
        yield "To mend the other rows that need a person: mend their cells here, save, then: syncjob retry THIS.xlsx"
