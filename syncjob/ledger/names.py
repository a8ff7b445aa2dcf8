"""Where the quiet rows of a run are found by name: pages of sorted numbers, half of each a name's mark, half a row's n.

A database's index would take an entry a row and night, in the order of ids that have none: each night would touch all
of it, and it would grow with the nights. These pages are written once, one after the other, and never again.

The mark of a name is its CRC-32, the same on every machine. Two names may share one: who finds a row reads it, and sees
whether it is the one. While a run is put on record a name takes eight bytes of memory.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain
from sqlite3 import Connection
from zlib import crc32

from syncjob.errors import StorageRefused
from syncjob.ledger.database import value_of
from syncjob.ledger.decoding import REMEDY

ENTRIES_PER_PAGE = 490  # with its key it fits one page of SQLite
SHELVES = 256  # by the first byte of a mark: they are sorted one at a time
N_BITS = 32
N_MAX = (1 << N_BITS) - 1
PUT = "INSERT INTO quiet_names (run, mark, content) VALUES (?, ?, ?)"
PAGE = "SELECT content FROM quiet_names WHERE run = ? AND mark <= ? ORDER BY mark DESC LIMIT 1"
PAGES = "SELECT mark, content FROM quiet_names WHERE run = ? ORDER BY mark"


class Names:
    """The names of one run's quiet rows, while they are gathered."""

    def __init__(self) -> None:
        """Know none."""
        self._shelves = [array("Q") for _ in range(SHELVES)]

    def put(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """Have rows be found: of each its number, its key, and its referral's id in small letters."""
        shelves = self._shelves
        for n, key, referral in rows:
            mark = crc32(key.encode("utf-8", "surrogatepass"))
            shelves[mark >> 24].append(mark << N_BITS | n)
            if referral != key:
                mark = crc32(referral.encode("utf-8", "surrogatepass"))
                shelves[mark >> 24].append(mark << N_BITS | n)

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Give the pages, each with its first mark; what shares a mark shares a page."""
        page = array("Q")
        for entry in chain.from_iterable(map(sorted, self._shelves)):
            if len(page) >= ENTRIES_PER_PAGE and entry >> N_BITS != page[-1] >> N_BITS:
                yield page[0] >> N_BITS, _written(page)
                page = array("Q")
            page.append(entry)
        if page:
            yield page[0] >> N_BITS, _written(page)

    def write(self, connection: Connection, run: str) -> None:
        """Put them on record."""
        connection.executemany(PUT, ((run, mark, page) for mark, page in self.pages()))

    def are_those_of(self, connection: Connection, run: str) -> bool:
        """Tell whether these are what stands on record."""
        return list(self.pages()) == connection.execute(PAGES, (run,)).fetchall()


def numbers(connection: Connection, run: str, name: str) -> list[int]:
    """Give the rows of a run that may be called so, in their order; a name that nobody has may give some too."""
    mark = crc32(name.encode(errors="surrogatepass"))
    content = value_of(connection.execute(PAGE, (run, mark)))
    if content is None:
        return []
    entries = array("Q")
    try:
        entries.frombytes(content)
    except (ValueError, TypeError):
        raise StorageRefused(f"ledger: the names of rows of run {run} cannot be read; {REMEDY}") from None
    if sys.byteorder == "big":
        entries.byteswap()
    start = bisect_left(entries, mark << N_BITS)
    return [entry & N_MAX for entry in entries[start : bisect_left(entries, (mark + 1) << N_BITS)]]


def _written(page: array[int]) -> bytes:
    """Write the numbers the way of most machines, so that all read them alike."""
    if sys.byteorder == "big":
        page.byteswap()
    return page.tobytes()
