"""What a notice says of a run."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Told(Struct, frozen=True):
    """How a run ended, as far as a notice may say it: counts and names of the job's own, and no value of a row.

    `waiting` are rows of this run that wait for a person, `fresh` those that did not after the run before; `before` is
    how that one ended. `in_all` are the rows of the job that wait now, as `status` counts them: after an act that came
    to no run the last known number, None where nobody knows. `guards` are those that refused. `side` is an act about
    some rows of the job only, `by_hand` one of a person who is there.
    """

    job: str
    code: int
    run: str = ""
    totals: Mapping[str, int] = {}
    requests: Mapping[str, int] = {}
    waiting: int = 0
    fresh: int = 0
    before: int | None = None
    took_s: float = 0.0
    at: float = 0.0
    url: str = ""
    side: bool = False
    by_hand: bool = False
    in_all: int | None = None
    guards: tuple[str, ...] = ()
