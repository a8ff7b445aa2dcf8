"""How fast to ask: width, gate, budget and pauses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.pace import EARNED_PER_ANSWER, RATE_MIN_PER_S, START_PER_S, Budget, Pace, Rate, backoff_s


def test_a_run_starts_at_full_width_and_with_an_open_gate() -> None:
    """The first refusal narrows it, nothing else."""
    pace = Pace(8)
    assert (pace.allowed, pace.wait_s(0), pace.refusals) == (8, 0, 0)


def test_a_refusal_shuts_the_gate_for_all_and_halves_the_width() -> None:
    """Nobody starts before the time that the remote named."""
    pace = Pace(8)
    pace.refused(now=10, wait_s=57, sent_at=9)
    assert (pace.allowed, pace.wait_s(10), pace.wait_s(60), pace.wait_s(67), pace.wait_s(99)) == (4, 57, 7, 0, 0)


def test_what_was_in_flight_together_halves_once() -> None:
    """Eight refusals of one round are one piece of news; a refusal of something sent later is another."""
    pace = Pace(8)
    for now in (10, 10.1, 10.2):
        pace.refused(now=now, wait_s=1, sent_at=9)
    assert (pace.allowed, pace.refusals) == (4, 1)
    pace.refused(now=12, wait_s=1, sent_at=11)
    assert (pace.allowed, pace.refusals) == (2, 2)


def test_a_shorter_wait_does_not_open_the_gate() -> None:
    """The longest wait that was named counts."""
    pace = Pace(2)
    pace.refused(now=0, wait_s=60, sent_at=0)
    pace.refused(now=1, wait_s=1, sent_at=0)
    assert pace.wait_s(1) == 59


def test_a_full_round_of_good_answers_widens_by_one() -> None:
    """Additive increase: as many answers as may be in flight."""
    pace = Pace(8)
    pace.refused(now=1, wait_s=0, sent_at=0)
    for _ in range(5):
        pace.answered(2)
    assert (pace.allowed, pace.refusals) == (5, 0)


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=60))
def test_the_width_stays_between_one_and_the_most(most: int, answers: list[bool]) -> None:
    """Whatever is heard, somebody may ask, and never more than were allowed."""
    pace = Pace(most)
    for now, good in enumerate(answers):
        if good:
            pace.answered(now)
        else:
            pace.refused(now=now, wait_s=1, sent_at=now)
        assert 1 <= pace.allowed <= most
        assert pace.wait_s(now) >= 0


def test_good_answers_heal_it_whole() -> None:
    """After a bad hour it comes back to its full width."""
    pace = Pace(8)
    for now in range(10):
        pace.refused(now=now, wait_s=0, sent_at=now)
    assert pace.allowed == 1
    for _ in range(100):
        pace.answered(11)
    assert pace.allowed == 8


def test_the_budget_is_spent_and_earned_slowly() -> None:
    """An outage empties it; two good answers earn a retry; never above the start."""
    budget = Budget(2)
    assert [budget.spend(), budget.spend(), budget.spend()] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
    for _ in range(20):
        budget.earn()
    assert budget.left == budget.most == 2
    assert EARNED_PER_ANSWER < 1


def test_an_empty_budget_allows_no_retry() -> None:
    """A budget of nothing is allowed: the run then asks once."""
    assert not Budget(0).spend()


@given(st.integers(1, 100_000), st.floats(0.001, 60), st.floats(0.001, 600), st.floats(0, 1, exclude_max=True))
def test_a_pause_lies_between_nothing_and_its_bound(
    attempt: int, initial: float, longest: float, chance: float
) -> None:
    """Full jitter: anything up to the doubled bound, never above the longest pause."""
    pause = backoff_s(attempt, initial, longest, chance)
    assert 0 <= pause <= longest
    assert pause <= initial * 2.0 ** (min(attempt, 31) - 1)


@pytest.mark.parametrize(("attempt", "bound"), [(1, 1), (2, 2), (3, 4), (4, 8), (7, 60), (2_000_000, 60)])
def test_the_bound_doubles_with_every_attempt(attempt: int, bound: float) -> None:
    """One, two, four seconds and so on, up to the longest."""
    assert backoff_s(attempt, 1, 60, 0.5) == bound / 2


def _slots(rate: Rate, many: int, now: float = 0.0) -> float:
    """Take slots one after the other, each at its time and answered at once; give the moment of the last."""
    for _ in range(many):
        now += rate.slot_s(now)
        rate.answered(now)
    return now


def test_a_run_starts_slowly_and_doubles() -> None:
    """Nobody knows what the remote bears: after two seconds of good answers only the width limits."""
    rate = Rate()
    assert rate.slot_s(0.0) == 0
    assert rate.slot_s(0.0) == pytest.approx(1 / START_PER_S)
    now = _slots(rate, round(4 * START_PER_S), 1 / START_PER_S)
    assert 0.85 < now < 0.95, "400 by 100 a second, doubled every quarter of it"
    assert 11 * START_PER_S < (rate.per_s or 0) < 13 * START_PER_S
    while now < 2:
        now += (rate.slot_s(now) or 0.001) + 0.0001
    assert rate.per_s is None
    assert rate.slot_s(now) == 0
    assert not rate.known


def test_a_refusal_teaches_the_rate() -> None:
    """Between what was taken in the time with the wait and in the longer of the two: nobody knows which it is."""
    rate = Rate()
    now = _slots(rate, 50)
    rate.refused(now, 1.0)
    assert now < 1
    assert rate.known
    assert rate.sure
    assert rate.per_s == pytest.approx((50 / (now + 1) * 50 / 1) ** 0.5)
    assert rate.slot_s(now) == pytest.approx(1.0), "the first slot is when the gate opens"


def test_a_pause_teaches_nothing() -> None:
    """A minute of planning between two requests neither doubles the rate nor lowers what was measured."""
    rates = [Rate(), Rate()]
    for rate, pause_s in zip(rates, (0, 60), strict=True):
        now = _slots(rate, 20)
        now = _slots(rate, 30, now + pause_s)
        rate.refused(now, 1.0)
    assert rates[0].per_s == pytest.approx(rates[1].per_s or 0, rel=0.1)


def test_a_pause_counts_once_however_many_wait() -> None:
    """Where only the width limits too: eight workers that come back together were away ten seconds, not eighty."""
    rate = Rate(per_s=None)
    _slots(rate, 100)
    for _ in range(8):
        assert rate.slot_s(10.0) == 0
    rate.refused(10.5, 1.0)
    assert rate.sure
    assert rate.per_s == pytest.approx((100 / 1.5 * 100 / 1) ** 0.5)


def test_a_rate_that_nobody_waits_for_does_not_grow() -> None:
    """Five requests a second tell nothing of a hundred, however long they go well."""
    for rate in (Rate.learned(100), Rate()):
        before, now = rate.per_s, 0.0
        for _ in range(300):
            now += rate.slot_s(now) + 0.2
            rate.answered(now)
        assert rate.per_s == before


def test_an_answer_that_takes_long_is_no_pause() -> None:
    """One request at a time, half a second each: nobody asks meanwhile, but one is on its way."""
    rate, now = Rate(), 0.0
    for _ in range(40):
        now += rate.slot_s(now) + 0.5
        rate.answered(now)
    rate.slot_s(now)
    rate.refused(now, 1.0)
    assert rate.per_s == pytest.approx((40 / (now + 1) * 40 / now) ** 0.5)


def test_a_rate_that_was_searched_for_long_is_lowered_a_little() -> None:
    """It was nearly right: a twentieth less and hardly any growth from here on; where it hardly grew, a fiftieth."""
    rate = Rate.learned(100)
    now, lowered = 0.0, []
    for _ in range(2):
        now = _slots(rate, 1_000, now)
        before = rate.per_s or 0
        rate.refused(now, 1.0)
        lowered.append((rate.per_s or 0) / before)
    assert lowered == pytest.approx([0.95, 0.98])
    before = rate.per_s or 0
    assert _slots(rate, 950, now) - now == pytest.approx(1 + 950 / before, abs=0.5)


def test_a_rate_that_is_refused_soon_is_what_was_taken() -> None:
    """A little less than was taken in the longer of the two times, never above a little less than it was."""
    rate = Rate.learned(100)
    rate.refused(_slots(rate, 100), 1.0)
    assert rate.per_s == pytest.approx(100 * 0.95 * 1.03 * 0.98, rel=0.01)
    now = _slots(rate, 80, 2.0)
    rate.refused(now, 1.0)
    assert rate.per_s == pytest.approx(80 * 0.98)
    before, now = rate.per_s or 0, _slots(rate, 150, now)
    rate.refused(now, 1.0)
    assert rate.per_s == pytest.approx(before * 0.98, rel=0.001)


def test_a_rate_that_was_far_too_high_is_halved() -> None:
    """With far less taken than was asked for; and with next to nothing taken, which nobody need remember."""
    rate = Rate.learned(100)
    now = _slots(rate, 100)
    rate.refused(now, 1.0)
    before = rate.per_s or 0
    rate.refused(_slots(rate, 10, now), 1.0)
    assert rate.per_s == pytest.approx(before / 2, rel=0.01)
    assert rate.sure
    rate.refused(_slots(rate, 1, now + 2), 1.0)
    assert rate.per_s == pytest.approx(before / 4, rel=0.1)
    assert not rate.sure


def test_slots_behind_a_shut_gate_are_free_again() -> None:
    """A remote that is out of order for a second teaches no rate, and costs nobody a turn when it is back."""
    pace = Pace(16, rate=Rate.learned(2))
    for _ in range(16):
        pace.rate.slot_s(0.0)
    pace.refused(now=0.1, wait_s=1.0, sent_at=0.0)
    assert pace.rate.slot_s(1.1) == 0
    assert pace.rate.refusals == 0
    Pace(1).refused(now=0.1, wait_s=1.0, sent_at=0.0)  # before the first slot of all


def test_a_refusal_that_asks_for_no_wait_keeps_the_slots_apart() -> None:
    """`Retry-After: 0` and a 503 without a word: the next leaves when its slot comes, not at once."""
    pace = Pace(16, rate=Rate.learned(10))
    now = 0.0
    for n in range(5):
        pace.rate.slot_s(now)
        pace.refused(now, wait_s=0, sent_at=now, too_many=n % 2 == 0)
        assert pace.shut_until == 0
        wait_s = pace.rate.slot_s(now)
        assert wait_s >= 0.1
        now += wait_s


def test_what_a_refusal_costs_slows_the_search() -> None:
    """A minute of waiting: a sixtieth of the growth; and a search is never slower than what was found grows."""
    grown = []
    for wait_s in (1.0, 60.0, 600.0):
        for found in (False, True):
            rate = Rate(100.0, known=True, found=found)
            now = _slots(rate, 10)
            rate.refused(now, wait_s)
            before, rate.found = rate.per_s or 0, found
            now = _slots(rate, 500, now)
            grown.append(((rate.per_s or 0) / before - 1) / (500 / before))
    assert grown == pytest.approx([0.03, 0.0002, 0.0005, 0.0002, 0.00005, 0.00005], rel=0.1)


def test_no_refusal_stops_a_run() -> None:
    """However often it is refused, one request a second is asked for."""
    rate = Rate()
    for now in range(0, 100, 2):
        rate.slot_s(now)
        rate.refused(now, 1.0)
    assert rate.per_s == RATE_MIN_PER_S


def test_a_rate_that_nothing_limits_learns_from_its_first_refusal() -> None:
    """And where hardly anything was taken then it begins anew: a slow first page must not have left it boundless."""
    for taken, learnt in ((100, (100 / 2 * 100 / 1) ** 0.5), (1, START_PER_S)):
        rate = Rate(per_s=None)
        rate.slot_s(0.0)
        for n in range(taken):
            rate.slot_s(n / taken)
            rate.answered(n / taken)
        rate.refused(1.0, 1.0)
        assert rate.per_s == pytest.approx(learnt)
        assert rate.sure == (taken > 1)


@pytest.mark.parametrize("learned", [None, 0.0])
def test_nothing_learnt_is_a_slow_start(learned: float | None) -> None:
    """Of a remote that has never refused nothing is known."""
    assert Rate.learned(learned) == Rate()
