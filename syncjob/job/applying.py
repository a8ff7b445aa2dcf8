"""From a plan to a run whose rows have all ended: the second half of the story, and the only one that sends.

Order matters. The plan is held against the job, the guards, and a person; what an earlier run left open is settled;
then the run is opened in the ledger with every row of the plan, and a plan is begun only once; and only then do
changes leave, each after its intent is on disk. Whatever happens after that, every row stands in the ledger, and the
report is read from there. A plan whose run broke off is taken up by the same run: what has settled stays.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice

from msgspec import Struct, field

from syncjob.apply import Run, first_intent, settle
from syncjob.core import guard
from syncjob.core.report import exit_code
from syncjob.core.undoing import rules_of
from syncjob.errors import Exit, GuardRefused, PlanRefused, RemoteUnavailable, StorageRefused, frames
from syncjob.exchange import Sender
from syncjob.job.approving import Approval
from syncjob.job.beginning import begun, resumed
from syncjob.job.context import Job
from syncjob.job.mending import mend
from syncjob.job.pacing import learn, learned
from syncjob.job.remembering import bases_of, moment_of, tally_of
from syncjob.ledger import Base, Intent, Ledger, Recorder
from syncjob.ledger.purging import old, purge
from syncjob.model import Cause, Change, Outcome, Settled, Verdict
from syncjob.planfile import Header, PlanFile
from syncjob.remote import Writer, opened

IN_FLIGHT_SHARE = 0.75
AHEAD_MAX = 16  # intents on record whose turn is yet to come: after a sudden death so many rows more are looked at
ROWS_A_TURN = 200
Confirm = Callable[[PlanFile, tuple[Verdict, ...], int], frozenset[str]]


class _Work(Struct):
    """What the workers of a run share; `left` are the rows to send, `failed` is what ends the run.

    `ready` are changes taken from them, each with the mark of the intent that is on record for it, '' for none.
    `began` and the monotonic clock make a moment: a clock that jumps in the night moves nothing.
    """

    job: Job
    run: Run
    recorder: Recorder
    left: Iterator[Settled]
    total: int
    header: Header
    began: float
    done: int = 0
    errors: int = 0
    failed: StorageRefused | None = None
    ready: deque[tuple[Change, str]] = field(default_factory=deque)
    tasks: list[asyncio.Task[None]] = []


async def apply(
    job: Job,
    plan: PlanFile,
    ledger: Ledger,
    confirm: Confirm,
    approval: Approval | None = None,
    named: Callable[[str], None] = lambda _: None,
) -> tuple[str, Exit]:
    """Send a plan; give the run's id and exit code. `confirm` may lift guards by name, or raise to call it off.

    With an approval only the rows that were ticked are sent, and the guards count no others. `named` is told the run's
    id as soon as it has one.

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
    plan = resumed(plan, ledger)
    acting, changes = _guarded(job, plan, ledger)
    lifted = confirm(plan, acting, changes)
    acting = tuple(one for one in acting if one.guard not in lifted)
    access = job.access()
    async with opened(Writer, access) as clients:
        known = learned(job, ledger)
        sender = Sender(clients, settings.limits, job.world, job.log, changes, job.until, known)
        await mend(job, sender, ledger)
        run = begun(job, plan, ledger, acting, lifted, approval)
        named(run)
        recorder = Recorder(ledger, run)
        rules = rules_of(job.rules, undoes=plan.header.undoes)
        learning = partial(ledger.learn, job.address)
        sending = Run(sender, rules, recorder.intend, learning, ledger.ask, ledger.attempts(run))
        job.log.info("run.begun", run=run, plan=plan.header.id, changes=changes)
        _count_bugs(plan, sending)
        began = job.world.now().timestamp() - job.world.monotonic()
        work = _Work(job, sending, recorder, ledger.to_send(run), _unsent(ledger, run), plan.header, began)
        await _send_all(work)
    return run, _close(work, ledger, run, sum(plan.footer.totals.values()))


def _guarded(job: Job, plan: PlanFile, ledger: Ledger) -> tuple[tuple[Verdict, ...], int]:
    """Count what would be sent anew from the plan's rows, refuse what must be refused, and give the guards that hold.

    Of the other rows the plan's own count is taken, which is under its seal.
    """
    tally = tally_of(job, plan.header, ledger)
    for row in plan.having(Cause.TO_SEND):
        tally.add(row, guard.touched)
    for cause, count in plan.footer.totals.items():
        if cause is not Cause.TO_SEND:
            tally.count(cause, count)
    if tally.changes != plan.footer.totals.get(Cause.TO_SEND, 0):
        raise PlanRefused(f"the plan says another number of rows to send than it holds, {tally.changes}; plan again")
    acting = guard.verdicts(tally, job.settings.guards, job.allowed)
    refusing = [one for one in acting if not one.holds]
    if refusing:
        raise GuardRefused(*(one.message for one in refusing), guards=tuple(one.in_numbers() for one in refusing))
    return acting, tally.changes


