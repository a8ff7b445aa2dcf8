"""`syncjob link`: rows that match no referral go in, a sheet of candidates to tick comes out; nothing can be sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, prove_new, replacing, shared


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="LINKS",
    required=True,
    type=click.Path(path_type=Path),
    help="The candidates, to be ticked: .xlsx, .csv or .yaml by its name.",
)
@replacing
@shared
def link(
    file: Path | None,
    output: Path,
    **words: Any,
) -> int:
    """Propose referrals for rows that match none.

    FILE holds the desired states; without it the configuration's rows.file is read. Rows
    whose CRM id no referral carries are compared with the referrals by customer, deal
    name, value and closing date (match.like names columns that no field is mapped to).

    Look at the sheet, write yes in the column `syncjob link?` or take it away, and set
    match.links to its path: plan then finds these rows. Nothing is sent.
    """
    job = job_of(words)
    prove_new(output, force=words["force"])
    return _linked(job, file, output)


def _linked(job: Any, file: Path | None, output: Path) -> int:
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import hush
    from syncjob.cli.terminal import emit, say
    from syncjob.errors import Exit
    from syncjob.job.linking import link as story
    from syncjob.job.reading import input_of
    from syncjob.reports import tables
    from syncjob.reports.values import visible

    source = input_of(job, file)
    tables.prove_writable([output], taken=(source, *job.files))  # the ticks of an earlier sheet are such a file
    found = run(lambda: story(job, source), job.stop)
    if isinstance(found, Exit):
        return found
    hush(job)
    for note in found.notes:
        say(f"note: {visible(note)}")
    if not found.unmatched:
        emit(["0 rows match no referral: there is nothing to link, and no file was written\n"])
        return final(job.log, Exit.OK)
    written = tables.write(output, found.sheet)
    emit(
        [
            f"rows without a referral: {found.unmatched}, with candidates: {found.proposed}, ticked: {found.ticked}\n",
            f"look at {written}, tick what belongs together, set match.links to it and run syncjob plan\n",
        ]
    )
    return final(job.log, Exit.OK)
