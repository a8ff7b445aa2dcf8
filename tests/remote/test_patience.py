"""One timer for many requests: each has its whole time, none has more, and who cancels is never mistaken for it."""

from __future__ import annotations

import asyncio

import pytest
from virtual import VirtualLoop, run_virtual

from syncjob.remote.patience import Patience

MOST_S = 10.0


async def _within(patience: Patience, lasting_s: float) -> str:
    try:
        with patience:
            await asyncio.sleep(lasting_s)
    except TimeoutError:
        return "time is up"
    return "in time"


def test_each_request_has_its_whole_time() -> None:
    """The timer of the first rings in the middle of the third, which began later and goes on."""

    async def story(loop: VirtualLoop) -> tuple[list[str], float]:
        patience = Patience(MOST_S)
        return [await _within(patience, lasting_s) for lasting_s in (1, 8, 9.5, 11, 3, 10.5)], loop.time()

    assert run_virtual(story) == (["in time", "in time", "in time", "time is up", "in time", "time is up"], 41.5)


def test_after_a_pause_it_is_as_patient_as_before() -> None:
    """A timer that rings while nobody waits ends nothing."""

    async def story(loop: VirtualLoop) -> tuple[str, str, float]:
        patience = Patience(MOST_S)
        first = await _within(patience, 1)
        await asyncio.sleep(100)
        return first, await _within(patience, 12), loop.time()

    assert run_virtual(story) == ("in time", "time is up", 111.0)


def test_who_cancels_is_heard() -> None:
    """A stop is a stop, in time or at its end; the task that was ended for its time counts no cancelling."""

    async def story(_: VirtualLoop) -> tuple[bool, int]:
        patience = Patience(MOST_S)
        task = asyncio.create_task(_within(patience, 100))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        both = asyncio.create_task(_within(patience, 100))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(MOST_S, both.cancel)  # in the very turn in which its time is up
        with pytest.raises(asyncio.CancelledError):
            await both
        assert await _within(patience, 100) == "time is up"
        current = asyncio.current_task()
        assert current is not None
        return both.cancelled(), current.cancelling()

    assert run_virtual(story) == (True, 0)


def test_another_error_stays_what_it_is() -> None:
    """What breaks within is raised as it is, and the next request waits anew."""

    async def story(_: VirtualLoop) -> str:
        patience = Patience(MOST_S)
        with pytest.raises(ZeroDivisionError), patience:
            raise ZeroDivisionError
        return await _within(patience, 9)

    assert run_virtual(story) == "in time"


def test_closed_it_leaves_no_timer() -> None:
    """A loop with nothing to do would wait for it."""

    async def story(loop: VirtualLoop) -> tuple[int, float]:
        patience = Patience(MOST_S)
        await _within(patience, 1)
        patience.close()
        patience.close()
        await asyncio.sleep(0)
        return len([one for one in loop._scheduled if not one.cancelled()]), loop.time()  # type: ignore[attr-defined]

    assert run_virtual(story) == (0, 1.0)
