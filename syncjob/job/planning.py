"""From a file to a plan: the first half of the story. It reads, and has no way to write to the remote."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from syncjob import planfile
from syncjob.core import guard
from syncjob.core.diff import diff
from syncjob.core.tally import Tally
from syncjob.exchange import Exchange
from syncjob.job.context import Job
from syncjob.job.observing import Decide, Looking, observe
from syncjob.job.pacing import foretold, learned
from syncjob.job.reading import Given, Input, from_file, read
from syncjob.job.remembering import remembering, tally_of
from syncjob.model import Cause, Observed
from syncjob.planfile import Draft, Footer, Header, Line, PlanFile
from syncjob.remote import Reader, opened

Take = Callable[[Path], Given]
Fill = Callable[[Path, Draft], Input]


class Asked(Struct, frozen=True):
    """What is to be planned: `fill` puts the rows into the draft, `decide` holds each against its referral.

    `undoes` is the run that is taken back; `by_id` says that every row names its referral for certain. `witness` sees
    what was observed.
    """

    fill: Fill
    decide: Decide = diff
    undoes: str = ""
    by_id: bool = False
    witness: Callable[[Observed], None] | None = None


class _Looked(Struct, frozen=True):
    """When the remote was looked at, by which requests, and how many pages and single referrals they have brought.

    `per_s` is the rate that it has borne meanwhile; None where it refused nothing.
    """

    at: datetime
    requests: Mapping[str, int]
    pages: int = 0
    reads: int = 0
    per_s: float | None = None


async def plan(job: Job, file: Path, out: Path, folder: Path | None = None) -> PlanFile:
    """Read the file, hold every row against the remote, and write the plan to `out`.

    Its copy stays in the `folder` where one is named, for the run that sends the plan to archive.
    """
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="syncjob-")))
        given = from_file(job, file, place)
        made = await plan_given(job, lambda _: given, out)
        made.copy = given.copy if folder else None
        return made


async def plan_given(job: Job, take: Take, out: Path) -> PlanFile:
    """Plan rows wherever they come from; `take` is handed a folder of the run's own."""
    return await plan_asked(job, Asked(lambda folder, draft: read(job, take(folder), draft)), out)


async def plan_asked(job: Job, asked: Asked, out: Path) -> PlanFile:
    """Plan what is asked, however it came about."""
    with tempfile.TemporaryDirectory(prefix="syncjob-") as name, Draft(Path(name)) as draft:
        read_in = asked.fill(Path(name), draft)
        notes: tuple[str, ...] = ()
        waiting, observed_at = draft.count(waiting=True), job.world.now()
        looked = _Looked(observed_at, {})
        if waiting:
            with remembering(job, undoing=bool(asked.undoes)) as memory:
                async with opened(Reader, job.access()) as clients:
                    known = learned(job, memory.ledger)
                    exchange = Exchange(
                        clients, job.settings.limits, job.world, job.log, rows=waiting, until=job.until, learned=known
                    )
                    looking = Looking(job, exchange, draft, memory, asked.decide, asked.witness, asked.by_id)
                    notes = await observe(looking)
            rate = exchange.pace.rate
            borne = rate.per_s if rate.refusals and rate.sure else None
            looked = _Looked(observed_at, exchange.requests, exchange.pages, exchange.reads, borne)
        read_in = replace(read_in, notes=(*read_in.notes, *notes))
        _write(job, draft, read_in, looked, out, asked)
    made = PlanFile(out)
    made.fresh = True
    return made


def _write(
    job: Job,
    draft: Draft,
    read_in: Input,
    looked: _Looked,
    out: Path,
    asked: Asked,
) -> None:
    """Count what the guards count, then write header, rows and footer."""
    header = Header(
        id=job.world.mark(),
        job=job.settings.job,
        remote=job.settings.remote.url,
        tenant=job.settings.remote.tenant,
        config=job.settings.deciding(),
        source=read_in.source,
        digest=read_in.digest,
        columns=read_in.columns,
        made_at=job.world.now().isoformat(timespec="seconds"),
        observed_at=looked.at.isoformat(timespec="milliseconds"),
        moves=read_in.moves,
        undoes=asked.undoes,
        written_at="" if read_in.written is None else datetime.fromtimestamp(read_in.written, UTC).isoformat(),
    )
    with remembering(job) as memory:
        tally, per_s = tally_of(job, header, memory.ledger), learned(job, memory.ledger)

    def footer() -> Footer:
        assert sum(tally.totals.values()) == draft.count(), "rows in = rows settled"
        verdicts = guard.verdicts(tally, job.settings.guards, job.allowed)
        rate = looked.per_s or per_s
        notes = (*read_in.notes, *foretold(job, looked.pages, looked.reads, tally.changes, rate))
        return Footer(tally.totals, verdicts, looked.requests, notes)

    planfile.write(out, header, _counted(job, draft, tally), footer)
    job.log.info("plan.made", plan=header.id, rows=tally.rows, changes=tally.changes, requests=dict(looked.requests))


def _counted(job: Job, draft: Draft, tally: Tally) -> Iterator[Line]:
    """Count and log the lines on their way into the plan."""
    for line in draft.settled():
        if line.cause is Cause.TO_SEND:
            tally.add(line.settled(), guard.touched)
        else:
            tally.count(line.cause)
            job.log.info("row.settled", n=line.n, line=line.line, outcome=line.cause.outcome, cause=line.cause)
        yield line
