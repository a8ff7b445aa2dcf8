"""From a plan to a run whose rows have all ended: the second half of the story, and the only one that sends.

Order matters. The plan is held against the job, the guards, and a person; what an earlier run left open is settled;
then the run is opened in the ledger, which lets a plan go only once; and only then do changes leave, each after
its intent is on disk. Whatever happens after that, every row has an ending in the ledger, and the report is
read from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from syncjob.apply import Run, settle
from syncjob.core import guard
from syncjob.core.report import exit_code
from syncjob.errors import Exit, GuardRefused, StorageRefused
from syncjob.exchange import Sender
from syncjob.job.approving import Approval
from syncjob.job.context import Job
from syncjob.job.history import rows_before
from syncjob.job.mending import mend
from syncjob.ledger import Ledger, Recorder
from syncjob.model import Cause, Outcome, Settled, Verdict
from syncjob.planfile import PlanFile
from syncjob.remote import Writer, opened

IN_FLIGHT_SHARE = 0.75
ROWS_A_TURN = 200
Confirm = Callable[[PlanFile, tuple[Verdict, ...], int], frozenset[str]]


@dataclass(slots=True)
class _Work:
    """What the workers of a run share; `failed` is what ends the run."""

    job: Job
    run: Run
    recorder: Recorder
    acting: tuple[Verdict, ...]
    left: Iterator[Settled]
    total: int
    done: int = 0
    failed: StorageRefused | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def apply(
    job: Job, plan: PlanFile, ledger: Ledger, confirm: Confirm, approval: Approval | None = None
) -> tuple[str, Exit]:
    """Send a plan; give the run's id and exit code. `confirm` may lift guards by name, or raise to call it off.

    With an approval only the rows that were ticked are sent, and the guards count no others.

    Raises PlanRefused, GuardRefused, SignInNeeded or StorageRefused before anything was sent, and
    StorageRefused also in the middle, when nothing more can be recorded.
    """
    settings = job.settings
    if approval is not None:
        plan = plan.narrowed(approval.of)
    plan.check(
        job=settings.job,
        remote=settings.remote.url,
        tenant=settings.remote.tenant,
        config=settings.deciding(),
        now=job.world.now(),
        age_max=settings.plan.age_max,
    )
    acting, changes = _guarded(job, plan, ledger)
    lifted = confirm(plan, acting, changes)
    acting = tuple(one for one in acting if one.guard not in lifted)
    access = job.access()
    run = _new_id(job)
    async with opened(Writer, access) as clients:
        sender = Sender(clients, settings.limits, job.world, job.log, rows=changes)
        recorder = Recorder(ledger, run)
        sending = Run(sender, job.rules, recorder.intend, partial(ledger.learn, job.address))
        await mend(job, sender, ledger)
        facts = _facts(job, plan, lifted) | (approval.facts() if approval else {})
        ledger.begin(run, settings.job, job.address, plan.header.id, facts, job.world.now().timestamp())
        job.log.info("run.begun", run=run, plan=plan.header.id, changes=changes)
        work = _Work(job, sending, recorder, acting, plan.rows(), sum(plan.footer.totals.values()))
        await _send_all(work)
    return run, _close(work, ledger, run)


def _guarded(job: Job, plan: PlanFile, ledger: Ledger) -> tuple[tuple[Verdict, ...], int]:
    """Count anew from the plan's rows, refuse what must be refused, and give the guards that hold."""
    tally = guard.Tally(rows_before=rows_before(job, plan.header.source, ledger))
    for settled in plan.rows():
        tally.add(settled.operations if settled.outcome is Outcome.PLANNED else ())
    acting = guard.verdicts(tally, job.settings.guards, job.allowed)
    refusing = [one.message for one in acting if not one.holds]
    if refusing:
        raise GuardRefused(*refusing)
    return acting, tally.changes


