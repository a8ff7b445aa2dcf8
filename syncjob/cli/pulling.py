"""`syncjob pull`: the remote's state goes into a file that can be edited and planned again; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import click

from syncjob.cli.options import job_of, named, prove_new, replacing, shared

WIDTH = 18
WIDTHS = {"id": 12, "customerProfile.name": 30, "name": 36, "notes": 40, "team": 44, "customerProfile.team": 44}


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write: .xlsx, .csv or .yaml by its name.",
)
@click.option("--filter", "only", metavar="ODATA", help="An OData $filter in place of the configured remote.filter.")
@click.option(
    "--fields", metavar="NAMES", default="", help="Field names parted by commas; else all that can be written."
)
@replacing
@shared
def pull(
    output: Path,
    only: str | None,
    fields: str,
    **words: Any,
) -> int:
    """Write the remote's state into a file that can be edited and planned again.

    The file describes itself: `syncjob plan FILE` needs no mapping for it, sees what was
    edited, and what somebody else has changed meanwhile. Untouched, it plans to nothing.
    """
    job = job_of(words)
    prove_new(output, force=words["force"])
    return _pulled(job, output, only, fields.split(","), named(words["config"]))


def _pulled(job: Any, output: Path, only: str | None, names: list[str], config: str) -> int:
    import tempfile

    from syncjob import job as story
    from syncjob.cli.running import run
    from syncjob.cli.showing import hush
    from syncjob.cli.terminal import say
    from syncjob.errors import Exit
    from syncjob.job.pulling import wanted
    from syncjob.model.own import PULLED
    from syncjob.reports import tables
    from syncjob.reports.values import visible
    from syncjob.reports.workbook import Column, Sheet

    tables.prove_writable([output], taken=job.files)
    fields = wanted(names)
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        found = run(lambda: story.pull(job, fields, only, Path(folder)), job.stop)
        if isinstance(found, Exit):
            return found
        hush(job)
        columns = tuple(Column(name, WIDTHS.get(name, WIDTH), hidden=name.startswith(PULLED)) for name in found.columns)
        place = tables.write(output, Sheet("referrals", columns, ((row, "") for row in found.rows())))
    for note in found.notes:
        say(f"note: {visible(note)}")
    say(f"{found.count} referrals pulled to {place}; edit it, then: syncjob plan {quote(str(place))}{config}")
    return 0
