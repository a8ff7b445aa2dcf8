"""A row of a plan as it is written, handed on as it is: of most rows nobody needs more than how they ended."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from syncjob.model import Cause, Outcome, Settled, Why, coded
from syncjob.model.change import IDLE
from syncjob.model.own import PULLED_ID
from syncjob.model.wire import reader

UNWARNED = b'"warnings":[],"columns":'  # in this order no value of a row or referral has them
KEPT = str(Why.KEPT)
PULLED = coded(PULLED_ID)


class _Glance(Struct, frozen=True):
    """What is read of every row."""

    n: int
    line: int
    cause: Cause


_glance = reader(_Glance)


class Field(Struct, frozen=True, gc=False):
    """What is read of a field of a row that is in step; its values are JSON as it is written.

    What row and remote agree on is what the row says; where the remote keeps a form of its own, that form.
    """

    path: str
    observed: Raw
    desired: Raw
    stand: Literal["agreed"]
    removed: tuple[()] = ()
    why: str = ""


class Still(Struct, frozen=True, gc=False):
    """What is read of a row that is in step in every field that it names; of any other there is nothing to read."""

    n: int
    line: int
    key: str
    id: str
    cause: Literal["in_step"]
    reason: Literal[""]
    warnings: tuple[()]
    columns: Raw
    fields: tuple[Field, ...]

    @classmethod
    def read(cls, text: bytes) -> Still | None:
        """Read what the key and referral of a line are and what they agree on, where that is all that there is to it.

        None where it takes more: a row that is not quiet or has something to send, that a pulled file names, that takes
        somebody off a list, or of which a field is not simply in step.
        """
        if not text.endswith(IDLE):
            return None
        try:
            found = _still(text)
        except ValueError:
            return None
        return None if PULLED in bytes(found.columns) else found

    def agreed(self) -> str:
        """Give what row and remote agree on as one JSON object, by path in their order; '' where that is nothing."""
        agree = {one.path: one.observed if one.why == KEPT else one.desired for one in self.fields}
        return _sorted(agree).decode() if agree else ""


_still = msgspec.json.Decoder(Still).decode
_sorted = msgspec.json.Encoder(order="sorted").encode


class Line(Struct, frozen=True):
    """A row that has settled, as one line of JSON (see `Settled.to_line`), and what is known without reading it all.

    `line` is where it stood in its file.
    """

    n: int
    line: int
    cause: Cause
    text: bytes

    @classmethod
    def of(cls, row: Settled) -> Line:
        """Write a row."""
        return cls(row.n, row.place.line, row.cause, row.to_line())

    @classmethod
    def read(cls, text: bytes) -> Line:
        """Take a row as it is written; ValueError when it is none."""
        seen = _glance(text)
        return cls(seen.n, seen.line, seen.cause, text)

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell of it: it is as it should be, and nothing is odd about it."""
        return self.cause.outcome is Outcome.UNCHANGED and UNWARNED in self.text

    def settled(self) -> Settled:
        """Read all of it."""
        return Settled.from_line(self.text)
