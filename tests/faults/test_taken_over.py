"""A run whose machine was asleep while another took its ledger over: nothing of it leaves any more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import httpx
import pytest
from desk import sheet
from kit import COLUMNS, Scene, referrals, rows_of
from msgspec.structs import asdict
from virtual import VirtualLoop, world_of

from syncjob import job as story
from syncjob.errors import StorageRefused
from syncjob.ledger import Ledger, Lock, fencing, signed

ROWS = 60


@pytest.mark.parametrize("width", [1, 4, 16])
def test_changes_whose_intents_went_on_record_before_do_not_leave(tmp_path: Path, width: int) -> None:
    """In the middle of it another name stands in the ledger: what is on its way comes home, what is ready stays."""
    scene = Scene(tmp_path, referrals(ROWS), limits={"concurrency": width})
    ledger = tmp_path / "scene.ledger"
    begun: list[bool] = []

    async def act(loop: VirtualLoop) -> None:
        job = scene.job(world_of(loop, scene.random), scene.wire)
        file = tmp_path / "rows.csv"
        file.write_text(sheet(rows_of(*range(1, ROWS + 1)), ("Id", "Stage", *COLUMNS)), encoding="utf-8")
        plan = await story.plan(job, file, tmp_path / "plan")
        lock = Lock(ledger, job.settings.job, job.address)

        async def slowly(request: httpx.Request) -> None:
            if request.method == "PATCH":
                begun.append(_is_ours(ledger, lock))
                if len(begun) == width + 1:
                    _take_over(ledger, lock)
            await asyncio.sleep(0.05 + 0.5 * scene.random.random())

        scene.wire.instead = slowly
        refused = pytest.raises(StorageRefused, match=r"taken over, by server \(apply\); nothing more is sent")
        with Ledger(ledger) as kept, signed(kept.database, lock, "apply"), refused:
            await story.apply(job, plan, kept, lambda *_: frozenset())

    scene.virtually(act)
    assert all(begun)
    assert len(begun) == width + 1


def _is_ours(ledger: Path, lock: Lock) -> bool:
    with contextlib.closing(sqlite3.connect(ledger)) as file:
        ((name,),) = file.execute("SELECT value FROM facts WHERE name = ?", (fencing._fact(lock),))
    return bool(json.loads(name)["id"] != "other")


def _take_over(ledger: Path, lock: Lock) -> None:
    name = fencing.Name("other", "elsewhere", "server", "apply", 0.0)
    with contextlib.closing(sqlite3.connect(ledger)) as file:
        file.execute("UPDATE facts SET value = ? WHERE name = ?", (json.dumps(asdict(name)), fencing._fact(lock)))
        file.commit()
