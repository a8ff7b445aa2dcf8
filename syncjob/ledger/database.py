"""The ledger's file: SQLite in WAL with `synchronous=FULL`, 0600; StorageRefused when it cannot be relied on.

A transaction that writes takes the write lock when it begins, and waits for it: one that began by reading and wants
to write later is refused at once by SQLite, whoever waits for whom.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from syncjob.errors import StorageRefused, mending

BUSY_MS = 10_000
AGAIN_S = 0.005
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
COMPILED_MANY: dict[Any, tuple[str, Callable[[Mapping[str, Any]], Any]]] = {}
COMPILED: dict[Any, Any] = {}  # statements are few and the same for every ledger: compiled once a process


class Database:
    """One open file; one process writes it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self.path = path
        self.fence: Callable[[Connection], None] | None = None
        self._writes = False
        with self._guarded():
            if not path.exists():
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # another process may be as quick
            readonly = not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
            self._engine = create_engine(_address(path, readonly=readonly), poolclass=StaticPool)
            event.listen(self._engine, "connect", _look if readonly else _prepare)
            event.listen(self._engine, "begin", self._begun)
            self._connection = self._engine.connect().execution_options(compiled_cache=COMPILED)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the write lock for one transaction; what it wrote is on disk when this ends.

        Where there is a `fence` it is asked first, within the transaction: it raises when another may write now.
        """
        with self._guarded():
            self._writes = True
            try:
                with self._connection.begin():
                    if self.fence is not None:
                        self.fence(self._connection)
                    yield self._connection
            finally:
                self._writes = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction: what is seen belongs together."""
        with self._guarded():
            try:
                yield self._connection
            finally:
                self._connection.rollback()

    def rows(self, query: Any, values: Any = None) -> Sequence[Any]:
        """Read; all that the query gives."""
        with self.reading() as connection:
            return connection.execute(query, values).all()

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

    def raw(self, act: Callable[[sqlite3.Connection], Any]) -> Any:
        """Hand out the driver's own connection, outside any transaction."""
        with self._guarded():
            return act(self._connection.connection.dbapi_connection)  # type: ignore[arg-type]

    def _begun(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if self._writes else "BEGIN")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what disk and database say into one error; a broken uniqueness is the caller's to understand."""
        try:
            yield
        except IntegrityError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise _refused(self.path, error) from error


def many(connection: Connection, words: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute a statement once for each of several rows, and give how many rows of the table it has met.

    SQLAlchemy looks at every value of every row on its way to the driver, which costs more than the database does;
    ours need no such look: they are texts, numbers and None. The statement is compiled once.
    """
    if not rows:
        return 0
    known = COMPILED_MANY.get(words)
    if known is None:
        compiled = words.compile(dialect=connection.dialect, column_keys=list(rows[0]))
        known = COMPILED_MANY[words] = (str(compiled), itemgetter(*compiled.positiontup))
    text, values = known
    return connection.exec_driver_sql(text, [values(row) for row in rows]).rowcount


def _refused(path: Path, error: Exception) -> StorageRefused:
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", 0)
    if isinstance(code, int) and code & 0xFF in DAMAGED:
        return StorageRefused(
            f"ledger {path}: is damaged ({cause}); it is left as it is and nothing is sent."
            f" Save what can be read of it by `syncjob ledger check --rebuild`, or put a backup in its place"
        )
    remedy = "mend the disk or the folder's rights"
    if isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_FULL:
        remedy = mending(OSError(errno.ENOSPC, ""), remedy)
    elif isinstance(cause, OSError):
        remedy = mending(cause, remedy)
    return StorageRefused(f"ledger {path}: {cause}; nothing more is sent; {remedy}, then run again")


def _address(path: Path, *, readonly: bool) -> URL:
    """Give SQLite's address of the file; one that may only be read has no log beside it that could be made."""
    if not readonly:
        return URL.create("sqlite", database=str(path))
    still = {} if path.with_name(f"{path.name}-wal").exists() else {"immutable": "1"}
    return URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true", **still})


def _look(connection: Any, _: object) -> None:
    """Set up a connection to a file that may only be read: looking works, and whoever writes is refused."""
    connection.isolation_level = None


def _prepare(connection: Any, _: object) -> None:
    """Set up a connection: write-ahead log, every commit synced, ten seconds of patience with another process."""
    connection.isolation_level = None  # transactions begin where `writing` says, never by themselves
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    mode = _switched(connection)
    if mode != "wal":  # SQLite answers so where the disk refuses the switch, and raises nothing
        raise sqlite3.OperationalError(f"the write-ahead log cannot be begun (journal mode {mode})")
    for pragma in ("synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _switched(connection: Any) -> str:
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
