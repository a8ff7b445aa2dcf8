"""What an answer means for the row, one table: an `Answer` in, a `Next` out.

    not sent (no connection)                again     nothing left the house
    lost (timeout, reset, undecodable)      look      it may have happened: read before anything else
    2xx                                     done      for a PATCH still to be verified
    412, or any status with resourceModified stale    somebody was there first: read and merge anew
    429                                     gate      all wait as long as the remote asks; costs budget, not attempts
    423                                     locked    twice more, then the row is deferred
    401; 403 with insufficent_claims        sign_in   a person must sign in
    403                                     forbidden
    404, 410                                gone
    428; 3xx                                broken    cannot be: we always send If-Match, the remote never redirects
    507, 509                                stop      the remote is full
    407, 408, 425, 499, 5xx                 look      a gateway's word: it may have happened
    any other 4xx                           rejected  the remote said no

Sources: the API's documented statuses; RFC 9110 for what may be repeated. Only `code` decides, never `message`.
A GET has no effect, so what says `look` to a PATCH says `again` to a GET.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from syncjob.model import Answer, Heard

LOCKED_MAX = 2


class Next(StrEnum):
    """What to do after an answer."""

    DONE = "done"
    AGAIN = "again"
    LOOK = "look"
    STALE = "stale"
    GATE = "gate"
    LOCKED = "locked"
    SIGN_IN = "sign_in"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    BROKEN = "broken"
    STOP = "stop"
    REJECTED = "rejected"


#       statuses             code that must stand beside it    what to do
TABLE: tuple[tuple[range | tuple[int, ...], str, Next], ...] = (
    (range(400, 600), "resourceModified", Next.STALE),
    (range(200, 300), "", Next.DONE),
    (range(300, 400), "", Next.BROKEN),
    ((412,), "", Next.STALE),
    ((429,), "", Next.GATE),
    ((423,), "", Next.LOCKED),
    ((401,), "", Next.SIGN_IN),
    ((403,), "insufficent_claims", Next.SIGN_IN),
    ((403,), "insufficient_claims", Next.SIGN_IN),
    ((403,), "", Next.FORBIDDEN),
    ((404, 410), "", Next.GONE),
    ((428,), "", Next.BROKEN),
    ((507, 509), "", Next.STOP),
    ((407, 408, 425, 499), "", Next.LOOK),
    (range(500, 600), "", Next.LOOK),
    (range(400, 500), "", Next.REJECTED),
)


def after(answer: Answer) -> Next:
    """Say what comes after the answer to a PATCH."""
    if answer.heard is Heard.UNSENT:
        return Next.AGAIN
    if answer.heard is Heard.LOST:
        return Next.LOOK
    return _by_table(answer.status or 0, answer.code)


@lru_cache(maxsize=256)  # a run hears few different answers, and asks of each more than once
def _by_table(status: int, said: str) -> Next:
    return next(
        (what for statuses, code, what in TABLE if status in statuses and code in ("", said)),
        Next.BROKEN,
    )


def after_get(answer: Answer) -> Next:
    """Say what comes after the answer to a GET: it had no effect, so it may simply be asked again."""
    what = after(answer)
    return Next.AGAIN if what in (Next.LOOK, Next.STALE) else what
