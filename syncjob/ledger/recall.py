"""What the ledger remembers, read: runs and their rows, intents without an answer, what was agreed on last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from heapq import merge
from operator import attrgetter, itemgetter
from typing import Any

from msgspec import Struct

from syncjob.errors import StorageRefused
from syncjob.ledger import archive, bases, facts, forms, quiet
from syncjob.ledger.database import Database, several
from syncjob.ledger.decoding import DAMAGED, REMEDY, read_facts, read_row
from syncjob.ledger.sights import Kept, Remembered
from syncjob.ledger.tables import OPEN, REBUILT
from syncjob.model import CAUSES, Cause, Outcome, Settled

ROWS_PER_READ = 500
UNWARNED = '"warnings":[],"columns":'  # as `Settled.to_line` writes it, and no value of a row does
UNCHANGED = [str(cause) for cause in Cause if cause.outcome is Outcome.UNCHANGED]
UNSENT = [str(cause) for cause in Cause if cause is Cause.TO_SEND or cause.outcome is Outcome.DEFERRED]

FACTS = "SELECT facts, began, ended, exit_code, requests, moves FROM runs WHERE id = :run"
RUNS = "SELECT id FROM runs WHERE job = :job AND remote = :remote{moves} ORDER BY began DESC, id DESC"
RUN_BEFORE = """
SELECT id FROM runs
WHERE job = :job AND remote = :remote AND began < :before AND source = :source AND moves IN ('bases', 'unknown')
ORDER BY began DESC LIMIT 1
"""
WALK = "SELECT n, settled FROM outcomes WHERE run = :run AND n > :last{which} ORDER BY n LIMIT :most"
LOUD = " AND NOT (cause IN ({causes}) AND settled LIKE :unwarned)"
OF_CAUSES = " AND cause IN ({causes})"
WITH_INTENT = " AND n IN (SELECT n FROM intents WHERE intents.run = :run)"
ENDS = "SELECT n, key, cause FROM outcomes WHERE run = :run AND n > :last{which} ORDER BY n LIMIT :most"
TOTALS = f"""
SELECT cause, sum(rows) FROM (
    SELECT cause, count(*) AS rows FROM outcomes WHERE run = :run GROUP BY cause
    UNION ALL
    SELECT '{Cause.IN_STEP}', count FROM quiet_parts WHERE run = :run
) GROUP BY cause
"""  # noqa: S608  # our own words
ATTEMPTS = "SELECT n, max(attempt) FROM intents WHERE run = :run GROUP BY n"
SENDS = "SELECT attempt, at, mark FROM intents WHERE run = :run AND n = :n ORDER BY attempt"
OPEN_INTENTS = f"""
SELECT intents.run, intents.n, intents.attempt,
    CASE WHEN intents.planned = '' THEN outcomes.settled ELSE intents.planned END,
    runs.moves
