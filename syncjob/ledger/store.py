"""The ledger on disk: SQLite in WAL with `synchronous=FULL`, 0600; StorageRefused when it cannot be relied on.

`record` is the one write of a run: intents and outcomes of a group in one transaction, synced before it returns.
An intent without an outcome, or with the outcome *unsettled*, is open: nobody knows the answer, and the next run
looks and `mend`s the outcome.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, create_engine, event, func, inspect, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from syncjob.errors import PlanRefused, StorageRefused
from syncjob.ledger.tables import SCHEMA, facts, forms, intents, metadata, outcomes, runs
from syncjob.model import CAUSES, Cause, Settled, dumps

ROWS_PER_READ = 500
RUNS_MAX = 50  # so far back the last run over an input is looked for
SURE = 2  # seen so often, the remote's own form of a value is believed
COMPILED: dict[Any, Any] = {}  # statements are few and the same for every ledger: compiled once a process


@dataclass(frozen=True, slots=True)
class Intent:
    """A PATCH that is about to leave; `planned` is the change as it stands now, `mark` its MS-RequestId."""

    n: int
    attempt: int
    at: float
    mark: str
    planned: Settled


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent whose run ended before its answer was known; `written` is its change as it stands in the file."""

    run: str
    n: int
    attempts: int
    written: str

    @property
    def planned(self) -> Settled:
        """The change; ValueError, KeyError or TypeError where the record is damaged."""
        return Settled.from_json(json.loads(self.written))


