"""A scene of a few referrals, one job and its nights: a test says what befalls the wire, everything else is real.

With a `Wire` a night runs in virtual time and touches no socket; with a URL it runs in real time over loopback.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
from desk import guid, referral, sheet
from msgspec.structs import replace
from virtual import DAWN, VirtualLoop, run_virtual, world_of
from wire import SandboxWire

from syncjob import job as story
from syncjob.errors import Exit
from syncjob.exchange import World
from syncjob.job import Job
from syncjob.ledger import Ledger
from syncjob.model import Settled
from syncjob.planfile import PlanFile
from syncjob.sandbox.faults import Rates
from syncjob.sandbox.messages import Record
from syncjob.sandbox.patches import Operation
from syncjob.sandbox.service import Sandbox
from syncjob.sandbox.store import Store
from syncjob.settings import Settings

Result = TypeVar("Result")
HOST = "http://127.0.0.1:9"
COLUMNS = {"Deal": "name", "Probability": "salesStage", "Amount": "dealValue", "Notes": "notes", "Team": "team"}
HTML = "<!DOCTYPE html><html><body>Sign in to the network</body></html>"


def page(status: int, body: Any = b"", **headers: str) -> httpx.Response:
    """An answer: JSON of a value, HTML of a text, bytes as they are; `_` in the name of a header is `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, str):
        content, kind = body.encode(), "text/html"
    elif isinstance(body, bytes):
        content, kind = body, "application/json"
    else:
        content, kind = json.dumps(body).encode(), "application/json"
    if content and "content-type" not in named:
        named["content-type"] = kind
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(content))


def refusal(status: int, code: str = "invalidRequest", message: str = "no", **headers: str) -> httpx.Response:
    """The documented error body."""
    return page(status, {"error": {"code": code, "message": message}}, **headers)


class Events:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        """Keep an event."""
        self.told.append((event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        """Keep an event."""
        self.told.append((event, facts))

    def of(self, event: str) -> list[dict[str, Any]]:
        """The facts of every event of that name."""
        return [facts for name, facts in self.told if name == event]


class Wire(SandboxWire):
    """A wire that a test may bend: `instead` answers before the sandbox hears, `after` answers in its place."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.instead: Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response | None] | None] | None = None
        self.after: Callable[[httpx.Request, httpx.Response], httpx.Response | None] | None = None
        self.sent: list[tuple[float, httpx.Request]] = []
        self.carried: Counter[str] = Counter()
        self.flying = 0
        self.widest = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request, noting when it left and how many were on their way."""
        self.sent.append((asyncio.get_running_loop().time(), request))
        self.carried[request.method] += 1
        self.flying += 1
        self.widest = max(self.widest, self.flying)
        try:
            return await self._answered(request)
        finally:
            self.flying -= 1

    async def _answered(self, request: httpx.Request) -> httpx.Response:
        bent = self.instead(request) if self.instead else None
        if bent is not None and not isinstance(bent, httpx.Response):
            bent = await bent
        if bent is not None:
            return bent
        response = await super().handle_async_request(request)
        return (self.after(request, response) if self.after else None) or response

    def times(self, method: str = "") -> list[float]:
        """When requests left, in virtual seconds."""
        return [at for at, request in self.sent if method in ("", request.method)]


def patches_only(bend: Callable[[], httpx.Response]) -> Callable[[httpx.Request], httpx.Response | None]:
    """Bend what answers a PATCH, leave the rest alone."""
    return lambda request: bend() if request.method == "PATCH" else None


@dataclass(slots=True)
class Night:
    """What a plan and its run left behind."""

    plan: PlanFile
    code: Exit
    rows: list[Settled]
    requests: Counter[str]

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each row, in input order."""
        return [str(row.outcome) for row in self.rows]

    @property
    def causes(self) -> list[str]:
        """The cause of each row, in input order."""
        return [str(row.cause) for row in self.rows]

    @property
    def reasons(self) -> str:
        """All reasons, a line each."""
        return "\n".join(row.reason for row in self.rows)


@dataclass(slots=True)
class Scene:
    """A folder, a sandbox, and a job that knows where to find it."""

    folder: Path
    documents: Iterable[Mapping[str, Any]] = ()
    url: str = HOST
    list_etags: bool = True
    environ: dict[str, str] = field(default_factory=dict)
    remote: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    sandbox: Sandbox = field(init=False)
    wire: Wire = field(init=False)
    events: Events = field(init=False)
    random: Random = field(init=False)
    loop: VirtualLoop | None = None
    jobs: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        store = Store([dict(one) for one in self.documents], list_etags=self.list_etags)
        self.random = Random(7)
        self.sandbox = Sandbox(store, Rates(), random=Random(7), clock=self.now)
        self.wire = Wire(self.sandbox)
        self.events = Events()

    def now(self) -> datetime:
        """The moment, virtual while a virtual loop runs."""
        return datetime.now(UTC) if self.loop is None else DAWN + timedelta(seconds=self.loop.time())

    @property
    def settings(self) -> Settings:
        """The configuration."""
        fields = {"Stage": {"field": "status", "translate": {"Won": "Closed/Won"}}, **COLUMNS}
        limits = {"concurrency": 4, "wait_initial_s": 0.001, "wait_max_s": 0.002, "answer_s": 20} | self.limits
        usual: dict[str, Any] = {
            "job": "scene",
            "remote": {"url": self.url, **self.remote},
            "rows": {"file": self.folder / "rows.csv"},
            "match": {"by": "id", "column": "Id"},
            "fields": fields,
            "limits": limits,
            "guards": {"changes": None, "column": None, "first_run": None},
            "ledger": {"file": self.folder / "scene.ledger"},
        }
        sections = self.sections | {"rows": usual["rows"] | self.sections.get("rows", {})}
        return Settings.model_validate(usual | sections)

    @property
    def patches(self) -> list[Record]:
        """Every PATCH that the sandbox heard."""
        return [record for record in self.sandbox.records if record.method == "PATCH"]

    @property
    def methods(self) -> Counter[str]:
        """How many requests of each method the sandbox heard."""
        return Counter(record.method for record in self.sandbox.records)

    def writes(self) -> int:
        """How many writes of ours the store took."""
        return sum(write.writer == "client" for write in self.sandbox.store.writes)

    def edit(self, n: int, path: str, value: Any) -> None:
        """Let somebody else edit referral `n`."""
        operations = (Operation("add", path, value),)
        self.sandbox.store.patch(guid(n), operations, if_match=None, now=self.now(), writer="elsewhere")

    def night(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        between: Callable[[], None] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> Night:
        """Plan and apply rows in virtual time; `between` befalls after the plan, `now` replaces the job's clock."""

        async def act(loop: VirtualLoop) -> Night:
            world = world_of(loop, self.random)
            return await self._night(rows, replace(world, now=now or world.now), self.wire, between)

        return self.virtually(act)

    def real_night(self, rows: Iterable[Mapping[str, str]], *, between: Callable[[], None] | None = None) -> Night:
        """Plan and apply rows in real time, over sockets."""
        return asyncio.run(self.real(rows, between=between))

    async def real(self, rows: Iterable[Mapping[str, str]], *, between: Callable[[], None] | None = None) -> Night:
        """Plan and apply rows over sockets, on the running loop."""
        return await self._night(rows, real_world(self.random), None, between)

    def virtually(self, act: Callable[[VirtualLoop], Awaitable[Result]]) -> Result:
        """Run something in virtual time, the sandbox's clock included."""

        async def within(loop: VirtualLoop) -> Result:
            self.loop = loop
            try:
                return await act(loop)
            finally:
                self.loop = None

        return run_virtual(within)

    def job(self, world: World, wire: httpx.AsyncBaseTransport | None) -> Job:
        """The job in this world."""
        self.jobs.append(
            Job(settings=self.settings, world=world, log=self.events, environ=self.environ, wire=wire),
        )
        return self.jobs[-1]

    async def _night(
        self,
        rows: Iterable[Mapping[str, str]],
        world: World,
        wire: httpx.AsyncBaseTransport | None,
        between: Callable[[], None] | None,
    ) -> Night:
        job, before = self.job(world, wire), Counter(self.wire.carried)
        file = self.folder / "rows.csv"
        given = list(rows)
        columns = dict.fromkeys(("Id", "Stage", *COLUMNS, *(name for row in given for name in row)))
        file.write_text(sheet(given, tuple(columns)), encoding="utf-8")
        plan = await story.plan(job, file, self.folder / "plan")
        if between is not None:
            between()
        with Ledger(self.folder / "scene.ledger") as ledger:
            run, code = await story.apply(job, plan, ledger, lambda *_: frozenset())
            settled = list(ledger.outcomes(run))
            requests = Counter(plan.footer.requests) + Counter(ledger.facts(run)["requests"])
        assert all(one.if_match for one in self.patches), "no PATCH without If-Match, on any night"
        assert wire is None or requests == self.wire.carried - before, "every request is counted, once"
        return Night(plan, code, settled, requests)


def real_world(random: Random) -> World:
    """The world as it is, but for chance."""
    return World(lambda: datetime.now(UTC), time.monotonic, asyncio.sleep, random)


def rows_of(*numbers: int, **cells: str) -> list[dict[str, str]]:
    """Rows that each ask for another name, or for what `cells` say; {} in a cell is the number."""
    asked = cells or {"Deal": "Renamed {}"}
    return [{"Id": guid(n)} | {name: cell.format(n) for name, cell in asked.items()} for n in numbers]


def referrals(count: int, **values: Any) -> list[dict[str, Any]]:
    """Referrals 1 to `count`."""
    return [referral(n, **values) for n in range(1, count + 1)]
