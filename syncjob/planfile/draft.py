"""Rows that wait for the next step, on disk by number: what would otherwise grow with the input stays out of memory.

A row waits as `Desired`, or in brief, until it is settled. In memory stay where its text lies, its key, and the id of
the referral that was seen for it: some 350 bytes a row, 550 where rows are linked or their keys very long. A database
in place of that (SQLite, with indexes of key and id) took four times as long, and half of what a night without changes
cost in all.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from syncjob.model import Brief, Cause, Desired, Settled, Shapes
from syncjob.planfile.line import Line
from syncjob.planfile.spool import Spool

CAUSES = tuple(Cause)
CODES = {cause: code for code, cause in enumerate(CAUSES)}
NAMES_ITSELF, WAITS = len(CAUSES), len(CAUSES) + 1
"""The codes of a row that waits, above those of all causes; one that names itself has the referral's id for its key."""


Waiting = tuple[int, int, bytes]
"""A waiting row: its number, its line, and its text, which `Draft.shapes` reads."""


class _Texts:
    """Where in the spool the text of each slot lies, and by what it has settled."""

    def __init__(self, spool: Spool, slots: int = 0) -> None:
        self._spool = spool
        self._starts, self._sizes = array("q", bytes(8 * slots)), array("q", bytes(8 * slots))
        self.codes = bytearray(slots)

    def add(self, text: bytes, code: int) -> None:
        """Put one more."""
        self._starts.append(self._spool.put(text))
        self._sizes.append(len(text))
        self.codes.append(code)

    def put(self, slot: int, text: bytes, cause: Cause) -> None:
        """Put a settled row in the place of what was there."""
        self._starts[slot], self._sizes[slot] = self._spool.put(text), len(text)
        self.codes[slot] = CODES[cause]

    def take(self, slot: int, other: _Texts) -> None:
        """Take what the same slot holds there."""
        self._starts[slot], self._sizes[slot] = other._starts[slot], other._sizes[slot]
        self.codes[slot] = other.codes[slot]

    def has(self, slot: int) -> bool:
        """Tell whether anything was put there."""
        return slot < len(self._sizes) and self._sizes[slot] != 0

    def text(self, slot: int) -> bytes:
        """Give the text."""
        return self._spool.get(self._starts[slot], self._sizes[slot])


