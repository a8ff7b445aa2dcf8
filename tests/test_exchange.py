"""Width, gate, budget and looks of the exchange, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import guid
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import HTML, Scene, page, referrals, refusal
from workbench import Bench, asking, at_bench

from syncjob.core.pace import Rate
from syncjob.errors import SignInNeeded
from syncjob.exchange import Exchange, Miss, said
from syncjob.model import Answer, Cause, Heard, Observed, Operation
from syncjob.remote import Pages
from syncjob.sandbox.faults import Rates


def _raising(error: Exception) -> Any:
    def instead(_: httpx.Request) -> httpx.Response:
        raise error

    return instead


async def _read_all(exchange: Exchange, count: int) -> list[Observed | Miss]:
    return await asyncio.gather(*(exchange.read(guid(n)) for n in range(1, count + 1)))


def test_as_many_are_on_their_way_as_there_are_connections(tmp_path: Path) -> None:
    """Forty questions, four connections: never five at once, and all are answered."""
    scene = Scene(tmp_path, referrals(40))
    scene.sandbox.rates = Rates(slow=1)
    seen = asking(scene, lambda exchange: _read_all(exchange, 40), rows=40)
    assert all(isinstance(one, Observed) for one in seen)
    assert scene.wire.widest == 4


def test_the_width_never_exceeds_the_pace(tmp_path: Path) -> None:
    """Refusals halve it: what leaves afterwards is never more at once than the pace allows at that moment."""
    scene = Scene(tmp_path, referrals(80), limits={"concurrency": 16, "retries_min": 500, "attempts_max": 20})
    scene.sandbox.rates = Rates(slow=0.5, throttle=0.2)
    over: list[tuple[int, int]] = []

    async def within(exchange: Exchange) -> list[Observed | Miss]:
        def watch(_: httpx.Request) -> None:
            flying = len(exchange.clients) - len(exchange._idle)
            if flying > exchange.pace.allowed:
                over.append((flying, exchange.pace.allowed))

        scene.wire.instead = watch
        return await _read_all(exchange, 80)

    seen = asking(scene, within, rows=80)
    assert over == []
    assert min(facts["width"] for facts in scene.events.of("gate.shut")) < 16
    assert sum(isinstance(one, Observed) for one in seen) > 60


def test_every_request_is_counted(tmp_path: Path) -> None:
    """What the exchange counts is what the sandbox recorded, and what never left besides."""
    scene = Scene(tmp_path, referrals(10), limits={"retries_min": 200})
    scene.sandbox.rates = Rates(throttle=0.1, unavailable=0.1, garbled=0.1, reset=0.1)
    unsent = 0

    def now_and_then(_: httpx.Request) -> None:
        nonlocal unsent
        if scene.random.random() < 0.1:
            unsent += 1
            raise httpx.ConnectError("refused")

    scene.wire.instead = now_and_then

    async def within(exchange: Exchange) -> int:
        await _read_all(exchange, 10)
        return exchange.requests["GET"]

    counted = asking(scene, within, rows=10)
    assert unsent > 0
    assert counted == len(scene.sandbox.records) + unsent


def test_the_budget_ends_all_asking(tmp_path: Path) -> None:
    """Two retries for the run: then it is over, and whoever comes next gets no request."""
    scene = Scene(tmp_path, limits={"retries_min": 2, "retries_share": 0, "concurrency": 1})
    scene.wire.instead = _raising(httpx.ConnectError("refused"))

    async def within(exchange: Exchange) -> list[Any]:
        return [await exchange.read(guid(1)), exchange.requests.total(), await exchange.read(guid(2)), exchange]

    first, asked, second, exchange = asking(scene, within)
    assert first.cause is second.cause is Cause.BUDGET_SPENT
    assert "the budget for retries is spent" in first.reason
    assert (asked, exchange.requests.total()) == (3, 3)


def test_a_look_is_never_denied_by_the_budget(tmp_path: Path) -> None:
    """The budget is empty and the run over: a look still asks as often as ever, and finds what is there."""
    scene = Scene(tmp_path, referrals(1), limits={"retries_min": 0, "retries_share": 0, "attempts_max": 5})
    failures = [httpx.ReadError("reset")] * 4

    def instead(_: httpx.Request) -> None:
        if failures:
            raise failures.pop()

    scene.wire.instead = instead

    async def within(exchange: Exchange) -> list[Any]:
        seen = await exchange.look(guid(1))
        return [seen, exchange.over, await exchange.read(guid(1))]

    seen, over, after = asking(scene, within)
    assert isinstance(seen, Observed)
    assert over.cause is Cause.BUDGET_SPENT
    assert isinstance(after, Miss)


def test_a_look_that_finds_nobody_says_why_asking_ended(tmp_path: Path) -> None:
    """Five tries of a must, then a miss with the reason of the end, or the last answer's."""
    scene = Scene(tmp_path, limits={"retries_min": 0, "retries_share": 0})
    scene.wire.instead = _raising(httpx.ReadError("reset"))
    miss = asking(scene, lambda exchange: exchange.look(guid(1)))
    assert isinstance(miss, Miss)
    assert miss.cause is Cause.BUDGET_SPENT
    assert len(scene.wire.sent) == 5
    scene.limits["retries_min"] = 99
    miss = asking(scene, lambda exchange: exchange.look(guid(1)))
    assert isinstance(miss, Miss)
    assert miss.cause is Cause.REMOTE_UNAVAILABLE


