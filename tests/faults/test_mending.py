"""What an earlier night left open is looked at and written down, and no one intent stands in the way of the others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from kit import Scene, page, referrals, refusal, rows_of

from syncjob.errors import Exit
from syncjob.ledger import Ledger


def _unheard(scene: Scene, *, lands: bool = True) -> None:
    """Let every PATCH land, or not, and nothing be heard of it nor of any look."""

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET":
            return page(502, b"")
        if not lands:
            raise httpx.ReadError("reset")
        return None

    def after(request: httpx.Request, _: httpx.Response) -> httpx.Response | None:
        if request.method == "PATCH":
            raise httpx.ReadError("reset")
        return None

    scene.wire.instead, scene.wire.after = instead, after


def _calm(scene: Scene) -> None:
    scene.wire.instead = scene.wire.after = None


def _left_open(scene: Scene, rows: int, **cells: str) -> None:
    """Live through a night that leaves every row unsettled."""
    asked = rows_of(*range(1, rows + 1), **cells)
    night = scene.night(asked, between=lambda: _unheard(scene))
    assert set(night.outcomes) == {"unsettled"}
    _calm(scene)


def test_our_landed_patch_is_applied_though_another_field_was_edited_since(tmp_path: Path) -> None:
    """The row names two fields and one was sent: that it is there is what counts, not that the other moved."""
    scene = Scene(tmp_path, referrals(2, salesStage="40"))
    rows = rows_of(1, Deal="Renamed {}", Probability="40")
    scene.night(rows, between=lambda: _unheard(scene))
    _calm(scene)
    scene.edit(1, "/salesStage", "50")
    assert scene.night(rows_of(2, Deal="Deal {}")).causes == ["in_step"]
    (told,) = scene.events.of("intent.settled")
    assert (told["outcome"], told["cause"]) == ("applied", "read_back")


def test_an_intent_that_nobody_understands_stays_open_and_the_others_are_mended(tmp_path: Path) -> None:
    """A record that was damaged is told in the log; its neighbours are looked at, and the night goes on."""
    scene = Scene(tmp_path, referrals(3))
    _left_open(scene, 3)
    with closing(sqlite3.connect(tmp_path / "scene.ledger")) as database, database:
        damaged = "UPDATE outcomes SET settled = replace(settled, '/name', '/nowhere') WHERE n = 2"
        assert database.execute(damaged).rowcount > 0
    night = scene.night(rows_of(1, 2, 3))
    assert (night.code, night.causes) == (Exit.OK, ["in_step"] * 3)
    assert [one["n"] for one in scene.events.of("intent.settled")] == [1, 3]
    assert [one["n"] for one in scene.events.of("intent.broken")] == [2]
    with Ledger(tmp_path / "scene.ledger") as ledger:
        assert [one.n for one in ledger.open_intents("scene", scene.jobs[-1].address)] == [2]


@pytest.mark.parametrize(
    ("where", "text"),
    [
        *(("outcomes SET settled", text) for text in ("", "{", "[]", "{}", "null")),
        *(("intents SET planned", text) for text in ("{", "[]", "{}", "null")),
    ],
)
def test_an_intent_that_cannot_be_read_ends_no_night(tmp_path: Path, where: str, text: str) -> None:
    """No JSON, or not of a row, be it the row that was planned or as it stood by then: it stays open, others do not."""
    scene = Scene(tmp_path, referrals(2))
    _left_open(scene, 2)
    with closing(sqlite3.connect(tmp_path / "scene.ledger")) as database, database:
        assert database.execute(f"UPDATE {where} = ? WHERE n = 1", (text,)).rowcount > 0
    assert scene.night(rows_of(1, 2)).code is Exit.OK
    assert [one["n"] for one in scene.events.of("intent.settled")] == [2]
    assert [one["n"] for one in scene.events.of("intent.broken")] == [1]


def test_a_token_that_ran_out_after_a_lost_patch_says_sign_in(tmp_path: Path) -> None:
    """The patch was lost and the look meets 401: the row is unsettled, the night says exit 5, tolerated or not."""
    scene = Scene(tmp_path, referrals(1), sections={"tolerate": ["unsettled", "deferred"]})

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH":
            raise httpx.ReadError("reset")
        return refusal(401, "Unauthorized")

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert (night.code, night.causes) == (Exit.SIGN_IN, ["answer_unknown"])


def test_an_outage_with_unsettled_rows_says_that_the_remote_is_gone(tmp_path: Path) -> None:
    """Once the budget is spent asking ends: exit 7, though every row is unsettled and that is tolerated."""
    limits = {"concurrency": 1, "retries_min": 0, "retries_share": 0}
    scene = Scene(tmp_path, referrals(1), limits=limits, sections={"tolerate": ["unsettled"]})
    night = scene.night(rows_of(1), between=lambda: _unheard(scene, lands=False))
    assert (night.code, night.causes) == (Exit.REMOTE, ["answer_unknown"])


@pytest.mark.parametrize("tolerate", [[], ["failed", "deferred"]])
def test_a_remote_that_refuses_connections_defers_and_does_not_fail(tmp_path: Path, tolerate: list[str]) -> None:
    """Gone between plan and apply, with the limits as they are: every row is deferred, exit 7, nothing is tolerated."""
    scene = Scene(tmp_path, referrals(6), sections={"tolerate": tolerate})

    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    night = scene.night(rows_of(*range(1, 7)), between=lambda: setattr(scene.wire, "instead", down))
    assert night.code is Exit.REMOTE
    assert set(night.causes) <= {"remote_unavailable", "budget_spent"}
    assert night.causes[0] == "remote_unavailable"
    assert scene.patches == []
    _calm(scene)
    assert scene.night(rows_of(*range(1, 7))).causes == ["confirmed"] * 6
