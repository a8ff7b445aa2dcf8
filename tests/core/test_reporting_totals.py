"""What a shell is told of a run: totals by outcome, exit codes by precedence, what is tolerated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.report import OF_CAUSE, PRECEDENCE, by_outcome, check_tolerate, exit_code
from syncjob.errors import Exit, UsageRefused
from syncjob.model import NEEDS_PERSON, Cause, Outcome

CALM = [one for one in Cause if one.outcome not in NEEDS_PERSON]


@pytest.mark.parametrize("cause", list(Cause), ids=str)
def test_every_cause_has_its_exit_code(cause: Cause) -> None:
    """One row that ended so decides: calm endings 0, a broken assumption 1, sign-in 5, remote 7, a person's 3."""
    special = {
        Cause.BROKEN: Exit.BROKEN,
        Cause.SIGN_IN: Exit.SIGN_IN,
        Cause.REMOTE_UNAVAILABLE: Exit.REMOTE,
        Cause.BUDGET_SPENT: Exit.REMOTE,
        Cause.TIME_UP: Exit.REMOTE,
        Cause.ERRORS_MAX: Exit.REMOTE,
        Cause.NOT_SELECTED: Exit.OK,
    }
    expected = special.get(cause, Exit.OK if cause in CALM else Exit.NEEDS_PERSON)
    assert exit_code({cause: 1, Cause.IN_STEP: 9}) is expected


def test_the_precedence_is_the_documented_one() -> None:
    """1, 8, 5, 6, 7, 3, 10, 0."""
    assert [int(one) for one in PRECEDENCE] == [1, 8, 5, 6, 7, 3, 10, 0]


def test_the_gravest_ending_speaks_for_the_run() -> None:
    """One after the other, the gravest left out each time."""
    totals = {Cause.BROKEN: 1, Cause.SIGN_IN: 1, Cause.BUDGET_SPENT: 1, Cause.BAD_CELL: 1, Cause.TO_SEND: 1}
    said = []
    while totals:
        said.append(int(exit_code(totals, pending=True)))
        del totals[next(iter(totals))]
    assert [*said, int(exit_code({}, pending=True))] == [1, 5, 7, 3, 10, 0]


def test_a_pending_difference_counts_only_when_asked() -> None:
    """`plan` says 0 unless it is asked for the detail."""
    assert exit_code({Cause.TO_SEND: 2}) is Exit.OK
    assert exit_code({Cause.TO_SEND: 2}, pending=True) is Exit.PENDING
    assert exit_code({Cause.IN_STEP: 2}, pending=True) is Exit.OK


def test_a_cause_that_did_not_occur_says_nothing() -> None:
    """A count of 0 is no row."""
    assert exit_code({Cause.BAD_CELL: 0, Cause.IN_STEP: 1}) is Exit.OK


@pytest.mark.parametrize("cause", [Cause.BUG, Cause.ETAG_REFUSED])
def test_the_same_bug_three_times_is_a_broken_assumption(cause: Cause) -> None:
    """Twice is two rows' misfortune; three times it is the run's, tolerated or not."""
    assert exit_code({cause: 2}) is Exit.NEEDS_PERSON
    assert exit_code({cause: 3}) is Exit.BROKEN
    assert exit_code({cause: 3}, ["failed"]) is Exit.BROKEN


def test_tolerated_outcomes_and_causes_need_no_person() -> None:
    """By the word of the outcome or of the cause; what is not named still counts."""
    totals = {Cause.NOT_FOUND: 3, Cause.REMOTE_REFUSED: 1}
    assert exit_code(totals, ["unmatched"]) is Exit.NEEDS_PERSON
    assert exit_code(totals, ["unmatched", "remote_refused"]) is Exit.OK
    assert exit_code(totals, ["not_found", "rejected"]) is Exit.OK
    assert exit_code({Cause.STOPPED: 1, Cause.LOCKED: 1}, ["deferred"]) is Exit.OK


