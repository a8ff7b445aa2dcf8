"""Where events go: JSON lines in a file by structlog, or warnings on stderr where no file was named.

A log that cannot be written any more is told once and never ends a run: the ledger is the record. The run's exit
code then says 8, unless it has worse to say.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncjob.cli.terminal import say
from syncjob.core.report import PRECEDENCE
from syncjob.errors import Exit, StorageRefused


class LogFile:
    """One line an event, appended whole, 0600; `failed` once the disk has refused one."""

    def __init__(self, path: Path) -> None:
        """Open the file; StorageRefused when it cannot be written from the start."""
        import structlog

        self.failed = False
        self._path = path
        try:
            self._number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageRefused(f"log {path}: cannot be written: {error.strerror}") from error
        stamps = structlog.processors.TimeStamper(fmt="iso", utc=True)
        lines: list[Any] = [structlog.processors.add_log_level, stamps, structlog.processors.JSONRenderer()]
        self._log = structlog.wrap_logger(structlog.PrintLogger(self), processors=lines)  # type: ignore[arg-type]

    def info(self, event: str, **facts: Any) -> None:
        """Note an event."""
        self._log.info(event, **facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Note an event that somebody may want to look into."""
        self._log.warning(event, **facts)

    def write(self, text: str) -> None:
        """Append a line; what the disk refuses is told once."""
        if self.failed:
            return
        try:
            os.write(self._number, text.encode(errors="backslashreplace"))
        except OSError as error:
            self.failed = True
            say(f"syncjob: log {self._path}: cannot be written any more: {error.strerror}; the run goes on without it")

    def flush(self) -> None:
        """Nothing waits: every line is written at once."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._number)


class Watched:
    """A log that tells somebody when the remote asks to be left alone: `throttled` takes the seconds."""

    def __init__(self, log: LogFile | StderrLog, throttled: Callable[[float], None]) -> None:
        """Hand everything on to a log."""
        self._log, self._throttled = log, throttled

    @property
    def failed(self) -> bool:
        """Whether the disk has refused a line."""
        return bool(getattr(self._log, "failed", False))

    def info(self, event: str, **facts: Any) -> None:
        """Note an event."""
        if event == "gate.shut":
            self._throttled(float(facts["wait_s"]))
        self._log.info(event, **facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Note an event that somebody may want to look into."""
        self._log.warning(event, **facts)


class StderrLog:
    """Without a log file: warnings in a line, the rest in silence."""

    def info(self, event: str, **facts: Any) -> None:
        """Drop what only a log is for."""

    def warning(self, event: str, **facts: Any) -> None:
        """Say what somebody may want to look into."""
        known = " ".join(f"{name}={value}" for name, value in facts.items())
        say(f"warning: {event} {known}")


def final(log: object, code: Exit) -> Exit:
    """Give the exit code of a run whose log may have failed."""
    if not getattr(log, "failed", False) or code not in PRECEDENCE:
        return code
    return next(one for one in PRECEDENCE if one in (code, Exit.STORAGE))
