"""What is held or refused until a person says so: counts, limits, words with numbers, and `--allow`."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from asked import CONSENT, STATUS
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.guard import NAMES, allowances, held, touched, verdicts
from syncjob.core.tally import Earlier, Tally
from syncjob.errors import UsageRefused
from syncjob.model import UNKNOWN, Cause, Operation, Place, Settled, Triple, Verdict
from syncjob.settings.guards import Guards

CLOSE = Operation("replace", STATUS, "Closed")
GIVE = Operation("replace", CONSENT, True)
NAME = Operation("replace", "/name", "x")


def planned(*operations: Operation, triples: tuple[Triple, ...] = ()) -> Settled:
    """Give a row of a plan: one that is to be sent, or one in step where it has no operation."""
    cause = Cause.TO_SEND if operations else Cause.IN_STEP
    place = Place("deals.csv", 2)
    return Settled(1, place, "CRM-1", {}, cause, "", "id-1", '"e"', triples=triples, operations=operations)


def tally(*rows: list[Operation], unchanged: int = 0) -> Tally:
    """Count these rows, and so many that change nothing."""
    counted = Tally()
    for operations in [*rows, *([[]] * unchanged)]:
        counted.add(planned(*operations), touched)
    return counted


def judged(counted: Tally, allowed: dict[str, int | None] | None = None, **guards: Any) -> list[tuple[str, int, int]]:
    """Give which guards would act, each with its numbers."""
    return [(one.guard, one.count, one.limit) for one in verdicts(counted, Guards(**guards), allowed or {})]


def _tally(rows: int, changes: int = 0, **known: Any) -> Tally:
    return Tally(**known, totals=Counter({Cause.TO_SEND: changes, Cause.IN_STEP: rows - changes}))


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        (CLOSE, ["closes"]),
        (Operation("add", STATUS, "Closed"), ["closes"]),
        (Operation("replace", STATUS, "Active"), []),
        (Operation("replace", "/substatus", "Closed"), []),
        (Operation("replace", "/statusReason", "Closed"), []),
        (GIVE, ["consent"]),
        (Operation("replace", CONSENT, False), []),
        (Operation("add", "/consent", {"consentToShareReferralWithMicrosoftSellers": True}), ["consent"]),
        (Operation("add", "/consent", {"consentToShareReferralWithMicrosoftSellers": False}), []),
        (Operation("add", "/consent", {"consentToContact": True}), []),
        (Operation("add", "/consent", None), []),
        (NAME, []),
    ],
)
def test_a_guard_sees_what_an_operation_puts_wherever_it_hangs(operation: Operation, names: list[str]) -> None:
    """A close or a consent counts, at its own path and below a parent that is added."""
    assert touched(planned(operation)) == names


def test_rows_are_counted_not_operations() -> None:
    """A row that closes and gives counts once for each guard, and once as a change."""
    counted = tally([CLOSE, GIVE, CLOSE, NAME], [NAME], unchanged=3)
    assert (counted.rows, counted.changes, dict(counted.held)) == (5, 2, {"closes": 1, "consent": 1})


def test_by_default_no_close_and_no_consent_goes_unseen() -> None:
    """The limits are 0 until somebody raises them; the words carry the numbers and the way out."""
    closes, consent = verdicts(tally([CLOSE], [CLOSE], [GIVE]), Guards(), {})
    assert closes == Verdict(
        "closes",
        2,
        0,
        holds=True,
        message="2 rows would close a referral, 0 allowed: held; to send, --allow closes or --allow closes=2",
    )
    assert consent.message == (
        "1 row would give a consent, 0 allowed: held; to send, --allow consent or --allow consent=1"
    )
    assert consent.holds


@pytest.mark.parametrize(
    ("allowed", "limit", "acts"),
    [
        ({}, 2, False),
        ({}, 1, True),
        ({}, None, False),
        ({"closes": None}, 0, False),
        ({"closes": 2}, 0, False),
        ({"closes": 1}, 5, True),
        ({"consent": None}, 1, True),
    ],
)
def test_closes_are_held_above_their_limit(allowed: dict[str, int | None], limit: int | None, *, acts: bool) -> None:
    """The allowed limit stands in for the configured one, upwards and downwards; null never holds."""
    assert bool(judged(tally([CLOSE], [CLOSE]), allowed, closes=limit)) == acts


@pytest.mark.parametrize(
    ("changes", "unchanged", "limit", "acts"),
    [
        (15, 35, 0.3, False),
        (16, 34, 0.3, True),
        (49, 0, 0.3, False),  # a share of fewer than 50 rows says nothing
        (50, 0, 0.3, True),
        (50, 0, 1.0, False),
        (29, 71, 0.29, False),  # 0.29 * 100 is a hair below 29
        (30, 70, 0.29, True),
        (3, 0, 3, False),
        (4, 0, 3, True),
        (1, 0, 0, True),
        (60, 0, None, False),
        (1, 49, 0.0, True),
    ],
)
def test_too_many_changes_refuse_the_run(changes: int, unchanged: int, limit: Any, *, acts: bool) -> None:
    """A share counts from 50 rows up, a count always."""
    assert bool(judged(tally(*([[NAME]] * changes), unchanged=unchanged), changes=limit)) == acts


def test_the_refusal_of_a_run_carries_its_numbers_and_its_way_out() -> None:
    """How many of how many, what is allowed, what to do."""
    [verdict] = verdicts(tally(*([[NAME]] * 20), unchanged=30), Guards(), {})
    assert (verdict.guard, verdict.count, verdict.limit, verdict.holds) == ("changes", 20, 15, False)
    assert verdict.message == (
        "20 of 50 rows would change (40%), 15 allowed: nothing is sent;"
        " look at the plan, then --allow changes or --allow changes=20"
    )


def test_changes_can_be_allowed() -> None:
    """Lifted altogether, or to a number."""
    counted = tally(*([[NAME]] * 50))
    assert judged(counted, {"changes": None}) == []
    assert judged(counted, {"changes": 50}) == []
    assert judged(counted, {"changes": 49}) == [("changes", 50, 49)]
    assert judged(tally([NAME]), {"changes": 0}) == [("changes", 1, 0)]


@given(st.integers(50, 10_000), st.integers(0, 100), st.data())
def test_a_share_allows_exactly_its_part(rows: int, percent: int, data: st.DataObject) -> None:
    """So many per cent of the rows may change, and not one more: floating point takes none away."""
    changes = data.draw(st.integers(0, rows))
    counted = _tally(rows, changes)
    assert bool(judged(counted, changes=percent / 100)) == (changes * 100 > percent * rows)


def test_a_held_row_names_its_guard() -> None:
    """Only the guards that act hold, and only the rows that they concern."""
    acting = verdicts(tally([CLOSE], [GIVE]), Guards(), {})
    found = held(planned(CLOSE, NAME), acting)
    assert found is not None
    assert found[0] is Cause.CLOSES
    assert found[1].startswith("guard closes: 1 row would close a referral, ")
    assert held(planned(GIVE), acting) == (Cause.CONSENT, f"guard consent: {acting[1].message}")
    assert held(planned(NAME), acting) is None
    assert held(planned(CLOSE), verdicts(tally([CLOSE]), Guards(), {"closes": None})) is None
    refusing = verdicts(tally(*([[NAME]] * 50)), Guards(), {})
    assert held(planned(NAME, CLOSE), refusing) is None


def test_allowances_are_a_name_or_a_name_and_a_limit() -> None:
    """A bare name lifts the guard; the last word counts."""
    assert allowances(["closes=3", "changes", "consent=0", "rows"]) == {
        "closes": 3,
        "changes": None,
        "consent": 0,
        "rows": None,
    }
    assert allowances(["closes", "closes=1"]) == {"closes": 1}
    assert allowances([]) == {}


def test_every_mistake_in_an_allowance_is_named_at_once() -> None:
    """A typo must not lift or leave a guard in silence."""
    with pytest.raises(UsageRefused) as refused:
        allowances(["closed", "xyz", "changes=30%", "closes=", "consent=-1", "closes=2"])
    assert refused.value.problems == (
        "--allow closed: no guard is called 'closed'; did you mean 'closes'?",
        "--allow xyz: no guard is called 'xyz'",
        "--allow changes=30%: the limit must be a whole number, as in changes=5",
        "--allow closes=: the limit must be a whole number, as in closes=5",
        "--allow consent=-1: the limit must be a whole number, as in consent=5",
        f"the guards are {', '.join(NAMES)}",
    )


def test_every_guard_says_what_it_lifts() -> None:
    """A question at the terminal reads these words."""
    assert all(re.search(r"\((rows are held|the run is refused|the file is refused)\)$", one) for one in NAMES.values())


@pytest.mark.parametrize(
    ("rows", "before", "limit", "allowed", "acts"),
    [
        (29, 60, 0.5, {}, ["rows"]),
        (30, 60, 0.5, {}, []),
        (1, 49, 0.5, {}, []),
        (1, 0, 0.5, {}, []),
        (29, 60, 0.5, {"rows": None}, []),
        (29, 60, 0.5, {"rows": 29}, []),
        (29, 60, 0.5, {"rows": 30}, ["rows"]),
        (29, 60, None, {}, []),
        (29, 60, 40, {}, ["rows"]),
        (29, 0, 40, {}, []),
    ],
)
def test_far_fewer_rows_than_last_time_refuse_the_run(
    rows: int, before: int, limit: float | None, allowed: dict[str, int | None], acts: list[str]
) -> None:
    """Half an export looks like a whole one; shares count from fifty rows."""
    found = verdicts(_tally(rows, earlier=Earlier(before)), Guards(rows=limit), allowed)
    assert [one.guard for one in found] == acts
    assert all(f"{before} rows last time, {rows} now: nothing is sent" in one.message for one in found)


STAGE = "/salesStage"


def seen(path: str, base: Any = UNKNOWN) -> Triple:
    """Give what is known of a field that the row would change."""
    return Triple(path, "old", "new", base)


@pytest.mark.parametrize(
    ("operation", "triples", "holds"),
    [
        (NAME, (seen("/name"),), True),
        (NAME, (seen("/name", "old"),), False),
        (NAME, (seen("/name", None),), False),  # nothing is a base like any other
        (NAME, (seen("/name", "old"), seen(STAGE)), False),  # only what the patch touches has to have a history
        (Operation("add", "/team/-", {"email": "a@b.example"}), (seen("/team"),), True),
        (Operation("add", "/team/-", {"email": "a@b.example"}), (seen("/team", []),), False),
        (Operation("add", "/details", {"notes": "x"}), (seen("/details/notes"),), True),
        (Operation("add", "/details", {"notes": "x"}), (seen("/details/notes", ""),), False),
        (Operation("add", "/details", {"notes": "x"}), (seen("/details/currency"),), False),
        (Operation("replace", "/name", "x"), (seen("/nameOfAnother"),), False),
    ],
)
def test_a_row_whose_patch_touches_what_has_no_history_is_first_run(
    operation: Operation, triples: tuple[Triple, ...], *, holds: bool
) -> None:
    """At its own path, at a list's end, and below a parent that is added; what is not sent needs no history."""
    row = planned(operation, triples=triples)
    assert ("first-run" in touched(row)) == holds
    assert ("first-run" in touched(row.change())) == holds


