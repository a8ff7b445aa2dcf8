"""Run a story to its end: the event loop, the signals, and the way back to an exit code.

SIGINT and SIGTERM end a run at once while nothing was sent, be it in the middle of a read or a question; afterwards
they ask it to stop in its own time. A second SIGINT ends the process as it stands; the ledger is consistent at any
moment. SIGHUP is nobody's business: a job goes on when its terminal closes.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import click

from syncjob.cli.terminal import say
from syncjob.errors import Exit
from syncjob.job import Stop

Result = TypeVar("Result")


def run(story: Callable[[], Coroutine[Any, Any, Result]], stop: Stop) -> Result | Exit:
    """Run a story; a stop before anything was sent gives the signal's exit code."""

    async def main() -> Result:
        stop.main = asyncio.current_task()
        return await story()

    with _listening(stop):
        try:
            return asyncio.run(main())
        except (asyncio.CancelledError, KeyboardInterrupt, click.Abort):
            say("syncjob: stopped; nothing was sent")
            return Exit(128 + (stop.signal or signal.SIGINT))


@contextmanager
def _listening(stop: Stop) -> Iterator[None]:
    """Hear signals while a story runs, and leave them afterwards as they were."""

    def asked(number: int) -> None:
        say("syncjob: stopping; rows in flight get a few seconds. Ctrl-C again ends at once")
        stop.ask(number)

    def heard(number: int, _: object) -> None:
        if stop.signal and number == signal.SIGINT:
            os._exit(Exit.INTERRUPTED)
        stop.signal = stop.signal or number
        if not stop.patient or stop.main is None:
            # Raised where the process stands: a read or a question would keep the loop from hearing anything.
            raise KeyboardInterrupt
        with suppress(RuntimeError):  # the loop is closed: the run has ended already
            stop.main.get_loop().call_soon_threadsafe(asked, number)

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, heard)
        if hasattr(signal, "SIGHUP"):
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)
