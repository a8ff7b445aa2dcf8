"""Width, gate, budget and looks of the exchange, in virtual time."""

from __future__ import annotations

import asyncio
import tempfile
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
from syncjob.errors import RemoteUnavailable, SignInNeeded
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


EVENTS = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from(("leaves", "enters", "enters in between")), st.integers(1, 14)),
    max_size=5,
)


def _moving(folder: Path, count: int, events: list[tuple[int, str, int]]) -> tuple[Scene, set[str]]:
    """A scene whose referrals leave and enter the filter at the n-th request, and those of the first that left."""
    documents = referrals(count, status="New", substatus="Pending")
    for n, document in enumerate(documents, 1):
        document["createdDateTime"] = f"2026-08-{n:02d}T00:00:00Z"
    remote = {"page_rows": 5, "pages_ahead": 3, "filter": "status eq 'New'"}
    scene, gone = Scene(folder, documents, remote=remote), set[str]()
    held = scene.sandbox.store._documents

    def move(_: httpx.Request) -> None:
        for at, what, n in events:
            if at != len(scene.wire.sent):
                continue
            if what == "leaves" and guid(n) in held:
                held[guid(n)]["status"] = "Active"
                gone.add(guid(n))
            elif what != "leaves":
                created = "2026-08-05T12:00:00Z" if what == "enters in between" else "2026-09-14T00:00:00Z"
                (one,) = referrals(1, status="New", substatus="Pending", createdDateTime=created)
                one["id"] = guid(100 + len(held))
                held[one["id"]] = {**one, "eTag": '"1"'}

    scene.wire.instead = move
    return scene, gone


@settings(max_examples=60, deadline=None)
@given(st.integers(6, 14), EVENTS)
def test_however_a_listing_moves_nobody_who_stays_is_missed(count: int, events: list[tuple[int, str, int]]) -> None:
    """By pages side by side, taken as whole: a key of two referrals would else be found once, and written."""
    with tempfile.TemporaryDirectory() as folder:
        scene, gone = _moving(Path(folder), count, events)
        try:
            seen = asking(scene, lambda exchange: _listed(exchange, scene))
        except RemoteUnavailable:  # shorter than it says: no listing
            return
        if not scene.events.of("listing.moved"):  # else it is read as it ever was
            assert {guid(n) for n in range(1, count + 1)} - gone <= set(seen)


def test_one_who_enters_behind_the_overlap_is_noticed(tmp_path: Path) -> None:
    """The number is right again, though the last referral fell out of the last page: its link tells."""
    scene, _ = _moving(tmp_path, 9, [(2, "enters in between", 1)])
    assert guid(9) in asking(scene, lambda exchange: _listed(exchange, scene))
    assert len(scene.events.of("listing.moved")) == 1


def test_a_listing_that_moved_is_read_again_and_that_counts(tmp_path: Path) -> None:
    """What the first reading has shown is forgotten: a key that has two referrals by now is written to none."""
    remote = {"page_rows": 5, "pages_ahead": 2}
    sections = {"match": {"by": "externalReferenceId", "column": "Id"}}
    scene = Scene(tmp_path, referrals(9), remote=remote, limits={"reads_max": 0}, sections=sections)
    held = scene.sandbox.store._documents

    def move(request: httpx.Request) -> None:
        if "skip" in str(request.url):
            held[guid(2)]["externalReferenceId"] = held[guid(7)]["externalReferenceId"]
            scene.sandbox.store._items.clear()
            held[guid(20)] = {**held[guid(3)], "id": guid(20), "externalReferenceId": "new", "eTag": '"20"'}

    scene.wire.instead = move
    night = scene.night([{"Id": held[guid(7)]["externalReferenceId"], "Deal": "Renamed"}])
    assert (night.causes, scene.writes()) == (["several_found"], 0)
    assert len(scene.events.of("listing.moved")) == 1


@pytest.mark.parametrize("refused", [True, False], ids=["refuses", "forgets"])
def test_a_remote_that_does_not_know_skip_is_read_in_order(tmp_path: Path, *, refused: bool) -> None:
    """It says so, or gives its first page again: what is asked for side by side is then not believed."""
    scene = Scene(tmp_path, referrals(12), remote={"page_rows": 5, "pages_ahead": 4})

    def without(request: httpx.Request) -> httpx.Response | None:
        asked = str(request.url)
        if "skip=" in asked and refused:
            return refusal(400, "invalidRequest", "The query option $skip is not supported.")
        request.url = httpx.URL(asked[: asked.index("skip=") - 2] if "skip=" in asked else asked)
        return None

    scene.wire.instead = without
    seen = asking(scene, lambda exchange: _listed(exchange, scene))
    assert len(set(seen)) == 12
    assert len(scene.events.of("listing.moved")) == 1


def test_a_page_that_cannot_be_had_ends_the_listing(tmp_path: Path) -> None:
    """Those that were asked for beside it are not waited for, and none is asked for after it."""
    scene = Scene(tmp_path, referrals(60), remote={"page_rows": 5, "pages_ahead": 4}, limits={"concurrency": 8})

    async def slowly(request: httpx.Request) -> httpx.Response | None:
        if "skip=4" in str(request.url):
            return refusal(403, "forbidden", "No.")
        await asyncio.sleep(5 if "skip" in str(request.url) else 0)
        return None

    async def within(exchange: Exchange) -> float:
        with pytest.raises(SignInNeeded):
            await _listed(exchange, scene)
        return asyncio.get_running_loop().time()

    scene.wire.instead = slowly
    assert asking(scene, within) < 5
    assert len(scene.wire.sent) <= 1 + 4


@pytest.mark.parametrize("ahead", [1, 4])
def test_a_listing_ends_when_the_time_is_up(tmp_path: Path, ahead: int) -> None:
    """In order or side by side: what is on its way comes home, and nothing more is asked for."""
    scene = Scene(tmp_path, referrals(100), remote={"page_rows": 5, "pages_ahead": ahead})

    async def slowly(_: httpx.Request) -> None:
        await asyncio.sleep(1)

    async def within(exchange: Exchange) -> None:
        exchange.until = 3.5
        with pytest.raises(RemoteUnavailable, match="time is up"):
            await _listed(exchange, scene)

    scene.wire.instead = slowly
    asking(scene, within)
    assert sum(at > 3.5 for at in scene.wire.times()) <= 1


@pytest.mark.parametrize("below", ["", "1"], ids=["a page", "a referral"])
def test_a_remote_that_always_refuses_is_left_alone(tmp_path: Path, below: str) -> None:
    """However large the budget: after ten minutes without one good answer the run ends."""
    scene = Scene(tmp_path, referrals(1), limits={"retries_min": 5_000})
    scene.wire.instead = lambda _: refusal(429, "tooManyRequests", "Wait.", **{"Retry-After": "57"})

    async def within(exchange: Exchange) -> float:
        if below:
            assert isinstance(await exchange.read(guid(1)), Miss)
        else:
            with pytest.raises(RemoteUnavailable, match="refused every request for 10 minutes"):
                await _listed(exchange, scene)
        assert exchange.over is not None
        return asyncio.get_running_loop().time()

    assert asking(scene, within) <= 600


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