def test_by_default_nothing_without_a_history_goes_unseen() -> None:
    """Rows count, not fields; the words carry the number and both ways out: to send, and to let Partner Center be."""
    both = planned(NAME, Operation("replace", STAGE, "20"), triples=(seen("/name"), seen(STAGE)))
    known = planned(NAME, triples=(seen("/name", "old"),))
    counted = Tally()
    for row in (both, known, both):
        counted.add(row, touched)
    [verdict] = verdicts(counted, Guards(), {})
    assert verdict == Verdict(
        "first-run",
        2,
        0,
        holds=True,
        message="2 rows would change what has no history yet, 0 allowed: held; to send, --allow first-run or"
        " --allow first-run=2; where Partner Center is right, --adopt remote",
    )
    assert held(both, [verdict]) == (Cause.FIRST_RUN, f"guard first-run: {verdict.message}")
    assert held(known, [verdict]) is None


@pytest.mark.parametrize(
    ("allowed", "limit", "acts"),
    [
        ({}, 0, True),
        ({}, 1, True),
        ({}, 2, False),
        ({}, None, False),
        ({"first-run": None}, 0, False),
        ({"first-run": 2}, 0, False),
        ({"first-run": 1}, None, True),
        ({"closes": None}, 0, True),
    ],
)
def test_first_run_is_lifted_like_any_guard(allowed: dict[str, int | None], limit: int | None, *, acts: bool) -> None:
    """By its configured limit, null never; by name or number for one run."""
    counted = Tally()
    for _ in range(2):
        counted.add(planned(NAME, triples=(seen("/name"),)), touched)
    assert bool(judged(counted, allowed, first_run=limit)) == acts


