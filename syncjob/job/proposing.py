"""A file goes in; out come its first rows as they will be read later, and what it takes to read them so.

Opened first as the configuration's defaults would; only what the reader then refuses, for want of an encoding, a
delimiter or a sheet, is tried by its own hint. A proposal is checked by doing with it what a job does.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from syncjob import config, sources
from syncjob.config import presets
from syncjob.core import feeds, mapping, naming
from syncjob.errors import BrokenAssumption, InputRefused, UsageRefused
from syncjob.model import Desired, Settled, SourceRow
from syncjob.model.own import is_own
from syncjob.model.proposal import Finding, Part, Question, Sample, Stated
from syncjob.settings import Limits, Rows, Settings
from syncjob.sources.package import Package
from syncjob.sources.workbook import workbook_of

ROWS_MAX = 2_000
DELIMITERS = {",": ",", ";": ";", "\t": "tab"}
ENCODING_HINT = re.compile(r"set rows\.encoding: ([\w-]+)")

Look = Callable[[Stated], Sample | Question]
"""Gives the first rows, or the question without whose answer nothing can be read."""


@contextmanager
def looking(file: Path) -> Iterator[Look]:
    """Copy the file, and give what looks at it: the same bytes, however often a person is asked in between."""
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        limits = Limits()
        snapshot = sources.snapshot(
            file, into=Path(folder), rows=Rows(), input_mb_max=limits.input_mb_max, sleep=time.sleep
        )
        yield lambda stated: _sample(snapshot, stated)


def preset_settings() -> dict[str, Settings]:
    """Give what each preset alone stands for: its match, its fields, its defaults."""
    found: dict[str, Settings] = {}
    for name in presets.NAMES:
        settings = _loaded(f"job: preset\nremote: {{url: 'http://localhost'}}\npreset: {name}\n")
        if settings.match is not None:
            found[name] = settings
    return found


def checked(text: str) -> feeds.Feeds:
    """Load a proposed configuration and compile it; that it fails is a mistake of ours."""
    try:
        return feeds.compiled(_loaded(text))
    except UsageRefused as refused:
        raise BrokenAssumption(
            "the proposed configuration does not load, which is an error in syncjob itself", *refused.problems
        ) from None


def parsed(compiled: feeds.Feeds, sample: Sample) -> list[Desired | Settled]:
    """Read every row of the sample as a job would."""
    return [mapping.map_row(compiled, row) for row in sample.rows]


def _loaded(text: str) -> Settings:
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        path = Path(folder) / "syncjob.yaml"
        path.write_text(text, encoding="utf-8")
        return config.load(path)


def _sample(snapshot: sources.Snapshot, stated: Stated) -> Sample | Question:
    """Read the first rows; InputRefused when the file cannot be read, or holds none."""
    if snapshot.format == "xlsx" and Part.SHEET not in stated and len(names := _visible_sheets(snapshot)) > 1:
        words = f"{snapshot.source} has {len(names)} sheets; which holds the rows?"
        return Question(Part.SHEET, words, names[0], names, needed=True)
    reading: dict[str, Finding] = {}
    asked: list[Question] = []
    rows = Rows(sheet=stated.get(Part.SHEET) or None)
    if rows.sheet:
        reading["sheet"] = Finding(rows.sheet, "stated")
    try:
        columns, found = _read(snapshot, rows)
    except InputRefused as refused:
        rows = _otherwise(snapshot, rows, str(refused), reading, asked)
        columns, found = _read(snapshot, rows)
    told = [row for row in found if row.fault or any(cell.strip() for cell in row.columns.values())]
    whole = len(found) <= ROWS_MAX
    told = told[:ROWS_MAX]
    if not any(not row.fault for row in told):
        raise InputRefused(
            f"{snapshot.source}: no row could be read; init looks at rows: export some, or mend the file"
        )
    return Sample(snapshot.source, columns, tuple(told), whole, reading, tuple(asked))


def _read(snapshot: sources.Snapshot, rows: Rows) -> tuple[tuple[str, ...], list[SourceRow]]:
    table = sources.read(snapshot, rows=rows, known=())
    found = list(islice(table, ROWS_MAX + 1))
    return table.columns, found


def _visible_sheets(snapshot: sources.Snapshot) -> tuple[str, ...]:
    sheets = workbook_of(Package(snapshot.path, snapshot.source), snapshot.source).sheets
    return tuple(sheet.name for sheet in sheets if sheet.visible and not is_own(sheet.name))


def _otherwise(
    snapshot: sources.Snapshot, rows: Rows, said: str, reading: dict[str, Finding], asked: list[Question]
) -> Rows:
    """Find what must be stated to read the file; InputRefused with the reader's own words where that is not known."""
    if (hint := ENCODING_HINT.search(said)) and rows.encoding == "auto":
        encoding = hint[1]
        why = f"not UTF-8, and it decodes as {encoding} to its end; check the letters beyond a to z in the rows shown"
        reading["encoding"] = Finding(encoding, why)
        asked.append(Question(Part.ENCODING, f"{snapshot.source} is {why}. Read it so?", encoding, (encoding,)))
        rows = rows.model_copy(update={"encoding": encoding})
        try:
            _read(snapshot, rows)
        except InputRefused as refused:
            return _otherwise(snapshot, rows, str(refused), reading, asked)
        return rows
    if snapshot.format == "csv" and "rows.delimiter" in said:
        delimiter = _delimiter(snapshot, rows)
        if delimiter is not None:
            reading["delimiter"] = delimiter
            return rows.model_copy(update={"delimiter": delimiter.value})
    raise InputRefused(said)


def _delimiter(snapshot: sources.Snapshot, rows: Rows) -> Finding | None:
    """Find the delimiter under which most columns are known by name, of those under which the most lines are whole."""
    judged: dict[str, tuple[float, int]] = {}
    for written in DELIMITERS.values():
        try:
            columns, found = _read(snapshot, rows.model_copy(update={"delimiter": written}))
        except InputRefused:
            continue
        whole = sum(not row.fault for row in found) / (len(found) or 1)
        judged[written] = (whole, sum(_known(column) for column in columns))
    best = max(judged.values(), default=None)
    winners = [written for written, score in judged.items() if score == best]
    if len(winners) != 1 or best is None or not best[1]:
        return None
    whole, known = best
    return Finding(winners[0], f"the header could be parted in several ways; so {known} columns are known by name")


def _known(column: str) -> bool:
    return naming.names_key(column) is not None or any(
        naming.names_field(column, name) is not None for name in naming.FIELDS
    )
