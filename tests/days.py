"""One seed is one bad day: referrals, a file of desired states, misfortunes, perhaps a stop or a sudden death.

`live` plays the day and what follows it: calm runs until nothing is left to do. In every second day row and remote
have agreed on all that the remote holds before it begins. It gives what happened, for the laws in `test_days.py` to
judge.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from virtual import DAWN, VirtualLoop, bury, world_of
from wire import SandboxWire

from syncjob import job as story
from syncjob.core.fields import BY_NAME, SUBSTATUS
from syncjob.core.values import look
from syncjob.errors import Exit
from syncjob.job import Job, Stop
from syncjob.ledger import Base, Begun, Ledger
from syncjob.model import Cause, Place, Settled
from syncjob.sandbox.faults import Rates
from syncjob.sandbox.seeds import seed as seeded
from syncjob.sandbox.service import Sandbox
from syncjob.sandbox.store import Store, Write
from syncjob.settings import Settings

FAULTS = (
    "throttle",
    "unavailable",
    "reset",
    "lost",
    "late",
    "foreign",
    "slow",
    "garbled",
    "gateway",
    "locked",
    "silent",
)
CALM_RUNS_MAX = 6
DAY_S = 86_400.0
LATE_S = 10.0
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a day needs no real disk, only a quick one
DEAD: list[object] = []  # the dead are kept, so that nothing of them is tidied up


class Quiet:
    """A log that only remembers the names of events."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def info(self, event: str, **facts: Any) -> None:
        """Count."""
        self.events[event] += 1

    def warning(self, event: str, **facts: Any) -> None:
        """Count."""
        self.events[event] += 1


@dataclass
class Run:
    """One run of the day: how its rows ended, with what exit code, and which writes of the store were made in it."""

    id: str
    code: Exit
    rows: list[Settled]
    began: int
    ended: int
    rows_in: int


@dataclass
class Day:
    """What happened; `known` says that every field had a history when the day began."""

    seed: int
    sandbox: Sandbox
    log: Quiet = field(default_factory=Quiet)
    runs: list[Run] = field(default_factory=list)
    died: bool = False
    known: bool = False


def settings_of(chance: Random, folder: Path, *, by: str) -> Settings:
    """A configuration with limits drawn by chance."""
    page_rows = chance.choice((5, 100))
    pages = {"page_rows": page_rows, "pages_ahead": chance.choice((1, 3))}
    return Settings.model_validate(
        {
            "job": "day",
            "remote": {"url": "http://localhost:1", "list_complete": False, **pages},
            "rows": {"file": str(folder / "rows.csv")},
            "match": {"by": by, "column": "Key"},
            "fields": {
                "Name": "name",
                "Stage": "status",
                "Probability": "salesStage",
                "Amount": "dealValue",
                "Currency": "currency",
                "Close": {"field": "closingDateTime", "time_zone": "Asia/Kolkata"},
                "Notes": "notes",
                "Team": "team",
            },
            "limits": {
                "concurrency": chance.choice((1, 2, 4, 8)),
                "attempts_max": chance.choice((2, 3, 5)),
                "reads_max": chance.choice((0, 100)),
                "answer_s": 2.5,
                "retries_min": chance.choice((5, 50)),
            },
            "guards": {"closes": None, "changes": None, "column": None, "first_run": None},
            "ledger": {"file": str(folder / "day.ledger")},
        }
    )


def file_of(chance: Random, documents: list[dict[str, Any]], *, by: str) -> str:
    """A CSV of what a CRM might want of these referrals, with some rows that nobody can send."""
    out = io.StringIO()
    columns = ["Key", "Name", "Stage", "Probability", "Amount", "Currency", "Close", "Notes", "Team"]
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for at, document in enumerate(documents):
        row = _row(chance, at, document, by)
        writer.writerow(row)
        if chance.random() < 0.05:
            writer.writerow(row if chance.random() < 0.5 else row | {"Name": "somebody else's opinion"})
    if chance.random() < 0.3:
        out.write("ragged,line\n")
    return out.getvalue()


def _row(chance: Random, at: int, document: dict[str, Any], by: str) -> dict[str, str]:
    details = document.get("details") or {}
    row = {"Key": document["id"] if by == "id" else document.get("externalReferenceId") or ""}
    if chance.random() < 0.6:
        row["Amount"] = str(chance.choice((1000, 25_000, 10_000.1, 99_999)))
        row["Currency"] = details.get("currency") or "USD"
    if chance.random() < 0.4:
        row["Close"] = f"2027-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
    if chance.random() < 0.3:
        row["Stage"] = chance.choice(("Active", "Active", "New/Received", "Closed/Won"))
    if chance.random() < 0.3:
        row["Notes"] = chance.choice(("called again", "Zeile 1\nZeile 2", "<clear>"))
    if chance.random() < 0.4:
        row["Team"] = f"New, Person, +1, new{at}@contoso.example"
    if chance.random() < 0.2:
        row["Name"] = chance.choice(("Renewal", "Größere Lizenz"))
    if chance.random() < 0.03:
        row["Amount"] = "12k"
    return row


def rates_of(chance: Random) -> Rates:
    """Some misfortunes, some of them frequent."""
    return Rates(**{name: chance.choice((0.0, 0.0, 0.03, 0.1, 0.25)) for name in FAULTS})


