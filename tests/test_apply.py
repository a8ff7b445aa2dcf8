"""One change, sent until it settles: what is intended, what leaves, and what is made of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import guid
from kit import Scene, page, referrals, refusal
from virtual import run_virtual
from workbench import Bench, at_bench, change

from syncjob.apply import settle
from syncjob.core import retry
from syncjob.errors import BrokenAssumption, SignInNeeded, StorageRefused
from syncjob.exchange import Miss
from syncjob.ledger import Begun, Intent, Ledger, Recorder
from syncjob.model import Answer, Cause, Heard, Operation, Settled
from syncjob.sandbox.faults import Rates

RENAMED = {"/name": "Renamed"}


def _document(scene: Scene, n: int = 1) -> dict[str, Any]:
    return scene.sandbox.store.get(guid(n))


def test_an_intent_stands_before_its_patch_leaves(tmp_path: Path) -> None:
    """At the moment a PATCH arrives, its intent is written, with the same mark."""
    scene = Scene(tmp_path, referrals(1))
    answers = [httpx.ReadError("reset"), None]
    before: list[tuple[str, str]] = []

    async def within(desk: Bench) -> Settled:
        def instead(request: httpx.Request) -> None:
            if request.method != "PATCH":
                return
            before.append((request.headers["MS-RequestId"], desk.intents[-1].mark))
            error = answers.pop(0)
            if error is not None:
                raise error

        scene.wire.instead = instead
        settled = await settle(change(_document(scene), RENAMED), desk.run)
        assert [one.attempt for one in desk.intents] == [1, 2]
        assert [one.planned for one in desk.intents] == [None, None], "the row is on record as it was planned"
        return settled

    assert at_bench(scene, within).cause is Cause.CONFIRMED
    assert len(before) == 2
    assert all(sent == meant for sent, meant in before)


def test_the_same_bytes_go_again_under_the_same_etag(tmp_path: Path) -> None:
    """Lost, looked, unmoved: what is sent again is what was sent, so that one of the two can win and no more."""
    scene = Scene(tmp_path, referrals(1), limits={"attempts_max": 3})
    scene.sandbox.rates = Rates(reset=1)
    scene.wire.instead = lambda request: page(200, _document(scene)) if request.method == "GET" else None
    settled = at_bench(scene, lambda desk: settle(change(_document(scene), RENAMED), desk.run))
    assert settled.cause is Cause.ANSWER_UNKNOWN
    assert settled.reason == "sent 3 times, no answer could be read; the next run looks"
    assert settled.attempts == 3
    assert len({(str(one.operations), one.if_match) for one in scene.patches}) == 1


def test_cancelled_before_the_intent_it_is_deferred(tmp_path: Path) -> None:
    """The ledger has not answered: nothing left the house."""
    scene = Scene(tmp_path, referrals(1))

    async def within(desk: Bench) -> Settled:
        async def never(_: Intent) -> None:
            await asyncio.sleep(3600)

        run = type(desk.run)(desk.run.sender, desk.run.rules, never, desk.run.learn)
        task = asyncio.create_task(settle(change(_document(scene), RENAMED), run))
        await asyncio.sleep(1)
        task.cancel()
        return await task

    settled = at_bench(scene, within)
    assert (settled.cause, settled.reason) == (Cause.STOPPED, "the run was stopped")
    assert scene.wire.sent == []


def test_cancelled_between_send_and_answer_it_is_unsettled(tmp_path: Path) -> None:
    """The PATCH is on its way: nobody knows."""
    scene = Scene(tmp_path, referrals(1), limits={"answer_s": 900})

    async def hang(_: httpx.Request) -> None:
        await asyncio.sleep(800)

    scene.wire.instead = hang

    async def within(desk: Bench) -> Settled:
        task = asyncio.create_task(settle(change(_document(scene), RENAMED), desk.run))
        await asyncio.sleep(1)
        task.cancel()
        return await task

    settled = at_bench(scene, within)
    assert settled.cause is Cause.ANSWER_UNKNOWN
    assert "the run was stopped" in settled.reason


def test_cancelled_at_the_gate_it_is_deferred(tmp_path: Path) -> None:
    """Its intent is written, but the gate is shut and it has not left: nobody need look for it."""
    scene = Scene(tmp_path, referrals(1))
    scene.wire.instead = lambda _: page(429, {"message": "slow down"}, retry_after="300")

    async def within(desk: Bench) -> Settled:
        task = asyncio.create_task(settle(change(_document(scene), RENAMED), desk.run))
        await asyncio.sleep(60)
        task.cancel()
        settled = await task
        assert len(desk.intents) == 2
        return settled

    assert at_bench(scene, within).cause is Cause.STOPPED
    assert len(scene.wire.sent) == 1


def test_cancelled_after_a_refusal_it_is_deferred(tmp_path: Path) -> None:
    """423 was heard, and the pause before the next try is cut: nothing of it is at the remote."""
    scene = Scene(tmp_path, referrals(1), limits={"wait_initial_s": 600, "wait_max_s": 600})
    scene.sandbox.rates = Rates(locked=1)

    async def within(desk: Bench) -> Settled:
        task = asyncio.create_task(settle(change(_document(scene), RENAMED), desk.run))
        await asyncio.sleep(0.001)
        task.cancel()
        return await task

    assert at_bench(scene, within).cause is Cause.STOPPED


def test_an_error_that_ends_the_run_ends_it_for_all(tmp_path: Path) -> None:
    """A broken assumption below: this row is settled as known, and nobody asks any more."""
    scene = Scene(tmp_path, referrals(1))

    def elsewhere(_: httpx.Request) -> None:
        raise BrokenAssumption("a request was about to leave for evil.example")

    scene.wire.instead = elsewhere

    async def within(desk: Bench) -> tuple[Settled, Settled]:
        first = await settle(change(_document(scene), RENAMED), desk.run)
        assert desk.sender.over is not None
        assert isinstance(desk.sender.over.error, BrokenAssumption)
        return first, await settle(change(_document(scene), RENAMED), desk.run)

    first, second = at_bench(scene, within)
    assert first.cause is Cause.ANSWER_UNKNOWN
    assert second.cause is Cause.BROKEN
    assert len(scene.wire.sent) == 1


def test_a_ledger_that_refuses_is_not_a_rows_misfortune(tmp_path: Path) -> None:
    """StorageRefused goes up: nothing more may be sent."""
    scene = Scene(tmp_path, referrals(1))

    async def within(desk: Bench) -> Settled:
        async def full(_: Intent) -> None:
            raise StorageRefused("disk full")

        return await settle(
            change(_document(scene), RENAMED), type(desk.run)(desk.sender, desk.run.rules, full, desk.run.learn)
        )

    with pytest.raises(StorageRefused):
        at_bench(scene, within)
    assert scene.wire.sent == []


def test_what_the_remote_made_of_a_value_is_learned(tmp_path: Path) -> None:
    """By referral and path: what was asked, what it holds."""
    scene = Scene(tmp_path, referrals(1))
    scene.sandbox.rates = Rates(altered=1)

    async def within(desk: Bench) -> dict[str, Any]:
        settled = await settle(change(_document(scene), {"/name": "abcdef"}), desk.run)
        assert settled.cause is Cause.ACCEPTED_ALTERED
        return desk.learned

    assert at_bench(scene, within) == {guid(1): {"/name": ("abcdef", "abc")}}


def test_the_budget_may_end_a_row_that_never_left(tmp_path: Path) -> None:
    """No connection and no retry left: deferred, nothing unheard."""
    scene = Scene(tmp_path, referrals(1), limits={"retries_min": 0, "retries_share": 0})

    def down(_: httpx.Request) -> None:
        raise httpx.ConnectError("refused")

    scene.wire.instead = down
    settled = at_bench(scene, lambda desk: settle(change(_document(scene), RENAMED), desk.run))
    assert settled.cause is Cause.BUDGET_SPENT


def test_a_status_outside_http_cannot_be() -> None:
    """No row of the table fits: a broken assumption, for a PATCH and a GET alike."""
    assert retry.after(Answer(Heard.ANSWERED, 600)) is retry.Next.BROKEN
    assert retry.after_get(Answer(Heard.ANSWERED, 199)) is retry.Next.BROKEN


@pytest.mark.parametrize("cause", [Cause.REMOTE_UNAVAILABLE, Cause.BUDGET_SPENT, Cause.SIGN_IN, Cause.BROKEN])
def test_a_miss_that_ends_asking_defers_what_was_heard(tmp_path: Path, cause: Cause) -> None:
    """While no send is unheard, the miss's cause is the row's."""
    from syncjob.apply import Sending

    scene = Scene(tmp_path, referrals(1))

    async def within(desk: Bench) -> Settled:
        return Sending(change(_document(scene), RENAMED), desk.run, ())._no(Miss(cause, "why"))

    assert at_bench(scene, within).cause is cause


def test_workers_of_one_turn_share_one_commit(tmp_path: Path) -> None:
    """Sixteen intents handed in together are one transaction; each returns once it is on disk."""
    scene = Scene(tmp_path, referrals(16))
    commits: list[int] = []

    class Counting(Ledger):
        def record(self, run: str, meant: Any = (), settled: Any = (), seen: Any = ()) -> None:
            commits.append(len(meant))
            super().record(run, meant, settled, seen)

    with Counting(tmp_path / "counting.ledger") as ledger:
        changes = [change(_document(scene, n), RENAMED, n) for n in range(1, 17)]
        planned = [Settled.of_change(one, Cause.TO_SEND, "") for one in changes]
        ledger.begin(Begun("run", "job", "remote", "plan", {}, 0.0), ((one, ()) for one in planned))
        recorder = Recorder(ledger, "run")

        async def story(_: Any) -> None:
            await asyncio.gather(*(recorder.intend(Intent(one.n, 1, 0.0, "m", one)) for one in planned))
            for one in planned:
                recorder.settle(one)

        run_virtual(story)
        recorder.flush()
        recorder.flush()
        assert commits == [16, 0]
        assert len(list(ledger.outcomes("run"))) == 16


def test_outcomes_that_wait_are_written_when_they_are_many(tmp_path: Path) -> None:
    """At most 200 wait in memory."""
    scene = Scene(tmp_path, referrals(1))
    one = Settled.of_change(change(_document(scene), RENAMED), Cause.CONFIRMED, "")
    waiting = Settled.of_change(one.change(), Cause.TO_SEND, "")
    with Ledger(tmp_path / "many.ledger") as ledger:
        ledger.begin(
            Begun("run", "job", "remote", "plan", {}, 0.0), ((_numbered(waiting, n), ()) for n in range(1, 1202))
        )
        recorder = Recorder(ledger, "run")
        for n in range(1, 1202):
            recorder.settle(_numbered(one, n))
        assert ledger.totals("run") == {Cause.CONFIRMED: 1200, Cause.TO_SEND: 1}
        recorder.flush()
        assert [settled.n for settled in ledger.outcomes("run")] == list(range(1, 1202))


def _numbered(settled: Settled, n: int) -> Settled:
    from msgspec.structs import replace

    return replace(settled, n=n)


def test_a_change_of_a_parent_is_verified_below(tmp_path: Path) -> None:
    """A missing parent goes with what hangs below it, in one operation; the answer is held against each field."""
    scene = Scene(tmp_path, referrals(1))
    wishes = {"/inviteContext/notes": "hello", "/name": "Renamed"}
    made = change(_document(scene), wishes)
    assert Operation("add", "/inviteContext", {"notes": "hello"}) in made.operations
    assert at_bench(scene, lambda desk: settle(made, desk.run)).cause is Cause.CONFIRMED


def test_a_patch_that_waits_at_the_gate_when_asking_ends_does_not_leave(tmp_path: Path) -> None:
    """Its intent is written and the gate opens, but nobody is asked any more: deferred, and the wire saw nothing."""
    scene = Scene(tmp_path, referrals(1))
    scene.wire.instead = lambda _: page(429, {"message": "slow down"}, retry_after="30")

    async def within(desk: Bench) -> Settled:
        task = asyncio.create_task(settle(change(_document(scene), RENAMED), desk.run))
        await asyncio.sleep(10)
        assert len(desk.intents) == 2
        desk.sender.end(Cause.SIGN_IN, SignInNeeded("the token has run out"))
        return await task

    settled = at_bench(scene, within)
    assert (settled.cause, settled.attempts) == (Cause.SIGN_IN, 1)
    assert len(scene.wire.sent) == 1
    assert scene.patches == []


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        (lambda: refusal(400), Cause.REMOTE_REFUSED),
        (lambda: refusal(401, "Unauthorized"), Cause.SIGN_IN),
        (lambda: refusal(423, "locked"), Cause.LOCKED),
    ],
)
def test_once_the_etag_has_moved_an_earlier_send_is_no_longer_unheard(
    tmp_path: Path, second: Callable[[], httpx.Response], cause: Cause
) -> None:
    """The lost send can never land under the old eTag; the new change was heard and refused: nobody need look."""
    scene = Scene(tmp_path, referrals(1))
    patches = 0

    def instead(request: httpx.Request) -> httpx.Response | None:
        nonlocal patches
        patches += request.method == "PATCH"
        if request.method == "PATCH" and patches == 1:
            scene.edit(1, "/details/notes", "meanwhile")
            raise httpx.ReadError("reset")
        return second() if request.method == "PATCH" else None

    scene.wire.instead = instead
    settled = at_bench(scene, lambda desk: settle(change(_document(scene), RENAMED), desk.run))
    assert settled.cause is cause
    assert patches > 1


def test_a_stop_after_the_etag_has_moved_defers(tmp_path: Path) -> None:
    """The new change waits behind a shut gate when the run is stopped: deferred, for nothing of it may land unseen."""
    scene = Scene(tmp_path, referrals(1))
    patches = 0

    def instead(request: httpx.Request) -> httpx.Response | None:
        nonlocal patches
        patches += request.method == "PATCH"
        if request.method == "PATCH" and patches == 1:
            scene.edit(1, "/details/notes", "meanwhile")
            raise httpx.ReadError("reset")
        return page(429, {"message": "slow down"}, retry_after="300") if request.method == "PATCH" else None

    scene.wire.instead = instead

    async def within(desk: Bench) -> Settled:
        task = asyncio.create_task(settle(change(_document(scene), RENAMED), desk.run))
        await asyncio.sleep(60)
        task.cancel()
        return await task

    assert at_bench(scene, within).cause is Cause.STOPPED
    assert patches == 2
