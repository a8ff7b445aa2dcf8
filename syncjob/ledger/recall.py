"""What the ledger remembers, read: runs and their rows, intents without an answer, what was agreed on last."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import case, func, select

from syncjob.errors import StorageRefused
from syncjob.ledger import archive, bases, forms
from syncjob.ledger.bases import Remembered
from syncjob.ledger.database import Database
from syncjob.ledger.decoding import REMEDY, read_facts, read_row
from syncjob.ledger.tables import OPEN, REBUILT, facts, intents, outcomes, runs
from syncjob.model import CAUSES, Cause, Outcome, Settled

ROWS_PER_READ = 500
UNWARNED = '"warnings":[],"columns":'  # as `Settled.to_line` writes it, and no value of a row does
UNCHANGED = [str(cause) for cause in Cause if cause.outcome is Outcome.UNCHANGED]
UNSENT = [str(cause) for cause in Cause if cause is Cause.TO_SEND or cause.outcome is Outcome.DEFERRED]


class OpenIntent(Struct, frozen=True):
    """An intent whose run ended before its answer was known; `written` is its change as it stands in the file.

    `moves` says what its run was to remember.
    """

    run: str
    n: int
    attempts: int
    written: str
    moves: str = "nothing"

    @property
    def planned(self) -> Settled:
        """The change; ValueError where the record is damaged."""
        return Settled.from_line(self.written)


class Recall:
    """What can be asked of a ledger; nothing here writes."""

    database: Database

    @property
    def is_new(self) -> bool:
        """Whether no run is on record yet."""
        return not self.database.rows(select(runs.c.id).limit(1))

    @property
    def rebuilt(self) -> str:
        """The moment at which rows were lost in a rebuild (ISO 8601), '' where none were."""
        found = self.database.rows(select(facts.c.value).where(facts.c.name == REBUILT))
        return str(found[0][0]) if found else ""

    def number(self, name: str) -> int | None:
        """Give the number that is kept under a name; see `Ledger.remember`."""
        found = self.database.rows(select(facts.c.value).where(facts.c.name == name))
        return int(found[0][0]) if found and found[0][0].isdecimal() else None

    def facts(self, run: str) -> dict[str, Any]:
        """Give what is known of a run besides its rows; times are ISO 8601 in UTC."""
        columns = (runs.c.facts, runs.c.began, runs.c.ended, runs.c.exit_code, runs.c.requests, runs.c.moves)
        found = self.database.rows(select(*columns).where(runs.c.id == run))
        known, began, ended, exit_code, requests, moves = found[0]
        return {
            "id": run,
            **read_facts(known, run),
            "moves": moves or "nothing",
            "began_at": iso(began),
            "ended_at": None if ended is None else iso(ended),
            "exit_code": exit_code,
            "requests": read_facts(requests, run),
        }

    def knows(self, run: str) -> bool:
        """Tell whether there was such a run."""
        return bool(self.database.rows(select(runs.c.id).where(runs.c.id == run)))

    def run_of(self, plan: str) -> str | None:
        """Give the run that sent a plan."""
        found = self.database.rows(select(runs.c.id).where(runs.c.plan == plan))
        return found[0][0] if found else None

    def runs(self, job: str, remote: str, moves: str = "") -> list[str]:
        """Give the ids of a job's runs, the last first; of those alone that remember this, where it is named."""
        query = select(runs.c.id).where(runs.c.job == job, runs.c.remote == remote)
        if moves:
            query = query.where(runs.c.moves == moves)
        return [found for (found,) in self.database.rows(query.order_by(runs.c.began.desc(), runs.c.id.desc()))]

    def run_before(self, job: str, remote: str, source: str, before: float) -> str | None:
        """Give the last run over the job's own input that began before a moment; None where there was none.

        Of runs of schema 1 nobody knows whether they were: they count.
        """
        of_input = (runs.c.source == source) & runs.c.moves.in_(("bases", "unknown"))
        here = (runs.c.job == job) & (runs.c.remote == remote) & (runs.c.began < before)
        query = select(runs.c.id).where(here, of_input)
        last = self.database.rows(query.order_by(runs.c.began.desc()).limit(1))
        return str(last[0][0]) if last else None

    def outcomes(self, run: str) -> Iterator[Settled]:
        """Give how the rows of a run ended, in input order; what was never settled is still planned."""
        return self._walked(outcomes.c.run == run)

    def loud(self, run: str) -> Iterator[Settled]:
        """Give the rows of a run of which there is anything to tell: all but those unchanged without a warning."""
        quiet = outcomes.c.cause.in_(UNCHANGED) & outcomes.c.settled.contains(UNWARNED, autoescape=True)
        return self._walked((outcomes.c.run == run) & ~quiet)

    def ends(self, run: str) -> Iterator[tuple[str, Cause]]:
        """Give what the rows of a run are called (their number, where they have no key), and how each has ended."""
        last = -1
        query = select(outcomes.c.n, outcomes.c.key, outcomes.c.cause).where(outcomes.c.run == run)
        while found := self.database.rows(
            query.where(outcomes.c.n > last).order_by(outcomes.c.n).limit(ROWS_PER_READ * 10)
        ):
            yield from ((key or str(n), CAUSES[cause]) for n, key, cause in found if cause in CAUSES)
            last = found[-1][0]

    def to_send(self, run: str) -> Iterator[Settled]:
        """Give the rows of a run that are yet to be sent, in input order; rows may settle while this goes on."""
        return self._walked((outcomes.c.run == run) & (outcomes.c.cause == str(Cause.TO_SEND)))

    def unsent(self, run: str) -> Iterator[Settled]:
        """Give the rows of a run whose patch has not left, or not arrived, in input order: those to be taken up."""
        left = self._walked((outcomes.c.run == run) & outcomes.c.cause.in_(UNSENT))
        return (one for one in left if one.operations)

    def totals(self, run: str) -> dict[Cause, int]:
        """Count the rows of a run by cause."""
        query = select(outcomes.c.cause, func.count()).where(outcomes.c.run == run).group_by(outcomes.c.cause)
        found = self.database.rows(query)
        if strange := [cause for cause, _ in found if cause not in CAUSES]:
            raise StorageRefused(f"ledger: rows of run {run} ended by {strange[0]!r}, which is no cause; {REMEDY}")
        return {CAUSES[cause]: count for cause, count in found}

    def attempts(self, run: str) -> dict[int, int]:
        """Give, by row, how many intents a run has recorded."""
        query = select(intents.c.n, func.max(intents.c.attempt)).where(intents.c.run == run).group_by(intents.c.n)
        return dict(map(tuple, self.database.rows(query)))

    def sends(self, run: str, n: int) -> list[dict[str, Any]]:
        """Give when a row was about to be sent, and under which MS-RequestId."""
        query = select(intents.c.attempt, intents.c.at, intents.c.mark).where(intents.c.run == run, intents.c.n == n)
        found = self.database.rows(query.order_by(intents.c.attempt))
        return [{"attempt": attempt, "at": iso(at), "mark": mark} for attempt, at, mark in found]

    def open_intents(self, job: str, remote: str) -> list[OpenIntent]:
        """Give what runs over this job and remote left open, the last attempt of each row."""
        as_planned = case((intents.c.planned == "", outcomes.c.settled), else_=intents.c.planned)
        of_runs = [run for (run,) in self.database.rows(select(outcomes.c.run).distinct().where(OPEN))]
        query = (
            select(intents.c.run, intents.c.n, intents.c.attempt, as_planned, runs.c.moves)
            .join(outcomes, (outcomes.c.run == intents.c.run) & (outcomes.c.n == intents.c.n))
            .join(runs, runs.c.id == intents.c.run)
            .where(OPEN, intents.c.run.in_(of_runs), runs.c.job == job, runs.c.remote == remote)
            .order_by(runs.c.began, intents.c.n, intents.c.attempt)
        )
        found = self.database.rows(query)
        last = {(run, n): OpenIntent(run, n, at, text, moves or "nothing") for run, n, at, text, moves in found}
        return list(last.values())

    def unanswered(self, run: str) -> list[int]:
        """Give the rows of a run of which nobody knows the answer."""
        query = select(outcomes.c.n).where(outcomes.c.run == run, outcomes.c.cause == str(Cause.ANSWER_UNKNOWN))
        return [n for (n,) in self.database.rows(query)]

    def normal_forms(self, remote: str, referral: str) -> dict[str, tuple[Any, Any]]:
        """Give what the remote makes of the values of one referral, by path: (desired, held)."""
        return forms.of(self.database, remote, referral)

    def has_forms(self, remote: str) -> bool:
        """Tell whether anything is known of what the remote makes of values."""
        return forms.some(self.database, remote)

    def remembered(self, job: str, remote: str, referral: str) -> Remembered:
        """Give what row and remote last agreed on of one referral."""
        return bases.of(self.database, job, remote, [referral])[referral.lower()]

    def remembered_of(self, job: str, remote: str, referrals: Collection[str]) -> dict[str, Remembered]:
        """Give the same of several, by id in small letters, in one go."""
        return bases.of(self.database, job, remote, referrals)

    def input(self, digest: str) -> Iterator[bytes] | None:
        """Give a file that a run has read; None where it was never kept."""
        return archive.get(self.database, digest)

    def _walked(self, which: Any) -> Iterator[Settled]:
        last = 0
        while True:
            query = select(outcomes.c.n, outcomes.c.settled, outcomes.c.run).where(which, outcomes.c.n > last)
            found = self.database.rows(query.order_by(outcomes.c.n).limit(ROWS_PER_READ))
            for n, text, run in found:
                last = n
                yield read_row(text, run)
            if len(found) < ROWS_PER_READ:
                return


def iso(at: float) -> str:
    """Write a moment as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
