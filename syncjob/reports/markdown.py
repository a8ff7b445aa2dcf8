"""A report goes in, Markdown comes out, for a pull request or a build's summary: what counts first, then some rows.

A comment of GitHub takes 65,536 characters: at `CHARS_MAX` rows are left out, and their number is said. Values stand
in code spans, where nothing is markup, a mention or a link; private ones are masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from syncjob.model import UNKNOWN, Outcome, Report, Settled
from syncjob.reports.gist import First, Gist, called, grouped, rows
from syncjob.reports.values import (
    MASK,
    THREE_VALUES,
    apart,
    for_good,
    masked,
    member,
    moved,
    moves,
    name_of,
    outcomes,
    requests,
    shortened,
)

CHARS_MAX = 60_000
FOOT_CHARS, TAIL_CHARS = 500, 120  # kept back, so that the end is honest within the bound too
VALUE_CHARS_MAX = 120
SENTENCE_CHARS_MAX = 400
PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>#+!|~&@-])")
TICKS = re.compile("`+")
MARKS = {"calm": "⚪", "good": "🟢", "attention": "🟡", "stopped": "🔴"}


def render(report: Report) -> Iterator[str]:
    """Give the report in chunks."""
    gist = Gist.of(report)
    head = "".join(_head(report, gist))
    yield head
    sections = list(_sections(report, gist))
    room = CHARS_MAX - len(head) - FOOT_CHARS - TAIL_CHARS * len(sections)
    for title, lines, count in sections:
        begun = f"\n### {title}\n\n"
        if room < len(begun):
            break
        yield begun
        room -= len(begun)
        shown = 0
        for line in lines:
            if room < len(line):
                break
            yield line
            room -= len(line)
            shown += 1
        if shown < count:
            yield f"\n… and {grouped(count - shown)} more; the report as page, workbook or CSV has them\n"
    yield f"\n{_foot(report)}\n"


def _head(report: Report, gist: Gist) -> Iterator[str]:
    upshot = gist.upshot
    job, run = report.run.get("job"), report.run.get("id")
    named = f" of job {code(str(job))}" if job else ""
    yield f"## {MARKS[upshot.level]} {report.kind.capitalize()}{named}: {text(upshot.headline)}\n\n"
    yield "".join(f"- {text(one)}\n" for one in upshot.also)
    counts = outcomes(report)
    yield f"\n| {' | '.join((*counts, 'rows'))} |\n|{'---:|' * (len(counts) + 1)}\n"
    yield f"| {' | '.join(grouped(count) for count in (*counts.values(), sum(counts.values())))} |\n"
    if run:
        yield f"\n{report.kind} {code(str(run))}\n"
    for note in report.run.get("notes", ()):
        yield f"\n> {text(shortened(str(note), SENTENCE_CHARS_MAX))}\n"
    if report.verdicts:
        yield "\n### Guards\n\n"
        for one in report.verdicts:
            words = "holds" if one.holds else "**refuses the run**"
            yield f"- {code(one.guard)} {words}: {text(shortened(one.message, SENTENCE_CHARS_MAX))}\n"


def _sections(report: Report, gist: Gist) -> Iterator[tuple[str, Iterator[str], int]]:
    private = report.private
    for title, some in (
        ("For good: cannot be taken back", gist.for_good),
        ("Held by a guard, until a person lets them go", gist.held),
        ("Conflicts: a person must decide", gist.conflicted),
    ):
        if some.count:
            yield f"{title} ({grouped(some.count)})", _lines(some, private), some.count
    for cause, some in sorted(gist.waiting.items()):
        yield (
            f"{cause.outcome.capitalize()}: {text(cause.meaning)} ({grouped(some.count)})",
            _lines(some, private),
            some.count,
        )
    for outcome, title in ((Outcome.PLANNED, "To be sent"), (Outcome.APPLIED, "Sent and verified")):
        if count := report.totals.get(outcome, 0):
            some_rows = (row for row in report.told() if row.outcome is outcome)
            yield f"{title} ({grouped(count)})", (_line(row, private) for row in some_rows), count


def _lines(first: First, private: frozenset[str]) -> Iterator[str]:
    return (_line(row, private) for row in first.rows)


def _line(row: Settled, private: frozenset[str]) -> str:
    name = called(row)
    named = f" {code(shortened(name, VALUE_CHARS_MAX))}" if name else ""
    parts = [f"- {code(row.key or '-')}{named} {text(shortened(str(row.place), VALUE_CHARS_MAX))}"]
    if said := for_good(row):
        parts.append(f"**{said}**")
    if row.reason and row.outcome is not Outcome.APPLIED:
        parts.append(text(shortened(row.reason, SENTENCE_CHARS_MAX)))
    lines = [" · ".join(parts), *_changes(row, private)]
    return "\n".join(lines) + "\n"


def _changes(row: Settled, private: frozenset[str]) -> Iterator[str]:
    def value(path: str, one: object) -> str:
        return code(shortened(masked(path, one, private), VALUE_CHARS_MAX))

    if row.outcome in THREE_VALUES:
        for one in moved(row.triples):
            base = "unknown" if one.base is UNKNOWN else value(one.path, one.base)
            three = f"agreed {base}, Partner Center {value(one.path, one.observed)}, row {value(one.path, one.desired)}"
            yield f"  - {text(name_of(one.path))}: {three}"
    for move in moves(row):
        name = text(name_of(move.path))
        yield from (f"  - {name}: takes away {value(move.path, member(one))}" for one in move.removed)
        yield from (f"  - {name}: adds {value(move.path, member(one))}" for one in move.appended)
        if not (move.appended or move.removed):
            before, after = apart(move.before, move.after, VALUE_CHARS_MAX)
            yield f"  - {name}: {value(move.path, before)} → {value(move.path, after)}"


def _foot(report: Report) -> str:
    sent = ", ".join(f"{grouped(count)} {method}" for method, count in requests(report).items())
    masking = f"Private values are masked as {MASK}." if report.private else "**Private values are shown.**"
    counts = outcomes(report)
    return f"{rows(sum(counts.values()))}; requests: {sent}. {masking}"


def text(words: str) -> str:
    """Give words that mean nothing to Markdown."""
    return PUNCTUATION.sub(r"\\\1", words)


def code(value: str) -> str:
    """Give a value as a code span, however many backticks it holds; in a table a bar would end its cell."""
    longest = max(map(len, TICKS.findall(value)), default=0)
    fence = "`" * (longest + 1)
    padded = f" {value} " if value.startswith("`") or value.endswith("`") else value
    return f"{fence}{padded}{fence}"
