"""What the ledger costs: one run of some 500 changes at 16 in flight, recorded on disk and, beside it, in memory only.

Both send the very same plan to a sandbox in a process of its own, in turn, several times; the ratio of the medians is
printed, because machines differ. It is measured against a remote that answers a PATCH after 50 ms, which is quick for
one on the internet, and against one that answers at once: then a run costs hardly more than the CPU of both sides. It
ends 1 above the promise: the ledger costs less than 15 % of a run against the first.

And what an unchanged row costs: the CPU of putting it on record, as a multiple of what merely reading its plan takes,
and how many bytes a night leaves. Run by `make bench`.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from syncjob import job as story
from syncjob.exchange import World
from syncjob.job import Job, Stop
from syncjob.job.beginning import begun as begin
from syncjob.ledger import Base, Begun, Intent, Ledger, Quiet, Sighting
from syncjob.model import Cause, Place, Settled, Stand, Triple
from syncjob.planfile import Footer, Header, Line, PlanFile, write
from syncjob.sandbox import server
from syncjob.sandbox.messages import Meeting, Request
from syncjob.sandbox.seeds import seed
from syncjob.sandbox.service import Sandbox
from syncjob.sandbox.store import Store
from syncjob.settings import Settings

ROWS, IN_FLIGHT, ROUNDS = 600, 16, 5
COST_MAX, ANSWER_S = 0.15, 0.05
UNCHANGED, NIGHTS, READINGS_MAX, BYTES_MAX = 20_000, 4, 6.0, 250


class Silent:
    """A log that keeps nothing."""

    def info(self, event: str, **facts: Any) -> None:
        """Drop it."""

    def warning(self, event: str, **facts: Any) -> None:
        """Drop it."""


class Unrecorded(Ledger):
    """A ledger that keeps a run in memory: what is left is what a run costs without one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._rows: dict[int, Settled] = {}

    def begin(self, run: Begun, rows: Iterable[tuple[Settled | Quiet, Sequence[Sighting]]] = ()) -> None:
        """Keep the rows."""
        self._rows = {row.n: row for row, _ in rows if isinstance(row, Settled)}

    def record(
        self, run: str, meant: Sequence[Intent] = (), settled: Sequence[Settled] = (), seen: Sequence[Base] = ()
    ) -> None:
        """Keep the ends."""
        self._rows |= {row.n: row for row in settled}

    def to_send(self, run: str) -> Iterator[Settled]:
        """Give what is to be sent."""
        return (row for row in list(self._rows.values()) if row.cause is Cause.TO_SEND)

    def totals(self, run: str) -> dict[Cause, int]:
        """Count the rows."""
        return dict(Counter(row.cause for row in self._rows.values()))

    def end(self, run: str, at: float, exit_code: int, requests: Mapping[str, int]) -> None:
        """Keep nothing."""


class Distant(Sandbox):
    """A sandbox that answers a PATCH after a while."""

    answer_s = 0.0

    def meet(self, request: Request) -> Meeting:
        """Meet a request."""
        meeting = super().meet(request)
        delay_s = self.answer_s if request.method == "PATCH" else 0.0
        return Meeting(meeting.reply, meeting.delay_s + delay_s, meeting.later)


def serve(answer_s: float) -> None:
    """Serve a sandbox until this process is ended."""
    chance = Random(0)
    box = Distant(Store(seed(ROWS, chance, datetime.now(UTC))), random=chance, clock=lambda: datetime.now(UTC))
    box.answer_s = answer_s
    asyncio.run(server.serve(box, "127.0.0.1", 0, lambda url: print(url, flush=True)))  # noqa: T201


