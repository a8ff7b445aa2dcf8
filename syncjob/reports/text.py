"""A report goes in, lines for a terminal or a mail come out: what needs a person, what changes, then the totals.

Plain text without colour. A passer-by may look: values of private paths are masked, and no value from outside
can move the cursor, hide or turn text. Memory is flat: the rows are read once and only those kept that will be
shown; where all are to be shown they are read again for each group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from syncjob.model import UNKNOWN, Cause, Outcome, Report, Settled, Triple
from syncjob.reports.values import (
    MASK,
    THREE_VALUES,
    Move,
    apart,
    for_good,
    masked,
    member,
    moved,
    moves,
    name_of,
    outcomes,
    plain,
    requests,
    shortened,
)

ROWS_MAX = 50
AROUND = 6  # banner, totals, requests, the line about masking, the next prompt
VALUE_CHARS_MAX = 120
SENTENCE_CHARS_MAX = 600


# The groups in the order in which they are shown. Unchanged rows are counted only, unless they carry a warning.
GROUPS = {
    Outcome.INVALID: "needs a person",
    Outcome.UNMATCHED: "needs a person",
    Outcome.HELD: "needs a person",
    Outcome.CONFLICTED: "needs a person",
    Outcome.REJECTED: "needs a person",
    Outcome.FAILED: "needs a person",
    Outcome.UNSETTLED: "needs a person, or the next run",
    Outcome.DEFERRED: "needs a person, or the next run",
    Outcome.PLANNED: "ready to be sent",
    Outcome.APPLIED: "sent and verified",
    Outcome.DRIFTED: "only the remote moved; its value is kept",
    Outcome.REFUSED: "by a rule",
    Outcome.UNCHANGED: "with warnings",
}
AS_ABOVE = "(for the same reason)"


class Screen(Struct, frozen=True):
    """A terminal: how many characters a line and lines it shows; `AROUND` of them are not for rows."""

    columns: int
    lines: int

    def takes(self, line: str) -> int:
        """Say how many lines of the screen a line takes."""
        return max(1, -(-len(line) // max(1, self.columns)))


def render(report: Report, *, rows_max: int | None = ROWS_MAX, screen: Screen | None = None) -> Iterator[str]:
    """Give the report in chunks, a line each; at most `rows_max` rows a group are shown, all of them for None.

    On a `screen` they are as many as fit, shared out among the groups; each group shows one at least.
    """
    yield f"{_banner(report)}\n"
    masked = False
    for line in _groups(report, rows_max, screen):
        masked = masked or MASK in line
        yield f"{line}\n"
    yield "\n"
    if masked:
        yield f"Private values are masked as {MASK}; they stand unmasked in reports as workbook, CSV or JSON.\n"
    for verdict in report.verdicts:
        yield f"{_value(verdict.guard)}: {_sentence(verdict.message)}\n"
    yield f"{_totals(report)}\n"
    yield f"requests: {', '.join(f'{count} {_value(method)}' for method, count in requests(report).items())}\n"


def _banner(report: Report) -> str:
    run, job = report.run.get("id"), report.run.get("job")
    name = report.kind.upper() + (f" {run}" if run else "") + (f" of job {job}" if job else "")
    patches = report.requests.get("PATCH", 0)
    if report.kind == "plan":
        assert not patches, "a plan sends nothing"
        return f"=== {_sentence(name)}: nothing was sent ==="
    if report.kind == "rehearsal":
        to = _sentence(str(report.run.get("remote") or "the remote"))
        return f"=== {_sentence(name)}: nothing was sent to {to}; {patches} PATCH went to a sandbox ==="
    applied = _counted(report.totals.get(Outcome.APPLIED, 0), "row")
    return f"{_sentence(name)}: {applied} applied, {f'{patches} PATCH sent' if patches else 'nothing was sent'}"


def _totals(report: Report) -> str:
    counts = outcomes(report)
    parts = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return _counted(sum(counts.values()), "row") + (f": {parts}" if parts else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _groups(report: Report, rows_max: int | None, screen: Screen | None) -> Iterator[str]:
    counts: Counter[Outcome] = Counter()
    kept: dict[Outcome, list[Settled]] = {outcome: [] for outcome in GROUPS}
    for row in filter(_listed, report.told()):
        counts[row.outcome] += 1
        if rows_max is not None and len(kept[row.outcome]) < rows_max:
            kept[row.outcome].append(row)
    left = [outcome for outcome in GROUPS if counts[outcome]]
    room = None if screen is None else screen.lines - AROUND - len(report.verdicts) - 3 * len(left)
    while left:
        outcome = left.pop(0)
        yield ""
        yield f"{outcome}, {GROUPS[outcome]}: {_counted(counts[outcome], 'row')}"
        said, shown, share = "", 0, None if room is None else room // (len(left) + 1)
        for row in _all_of(outcome, report) if rows_max is None else kept[outcome]:
            lines = list(_row(row, report.private, said))
            if screen is not None and share is not None and room is not None:
                taken = sum(map(screen.takes, lines))
                if shown and taken > share:
                    break
                share, room = share - taken, room - taken
            yield from lines
            said, shown = row.reason, shown + 1
        if shown < counts[outcome]:
            how = "all are in the report" if screen is None else "--full shows all"
            yield f"  … and {counts[outcome] - shown} more; {how}"


def _listed(row: Settled) -> bool:
    return (row.outcome is not Outcome.UNCHANGED or bool(row.warnings)) and row.cause is not Cause.NOT_SELECTED


def _all_of(outcome: Outcome, report: Report) -> Iterable[Settled]:
    return (row for row in report.told() if row.outcome is outcome and _listed(row))


def _row(row: Settled, private: frozenset[str], said: str) -> Iterator[str]:
    """Give the lines of a row; a long reason that was said of the row above is not said again."""
    reason = "" if row.outcome is Outcome.APPLIED else row.reason
    if reason == said and len(reason) > len(AS_ABOVE):
        reason = AS_ABOVE
    yield "  " + "  ".join(part for part in (_value(str(row.place)), _value(row.key or "-"), _sentence(reason)) if part)
    if row.outcome in THREE_VALUES:
        for triple in moved(row.triples):
            yield f"    ? {_three_values(triple, private)}"
    for move in moves(row):
        for words in _move(move, private):
            yield f"    {words}"
    if said := for_good(row):
        yield f"    ! {said}"
    for warning in row.warnings:
        yield f"    warning: {_sentence(warning)}"


def _three_values(triple: Triple, private: frozenset[str]) -> str:
    base = "unknown" if triple.base is UNKNOWN else _masked(triple.path, triple.base, private)
    remote = _masked(triple.path, triple.observed, private)
    row = _masked(triple.path, triple.desired, private)
    return f"{_value(name_of(triple.path))}: base {base}, remote {remote}, row {row}"


def _move(move: Move, private: frozenset[str]) -> Iterator[str]:
    name = _value(name_of(move.path))
    yield from (f"- {name}: {_masked(move.path, member(one), private)}" for one in move.removed)
    yield from (f"+ {name}: {_masked(move.path, member(one), private)}" for one in move.appended)
    if not (move.appended or move.removed):
        before, after = apart(move.before, move.after, VALUE_CHARS_MAX)
        yield f"~ {name}: {_masked(move.path, before, private)} -> {_masked(move.path, after, private)}"


def _masked(path: str, value: Any, private: frozenset[str]) -> str:
    return shortened(masked(path, value, private), VALUE_CHARS_MAX)


def _value(value: Any) -> str:
    return shortened(plain(value), VALUE_CHARS_MAX)


def _sentence(text: str) -> str:
    return shortened(text, SENTENCE_CHARS_MAX)
