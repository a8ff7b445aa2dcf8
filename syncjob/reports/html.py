"""A report goes in, one page comes out: a single file that opens offline, asks for nothing and can be mailed.

What everybody must see stands in the page as text, above the table, and needs no script. The rows are data that a
script of the page draws, as many as fit the window, so that 50,000 open at once; what is drawn is always text, never
markup. The page forbids itself every request and every script but its own (Content-Security-Policy, by hashes).

Private values are masked unless the report says otherwise (`private` empty), and the page says which it is. It stays
below 25 MB: where a report is larger the later rows lose their details, then their values, and the page says so.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from syncjob.model import NEEDS_PERSON, UNKNOWN, Cause, Outcome, Report, Settled, Triple, dumps
from syncjob.reports import charts
from syncjob.reports.gist import CURRENCIES_MAX, MONTHS_MAX, First, Gist, called, grouped, rows
from syncjob.reports.values import (
    ACCEPTS,
    CLOSES,
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
    visible,
)

VALUE_CHARS_MAX = 20_000
LINE_CHARS_MAX = 300
DETAILS_BYTES_MAX = 17_000_000
VALUES_BYTES_MAX = 21_000_000
SAID_MAX = 20_000  # sentences that are kept once for all rows that say them
WITHOUT_REASON = (Outcome.APPLIED,)  # how its answer was confirmed
KINDS = {"plan": "Plan", "run": "Run", "rehearsal": "Rehearsal"}
FOR_GOOD = {"": 0, CLOSES: 1, ACCEPTS: 2}


def render(report: Report) -> Iterator[str]:
    """Give the page in chunks."""
    gist, data = Gist.of(report), _Rows(report)
    template, style, script = _parts()
    counts = {name: count for name, count in outcomes(report).items() if count}
    yield from template.generate(
        job=shortened(str(report.run.get("job") or ""), LINE_CHARS_MAX),
        kind=KINDS.get(report.kind, report.kind),
        upshot=gist.upshot,
        moment=str(report.run.get("began_at") or report.run.get("made_at") or ""),
        run=shortened(str(report.run.get("id") or ""), LINE_CHARS_MAX) if report.kind == "run" else "",
        facts=list(_facts(report)),
        notes=[shortened(str(note), LINE_CHARS_MAX) for note in report.run.get("notes", ())],
        counts=counts,
        needs=[str(one) for one in NEEDS_PERSON],
        bar=charts.bar(counts),
        patterns=charts.patterns(),
        swatch=charts.swatch,
        drawings=list(_drawings(gist)),
        undrawn=max(0, len(gist.values) - CURRENCIES_MAX),
        grouped=grouped,
        guards=[(one.guard, one.holds, shortened(one.message, LINE_CHARS_MAX * 2)) for one in report.verdicts],
        for_good=_Section(gist.for_good, report.private),
        held=_Section(gist.held, report.private),
        conflicted=_Section(gist.conflicted, report.private),
        waiting=[(cause, _Section(some, report.private)) for cause, some in sorted(gist.waiting.items())],
        masked=bool(report.private),
        mask=MASK,
        rows_in_words=rows,
        data=data,
        words=lambda: _embedded(data.words()),
        cut=lambda: data.cut,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


class _Rows:
    """The rows as data, a line each: short lists, in which a sentence that many rows say is a number."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._said: dict[str, int] = {}
        self._causes = {cause: n for n, cause in enumerate(Cause)}
        self._bytes = 0
        self.cut = ""

    def __iter__(self) -> Iterator[str]:
        separator = "\n"
        for row in self._report.rows():
            line = _embedded(self._row(row))
            self._bytes += len(line.encode(errors="backslashreplace"))
            yield separator + line
            separator = ",\n"

    def words(self) -> dict[str, Any]:
        """Give what the numbers in the rows mean."""
        return {
            "said": list(self._said),
            "causes": [[str(one), str(one.outcome), one.meaning] for one in self._causes],
            "order": [str(one) for one in sorted(Outcome, key=lambda one: one is Outcome.UNCHANGED)],
            "forGood": ["", CLOSES, ACCEPTS],
        }

    def _row(self, row: Settled) -> list[Any]:
        private = self._report.private
        whole, valued = self._bytes < DETAILS_BYTES_MAX, self._bytes < VALUES_BYTES_MAX
        if not valued:
            self.cut = "values"
        elif not whole and row.operations:
            self.cut = "details"
        reason = "" if row.outcome in WITHOUT_REASON else row.reason
        known: list[Any] = [
            row.n,
            shortened(str(row.place), LINE_CHARS_MAX),
            shortened(row.key or "", LINE_CHARS_MAX),
            shortened(row.id or "", LINE_CHARS_MAX),
            self._causes[row.cause],
            self._say(reason),
            FOR_GOOD[for_good(row)],
            list(_changes(row, private)) if valued else [],
            [self._say(one) for one in row.warnings] if valued else [],
            shortened(called(row), LINE_CHARS_MAX) if valued else "",
        ]
        if whole and (row.operations or row.attempts or row.request_ids):
            known.append(
                [visible(row.etag or ""), row.attempts, [*map(visible, row.request_ids)], _patch(row, private)]
            )
        return known

    def _say(self, text: str) -> int | str:
        shown = shortened(text, VALUE_CHARS_MAX)
        if shown not in self._said and len(self._said) >= SAID_MAX:
            return shown
        return self._said.setdefault(shown, len(self._said))


