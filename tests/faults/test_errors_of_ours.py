"""An error in syncjob itself: it costs one row, is told with a trace, and three of them end the run."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from desk import guid
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import Events, Night, Scene, page, referrals, rows_of
from virtual import DAWN

from syncjob.errors import BrokenAssumption, Exit, StorageRefused
from syncjob.ledger import Ledger
from syncjob.model import Shape

Bend = Callable[[httpx.Request], httpx.Response | None]
NO_GUARD = {"guards": {"first_run": None, "changes": None, "column": None, "invalid": None}}


def _broken_for(*numbers: int, error: BaseException | None = None) -> Bend:
    """A wire that raises what no wire may raise, on PATCHes of these referrals."""
    paths = tuple(guid(n) for n in numbers)

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and request.url.path.endswith(paths):
            raise error or RuntimeError("Jana Novakova, secret")
        return None

    return instead


def _night(scene: Scene, bend: Bend, rows: int) -> Night:
    return scene.night(rows_of(*range(1, rows + 1)), between=lambda: setattr(scene.wire, "instead", bend))


@pytest.mark.parametrize("error", [RuntimeError("x"), AssertionError(), MemoryError(), KeyError("id")])
def test_an_error_in_the_middle_of_a_send_leaves_that_row_open_and_the_others_go_on(
    tmp_path: Path, error: BaseException
) -> None:
    """The PATCH may have left: unsettled with a trace, not failed; the next night looks. The other rows are applied."""
    scene = Scene(tmp_path, referrals(5), limits={"concurrency": 2})
    night = _night(scene, _broken_for(2, error=error), 5)
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["confirmed", "answer_unknown", *["confirmed"] * 3])
    told = scene.events.of("row.broken")
    assert [(one["n"], one["error"]) for one in told] == [(2, type(error).__name__)]
    assert f"trace {told[0]['trace']}" in night.rows[1].reason
    scene.wire.instead = None
    assert scene.night(rows_of(*range(1, 6))).outcomes == ["unchanged", "applied", *["unchanged"] * 3]


def test_an_error_tells_no_values(tmp_path: Path) -> None:
    """An exception's words may be private: report and log get its kind, its places and the trace."""
    scene = Scene(tmp_path, referrals(1))
    night = _night(scene, _broken_for(1), 1)
    assert "Jana" not in night.reasons
    assert "Jana" not in str(scene.events.told)
    assert any("sending.py" in frame for frame in scene.events.of("row.broken")[0]["frames"])


def test_three_errors_end_the_run(tmp_path: Path) -> None:
    """Exit 1: the rows behind them are deferred untouched."""
    scene = Scene(tmp_path, referrals(7), limits={"concurrency": 1})
    night = _night(scene, _broken_for(*range(1, 8)), 7)
    assert night.code is Exit.BROKEN
    assert night.causes == ["answer_unknown"] * 3 + ["broken"] * 4
    assert "3 rows met an error in syncjob itself" in night.rows[3].reason
    assert scene.writes() == 0


def test_an_error_before_anything_left_fails_the_row(tmp_path: Path) -> None:
    """The clock breaks while an intent is made: nothing was sent, so the row is failed, and three end the run."""
    scene = Scene(tmp_path, referrals(5), limits={"concurrency": 1})
    asked = 0

    def now() -> datetime:
        nonlocal asked
        asked += bool(scene.events.of("run.begun"))
        if 2 <= asked <= 7:  # the first is asked for the run itself; then each row asks ahead of its turn, and in it
            raise OverflowError
        return DAWN

    night = scene.night(rows_of(*range(1, 6)), now=now)
    assert (night.code, night.causes) == (Exit.BROKEN, ["bug"] * 3 + ["broken"] * 2)
    assert all("trace" in row.reason for row in night.rows[:3])
    assert scene.methods["PATCH"] == 0


def test_an_error_while_planning_fails_the_row(tmp_path: Path) -> None:
    """The clock breaks while a row is held against its referral: that row alone fails; three end the run, exit 1."""
    scene = Scene(tmp_path, referrals(4), limits={"concurrency": 1})
    night = scene.night(rows_of(1, 2), now=_breaking(3))  # the first is asked for the plan itself, then for each row
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["confirmed", "bug"])
    told = scene.events.of("row.broken")
    assert [(one["n"], one["error"]) for one in told] == [(2, "OverflowError")]
    assert f"trace {told[0]['trace']}" in night.reasons
    night = scene.night([*rows_of(2, 3, 4), *rows_of(1, Deal="Another name")], now=_breaking(2, 3, 4))
    assert (night.code, night.causes) == (Exit.BROKEN, ["bug"] * 3 + ["broken"])
    assert scene.writes() == 1


