"""What a plan costs, and how long it takes by what an earlier night has learnt; in virtual time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from kit import Scene, referrals, rows_of

from syncjob.sandbox.faults import Rates

MANY = range(1, 121)


def _scene(folder: Path, **limits: Any) -> Scene:
    scene = Scene(folder, referrals(len(MANY)), limits={"reads_max": 0, **limits})
    scene.sandbox.rates = Rates(quota=20)
    return scene


def _cost(scene: Scene, words: str, rows: Iterable[int] = MANY) -> list[str]:
    notes = scene.night(rows_of(*rows, Deal=words)).plan.footer.notes
    return [one for one in notes if one.startswith("cost: ")]


def test_a_plan_that_sends_much_says_what_it_costs(tmp_path: Path) -> None:
    """The listing's pages, the reads, the patches; nothing is said of time before a rate was learnt."""
    scene = _scene(tmp_path)
    scene.sandbox.rates = Rates()
    assert _cost(scene, "Renamed {}") == ["cost: 2 pages of the listing, 120 reads by id, 120 PATCH"]


def test_a_reading_that_was_throttled_tells_the_time_at_once(tmp_path: Path) -> None:
    """What it has borne itself counts before what a night before has learnt."""
    (first,) = _cost(_scene(tmp_path), "Renamed {}")
    assert re.search(r"120 PATCH; to send them takes about \d+ s at the (1[4-9]|20) requests a second that", first)


def test_what_is_one_is_said_of_one(tmp_path: Path) -> None:
    """A page, and no reads where list items are complete."""
    scene = Scene(tmp_path, referrals(60), remote={"list_complete": True}, limits={"reads_max": 0})
    assert _cost(scene, "Renamed {}", range(1, 61)) == ["cost: 1 page of the listing, 60 PATCH"]


def test_the_second_night_knows_how_long_it_takes(tmp_path: Path) -> None:
    """By the rate that the remote has borne: a quota of 20 a second takes 120 patches in some six seconds."""
    scene = _scene(tmp_path, duration_max="10m")
    _cost(scene, "Renamed {}")
    scene.sandbox.rates = Rates()
    (second,) = _cost(scene, "Once more {}")
    found = re.search(r"120 PATCH; to send them takes about (\d+) s at the (\d+) requests a second that", second)
    assert found is not None, second
    assert 14 <= int(found[2]) <= 20
    assert int(found[1]) == pytest.approx(120 / int(found[2]), abs=1.5)
    assert second.endswith("which should fit in what is left of the run's time (limits.duration_max, --max-duration)")


def test_a_plan_that_does_not_fit_says_so(tmp_path: Path) -> None:
    """Three seconds are not enough: what is left over is deferred."""
    scene = _scene(tmp_path)
    _cost(scene, "Renamed {}")
    scene.sandbox.rates = Rates()
    scene.limits["duration_max"] = "3s"
    (second,) = _cost(scene, "Once more {}")
    assert "which is more than the run's time (limits.duration_max, --max-duration): the rest is deferred" in second


def test_a_few_changes_cost_no_word(tmp_path: Path) -> None:
    """Below fifty nobody asks."""
    scene = Scene(tmp_path, referrals(49))
    notes = scene.night(rows_of(*range(1, 50), Deal="Renamed {}")).plan.footer.notes
    assert not [one for one in notes if one.startswith("cost: ")]
