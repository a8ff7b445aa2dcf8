"""From a plan or a run to the `Report` that every renderer takes; nothing is counted a second time."""

from __future__ import annotations

from collections.abc import Mapping

from syncjob.core.fields import PRIVATE
from syncjob.core.report import by_outcome
from syncjob.ledger import Ledger
from syncjob.model import Report, Verdict
from syncjob.planfile import PlanFile


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
    )


def of_run(ledger: Ledger, run: str, planned: Mapping[str, int], verdicts: tuple[Verdict, ...] = ()) -> Report:
    """Show a run as the ledger holds it; `planned` are the requests that its plan cost in the same go."""
    facts = ledger.facts(run)
    requests = dict(planned)
    for method, count in facts.pop("requests").items():
        requests[method] = requests.get(method, 0) + count
    columns = tuple(facts.pop("columns"))
    return Report(
        kind="run",
        run=facts,
        totals=by_outcome(ledger.totals(run)),
        requests=requests,
        columns=columns,
        private=PRIVATE,
        rows=lambda: ledger.outcomes(run),
        verdicts=verdicts,
    )
