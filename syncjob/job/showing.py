"""From a plan or a run to the `Report` that every renderer takes; nothing is counted a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from syncjob.core.fields import PRIVATE
from syncjob.core.report import by_outcome
from syncjob.errors import GuardRefused
from syncjob.job.observing import SAFE
from syncjob.ledger import Ledger
from syncjob.model import Cause, Outcome, Report, Settled, Verdict
from syncjob.planfile import PlanFile

BROKE_OFF = "this run broke off: apply the same plan again to take it up, or run the job once more"
AGAIN = "apply the same plan again to take them up, or run the job once more"
LEFT = {
    Cause.STOPPED: "the run was stopped",
    Cause.TIME_UP: "the run's time was up",
    Cause.BUDGET_SPENT: "the budget for retries was spent",
    Cause.REMOTE_UNAVAILABLE: "the remote could not be reached",
    Cause.ERRORS_MAX: "too many rows had failed",
    Cause.SIGN_IN: "somebody must sign in first: syncjob login",
    Cause.BROKEN: "an assumption broke",
}
"""Why a run has left rows, in words for its end."""

PERSONS = ("operator", "signed_in")  # of people the ledger tells, no report does


def of_plan(plan: PlanFile) -> Report:
    """Show a plan: what would be sent."""
    head = plan.header
    facts = {
        "id": head.id,
        "job": head.job,
        "remote": head.remote,
        "tenant": head.tenant,
        "source": head.source,
        "digest": head.digest,
        "made_at": head.made_at,
        "undoes": head.undoes,
        "notes": list(plan.footer.notes),
    }
    return Report(
        kind="plan",
        run=facts,
        totals=by_outcome(plan.footer.totals),
        requests=plan.footer.requests,
        columns=head.columns,
        private=PRIVATE,
        rows=plan.rows,
        verdicts=plan.footer.verdicts,
        loud=plan.loud,
    )


def of_refused(plan: PlanFile, refused: GuardRefused) -> Report:
    """Show a plan that guards have refused: each row that would have been sent says that it was not, and why."""
    words = f"nothing was sent: {' and '.join(refused.guards)} refused the run"

    def told(rows: Iterator[Settled]) -> Iterator[Settled]:
        for row in rows:
            yield replace(row, reason=words) if row.outcome is Outcome.PLANNED else row

    shown = of_plan(plan)
    facts = {**shown.run, "refused_by": " and ".join(refused.guards)}
    return replace(shown, run=facts, rows=lambda: told(plan.rows()), loud=lambda: told(plan.loud()))


def of_run(ledger: Ledger, run: str, verdicts: tuple[Verdict, ...] = (), *, alive: bool = False) -> Report:
    """Show a run as the ledger holds it, with the requests that its plan cost where both were made in the same go.

    A run that died has rows without an end: those with an intent are unsettled, be it one that went on record ahead of
    its turn and never left, the others are deferred. Of one that is `alive` they are planned.
    """
    facts = {name: value for name, value in ledger.facts(run).items() if name not in PERSONS}
    requests = dict(facts.pop("plan_requests", {}))
    for method, count in facts.pop("requests").items():
        requests[method] = requests.get(method, 0) + count
    if facts["ended_at"] is None or facts.get("resumed_at"):  # what the first process counted died with it
        requests["PATCH"] = max(requests.get("PATCH", 0), ledger.sent(run))
    columns = tuple(facts.pop("columns"))
    begun = frozenset() if alive else frozenset(ledger.attempts(run))
    totals = Counter(ledger.totals(run))
    if not alive:
        for settled in ledger.to_send(run):
            totals[broken_off(settled, begun).cause] += 1
        del totals[Cause.TO_SEND]
        facts["notes"] = [*facts.get("notes", ()), *_left(facts, totals)]

    def ended(rows: Iterator[Settled]) -> Iterator[Settled]:
        return rows if alive else (broken_off(row, begun) for row in rows)

    return Report(
        kind="run",
        run=facts,
        totals=by_outcome(totals),
        requests=requests,
        columns=columns,
        private=PRIVATE,
        rows=lambda: ended(ledger.outcomes(run)),
        verdicts=verdicts,
        loud=lambda: ended(ledger.loud(run)),
        written=lambda: (
            row if alive or isinstance(row, bytes) else broken_off(row, begun) for row in ledger.written(run)
        ),
    )


def _left(facts: Mapping[str, Any], totals: Mapping[Cause, int]) -> Iterator[str]:
    """Say of rows that a run has left how many they are, why, and how they go on; unless its plan has said so."""
    if facts["ended_at"] is None:
        yield BROKE_OFF
        return
    left = [cause for cause in LEFT if totals.get(cause)]
    if left and not any(SAFE in note for note in facts.get("notes", ())):
        count = sum(totals[cause] for cause in left)
        rows = "1 row was" if count == 1 else f"{count} rows were"
        yield f"{rows} not sent: {' and '.join(LEFT[cause] for cause in left)}; {AGAIN}"


def ended(ledger: Ledger, run: str) -> Iterator[Settled]:
    """Give the rows of a run that is at work no more, each with an end."""
    begun = frozenset(ledger.attempts(run))
    return (broken_off(row, begun) for row in ledger.outcomes(run))


def broken_off(row: Settled, begun: frozenset[int]) -> Settled:
    """Give the end of a row whose run ended before it; every other row as it is."""
    if row.cause is not Cause.TO_SEND:
        return row
    if row.n in begun:
        words = "its run ended before the answer; the next run looks"
        return replace(row, cause=Cause.ANSWER_UNKNOWN, reason=words)
    words = "its run ended before this row; apply the plan again, or run the job once more"
    return replace(row, cause=Cause.STOPPED, reason=words)
