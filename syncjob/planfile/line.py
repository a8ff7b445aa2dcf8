"""A row of a plan as it is written, handed on as it is: of most rows nobody needs more than how they ended."""

from __future__ import annotations

from msgspec import Raw, Struct

from syncjob.model import Cause, Outcome, Settled, Stand, Why, coded
from syncjob.model.own import PULLED_ID
from syncjob.model.wire import reader

UNWARNED = b'"warnings":[],"columns":'  # in this order no value of a row or referral has them

IDLE = b'"operations":[],"attempts":0,"request_ids":[]}'  # the end of a line with nothing to send
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
    removed: tuple[str, ...] = ()
    stand: Stand | None = None
    why: Why = Why.MERGED


class Still(Struct, frozen=True, gc=False):
    """What is read of a row that is in step in every field that it names."""

    key: str
    id: str
    fields: tuple[Field, ...]


_still = reader(Still)


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

    def still(self) -> Still | None:
        """Read what its key and referral are and what they agree on, where that is all that there is to it.

        None where it takes more: a row that is not quiet or has something to send, that a pulled file names, that takes
        somebody off a list, or of which a field is not simply in step.
        """
        text = self.text
        if self.cause is not Cause.IN_STEP or UNWARNED not in text or not text.endswith(IDLE) or PULLED in text:
            return None
        try:
            found = _still(text)
        except ValueError:
            return None
        agreed = Stand.AGREED  # looked up once: an enumeration takes its time
        for one in found.fields:
            if one.stand is not agreed or one.removed:
                return None
        return found

    def settled(self) -> Settled:
        """Read all of it."""
        return Settled.from_line(self.text)
