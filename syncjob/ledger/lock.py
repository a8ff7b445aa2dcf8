"""One run at a time over one ledger: a lock that the operating system frees when its holder ends, kill -9 included.

The lock stands on a file beside the ledger, which names its holder for whoever comes second. It guards processes
of one machine; on a network disk it is as good as that disk's locks.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from syncjob.errors import Locked, StorageRefused

HELD = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)  # what the systems say of a lock that somebody holds
FAR = 1 << 20  # Windows refuses to let others read what is locked, so the locked byte stands far behind the words


@contextmanager
def held(ledger: Path) -> Iterator[None]:
    """Hold the ledger for one run; Locked names the holder where there is one."""
    path = ledger.with_name(f"{ledger.name}.lock")
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        try:
            _take(file)
            os.truncate(file, 0)
            os.write(file, f"process {os.getpid()}, begun {datetime.now(UTC).isoformat(timespec='seconds')}".encode())
        except OSError as error:
            if error.errno not in HELD:
                raise _refused(path, error) from error
            holder = os.pread(file, 200, 0).decode(errors="replace").strip() if hasattr(os, "pread") else ""
            words = f"another run works with {ledger} ({holder or 'its process is unknown'}); wait for its end"
            raise Locked(words) from None
        yield
    finally:
        os.close(file)


def _refused(path: Path, error: OSError) -> StorageRefused:
    return StorageRefused(f"lock {path}: {error.strerror}; name a ledger.file on a disk of this machine")


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
