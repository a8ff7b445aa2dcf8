"""`syncjob apply`: a plan is sent, or a file is planned and sent; the one command that writes to the remote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, ledger_file, reporting, shared

# As `core.guard.NAMES` says it, which a test holds against this: to import it here would make --help slow.
GUARDS = """
\b
Guards, by the NAME that --allow takes:
  closes    closing referrals, which cannot be undone (rows are held)
  consent   giving consents, which cannot be taken back (rows are held)
  changes   changing more rows than guards.changes (the run is refused)
  rows      no rows, fewer than rows.rows_min, or far fewer than last time (the run is refused)
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
@reporting
@shared
def apply(
    source: Path | None,
    approved: Path | None,
    reports: tuple[Path, ...],
    config: str | None,
    allow: tuple[str, ...],
    log_file: Path | None,
    **flags: bool,
) -> int:
    """Send a plan, or plan a file and send it.

    SOURCE is a plan that `syncjob plan -o` kept, or a file of desired states (- is
    standard input). Without SOURCE the configuration's rows.file is planned and sent.
    """
    job = job_of(config, allow, log_file, strict=flags["strict"])
    return _applied(job, source, reports, approved, as_json=flags["as_json"], yes=flags["yes"])


def _applied(
    job: Any, source: Path | None, reports: tuple[Path, ...], ticked: Path | None, *, as_json: bool, yes: bool
) -> int:
    import tempfile

    from syncjob import job as story
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import show
    from syncjob.cli.terminal import ask, assent, say
    from syncjob.errors import Exit, GuardRefused, UsageRefused
    from syncjob.job.approving import approved
    from syncjob.job.reading import input_of
    from syncjob.ledger import Ledger, held
    from syncjob.planfile import PlanFile, is_plan
    from syncjob.reports import prove_writable

    given = input_of(job, source)
    path = ledger_file(job)
    prove_writable(reports, taken=(given, *job.files, *([ticked] if ticked else ())))
    kept = is_plan(given)
    if ticked and not kept:
        raise UsageRefused(
            "--approved goes with a kept plan: syncjob plan FILE -o PLAN --report REPORT.xlsx, tick that, apply PLAN"
        )
    confirm = assent if yes else _shown_first(job, ask)
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder, held(path):
        planned = (
            PlanFile(given, into=Path(folder))
            if kept
            else run(lambda: story.plan(job, given, Path(folder) / "plan"), job.stop)
        )
        if isinstance(planned, Exit):
            return planned
        approval = approved(job, ticked, planned, Path(folder)) if ticked else None
        with Ledger(path) as ledger:
            if ledger.is_new:
                say(f"a new ledger is begun: {ledger.path}")
            try:
                done = run(lambda: story.apply(job, planned, ledger, confirm, approval), job.stop)
            except GuardRefused:
                show(job, story.of_plan(planned), reports, as_json=as_json)
                raise
            if isinstance(done, Exit):
                return done
            cost = {} if kept else planned.footer.requests
            show(job, story.of_run(ledger, done[0], cost), reports, as_json=as_json)
            return final(job.log, done[1])


def _shown_first(job: Any, ask: Any) -> Any:
    """Before a person is asked, the plan is shown."""
    from syncjob import job as story
    from syncjob.cli.showing import hush
    from syncjob.cli.terminal import say
    from syncjob.reports import text

    def confirm(plan: Any, acting: Any, changes: int) -> frozenset[str]:
        if changes:
            hush(job)
            say("".join(text.render(story.of_plan(plan))))
        lifted: frozenset[str] = ask(plan, acting, changes)
        return lifted

    return confirm
