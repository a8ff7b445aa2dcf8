"""A row of a plan as it is written, handed on as it is: of most rows nobody needs more than how they ended."""

from __future__ import annotations

from msgspec import Struct

from syncjob.model import Cause, Outcome, Settled
from syncjob.model.wire import reader

UNWARNED = b'"warnings":[],"columns":'  # in this order no value of a row or referral has them


class _Glance(Struct, frozen=True):
    """What is read of every row."""

    n: int
    line: int
    cause: Cause


_glance = reader(_Glance)


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
