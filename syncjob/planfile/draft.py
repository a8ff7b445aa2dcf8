"""Rows that wait for the next step, on disk by number: what would otherwise grow with the input stays out of memory.

A row waits as `Desired` until it is settled. In memory stay where its text lies, its key, and the id of the referral
that was seen for it: some 300 bytes a row. A database in place of that (SQLite, with indexes of key and id) took four
times as long, and half of what a night without changes cost in all.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from syncjob.model import Cause, Desired, Settled
from syncjob.planfile.line import Line
from syncjob.planfile.spool import Spool

SETTLED, NAMES_ITSELF, WAITS = range(3)
"""How a row stands. Both others wait; one that names itself has the referral's id for its key."""

CAUSES = tuple(Cause)
CODES = {cause: code for code, cause in enumerate(CAUSES)}


class _Texts:
    """Where the text of each slot lies, and of a settled row its cause and the line on which it stood."""

    def __init__(self, spool: Spool, slots: int = 0) -> None:
        self._spool = spool
        self.sizes, self._starts = array("q", bytes(8 * slots)), array("q", bytes(8 * slots))
        self._lines, self._codes = array("q", bytes(8 * slots)), bytearray(slots)

    def add(self, text: bytes, line: int = 0, cause: Cause = Cause.TO_SEND) -> None:
        """Put one more."""
        self._starts.append(self._spool.put(text))
        self.sizes.append(len(text))
        self._lines.append(line)
        self._codes.append(CODES[cause])

    def put(self, slot: int, row: Settled) -> None:
        """Put a settled row in the place of what was there."""
        text = row.to_line()
        self._starts[slot], self.sizes[slot] = self._spool.put(text), len(text)
        self._lines[slot], self._codes[slot] = row.place.line, CODES[row.cause]

    def take(self, slot: int, other: _Texts) -> None:
        """Take what the same slot holds there."""
        self._starts[slot], self.sizes[slot] = other._starts[slot], other.sizes[slot]
        self._lines[slot], self._codes[slot] = other._lines[slot], other._codes[slot]

    def text(self, slot: int) -> bytes:
        """Give the text."""
        return self._spool.get(self._starts[slot], self.sizes[slot])

    def line(self, n: int, slot: int) -> Line:
        """Give a settled row as it is written."""
        return Line(n, self._lines[slot], CAUSES[self._codes[slot]], self.text(slot))