@contextmanager
def sandbox(answer_s: float) -> Iterator[str]:
    """Run a sandbox with as many referrals as there are rows, in a process of its own."""
    command = [sys.executable, __file__, str(answer_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def job_of(folder: Path, url: str) -> Job:
    """Give the job: every referral gets another sales stage."""
    settings = Settings.model_validate(
        {
            "job": "bench",
            "remote": {"url": url, "list_complete": True},
            "rows": {"file": folder / "rows.csv"},
            "match": {"by": "id", "column": "Id"},
            "fields": {"Deal": "name", "Probability": "salesStage", "Action": "customerAction"},
            "merge": {"drift": "overwrite", "conflict": "mine"},
            "limits": {"concurrency": IN_FLIGHT, "reads_max": 0},
            "guards": {"changes": None, "first_run": None, "column": None},
            "ledger": {"file": folder / "bench.ledger"},
        }
    )
    world = World(lambda: datetime.now(UTC), time.monotonic, asyncio.sleep, Random(0))
    return Job(settings=settings, world=world, log=Silent())


async def run_s(job: Job, folder: Path, kind: type[Ledger], n: int) -> float:
    """Give the seconds of one run; only the sending is timed, the plan is the same for both."""
    plan = await story.plan(job, folder / "rows.csv", folder / f"plan-{n}")
    path = folder / ("bench.ledger" if kind is Ledger else "other.ledger")
    with kind(path) as ledger:
        began = time.perf_counter()
        _, code = await story.apply(replace(job, stop=Stop()), plan, ledger, lambda *_: frozenset())
        spent = time.perf_counter() - began
    assert code == 0, f"a calm run ends 0, not {code}"
    assert set(plan.footer.totals) == {Cause.TO_SEND}, "every row changes something"
    return spent


def cost(answer_s: float) -> float:
    """Measure in turn and print the ratio."""
    spent: dict[type[Ledger], list[float]] = {Ledger: [], Unrecorded: []}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, sandbox(answer_s) as url:
        folder = Path(name)
        with urllib.request.urlopen(f"{url}/sandbox/referrals", timeout=30) as answer:
            ids = [one["id"] for one in json.load(answer) if one["status"] != "Closed"]
        job = job_of(folder, url)
        for n in range(2 * (ROUNDS + 1)):
            lines = (f"{one},Deal {n},{n},call {n}" for one in ids)
            (folder / "rows.csv").write_text("Id,Deal,Probability,Action\n" + "\n".join(lines) + "\n", "utf-8")
            kind = Ledger if n % 2 else Unrecorded
            seconds = asyncio.run(run_s(job, folder, kind, n))
            if n > 1:  # the first of each warms up
                spent[kind].append(seconds)
    with_, without = (statistics.median(spent[kind]) for kind in (Ledger, Unrecorded))
    what = f"{len(ids)} changes, {IN_FLIGHT} in flight, answers after {answer_s * 1000:g} ms, median of {ROUNDS}"
    told = f"{with_:.2f} s recorded, {without:.2f} s not: {with_ / without - 1:.0%}"
    print(f"{what}: {told}", flush=True)  # noqa: T201
    return with_ / without - 1


def unchanged() -> Iterator[Line]:
    """Give the lines of a plan of which nothing is to be sent; ids and eTags are as random as a remote's."""
    chance = Random(1)
    for n in range(1, UNCHANGED + 1):
        name, amount = f"Contoso {chance.randrange(10**5)}", str(chance.randrange(10**6))
        fields = (("/name", name, "Deal"), ("/details/dealValue", amount, "Amount"), ("/salesStage", "40", "Stage"))
        triples = tuple(
            Triple(path, value, value, value, column=column, stand=Stand.AGREED) for path, value, column in fields
        )
        columns = {"CRM Id": f"CRM-{n}", "Deal": name, "Amount": amount, "Stage": "40"}
        referral, etag = (str(UUID(int=chance.getrandbits(128))) for _ in range(2))
        row = Settled(n, Place("rows.csv", n + 1), f"CRM-{n}", columns, Cause.IN_STEP, "", referral, etag, (), triples)
        yield Line.of(row)


def quiet_nights() -> bool:
    """Put nights on record on which no row changes; tell what the best of them took, the first left aside."""
    readings, bytes_a_row, began = list[float](), list[float](), datetime(2026, 1, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        job, path, size = job_of(folder, "http://127.0.0.1:9"), folder / "bench.ledger", 0
        for night in range(NIGHTS):
            at = (began + timedelta(days=night)).isoformat()
            head = Header(f"p-{night}", "bench", job.address, None, "", "rows.csv", "", (), at, at, "bases")
            write(folder / "plan", head, unchanged(), lambda: Footer({Cause.IN_STEP: UNCHANGED}, (), {}))
            plan = PlanFile(folder / "plan")
            begun = time.process_time()
            assert sum(1 for _ in plan.rows()) == UNCHANGED
            read = time.process_time()
            with Ledger(path) as ledger:
                begin(job, plan, ledger, (), frozenset(), None)
            readings.append((time.process_time() - read) / (read - begun))
            bytes_a_row.append((path.stat().st_size - size) / UNCHANGED)
            size = path.stat().st_size
    times, left = min(readings[1:]), max(bytes_a_row[1:])
    print(f"{UNCHANGED} unchanged rows: {times:.1f} readings of their plan, {left:.0f} bytes a row and night")  # noqa: T201
    return times <= READINGS_MAX and left <= BYTES_MAX


def main() -> int:
    """Measure all, and hold the promises."""
    quiet = quiet_nights()
    told = f"at most {READINGS_MAX:g} readings and {BYTES_MAX} bytes"
    print(f"an unchanged row costs the ledger {told}: {'held' if quiet else 'BROKEN'}")  # noqa: T201
    cost(0.0)
    held = cost(ANSWER_S) <= COST_MAX
    print(f"the ledger costs at most {COST_MAX:.0%} of a run: {'held' if held else 'BROKEN'}")  # noqa: T201
    return 0 if held and quiet else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(float(sys.argv[1]))
    sys.exit(main())