def _breaking(*when: int) -> Callable[[], datetime]:
    """Give a clock that breaks at these questions, the first being 1."""
    asked = count(1)

    def now() -> datetime:
        if next(asked) in when:
            raise OverflowError
        return DAWN

    return now


def test_an_error_at_a_glance_fails_the_row(tmp_path: Path) -> None:
    """A row in brief that cannot be put together takes no other row with it."""
    scene = Scene(tmp_path, referrals(3), limits={"reads_max": 0})
    written = Shape.written

    def broken(shape: Shape, pieces: list[bytes], place: tuple[int, int], *more: Any, **how: Any) -> bytes:
        if place[0] == 2:
            raise KeyError("Jana Novakova")
        return written(shape, pieces, place, *more, **how)

    with patch.object(Shape, "written", broken):
        night = scene.night(rows_of(1, 2, 3, Deal="Deal {}"))
    assert night.causes == ["in_step", "bug", "in_step"]
    assert [(one["n"], one["error"]) for one in scene.events.of("row.broken")] == [(2, "KeyError")]
    assert "Jana" not in night.reasons


def test_what_ends_a_run_ends_it_at_a_glance_too(tmp_path: Path) -> None:
    """A ledger or a spool that fails is no error of ours in one row: the plan ends, and nothing is sent."""
    scene = Scene(tmp_path, referrals(3), limits={"reads_max": 0})
    full = StorageRefused("the disk is full")
    with patch.object(Shape, "written", side_effect=full), pytest.raises(StorageRefused, match="disk is full"):
        scene.night(rows_of(1, 2, 3, Deal="Deal {}"))
    assert scene.events.of("row.broken") == []
    assert scene.writes() == 0


def test_a_referral_may_be_nested_as_deep_as_it_likes(tmp_path: Path) -> None:
    """What nobody names is not walked: neither by the patch, nor by its judge."""
    nested: Any = "deep"
    for _ in range(700):
        nested = {"deeper": nested}
    scene = Scene(tmp_path, referrals(1, novelty=nested))
    assert scene.night(rows_of(1)).causes == ["confirmed"]


def test_a_broken_assumption_while_reading_defers_every_row(tmp_path: Path) -> None:
    """A request was about to leave for another host: it does not, and the plan holds no change; exit 1."""
    scene = Scene(tmp_path, referrals(3), limits={"concurrency": 3})

    def elsewhere(_: httpx.Request) -> None:
        raise BrokenAssumption("a request was about to leave for evil.example")

    scene.wire.instead = elsewhere
    night = scene.night(rows_of(1, 2, 3))
    assert (night.code, night.causes) == (Exit.BROKEN, ["broken"] * 3)
    assert "evil.example" in night.reasons


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "é", "NaN", "1e400", "0000-00-00T99:99:99Z", "\ud800"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(("email", "notes", "id", "")), below),
    max_leaves=5,
)


