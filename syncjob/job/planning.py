"""From a file to a plan: the first half of the story. It reads, and has no way to write to the remote."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncjob import planfile
from syncjob.core import guard
from syncjob.exchange import Exchange
from syncjob.job.context import Job
from syncjob.job.history import rows_before
from syncjob.job.observing import Looking, observe
from syncjob.job.reading import Given, Input, from_file, read
from syncjob.ledger import Ledger
from syncjob.model import Cause, Settled
from syncjob.planfile import Draft, Footer, Header, PlanFile
from syncjob.remote import Reader, opened

Take = Callable[[Path], Given]


async def plan(job: Job, file: Path, out: Path) -> PlanFile:
    """Read the file, hold every row against the remote, and write the plan to `out`."""
    return await plan_given(job, lambda folder: from_file(job, file, folder), out)


async def plan_given(job: Job, take: Take, out: Path) -> PlanFile:
    """Plan rows wherever they come from; `take` is handed a folder of the run's own."""
    with tempfile.TemporaryDirectory(prefix="syncjob-") as name, Draft(Path(name)) as draft:
        read_in = read(job, take(Path(name)), draft)
        requests: Mapping[str, int] = {}
        notes: tuple[str, ...] = ()
        waiting = draft.count(waiting=True)
        if waiting:
            async with opened(Reader, job.access()) as clients:
                exchange = Exchange(clients, job.settings.limits, job.world, job.log, rows=waiting)
                notes = await observe(Looking(job, exchange, draft, _kept(job)))
            requests = exchange.requests
        _write(job, draft, replace(read_in, notes=(*read_in.notes, *notes)), requests, out)
    return PlanFile(out)


def _kept(job: Job) -> Any:
    """Give what the ledger knows of the forms that the remote gives values; without a ledger nothing is known."""
    path = job.settings.ledger.file
    if path is None or not path.exists():
        return lambda _: {}
    with Ledger(path) as ledger:
        known = ledger.normal_forms(job.address)
    return lambda referral: known.get(referral, {})


def _rows_before(job: Job, source: str) -> int:
    path = job.settings.ledger.file
    if path is None or not path.exists():
        return 0
    with Ledger(path) as ledger:
        return rows_before(job, source, ledger)


def _write(job: Job, draft: Draft, read_in: Input, requests: Mapping[str, int], out: Path) -> None:
    """Count what the guards count, then write header, rows and footer."""
    tally, totals = guard.Tally(), Counter[Cause]()
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
    )
    tally.rows_before = _rows_before(job, read_in.source)
    for settled in draft.settled():
        totals[settled.cause] += 1
        tally.add(settled.operations if settled.cause is Cause.TO_SEND else ())
    assert sum(totals.values()) == draft.count(), "rows in = rows settled"
    verdicts = guard.verdicts(tally, job.settings.guards, job.allowed)
    planfile.write(out, header, _logged(job, draft), Footer(totals, verdicts, requests, read_in.notes))
    job.log.info("plan.made", plan=header.id, rows=tally.rows, changes=tally.changes, requests=dict(requests))


def _logged(job: Job, draft: Draft) -> Iterator[Settled]:
    for settled in draft.settled():
        if settled.cause is not Cause.TO_SEND:
            job.log.info(
                "row.settled", n=settled.n, line=settled.place.line, outcome=settled.outcome, cause=settled.cause
            )
        yield settled
