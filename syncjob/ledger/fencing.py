"""Who works with a ledger that several machines share: a name signed in the ledger, renewed while its holder lives.

The lock file (`lock`) is the operating system's: it knows the processes of one machine, and a network disk honours it
or does not. So whoever sends signs its name too, and renews it every `RENEW_S`. Another machine's run is turned away
while that name is fresh; one that stayed as it was while it was watched for `WATCH_S` is taken over. Two machines'
clocks need not agree: a name that looks old by ours is watched, not believed to be old.

A holder that was only paused, a laptop asleep or a frozen container, wakes and finds another name. Its own is asked for
in every transaction that writes, and once more before each PATCH, whose intent may have gone on record long before
(`Ledger.ask`): not one more leaves, and no intent needs to carry a number of its holder. What had left before stands
under If-Match, and whoever came after looks.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from sqlite3 import Connection

from msgspec import Struct
from msgspec.structs import asdict, replace

from syncjob.errors import Locked, StorageRefused
from syncjob.ledger import facts
from syncjob.ledger.database import Database
from syncjob.ledger.lock import Lock
from syncjob.ledger.recall import iso

RENEW_S = 10.0
LOST_S = 60.0
WATCH_S = 25
BOOT = Path("/proc/sys/kernel/random/boot_id")  # containers of one machine share it, as they share its lock files


class Name(Struct, frozen=True):
    """A holder: `id` is its own alone, `machine` says within which lock files hold, `at` is when it was renewed."""

    id: str
    machine: str
    host: str
    said: str
    at: float


@cache
def machine() -> str:
    """Give what the processes of one machine have in common, and those of another do not."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return f"{uuid.getnode():012x}"


class Signature:
    """A name that stands in the ledger, for one act."""

    def __init__(self, database: Database, lock: Lock, me: Name) -> None:
        """Sign nothing yet."""
        self.me = me
        self._database, self._lock = database, lock

    def say(self, more: str) -> None:
        """Let it say more of itself: the run's id, once it has one."""
        self.me = replace(self.me, said=f"{more}, {self.me.said}")
        with self._database.writing() as connection:
            _write(connection, self._lock, self.me)

    def renew(self, database: Database, at: float) -> bool:
        """Renew it, by a connection of the renewing thread's own; False when it was taken over."""
        with database.writing() as connection:
            if not _stands(connection, self._lock, self.me):
                return False
            _write(connection, self._lock, replace(self.me, at=at))
        return True


@contextmanager
def signed(
    database: Database,
    lock: Lock,
    what: str,
    *,
    wait_s: float = 0,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Signature]:
    """Have one's name stand in the ledger for one act, whose lock file is held already.

    Locked when another machine's stands there and is fresh; StorageRefused from every write after it was taken over.
    """
    me = Name(uuid.uuid4().hex, machine(), socket.gethostname(), f"{what}, process {os.getpid()}", now())
    _sign(database, lock, me, wait_s, now, sleep)
    signature, ended = Signature(database, lock, me), threading.Event()
    renewing = threading.Thread(target=_renew, args=(database.path, signature, ended), daemon=True)
    database.fence = lambda connection: _ask(connection, database, lock, me)
    renewing.start()
    try:
        yield signature
    finally:
        ended.set()
        renewing.join()
        # Taken over, or a disk that refuses: whoever comes next watches the name for a while.
        with suppress(StorageRefused), database.writing() as connection:
            facts.forget(connection, _fact(lock))
        database.fence = None


def at_work(lock: Lock, database: Database | None) -> str | None:
    """Say who works with a job, on this machine or, by the ledger, on another; None where nobody does."""
    here = lock.holder()
    if here or database is None:
        return here
    with database.reading() as connection:
        name = _read(connection, lock)
    if name is None or name.machine == machine():
        return None
    return f"{name.said} on {name.host}, heard of last {iso(name.at)}"


def _sign(
    database: Database, lock: Lock, me: Name, wait_s: float, now: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    seen, still, patience = None, 0, wait_s
    while (other := _other(database, lock, me, lost=seen if still >= WATCH_S else None)) is not None:
        fresh, moved = abs(now() - other.at) < LOST_S, seen is not None and seen != other
        still = 0 if fresh or moved else still + 1
        seen = other
        if (fresh or moved) and patience <= 0:
            raise Locked(
                f"another run of job {lock.job} is at work on {other.host} ({other.said}); wait for its end, by"
                f" --wait 10m if you like; of a machine that is gone the lock is free after {LOST_S:.0f} seconds"
            )
        patience -= 1
        sleep(1)


def _other(database: Database, lock: Lock, me: Name, lost: Name | None) -> Name | None:
    """Sign, or say whose name is in the way: not one of this machine, whose lock file is ours, nor one that is lost."""
    with database.writing() as connection:
        found = _read(connection, lock)
        if found is not None and found.machine != me.machine and found != lost:
            return found
        _write(connection, lock, me)
    return None


def _renew(path: Path, signature: Signature, ended: threading.Event) -> None:
    """Renew a name until its act has ended; the act itself may be waiting for a person."""
    while not ended.wait(RENEW_S):
        with suppress(StorageRefused):  # the act writes to the same file, and tells what is wrong with it
            database = Database(path)
            try:
                if not signature.renew(database, time.time()):
                    return
            finally:
                database.close()


def _ask(connection: Connection, database: Database, lock: Lock, me: Name) -> None:
    if not _stands(connection, lock, me):
        found = _read(connection, lock)
        by = "nobody" if found is None else f"{found.host} ({found.said})"
        raise StorageRefused(
            f"ledger {database.path}: this run was asleep for so long that its lock was taken over, by {by};"
            " nothing more is sent. What was sent is on record, and the next run looks at it"
        )


def _stands(connection: Connection, lock: Lock, me: Name) -> bool:
    found = _read(connection, lock)
    return found is not None and found.id == me.id


def _fact(lock: Lock) -> str:
    return f"holder.{lock.scope}"


def _read(connection: Connection, lock: Lock) -> Name | None:
    text = facts.of(connection, _fact(lock))
    try:
        return None if text is None else Name(**json.loads(text))
    except (TypeError, ValueError):
        return Name("", "", "a machine that left an unreadable name", "unknown", 0)


def _write(connection: Connection, lock: Lock, name: Name) -> None:
    facts.keep(connection, _fact(lock), json.dumps(asdict(name)))
