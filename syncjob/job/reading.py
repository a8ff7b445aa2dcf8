"""From a file to rows that wait: snapshot, read, map, part twins. No request is made here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from syncjob import sources
from syncjob.core import feeds, mapping, pulled
from syncjob.core.matching import part_twins
from syncjob.core.narrowing import narrowed
from syncjob.core.plain import Plain
from syncjob.core.selecting import Unmet
from syncjob.core.shuffling import Shuffling
from syncjob.errors import InputRefused, UsageRefused
from syncjob.job.context import Job
from syncjob.job.links import linked
from syncjob.model import Brief, Cause, Desired, Settled, SourceRow
from syncjob.planfile import Draft
from syncjob.settings import Rows

STDIN = Path("-")
EMPTY_FROM_ROWS = 50
ROWS_A_SIGN = 100  # of life
BASES, ANSWERS, NOTHING = "bases", "answers", "nothing"  # what a run over some rows may remember of them
SENT = "sent"  # what it has sent alone: rows of the job's own input, though not all of them


class Input(Struct, frozen=True):
    """What was read: its name as places show it, its digest, its columns in order, and what is odd about it.

    `moves` says what may be remembered of its rows (see `planfile.Header`), `written` when the file was (since 1970).
    """

    source: str
    digest: str
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    moves: str = NOTHING
    written: float | None = None


class Given(Struct, frozen=True):
    """Rows as they are handed in: what they are called, their digest, their table, and how few would be too few.

    `moves` says what may be remembered of them, `copy` is where the copy of their file lies, `written` when it was.
    """

    source: str
    digest: str
    table: sources.Table
    rows_min: int
    moves: str = NOTHING
    copy: Path | None = None
    written: float | None = None


def input_of(job: Job, given: Path | None) -> Path:
    """Give the file to read: the one named, else the configuration's; InputRefused when there is neither."""
    file = given or job.settings.rows.file
    if file is None:
        raise InputRefused("no input: name a file, or set rows.file in the configuration")
    return file


def from_file(job: Job, file: Path, folder: Path) -> Given:
    """Take a private copy of a file into the folder and open it; InputRefused when it cannot be read."""
    limits, rows = job.settings.limits, _rows(job, file)
    snapshot = sources.snapshot(
        None if file == STDIN else file,
        into=folder,
        rows=rows,
        input_mb_max=limits.input_mb_max,
        sleep=time.sleep,
        stdin=job.stdin,
    )
    table = sources.read(snapshot, rows=rows, known=job.feeds.columns)
    moves = BASES if _own(job, file) else NOTHING
    return Given(snapshot.source, snapshot.digest, table, max(1, rows.rows_min), moves, snapshot.path, snapshot.written)


def _own(job: Job, file: Path) -> bool:
    """Tell whether a file is the configuration's own input: what was agreed on is remembered of that alone."""
    own = job.settings.rows.file
    return own is not None and file.resolve() == own.resolve()


def _rows(job: Job, file: Path) -> Rows:
    """Give how a file is read: `rows` is said of the export; a report or a pulled file is read as we write them."""
    rows = job.settings.rows
    if file in (STDIN, rows.file) or not sources.is_ours(file):
        return rows
    return Rows(workbook_s=rows.workbook_s, strict_columns=rows.strict_columns)


def read(job: Job, given: Given, draft: Draft) -> Input:
    """Read and map every row into the draft; InputRefused when the rows as a whole cannot be trusted."""
    described = pulled.is_pulled(given.table.columns)
    shuffling, unmet = Shuffling(job.feeds), Unmet(*((job.scope.select, job.scope.exclude) if job.scope else ()))
    rows, blank, empty = _fill(job, given, draft, unmet, shuffling if described else None)
    _check_count(job, rows, given)
    if problems := shuffling.problems():
        raise InputRefused(*problems)
    if unmet.words:
        raise UsageRefused(f"--select, --exclude: {given.source} has no row {', '.join(unmet.words)}; nothing was sent")
    strict = job.strict or job.settings.rows.strict_columns
    notes = _columns(job, given.table.columns, strict=strict) if rows else ()
    notes = (*notes, *given.table.notes)
    if empty and rows >= EMPTY_FROM_ROWS:
        named = ", ".join(map(repr, sorted(empty)))
        notes = (*notes, f"blank in each of the {rows} rows: {named}; is the export whole?")
    if blank:
        notes = (*notes, f"{blank} blank rows were passed over")
    _part(job, draft)
    job.log.info("input.read", source=given.source, digest=given.digest, rows=rows)
    moves = given.moves
    if moves == BASES and described:
        moves = NOTHING  # such rows bring their own bases, of the day on which they were pulled
    return Input(given.source, given.digest, given.table.columns, notes, moves, given.written)


