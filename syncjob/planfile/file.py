"""The plan file: JSON Lines, 0600; a header, a line a row, a footer that seals all before it with a digest.

    {"syncjob": "plan", "version": 2, "id": …, "job", "remote", "tenant", "config", "input", "columns", "made_at"}
    {"n": 1, "source", "line", "key", "id", "etag", "outcome", "cause", "reason", "fields", "operations", …}
    {"totals": {cause: n}, "guards": […], "requests": {…}, "digest": "sha256:…"}

What is shown is what is sent: nothing but this file stands between deciding and doing. A file that was altered,
cut or written by another version is refused before the first PATCH.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import asdict, replace

from syncjob.errors import PlanRefused, StorageRefused
from syncjob.model import CAUSES, Cause, Settled, Verdict, coded
from syncjob.model.change import FIRST, IDLE
from syncjob.planfile.line import Line, Still
from syncjob.whole import written

VERSION = 2
CLOCKS_APART = timedelta(minutes=5)
MAGIC = '{"syncjob":"plan"'
BUFFER_BYTES = 1 << 18
LINES_PER_WRITE = 100
SEAL = ',"digest":"sha256:'


class Header(Struct, frozen=True):
    """What a plan is pinned to; `config` and `digest` are digests of what decided, times are ISO 8601 in UTC.

    `moves` says what sending it makes known for later runs: `bases`, since the rows are the configuration's own input;
    `sent`, what is sent of them alone; `answers` of a person alone; or `nothing`. `observed_at` is when the remote was
    read, `undoes` the run that it takes back. `written_at` is when the input was written, '' where nobody knows.
    """

    id: str
    job: str
    remote: str
    tenant: str | None
    config: str
    source: str
    digest: str
    columns: tuple[str, ...]
    made_at: str
    observed_at: str = ""
    moves: str = "nothing"
    undoes: str = ""
    written_at: str = ""


class Footer(Struct, frozen=True):
    """What a plan adds up to."""

    totals: Mapping[Cause, int]
    verdicts: tuple[Verdict, ...]
    requests: Mapping[str, int]
    notes: tuple[str, ...] = ()


def write(path: Path, header: Header, lines: Iterable[Line], footer: Callable[[], Footer]) -> None:
    """Write a plan, whole or not at all: 0600, synced, renamed into place.

    `footer` is asked once all lines have gone by: they are counted on their way.
    """

    def fill(file: BinaryIO) -> None:
        seal = hashlib.sha256()
        left = _lines(header, lines)
        while block := b"".join(islice(left, LINES_PER_WRITE)):
            file.write(block)
            seal.update(block)
        foot = _footer(footer())
        seal.update(foot)
        file.write(_sealed(foot, seal.hexdigest()))

    try:
        written(path, fill)
    except OSError as error:
        raise StorageRefused(f"plan {path}: cannot be written: {error.strerror or error}") from error


def is_plan(path: Path) -> bool:
    """Tell whether a file begins as a plan does; a file that cannot be read is none."""
    try:
        if not path.is_file():  # a pipe would be waited for, and what it said would be gone
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC.encode()
    except OSError:
        return False


class PlanFile:
    """A plan that was read to its end and found whole; `rows` starts a fresh pass at each call.

    What somebody else might replace while a person still thinks is copied first: what was verified and shown is
    what is sent.
    """

    def __init__(self, path: Path, *, into: Path | None = None) -> None:
        """Verify the whole file, or its copy in a folder of the run's own; PlanRefused says what is wrong with it."""
        self.fresh = False  # made by the very act that sends it
        self.copy: Path | None = None  # of the input, while it still lies there
        self._shown = path
        self._path = path if into is None else _copied(path, into)
        self._turn: Callable[[Settled], Settled] = _as_it_is
        self.header, self.footer = _verified(self._path, path)

    def narrowed(self, turn: Callable[[Settled], Settled]) -> PlanFile:
        """Give the same plan with fewer rows to send: `turn` is handed every row, and may only hold one back."""
        narrower = copy(self)
        narrower._turn = turn  # noqa: SLF001  # the copy is ours
        totals = Counter(line.cause for line in narrower.lines())
        narrower.footer = replace(self.footer, totals=totals, verdicts=())
        return narrower

    def rows(self) -> Iterator[Settled]:
        """Give the rows in input order."""
        return (line.settled() for line in self.lines())

    def loud(self) -> Iterator[Settled]:
        """Give the rows of which there is anything to tell."""
        return (line.settled() for line in self.lines() if not line.is_quiet)

    def lines(self) -> Iterator[Line]:
        """Give the rows in input order as they are written, for those who need but a few of them whole."""
        for text in self._texts():
            line = Line.read(text)
            yield line if self._turn is _as_it_is else Line.of(self._turn(line.settled()))

    def stills(self) -> Iterator[tuple[bytes, Still | Line]]:
        """Give the rows in input order as they are written, each with no more than must be read of it."""
        if self._turn is not _as_it_is:
            yield from ((line.text, Still.read(line.text) or line) for line in self.lines())
            return
        yield from ((text, Still.read(text) or Line.read(text)) for text in self._texts())

    def having(self, cause: Cause) -> Iterator[Settled]:
        """Give the rows that have this cause in input order; the others are hardly looked at."""
        words = f'"cause":"{cause}"'.encode()
        if self._turn is not _as_it_is:
            yield from (line.settled() for line in self.lines() if line.cause is cause)
            return
        for text in self._texts():
            if (
                not (cause is Cause.TO_SEND and text.endswith(IDLE))
                and words in text
                and (line := Line.read(text)).cause is cause
            ):
                yield line.settled()

    def _texts(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=BUFFER_BYTES) as file:
            next(file)
            for text in file:
                if not text.startswith(FIRST):
                    return
                yield text[:-1]

    def check(
        self, *, job: str, remote: str, tenant: str | None, config: str, now: datetime, age_max: timedelta
    ) -> None:
        """Hold the plan against the job that would send it; PlanRefused names all that differs."""
        head = self.header
        problems = [
            f"plan {self._shown}: made for {what} {theirs!r}, this is {ours!r}; plan again"
            for what, theirs, ours in (
                ("job", head.job, job),
                ("remote", head.remote, remote),
                ("tenant", head.tenant, tenant),
            )
            if theirs != ours
        ]
        if head.config != config:
            problems.append(f"plan {self._shown}: the configuration that decided it has changed since; plan again")
        age = now - datetime.fromisoformat(head.made_at)
        if age < -CLOCKS_APART:
            problems.append(f"plan {self._shown}: was made {_hours(-age)} from now; is a clock wrong? Plan again")
        if age > age_max:
            problems.append(
                f"plan {self._shown}: made {_hours(age)} ago, plan.age_max is {_hours(age_max)}; plan again"
            )
        if problems:
            raise PlanRefused(*problems)


