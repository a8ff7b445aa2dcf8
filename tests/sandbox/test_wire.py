"""The sandbox as an httpx transport without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random

import httpx
import pytest
from virtual import VirtualLoop, run_virtual
from wire import SandboxWire

from syncjob.sandbox.faults import Rates
from syncjob.sandbox.service import Sandbox
from syncjob.sandbox.store import Store

ROOT = "https://api.partner.microsoft.com/v1.0/engagements/referrals"


def _meet(rates: Rates, scene: Callable[[httpx.AsyncClient, Sandbox], Awaitable[None]]) -> None:
    store = Store([{"id": "r1", "status": "Active", "substatus": "Accepted", "name": "old"}])
    sandbox = Sandbox(store, rates, random=Random(1), clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    async def run(_: VirtualLoop) -> None:
        async with httpx.AsyncClient(transport=SandboxWire(sandbox)) as client:
            await scene(client, sandbox)

    run_virtual(run)


async def _rename(client: httpx.AsyncClient, timeout_s: float = 5) -> httpx.Response:
    operations = [{"op": "replace", "path": "/name", "value": "new"}]
    return await client.patch(f"{ROOT}/r1", json=operations, timeout=timeout_s)


def test_answers_arrive() -> None:
    """A page and its options, as over a socket."""

    async def scene(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
        answer = await client.get(ROOT, params={"$top": "1", "$count": "true"})
        assert answer.json()["@odata.count"] == 1
        assert answer.headers["request-id"] == sandbox.records[0].request_id
        assert (await _rename(client)).status_code == 204

    _meet(Rates(), scene)


def test_a_cut_is_a_read_error_and_late_comes_later() -> None:
    """The caller sees httpx.ReadError; a late write lands on the loop's own time."""

    async def scene(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
        with pytest.raises(httpx.ReadError):
            await _rename(client)
        assert sandbox.store.get("r1")["name"] == "old"
        await asyncio.sleep(2.1)
        assert sandbox.store.get("r1")["name"] == "new"

    _meet(Rates(late=1), scene)


def test_a_slow_answer_meets_the_timeout() -> None:
    """Beyond the read timeout it is httpx.ReadTimeout after that long; within it, an answer."""

    async def scene(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
        started = asyncio.get_running_loop().time()
        with pytest.raises(httpx.ReadTimeout):
            await _rename(client, 0.05)
        assert 0.04 < asyncio.get_running_loop().time() - started < 0.2
        assert (await _rename(client)).status_code == 204
        assert asyncio.get_running_loop().time() - started > 0.2

    _meet(Rates(slow=1), scene)
