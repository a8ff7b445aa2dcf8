"""Quiet rows: of those that are unchanged without a warning there is nothing to tell, and on most nights they are most.

Their end stands when a run begins and never changes. So they go on record as their plan has written them: some lines at
a time, compressed, in the order of their numbers (`quiet_parts`), and are found by name through pages of numbers
(`names`). A row takes some 150 bytes so, an eighth of what it takes by itself, and no index grows by it.

A part is small, because to read one row of it all of it is unpacked: `history` asks for one row of each night.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from sqlite3 import Connection
from typing import Any

from msgspec import Raw, Struct

from syncjob.errors import StorageRefused
from syncjob.ledger import names
from syncjob.ledger.database import Database
from syncjob.ledger.decoding import REMEDY, read_row
from syncjob.ledger.names import N_MAX, Names
from syncjob.model import Cause, Settled
from syncjob.model.change import FIRST
from syncjob.model.own import PULLED_ID
from syncjob.model.wire import coded, reader

TABLE = "quiet_parts"
LINES_PER_PART = 32
LEVEL = 2  # of lines that are much alike it makes a tenth less than 1 does, and no later
PARTS_PER_READ = 16
PARTS_KEPT = 400  # of those of which single rows are read, 10 MB at most: who asks for a deal asks for its rows next
PULLED = coded(PULLED_ID)
PUT = "INSERT INTO quiet_parts (run, first, last, count, content) VALUES (?, ?, ?, ?, ?)"
PARTS = """
SELECT first, last, count, content FROM quiet_parts
WHERE run = :run AND first > :last ORDER BY first LIMIT :most
"""
PART_OF = """
SELECT first, last, count, content FROM quiet_parts
WHERE run = ? AND first <= ? ORDER BY first DESC LIMIT 1
"""
Part = tuple[int, int, int, bytes]


class Quiet(Struct, frozen=True, gc=False):
    """A quiet row as one line of JSON (`Settled.to_line`), the key by which it is found (`called`) and its referral."""

    n: int
    key: str
    id: str
    text: bytes

    @classmethod
    def of(cls, row: Settled) -> Quiet | None:
        """Take a row whose end will never change and of which there is nothing to tell; None where it is another."""
        if row.cause is not Cause.IN_STEP or row.warnings or row.operations or not row.id:
            return None
        return cls(row.n, called(row), row.id, row.to_line())


class Parts:
    """The quiet rows of one run, while they are put on record."""

    def __init__(self, connection: Connection, run: str) -> None:
        """Begin with none."""
        self._connection, self._run = connection, run
        self._names = Names()
        self._rows: list[Quiet] = []
        self._last = -1

    def take(self, rows: Iterable[Settled | Quiet]) -> list[Settled | Quiet]:
        """Put rows on record; give those that are to go by themselves: not quiet, or not in the order of numbers."""
        alone: list[Settled | Quiet] = []
        for row in rows:
            if isinstance(row, Quiet) and self._last < row.n <= N_MAX:
                self._last = row.n
                self._rows.append(row)
                if len(self._rows) >= LINES_PER_PART:
                    self._flush()
            else:
                alone.append(row)
        return alone

    def close(self) -> None:
        """Put the last of them on record, and by what all are found."""
        if self._rows:
            self._flush()
        self._names.write(self._connection, self._run)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._names.put([(row.n, row.key, row.id.lower()) for row in rows])
        self._connection.execute(PUT, (self._run, *_part([row.n for row in rows], [row.text for row in rows])))


def lines(database: Database, run: str) -> Iterator[bytes]:
    """Give the quiet rows of a run as they are written, in their order."""
    return (line for _, _, some in parts(database, run) for line in some)


def parts(database: Database, run: str) -> Iterator[tuple[int, int, list[bytes]]]:
    """Give the same part by part, each with the numbers of its first and last row."""
    last = -1
    while True:
        found = database.rows(PARTS, {"run": run, "last": last, "most": PARTS_PER_READ})
        for part in found:
            yield part[0], part[1], unpacked(run, part)
        if len(found) < PARTS_PER_READ:
            return
        last = found[-1][0]


def number(line: bytes) -> int:
    """Give the number of a line's row, which stands first."""
    return int(line[len(FIRST) : line.index(b",")])


def rows(database: Database, run: str) -> Iterator[Settled]:
    """Give the quiet rows of a run, in their order."""
    return (read_row(line, run) for line in lines(database, run))


def called_so(connection: Connection, run: str, *, key: str = "", referral: str = "") -> Iterator[Settled]:
    """Give the quiet rows of a run that have this key, or this referral, whose id is in small letters."""
    for n in names.numbers(connection, run, referral or key):
        row = read_row(_line(connection, run, n), run)
        if row.id is not None and (row.id.lower() == referral if referral else called(row) == key):
            yield row