class _Names:
    """The slots that go by a name; nearly always it is one, `first`, and else they stand in `many`, in order."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.many: dict[str, list[int]] = {}

    def add(self, name: str, slot: int) -> None:
        """Note that a slot goes by this name; '' is none."""
        if name and (first := self.first.setdefault(name, slot)) != slot:
            self.many.setdefault(name, [first]).append(slot)

    def of(self, name: str) -> Sequence[int]:
        """Give its slots."""
        found = self.first.get(name)
        return () if found is None else self.many.get(name) or (found,)


class Draft:
    """The rows of one run on their way to the plan; they come in ascending order of their numbers.

    `match` notes which referrals were seen for a row, so that a key of two referrals is noticed only at the end.
    """

    def __init__(self, folder: Path) -> None:
        """Make the scratch file in a folder that the run owns."""
        self._spool = Spool(folder / "draft.rows")
        self._numbers, self._lines = array("q"), array("q")
        self._texts = _Texts(self._spool)
        self._keys, self._ids = _Names(), _Names()
        self._sights, self._seen = _Texts(self._spool), _Names()
        self._unsettled: dict[int, str] = {}
        self._several: dict[int, list[str]] = {}
        self.shapes = Shapes()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, row: Brief | Desired | Settled) -> None:
        """Take a row that was read: one that waits, or one that is settled already."""
        slot = len(self._numbers)
        if isinstance(row, Brief):
            number, line = row.n, row.line
            self.shapes.add(row.shape)
            self._texts.add(row.text, NAMES_ITSELF if row.itself else WAITS)
            self._keys.add(row.key, slot)
        elif isinstance(row, Settled):
            number, line = row.n, row.place.line
            self._texts.add(row.to_line(), CODES[row.cause])
        else:
            number, line = row.row.n, row.row.place.line
            itself = row.id == row.key
            self._texts.add(row.packed(), NAMES_ITSELF if itself else WAITS)
            self._keys.add(row.key, slot)
            if not itself:
                self._ids.add(row.id, slot)
        assert not slot or number > self._numbers[-1], "rows come in ascending order"
        self._numbers.append(number)
        self._lines.append(line)

    def settle(self, settled: Settled) -> None:
        """End a row's waiting."""
        slot = self._slot(settled.n)
        assert self._waits(slot), f"row {settled.n} is settled once"
        self._texts.put(slot, settled.to_line(), settled.cause)

    def twins(self) -> Iterator[list[Desired]]:
        """Give the waiting rows that share a key, then those that share a referral, in input order."""
        for shared in (self._keys.many.values(), map(self._named, self._ids.first)):
            for slots in sorted(shared):
                if len(found := [slot for slot in slots if self._waits(slot)]) > 1:
                    yield list(map(self._desired, found))

    def find(self, named: Iterable[tuple[str, str]]) -> list[Sequence[Waiting]]:
        """Give, for each (key, id) of a referral, the waiting rows that name it by its key or by its id, by number."""
        first, codes = self._keys.first, self._texts.codes
        apart = not self._ids.first and not self._keys.many
        found: list[Sequence[Waiting]] = []
        for key, referral in named:
            slot, itself = first.get(key), first.get(referral)
            if apart and slot is None:  # as most rows are: alone under their key, or under their id
                found.append((self._found(itself),) if itself is not None and codes[itself] == NAMES_ITSELF else ())
            elif apart and slot is not None and itself is None:
                found.append((self._found(slot),) if codes[slot] >= NAMES_ITSELF else ())
            else:
                slots = sorted({*self._keys.of(key), *self._named(referral)})
                found.append([self._found(one) for one in slots if self._waits(one)])
        return found

    def _found(self, slot: int) -> Waiting:
        return self._numbers[slot], self._lines[slot], self._texts.text(slot)

    def _named(self, referral: str) -> list[int]:
        """Give the slots of the rows that name a referral by its id."""
        itself = [slot for slot in self._keys.of(referral) if self._texts.codes[slot] == NAMES_ITSELF]
        return sorted([*self._ids.of(referral), *itself])

    def row(self, n: int) -> Desired | None:
        """Give a waiting row by its number; None once it is settled."""
        slot = self._slot(n)
        return self._desired(slot) if self._waits(slot) else None

    def match(self, seen: Iterable[tuple[int, str, Line | None]]) -> None:
        """Note (row, referral, how the row would settle if this is the only one) for every referral that was seen."""
        if not self._sights.codes:
            self._sights = _Texts(self._spool, len(self._numbers))
        add, has, put = self._seen.add, self._sights.has, self._sights.put
        for n, referral, settled in seen:
            slot = self._slot(n)
            add(referral, slot)
            if has(slot) or slot in self._unsettled:
                several = self._several.setdefault(slot, self.matches(n))
                if referral not in several:
                    several.append(referral)
            elif settled is None:
                self._unsettled[slot] = referral
            else:
                put(slot, settled.text, settled.cause)

    def unmatch(self) -> None:
        """Forget which referrals were seen: the listing is read anew."""
        self._sights, self._seen = _Texts(self._spool), _Names()
        self._unsettled, self._several = {}, {}

    def rivals(self) -> list[list[int]]:
        """Give the numbers of the waiting rows for which one and the same referral was seen."""
        waiting = ({slot for slot in slots if self._waits(slot)} for slots in self._seen.many.values())
        return sorted([self._numbers[slot] for slot in sorted(slots)] for slots in waiting if len(slots) > 1)

    def settle_matched(self) -> None:
        """Settle the rows for which one referral was seen and no other, where the sight of it was enough."""
        for slot, code in enumerate(self._texts.codes):
            if code >= NAMES_ITSELF and self._sights.has(slot) and len(self._several.get(slot, ())) <= 1:
                self._texts.take(slot, self._sights)

    def matches(self, n: int) -> list[str]:
        """Give the referrals that were seen for a row."""
        slot = self._slot(n)
        if slot in self._several:
            return sorted(self._several[slot])
        if slot in self._unsettled:
            return [self._unsettled[slot]]
        if not self._sights.has(slot):
            return []
        seen = Settled.from_line(self._sights.text(slot))
        assert seen.id, "a row that settles by a sight names its referral"
        return [seen.id]

    def waiting(self) -> Iterator[Desired]:
        """Give the waiting rows in input order; rows may be settled while this goes on."""
        return (self._desired(slot) for slot, code in enumerate(self._texts.codes) if code >= NAMES_ITSELF)

    def settled(self) -> Iterator[Line]:
        """Give every row in input order, once all are settled."""
        assert not self.count(waiting=True), "every row is settled before the plan is written"
        slots = enumerate(zip(self._numbers, self._lines, self._texts.codes, strict=True))
        return (Line(n, line, CAUSES[code], self._texts.text(slot)) for slot, (n, line, code) in slots)

    def named(self) -> bool:
        """Tell whether every waiting row names its referral by id and by nothing else: a linked row has a key too."""
        return WAITS not in self._texts.codes

    def count(self, *, waiting: bool = False) -> int:
        """Count all rows, or those that wait."""
        codes = self._texts.codes
        return codes.count(NAMES_ITSELF) + codes.count(WAITS) if waiting else len(codes)

    def _waits(self, slot: int) -> bool:
        return self._texts.codes[slot] >= NAMES_ITSELF

    def _desired(self, slot: int) -> Desired:
        return self.shapes.desired(self._texts.text(slot), self._numbers[slot], self._lines[slot])

    def _slot(self, n: int) -> int:
        """Find a row by its number; where no row was passed over it stands right there."""
        slot = n - self._numbers[0]
        if not (0 <= slot < len(self._numbers) and self._numbers[slot] == n):
            slot = bisect_left(self._numbers, n)
            assert slot < len(self._numbers), f"row {n} was added"
            assert self._numbers[slot] == n, f"row {n} was added"
        return slot
