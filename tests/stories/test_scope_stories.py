"""A run about some rows, for some time, with so many failures: every row has its ending all the same."""

from __future__ import annotations

import time

import pytest
from desk import Desk, crm, guid, referral, renamed

from syncjob.sandbox.faults import Rates
from syncjob.sandbox.messages import Request


@pytest.fixture
def three(desk: Desk) -> Desk:
    """Three rows that each ask for two fields."""
    desk.box.empty(referral(n) for n in range(1, 7))
    desk.rows(*({"CRM Id": crm(n), "Deal": f"New {n}", "Action": "Call"} for n in (1, 2, 3)))
    return desk


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("--select", crm(1)), {crm(1)}),
        (("--select", f"key={crm(1)},{crm(3)}"), {crm(1), crm(3)}),
        (("--select", "row=2"), {crm(2)}),
        (("--exclude", crm(1)), {crm(2), crm(3)}),
        (("--select", "row=1,2", "--exclude", "row=2"), {crm(1)}),
        (("--select", crm(1), "--select", crm(2)), {crm(1), crm(2)}),
        (("--select", crm(1), "--select", "row=2"), set()),
    ],
)
def test_only_what_is_selected_is_planned_and_sent(three: Desk, words: tuple[str, ...], sent: set[str]) -> None:
    """The others are not looked at and need nobody; exit 0, and they go in the next run."""
    said = three.run("apply", "--yes", "--json", *words)
    assert said.code == 0, said.err
    assert {key for key, outcome in said.outcomes.items() if outcome == "applied"} == sent
    assert {cause for key, cause in said.causes.items() if key not in sent} <= {"not_selected"}
    assert said.report["totals"]["rows"] == 3
    assert "not_selected" not in three.run("plan", *words).out
    assert three.run("apply", "--yes").code == 0
    assert len(three.box.patches) == 3


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--exclude", "CRM-0001"), "CRM-0001"),
        (("--select", f"{crm(1)},CRM-0002"), "CRM-0002"),
        (("--select", f"{crm(1)};{crm(2)}"), f"{crm(1)};{crm(2)}"),
        (("--select", "row=2,row=9"), "row=9"),
        (("--exclude", "row=4", "--exclude", "key=none"), "none, row=4"),
        (("--select", guid(2)), guid(2)),  # the row names no referral by id
    ],
)
def test_what_names_no_row_is_refused(three: Desk, words: tuple[str, ...], named: str) -> None:
    """A slip of the pen would send the row that was meant to stay, or nothing: exit 2, nothing sent."""
    said = three.run("apply", "--yes", *words)
    assert (said.code, three.box.patches) == (2, []), said.err
    assert f"has no row {named}; nothing was sent" in said.err


def test_fields_that_no_column_feeds_are_refused(three: Desk) -> None:
    """A run over nothing would look like one in which all is well."""
    said = three.run("plan", "--only-fields", "salesStage")
    assert (said.code, "no column feeds salesStage" in said.err) == (2, True), said.err


def test_fields_are_selected_and_excluded_like_rows(three: Desk) -> None:
    """`field=` narrows to them, or leaves them out."""
    one = three.run("plan", "--json", "--select", f"key={crm(1)}", "--select", "field=name").report["rows"][0]
    assert [operation["path"] for operation in one["patch"]] == ["/name"]
    other = three.run("plan", "--json", "--exclude", "field=name").report["rows"][0]
    assert [operation["path"] for operation in other["patch"]] == ["/details/customerAction"]


def test_rows_are_selected_by_how_they_ended_last_time(three: Desk) -> None:
    """What was held or put off alone is tried again; without a last run nothing is selected."""
    none = three.run("plan", "--json", "--select", "outcome=deferred")
    assert set(none.causes.values()) == {"not_selected"}
    three.box.rates = Rates(locked=1)
    three.rows(*renamed(1), {"CRM Id": crm(2), "Deal": "Deal 2"})
    assert three.run("apply", "--yes").code == 3
    three.box.rates = Rates()
    three.rows(*renamed(1, 2))
    said = three.run("apply", "--yes", "--json", "--select", "outcome=locked")
    assert said.causes == {crm(1): "confirmed", crm(2): "not_selected"}
    again = three.run("apply", "--yes", "--json", "--exclude", "outcome=unchanged")
    assert again.causes == {crm(1): "in_step", crm(2): "not_selected"}, "a run about others is not how a row has ended"