class _Names:
    """The slots that go by a name, in order; nearly always it is one."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._all: dict[str, list[int]] = {}

    def add(self, name: str, slot: int) -> None:
        """Note that a slot goes by this name; '' is none."""
        if name and (first := self._first.setdefault(name, slot)) != slot:
            self._all.setdefault(name, [first]).append(slot)

    def of(self, name: str) -> Sequence[int]:
        """Give its slots."""
        found = self._first.get(name)
        return () if found is None else self._all.get(name) or (found,)

    def names(self) -> Iterator[str]:
        """Give all names, in the order in which they came."""
        return iter(self._first)

    def shared(self) -> Iterator[list[int]]:
        """Give the slots of each name that several go by."""
        return iter(self._all.values())


class Draft:
    """The rows of one run on their way to the plan; they come in ascending order of their numbers.

    `match` notes which referrals were seen for a row, so that a key of two referrals is noticed only at the end.
    """

    def __init__(self, folder: Path) -> None:
        """Make the scratch file in a folder that the run owns."""
        self._spool = Spool(folder / "draft.rows")
        self._numbers, self._states = array("q"), bytearray()
        self._texts = _Texts(self._spool)
        self._keys, self._ids = _Names(), _Names()
        self._sights, self._seen = _Texts(self._spool), _Names()
        self._unsettled: dict[int, str] = {}
        self._several: dict[int, list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, row: Desired | Settled) -> None:
        """Take a row that was read: one that waits, or one that is settled already."""
        slot = len(self._numbers)
        if isinstance(row, Settled):
            number, state = row.n, SETTLED
            self._texts.add(row.to_line(), row.place.line, row.cause)
        else:
            number, state = row.row.n, NAMES_ITSELF if row.id == row.key else WAITS
            self._texts.add(row.packed())
            self._keys.add(row.key, slot)
            if state == WAITS:
                self._ids.add(row.id, slot)
        assert not slot or number > self._numbers[-1], "rows come in ascending order"
        self._numbers.append(number)
        self._states.append(state)

    def settle(self, settled: Settled) -> None:
        """End a row's waiting."""
        slot = self._slot(settled.n)
        assert self._states[slot], f"row {settled.n} is settled once"
        self._texts.put(slot, settled)
        self._states[slot] = SETTLED

    def twins(self) -> Iterator[list[Desired]]:
        """Give the waiting rows that share a key, then those that share a referral, in input order."""
        for shared in (self._keys.shared(), map(self._named, self._ids.names())):
            for slots in sorted(shared):
                if len(found := [slot for slot in slots if self._states[slot]]) > 1:
                    yield list(map(self._desired, found))

    def find(self, named: Iterable[tuple[str, str]]) -> list[list[Desired]]:
        """Give, for each (key, id) of a referral, the waiting rows that name it by its key or by its id, by number."""
        found = []
        for key, referral in named:
            slots = self._keys.of(key)
            others = [*self._ids.of(referral), *self._keys.of(referral)]
            if others:
                slots = sorted({*slots, *self._named(referral)})
            found.append([self._desired(slot) for slot in slots if self._states[slot]])
        return found

    def _named(self, referral: str) -> list[int]:
        """Give the slots of the waiting rows that name a referral by its id."""
        itself = [slot for slot in self._keys.of(referral) if self._states[slot] == NAMES_ITSELF]
        return sorted([*self._ids.of(referral), *itself])

    def row(self, n: int) -> Desired | None:
        """Give a waiting row by its number; None once it is settled."""
        slot = self._slot(n)
        return self._desired(slot) if self._states[slot] else None

    def match(self, seen: Iterable[tuple[int, str, Settled | None]]) -> None:
        """Note (row, referral, how the row would settle if this is the only one) for every referral that was seen."""
        if not self._sights.sizes:
            self._sights = _Texts(self._spool, len(self._numbers))
        for n, referral, settled in seen:
            slot = self._slot(n)
            self._seen.add(referral, slot)
            if self._sights.sizes[slot] or slot in self._unsettled:
                several = self._several.setdefault(slot, self.matches(n))
                if referral not in several:
                    several.append(referral)
            elif settled is None:
                self._unsettled[slot] = referral
            else:
                self._sights.put(slot, settled)

    def unmatch(self) -> None:
        """Forget which referrals were seen: the listing is read anew."""
        self._sights, self._seen = _Texts(self._spool), _Names()
        self._unsettled, self._several = {}, {}

    def rivals(self) -> list[list[int]]:
        """Give the numbers of the waiting rows for which one and the same referral was seen."""
        waiting = ([slot for slot in slots if self._states[slot]] for slots in self._seen.shared())
        return [[self._numbers[slot] for slot in sorted(set(slots))] for slots in waiting if len(set(slots)) > 1]

    def settle_matched(self) -> None:
        """Settle the rows for which one referral was seen and no other, where the sight of it was enough."""
        for slot, size in enumerate(self._sights.sizes):
            if size and self._states[slot] and len(self._several.get(slot, ())) < 2:  # noqa: PLR2004
                self._texts.take(slot, self._sights)
                self._states[slot] = SETTLED

    def matches(self, n: int) -> list[str]:
        """Give the referrals that were seen for a row."""
        slot = self._slot(n)
        if slot in self._several:
            return sorted(self._several[slot])
        if slot in self._unsettled:
            return [self._unsettled[slot]]
        if not self._sights.sizes or not self._sights.sizes[slot]:
            return []
        seen = self._sights.line(n, slot).settled()
        assert seen.id, "a row that settles by a sight names its referral"
        return [seen.id]

    def waiting(self) -> Iterator[Desired]:
        """Give the waiting rows in input order; rows may be settled while this goes on."""
        return (self._desired(slot) for slot, state in enumerate(self._states) if state)

    def settled(self) -> Iterator[Line]:
        """Give every row in input order, once all are settled."""
        assert not self.count(waiting=True), "every row is settled before the plan is written"
        return (self._texts.line(n, slot) for slot, n in enumerate(self._numbers))

    def named(self) -> bool:
        """Tell whether every waiting row names its referral by id and by nothing else: a linked row has a key too."""
        return WAITS not in self._states

    def count(self, *, waiting: bool = False) -> int:
        """Count all rows, or those that wait."""
        return len(self._states) - (self._states.count(SETTLED) if waiting else 0)

    def _desired(self, slot: int) -> Desired:
        return Desired.unpacked(self._texts.text(slot))

    def _slot(self, n: int) -> int:
        slot = bisect_left(self._numbers, n)
        assert slot < len(self._numbers), f"row {n} was added"
        assert self._numbers[slot] == n, f"row {n} was added"
        return slot