class Ledger:
    """One ledger file; one process writes it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; `is_new` says which."""
        self.path = path
        self.is_new = not path.exists()
        with self._guarded():
            if self.is_new:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=StaticPool)
            event.listen(self._engine, "connect", _prepare)
            self._connection: Connection = self._engine.connect().execution_options(compiled_cache=COMPILED)
            self._make()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._engine.dispose()

    def begin(self, run: str, job: str, remote: str, plan: str, known: Mapping[str, Any], at: float) -> None:
        """Open a run over one plan; PlanRefused when that plan has been sent before: a plan goes once."""
        row = {"id": run, "job": job, "remote": remote, "plan": plan, "facts": dumps(known), "began": at}
        try:
            with self._guarded(), self._connection.begin():
                self._connection.execute(runs.insert(), row)
        except IntegrityError:
            earlier = self._one(select(runs.c.id).where(runs.c.plan == plan))
            raise PlanRefused(f"this plan was sent already, by run {earlier}; a plan goes once: plan again") from None

    def end(self, run: str, at: float, exit_code: int, requests: Mapping[str, int]) -> None:
        """Close a run."""
        words = {"ended": at, "exit_code": exit_code, "requests": dumps(dict(requests))}
        with self._guarded(), self._connection.begin():
            self._connection.execute(runs.update().where(runs.c.id == run).values(words))

    def record(self, run: str, meant: Sequence[Intent] = (), settled: Sequence[Settled] = ()) -> None:
        """Write a group in one transaction, on disk when this returns."""
        with self._guarded(), self._connection.begin():
            if meant:
                self._connection.execute(intents.insert(), [_intent(run, one) for one in meant])
            if settled:
                self._connection.execute(outcomes.insert(), [_outcome(run, one) for one in settled])

    def facts(self, run: str) -> dict[str, Any]:
        """Give what is known of a run besides its rows; times are ISO 8601 in UTC."""
        query = select(runs.c.facts, runs.c.began, runs.c.ended, runs.c.exit_code, runs.c.requests).where(
            runs.c.id == run
        )
        with self._guarded():
            known, began, ended, exit_code, requests = self._connection.execute(query).one()
            self._connection.rollback()
        return {
            "id": run,
            **json.loads(known),
            "began_at": _iso(began),
            "ended_at": None if ended is None else _iso(ended),
            "exit_code": exit_code,
            "requests": json.loads(requests or "{}"),
        }

    def knows(self, run: str) -> bool:
        """Tell whether there was such a run."""
        with self._guarded():
            found = self._connection.execute(select(runs.c.id).where(runs.c.id == run)).first()
            self._connection.rollback()
        return found is not None

    def rows_before(self, job: str, remote: str, source: str) -> int:
        """Give how many rows the last run of this job over this input had; 0 where there was none of late."""
        query = select(runs.c.id, runs.c.facts).where(runs.c.job == job, runs.c.remote == remote)
        with self._guarded():
            late = self._connection.execute(query.order_by(runs.c.began.desc()).limit(RUNS_MAX)).all()
            self._connection.rollback()
        last = next((one.id for one in late if json.loads(one.facts).get("source") == source), None)
        return sum(self.totals(last).values()) if last else 0

    def mend(self, run: str, settled: Settled) -> None:
        """Write how a row of an earlier run ended, now that somebody has looked."""
        with self._guarded(), self._connection.begin():
            self._connection.execute(outcomes.delete().where(outcomes.c.run == run, outcomes.c.n == settled.n))
            self._connection.execute(outcomes.insert(), _outcome(run, settled))

    def outcomes(self, run: str) -> Iterator[Settled]:
        """Give how the rows of a run ended, in input order."""
        last = 0
        while True:
            query = select(outcomes.c.n, outcomes.c.settled).where(outcomes.c.run == run, outcomes.c.n > last)
            with self._guarded():
                found = self._connection.execute(query.order_by(outcomes.c.n).limit(ROWS_PER_READ)).all()
                self._connection.rollback()
            for n, text in found:
                last = n
                yield Settled.from_json(json.loads(text))
            if len(found) < ROWS_PER_READ:
                return

    def totals(self, run: str) -> dict[Cause, int]:
        """Count the rows of a run by cause."""
        query = select(outcomes.c.cause, func.count()).where(outcomes.c.run == run).group_by(outcomes.c.cause)
        with self._guarded():
            found = self._connection.execute(query).all()
            self._connection.rollback()
        return {CAUSES[cause]: count for cause, count in found}

    def open_intents(self, job: str, remote: str) -> list[OpenIntent]:
        """Give what runs over this job and remote left open, the last attempt of each row."""
        query = (
            select(intents.c.run, intents.c.n, intents.c.attempt, intents.c.planned)
            .join(runs, runs.c.id == intents.c.run)
            .outerjoin(outcomes, (outcomes.c.run == intents.c.run) & (outcomes.c.n == intents.c.n))
            .where(runs.c.job == job, runs.c.remote == remote)
            .where(outcomes.c.n.is_(None) | (outcomes.c.cause == str(Cause.ANSWER_UNKNOWN)))
            .order_by(runs.c.began, intents.c.n, intents.c.attempt)
        )
        with self._guarded():
            found = self._connection.execute(query).all()
            self._connection.rollback()
        return list({(run, n): OpenIntent(run, n, attempt, text) for run, n, attempt, text in found}.values())

    def learn(self, remote: str, referral: str, altered: Mapping[str, tuple[Any, Any]], weight: int) -> None:
        """Remember, by path, that the remote keeps `held` where `desired` was sent; the same again weighs more.

        A weight of 0 begins nothing: it bears out what is known already.
        """
        with self._guarded(), self._connection.begin():
            for path, (desired, held) in altered.items():
                pair = {"desired": dumps(desired), "held": dumps(held)}
                here = (forms.c.remote == remote) & (forms.c.referral == referral) & (forms.c.path == path)
                query = select(forms.c.weight).where(
                    here, forms.c.desired == pair["desired"], forms.c.held == pair["held"]
                )
                known = self._connection.execute(query).scalar_one_or_none() or 0
                if not known and not weight:
                    continue
                row = {"remote": remote, "referral": referral, "path": path, **pair, "weight": known + max(1, weight)}
                self._connection.execute(forms.delete().where(here))
                self._connection.execute(forms.insert(), row)

    def normal_forms(self, remote: str) -> dict[str, dict[str, tuple[Any, Any]]]:
        """Give what `learn` is sure of, by referral and path: (desired, held)."""
        query = select(forms.c.referral, forms.c.path, forms.c.desired, forms.c.held)
        query = query.where(forms.c.remote == remote, forms.c.weight >= SURE)
        with self._guarded():
            found = self._connection.execute(query).all()
            self._connection.rollback()
        known: dict[str, dict[str, tuple[Any, Any]]] = {}
        for referral, path, desired, held in found:
            known.setdefault(referral, {})[path] = (json.loads(desired), json.loads(held))
        return known

    def _one(self, query: Any) -> Any:
        with self._guarded():
            found = self._connection.execute(query).scalar_one_or_none()
            self._connection.rollback()
        return found

    def _make(self) -> None:
        with self._connection.begin():
            if not inspect(self._connection).has_table(facts.name):
                metadata.create_all(self._connection)
                self._connection.execute(facts.insert(), {"name": "schema", "value": str(SCHEMA)})
            known = self._connection.execute(select(facts.c.value).where(facts.c.name == "schema")).scalar_one()
        if int(known) > SCHEMA:
            raise StorageRefused(
                f"ledger {self.path}: written by a newer syncjob (schema {known}); this one knows {SCHEMA}"
            )

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what disk and database say into one error; a broken uniqueness is the caller's to understand."""
        try:
            yield
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            words = str(getattr(error, "orig", None) or error)
            remedy = "nothing more is sent; mend the disk or the folder's rights, then run again"
            raise StorageRefused(f"ledger {self.path}: {words}; {remedy}") from error


def _prepare(connection: Any, _: object) -> None:
    """Set up a connection: write-ahead log, every commit synced, ten seconds of patience with another process."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _intent(run: str, one: Intent) -> dict[str, Any]:
    return {
        "run": run,
        "n": one.n,
        "attempt": one.attempt,
        "at": one.at,
        "mark": one.mark,
        "planned": dumps(one.planned.to_json()),
    }


def _outcome(run: str, one: Settled) -> dict[str, Any]:
    return {"run": run, "n": one.n, "cause": str(one.cause), "settled": dumps(one.to_json())}
