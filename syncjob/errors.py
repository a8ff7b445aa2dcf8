"""What ends a run, drawn as a tree: each branch is one exit code, each message says what, where and what to do.

    SyncjobError
    ├── BrokenAssumption      1   ours or the remote's: something that cannot be, is
    ├── UsageRefused          2   the command line or the configuration
    ├── InputRefused          4   the file of rows
    │   └── PlanRefused       4   a plan file: altered, expired, sent already, made under another configuration
    ├── SignInNeeded          5   a person must sign in
    ├── GuardRefused          6   a guard refused the whole plan; nothing was sent
    ├── RemoteUnavailable     7   the remote, the budget or the deadline; safe to run again
    ├── StorageRefused        8   the local disk or the ledger
    └── Locked                9   another run works with the same ledger

A row's misfortune is never an exception: it is a `Settled`.
"""

from __future__ import annotations

import errno
import traceback
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """The exit codes: an interface, documented in the README and stable."""

    OK = 0
    BROKEN = 1
    USAGE = 2
    NEEDS_PERSON = 3
    INPUT = 4
    SIGN_IN = 5
    GUARD = 6
    REMOTE = 7
    STORAGE = 8
    LOCKED = 9
    PENDING = 10
    INTERRUPTED = 130
    TERMINATED = 143


class SyncjobError(Exception):
    """Ends the run with `exit_code`; `problems` are all that was found, a line each."""

    exit_code: Exit = Exit.BROKEN

    def __init__(self, *problems: str) -> None:
        """Take one or several problems; several are told together, so that one round of mending is enough."""
        super().__init__("\n".join(problems))
        self.problems = problems


class BrokenAssumption(SyncjobError):
    """Something that cannot be, is: a bug of ours, or a remote that breaks its own rules."""


class UsageRefused(SyncjobError):
    """The command line or the configuration cannot be followed."""

    exit_code = Exit.USAGE


class InputRefused(SyncjobError):
    """The file of rows cannot be trusted as a whole; nothing was sent."""

    exit_code = Exit.INPUT


class PlanRefused(InputRefused):
    """The plan file may not be applied; nothing was sent."""


class SignInNeeded(SyncjobError):
    """A person must sign in; trying again without one is useless."""

    exit_code = Exit.SIGN_IN


class GuardRefused(SyncjobError):
    """A guard refused the whole plan; nothing was sent. `guards` are those that did, with their numbers alone."""

    exit_code = Exit.GUARD

    def __init__(self, *problems: str, guards: tuple[str, ...] = ()) -> None:
        """Take what each says, and what may be said of it to everybody."""
        super().__init__(*problems)
        self.guards = guards


class RemoteUnavailable(SyncjobError):
    """The remote could not be asked, or the budget or time for asking was spent; safe to run again."""

    exit_code = Exit.REMOTE


class StorageRefused(SyncjobError):
    """The local disk or the ledger refused; nothing is sent that cannot be recorded first."""

    exit_code = Exit.STORAGE


class Locked(SyncjobError):
    """Another run works with the same ledger; nothing was sent."""

    exit_code = Exit.LOCKED


def mending(error: OSError, otherwise: str) -> str:
    """Give what helps against what a disk refuses: room where it is full, else what its place asks for."""
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    return "the disk is full: make room on it" if full else otherwise


def frames(error: BaseException) -> list[str]:
    """Give where an error of ours came from, without its words and values: those may be private."""
    walked = traceback.walk_tb(error.__traceback__)
    return [f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}" for frame, line in walked]
