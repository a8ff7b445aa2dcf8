"""Group commit for one run: intents are on disk before their PATCH leaves; outcomes ride along.

The first intents of changes go some at a time, ahead of their turn (`mean`), so that no worker waits for the disk. An
intent that comes later, after a clash or a lost answer, is handed in and waited for (`intend`): all that comes within
two milliseconds goes in one transaction. The commit runs on the loop's own thread: SQLite has one writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncjob.ledger.sights import Base
from syncjob.ledger.store import Intent, Ledger
from syncjob.model import Settled

OUTCOMES_WAITING_MAX = 200
GATHER_S = 0.002


class Recorder:
    """What a run writes; `flush` at the end takes what still waits."""

    def __init__(self, ledger: Ledger, run: str) -> None:
        """Write to this ledger under this run's id."""
        self._ledger, self._run = ledger, run
        self._meant: list[Intent] = []
        self._settled: list[Settled] = []
        self._seen: list[Base] = []
        self._written: asyncio.Future[None] | None = None

    async def intend(self, intent: Intent) -> None:
        """Return once the intent is on disk: only then may its PATCH leave."""
        self._meant.append(intent)
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_later(GATHER_S, self._commit, self._written)
        await asyncio.shield(self._written)

    def mean(self, intents: Sequence[Intent]) -> None:
        """Write intents whose turn is yet to come, with what else may be written; they are on disk when this returns.

        Those that wait in `intend` are left alone: who waits must hear of what befalls its own.
        """
        self._ledger.record(self._run, intents, self._settled, self._seen)
        self._settled, self._seen = [], []

    def settle(self, settled: Settled, seen: Sequence[Base] = ()) -> None:
        """Take an outcome and what it makes known; both are written with the next group, at the latest the last."""
        self._settled.append(settled)
        self._seen += seen
        if len(self._settled) >= OUTCOMES_WAITING_MAX:
            self.flush()

    def flush(self) -> None:
        """Write all that waits."""
        meant, self._meant = self._meant, []  # what cannot be written fails those who wait for it, and nobody after
        if meant or self._settled:
            self._ledger.record(self._run, meant, self._settled, self._seen)
        self._settled, self._seen = [], []

    def _commit(self, written: asyncio.Future[None]) -> None:
        self._written = None
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001  # it is raised where the intent waits, whatever it is
            written.set_exception(error)
            written.exception()  # every waiter raises it; the loop need not remark on it
        else:
            written.set_result(None)
