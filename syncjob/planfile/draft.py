"""Rows that wait for the next step, on disk by number: what would otherwise grow with the input stays out of memory.

A scratch SQLite file, never synced: it lives and dies with one run. A row waits as `Desired` until it is settled;
`matches` notes which referrals were seen for it, so that a key of two referrals is noticed only at the end.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from syncjob.errors import StorageRefused
from syncjob.model import Desired, Settled, dumps

TABLES = """
CREATE TABLE rows (n INTEGER PRIMARY KEY, key TEXT, waits INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE matches (n INTEGER, id TEXT, settled TEXT, PRIMARY KEY (n, id)) WITHOUT ROWID;
"""
INDEX = "CREATE INDEX IF NOT EXISTS keys ON rows (key, n) WHERE waits"
BATCH_ROWS = 500


class Draft:
    """The rows of one run on their way to the plan."""

    def __init__(self, folder: Path) -> None:
        """Make the scratch file in a folder that the run owns."""
        self._path = folder / "draft.sqlite"
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None)
            self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;" + TABLES)
        except sqlite3.Error as error:
            raise self._full(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, row: Desired | Settled) -> None:
        """Take a row that was read: one that waits, or one that is settled already."""
        waits = isinstance(row, Desired)
        n = row.row.n if isinstance(row, Desired) else row.n
        self._do("INSERT INTO rows VALUES (?, ?, ?, ?)", (n, row.key, waits, dumps(row.to_json())))

    def settle(self, settled: Settled) -> None:
        """End a row's waiting."""
        done = self._do(
            "UPDATE rows SET waits = 0, body = ? WHERE n = ? AND waits", (dumps(settled.to_json()), settled.n)
        )
        assert done.rowcount == 1, f"row {settled.n} is settled once"

    def twins(self) -> Iterator[list[Desired]]:
        """Give the waiting rows that share a key, in input order."""
        self._do(INDEX)
        keys = "SELECT key FROM rows WHERE waits GROUP BY key HAVING count(*) > 1 ORDER BY min(n)"
        for (key,) in self._do(keys).fetchall():
            yield self.find(key)

    def find(self, key: str) -> list[Desired]:
        """Give the waiting rows with this key."""
        found = self._do("SELECT body FROM rows WHERE waits AND key = ? ORDER BY n", (key,))
        return [Desired.from_json(json.loads(body)) for (body,) in found]

    def match(self, n: int, referral: str, settled: Settled | None) -> None:
        """Note that a referral was seen for a row, and how it would settle if this is the only one."""
        body = None if settled is None else dumps(settled.to_json())
        self._do("INSERT OR IGNORE INTO matches VALUES (?, ?, ?)", (n, referral, body))

    def matches(self, n: int) -> list[tuple[str, Settled | None]]:
        """Give the referrals that were seen for a row."""
        found = self._do("SELECT id, settled FROM matches WHERE n = ? ORDER BY id", (n,))
        return [(one, Settled.from_json(json.loads(body)) if body else None) for one, body in found]

    def waiting(self) -> Iterator[Desired]:
        """Give the waiting rows in input order; rows may be settled while this goes on."""
        for body in self._walk("AND waits"):
            yield Desired.from_json(body)

    def settled(self) -> Iterator[Settled]:
        """Give every row in input order, once all are settled."""
        assert not self.count(waiting=True), "every row is settled before the plan is written"
        for body in self._walk(""):
            yield Settled.from_json(body)

    def count(self, *, waiting: bool = False) -> int:
        """Count all rows, or those that wait."""
        words = "SELECT count(*) FROM rows WHERE waits OR NOT ?"
        return int(self._do(words, (waiting,)).fetchone()[0])

    def _do(self, words: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(words, values)
        except sqlite3.Error as error:
            raise self._full(error) from error

    def _full(self, error: sqlite3.Error) -> StorageRefused:
        return StorageRefused(f"the scratch file for rows ({self._path}): {error}; is the disk full?")

    def _walk(self, condition: str) -> Iterator[Any]:
        last = 0
        while True:
            words = f"SELECT n, body FROM rows WHERE n > ? {condition} ORDER BY n LIMIT {BATCH_ROWS}"  # noqa: S608  # our own words
            found = self._do(words, (last,)).fetchall()
            for n, body in found:
                last = n
                yield json.loads(body)
            if len(found) < BATCH_ROWS:
                return