def test_an_invalid_row_that_is_not_selected_needs_nobody(three: Desk) -> None:
    """A run about one deal does not fail on another."""
    three.rows(*renamed(1), {"CRM Id": crm(2), "Amount": "many", "Currency": "EUR"})
    assert three.run("apply", "--yes", "--select", crm(1)).code == 0
    assert three.run("apply", "--yes").code == 3


def test_twins_that_disagree_are_both_invalid_whichever_is_selected(three: Desk) -> None:
    """To select one of them by its number settles nothing."""
    three.rows(*renamed(1), *renamed(1, name="Other {}"))
    said = three.run("apply", "--yes", "--json", "--select", "row=1")
    assert (said.code, three.box.patches) == (3, [])
    assert said.report["rows"][0]["cause"] == "twins_disagree"


@pytest.mark.parametrize(
    "words",
    [
        ("--select", "field=name", "--exclude", "field=name"),
        ("--only-fields", "name", "--select", "field=notes"),
        ("--only-fields", "status", "--exclude", "field=substatus"),
    ],
)
def test_options_that_leave_no_field_do_not_mean_all(three: Desk, words: tuple[str, ...]) -> None:
    """Exit 2; what is left of the fields is nothing, and nothing is not everything."""
    said = three.run("apply", "--yes", *words)
    assert (said.code, "leave no field between them" in said.err, three.box.patches) == (2, True, [])


def test_shares_are_of_the_rows_that_the_run_is_about(desk: Desk) -> None:
    """A column that slipped is no smaller a thing because most of the file was left out."""
    desk.box.empty(referral(n) for n in range(1, 301))
    desk.configure(guards={"first_run": None, "column": "25%", "changes": None})
    desk.rows(*renamed(*range(1, 301)))
    words = [word for n in range(1, 61) for word in ("--select", f"row={n}")]
    said = desk.run("apply", "--yes", *words)
    assert (said.code, desk.box.patches) == (6, [])
    assert "of 60 rows column 'Deal' (name) in 60 would change, 15 allowed" in said.err


def test_a_kept_plan_is_not_narrowed(three: Desk) -> None:
    """What is shown is what is sent."""
    assert three.run("plan", "-o", "kept.plan").code == 0
    said = three.run("apply", "kept.plan", "--yes", "--select", crm(1))
    assert (said.code, three.box.patches) == (2, [])


def test_when_the_time_is_up_the_rest_waits_for_the_next_run(three: Desk) -> None:
    """Exit 7; a row in flight gets its ending, and the next run sends what was left."""
    three.configure(limits={"concurrency": 1})

    def slowly(request: Request) -> None:
        if request.method == "PATCH":
            time.sleep(1.1)

    three.box.watch = slowly
    said = three.run("apply", "--yes", "--json", "--max-duration", "1s")
    three.box.watch = None
    assert said.code == 7
    causes = list(said.causes.values())
    assert causes.count("confirmed") <= 1
    assert causes.count("time_up") >= 2
    words = f"note: {causes.count('time_up')} rows were not sent: the run's time was up; apply the same plan again"
    assert words in said.err
    late = next(n for n in (1, 2, 3) if said.causes[crm(n)] == "time_up")
    told = three.run("explain", "last", crm(late)).out
    assert "was about to leave" not in told or ", and did not, MS-RequestId" in told
    assert three.run("apply", "--yes").code == 0
    assert len(three.box.patches) == 3


def test_a_run_that_has_no_time_sends_nothing(three: Desk) -> None:
    """Not even its listing is read to the end."""
    said = three.run("apply", "--yes", "--json", "--max-duration", "0s")
    assert (said.code, three.box.patches) == (7, [])
    assert "the run's time is up" in said.err + said.out


def test_too_many_failures_end_the_run(three: Desk) -> None:
    """A remote that refuses everything is not asked a thousand times; exit 7, and the rest waits."""
    three.configure(limits={"concurrency": 1, "errors_max": 1, "attempts_max": 2}, guards={"changes": None})
    three.box.rates = Rates(stubborn=1)
    three.rows(*renamed(1, 2, 3, 4, 5, 6))
    said = three.run("apply", "--yes", "--json")
    assert said.code in (1, 7)
    assert list(said.causes.values()).count("etag_refused") == 2
    assert list(said.causes.values()).count("errors_max") == 4
    three.box.rates = Rates()
    assert three.run("apply", "--yes", "--errors-max", "0").code == 0