def _changes(row: Settled, private: frozenset[str]) -> Iterator[list[str]]:
    """Give what happens to a row's fields, for the table: `?` three values, `+` and `-` members, `~` a new value."""
    zones = {one.path: one.zone for one in row.triples if one.zone}
    if row.outcome in THREE_VALUES:
        for one in moved(row.triples):
            yield ["?", name_of(one.path), *_three(one, private), one.zone or ""]
    for move in moves(row):
        name = name_of(move.path)
        yield from (["-", name, _shown(move.path, member(one), private)] for one in move.removed)
        yield from (["+", name, _shown(move.path, member(one), private)] for one in move.appended)
        if not (move.appended or move.removed):
            zone = [zones[move.path]] if move.path in zones else []
            yield ["~", name, _shown(move.path, move.before, private), _shown(move.path, move.after, private), *zone]


def _three(one: Triple, private: frozenset[str]) -> tuple[str, str, str]:
    base = "unknown" if one.base is UNKNOWN else _shown(one.path, one.base, private)
    return base, _shown(one.path, one.observed, private), _shown(one.path, one.desired, private)


def _patch(row: Settled, private: frozenset[str]) -> list[list[str]]:
    return [[one.op, visible(one.path), _shown(one.path, one.value, private)] for one in row.operations]


def _shown(path: str, value: Any, private: frozenset[str]) -> str:
    return shortened(masked(path, value, private), VALUE_CHARS_MAX)


class _Section:
    """A few rows that stand in the page as text; a reason that was given above is not given again."""

    def __init__(self, first: First, private: frozenset[str]) -> None:
        self.count, self.more = first.count, first.more
        self.rows = [_line(row, private) for row in first.rows]
        said = ""
        for row in self.rows:
            row["reason"], said = ("" if row["reason"] == said else row["reason"]), row["reason"] or said


def _line(row: Settled, private: frozenset[str]) -> dict[str, Any]:
    changes = [words for move in moves(row) for words in _short(move, private)]
    zones = {one.path: one.zone or "" for one in row.triples}
    three = [(name_of(one.path), zones[one.path], *map(_cut, _three(one, private))) for one in moved(row.triples)]
    return {
        "place": shortened(str(row.place), LINE_CHARS_MAX),
        "key": shortened(row.key or "-", LINE_CHARS_MAX),
        "called": shortened(called(row), LINE_CHARS_MAX),
        "outcome": str(row.outcome),
        "reason": shortened(row.reason, LINE_CHARS_MAX * 2),
        "for_good": for_good(row),
        "changes": [(*words, zones.get(path, "")) for path, *words in changes],
        "three": three if row.outcome in THREE_VALUES else [],
    }


def _short(move: Move, private: frozenset[str]) -> Iterator[tuple[str, str, str, str]]:
    path, name = move.path, name_of(move.path)
    if move.appended or move.removed:
        yield from ((path, f"- {name}", "", _cut(_shown(path, member(one), private))) for one in move.removed)
        yield from ((path, f"+ {name}", "", _cut(_shown(path, member(one), private))) for one in move.appended)
        return
    before, after = apart(move.before, move.after, LINE_CHARS_MAX)
    yield path, name, _cut(_shown(path, before, private)), _cut(_shown(path, after, private))


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARS_MAX else f"{text[: LINE_CHARS_MAX - 1]}…"


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    run = report.run
    named = {
        "job": "job",
        "remote": "remote",
        "tenant": "tenant",
        "source": "input",
        "id": "id",
        "made_at": "made",
        "began_at": "began",
        "ended_at": "ended",
        "exit_code": "exit code",
    }
    for name, words in named.items():
        if run.get(name) not in (None, ""):
            yield words, shortened(plain(run[name]), LINE_CHARS_MAX)
    counted = ", ".join(f"{grouped(count)} {shortened(method, 20)}" for method, count in requests(report).items())
    yield "requests", counted


def _drawings(gist: Gist) -> Iterator[Markup]:
    for currency, _ in gist.moving.most_common(CURRENCIES_MAX):
        name = shortened(currency, 30)
        yield charts.of_values(name, gist.values[currency])
        if currency in gist.months:
            yield charts.of_months(name, gist.months[currency], MONTHS_MAX)


def _embedded(value: Any) -> str:
    """Give JSON that may stand in a page: nothing in it ends a script or begins a comment."""
    return dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _parts() -> tuple[Any, str, str]:
    """Give the page's template, its style and its script."""
    from jinja2 import Environment, StrictUndefined

    folder = files("syncjob.reports") / "page"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return template, style, script
