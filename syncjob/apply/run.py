"""What all changes of a run share, and the intent that is on record before any of them leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from syncjob.core.merge import Rules
from syncjob.core.report import SAME_BUGS_MAX
from syncjob.errors import BrokenAssumption
from syncjob.exchange import Sender
from syncjob.ledger import Intent
from syncjob.model import Cause, Change, Settled


class Run(Struct, frozen=True):
    """What all changes of a run share; `intend` returns once an intent is on disk.

    `ask` raises StorageRefused where the ledger is another's by now: an intent that went on record ahead was ours then.
    `before` counts, by row, the intents that the run had recorded when it was taken up again.
    """

    sender: Sender
    rules: Rules
    intend: Callable[[Intent], Awaitable[None]]
    learn: Callable[[str, dict[str, tuple[Any, Any]], int], None]
    ask: Callable[[], None] = lambda: None
    before: Mapping[int, int] = {}
    etags_refused: list[str] = []
    traces: list[str] = []

    def broke(self, trace: str) -> None:
        """Count a row that met an error of ours; the third ends the run."""
        self.traces.append(trace)
        if len(self.traces) >= SAME_BUGS_MAX:
            words = f"{len(self.traces)} rows met an error in syncjob itself; the log names the traces"
            self.sender.end(Cause.BROKEN, BrokenAssumption(words))


def first_intent(change: Change, run: Run) -> Intent:
    """Give the intent of the first send, for whoever puts it on record before the change is taken up."""
    return intent(run, change.n, run.before.get(change.n, 0), None)


def intent(run: Run, n: int, earlier: int, planned: Settled | None) -> Intent:
    """Give the next intent of a row that has had so many; `planned` is its change where that is not on record yet."""
    world = run.sender.world
    return Intent(n, earlier + 1, world.now().timestamp(), world.mark(), planned)