FROM intents
JOIN outcomes ON outcomes.run = intents.run AND outcomes.n = intents.n
JOIN runs ON runs.id = intents.run
WHERE {OPEN} AND intents.run IN (SELECT DISTINCT run FROM outcomes WHERE {OPEN})
AND runs.job = :job AND runs.remote = :remote
ORDER BY runs.began, intents.n, intents.attempt
"""  # noqa: S608  # our own words
UNANSWERED = "SELECT n FROM outcomes WHERE run = :run AND cause = :cause"


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
        return not self.database.rows("SELECT id FROM runs LIMIT 1")

    @property
    def rebuilt(self) -> str:
        """The moment at which rows were lost in a rebuild (ISO 8601), '' where none were."""
        with self.database.reading() as connection:
            return str(facts.of(connection, REBUILT) or "")

    def number(self, name: str) -> int | None:
        """Give the number that is kept under a name; see `Ledger.remember`."""
        with self.database.reading() as connection:
            found = facts.of(connection, name)
        return int(found) if found is not None and found.isdecimal() else None

    def facts(self, run: str) -> dict[str, Any]:
        """Give what is known of a run besides its rows; times are ISO 8601 in UTC."""
        known, began, ended, exit_code, requests, moves = self.database.rows(FACTS, {"run": run})[0]
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
        return bool(self.database.rows("SELECT id FROM runs WHERE id = :run", {"run": run}))

    def run_of(self, plan: str) -> str | None:
        """Give the run that sent a plan."""
        found = self.database.rows("SELECT id FROM runs WHERE plan = :plan", {"plan": plan})
        return found[0][0] if found else None

    def runs(self, job: str, remote: str, moves: str = "") -> list[str]:
        """Give the ids of a job's runs, the last first; of those alone that remember this, where it is named."""
        words = RUNS.format(moves=" AND moves = :moves" if moves else "")
        return [found for (found,) in self.database.rows(words, {"job": job, "remote": remote, "moves": moves})]

    def run_before(self, job: str, remote: str, source: str, before: float) -> str | None:
        """Give the last run over the job's own input that began before a moment; None where there was none.

        Of runs of schema 1 nobody knows whether they were: they count.
        """
        asked = {"job": job, "remote": remote, "source": source, "before": before}
        last = self.database.rows(RUN_BEFORE, asked)
        return str(last[0][0]) if last else None

    def outcomes(self, run: str) -> Iterator[Settled]:
        """Give how the rows of a run ended, in input order; what was never settled is still planned."""
        return merge(self._walked(run), quiet.rows(self.database, run), key=attrgetter("n"))

    def written(self, run: str) -> Iterator[Settled | bytes]:
        """Give the same, those of which there is nothing to tell as they were written."""
        alone = self._walked(run)
        waiting = next(alone, None)
        for first, last, lines in quiet.parts(self.database, run):
            while waiting is not None and waiting.n < first:
                yield waiting
                waiting = next(alone, None)
            if waiting is None or waiting.n > last:
                yield from lines
                continue
            for line in lines:
                n = quiet.number(line)
                while waiting is not None and waiting.n < n:
                    yield waiting
                    waiting = next(alone, None)
                yield line
        if waiting is not None:
            yield waiting
            yield from alone

    def loud(self, run: str) -> Iterator[Settled]:
        """Give the rows of a run of which there is anything to tell: all but those unchanged without a warning."""
        return self._walked(run, which=LOUD, causes=UNCHANGED)

    def ends(self, run: str, causes: Collection[str] = ()) -> Iterator[tuple[str, Cause]]:
        """Give what the rows of a run are called (their number, where they have no key), and how each has ended.

        Where causes are named, of those alone that ended by one of them.
        """
        ends = self._ends(run, causes)
        if not causes or Cause.IN_STEP in causes:
            still = ((n, key, Cause.IN_STEP) for n, key in quiet.keys(self.database, run))
            ends = merge(ends, still, key=itemgetter(0))
        return ((key or str(n), cause) for n, key, cause in ends)

    def to_send(self, run: str) -> Iterator[Settled]:
        """Give the rows of a run that are yet to be sent, in input order; rows may settle while this goes on."""
        return self._walked(run, which=OF_CAUSES, causes=[str(Cause.TO_SEND)])

    def unsent(self, run: str) -> Iterator[Settled]:
        """Give the rows of a run whose patch has not left, or not arrived, in input order: those to be taken up."""
        left = self._walked(run, which=OF_CAUSES, causes=UNSENT)
        return (one for one in left if one.operations)

    def totals(self, run: str) -> dict[Cause, int]:
        """Count the rows of a run by cause."""
        found = self.database.rows(TOTALS, {"run": run})
        if strange := [cause for cause, _ in found if cause not in CAUSES]:
            raise StorageRefused(f"ledger: rows of run {run} ended by {strange[0]!r}, which is no cause; {REMEDY}")
        return {CAUSES[cause]: count for cause, count in found}

    def attempts(self, run: str) -> dict[int, int]:
        """Give, by row, how many intents a run has recorded."""
        return dict(self.database.rows(ATTEMPTS, {"run": run}))

    def sent(self, run: str) -> int:
        """Count the PATCH of a run that broke off, as its rows tell; of a row without an end its intents count.

        An intent goes on record before its turn comes, so that a few of those may never have left.
        """
        tried = self.attempts(run)
        rows = self._walked(run, which=WITH_INTENT)
        return sum(tried[row.n] if row.cause is Cause.TO_SEND else row.attempts for row in rows)

    def sends(self, run: str, n: int) -> list[dict[str, Any]]:
        """Give when the intents of a row went on record, and their MS-RequestId; one that was stopped never left."""
        found = self.database.rows(SENDS, {"run": run, "n": n})
        return [{"attempt": attempt, "at": iso(at), "mark": mark} for attempt, at, mark in found]

    def open_intents(self, job: str, remote: str) -> list[OpenIntent]:
        """Give what runs over this job and remote left open, the last attempt of each row."""
        found = self.database.rows(OPEN_INTENTS, {"job": job, "remote": remote})
        last = {(run, n): OpenIntent(run, n, at, text, moves or "nothing") for run, n, at, text, moves in found}
        return list(last.values())

    def unanswered(self, run: str) -> list[int]:
        """Give the rows of a run of which nobody knows the answer."""
        found = self.database.rows(UNANSWERED, {"run": run, "cause": str(Cause.ANSWER_UNKNOWN)})
        return [n for (n,) in found]

    def normal_forms(self, remote: str, referral: str) -> dict[str, tuple[Any, Any]]:
        """Give what the remote makes of the values of one referral, by path: (desired, held)."""
        return forms.of(self.database, remote, referral)

    def has_forms(self, remote: str) -> bool:
        """Tell whether anything is known of what the remote makes of values."""
        return forms.some(self.database, remote)

    def remembered(self, job: str, remote: str, referral: str) -> Remembered:
        """Give what row and remote last agreed on of one referral."""
        return bases.of(self.database, job, remote, [referral])[referral.lower()].remembered

    def kept_of(self, job: str, remote: str, referrals: Collection[str]) -> dict[str, Kept]:
        """Give the same of several, by id in small letters, in one go and unread."""
        return bases.of(self.database, job, remote, referrals)

    def input(self, digest: str) -> Iterator[bytes] | None:
        """Give a file that a run has read; None where it was never kept."""
        return archive.get(self.database, digest)

    def _ends(self, run: str, causes: Collection[str]) -> Iterator[tuple[int, str, Cause]]:
        last, (listed, named) = -1, several("cause", causes)
        words = ENDS.format(which=OF_CAUSES.format(causes=listed) if causes else "")
        asked = {"run": run, "most": ROWS_PER_READ * 10, **named}
        while found := self.database.rows(words, asked | {"last": last}):
            yield from ((n, key, CAUSES[cause]) for n, key, cause in found if cause in CAUSES)
            last = found[-1][0]

    def _walked(self, run: str, *, which: str = "", causes: Iterable[str] = ()) -> Iterator[Settled]:
        last, (listed, named) = 0, several("cause", causes)
        words = WALK.format(which=which.format(causes=listed))
        asked = {"run": run, "unwarned": f"%{UNWARNED}%", "most": ROWS_PER_READ, **named}
        while True:
            found = self.database.rows(words, asked | {"last": last})
            for n, text in found:
                last = n
                yield read_row(text, run)
            if len(found) < ROWS_PER_READ:
                return


def iso(at: float) -> str:
    """Write a moment as ISO 8601 in UTC; StorageRefused where it is none."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (*DAMAGED, OverflowError, OSError):
        raise StorageRefused(f"ledger: a moment cannot be read; {REMEDY}") from None
