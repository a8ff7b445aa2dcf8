"""The ledger: runs with every row of theirs, intents before their PATCH leaves, and what is remembered of referrals.

`begin` puts a whole plan on record, in one transaction, before anything is sent; `record` is the one write while a run
goes on: intents, outcomes and bases of a group, synced before it returns. A row that is to be sent stands there as
`to_send` until it has settled. An intent of such a row, or of one that is *unsettled*, is open: nobody knows the
answer, and the next run looks and `mend`s the outcome. Rows of which there is nothing to tell, and never will be, go
together (`quiet`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from sqlite3 import Connection, IntegrityError
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from syncjob.errors import PlanRefused
from syncjob.ledger import archive, bases, facts, forms
from syncjob.ledger.database import Database, row_of
from syncjob.ledger.migrating import prepared
from syncjob.ledger.quiet import Parts, Quiet, called
from syncjob.ledger.recall import Recall, iso
from syncjob.ledger.sights import Base, Sighting
from syncjob.model import Cause, Settled, dumps

ROWS_PER_GROUP = 2_000  # a referral is anywhere among the others: many at once touch fewer pages
BEGIN = """
INSERT INTO runs (id, job, remote, plan, facts, began, moves, source)
VALUES (:id, :job, :remote, :plan, :facts, :began, :moves, :source)
"""
MEAN = "INSERT INTO intents (run, n, attempt, at, mark, planned) VALUES (?, ?, ?, ?, ?, ?)"
FIRST = "INSERT INTO outcomes (run, n, cause, settled, key, referral) VALUES (?, ?, ?, ?, ?, ?)"
SETTLE = "UPDATE outcomes SET cause = ?, settled = ? WHERE run = ? AND n = ?"
REQUESTS = "SELECT requests FROM runs WHERE id = :run"
END = "UPDATE runs SET ended = :ended, exit_code = :exit_code, requests = :requests WHERE id = :run"
REOPEN = "UPDATE runs SET ended = NULL, exit_code = NULL WHERE id = :run"
END_OF_ROW = "SELECT settled FROM outcomes WHERE run = :run AND n = :n"
FORGET_ROW = "DELETE FROM outcomes WHERE run = :run AND n = :n"
KNOWN = "SELECT facts FROM runs WHERE id = :run"
NOTE = "UPDATE runs SET facts = :facts WHERE id = :run"
WHOSE = "SELECT job, remote FROM runs WHERE id = :run"


class Intent(Struct, frozen=True):
    """A PATCH that is about to leave under the MS-RequestId `mark`; `planned` is the change as it stands now.

    It is None where that is the very row which the run has on record already.
    """

    n: int
    attempt: int
    at: float
    mark: str
    planned: Settled | None


class Begun(Struct, frozen=True):
    """What a run is when it begins; `known` is what its report says besides its rows, `began` its moment."""

    id: str
    job: str
    remote: str
    plan: str
    known: Mapping[str, Any]
    began: float
    moves: str = "nothing"


class Ledger(Recall):
    """One ledger file; one process writes it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; `copy` says where an earlier version of it was kept."""
        self.path = path
        self.database = Database(path)
        self._scopes: dict[str, int] = {}
        self._version = 0
        try:
            self.copy = prepared(self.database)
        except BaseException:
            self.database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def prove(self) -> None:
        """Write something and sync it, so that a disk that refuses is known before anything is asked or sent."""
        with self.database.writing() as connection:
            connection.execute("UPDATE facts SET value = value")

    def ask(self) -> None:
        """Raise StorageRefused where another machine has taken the ledger over; asked before each patch leaves.

        SQLite tells for next to nothing whether anybody else has written since; only then the name is read again.
        """
        if self.database.fence is None:
            return
        version = self.database.version()
        if version != self._version:
            with self.database.reading() as connection:
                self.database.fence(connection)
            self._version = version

    def begin(self, run: Begun, rows: Iterable[tuple[Settled | Quiet, Sequence[Sighting]]] = ()) -> None:
        """Open a run over one plan with all its rows; PlanRefused when that plan was begun before: a plan goes once."""
        row = {
            "id": run.id,
            "job": run.job,
            "remote": run.remote,
            "plan": run.plan,
            "facts": dumps(run.known),
            "began": run.began,
            "moves": run.moves,
            "source": run.known.get("source"),
        }
        try:
            with self.database.writing() as connection:
                connection.execute(BEGIN, row)
                scope = bases.scope_of(connection, run.job, run.remote)
                parts = Parts(connection, run.id)
                for group in _groups(rows):
                    alone = parts.take(row for row, _ in group)
                    connection.executemany(FIRST, [_outcome(run.id, one) for one in alone])
                    bases.move(connection, scope, run.id, [base for _, seen in group for base in seen])
                parts.close()
        except IntegrityError:
            earlier = self.run_of(run.plan)
            raise PlanRefused(f"this plan was sent already, by run {earlier}; a plan goes once: plan again") from None

    def end(self, run: str, at: float, exit_code: int, requests: Mapping[str, int]) -> None:
        """Close a run; requests add up where it was taken up again."""
        with self.database.writing() as connection:
            (known,) = row_of(connection.execute(REQUESTS, {"run": run}))
            total = dict(json.loads(known or "{}"))
            for method, count in requests.items():
                total[method] = total.get(method, 0) + count
            row = {"run": run, "ended": at, "exit_code": exit_code, "requests": dumps(total)}
            connection.execute(END, row)

    def resume(self, run: str, left: Sequence[Settled], unanswered: Collection[int], at: float) -> None:
        """Take up a run that broke off: `left` are its rows as they stand now, the `unanswered` stay unknown."""
        with self.database.writing() as connection:
            connection.execute(REOPEN, {"run": run})
            _settle(connection, run, left)
            for n in unanswered:
                (text,) = row_of(connection.execute(END_OF_ROW, {"run": run, "n": n}))
                _settle(connection, run, [_unanswered(Settled.from_line(text))])
        self.note(run, {"resumed_at": [*self.facts(run).get("resumed_at", ()), iso(at)]})

    def remember(self, name: str, value: str) -> int | None:
        """Keep a number under a name; give the one that was kept there before."""
        with self.database.writing() as connection:
            before = facts.of(connection, name)
            facts.keep(connection, name, value)
        return int(before) if before is not None and before.isdecimal() else None

    def archive(self, digest: str, source: str, file: Path) -> None:
        """Keep the file that a run has read."""
        archive.put(self.database, digest, source, file)

    def note(self, run: str, known: Mapping[str, Any]) -> None:
        """Add to what is known of a run."""
        with self.database.writing() as connection:
            (before,) = row_of(connection.execute(KNOWN, {"run": run}))
            connection.execute(NOTE, {"run": run, "facts": dumps(json.loads(before) | dict(known))})

    def record(
        self, run: str, meant: Sequence[Intent] = (), settled: Sequence[Settled] = (), seen: Sequence[Base] = ()
    ) -> None:
        """Write a group in one transaction, on disk when this returns."""
        with self.database.writing() as connection:
            connection.executemany(MEAN, [_intent(run, one) for one in meant])
            _settle(connection, run, settled)
            if seen:
                bases.move(connection, self._scope(connection, run), run, seen)

    def mend(self, run: str, settled: Settled, seen: Sequence[Base] = ()) -> None:
        """Write how a row of an earlier run ended, now that somebody has looked."""
        with self.database.writing() as connection:
            connection.execute(FORGET_ROW, {"run": run, "n": settled.n})
            connection.execute(FIRST, _outcome(run, settled))
            if seen:
                bases.move(connection, self._scope(connection, run), run, seen)

    def learn(self, remote: str, referral: str, altered: Mapping[str, tuple[Any, Any]], weight: int) -> None:
        """Remember what the remote makes of values; see `forms`."""
        forms.learn(self.database, remote, referral, altered, weight)

    def _scope(self, connection: Connection, run: str) -> int:
        if run not in self._scopes:
            job, remote = row_of(connection.execute(WHOSE, {"run": run}))
            self._scopes[run] = bases.scope_of(connection, job, remote)
        return self._scopes[run]


def _groups(
    rows: Iterable[tuple[Settled | Quiet, Sequence[Sighting]]],
) -> Iterator[list[tuple[Settled | Quiet, Sequence[Sighting]]]]:
    left = iter(rows)
    while group := list(islice(left, ROWS_PER_GROUP)):
        yield group


def _settle(connection: Connection, run: str, settled: Sequence[Settled]) -> None:
    """Write the ends of rows that stand there as yet to be sent."""
    ends = [(str(one.cause), one.to_line().decode(), run, one.n) for one in settled]
    done = connection.executemany(SETTLE, ends).rowcount if ends else 0
    assert done == len(ends), "a row settles once, and was on record before"


def _unanswered(row: Settled) -> Settled:
    reason = "its run ended before the answer, and it could not be read again; the next run looks"
    return replace(row, cause=Cause.ANSWER_UNKNOWN, reason=reason)


def _intent(run: str, one: Intent) -> tuple[Any, ...]:
    planned = "" if one.planned is None else one.planned.to_line().decode()
    return run, one.n, one.attempt, one.at, one.mark, planned


def _outcome(run: str, one: Settled | Quiet) -> tuple[Any, ...]:
    if isinstance(one, Quiet):
        return run, one.n, str(Cause.IN_STEP), one.text.decode(), one.key, one.id.lower()
    referral = one.id.lower() if one.id else None
    return run, one.n, str(one.cause), one.to_line().decode(), called(one), referral
