"""A connection is cut at every single byte of a short exchange, with the real sandbox behind a real socket."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from desk import guid
from kit import Scene
from proxy import Way, between
from workbench import Bench, access_of, bench, change

from syncjob.apply import settle
from syncjob.model import Cause, Settled
from syncjob.remote import Writer, opened
from syncjob.sandbox import server

pytestmark = pytest.mark.long

BYTES_MAX = 3000


def _slim(n: int) -> dict[str, object]:
    return {"id": guid(n), "status": "Active", "substatus": "Accepted", "team": [{"email": "first@contoso.example"}]}


async def _sent(scene: Scene, desk: Bench, n: int) -> Settled:
    joined = [*scene.sandbox.store.get(guid(n))["team"], {"email": f"n{n}@contoso.example"}]
    return await settle(change(scene.sandbox.store.get(guid(n)), {"/team": joined}, n), desk.run)


async def _every_byte(scene: Scene, way: Way, first: int, step: int) -> list[Settled]:
    """Cut after every so many bytes until the exchange is shorter than that; give how each row ended."""
    settled = []
    with server.running(scene.sandbox) as url:
        async with between(url) as proxy:
            scene.url = proxy.url
            access = access_of(scene, None)
            async with opened(Writer, access) as clients:
                desk = await bench(scene, access, clients, rows=BYTES_MAX)
                for after in range(first, BYTES_MAX, step):
                    proxy.arm(way, after)
                    cuts = proxy.cuts
                    settled.append(await _sent(scene, desk, after + 1))
                    if proxy.cuts == cuts:
                        break
    return settled


def _assert_once(scene: Scene, settled: list[Settled]) -> None:
    ours = Counter(write.referral_id for write in scene.sandbox.store.writes)
    for one in settled:
        assert one.cause in (Cause.CONFIRMED, Cause.READ_BACK), one
        assert one.id is not None
        people = [member["email"] for member in scene.sandbox.store.get(one.id)["team"]]
        assert people == ["first@contoso.example", f"n{one.n}@contoso.example"]
        assert ours[one.id] == 1
    assert all(record.if_match for record in scene.sandbox.records if record.method == "PATCH")


@pytest.mark.parametrize("first", [0, 1])
def test_a_request_cut_at_any_byte_is_neither_lost_nor_doubled(tmp_path: Path, first: int) -> None:
    """Whatever part of the PATCH left the house: the person joins the team exactly once, and no row fails."""
    scene = _scene(tmp_path)
    settled = asyncio.run(_every_byte(scene, Way.REQUEST, first, 2))
    assert len(settled) > 200
    _assert_once(scene, settled)


@pytest.mark.parametrize("first", [0, 1])
def test_an_answer_cut_at_any_byte_is_read_back(tmp_path: Path, first: int) -> None:
    """The PATCH landed and its answer was cut: one look shows it, nothing is sent again, nothing is called failed."""
    scene = _scene(tmp_path)
    settled = asyncio.run(_every_byte(scene, Way.REPLY, first, 2))
    assert len(settled) > 100
    _assert_once(scene, settled)
    assert {one.cause for one in settled[:-1]} == {Cause.READ_BACK}
    assert settled[-1].cause is Cause.CONFIRMED
    assert len([record for record in scene.sandbox.records if record.method == "PATCH"]) == len(settled)


@pytest.mark.parametrize(("way", "after"), [(Way.REQUEST, 0), (Way.REQUEST, 300), (Way.REPLY, 0), (Way.REPLY, 150)])
def test_a_line_that_falls_silent_is_left_and_the_row_looked_at(tmp_path: Path, way: Way, after: int) -> None:
    """No reset, no answer: `answer_s` bounds the wait, then the referral is read and the row settles as applied."""
    scene = Scene(tmp_path, [_slim(1)], limits={"concurrency": 1, "answer_s": 0.3})
    settled = asyncio.run(_once(scene, way, after))
    _assert_once(scene, [settled])


def test_a_connection_closed_while_idle_costs_nothing(tmp_path: Path) -> None:
    """The peer closes what was kept alive between two patches: the second takes a new connection and is confirmed."""
    scene = _scene(tmp_path)

    async def story() -> list[Settled]:
        with server.running(scene.sandbox) as url:
            async with between(url) as proxy:
                scene.url = proxy.url
                access = access_of(scene, None)
                async with opened(Writer, access) as clients:
                    desk = await bench(scene, access, clients)
                    first = await _sent(scene, desk, 1)
                    proxy.cut_all()
                    await asyncio.sleep(0.01)
                    return [first, await _sent(scene, desk, 2)]

    settled = asyncio.run(story())
    _assert_once(scene, settled)
    assert settled[1].cause in (Cause.CONFIRMED, Cause.READ_BACK)


def _scene(folder: Path) -> Scene:
    return Scene(folder, [_slim(n) for n in range(1, BYTES_MAX)], limits={"concurrency": 1})


async def _once(scene: Scene, way: Way, after: int) -> Settled:
    with server.running(scene.sandbox) as url:
        async with between(url) as proxy:
            scene.url = proxy.url
            access = access_of(scene, None)
            async with opened(Writer, access) as clients:
                desk = await bench(scene, access, clients)
                proxy.arm(way, after, silent=True)
                return await _sent(scene, desk, 1)