async def _send_all(work: _Work) -> None:
    """Let as many workers as there are connections settle every row; a stop leaves them a few seconds."""
    stop = work.job.stop
    stop.patient = True
    for _ in work.run.sender.clients:
        work.tasks.append(asyncio.create_task(_work(work)))
    asked = asyncio.create_task(stop.asked.wait())
    left = set(work.tasks)
    while left and not asked.done():
        await asyncio.wait([*left, asked], return_when=asyncio.FIRST_COMPLETED)
        left = {task for task in left if not task.done()}
    asked.cancel()
    if left:
        work.job.log.warning("run.stopping", signal=stop.signal)
        _, unfinished = await asyncio.wait(left, timeout=work.job.settings.limits.stop_s * IN_FLIGHT_SHARE)
        for task in unfinished:
            task.cancel()
    await asyncio.gather(*work.tasks)
    if work.failed is not None:
        raise work.failed
    work.recorder.flush()


async def _work(work: _Work) -> None:
    """Take row after row; when nothing more can be recorded the others stop where they are."""
    for planned in work.left:
        if work.done % ROWS_A_TURN == 0:
            with suppress(asyncio.CancelledError):  # a stop is seen below
                await asyncio.sleep(0)  # rows that need no request would keep signals and time from being heard
        try:
            settled = await _settled(work, planned)
            if work.failed is not None:
                return
            work.recorder.settle(settled)
        except StorageRefused as error:
            work.failed = work.failed or error
            for task in work.tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            return
        _told(work, settled)


async def _settled(work: _Work, planned: Settled) -> Settled:
    """Give the ending of one row of the plan."""
    if planned.outcome is not Outcome.PLANNED:
        if planned.cause is Cause.BUG:
            work.run.broke(planned.reason)
        return planned
    change = planned.change()
    if held := guard.held(change.operations, work.acting):
        return Settled.of_change(change, *held)
    if work.job.stop.asked.is_set():
        return Settled.of_change(change, Cause.STOPPED, "the run was stopped before this row")
    if work.run.sender.over is not None:
        return Settled.of_change(change, work.run.sender.over.cause, str(work.run.sender.over.error))
    return await settle(change, work.run)


def _told(work: _Work, settled: Settled) -> None:
    """Log one line a row and show progress."""
    work.done += 1
    work.job.progress("applying", work.done, work.total)
    work.job.log.info(
        "row.settled",
        n=settled.n,
        line=settled.place.line,
        outcome=settled.outcome,
        cause=settled.cause,
        attempts=settled.attempts,
        request_ids=list(settled.request_ids),
    )


def _close(work: _Work, ledger: Ledger, run: str) -> Exit:
    """Fold the record into an exit code and close the run."""
    job, totals = work.job, ledger.totals(run)
    assert sum(totals.values()) == work.total, "rows in = rows settled"
    over = work.run.sender.over
    code = exit_code(totals, job.settings.tolerate, ended=over.error.exit_code if over else Exit.OK)
    if job.stop.signal:
        code = Exit(128 + job.stop.signal)
    ledger.end(run, job.world.now().timestamp(), int(code), work.run.sender.requests)
    job.log.info("run.ended", run=run, exit_code=int(code), requests=dict(work.run.sender.requests))
    return code


def _new_id(job: Job) -> str:
    return f"{job.world.now():%Y%m%dT%H%M%SZ}-{job.world.mark()[:4]}"


def _facts(job: Job, plan: PlanFile, lifted: frozenset[str]) -> dict[str, object]:
    """What a report says of the run besides its rows."""
    return {
        "job": job.settings.job,
        "remote": job.settings.remote.url,
        "tenant": job.settings.remote.tenant,
        "plan": plan.header.id,
        "source": plan.header.source,
        "digest": plan.header.digest,
        "columns": list(plan.header.columns),
        "correlation_id": job.correlation_id,
        "allowed": sorted({*job.allowed, *lifted}),
        "notes": list(plan.footer.notes),
    }