def sights(database: Database, run: str) -> Iterator[tuple[str, int]]:
    """Give the referrals of a run's quiet rows, in small letters, each with a mark of what the remote held of it.

    Where it held something else the mark is another; one that names it in another way may have another as well.
    """
    for line in lines(database, run):
        try:
            seen = _look(line)
            yield seen.id.lower(), hash(tuple([(one.path, bytes(one.observed)) for one in seen.fields]))
        except ValueError:  # half a character: it is read in another way
            row = read_row(line, run)
            yield (row.id or "").lower(), hash(tuple([(one.path, coded(one.observed)) for one in row.triples]))


def keys(database: Database, run: str) -> Iterator[tuple[int, str]]:
    """Give the numbers of a run's quiet rows, each with the key by which it is found."""
    return (_known(line, run)[:2] for line in lines(database, run))


def named(database: Database, run: str) -> Names:
    """Give the names that a run's quiet rows are found by, as the rows themselves tell them."""
    found = Names()
    found.put((n, key, referral.lower()) for n, key, referral in (_known(line, run) for line in lines(database, run)))
    return found


def called(one: Settled) -> str:
    """Give the key by which a row is found: in a pulled file the CRM's id, where the referral has one."""
    known = one.columns.get("externalReferenceId", "").strip() if PULLED_ID in one.columns else ""
    return known or one.key


def unpacked(run: str, part: Part) -> list[bytes]:
    """Give the lines of a part; StorageRefused where they are not those that were put there."""
    return _checked(run, part, _lines)


def _checked(run: str, part: Part, unpack: Callable[[bytes], list[bytes]]) -> list[bytes]:
    first, last, count, content = part
    with suppress(zlib.error, TypeError):
        found = unpack(content)
        if len(found) == count and _begins(found[0], first) and _begins(found[-1], last):
            return found
    raise StorageRefused(f"ledger: rows {first} to {last} of run {run} cannot be read; {REMEDY}")


def is_sound(run: str, part: Part) -> bool:
    """Tell whether a part holds what it says, and each of its lines is a quiet row."""
    try:
        found = unpacked(run, part)
    except StorageRefused:
        return False
    return len(_sound(found, run)) == len(found)


def salvaged(run: str, content: Any) -> Part | None:
    """Make a part of the lines that can still be read of a damaged one; None where there is none."""
    unpacker, found = zlib.decompressobj(), bytearray()
    with suppress(zlib.error, TypeError):
        for at in range(len(content)):  # a byte at a time: what is damaged takes nothing with it that came before
            found += unpacker.decompress(content[at : at + 1])
    good = _sound(bytes(found).split(b"\n"), run)
    return _part(sorted(good), [good[n] for n in sorted(good)]) if good else None


class _Known(Struct, frozen=True, gc=False):
    """What is read of a line whose row is looked for."""

    n: int
    key: str
    id: str


class _Field(Struct, frozen=True, gc=False):
    path: str
    observed: Raw


class _Sight(Struct, frozen=True, gc=False):
    """What is read of a line where it matters what the remote held."""

    id: str
    fields: tuple[_Field, ...]


_read, _look = reader(_Known), reader(_Sight)


def _known(line: bytes, run: str) -> tuple[int, str, str]:
    """Give a row's number, the key by which it is found, and its referral."""
    try:
        known = _read(line)
    except ValueError:
        raise StorageRefused(f"ledger: a row of run {run} cannot be read; {REMEDY}") from None
    return known.n, called(read_row(line, run)) if PULLED in line else known.key, known.id


def _sound(lines: list[bytes], run: str) -> dict[int, bytes]:
    """Give by number those lines that are quiet rows."""
    found = {}
    for line in lines:
        with suppress(StorageRefused):
            row = read_row(line, run)
            if Quiet.of(row):
                found[row.n] = line
    return found


def _part(numbers: list[int], texts: list[bytes]) -> Part:
    return numbers[0], numbers[-1], len(texts), packed(texts)


def packed(texts: Iterable[bytes]) -> bytes:
    """Put lines together as a part holds them."""
    return zlib.compress(b"\n".join(texts), LEVEL)


def _lines(content: bytes) -> list[bytes]:
    return zlib.decompress(content).split(b"\n")


_kept_lines = lru_cache(PARTS_KEPT)(_lines)


def _line(connection: Connection, run: str, n: int) -> bytes:
    """Give the line of a quiet row that the names tell of."""
    part = connection.execute(PART_OF, (run, n)).fetchone()
    found = next((line for line in _checked(run, part, _kept_lines) if _begins(line, n)), None) if part else None
    if found is None:
        raise StorageRefused(f"ledger: row {n} of run {run} cannot be read; {REMEDY}")
    return found


def _begins(line: bytes, n: int) -> bool:
    """Tell whether a line is that of row `n`."""
    return line.startswith(b"%b%d," % (FIRST, n))
