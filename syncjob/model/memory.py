"""The nouns of looking back: what was written to a referral, where a row is apart from it, how a job stands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from syncjob.model.change import Settled, Triple


class Event(Struct, frozen=True):
    """One field that was written: by us in a run, or elsewhere between two; moments are ISO 8601 in UTC.

    `after_run` is the run that last looked before somebody else wrote; '' where we wrote ourselves.
    """

    run: str
    at: str
    row: Settled
    path: str
    before: Any
    after: Any
    column: str = ""
    after_run: str = ""
    after_at: str = ""

    @property
    def ours(self) -> bool:
        """Whether we wrote it."""
        return not self.after_run


class Who(StrEnum):
    """Who has moved since row and remote last agreed."""

    WE = "we"
    THEY = "they"
    BOTH = "both"
    UNKNOWN = "unknown"


class Apart(Struct, frozen=True):
    """One field in which a row and its referral are apart."""

    row: Settled
    triple: Triple
    who: Who


class Since(Struct, frozen=True):
    """Between which runs somebody moved: the last in which they agreed, the first that saw them apart; '' unknown."""

    agreed_run: str = ""
    agreed_at: str = ""
    seen_run: str = ""
    seen_at: str = ""


class Waiting(Struct, frozen=True):
    """A row that needs a person, the run in which it stands, and the first of the runs in a row in which it did so."""

    row: Settled
    run: str
    since_run: str
    since_at: str


class Refused(Struct, frozen=True):
    """An `apply` that came to no run: when (seconds since 1970), its exit code, a sentence without values."""

    at: float
    exit_code: int
    said: str


class Kept(Struct, frozen=True):
    """What the ledger holds of a job: its file, its runs since a moment, referrals whose history is known."""

    path: Path
    bytes: int
    runs: int
    since: str | None
    referrals: int
    unanswered: int


class Standing(Struct, frozen=True):
    """How a job stands; `last` are the facts of its last run, `totals` how its rows ended, by outcome.

    `nightly` is the last run over the job's own input; what waits for a person stands in `waiting_in`: that run, or
    earlier ones whose rows it was not about. `refused` is an act that came to no run since.
    """

    job: str
    remote: str
    token: str
    lock: str | None
    ledger: Kept | None
    last: Mapping[str, Any] | None = None
    totals: Mapping[str, int] | None = None
    nightly: str = ""
    waiting: tuple[Waiting, ...] = ()
    waiting_count: int = 0
    waiting_in: tuple[str, ...] = ()
    refused: Refused | None = None
