"""`syncjob apply`: a plan is sent, or a file is planned and sent; the one command that writes to the remote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import Duration, deciding, job_of, knowing_last, lock_of, reporting, scoping, shared
from syncjob.cli.sending import Asked, sent, workplace

# As `core.guard.NAMES` says it, which a test holds against this: to import it here would make --help slow.
GUARDS = """
\b
Guards, by the NAME that --allow takes:
  closes      closing referrals, which cannot be undone (rows are held)
  accepts     accepting more leads than guards.accepts, which cannot be taken back (rows are held)
  consent     giving consents, which cannot be taken back (rows are held)
  first-run   changing what has no history yet (rows are held)
  changes     changing more rows than guards.changes (the run is refused)
  column      one field changing in more rows than guards.column (the run is refused)
  clears      emptying more fields than guards.clears (the run is refused)
  value       deal values moving by more than guards.value (the run is refused)
  rows        no rows, fewer than rows.rows_min, or far fewer than last time (the run is refused)
  unmatched   more rows without a referral than guards.unmatched (the run is refused)
  invalid     more invalid rows than guards.invalid (the run is refused)
  age         a file older than guards.age, or than the last one (the run is refused)
"""


@click.command(epilog=GUARDS)
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask before sending. Lifts no guard.")
@click.option(
    "--approved",
    metavar="REPORT",
    type=click.Path(path_type=Path),
    help="The plan's report as a workbook (or CSV): only rows whose send? was ticked are sent.",
)
@click.option("--reason", metavar="TEXT", default="", help="Why this run: kept in the ledger, shown by history.")
@click.option("--wait", metavar="10m", type=Duration(), default=0.0, help="Wait so long for another run to end.")
@deciding
@scoping
@reporting
@shared
def apply(
    source: Path | None,
    approved: Path | None,
    reports: tuple[Path, ...],
    **words: Any,
) -> int:
    """Send a plan, or plan a file and send it.

    SOURCE is a plan that `syncjob plan -o` kept, or a file of desired states (- is
    standard input). Without SOURCE the configuration's rows.file is planned and sent.
    A plan whose run broke off is taken up where it stopped.
    """
    from syncjob.cli.terminal import say
    from syncjob.job.noticing import noticed

    job = knowing_last(job_of(words))
    asked = Asked(source, reports, approved, words["wait"], as_json=words["as_json"], yes=words["yes"])
    return noticed(job, asked.begun, lambda: _applied(job, asked), say, side=job.scope is not None)


def _applied(job: Any, asked: Asked) -> int:
    from syncjob import job as story
    from syncjob.cli.running import run
    from syncjob.errors import Exit, UsageRefused
    from syncjob.job.reading import input_of
    from syncjob.planfile import PlanFile, is_plan
    from syncjob.reports import prove_writable

    given, lock = input_of(job, asked.source), lock_of(job)
    prove_writable(asked.reports, taken=(given, *job.files, *([asked.ticked] if asked.ticked else ())))
    kept = is_plan(given)
    if asked.ticked and not kept:
        raise UsageRefused(
            "--approved goes with a kept plan: syncjob plan FILE -o PLAN --report REPORT.xlsx, tick that, apply PLAN"
        )
    if kept and (job.adopt or job.only or job.scope):
        raise UsageRefused(
            "--adopt, --only-fields, --select and --exclude decide what is planned, and a kept plan is decided:"
            " plan again"
        )
    with workplace(lock, "apply", asked.wait_s) as (folder, ledger, named):
        planned = (
            PlanFile(given, into=folder)
            if kept
            else run(lambda: story.plan(job, given, folder / "plan", folder), job.stop)
        )
        if isinstance(planned, Exit):
            return planned
        return sent(job, asked, planned, ledger, named)
