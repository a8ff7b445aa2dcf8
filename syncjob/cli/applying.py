"""`syncjob apply`: a plan is sent, or a file is planned and sent; the one command that writes to the remote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncjob.cli.options import Duration, deciding, job_of, lock_of, reporting, shared

if TYPE_CHECKING:  # the rooms behind these names are heavy; `--help` must not pay for them
    from syncjob.ledger import Ledger

# As `core.guard.NAMES` says it, which a test holds against this: to import it here would make --help slow.
GUARDS = """
\b
Guards, by the NAME that --allow takes:
  closes      closing referrals, which cannot be undone (rows are held)
  consent     giving consents, which cannot be taken back (rows are held)
  first-run   changing what has no history yet (rows are held)
  changes     changing more rows than guards.changes (the run is refused)
  column      one field changing in more rows than guards.column (the run is refused)
  clears      emptying more fields than guards.clears (the run is refused)
  value       deal values moving by more than guards.value (the run is refused)
  rows        no rows, fewer than rows.rows_min, or far fewer than last time (the run is refused)
  unmatched   more rows without a referral than guards.unmatched (the run is refused)
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
@reporting
@shared
def apply(
    source: Path | None,
    approved: Path | None,
    reports: tuple[Path, ...],
    config: str | None,
    allow: tuple[str, ...],
    log_file: Path | None,
    **more: Any,
) -> int:
    """Send a plan, or plan a file and send it.

    SOURCE is a plan that `syncjob plan -o` kept, or a file of desired states (- is
    standard input). Without SOURCE the configuration's rows.file is planned and sent.
    A plan whose run broke off is taken up where it stopped.
    """
    said = {"adopt": more["adopt"], "only": more["only_fields"], "reason": more["reason"]}
    job = job_of(config, allow, log_file, strict=more["strict"], **said)
    asked = _Asked(source, reports, approved, more["wait"], as_json=more["as_json"], yes=more["yes"])
    return _applied(job, asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for besides the job."""

    source: Path | None
    reports: tuple[Path, ...]
    ticked: Path | None
    wait_s: float
    as_json: bool
    yes: bool


def _applied(job: Any, asked: _Asked) -> int:
    import tempfile

    from syncjob import job as story
    from syncjob.cli.looking import tell_copy
    from syncjob.cli.running import run
    from syncjob.errors import Exit, UsageRefused
    from syncjob.job.reading import input_of
    from syncjob.ledger import held
    from syncjob.planfile import PlanFile, is_plan
    from syncjob.reports import prove_writable

    given, lock = input_of(job, asked.source), lock_of(job)
    prove_writable(asked.reports, taken=(given, *job.files, *([asked.ticked] if asked.ticked else ())))
    kept = is_plan(given)
    if asked.ticked and not kept:
        raise UsageRefused(
            "--approved goes with a kept plan: syncjob plan FILE -o PLAN --report REPORT.xlsx, tick that, apply PLAN"
        )
    if kept and (job.adopt or job.only):
        raise UsageRefused("--adopt and --only-fields decide what is planned, and a kept plan is decided: plan again")
    with (
        tempfile.TemporaryDirectory(prefix="syncjob-") as name,
        held(lock, "apply", wait_s=asked.wait_s) as named,
        _proved(lock.ledger) as ledger,
    ):
        tell_copy(ledger)
        folder = Path(name)
        planned = (
            PlanFile(given, into=folder)
            if kept
            else run(lambda: story.plan(job, given, folder / "plan", folder), job.stop)
        )
        if isinstance(planned, Exit):
            return planned
        return _sent(job, asked, planned, ledger, named)


@contextmanager
def _proved(path: Path) -> Iterator[Ledger]:
    """Open the ledger and prove that it can be written, before anything is asked; one without a run goes again."""
    from syncjob.errors import StorageRefused
    from syncjob.ledger import Ledger

    made, empty = not path.exists(), False
    try:
        with Ledger(path) as ledger:
            ledger.prove()
            try:
                yield ledger
            finally:
                with suppress(StorageRefused):
                    empty = ledger.is_new
    finally:
        if made and empty:
            for tail in ("", "-wal", "-shm"):
                path.with_name(f"{path.name}{tail}").unlink(missing_ok=True)


def _sent(job: Any, asked: _Asked, plan: Any, ledger: Any, named: Any) -> int:
    """Send a plan and show how its rows ended."""
    import tempfile

    from syncjob import job as story
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import show
    from syncjob.cli.terminal import ask, assent, say
    from syncjob.errors import Exit, GuardRefused, StorageRefused
    from syncjob.job.approving import approved

    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        approval = approved(job, asked.ticked, plan, Path(folder)) if asked.ticked else None
    confirm = assent if asked.yes else _shown_first(job, ask)
    cost = {} if plan.copy is None else plan.footer.requests
    begun: list[str] = []

    new = ledger.is_new

    def told(name: str) -> None:
        if new:
            say(f"a new ledger is begun: {ledger.path}")
        begun.append(name)
        named(f"run {name}")

    try:
        done = run(lambda: story.apply(job, plan, ledger, confirm, approval, told), job.stop)
    except GuardRefused:
        show(job, story.of_plan(plan), asked.reports, as_json=asked.as_json)
        raise
    except StorageRefused:
        if begun:  # what is on record can be read, though no more can be written
            with suppress(StorageRefused):
                show(job, story.of_run(ledger, begun[0], cost), asked.reports, as_json=asked.as_json)
        raise
    if isinstance(done, Exit):
        return done
    show(job, story.of_run(ledger, done[0], cost), asked.reports, as_json=asked.as_json)
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
