"""A run that was stopped and taken up again, in virtual time: what its report counts is what left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from desk import sheet
from kit import COLUMNS, Scene, referrals, rows_of
from virtual import VirtualLoop, world_of

from syncjob import job as story
from syncjob.job.showing import of_run
from syncjob.ledger import Ledger

ROWS = 60


@pytest.mark.parametrize("width", [1, 4, 16])
def test_what_went_on_record_and_was_stopped_is_not_counted_as_sent(tmp_path: Path, width: int) -> None:
    """Intents go on record ahead of their turn: those that a stop has kept here have left no PATCH."""
    scene = Scene(tmp_path, referrals(ROWS), limits={"concurrency": width})

    async def act(loop: VirtualLoop) -> int:
        world = world_of(loop, scene.random)
        job = scene.job(world, scene.wire)
        file = tmp_path / "rows.csv"
        file.write_text(sheet(rows_of(*range(1, ROWS + 1)), ("Id", "Stage", *COLUMNS)), encoding="utf-8")
        plan = await story.plan(job, file, tmp_path / "plan")

        async def stopping(request: httpx.Request) -> None:
            if request.method == "PATCH" and scene.wire.carried["PATCH"] == 2 * width + 1:
                job.stop.signal = 15
                job.stop.asked.set()
            await asyncio.sleep(0.05 + 0.5 * scene.random.random())

        scene.wire.instead = stopping
        with Ledger(tmp_path / "scene.ledger") as ledger:
            await story.apply(job, plan, ledger, lambda *_: frozenset())
            assert 0 < scene.wire.carried["PATCH"] < ROWS
            scene.wire.instead = None
            again = scene.job(world, scene.wire)
            run, _ = await story.apply(again, plan, ledger, lambda *_: frozenset())
            return of_run(ledger, run).requests["PATCH"]

    assert scene.virtually(act) == scene.wire.carried["PATCH"] == ROWS
