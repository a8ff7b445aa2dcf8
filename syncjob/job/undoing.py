"""From a run of the ledger to a plan that takes it back: read, shown and guarded like any plan. GET only.

It remembers nothing of what it sends: what the nightly job last agreed on stays, so that the next night sees that the
remote has moved back, and does not do it all again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from syncjob.core.selecting import Selection, Unmet
from syncjob.core.undoing import undo as decide
from syncjob.core.undoing import undone
from syncjob.errors import InputRefused, UsageRefused
from syncjob.job.context import Job
from syncjob.job.planning import Asked, plan_asked
from syncjob.job.reading import Input
from syncjob.job.showing import ended
from syncjob.ledger import Ledger
from syncjob.model import Settled
from syncjob.planfile import Draft, PlanFile

OVERWRITTEN = "merge.drift is overwrite: the next run over rows.file sends its values again; mend the CRM first"


async def undo(job: Job, ledger: Ledger, run: str, selected: Selection, out: Path) -> PlanFile:
    """Plan to take back what a run has sent, or the selected part of it."""
    fill = partial(_fill, job, ledger, run, selected)
    return await plan_asked(job, Asked(fill, decide, run, by_id=True), out)


def _fill(job: Job, ledger: Ledger, run: str, selected: Selection, _: Path, draft: Draft) -> Input:
    facts, count, unmet = ledger.facts(run), 0, Unmet(selected)
    for row in undone(_seen(ended(ledger, run), unmet), selected, job.rules):
        draft.add(row)
        count += 1
    if not count:
        what = " that is selected" if selected != Selection() else ""
        raise InputRefused(f"run {run}: has sent nothing{what}; there is nothing to undo")
    if unmet.words:
        raise UsageRefused(f"--select: run {run} has no row {', '.join(unmet.words)}")
    job.log.info("undo.read", run=run, rows=count)
    notes = (f"this takes back run {run}", *((OVERWRITTEN,) if job.rules.drift == "overwrite" else ()))
    return Input(facts["source"], facts["digest"], tuple(facts["columns"]), notes)


def _seen(rows: Iterable[Settled], unmet: Unmet) -> Iterator[Settled]:
    for row in rows:
        unmet.see(row)
        yield row
