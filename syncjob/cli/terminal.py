"""What a person at a terminal sees besides the report: progress, warnings, questions. Talk goes to stderr."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

import click

from syncjob.core import guard
from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Outcome, Verdict
from syncjob.planfile import PlanFile

ASK_S = 900.0
RATE_FROM_S = 0.5


def emit(chunks: Iterable[str]) -> None:
    """Print data on stdout; when nobody reads any more (`| head`), the job goes on in silence.

    StorageRefused when stdout goes to a disk that is full.
    """
    if sys.stdout is None:  # a daemon may be started without any
        return
    try:
        for chunk in chunks:
            sys.stdout.write(chunk)
        sys.stdout.flush()
    except ValueError:  # closed before we came
        return
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # else Python tries once more when it ends, and fails
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            raise StorageRefused(f"stdout: the report could not be written: {error.strerror}") from error


def say(words: str) -> None:
    """Say something on stderr, if anybody listens."""
    try:
        click.echo(words, err=True)
    except OSError:
        return


class Bar:
    """A progress bar, only where stderr is a terminal; nothing at all when piped or under cron."""

    def __init__(self) -> None:
        """Start with nothing shown."""
        self._bar: Any = None
        self._task: Any = None
        self._step, self._throttled = "", ""
        self._asked, self._watched = "", False
        self._begun = self._shut_until = 0.0

    def show(self, step: str, done: int, total: int) -> None:
        """Show how far a step is; `total` is 0 where nobody knows."""
        if step != self._asked:  # once a step, not once a row
            self._asked, self._watched = step, _shown(sys.stderr)
        if not self._watched:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[throttled]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            self._bar.start()
        if step != self._step:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._step, self._task = step, self._bar.add_task(step, total=total or None, rate="", throttled="")
            self._begun = time.monotonic()
        passed_s = time.monotonic() - self._begun
        rate = f"{done / passed_s:,.0f}/s" if passed_s > RATE_FROM_S else ""
        told = "" if time.monotonic() >= self._shut_until else self._throttled
        self._bar.update(self._task, completed=done, rate=rate, throttled=told)

    def throttled(self, wait_s: float) -> None:
        """Tell that the remote asks to be left alone for so long; it is forgotten with the first progress after it."""
        self._throttled = f"throttled: the remote asks to wait {wait_s:.0f} s"
        self._shut_until = time.monotonic() + wait_s
        if self._bar is not None:
            self._bar.update(self._task, throttled=self._throttled)

    def close(self) -> None:
        """Take the bar away before anything is printed; the next step begins another."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._task, self._step = None, None, ""


def ask(plan: PlanFile, acting: tuple[Verdict, ...], changes: int) -> frozenset[str]:
    """Ask a person before anything is sent: each guard by name, then the whole; UsageRefused calls it off."""
    if not changes:
        return frozenset()
    remote = plan.header.remote
    if not (_shown(sys.stdin) and _shown(sys.stderr)):
        held = _held(plan, acting)
        stay = f", and {held} are held by guards" if held else ""
        raise UsageRefused(
            f"{changes - held} changes would be sent to {remote}{stay}; nobody is here to ask: add --yes"
        )
    lifted = [
        one.guard
        for one in acting
        if _agreed(f"Guard {one.guard}: {one.message}.\nLift {one.guard} and send these rows too?")
    ]
    left = [one for one in acting if one.guard not in lifted]
    held = _held(plan, left)
    words = f"Send {changes - held} changes to {remote}?" + (f" ({held} stay held)" if held else "")
    if not _agreed(words):
        raise UsageRefused("called off: nothing was sent")
    return frozenset(lifted)


def _agreed(question: str) -> bool:
    """Ask, and wait a while: whoever has forgotten the terminal would hold the lock through the night.

    Windows has no alarm; there it is waited for as long as it takes.
    """

    def rung(_number: int, _frame: object) -> None:
        raise UsageRefused(f"nobody has answered for {ASK_S / 60:.0f} minutes: called off, nothing was sent")

    if not hasattr(signal, "SIGALRM"):
        return click.confirm(question, err=True)
    before = signal.signal(signal.SIGALRM, rung)
    signal.setitimer(signal.ITIMER_REAL, ASK_S)
    try:
        return click.confirm(question, err=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _held(plan: PlanFile, acting: Iterable[Verdict]) -> int:
    acting = tuple(acting)
    return sum(guard.held(row, acting) is not None for row in plan.rows() if row.outcome is Outcome.PLANNED)


def assent(_plan: PlanFile, _acting: tuple[Verdict, ...], _changes: int) -> frozenset[str]:
    """`--yes`: send, and lift no guard."""
    return frozenset()


def is_watched() -> bool:
    """Tell whether a person sits at both ends of what is printed."""
    return _shown(sys.stdout) and _shown(sys.stderr)


def _shown(stream: TextIO | None) -> bool:
    """Tell whether a stream is a person's terminal; one that was never opened is not."""
    return stream is not None and stream.isatty()
