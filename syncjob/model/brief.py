"""A plain row in brief: where it stood and what it asks, as pieces of the very line that it makes when it is in step.

Most rows of most nights are plain, and ask for what the remote holds already. Of such a row nothing needs to be built:
what it asks is compared as it is written, as JSON, and its line is put together from the same pieces. What rows of one
file have in common (which fields they ask for, from which columns) is their `Shape`. Where a piece is not to the letter
what the remote has written, `Shape.desired` gives the whole row, and that goes its long way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Raw, Struct

from syncjob.model.change import Settled, Triple
from syncjob.model.desired import UNKNOWN, Desired, Place, SourceRow, Wish
from syncjob.model.outcome import Cause
from syncjob.model.stand import Stand
from syncjob.model.wire import coded

PARTING = b"\0"  # JSON holds none
NUMBER, KEY, COLUMNS, VALUES = range(4)  # the pieces; a verifying cell comes after the values
NINE = ord("9")  # the number begins with a digit, what waits as a whole with an object of JSON or MessagePack


class Ask(Struct, frozen=True):
    """What a wish is but for its value; that of an `amount` is a text of digits, which the remote may hold bare."""

    path: str
    column: str
    zone: str | None = None
    amount: bool = False


class Brief(Struct, frozen=True, gc=False):
    """A row in brief; `text` are its pieces, `itself` whether its key is its referral's id."""

    n: int
    line: int
    key: str
    itself: bool
    shape: Shape
    text: bytes

    def desired(self) -> Desired:
        """Give the whole row."""
        return self.shape.desired(self.text, self.n, self.line)


class Shape:
    """What rows in brief have in common; `number` stands first among their pieces.

    `paths` are those whose values are compared, in the order of the pieces: those of the wishes, and of `verify`
    (column and path) where the configuration names one.
    """

    def __init__(
        self, number: int, source: str, asks: Sequence[Ask], verify: tuple[str, str] | None, *, itself: bool
    ) -> None:
        """Lay out the pieces, the line and the agreed values of such rows."""
        self.number, self._begins = number, b"%d" % number
        self._source, self._asks, self._verify, self._itself = source, asks, verify, itself
        self.paths = (*(ask.path for ask in asks), *([verify[1]] if verify else ()))
        self._places = range(VALUES, VALUES + len(asks))
        self._more = VALUES + len(self.paths)  # where come what only the line has: number, line, referral, eTag
        self._forms = (self._line(known=False), self._line(known=True))
        agree = {ask.path: self._hole(at) for at, ask in zip(self._places, asks, strict=True)}
        self._agreed = _form(coded(dict(sorted(agree.items()))))

    def brief(self, n: int, line: int, key: str, columns: bytes, values: Sequence[bytes]) -> Brief:
        """Put a row together; `columns` are its cells as JSON, `values` those of the paths, amounts without quotes."""
        text = PARTING.join((self._begins, coded(key), columns, *values))
        return Brief(n, line, key, self._itself, self, text)

    def agreed(self, pieces: Sequence[bytes]) -> bytes:
        """Give what is agreed on where the row is in step, as the ledger keeps it."""
        form, pick = self._agreed
        agreed: bytes = form % pick(pieces)
        return agreed

    def written(
        self, pieces: list[bytes], place: tuple[int, int], referral: str, etag: str | None, *, known: bool
    ) -> bytes:
        """Give the line of a row that is in step, by its `place`: number and line.

        `known` says that what it asks was agreed on before, too.
        """
        form, pick = self._forms[known]
        written: bytes = form % pick([*pieces, *place, coded(referral), coded(etag)])
        return written

    def desired(self, text: bytes, n: int, line: int) -> Desired:
        """Give the whole row, by its number and line."""
        pieces = text.split(PARTING)
        key = msgspec.json.decode(pieces[KEY], type=str)
        columns = msgspec.json.decode(pieces[COLUMNS], type=dict[str, str])
        row = SourceRow(n, Place(self._source, line), columns)
        wishes = tuple(
            Wish(ask.path, value.decode() if ask.amount else msgspec.json.decode(value), ask.column, ask.zone)
            for ask, value in zip(self._asks, pieces[VALUES:], strict=False)
        )
        verify = columns.get(self._verify[0], "") if self._verify else None
        return Desired(row, key, wishes, verify, (), key if self._itself else "")

    def _line(self, *, known: bool) -> tuple[bytes, itemgetter[Any]]:
        """Lay out the line as any settled row is written, with a hole where each piece goes."""
        triples = []
        for at, ask in zip(self._places, self._asks, strict=True):
            hole = self._hole(at)
            base = hole if known else UNKNOWN
            triples.append(Triple(ask.path, hole, hole, base, ask.zone, (), ask.column, Stand.AGREED))
        key, columns, n, line, referral, etag = map(_hole, (KEY, COLUMNS, *range(self._more, self._more + 4)))
        place, cells = Place(self._source, line), {"": columns}
        row = Settled(n, place, key, cells, Cause.IN_STEP, "", referral, etag, (), tuple(triples))
        return _form(row.to_line().replace(coded(cells), bytes(columns)), numbers=(self._more, self._more + 1))

    def _hole(self, at: int) -> Raw:
        amount = at in self._places and self._asks[at - VALUES].amount
        return Raw(b'"%b"' % bytes(_hole(at))) if amount else _hole(at)


class Shapes:
    """The shapes of one file's rows, by number."""

    def __init__(self) -> None:
        """Know none."""
        self._known: dict[int, Shape] = {}

    def add(self, shape: Shape) -> None:
        """Take that of a row, known or not."""
        assert self._known.setdefault(shape.number, shape) is shape, "the rows of a draft are of one file"

    def of(self, pieces: Sequence[bytes]) -> Shape:
        """Give that of a row."""
        return self._known[int(pieces[NUMBER])]

    def desired(self, text: bytes, n: int, line: int) -> Desired:
        """Give a waiting row as a whole; one in brief stands at that number and line."""
        if is_brief(text):
            return self._known[int(text[: text.index(PARTING)])].desired(text, n, line)
        return Desired.unpacked(text)


def is_brief(text: bytes) -> bool:
    """Tell whether a waiting row is one in brief."""
    return text[0] <= NINE


def _hole(at: int) -> Any:
    return Raw(b"\0%d\0" % at)


def _form(line: bytes, numbers: Collection[int] = ()) -> tuple[bytes, itemgetter[Any]]:
    """Give what `%` fills a line's holes with, and what picks their pieces in order; some of them are `numbers`."""
    parts = line.split(PARTING)
    holes = [*map(int, parts[1::2])]
    form = parts[0].replace(b"%", b"%%")
    for hole, part in zip(holes, parts[2::2], strict=True):
        form += (b"%d" if hole in numbers else b"%b") + part.replace(b"%", b"%%")
    return form, itemgetter(*holes)
