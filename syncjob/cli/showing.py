"""A report goes to stdout and to the files that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncjob.cli.terminal import Bar, emit, say
from syncjob.errors import StorageRefused
from syncjob.model import Report
from syncjob.reports import json, text, write


def show(job: Any, report: Report, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Print the report as text or JSON and write it to every file."""
    bar = getattr(job.progress, "__self__", None)
    if isinstance(bar, Bar):
        bar.close()
    for note in report.run.get("notes", ()):
        say(f"note: {note}")
    emit((json if as_json else text).render(report))
    for file in files:
        say(f"report written to {write(report, file)}")


def folder_of(output: Path) -> Path:
    """Give the path back once its folder is known to be there."""
    if not output.parent.is_dir():
        raise StorageRefused(f"plan {output}: the folder {output.parent} does not exist; make it first")
    return output