def live(seed: int) -> Day:
    """Play one day, and the calm that follows it."""
    chance = Random(seed)
    documents = seeded(chance.randint(3, 20), chance, DAWN)
    by = chance.choice(("id", "externalReferenceId"))
    with tempfile.TemporaryDirectory(prefix="day-", dir=MEMORY) as name:
        folder = Path(name)
        settings = settings_of(chance, folder, by=by)
        (folder / "rows.csv").write_text(file_of(chance, documents, by=by), encoding="utf-8")
        loop = VirtualLoop()
        clock = _Clock(loop)
        store = Store(documents, list_etags=chance.random() < 0.7)
        day = Day(seed, Sandbox(store, rates_of(chance), random=chance, clock=clock), known=seed % 2 == 0)
        if day.known:
            remember(settings, store.documents())
        _bad_run(day, _Place(settings, folder, loop, chance), chance.random())
        after = VirtualLoop(loop.time())
        clock.loop = after
        day.sandbox.rates = Rates()
        after.run_until_complete(_calm(day, _Place(settings, folder, after, chance)))
        bury(after)
        return day


def remember(settings: Settings, documents: Iterable[Mapping[str, Any]]) -> None:
    """Let an earlier night have agreed on every field that a row may name, as the remote holds it."""
    paths = [BY_NAME[one.field].path for many in settings.fields.values() for one in many]
    rows, place = [], Place("rows.csv", 2)
    for n, document in enumerate(documents, 1):
        base = Base(document["id"], {path: look(document, path) for path in (*paths, SUBSTATUS)}, DAWN.timestamp() - 1)
        rows.append((Settled(n, place, "", {}, Cause.IN_STEP, "", document["id"]), (base,)))
    assert settings.ledger.file is not None
    with Ledger(settings.ledger.file) as ledger:
        ledger.begin(Begun("before", settings.job, settings.remote.url, "before", {}, 0.0, "bases"), rows)


def overwritten(writes: Sequence[Write]) -> list[str]:
    """Give each path of each referral that a client wrote after somebody else had edited it; lists are appended to."""
    edited: set[tuple[str, str]] = set()
    lost = []
    for write in writes:
        paths = {(write.referral_id, edit.path) for edit in write.edits if not edit.path.startswith("/team")}
        if write.writer == "elsewhere":
            edited |= paths
        else:
            lost += [f"{path} of {referral}" for referral, path in paths & edited]
    return lost


@dataclass
class _Clock:
    """The sandbox's clock, which outlives a loop."""

    loop: VirtualLoop

    def __call__(self) -> datetime:
        return DAWN + timedelta(seconds=self.loop.time())


@dataclass(frozen=True)
class _Place:
    """Where a run takes place."""

    settings: Settings
    folder: Path
    loop: VirtualLoop
    chance: Random
    planned: list[Callable[[], None]] = field(default_factory=list)


def _bad_run(day: Day, place: _Place, fate: float) -> None:
    """Play the run that everything befalls; it may be stopped, or die in the middle of a word, mostly while it sends.

    Sudden death: the loop stops for ever, and nothing that was not on disk is heard of again.
    """
    loop, stop = place.loop, Stop()
    task = loop.create_task(_run(day, place, stop))
    task.add_done_callback(lambda _: loop.stop())
    stop.main = task
    doom = stop.ask if fate < 0.2 else lambda _: loop.stop()
    ends = [loop.call_later(DAY_S, loop.stop)]

    def planned() -> None:
        if 0.05 <= fate < 0.35:
            ends.append(loop.call_later(place.chance.random() * 3, doom, 15))

    if fate < 0.05 or 0.35 <= fate < 0.4:
        ends.append(loop.call_later(place.chance.random() * 3, doom, 15))
    place.planned.append(planned)
    loop.run_forever()
    for end in ends:
        end.cancel()
    if not task.done():
        assert fate < 0.4, f"seed {day.seed}: the day does not end"
        assert loop.time() < DAY_S, f"seed {day.seed}: the day does not end"
        day.died = True
        for left in asyncio.all_tasks(loop):
            left._log_destroy_pending = False  # type: ignore[attr-defined]
        DEAD.append((loop, task))
        return
    if not task.cancelled():
        task.result()
    loop.run_until_complete(asyncio.sleep(LATE_S))
    bury(loop)


async def _calm(day: Day, place: _Place) -> None:
    """Play calm runs until one of them writes nothing."""
    for _ in range(CALM_RUNS_MAX):
        await _run(day, place, Stop())
        if day.runs[-1].began == day.runs[-1].ended:
            return


async def _run(day: Day, place: _Place, stop: Stop) -> None:
    settings, began = place.settings, len(day.sandbox.store.writes)
    world, wire = world_of(place.loop, place.chance), SandboxWire(day.sandbox)
    job = Job(settings=settings, world=world, log=day.log, stop=stop, wire=wire)
    assert settings.ledger.file is not None
    with Ledger(settings.ledger.file) as ledger:
        plan = await story.plan(job, place.folder / "rows.csv", place.folder / f"plan-{len(day.runs)}-{began}")
        planned = len(day.sandbox.store.writes)
        for told in place.planned:
            told()
        run, code = await story.apply(job, plan, ledger, lambda *_: frozenset())
        rows = list(ledger.outcomes(run))
    day.runs.append(Run(run, code, rows, planned, len(day.sandbox.store.writes), sum(plan.footer.totals.values())))
