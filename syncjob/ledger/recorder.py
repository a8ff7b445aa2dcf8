"""Group commit for one run: workers hand in intents and wait until they are on disk; outcomes ride along.

All that is handed in during one turn of the event loop goes in one transaction, so sixteen workers cost one
fsync, not sixteen. The commit runs on the loop's own thread: SQLite has one writer, and a PATCH that waits for
its intent has nothing better to do.
"""

from __future__ import annotations

import asyncio

from syncjob.ledger.store import Intent, Ledger
from syncjob.model import Settled

OUTCOMES_WAITING_MAX = 200


class Recorder:
    """What a run writes; `flush` at the end takes what still waits."""

    def __init__(self, ledger: Ledger, run: str) -> None:
        """Write to this ledger under this run's id."""
        self._ledger, self._run = ledger, run
        self._meant: list[Intent] = []
        self._settled: list[Settled] = []
        self._written: asyncio.Future[None] | None = None

    async def intend(self, intent: Intent) -> None:
        """Return once the intent is on disk: only then may its PATCH leave."""
        self._meant.append(intent)
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_soon(self._commit, self._written)
        await asyncio.shield(self._written)

    def settle(self, settled: Settled) -> None:
        """Take an outcome; it is written with the next group, at the latest with the last."""
        self._settled.append(settled)
        if len(self._settled) >= OUTCOMES_WAITING_MAX:
            self.flush()

    def flush(self) -> None:
        """Write all that waits."""
        meant, self._meant = self._meant, []  # what cannot be written fails those who wait for it, and nobody after
        if meant or self._settled:
            self._ledger.record(self._run, meant, self._settled)
        self._settled = []

    def _commit(self, written: asyncio.Future[None]) -> None:
        self._written = None
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001  # it is raised where the intent waits, whatever it is
            written.set_exception(error)
            written.exception()  # every waiter raises it; the loop need not remark on it
        else:
            written.set_result(None)
