"""A report goes to stdout and to the files that were asked for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from syncjob.cli.terminal import Bar, emit, say
from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Report
from syncjob.reports import json, kept, text, write
from syncjob.reports.values import visible
from syncjob.settings.reports import Reports

COLOURS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("===", {"bold": True}),
    ("RUN ", {"bold": True}),
    ("    ~ ", {"fg": "yellow"}),
    ("    + ", {"fg": "green"}),
    ("    - ", {"fg": "red"}),
    ("    ! ", {"fg": "red", "bold": True}),
    ("    ? ", {"fg": "magenta"}),
    ("    warning: ", {"fg": "yellow"}),
    *((f"{outcome}, ", {"bold": True}) for outcome in text.GROUPS),
)


def show(job: Any, report: Report, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Print the report as text or JSON and write it to every file."""
    hush(job)
    for note in report.run.get("notes", ()):
        say(f"note: {visible(note)}")
    if _wanted("show_private"):
        report = replace(report, private=frozenset())
    try:
        emit(json.render(report) if as_json else shown(report))
    finally:
        for file in files:
            say(f"report written to {write(report, file)}")


def shown(report: Report) -> Iterator[str]:
    """Give the text as it fits where it goes: a screenful in colour for a person, plain lines for anything else."""
    here = sys.stdout
    if here is None or not here.isatty():
        yield from text.render(report, rows_max=None if _wanted("full") else text.ROWS_MAX)
        return
    screen = None if _wanted("full") else text.Screen(*shutil.get_terminal_size())
    plainly = "NO_COLOR" in os.environ
    for line in text.render(report, rows_max=None if screen is None else text.ROWS_MAX, screen=screen):
        yield line if plainly else coloured(line)


def coloured(line: str) -> str:
    """Give a line of the text report in colour; what a line is about is told by its words all the same."""
    for begins, look in COLOURS:
        if line.startswith(begins):
            return click.style(line.rstrip("\n"), **look) + "\n"
    return line


def _wanted(option: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(f"syncjob.{option}"))


class Shelf(Struct, frozen=True):
    """The folder of `reports.dir`, proven before anything is sent; nothing where none is configured."""

    where: Reports
    latest: bool

    @classmethod
    def of(cls, job: Any) -> Shelf:
        """Make the folder ready. What is about some rows alone is not the latest word on the job."""
        where = job.settings.reports
        if where.dir is not None:
            kept.ready(where.dir, job.settings.job, where.forms, where.mode)
        return cls(where, latest=job.scope is None and not job.approves)

    def keep(self, report: Report) -> None:
        """Keep a report there."""
        where = self.where
        if where.dir is not None:
            path = kept.keep(report, where.dir, where.forms, where.mode, where.keep, latest=self.latest)
            say(f"report kept as {path}")


def hush(job: Any) -> None:
    """Take the progress bar away before anything is printed."""
    bar = getattr(job.progress, "__self__", None)
    if isinstance(bar, Bar):
        bar.close()


def free(output: Path, taken: Sequence[Path]) -> Path:
    """Give the path of a plan back once its folder is known to be there and it replaces nothing of the run's own."""
    if not output.parent.is_dir():
        raise StorageRefused(f"plan {output}: the folder {output.parent} does not exist; make it first")
    if output.resolve() in {one.resolve() for one in taken}:
        raise UsageRefused(
            f"plan {output}: is a file that this run reads or keeps; a plan would replace it: name another"
        )
    return output