def test_a_row_that_two_guards_would_hold_names_one_that_still_acts() -> None:
    """Lifting one leaves the other: closing what has no history takes both words."""
    row = planned(CLOSE, triples=(seen(STATUS),))
    counted = Tally()
    counted.add(row, touched)
    for allowed, cause in (
        ({}, Cause.CLOSES),
        ({"closes": None}, Cause.FIRST_RUN),
        ({"first-run": None}, Cause.CLOSES),
    ):
        found = held(row, verdicts(counted, Guards(), allowed))
        assert found is not None
        assert found[0] is cause
    assert held(row, verdicts(counted, Guards(), {"closes": None, "first-run": None})) is None


@pytest.mark.parametrize(
    ("changes", "undone", "acts"),
    [(10, 100, False), (31, 100, True), (30, 100, False), (49, 49, False), (50, 50, True)],
)
def test_an_undo_is_held_against_the_rows_of_the_run_that_it_takes_back(
    changes: int, undone: int, *, acts: bool
) -> None:
    """All its own rows change; what counts is how much of the run they were."""
    counted = _tally(changes, changes, rows_undone=undone)
    found = verdicts(counted, Guards(changes=0.3), {})
    assert bool(found) == acts
    assert all(f"{changes} of the {undone} rows of the run would change" in one.message for one in found)
