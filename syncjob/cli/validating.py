"""`syncjob validate`: configuration and file are checked, offline; every fault is told by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, shared

SHOWN_MAX = 50


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@shared
def validate(
    file: Path | None,
    **words: Any,
) -> int:
    """Check configuration and file, offline.

    FILE holds the desired states: CSV, YAML, JSON or a workbook; - is standard input. Nothing is asked of
    the remote, so what only the remote knows (keys, status, currency) is not checked.
    """
    import tempfile

    from syncjob import job as story
    from syncjob.cli.showing import hush
    from syncjob.cli.terminal import emit, say
    from syncjob.core.report import exit_code
    from syncjob.job.reading import input_of
    from syncjob.model import Cause
    from syncjob.reports.values import visible

    job = job_of(words)
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        read_in, bad, totals = story.validate(job, input_of(job, file), Path(folder), SHOWN_MAX)
    hush(job)
    for note in read_in.notes:
        say(f"note: {visible(note)}")
    rows, well = sum(totals.values()), totals[Cause.TO_SEND]
    emit(f"{visible(f'{one.place} {one.reason}')}\n" for one in bad)
    if rows - well > len(bad):
        emit([f"… and {rows - well - len(bad)} more\n"])
    emit([f"{rows} rows: {well} can be planned, {rows - well} cannot\n"])
    return exit_code(totals, job.settings.tolerate)
