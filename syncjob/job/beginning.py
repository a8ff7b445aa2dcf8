"""A plan goes on record before anything is sent: guarded plan in, the id of its run out.

The whole plan is written down at once: what need not or may not be sent with its end, what is to be sent as such. So
a run that dies in the middle leaves a report that adds up, and the same plan can be taken up where it stopped: by the
same run, its settled rows untouched, its open intents looked at before.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from syncjob.core import guard
from syncjob.errors import PlanRefused
from syncjob.job.approving import Approval
from syncjob.job.context import Job
from syncjob.job.pacing import COST
from syncjob.job.remembering import bases_of, bases_of_still, moment_of
from syncjob.ledger import Begun, Ledger, Quiet, Sighting
from syncjob.model import Cause, Outcome, Settled, Verdict
from syncjob.planfile import PlanFile, Still


def resumed(plan: PlanFile, ledger: Ledger) -> PlanFile:
    """Give a plan as it is left to send: where a run of it broke off, without the rows that have ended."""
    earlier = ledger.run_of(plan.header.id)
    if earlier is None:
        return plan
    left = {row.n for row in ledger.unsent(earlier)} | set(ledger.unanswered(earlier))

    def turn(planned: Settled) -> Settled:
        if planned.outcome is not Outcome.PLANNED or planned.n in left:
            return planned
        return Settled.of_change(planned.change(), Cause.IN_STEP, f"has ended in run {earlier}")

    return plan.narrowed(turn)


def begun(
    job: Job,
    plan: PlanFile,
    ledger: Ledger,
    acting: tuple[Verdict, ...],
    lifted: frozenset[str],
    approval: Approval | None,
) -> str:
    """Open the plan's run, or take up the one that broke off; PlanRefused where nothing of it is left."""
    head, now = plan.header, job.world.now()
    earlier = ledger.run_of(head.id)
    if earlier is not None:
        _check_resumable(ledger, earlier, plan, approval)
        return _taken_up(job, ledger, earlier, plan, acting)
    run = f"{now:%Y%m%dT%H%M%SZ}-{job.world.mark()[:4]}"
    known = _facts(job, plan, lifted) | (approval.facts() if approval else {})
    opened = Begun(run, job.settings.job, job.address, head.id, known, now.timestamp(), head.moves)
    if plan.copy is not None:
        ledger.archive(head.digest, head.source, plan.copy)
    ledger.begin(opened, _recorded(job, plan, acting))
    return run


def _recorded(
    job: Job, plan: PlanFile, acting: tuple[Verdict, ...]
) -> Iterator[tuple[Settled | Quiet, tuple[Sighting, ...]]]:
    """Give every row as it stands before anything is sent, and what it makes known; what is planned is not settled.

    Most rows of most nights are as they should be: those go on record as the plan has written them.
    """
    seen_at, now, moves = moment_of(plan.header), job.world.now().timestamp(), plan.header.moves
    for text, line in plan.stills():
        if isinstance(line, Still):
            if not plan.fresh:
                cause = Cause.IN_STEP
                job.log.info("row.settled", n=line.n, line=line.line, outcome=cause.outcome, cause=cause)
            yield Quiet(line.n, line.key, line.id, text), bases_of_still(line, moves, seen_at, now)
            continue
        planned = line.settled()
        row = _guarded(planned, acting)
        if row.cause is Cause.TO_SEND:
            yield row, ()  # what it makes known is known once it has settled
            continue
        if row is not planned or not plan.fresh:  # what has settled in the plan of this very act is told already
            job.log.info("row.settled", n=row.n, line=row.place.line, outcome=row.outcome, cause=row.cause)
        yield Quiet.of(row) or row, bases_of(row, moves, job.rules, seen_at, now)


def _guarded(planned: Settled, acting: tuple[Verdict, ...]) -> Settled:
    """Give a row held where a guard that acts holds it, else as it is."""
    held = guard.held(planned, acting) if planned.outcome is Outcome.PLANNED else None
    return Settled.of_change(planned.change(), *held) if held else planned


def _check_resumable(ledger: Ledger, run: str, plan: PlanFile, approval: Approval | None) -> None:
    """Refuse to take up a run with another approval, or one of which not every row is on record."""
    facts = ledger.facts(run)
    if approval is not None and approval.digest != facts.get("approved_digest"):
        raise PlanRefused(
            f"run {run} was begun with another approval than {approval.source}; take it up with the one it had, "
            "or plan again"
        )
    if sum(ledger.totals(run).values()) != sum(plan.footer.totals.values()):
        raise PlanRefused(
            f"this plan was sent already, by run {run}, of which an earlier version has not recorded every row; "
            "plan again"
        )


def _taken_up(job: Job, ledger: Ledger, run: str, plan: PlanFile, acting: tuple[Verdict, ...]) -> str:
    """Go on with a run that broke off; what is still open after a look stays so, and is not sent blindly.

    Guards act on what is left as they act on any plan.
    """
    open_ = {one.n for one in ledger.open_intents(job.settings.job, job.address) if one.run == run}
    left = [
        _guarded(replace(row, cause=Cause.TO_SEND, reason=""), acting)
        for row in ledger.unsent(run)
        if row.n not in open_
    ]
    if not left and open_:
        raise PlanRefused(
            f"run {run} of this plan has {len(open_)} sends without an answer that cannot be looked at now, and "
            "nothing else is left to send; try again later, or plan again"
        )
    if not left:
        held = sum(count for cause, count in ledger.totals(run).items() if cause.outcome is Outcome.HELD)
        way_out = f"; {held} of its rows are held: `syncjob approve {run}` sends them, or" if held else ":"
        raise PlanRefused(
            f"this plan was sent already, by run {run}, and nothing of it is left to send{way_out} plan again"
        )
    ledger.resume(run, left, open_, job.world.now().timestamp())
    job.log.info("run.resumed", run=run, plan=plan.header.id, rows=len(left))
    return run


def _facts(job: Job, plan: PlanFile, lifted: frozenset[str]) -> dict[str, object]:
    """What a report says of the run besides its rows, and what only the ledger keeps: who, and why."""
    head = plan.header
    return {
        "job": job.settings.job,
        "remote": job.settings.remote.url,
        "tenant": job.settings.remote.tenant,
        "plan": head.id,
        "source": head.source,
        "digest": head.digest,
        "columns": list(head.columns),
        "written_at": head.written_at,
        "correlation_id": job.correlation_id,
        "allowed": sorted({*job.allowed, *lifted}),
        "notes": [note for note in plan.footer.notes if not note.startswith(COST)],
        "plan_requests": dict(plan.footer.requests) if plan.fresh else {},
        "undoes": head.undoes,
        "operator": job.operator,
        "signed_in": job.signed_in,
        "reason": job.reason,
        **({"approves": job.approves, "approved_by": job.operator} if job.approves else {}),
    }
