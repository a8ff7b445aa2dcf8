"""One run at a time for a job over one remote and tenant: a lock that is free again when its holder ends, however.

The lock stands on a file beside the ledger, `LEDGER.SCOPE.lock`, which names its holder for whoever comes second;
the operating system frees it with the process, kill -9 included. It guards processes of one machine; against another
one that shares the ledger there is `fencing`.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from syncjob.errors import Locked, StorageRefused, mending

HELD = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)  # what the systems say of a lock that somebody holds
FAR = 1 << 20  # Windows refuses to let others read what is locked, so the locked byte stands far behind the words
WORDS_BYTES_MAX = 400
LOOKS_S = 0.1
LOOKS_MIN = 5  # whoever only looks who holds it, holds it for an instant
DIGITS = 8


class Lock(Struct, frozen=True):
    """Where the lock of a job over one remote and tenant stands."""

    ledger: Path
    job: str
    remote: str

    @property
    def scope(self) -> str:
        """What tells it from the locks of other jobs over the same ledger."""
        return hashlib.sha256(f"{self.job}\n{self.remote}".encode()).hexdigest()[:DIGITS]

    @property
    def path(self) -> Path:
        """The lock's own file."""
        return self.ledger.with_name(f"{self.ledger.name}.{self.scope}.lock")

    def holder(self) -> str | None:
        """Say who holds it, None where it is free. To see that, it is held for an instant; no file is made."""
        if not self.path.exists():
            return None
        try:
            file = os.open(self.path, os.O_RDWR)
        except OSError as error:  # of somebody else's ledger it can be read, but not who works with it
            return f"nobody knows: {error.strerror}"
        try:
            _take(file)
        except OSError as error:
            return _said(file) if error.errno in HELD else f"nobody knows: {error.strerror}"
        finally:
            os.close(file)
        return None


class Other(Lock, frozen=True):
    """The lock of another job over the same ledger, known by its file alone."""

    place: Path

    @property
    def path(self) -> Path:
        """The lock's own file."""
        return self.place


@contextmanager
def held(
    lock: Lock, what: str, *, wait_s: float = 0, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Callable[[str], None]]:
    """Hold a job's lock for one act, `what`; Locked names the holder where there is one and it does not end in time.

    Gives a function by which the holder may say more of itself: the run's id, once it has one.
    """
    began = datetime.now(UTC).isoformat(timespec="seconds")
    me = f"{what}, process {os.getpid()}, since {began}"
    file = _opened(lock.path)
    try:
        looks = max(LOOKS_MIN, math.ceil(wait_s / LOOKS_S))
        while not _taken(file, lock, me):
            looks -= 1
            if looks <= 0:
                raise Locked(
                    f"another run of job {lock.job} is at work ({_said(file)}); "
                    "wait for its end, by --wait 10m if you like"
                )
            sleep(LOOKS_S)
        yield lambda more: _write(file, f"{more}, {me}")
        os.truncate(file, 0)
    finally:
        os.close(file)


@contextmanager
def held_alone(lock: Lock, what: str) -> Iterator[None]:
    """Hold the locks of every job over a ledger, for an act that is about the whole file; Locked as `held`."""
    with ExitStack() as stack:
        stack.enter_context(held(lock, what))
        for path in sorted(lock.ledger.parent.glob(f"{lock.ledger.name}.*.lock")):
            if path != lock.path:
                stack.enter_context(held(Other(lock.ledger, "another job", "", path), what))
        yield


def _taken(file: int, lock: Lock, words: str) -> bool:
    """Take the lock and say whose it is now; False where somebody holds it."""
    try:
        _take(file)
        _write(file, words)
    except OSError as error:
        if error.errno not in HELD:
            raise _refused(lock.path, error) from error
        return False
    return True


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refused(path, error) from error


def _write(file: int, words: str) -> None:
    os.truncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, words.encode()[:WORDS_BYTES_MAX])


def _said(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, WORDS_BYTES_MAX).decode(errors="replace").strip() or "its process is unknown"


def _refused(path: Path, error: OSError) -> StorageRefused:
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        remedy = "let this account write the folder, or name a ledger.file elsewhere"
    else:
        remedy = mending(error, "name a ledger.file on a disk of this machine")
    return StorageRefused(f"lock {path}: {error.strerror}; {remedy}")


def _take(file: int) -> None:
    """Take the lock or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
