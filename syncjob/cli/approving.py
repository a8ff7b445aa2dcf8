"""`syncjob approve`: what a guard has held is sent, now that a person has looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import Duration, job_of, lock_of, reporting, shared
from syncjob.cli.sending import Asked, sent, workplace


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--select",
    "approved",
    metavar="WHAT",
    multiple=True,
    help="Only these: a key, row=N or outcome=WORD (closes, consent, first_run); repeatable.",
)
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@click.option("--reason", metavar="TEXT", default="", help="Why: kept in the ledger, shown by history.")
@click.option("--wait", metavar="10m", type=Duration(), default=0.0, help="Wait so long for another run to end.")
@reporting
@shared
def approve(
    run: str,
    approved: tuple[str, ...],
    reports: tuple[Path, ...],
    **words: Any,
) -> int:
    """Send what a guard has held.

    RUN is the id of a past run, or last: the last one that has held a row. Its held rows are
    read and compared again, and sent if nothing else is needed than they had shown; the
    guards that had held them are lifted, all others act. A row that a later run has looked
    at is left to that one. The ledger keeps who has approved.
    """
    from syncjob.cli.looking import LAST, run_named
    from syncjob.cli.running import run as lived
    from syncjob.cli.terminal import say
    from syncjob.core.selecting import selection
    from syncjob.errors import Exit
    from syncjob.job.noticing import noticed_by_hand
    from syncjob.job.releasing import last_holding, plan_released, released
    from syncjob.reports import prove_writable

    job, selected = job_of(words), selection(approved)
    prove_writable(reports, taken=job.files)
    asked = Asked(None, reports, None, words["wait"], as_json=words["as_json"], yes=words["yes"])

    def act() -> int:
        with workplace(lock_of(job), "approve", asked.wait_s) as (folder, ledger, named):
            name = (last_holding(ledger, job) if run == LAST else None) or run_named(ledger, job, run)
            rows = released(ledger, name, selected)
            lifted = rows.lifted(job)
            planned = lived(lambda: plan_released(lifted, ledger, rows, folder / "plan"), job.stop)
            return planned if isinstance(planned, Exit) else sent(lifted, asked, planned, ledger, named)

    return noticed_by_hand(job, asked.begun, act, say)
