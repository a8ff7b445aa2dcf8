"""`syncjob retry`: the rows of a report or run that need a person are planned anew; nothing is sent."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import deciding, job_of, ledger_file, reporting, shared


@click.command()
@click.argument("report", metavar="REPORT|RUN")
@click.option(
    "-o", "--output", metavar="PLAN", type=click.Path(path_type=Path), help="Keep the plan, to look at and apply."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when changes are pending.")
@deciding
@reporting
@shared
def retry(
    report: str,
    **words: Any,
) -> int:
    """Plan the rows anew that need a person; nothing is sent.

    REPORT is a report kept as a workbook or CSV, in which a conflict may have been decided
    (decision: mine, theirs or a value) and cells mended; RUN is the id of a past run. The
    rows are read and compared again, never replayed.
    """
    from syncjob.cli.looking import run_named
    from syncjob.cli.planning import Wanted, planned
    from syncjob.errors import InputRefused
    from syncjob.job.planning import plan_given
    from syncjob.job.retrying import from_report, from_run
    from syncjob.ledger import Ledger

    job, wanted = job_of(words), Wanted.of(words)
    file, path = Path(report), ledger_file(job)
    if file.exists():
        with Ledger(path) if path.exists() else nullcontext() as ledger:
            return planned(
                job,
                lambda out: plan_given(job, lambda folder: from_report(job, file, folder, ledger), out),
                (file,),
                wanted,
            )
    if not path.exists():
        raise InputRefused(f"{report}: there is no such file, and no run either: the ledger {path} is not there")
    with Ledger(path) as ledger:
        try:
            name = run_named(ledger, job, report)
        except InputRefused as error:
            raise InputRefused(f"{report}: neither the file of a report nor a run that is known; {error}") from None
        return planned(job, lambda out: plan_given(job, lambda _: from_run(ledger, name), out), (), wanted)