def _unsent(ledger: Ledger, run: str) -> int:
    return sum(count for cause, count in ledger.totals(run).items() if cause is Cause.TO_SEND)


def _count_bugs(plan: PlanFile, sending: Run) -> None:
    """An error of ours while planning counts like one while sending."""
    if plan.footer.totals.get(Cause.BUG):
        for row in plan.having(Cause.BUG):
            sending.broke(row.reason)


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
    if asked.done():
        asked.result()  # a stop that cannot be heard is an error, not a stop
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
    """Take change after change; when nothing more can be recorded the others stop where they are."""
    while True:
        if work.done % ROWS_A_TURN == 0:
            with suppress(asyncio.CancelledError):  # a stop is seen below
                await asyncio.sleep(0)  # rows that need no request would keep signals and time from being heard
            if work.failed is not None:
                return
        try:
            if not work.ready and not _refill(work):
                return
            change, mark = work.ready.popleft()
            settled = await _settled(work, change, mark)
            if work.failed is not None:
                return
            work.recorder.settle(settled, _learnt(work, change, settled))
            _check_errors(work, settled)
        except StorageRefused as error:
            work.failed = work.failed or error
            for task in work.tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            return
        _told(work, settled)


def _learnt(work: _Work, change: Change, settled: Settled) -> tuple[Base, ...]:
    """Give what a row makes known: what was not sent was seen now only if its eTag held, or it was read anew."""
    now = work.began + work.job.world.monotonic()
    fresh = settled.cause is Cause.CONFIRMED or settled.triples != change.triples
    seen_at = now if fresh else moment_of(work.header)
    return bases_of(settled, work.header.moves, work.run.rules, seen_at, now)


def _refill(work: _Work) -> bool:
    """Take more rows, with their intents on record ahead of their turn: as many as may soon be on their way.

    No worker waits for the disk then, and many intents cost one sync. A run that has ended means nothing any more.
    """
    many = min(AHEAD_MAX, work.run.sender.pace.allowed)
    changes = [planned.change() for planned in islice(work.left, many)]
    intents: list[Intent] = []
    if not work.job.stop.asked.is_set() and work.run.sender.over is None:
        try:
            intents = [first_intent(change, work.run) for change in changes]
        except Exception as error:  # noqa: BLE001  # each row meets it by itself then, where it is counted
            work.job.log.warning("intents.broken", error=type(error).__name__, frames=frames(error))
    if intents:
        work.recorder.mean(intents)
    marks = [one.mark for one in intents] or [""] * len(changes)
    work.ready += zip(changes, marks, strict=True)
    return bool(changes)


async def _settled(work: _Work, change: Change, mark: str) -> Settled:
    """Give the ending of one change."""
    if work.job.stop.asked.is_set():
        return Settled.of_change(change, Cause.STOPPED, "the run was stopped before this row")
    if work.run.sender.over is not None:
        return Settled.of_change(change, work.run.sender.over.cause, str(work.run.sender.over.error))
    return await settle(change, work.run, mark)


def _check_errors(work: _Work, settled: Settled) -> None:
    """End asking when more rows have failed than somebody wants to see."""
    limit = work.job.settings.limits.errors_max
    work.errors += settled.outcome in (Outcome.FAILED, Outcome.REJECTED)
    if limit is not None and work.errors > limit:
        words = f"{work.errors} rows have failed or were rejected, {limit} allowed (limits.errors_max, --errors-max)"
        work.run.sender.end(Cause.ERRORS_MAX, RemoteUnavailable(words))


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


def _close(work: _Work, ledger: Ledger, run: str, rows: int) -> Exit:
    """Fold the record into an exit code and close the run."""
    job, totals = work.job, ledger.totals(run)
    assert sum(totals.values()) == rows, "rows in = rows settled"
    assert Cause.TO_SEND not in totals, "every row has an end"
    over = work.run.sender.over
    code = exit_code(totals, job.settings.tolerate, ended=over.error.exit_code if over else Exit.OK)
    if job.stop.signal:
        code = Exit(128 + job.stop.signal)
    ledger.end(run, job.world.now().timestamp(), int(code), work.run.sender.requests)
    learn(job, ledger, work.run.sender.pace)
    if job.settings.ledger.keep is not None:
        before = job.world.now() - max(job.settings.ledger.keep, job.settings.plan.age_max)
        purge(ledger, old(ledger, job.settings.job, job.address, before.timestamp(), but=run))
    job.log.info("run.ended", run=run, exit_code=int(code), requests=dict(work.run.sender.requests))
    return code
