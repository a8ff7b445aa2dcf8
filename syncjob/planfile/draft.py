"""Rows that wait for the next step, on disk by number: what would otherwise grow with the input stays out of memory.

A scratch SQLite file, never synced: it lives and dies with one run. A row waits as `Desired` until it is settled;
`matches` notes which referrals were seen for it, so that a key of two referrals is noticed only at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

from syncjob.errors import StorageRefused
from syncjob.model import Desired, Settled
from syncjob.planfile.line import Line

TABLES = """
CREATE TABLE rows (n INTEGER PRIMARY KEY, key TEXT, id TEXT, waits INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE matches (n INTEGER, id TEXT, settled BLOB, PRIMARY KEY (n, id)) WITHOUT ROWID;
"""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS keys ON rows (key, n) WHERE waits",
    "CREATE INDEX IF NOT EXISTS ids ON rows (id, n) WHERE waits",
)
ONLY_ONE = """
UPDATE rows SET waits = 0, body = one.settled
FROM (SELECT n, settled FROM matches GROUP BY n HAVING count(*) = 1) AS one
WHERE rows.waits AND one.n = rows.n AND one.settled IS NOT NULL
"""
BATCH_ROWS = 500
NAMES_AT_ONCE = 500  # in one question: SQLite takes many more, but no index is quicker for it


class Draft:
    """The rows of one run on their way to the plan."""

    def __init__(self, folder: Path) -> None:
        """Make the scratch file in a folder that the run owns."""
        self._path = folder / "draft.sqlite"
        self._added: list[tuple[int, str, str, bool, bytes]] = []
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
        self._added.append((n, row.key, row.id or "", waits, row.to_line()))
        if len(self._added) >= BATCH_ROWS:
            self._add()

    def _add(self) -> None:
        added, self._added = self._added, []
        self._many("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", added)

    def settle(self, settled: Settled) -> None:
        """End a row's waiting."""
        done = self._do("UPDATE rows SET waits = 0, body = ? WHERE n = ? AND waits", (settled.to_line(), settled.n))
        assert done.rowcount == 1, f"row {settled.n} is settled once"

    def twins(self) -> Iterator[list[Desired]]:
        """Give the waiting rows that share a key, then those that share a referral, in input order."""
        for words in INDEXES:
            self._do(words)
        for column in ("key", "id"):
            shared = f"SELECT {column} FROM rows WHERE waits AND {column} <> '' GROUP BY {column} HAVING count(*) > 1"  # noqa: S608  # our own words
            for (value,) in self._do(f"{shared} ORDER BY min(n)").fetchall():
                found = self._do(f"SELECT body FROM rows WHERE waits AND {column} = ? ORDER BY n", (value,))  # noqa: S608  # our own words
                yield [Desired.from_line(body) for (body,) in found]

    def find(self, named: Sequence[tuple[str, str]]) -> list[list[Desired]]:
        """Give, for each (key, id) of a referral, the waiting rows that name it by its key or by its id, by number."""
        by_key = self._with("key", {key for key, _ in named if key})
        by_id = self._with("id", {referral for _, referral in named if referral})
        found = []
        for key, referral in named:
            rows = {one.row.n: one for one in (*by_key.get(key, ()), *by_id.get(referral, ()))}
            found.append([rows[n] for n in sorted(rows)])
        return found

    def rivals(self) -> list[list[int]]:
        """Give the numbers of the waiting rows for which one and the same referral was seen."""
        words = (
            "SELECT group_concat(n) FROM matches JOIN rows USING (n) WHERE waits GROUP BY matches.id"
            " HAVING count(*) > 1 ORDER BY min(n)"
        )
        return [sorted(map(int, numbers.split(","))) for (numbers,) in self._do(words).fetchall()]

    def row(self, n: int) -> Desired | None:
        """Give a waiting row by its number; None once it is settled."""
        found = self._do("SELECT body FROM rows WHERE waits AND n = ?", (n,)).fetchone()
        return Desired.from_line(found[0]) if found else None

    def _with(self, column: str, values: Collection[str]) -> dict[str, list[Desired]]:
        found: dict[str, list[Desired]] = {}
        left = iter(values)
        while group := tuple(islice(left, NAMES_AT_ONCE)):
            places = ",".join("?" * len(group))
            words = f"SELECT {column}, body FROM rows WHERE waits AND {column} IN ({places})"  # noqa: S608  # our own words
            for value, body in self._do(words, group):
                found.setdefault(value, []).append(Desired.from_line(body))
        return found

    def match(self, seen: Iterable[tuple[int, str, Settled | None]]) -> None:
        """Note (row, referral, how the row would settle if this is the only one) for every referral that was seen."""
        lines = ((n, referral, None if settled is None else settled.to_line()) for n, referral, settled in seen)
        self._many("INSERT OR IGNORE INTO matches VALUES (?, ?, ?)", lines)

    def unmatch(self) -> None:
        """Forget which referrals were seen: the listing is read anew."""
        self._do("DELETE FROM matches")

    def settle_matched(self) -> None:
        """Settle the rows for which one referral was seen and no other, where the sight of it was enough."""
        self._do(ONLY_ONE)

    def matches(self, n: int) -> list[str]:
        """Give the referrals that were seen for a row."""
        return [one for (one,) in self._do("SELECT id FROM matches WHERE n = ? ORDER BY id", (n,))]

    def waiting(self) -> Iterator[Desired]:
        """Give the waiting rows in input order; rows may be settled while this goes on."""
        return map(Desired.from_line, self._walk("AND waits"))

    def settled(self) -> Iterator[Line]:
        """Give every row in input order, once all are settled."""
        assert not self.count(waiting=True), "every row is settled before the plan is written"
        return map(Line.read, self._walk(""))

    def named(self) -> bool:
        """Tell whether every waiting row names its referral by id and by nothing else: a linked row has a key too."""
        return not self._do("SELECT 1 FROM rows WHERE waits AND id <> key LIMIT 1").fetchall()

    def count(self, *, waiting: bool = False) -> int:
        """Count all rows, or those that wait."""
        words = "SELECT count(*) FROM rows WHERE waits OR NOT ?"
        return int(self._do(words, (waiting,)).fetchone()[0])

    def _many(self, words: str, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            self._db.executemany(words, rows)
        except sqlite3.Error as error:
            raise self._full(error) from error

    def _do(self, words: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if self._added:
            self._add()
        try:
            return self._db.execute(words, values)
        except sqlite3.Error as error:
            raise self._full(error) from error

    def _full(self, error: sqlite3.Error) -> StorageRefused:
        return StorageRefused(f"the scratch file for rows ({self._path}): {error}; is the disk full?")

    def _walk(self, condition: str) -> Iterator[bytes]:
        last = 0
        while True:
            words = f"SELECT n, body FROM rows WHERE n > ? {condition} ORDER BY n LIMIT {BATCH_ROWS}"  # noqa: S608  # our own words
            found = self._do(words, (last,)).fetchall()
            for n, body in found:
                last = n
                yield body
            if len(found) < BATCH_ROWS:
                return
