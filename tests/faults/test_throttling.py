"""The remote throttles: nobody asks before it wants to be asked again, and a storm is not amplified."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kit import Scene, page, referrals, rows_of
from virtual import DAWN

from syncjob.errors import Exit
from syncjob.sandbox.faults import Rates

BODY = {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds."}


class Throttle:
    """Refuses the first `count` PATCHes and notes when; `said` gives the header at a moment."""

    def __init__(self, scene: Scene, count: int, said: str | None, status: int = 429) -> None:
        self.scene, self.count, self.said, self.status = scene, count, said, status
        self.refused_at: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        """Refuse it, or let it pass."""
        if request.method != "PATCH" or len(self.refused_at) >= self.count:
            return None
        assert self.scene.loop is not None
        self.refused_at.append(self.scene.loop.time())
        said = self.said
        if said == "date":
            said = format_datetime(self.scene.now().replace(microsecond=0) + timedelta(seconds=58), usegmt=True)
        return page(self.status, BODY, **({} if said is None else {"retry-after": said}))


@pytest.mark.parametrize("said", ["57", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_nobody_asks_while_the_gate_is_shut(tmp_path: Path, said: str, status: int) -> None:
    """Seconds or a date: from the refusal until then not one request leaves, from any worker; then all rows go."""
    scene = Scene(tmp_path, referrals(20), limits={"concurrency": 8})
    throttle = Throttle(scene, 3, said, status)
    night = scene.night(rows_of(*range(1, 21)), between=lambda: setattr(scene.wire, "instead", throttle))
    assert night.code is Exit.OK
    assert set(night.outcomes) == {"applied"}
    assert len(throttle.refused_at) == 3
    for shut in throttle.refused_at:
        assert not [at for at in scene.wire.times() if shut < at < shut + 57]
    assert scene.writes() == 20
    assert scene.wire.times()[-1] >= 57


def test_a_gate_costs_budget_and_no_attempts(tmp_path: Path) -> None:
    """Refused more often than a row may be sent: the row still goes, since a 429 says nothing about it."""
    scene = Scene(tmp_path, referrals(1), limits={"attempts_max": 1})
    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", Throttle(scene, 9, "5")))
    assert night.causes == ["confirmed"]
    assert night.rows[0].attempts == 10
    assert [round(at, 1) for at in scene.wire.times("PATCH")] == [5.0 * n for n in range(10)]


@pytest.mark.parametrize("said", [None, "soon", "-5", "1e9", "", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_wait_that_cannot_be_meant_is_a_backoff(tmp_path: Path, said: str | None) -> None:
    """No header, garbage, the past: the row waits a jittered backoff of our own and goes."""
    scene = Scene(tmp_path, referrals(1), limits={"wait_initial_s": 8, "wait_max_s": 8})
    throttle = Throttle(scene, 1, said)
    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", throttle))
    assert night.causes == ["confirmed"]
    first, second = scene.wire.times("PATCH")
    assert 4 <= second - first <= 8


def test_a_wait_beyond_all_measure_ends_the_run(tmp_path: Path) -> None:
    """1,000,000,000 s is longer than any night: rows are deferred, exit 7, and no further request leaves."""
    scene = Scene(tmp_path, referrals(9), limits={"concurrency": 1})
    throttle = Throttle(scene, 99, "1000000000")
    night = scene.night(rows_of(*range(1, 10)), between=lambda: setattr(scene.wire, "instead", throttle))
    assert night.code is Exit.REMOTE
    assert set(night.causes) == {"remote_unavailable"}
    assert "longer than limits.retry_after_max_s" in night.reasons
    assert len(scene.wire.times("PATCH")) == 1
    assert scene.writes() == 0


def test_a_storm_is_not_amplified(tmp_path: Path) -> None:
    """Every request is refused: the run ends with exit 7 after at most 1.2 requests a row, one at a time at the end."""
    rows = 300
    scene = Scene(tmp_path, referrals(rows), limits={"concurrency": 8, "retries_min": 0, "reads_max": 1000})
    seen = []

    def storm() -> None:
        scene.sandbox.rates = Rates(throttle=1)
        seen.append(len(scene.sandbox.records))

    night = scene.night(rows_of(*range(1, rows + 1)), between=storm)
    assert night.code is Exit.REMOTE
    assert set(night.causes) == {"budget_spent"}
    assert len(scene.sandbox.records) - seen[0] <= 1.2 * rows
    assert scene.writes() == 0
    assert min(facts["width"] for facts in scene.events.of("gate.shut")) == 1
    assert night.requests.total() == len(scene.sandbox.records)


def test_a_storm_before_the_plan_defers_every_row(tmp_path: Path) -> None:
    """The listing itself is refused for ever: nothing is planned, exit 7."""
    scene = Scene(tmp_path, referrals(3), limits={"reads_max": 0, "retries_min": 2, "retries_share": 0})
    scene.sandbox.rates = Rates(throttle=1)
    night = scene.night(rows_of(1, 2, 3))
    assert (night.code, set(night.outcomes)) == (Exit.REMOTE, {"deferred"})
    assert scene.methods["PATCH"] == 0


def test_a_quota_is_found_and_kept(tmp_path: Path) -> None:
    """Ten requests a second are let through: all rows go in the end, and refusals stay few."""
    scene = Scene(tmp_path, referrals(60), limits={"concurrency": 16, "reads_max": 0, "retries_min": 60})
    scene.sandbox.rates = Rates(quota=10)
    night = scene.night(rows_of(*range(1, 61)))
    assert (night.code, set(night.outcomes)) == (Exit.OK, {"applied"})
    assert scene.writes() == 60


@example("9" * 400)
@example("9" * 5000)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_any_header_is_a_wait_or_none(said: str) -> None:
    """Whatever stands in Retry-After: seconds that are not negative, or nothing; never an error."""
    from syncjob.remote import Credential
    from syncjob.remote.transport import Connection
    from syncjob.settings import Limits, Remote

    connection = Connection(
        Remote(url="http://127.0.0.1"),
        Limits(),
        methods=("GET",),
        credential=Credential(None),
        tls=None,
        now=lambda: DAWN,
        network=httpx.MockTransport(lambda _: httpx.Response(200)),
    )
    wait_s = connection._retry_after(said)
    assert wait_s is None or wait_s >= 0


def test_what_the_remote_bears_is_known_the_next_night(tmp_path: Path) -> None:
    """A quota of five a second: the first night finds it out, the next keeps within it, and its plan says how long."""
    scene = Scene(tmp_path, referrals(120), limits={"concurrency": 8, "duration_max": "10s"})
    refused: list[float] = []
    taken: dict[int, int] = {}

    def quota(request: httpx.Request) -> httpx.Response | None:
        assert scene.loop is not None
        now = scene.loop.time()
        taken[int(now)] = taken.get(int(now), 0) + (request.method == "PATCH")
        if taken[int(now)] <= 5:
            return None
        refused.append(now)
        return page(429, BODY, **{"retry-after": "1"})

    def unbounded() -> None:
        scene.wire.instead = quota

    scene.limits["duration_max"] = "1h"
    first = scene.night(rows_of(*range(1, 61)), between=unbounded)
    assert set(first.outcomes) == {"applied"}
    assert refused
    (note,) = (note for note in first.plan.footer.notes if note.startswith("cost:"))
    assert note.endswith("60 PATCH"), "no rate is known yet, so nothing is said of time"
    refused.clear()
    taken.clear()
    scene.limits["duration_max"] = "10s"
    second = scene.night(rows_of(*range(61, 121)), between=unbounded)
    (note,) = (note for note in second.plan.footer.notes if note.startswith("cost:"))
    assert " PATCH; to send them takes about " in note
    assert "more than the run's time (limits.duration_max, --max-duration): the rest is deferred" in note
    assert "time_up" in second.causes
    assert len(refused) <= 2
