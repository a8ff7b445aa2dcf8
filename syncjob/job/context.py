"""What every act of a job is handed: its settings, checked and compiled, and the world it acts in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from syncjob.core.adopting import Whose
from syncjob.core.feeds import Feeds, compiled
from syncjob.core.merge import Rules
from syncjob.core.report import check_tolerate
from syncjob.core.selecting import Scope
from syncjob.errors import UsageRefused
from syncjob.exchange import Log, World
from syncjob.remote import Access, Credential, credential_of
from syncjob.settings import Settings

Progress = Callable[[str, int, int], None]


def _quiet(_step: str, _done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(slots=True)
class Stop:
    """A wish to stop: `ask` is called by whoever hears the signal.

    Until something is sent the `main` task is cancelled at once; from then on (`patient`) the run ends in its
    own time, so that every row that is in flight gets an ending.
    """

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    signal: int = 0
    patient: bool = False
    main: asyncio.Task[Any] | None = None

    def ask(self, signal: int) -> None:
        """Ask once; the first signal counts."""
        self.signal = self.signal or signal
        self.asked.set()
        if not self.patient and self.main is not None:
            self.main.cancel()


@dataclass(frozen=True, slots=True)
class Job:
    """One configured job and its surroundings; `wire` replaces the network in simulations.

    `files` are those that the job reads and keeps, its configuration first: nothing that is written may replace them.
    `adopt` says whose word counts where nobody knows what was agreed on, `only` names the paths that this run is about
    (all of them where it is empty); `operator` and `reason` say who runs it and why, for the ledger alone; `approves`
    is the run whose held rows this one sends. `scope` says which rows it is about, None all.
    """

    settings: Settings
    world: World
    log: Log
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed: Mapping[str, int | None] = field(default_factory=dict)
    strict: bool = False
    adopt: Whose | None = None
    only: frozenset[str] = frozenset()
    scope: Scope | None = None
    operator: str = ""
    reason: str = ""
    approves: str = ""
    stop: Stop = field(default_factory=Stop)
    progress: Progress = _quiet
    wire: Any = None
    stdin: BinaryIO | None = None
    files: tuple[Path, ...] = ()
    correlation_id: str = ""
    feeds: Feeds = field(init=False)
    rules: Rules = field(init=False)
    credential: Credential = field(init=False, repr=False)
    until: float | None = field(init=False)

    def __post_init__(self) -> None:
        """Check and compile what the configuration says of columns and fields; UsageRefused names all mistakes."""
        object.__setattr__(self, "feeds", compiled(self.settings, strict=self.strict))
        object.__setattr__(self, "rules", Rules.of(self.settings))
        object.__setattr__(self, "correlation_id", self.correlation_id or self.world.mark())
        remote, clock = self.settings.remote, self.world.monotonic
        object.__setattr__(
            self, "credential", credential_of(remote, self.environ, job=self.settings.job, monotonic=clock)
        )
        lasting = self.settings.limits.duration_max
        object.__setattr__(self, "until", None if lasting is None else clock() + lasting.total_seconds())
        check_tolerate(self.settings.tolerate)
        if self.adopt == "remote" and self.settings.merge.drift == "overwrite":
            raise UsageRefused(
                "--adopt remote: merge.drift is overwrite, so that the row's value is sent all the same; set it to keep"
            )

    @property
    def address(self) -> str:
        """The remote and tenant under which the ledger remembers this job's rows."""
        return " ".join(filter(None, (self.settings.remote.url, self.settings.remote.tenant)))

    @property
    def signed_in(self) -> str:
        """Who the token was given to, as it says itself; '' where there is none, or it does not say."""
        return self.credential.user

    def access(self) -> Access:
        """Give what it takes to reach the remote."""
        return Access(
            remote=self.settings.remote,
            limits=self.settings.limits,
            credential=self.credential,
            correlation_id=self.correlation_id,
            now=self.world.now,
            wire=self.wire,
        )