def _fill(job: Job, given: Given, draft: Draft, unmet: Unmet, shuffling: Shuffling | None) -> tuple[int, int, set[str]]:
    """Put all rows into the draft; give how many there are, how many blank ones, and which mapped columns are empty."""
    links, plain = linked(job), Plain(job.feeds, given.table.columns)
    whole = bool(links or job.only or job.scope)
    empty = {feed.column for feed in job.feeds.feeds}.intersection(given.table.columns)
    rows = blank = 0
    for row in given.table:
        brief = plain.brief(row)
        if brief is None and not (row.fault or any(map(str.strip, (*row.columns.values(), *row.own.values())))):
            blank += 1  # the tail that Excel leaves below its last row
            continue
        if brief is not None and not whole:
            draft.add(brief)
        else:
            mapped = _mapped(job, brief, row, links)
            draft.add(mapped)
            unmet.see(mapped)
        if empty:
            empty = {column for column in empty if not row.columns.get(column, "").strip()}
        if shuffling is not None:
            shuffling.add(row)
        rows += 1
        if rows % ROWS_A_SIGN == 1:
            job.progress("reading", rows, 0)
    return rows, blank, empty


def _part(job: Job, draft: Draft) -> None:
    """Part twins, then those that the run is not about: a twin that disagrees counts, selected or not."""
    for twins in draft.twins():
        for parted in part_twins(twins):
            if isinstance(parted, Settled):
                draft.settle(parted)
    if job.scope is not None:
        for desired in draft.waiting():
            if not job.scope.takes(desired):
                draft.settle(Settled.of_desired(desired, Cause.NOT_SELECTED, ""))


def validate(job: Job, file: Path, folder: Path, bad_max: int) -> tuple[Input, list[Settled], Counter[Cause]]:
    """Read and map only: the first rows that cannot be sent, and how many of each kind; what is well is `to_send`."""
    bad: list[Settled] = []
    totals: Counter[Cause] = Counter()
    with Draft(folder) as draft:
        read_in = read(job, from_file(job, file, folder), draft)
        for desired in draft.waiting():
            totals[Cause.TO_SEND] += 1
            draft.settle(Settled.of_desired(desired, Cause.TO_SEND, ""))
        for line in draft.settled():
            if line.cause is not Cause.TO_SEND:
                totals[line.cause] += 1
                if len(bad) < bad_max:
                    bad.append(line.settled())
    return read_in, bad, totals


def _mapped(job: Job, brief: Brief | None, row: SourceRow, links: Mapping[str, str]) -> Desired | Settled:
    mapped = brief.desired() if brief is not None else mapping.map_row(job.feeds, row)
    if links or job.only:
        mapped = narrowed(_linked(mapped, links), job.only)
    if isinstance(mapped, Settled) and job.scope is not None and not job.scope.takes(mapped):
        return replace(mapped, cause=Cause.NOT_SELECTED, reason="")
    return mapped


def _linked(row: Desired | Settled, links: Mapping[str, str]) -> Desired | Settled:
    """Give the row the referral that a person has linked to its key, unless it names one itself."""
    known = links.get(row.key) if isinstance(row, Desired) and not row.id else None
    return replace(row, id=known) if known and isinstance(row, Desired) else row


def _columns(job: Job, columns: tuple[str, ...], *, strict: bool) -> tuple[str, ...]:
    """Hold the file's columns against the configuration, unless the file describes itself."""
    if pulled.is_pulled(columns):
        return pulled.check_columns(columns)
    if not job.feeds.feeds:
        raise UsageRefused(
            "the configuration maps no columns: set match and fields (`syncjob init --from FILE` proposes them), "
            "or hand in a file of `syncjob pull`, which needs neither"
        )
    if job.only and not any(feed.field.path in job.only for feed in job.feeds.feeds):
        named = ", ".join(sorted(path.rpartition("/")[2] for path in job.only))
        raise UsageRefused(f"--only-fields, --select field=: no column feeds {named}; nothing would be looked at")
    return feeds.check_columns(job.feeds, columns, strict=strict)


def _check_count(job: Job, rows: int, given: Given) -> None:
    """A file without rows is a broken export until somebody says otherwise."""
    least = given.rows_min
    if "rows" in job.allowed:
        least = job.allowed["rows"] or 0
    if rows < least:
        wanted = f", rows.rows_min is {least}" if rows else ""
        raise InputRefused(
            f"{given.source}: {rows} data rows{wanted}: is last night's export broken? --allow rows takes it"
        )