@settings(max_examples=12, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "salesStage", "details", "team", "extra"), ODD)))
def test_no_shape_of_a_referral_is_an_error_of_ours(body: dict[str, Any]) -> None:
    """Whatever a referral holds, before and after our patch: a row ends with a cause, never as a bug."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder), sections={"defaults": {"currency": "EUR"}})
        scene.wire.instead = lambda _: page(200, {"id": guid(1), "eTag": '"1"', **body})
        asked = {"Deal": "x", "Probability": "40", "Amount": "5", "Notes": "n", "Team": "a,b,,c@contoso.example"}
        night = scene.night(rows_of(1, **asked))
    assert "bug" not in night.causes
    assert scene.events.of("row.broken") == []
    assert "applied" not in night.outcomes


def test_a_ledger_that_refuses_stops_every_worker(tmp_path: Path) -> None:
    """The ledger breaks while patches are on their way: StorageRefused, and nothing leaves that was not recorded."""
    scene = Scene(tmp_path, referrals(9), limits={"concurrency": 3})

    def break_it(request: httpx.Request) -> None:
        if request.method == "PATCH" and len(scene.wire.times("PATCH")) == 3:
            _alter(tmp_path / "scene.ledger", "ALTER TABLE intents RENAME TO away")

    with pytest.raises(StorageRefused, match="nothing more is sent"):
        scene.night(rows_of(*range(1, 10)), between=lambda: setattr(scene.wire, "instead", break_it))
    with contextlib.closing(sqlite3.connect(tmp_path / "scene.ledger")) as connection:
        recorded = {mark for (mark,) in connection.execute("SELECT mark FROM away")}
        left = "SELECT count(*) FROM away JOIN outcomes USING (run, n) WHERE cause = 'to_send'"
        ((unanswered,),) = connection.execute(left)
    sent = {request.headers["MS-RequestId"] for _, request in scene.wire.sent if request.method == "PATCH"}
    assert 3 <= len(sent) == scene.writes() <= 3 + 2, "those on their way, and those who had taken their turn"
    assert sent <= recorded
    scene.wire.instead = None
    _alter(tmp_path / "scene.ledger", "ALTER TABLE away RENAME TO intents")
    again = scene.night(rows_of(*range(1, 10)))
    assert (again.code, scene.writes()) == (Exit.OK, 9)
    assert len(scene.events.of("intent.settled")) == unanswered >= 3


@pytest.mark.parametrize("width", [1, 4, 16])
def test_a_ledger_that_refuses_the_first_intents_lets_nothing_leave(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it would take the next ones: who had begun beside the one that was refused asks for no more."""
    scene = Scene(tmp_path, referrals(40), limits={"concurrency": width})
    writes, asked = Ledger.record, 0

    def refusing(*args: Any, **more: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise StorageRefused("ledger: the disk is full; nothing more is sent")
        writes(*args, **more)

    monkeypatch.setattr(Ledger, "record", refusing)
    with pytest.raises(StorageRefused, match="nothing more is sent"):
        scene.night(rows_of(*range(1, 41)))
    assert (asked, scene.writes(), scene.methods["PATCH"]) == (1, 0, 0)


def _alter(ledger: Path, words: str) -> None:
    with contextlib.closing(sqlite3.connect(ledger)) as connection:
        connection.execute(words)
        connection.commit()


def test_a_stop_in_the_middle_leaves_unsettled_what_was_sent_and_deferred_what_was_not(tmp_path: Path) -> None:
    """Two patches are on their way and nobody answers: unsettled; the rest never left: deferred; exit 143."""
    scene = Scene(tmp_path, referrals(6), limits={"concurrency": 2, "answer_s": 600})

    async def hang(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        asyncio.get_running_loop().call_later(1, scene.jobs[-1].stop.ask, 15)
        await asyncio.sleep(500)
        return page(500)

    night = scene.night(rows_of(*range(1, 7)), between=lambda: setattr(scene.wire, "instead", hang))
    assert night.code is Exit.TERMINATED
    assert night.causes == ["answer_unknown"] * 2 + ["stopped"] * 4
    assert scene.writes() == 0
    scene.wire.instead = None
    assert scene.night(rows_of(*range(1, 7))).outcomes == ["applied"] * 6


def test_a_stop_lets_those_in_flight_come_home(tmp_path: Path) -> None:
    """The answers come within the seconds that a stop has: confirmed, not unsettled."""
    scene = Scene(tmp_path, referrals(4), limits={"concurrency": 2, "answer_s": 600})

    async def slow(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH":
            asyncio.get_running_loop().call_later(1, scene.jobs[-1].stop.ask, 2)
            await asyncio.sleep(3)
        return None

    night = scene.night(rows_of(1, 2, 3, 4), between=lambda: setattr(scene.wire, "instead", slow))
    assert (night.code, night.causes) == (Exit.INTERRUPTED, ["confirmed"] * 2 + ["stopped"] * 2)


def test_a_stop_is_heard_while_rows_go_by_that_need_no_request(tmp_path: Path) -> None:
    """Hundreds of rows that ask nothing are on record before anything is sent: the one behind them does not go."""
    scene = Scene(tmp_path, referrals(1), limits={"concurrency": 1}, sections=NO_GUARD)

    class Ringing(Events):
        def info(self, event: str, **facts: Any) -> None:
            super().info(event, **facts)
            if event == "run.begun":
                asyncio.get_running_loop().call_soon(scene.jobs[-1].stop.ask, 15)

    scene.events = Ringing()
    night = scene.night([{"Id": f"no key {n}"} for n in range(500)] + rows_of(1))
    assert (night.code, night.causes) == (Exit.TERMINATED, ["bad_key"] * 500 + ["stopped"])
    assert scene.patches == []