@given(totals=st.dictionaries(st.sampled_from(list(Cause)), st.integers(0, 2)), pending=st.booleans())
def test_tolerating_everything_leaves_a_difference_or_a_run_that_came_to_nothing(
    totals: dict[Cause, int], *, pending: bool
) -> None:
    """Nothing but a pending difference is left, and whatever keeps a whole run from coming to anything."""
    everything = [str(one) for one in NEEDS_PERSON]
    found = exit_code(totals, everything, pending=pending)
    graver = {OF_CAUSE[cause] for cause, count in totals.items() if count and cause in OF_CAUSE}
    calm = Exit.PENDING if pending and totals.get(Cause.TO_SEND) else Exit.OK
    assert found is next((one for one in PRECEDENCE if one in graver), calm)


@pytest.mark.parametrize("word", [str(one) for one in OF_CAUSE])
def test_what_ends_a_run_cannot_be_named_as_tolerated(word: str) -> None:
    """`tolerate: [sign_in]` would promise what is never done: refused as the typo that it is."""
    with pytest.raises(UsageRefused, match=f"'{word}' is no outcome or cause that needs a person"):
        check_tolerate([word])


@pytest.mark.parametrize("ended", [Exit.BROKEN, Exit.SIGN_IN, Exit.REMOTE])
def test_why_asking_ended_is_told_whatever_the_rows_are_called(ended: Exit) -> None:
    """A row that is unsettled says nothing of a token that has run out: the reason is handed in beside it."""
    assert exit_code({Cause.ANSWER_UNKNOWN: 1, Cause.CONFIRMED: 9}, ["unsettled"], ended=ended) is ended
    assert exit_code({Cause.ANSWER_UNKNOWN: 1}, ended=ended) is ended
    assert exit_code({Cause.ANSWER_UNKNOWN: 1}) is Exit.NEEDS_PERSON


@given(st.dictionaries(st.sampled_from(list(Cause)), st.integers(1, 9)), st.sampled_from(list(Cause)))
def test_one_more_ending_never_makes_a_run_look_better(totals: dict[Cause, int], more: Cause) -> None:
    """Exit codes only climb the precedence."""
    before, after = exit_code(totals), exit_code(totals | {more: 1 + totals.get(more, 0)})
    assert PRECEDENCE.index(after) <= PRECEDENCE.index(before)


def test_typos_in_tolerate_are_refused_together() -> None:
    """A typo must not hide a failure, and what needs no person needs no tolerance."""
    check_tolerate(["unmatched", "remote_refused", "odd_shape"])
    with pytest.raises(UsageRefused) as refused:
        check_tolerate(["unmatchd", "unchanged", "in_step", "invalid"])
    assert refused.value.problems == (
        "tolerate: 'unmatchd' is no outcome or cause that needs a person; did you mean 'unmatched'?",
        "tolerate: 'unchanged' is no outcome or cause that needs a person; did you mean 'unmatched'?",
        "tolerate: 'in_step' is no outcome or cause that needs a person",
    )


def test_totals_are_shown_rows_first_and_in_the_models_order() -> None:
    """Causes of one outcome add up; what did not occur is not shown."""
    totals = {Cause.NOT_FOUND: 1, Cause.IN_STEP: 2, Cause.SEVERAL_FOUND: 3, Cause.SAME_EDIT: 0, Cause.BUG: 0}
    assert list(by_outcome(totals).items()) == [("rows", 6), ("unchanged", 2), ("unmatched", 4)]
    assert by_outcome({}) == {"rows": 0}


def test_why_a_whole_run_came_to_nothing_is_never_tolerated() -> None:
    """`tolerate: [deferred]` is for rows; a token that has run out must not be exit 0 every night."""
    assert exit_code({Cause.SIGN_IN: 10}, ("deferred",)) is Exit.SIGN_IN
    assert exit_code({Cause.REMOTE_UNAVAILABLE: 1}, ("deferred",)) is Exit.REMOTE
    assert exit_code({Cause.LOCKED: 1}, ("deferred",)) is Exit.OK
    with pytest.raises(UsageRefused, match="tolerate: 'sign_in'"):
        check_tolerate(["sign_in"])


def test_every_outcome_has_a_cause_and_every_cause_a_meaning() -> None:
    """Two closed lists that fit each other."""
    assert {one.outcome for one in Cause} == set(Outcome)
    assert all(one.meaning for one in Cause)
    assert not {str(one) for one in Outcome} & {str(one) for one in Cause}