def _as_it_is(settled: Settled) -> Settled:
    return settled


def _copied(path: Path, into: Path) -> Path:
    try:
        return written(into / "given.plan", lambda copy: _pour(path, copy))
    except OSError as error:
        raise PlanRefused(f"plan {path}: cannot be read: {error.strerror or error}") from error


def _pour(path: Path, copy: BinaryIO) -> None:
    with path.open("rb") as file:
        shutil.copyfileobj(file, copy)


def _lines(header: Header, lines: Iterable[Line]) -> Iterator[bytes]:
    yield coded({"syncjob": "plan", "version": VERSION} | asdict(header)) + b"\n"
    for line in lines:
        yield line.text + b"\n"


def _footer(footer: Footer) -> bytes:
    """Give the footer up to its seal, which covers this too."""
    value = {
        "totals": {str(cause): count for cause, count in footer.totals.items()},
        "guards": footer.verdicts,
        "requests": dict(footer.requests),
        "notes": list(footer.notes),
    }
    return coded(value).removesuffix(b"}")


def _sealed(foot: bytes, seal: str) -> bytes:
    return foot + f'{SEAL}{seal}"}}\n'.encode()


def _verified(path: Path, shown: Path) -> tuple[Header, Footer]:
    seal, first, last = hashlib.sha256(), b"", b""
    try:
        with path.open("rb", buffering=BUFFER_BYTES) as file:
            for line in file:
                first = first or line
                seal.update(last)
                last = line
            unsealed = last.rpartition(SEAL.encode())[0]
            seal.update(unsealed)
    except OSError as error:
        raise PlanRefused(f"plan {shown}: cannot be read: {error.strerror or error}") from error
    try:
        head, foot = json.loads(first), json.loads(last)
        if head["version"] != VERSION:
            raise PlanRefused(f"plan {shown}: of version {head['version']}, this syncjob knows {VERSION}; plan again")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PlanRefused(f"plan {shown}: is cut off or no plan at all; plan again") from error
    if last != _sealed(unsealed, seal.hexdigest()):
        raise PlanRefused(f"plan {shown}: was altered after it was made; plan again, never edit a plan")
    del head["syncjob"], head["version"]
    header = Header(**head | {"columns": tuple(head["columns"])})
    verdicts = tuple(Verdict(**one) for one in foot["guards"])
    totals = {CAUSES[word]: count for word, count in foot["totals"].items()}
    return header, Footer(totals, verdicts, foot["requests"], tuple(foot["notes"]))


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.3g} h"
