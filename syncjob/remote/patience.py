"""How long an answer is waited for: one bound around each request of a connection, and one timer for all of them.

`asyncio.timeout` sets a timer and takes it back for every request, which cost a sent row some three per cent. Here
the timer stays: when it rings it is set anew for the request that is on its way by then, and only a request that has
had its time is ended. It ends as with `asyncio.timeout`: cancelled within, a TimeoutError without.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Patience:
    """At most `most_s` for what happens within, as often as it is entered, one at a time."""

    def __init__(self, most_s: float) -> None:
        """Wait for nothing yet."""
        self.most_s = most_s
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0  # how often somebody else had cancelled it before
        self._ends_at = self._rings_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._spent = False

    def __enter__(self) -> None:
        """Begin to wait."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "who waits is a task"
        assert self._task is None, "one at a time"
        self._task, self._cancelling = task, task.cancelling()
        self._ends_at = loop.time() + self.most_s
        if self._timer is None:
            self._set(loop)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Wait no longer; TimeoutError where it was ended for its time, and not by somebody else."""
        task, self._task = self._task, None
        spent, self._spent = self._spent, False
        if spent and task is not None and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def close(self) -> None:
        """Take the timer back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        self._rings_at = self._ends_at
        self._timer = loop.call_at(self._rings_at, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._ends_at > self._rings_at:
            self._set(loop)
        else:
            self._spent = True
            self._task.cancel()
