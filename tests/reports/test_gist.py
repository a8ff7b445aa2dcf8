"""What a report comes to, in a headline that is true of a plan, a run, a rehearsal, and of what came to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncjob.model import Cause, Operation, Report, Settled, Triple, Verdict
from syncjob.reports.gist import Gist, Upshot, grouped

Rows = Callable[..., Settled]
Reports = Callable[..., Report]
CLOSE = (Operation("replace", "/status", "Closed"), Operation("replace", "/substatus", "Won"))


def upshot(report: Report) -> Upshot:
    """Give what it comes to."""
    return Gist.of(report).upshot


def run(**known: Any) -> dict[str, Any]:
    """Give the facts of a run that has ended."""
    return {"id": "r-7", "job": "nightly", "ended_at": "2026-11-02T02:10:00Z", "exit_code": 0} | known


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "a broken assumption"),
        (5, "a person must sign in"),
        (7, "the remote, the retries or the time"),
        (8, "the disk or the ledger"),
        (130, "was stopped"),
        (143, "was stopped"),
        (None, "has not ended, or broke off"),
    ],
)
def test_a_run_that_was_cut_short_says_so_first(report_of: Reports, row_of: Rows, code: int | None, words: str) -> None:
    """Never as a success, however much had been sent by then."""
    facts = run(exit_code=code, ended_at=None if code is None else "2026-11-02T02:10:00Z")
    found = upshot(report_of(row_of(1, Cause.CONFIRMED), row_of(2, Cause.STOPPED), run=facts, requests={"PATCH": 1}))
    assert found.level == "stopped"
    assert words in found.headline
    assert found.also[0] == "1 row changed and verified."
    assert "1 row needs a person, or the next run." in found.also


def test_a_rehearsal_is_no_plan_and_no_run(report_of: Reports, row_of: Rows) -> None:
    """What would have changed, and that nothing went to Partner Center."""
    found = upshot(report_of(row_of(1, Cause.CONFIRMED), kind="rehearsal", requests={"PATCH": 1}))
    assert found.headline == "Rehearsal: 1 row would have been changed."
    assert found.also[0].startswith("Nothing was sent to Partner Center")


def test_a_refused_run_gives_the_guard_s_own_words(report_of: Reports, row_of: Rows) -> None:
    """Who has to look reads the numbers at once."""
    verdict = Verdict("changes", 8, 5, holds=False, message="8 of 22 rows would change, 5 allowed: nothing is sent")
    facts = {"id": "p-1", "refused_by": "guard changes (8, limit 5)"}
    found = upshot(report_of(row_of(1, Cause.TO_SEND), kind="plan", run=facts, verdicts=(verdict,)))
    assert (found.level, found.headline) == (
        "stopped",
        "This run was refused by guard changes (8, limit 5). Nothing was sent.",
    )
    assert found.also[:2] == (verdict.message, "1 row would have changed.")


def test_what_was_done_for_good_is_counted_however_much_is_held(report_of: Reports, row_of: Rows) -> None:
    """Sixty held closes do not hide ten that were made."""
    status = Triple("/status", "Active", "Closed"), Triple("/substatus", "Accepted", "Won")
    held = [row_of(n, Cause.CLOSES, "held", triples=status, operations=CLOSE) for n in range(1, 61)]
    done = [row_of(n, Cause.CONFIRMED, triples=status, operations=CLOSE) for n in range(61, 71)]
    gist = Gist.of(report_of(*held, *done, run=run(exit_code=3), requests={"PATCH": 10}))
    assert (gist.held.count, gist.for_good.count, len(gist.held.rows)) == (60, 10, 20)
    assert "Closed or accepted for good: 10 rows." in gist.upshot.also


def test_a_file_without_rows_is_not_called_well(report_of: Reports) -> None:
    """It was let through by --allow rows; nobody takes it for a night on which all is in step."""
    assert upshot(report_of(kind="plan", run={"id": "p-1"})).headline == "The file held no rows."


def test_an_undo_that_can_take_nothing_back_needs_a_look(report_of: Reports, row_of: Rows) -> None:
    """The rows are refused, with reasons: that is not calm."""
    facts = {"id": "p-1", "undoes": "r-7"}
    found = upshot(report_of(row_of(1, Cause.MOVED_SINCE, "was edited since"), kind="plan", run=facts))
    assert (found.level, found.headline) == ("attention", "To take back run r-7: Nothing is to be sent.")
    assert "1 row is refused by a rule." in found.also


def test_what_the_configuration_tolerates_is_told_and_not_raised(report_of: Reports, row_of: Rows) -> None:
    """Exit code 0: the rows are named, the page is not amber."""
    found = upshot(report_of(row_of(1, Cause.CONFIRMED), row_of(2, Cause.NOT_FOUND), run=run(), requests={"PATCH": 1}))
    assert found.level == "good"
    assert "The configuration tolerates that (exit code 0)." in found.also


def test_no_country_takes_the_groups_of_a_number_for_a_fraction() -> None:
    """A thin space (ISO 80000-1): 3,500 would be three and a half in half of Europe."""
    assert [grouped(one) for one in (0, 999, 3_500, 1_234_567)] == ["0", "999", "3\u202f500", "1\u202f234\u202f567"]


def test_currencies_are_ranked_by_rows_and_what_is_left_out_is_said(report_of: Reports, row_of: Rows) -> None:
    """A million yen is no more than ten thousand euros."""
    from syncjob.reports import html

    def row(n: int, currency: str, by: int) -> Settled:
        triples = (Triple("/details/dealValue", 0, by), Triple("/details/currency", currency, currency))
        operations = (Operation("replace", "/details/dealValue", by),)
        return row_of(n, Cause.CONFIRMED, triples=triples, operations=operations)

    many = [row(n, "EUR", 10) for n in range(1, 6)] + [row(6, "JPY", 10**6), row(7, "USD", 5), row(8, "SEK", 5)]
    page = "".join(html.render(report_of(*many, requests={"PATCH": 8})))
    assert page.index("By outcome, EUR") < page.index("By outcome, JPY")
    assert "Not drawn, since they move in fewer rows: 1 more currency." in page
