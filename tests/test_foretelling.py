"""What a plan costs, and how long it takes by what an earlier night has learnt; in virtual time."""

from __future__ import annotations

import re
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


def _cost(scene: Scene, words: str) -> list[str]:
    notes = scene.night(rows_of(*MANY, Deal=words)).plan.footer.notes
    return [one for one in notes if one.startswith("cost: ")]


def test_a_plan_that_sends_much_says_what_it_costs(tmp_path: Path) -> None:
    """The listing's pages, the reads, the patches; nothing is said of time before a rate was learnt."""
    (first,) = _cost(_scene(tmp_path), "Renamed {}")
    pages, reads = re.fullmatch(r"cost: (\d+) pages of the listing, (\d+) reads by id, 120 PATCH", first).groups()  # type: ignore[union-attr]
    assert int(pages) == 2
    assert int(reads) >= 120


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
    assert second.endswith("which fits in the run's time (limits.duration_max, --max-duration)")


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
