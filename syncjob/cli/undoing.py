"""`syncjob undo`: what a run has sent is planned back, field by field; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, reporting, shared


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "-o", "--output", metavar="PLAN", type=click.Path(path_type=Path), help="Keep the plan, to look at and apply."
)
@click.option(
    "--select",
    "undone",
    metavar="WHAT",
    multiple=True,
    help="Only these: a key, row=N, field=NAME or outcome=WORD; repeatable. Several of a kind add up, kinds narrow.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when changes are pending.")
@reporting
@shared
def undo(
    run: str,
    undone: tuple[str, ...],
    **words: Any,
) -> int:
    """Plan to take back what a run has sent; nothing is sent.

    RUN is the id of a past run, or last. A field goes back only while the remote still
    holds what the run had written. What cannot be undone is listed with the reason: a
    closed referral, a status that moved on, people who were added, fields that were not
    there before. The nightly job sees what went back as drift, and does not redo it.
    """
    from syncjob.cli.looking import ledger_of, run_named
    from syncjob.cli.planning import Wanted, planned
    from syncjob.core.selecting import selection
    from syncjob.job.undoing import undo as story

    job, wanted, selected = job_of(words), Wanted.of(words), selection(undone)
    with ledger_of(job) as ledger:
        name = run_named(ledger, job, run)
        return planned(job, lambda out: story(job, ledger, name, selected, out), (), wanted)
