"""The ledger's file: SQLite in WAL with `synchronous=FULL`, 0600; StorageRefused when it cannot be relied on.

A transaction that writes takes the write lock when it begins, and waits for it: one that began by reading and wants
to write later is refused at once by SQLite, whoever waits for whom.

What is handed out is the connection of SQLite's own driver. A toolkit on top of it (SQLAlchemy) cost 0.4 s of CPU at
the start of every command, and 50 to 100 microseconds a statement; see `tables`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection, Cursor
from typing import Any
from urllib.parse import quote

from syncjob.errors import StorageRefused, mending

BUSY_MS = 10_000
AGAIN_S = 0.005
CACHE_KB = 16_000  # what was agreed on with 80,000 referrals: a night touches all of it, in the order of its rows
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
VALUES_MAX = 500  # in one list: an older SQLite takes 999 variables in all, and for more no index is quicker


class Database:
    """One open file; one process writes it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self.path = path
        self.fence: Callable[[Connection], None] | None = None
        with self._guarded():
            if not path.exists():
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # another process may be as quick
            readonly = not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
            self._connection = _looked_at(path) if readonly else _opened(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the write lock for one transaction; what it wrote is on disk when this ends.

        Where there is a `fence` it is asked first, within the transaction: it raises when another may write now.
        """
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if self.fence is not None:
                    self.fence(self._connection)
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction: what is seen belongs together."""
        with self._guarded():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._roll_back()

    def rows(self, words: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[Any]:
        """Read; all that the question gives."""
        with self.reading() as connection:
            return connection.execute(words, values).fetchall()

    def copy(self, place: Path) -> None:
        """Copy the whole file, as it stands, to a new one of 0600; OSError when the disk refuses."""
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with self._guarded():
            into = sqlite3.connect(place)
            try:
                self.raw(lambda connection: connection.backup(into))
            finally:
                into.close()
            number = os.open(place, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    def pragma(self, words: str) -> list[Any]:
        """Ask SQLite itself something, outside any transaction."""
        found: list[Any] = self.raw(lambda connection: connection.execute(f"PRAGMA {words}").fetchall())
        return found

    def version(self) -> int:
        """Give a number that moves when another connection has written; it is asked for often, and costs little."""
        try:
            (found,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise _refused(self.path, error) from error
        return int(found)

    def raw(self, act: Callable[[Connection], Any]) -> Any:
        """Hand out the connection outside any transaction."""
        with self._guarded():
            return act(self._connection)

    def _roll_back(self) -> None:
        """End a transaction as if it had not been; what the disk says to that must not hide what it said before."""
        with suppress(sqlite3.Error):
            self._connection.rollback()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what disk and database say into one error; a broken uniqueness is the caller's to understand."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise _refused(self.path, error) from error


def value_of(found: Cursor) -> Any:
    """Give the one value that was asked for; None where there is no such row."""
    row = found.fetchone()
    return None if row is None else row[0]


def row_of(found: Cursor) -> tuple[Any, ...]:
    """Give the one row that must be there."""
    row: tuple[Any, ...] | None = found.fetchone()
    if row is None:
        raise sqlite3.DataError("No row was found when one was required")
    return row


def several(name: str, values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """Give the words for a list of values, as in `IN (…)`, and the values by the names that these words give them.

    Of none they are NULL, which nothing is equal to.
    """
    named = {f"{name}_{n}": value for n, value in enumerate(values)}
    assert len(named) <= VALUES_MAX, "SQLite takes so many variables and no more"
    return ", ".join(f":{one}" for one in named) or "NULL", named


def places(many: int) -> str:
    """Give the words for a list of so many values without names: of hundreds SQLite looks for each among all others."""
    assert many <= VALUES_MAX, "SQLite takes so many variables and no more"
    return ",".join("?" * many)


def has_table(connection: Connection, name: str) -> bool:
    """Tell whether there is such a table."""
    words = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name"
    return connection.execute(words, {"name": name}).fetchone() is not None


def _refused(path: Path, error: Exception) -> StorageRefused:
    code = getattr(error, "sqlite_errorcode", 0)
    if isinstance(error, UnicodeDecodeError) or (isinstance(code, int) and code & 0xFF in DAMAGED):
        return StorageRefused(
            f"ledger {path}: is damaged ({error}); it is left as it is and nothing is sent."
            f" Save what can be read of it by `syncjob ledger check --rebuild`, or put a backup in its place"
        )
    remedy = "mend the disk or the folder's rights"
    if isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_FULL:
        remedy = mending(OSError(errno.ENOSPC, ""), remedy)
    elif isinstance(error, OSError):
        remedy = mending(error, remedy)
    return StorageRefused(f"ledger {path}: {error}; nothing more is sent; {remedy}, then run again")


def _looked_at(path: Path) -> Connection:
    """Open a file that may only be read: looking works, and whoever writes is refused."""
    # Where no log lies beside it, none can be made: SQLite is told that the file stands still.
    still = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    return _connected(f"file:{quote(str(path))}?mode=ro{still}", uri=True)


def _opened(path: Path) -> Connection:
    """Open a file that may be written."""
    connection = _connected(str(path.absolute()), uri=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _connected(address: str, *, uri: bool) -> Connection:
    """Connect; transactions begin where `writing` says, never by themselves.

    A thread may take over from another; two at a time would share one transaction, and nobody does that.
    """
    return sqlite3.connect(address, uri=uri, isolation_level=None, check_same_thread=False)


def _prepare(connection: Connection) -> None:
    """Set up a connection: write-ahead log, every commit synced, ten seconds of patience with another process."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    mode = _switched(connection)
    if mode != "wal":  # SQLite answers so where the disk refuses the switch, and raises nothing
        raise sqlite3.OperationalError(f"the write-ahead log cannot be begun (journal mode {mode})")
    for pragma in (f"cache_size=-{CACHE_KB}", "synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _switched(connection: Connection) -> str:
    """Switch to the write-ahead log; where two switch one new file at once, SQLite refuses one without any patience."""
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(AGAIN_S)
        else:
            return str(mode)
