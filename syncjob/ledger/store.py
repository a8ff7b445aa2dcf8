"""The ledger: runs with every row of theirs, intents before their PATCH leaves, and what is remembered of referrals.

`begin` puts a whole plan on record, in one transaction, before anything is sent; `record` is the one write while a run
goes on: intents, outcomes and bases of a group, synced before it returns. A row that is to be sent stands there as
`to_send` until it has settled. An intent of such a row, or of one that is *unsettled*, is open: nobody knows the
answer, and the next run looks and `mend`s the outcome.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError

from syncjob.errors import PlanRefused
from syncjob.ledger import archive, bases, forms
from syncjob.ledger.bases import Base
from syncjob.ledger.database import Database, many
from syncjob.ledger.migrating import prepared
from syncjob.ledger.recall import Recall, iso
from syncjob.ledger.tables import facts, intents, outcomes, runs
from syncjob.model import Cause, Settled, dumps
from syncjob.model.own import PULLED_ID

ROWS_PER_GROUP = 500
MEAN, FIRST = intents.insert(), outcomes.insert()
SETTLE = (
    outcomes.update()
    .where(outcomes.c.run == bindparam("of_run"), outcomes.c.n == bindparam("of_n"))
    .values(cause=bindparam("its_cause"), settled=bindparam("its_end"))
)


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
            connection.execute(facts.update().values(value=facts.c.value))

    def begin(self, run: Begun, rows: Iterable[tuple[Settled, Sequence[Base]]] = ()) -> None:
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
                connection.execute(runs.insert(), row)
                scope = bases.scope_of(connection, run.job, run.remote)
                for group in _groups(rows):
                    many(connection, FIRST, [_outcome(run.id, one) for one, _ in group])
                    bases.move(connection, scope, run.id, [base for _, seen in group for base in seen])
        except IntegrityError:
            earlier = self.run_of(run.plan)
            raise PlanRefused(f"this plan was sent already, by run {earlier}; a plan goes once: plan again") from None

    def end(self, run: str, at: float, exit_code: int, requests: Mapping[str, int]) -> None:
        """Close a run; requests add up where it was taken up again."""
        with self.database.writing() as connection:
            known = connection.execute(select(runs.c.requests).where(runs.c.id == run)).scalar_one()
            total = dict(json.loads(known or "{}"))
            for method, count in requests.items():
                total[method] = total.get(method, 0) + count
            words = {"ended": at, "exit_code": exit_code, "requests": dumps(total)}
            connection.execute(runs.update().where(runs.c.id == run).values(words))

    def resume(self, run: str, left: Sequence[Settled], unanswered: Collection[int], at: float) -> None:
        """Take up a run that broke off: `left` are its rows as they stand now, the `unanswered` stay unknown."""
        with self.database.writing() as connection:
            connection.execute(runs.update().where(runs.c.id == run).values(ended=None, exit_code=None))
            _settle(connection, run, left)
            for n in unanswered:
                here = (outcomes.c.run == run) & (outcomes.c.n == n)
                text = connection.execute(select(outcomes.c.settled).where(here)).scalar_one()
                _settle(connection, run, [_unanswered(Settled.from_line(text))])
        self.note(run, {"resumed_at": [*self.facts(run).get("resumed_at", ()), iso(at)]})

    def remember(self, name: str, value: str) -> int | None:
        """Keep a number under a name; give the one that was kept there before."""
        with self.database.writing() as connection:
            here = facts.c.name == name
            before = connection.execute(select(facts.c.value).where(here)).scalar_one_or_none()
            connection.execute(facts.delete().where(here))
            connection.execute(facts.insert(), {"name": name, "value": value})
        return int(before) if before is not None and before.isdecimal() else None

    def archive(self, digest: str, source: str, file: Path) -> None:
        """Keep the file that a run has read."""
        archive.put(self.database, digest, source, file)

    def note(self, run: str, known: Mapping[str, Any]) -> None:
        """Add to what is known of a run."""
        with self.database.writing() as connection:
            before = json.loads(connection.execute(select(runs.c.facts).where(runs.c.id == run)).scalar_one())
            connection.execute(runs.update().where(runs.c.id == run).values(facts=dumps(before | dict(known))))

    def record(
        self, run: str, meant: Sequence[Intent] = (), settled: Sequence[Settled] = (), seen: Sequence[Base] = ()
    ) -> None:
        """Write a group in one transaction, on disk when this returns."""
        with self.database.writing() as connection:
            many(connection, MEAN, [_intent(run, one) for one in meant])
            _settle(connection, run, settled)
            if seen:
                bases.move(connection, self._scope(connection, run), run, seen)

    def mend(self, run: str, settled: Settled, seen: Sequence[Base] = ()) -> None:
        """Write how a row of an earlier run ended, now that somebody has looked."""
        with self.database.writing() as connection:
            here = (outcomes.c.run == run) & (outcomes.c.n == settled.n)
            connection.execute(outcomes.delete().where(here))
            connection.execute(outcomes.insert(), _outcome(run, settled))
            if seen:
                bases.move(connection, self._scope(connection, run), run, seen)

    def learn(self, remote: str, referral: str, altered: Mapping[str, tuple[Any, Any]], weight: int) -> None:
        """Remember what the remote makes of values; see `forms`."""
        forms.learn(self.database, remote, referral, altered, weight)

    def _scope(self, connection: Connection, run: str) -> int:
        if run not in self._scopes:
            job, remote = connection.execute(select(runs.c.job, runs.c.remote).where(runs.c.id == run)).one()
            self._scopes[run] = bases.scope_of(connection, job, remote)
        return self._scopes[run]


def _groups(rows: Iterable[tuple[Settled, Sequence[Base]]]) -> Iterator[list[tuple[Settled, Sequence[Base]]]]:
    left = iter(rows)
    while group := list(islice(left, ROWS_PER_GROUP)):
        yield group


def _settle(connection: Connection, run: str, settled: Sequence[Settled]) -> None:
    """Write the ends of rows that stand there as yet to be sent."""
    if not settled:
        return
    ends = [
        {"of_run": run, "of_n": one.n, "its_cause": str(one.cause), "its_end": one.to_line().decode()}
        for one in settled
    ]
    done = many(connection, SETTLE, ends)
    assert done == len(ends), "a row settles once, and was on record before"


def _unanswered(row: Settled) -> Settled:
    reason = "its run ended before the answer, and it could not be read again; the next run looks"
    return replace(row, cause=Cause.ANSWER_UNKNOWN, reason=reason)


def _intent(run: str, one: Intent) -> dict[str, Any]:
    return {
        "run": run,
        "n": one.n,
        "attempt": one.attempt,
        "at": one.at,
        "mark": one.mark,
        "planned": "" if one.planned is None else one.planned.to_line().decode(),
    }


def _called(one: Settled) -> str:
    """Give the key by which a row is found: in a pulled file the CRM's id, where the referral has one."""
    known = one.columns.get("externalReferenceId", "").strip() if PULLED_ID in one.columns else ""
    return known or one.key


def _outcome(run: str, one: Settled) -> dict[str, Any]:
    return {
        "run": run,
        "n": one.n,
        "cause": str(one.cause),
        "settled": one.to_line().decode(),
        "key": _called(one),
        "referral": one.id.lower() if one.id else None,
    }