def test_good_answers_refill_the_budget(tmp_path: Path) -> None:
    """One failure in three questions is carried for ever."""
    scene = Scene(tmp_path, referrals(60), limits={"retries_min": 3, "retries_share": 0, "concurrency": 1})

    def instead(_: httpx.Request) -> httpx.Response | None:
        return page(502, HTML) if len(scene.wire.sent) % 4 == 0 else None

    scene.wire.instead = instead

    async def within(exchange: Exchange) -> list[Any]:
        return [await exchange.read(guid(n)) for n in range(1, 61)]

    assert all(isinstance(one, Observed) for one in asking(scene, within))


def test_a_cancelled_question_frees_its_place(tmp_path: Path) -> None:
    """One connection, a question that hangs, cancelled: the next is answered."""
    scene = Scene(tmp_path, referrals(2), limits={"concurrency": 1})

    async def hang(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith(guid(1)):
            await asyncio.sleep(15)
        return None

    scene.wire.instead = hang

    async def within(exchange: Exchange) -> Observed | Miss:
        task = asyncio.create_task(exchange.read(guid(1)))
        waiting = asyncio.create_task(exchange.read(guid(2)))
        await asyncio.sleep(1)
        task.cancel()
        return await waiting

    assert isinstance(asking(scene, within), Observed)


def test_a_question_that_is_cancelled_while_it_waits_its_turn_frees_its_place(tmp_path: Path) -> None:
    """One connection, a request in ten seconds: whoever comes after the one that was called off is answered."""
    scene = Scene(tmp_path, referrals(2), limits={"concurrency": 1})

    async def within(exchange: Exchange) -> Observed | Miss:
        exchange.pace.rate = Rate(per_s=0.1, known=True)
        await exchange.read(guid(1))
        task = asyncio.create_task(exchange.read(guid(1)))
        await asyncio.sleep(1)
        task.cancel()
        return await exchange.read(guid(2))

    assert isinstance(asking(scene, within), Observed)


def test_the_first_reason_for_an_end_counts(tmp_path: Path) -> None:
    """Whoever comes later does not rewrite it."""
    scene = Scene(tmp_path, referrals(2), limits={"concurrency": 2})
    answers = [refusal(507), refusal(401)]
    scene.wire.instead = lambda _: answers.pop()

    async def within(exchange: Exchange) -> Any:
        await _read_all(exchange, 2)
        return exchange.over

    assert asking(scene, within).cause is Cause.SIGN_IN


def test_an_id_is_the_same_in_any_case(tmp_path: Path) -> None:
    """GUIDs are compared without case; the remote's spelling is kept."""
    scene = Scene(tmp_path)
    scene.wire.instead = lambda _: page(200, {"id": "2500EC5A-A", "eTag": '"1"'})
    seen = asking(scene, lambda exchange: exchange.read("2500ec5a-a"))
    assert seen == Observed("2500EC5A-A", '"1"', {"id": "2500EC5A-A", "eTag": '"1"'})


def test_a_locked_read_is_asked_again(tmp_path: Path) -> None:
    """423 on a GET has no other meaning than later."""
    scene = Scene(tmp_path, referrals(1))
    answers = [refusal(423)]
    scene.wire.instead = lambda _: answers.pop() if answers else None
    assert isinstance(asking(scene, lambda exchange: exchange.read(guid(1))), Observed)


def test_a_patch_is_sent_once_whatever_comes(tmp_path: Path) -> None:
    """The exchange never repeats a patch; that is decided above."""
    scene = Scene(tmp_path, referrals(1))
    scene.wire.instead = _raising(httpx.ReadError("reset"))
    operation = Operation("replace", "/name", "x")
    left: list[str] = []

    async def within(desk: Bench) -> Answer:
        return await desk.sender.patch(guid(1), '"1"', (operation,), "m", leaving=lambda: left.append("it"))

    assert at_bench(scene, within).heard is Heard.LOST
    assert (len(scene.wire.sent), left) == (1, ["it"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(Heard.UNSENT), "no answer"),
        (Answer(Heard.LOST, note="cut"), "cut"),
        (Answer(Heard.ANSWERED, 400, code="invalidRequest", message="No."), "status 400, invalidRequest, No."),
        (Answer(Heard.ANSWERED, 302, note="unexpected"), "status 302, unexpected"),
    ],
)
def test_an_answer_in_words(answer: Answer, words: str) -> None:
    """Status, code and the server's sentence; else what is known."""
    assert said(answer) == words


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_any_seed_of_a_bad_day_ends_and_is_counted(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Faults of every kind at once: every question gets an answer or a miss, and nothing is counted twice."""
    scene = Scene(tmp_path_factory.mktemp("day"), referrals(6))
    scene.random.seed(seed)
    scene.sandbox._misfortunes.random.seed(seed)
    scene.sandbox.rates = Rates(throttle=0.2, unavailable=0.2, garbled=0.2, reset=0.2, gateway=0.2, slow=0.2)

    async def within(exchange: Exchange) -> int:
        await _read_all(exchange, 6)
        return exchange.requests.total()

    assert asking(scene, within, rows=6) == len(scene.sandbox.records)


async def _listed(exchange: Exchange, scene: Scene) -> list[str]:
    pages = Pages(scene.settings.remote, 100)
    return [item.id async for items in exchange.listing(pages) for item in items]


@pytest.mark.parametrize("count", [1, 5, 6, 9, 10, 23])
def test_pages_side_by_side_show_what_pages_in_order_show(tmp_path: Path, count: int) -> None:
    """The same referrals in the same order, each once; several are on their way at once."""
    scene = Scene(tmp_path, referrals(count), remote={"page_rows": 5, "pages_ahead": 3})
    scene.sandbox.rates = Rates(slow=1)
    seen = asking(scene, lambda exchange: _listed(exchange, scene))
    in_order = Scene(tmp_path, referrals(count), remote={"page_rows": 5})
    assert seen == asking(in_order, lambda exchange: _listed(exchange, in_order))
    assert len(set(seen)) == len(seen) == count
    assert scene.wire.widest == (min(3, -(-(count - 5) // 4)) if count > 5 else 1)
    assert in_order.wire.widest == 1


def test_a_listing_that_moves_between_its_pages_is_read_again_in_order(tmp_path: Path) -> None:
    """One leaves the filter, one enters at the end: by `$skip` another would be missed, though the count is right."""
    remote = {"page_rows": 5, "pages_ahead": 2, "filter": "status eq 'New'"}
    scene = Scene(tmp_path, referrals(20, status="New", substatus="Pending"), remote=remote)
    documents = scene.sandbox.store._documents
    documents[guid(20)]["status"] = "Active"

    def move(request: httpx.Request) -> None:
        if "skip=4" in str(request.url):
            documents[guid(2)]["status"] = "Active"
            documents[guid(20)]["status"] = "New"

    scene.wire.instead = move
    seen = asking(scene, lambda exchange: _listed(exchange, scene))
    assert {guid(n) for n in range(1, 21)} - {guid(2)} <= set(seen)
    assert len(set(seen)) == len(seen)
    assert len(scene.events.of("listing.moved")) == 1


def test_a_remote_that_does_not_know_skip_is_read_in_order(tmp_path: Path) -> None:
    """It gives its first page again: what is asked for side by side is then not believed."""
    scene = Scene(tmp_path, referrals(12), remote={"page_rows": 5, "pages_ahead": 4})

    def forget(request: httpx.Request) -> None:
        asked = str(request.url)
        if "skip=" in asked:
            request.url = httpx.URL(asked[: asked.index("$skip" if "$skip" in asked else "%24skip") - 1])

    scene.wire.instead = forget
    seen = asking(scene, lambda exchange: _listed(exchange, scene))
    assert len(set(seen)) == len(seen) == 12
    assert len(scene.events.of("listing.moved")) == 1


def test_a_page_that_cannot_be_had_ends_the_listing(tmp_path: Path) -> None:
    """Those that were asked for beside it are not waited for."""
    scene = Scene(tmp_path, referrals(30), remote={"page_rows": 5, "pages_ahead": 4})
    scene.wire.instead = lambda asked: refusal(403, "forbidden", "No.") if "skip=8" in str(asked.url) else None
    with pytest.raises(SignInNeeded):
        asking(scene, lambda exchange: _listed(exchange, scene))


@pytest.mark.parametrize("below", ["", "1"], ids=["a page", "a referral"])
def test_to_be_throttled_costs_budget_and_no_attempt(tmp_path: Path, below: str) -> None:
    """Nine refusals for two attempts: asked again as long as the budget lasts, and the tenth time it is answered."""
    scene = Scene(tmp_path, referrals(1), limits={"attempts_max": 2, "retries_min": 20})
    left = (refusal(429, "tooManyRequests", "Wait.", **{"Retry-After": "1"}) for _ in range(9))
    scene.wire.instead = lambda _: next(left, None)
    if below:
        assert isinstance(asking(scene, lambda exchange: exchange.read(guid(1))), Observed)
    else:
        assert asking(scene, lambda exchange: _listed(exchange, scene)) == [guid(1)]
    assert len(scene.wire.sent) == 10
    assert scene.wire.times()[-1] >= 9
