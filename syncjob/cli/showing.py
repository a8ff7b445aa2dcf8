"""A report goes to stdout and to the files that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syncjob.cli.terminal import Bar, emit, say
from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Report
from syncjob.reports import json, text, write
from syncjob.reports.values import visible


def show(job: Any, report: Report, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Print the report as text or JSON and write it to every file."""
    hush(job)
    for note in report.run.get("notes", ()):
        say(f"note: {visible(note)}")
    try:
        emit((json if as_json else text).render(report))
    finally:
        for file in files:
            say(f"report written to {write(report, file)}")


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
