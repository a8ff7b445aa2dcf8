"""Run a story to its end: the event loop, the signals, and the way back to an exit code.

SIGINT and SIGTERM ask the run to stop: before anything was sent at once, afterwards in its own time. A second
SIGINT ends the process as it stands; the ledger is consistent at any moment. SIGHUP is nobody's business: a
job goes on when its terminal closes.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from syncjob.cli.terminal import say
from syncjob.errors import Exit
from syncjob.job import Stop

Result = TypeVar("Result")


def run(story: Callable[[], Coroutine[Any, Any, Result]], stop: Stop) -> Result | Exit:
    """Run a story; a stop before anything was sent gives the signal's exit code."""

    async def main() -> Result:
        stop.main = asyncio.current_task()
        _listen(stop)
        return await story()

    try:
        return asyncio.run(main())
    except (asyncio.CancelledError, KeyboardInterrupt):
        say("syncjob: stopped; nothing was sent")
        return Exit(128 + (stop.signal or signal.SIGINT))


def _listen(stop: Stop) -> None:
    loop = asyncio.get_running_loop()

    def heard(number: int) -> None:
        if stop.signal and number == signal.SIGINT:
            os._exit(Exit.INTERRUPTED)
        if stop.patient:
            say("syncjob: stopping; rows in flight get a few seconds. Ctrl-C again ends at once")
        stop.ask(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # not the main thread: nobody can signal us there
            try:
                loop.add_signal_handler(number, heard, number)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda known, _: loop.call_soon_threadsafe(heard, known))
    if hasattr(signal, "SIGHUP"):
        with suppress(ValueError):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
