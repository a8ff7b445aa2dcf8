"""The sandbox on a real socket, met with httpx on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import pytest
from starlette.types import Message

from syncjob.sandbox import app as sandbox_app
from syncjob.sandbox import server
from syncjob.sandbox.faults import Rates
from syncjob.sandbox.service import Sandbox
from syncjob.sandbox.store import Store

ROOT = "/v1.0/engagements/referrals"
REPRESENTATION = {"Prefer": "return=representation"}


def _sandbox(rates: Rates | None = None) -> Sandbox:
    documents = [{"id": f"r{i}", "status": "Active", "substatus": "Accepted", "name": "Zoë & old"} for i in range(120)]
    return Sandbox(Store(documents), rates, random=Random(1), clock=lambda: datetime.now(UTC))


@pytest.fixture
def sandbox() -> Sandbox:
    """A calm sandbox."""
    return _sandbox()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client of the sandbox on a real socket."""
    with server.running(sandbox) as base_url, httpx.Client(base_url=base_url, trust_env=False) as client:
        yield client


def _rename(client: httpx.Client, sandbox: Sandbox, name: str, **headers: str) -> httpx.Response:
    etag = sandbox.store.get("r1")["eTag"]
    operations = [{"op": "replace", "path": "/name", "value": name}]
    return client.patch(f"{ROOT}/r1", json=operations, headers={"If-Match": etag, **REPRESENTATION, **headers})


def test_it_listens_on_loopback_only(client: httpx.Client) -> None:
    """The base URL of a sandbox in a thread is a free port of 127.0.0.1."""
    assert client.base_url.host == "127.0.0.1"
    assert client.base_url.port


def test_reads_and_writes_travel_whole(client: httpx.Client, sandbox: Sandbox) -> None:
    """Pages, referrals, representations, empty answers and refusals arrive as they were made."""
    page = client.get(f"{ROOT}?$top=100&$filter=status eq 'Active'").json()
    assert len(page["value"]) == 100
    token = page["@odata.nextLink"].partition("?")[2]
    assert len(client.get(f"{ROOT}?{token}").json()["value"]) == 20
    assert client.get(f"{ROOT}/r1").json() == sandbox.store.get("r1")
    assert _rename(client, sandbox, "Núñez").json()["name"] == "Núñez"
    quiet = _rename(client, sandbox, "quiet", Prefer="")
    assert (quiet.status_code, quiet.content, "content-length" in quiet.headers) == (204, b"", False)
    assert client.get(f"{ROOT}/r%2F1").status_code == 404
    assert quiet.headers["Request-ID"] == sandbox.records[-2].request_id


def test_a_reset_cuts_the_socket_and_applies_nothing(client: httpx.Client, sandbox: Sandbox) -> None:
    """The caller sees a broken connection, not one byte of an answer; the referral is as it was."""
    client.put("/sandbox/faults", json={"reset": 1})
    with pytest.raises(httpx.ReadError):
        _rename(client, sandbox, "new")
    with pytest.raises(httpx.ReadError):
        client.get(f"{ROOT}/r1")
    assert sandbox.store.get("r1")["name"] == "Zoë & old"
    assert sandbox.store.writes == []


def test_a_lost_answer_was_applied(client: httpx.Client, sandbox: Sandbox) -> None:
    """The connection breaks, and the change is there."""
    client.put("/sandbox/faults", json={"lost": 1})
    with pytest.raises(httpx.ReadError):
        _rename(client, sandbox, "new")
    assert sandbox.store.get("r1")["name"] == "new"
    assert [record.effect for record in sandbox.records] == ["applied"]
    client.put("/sandbox/faults", json={})
    assert _rename(client, sandbox, "newer").status_code == 200


def test_the_wire_sees_no_byte_of_a_cut_answer(sandbox: Sandbox) -> None:
    """On the bare socket a cut is ECONNRESET before any data."""
    sandbox.rates = Rates(reset=1)
    with server.running(sandbox) as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as plug:
            plug.sendall(f"GET {ROOT} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with pytest.raises(ConnectionResetError):
                plug.recv(1)


def test_a_late_patch_lands_after_the_cut(client: httpx.Client, sandbox: Sandbox) -> None:
    """Within two seconds of a broken connection the change is there."""
    client.put("/sandbox/faults", json={"late": 1})
    with pytest.raises(httpx.ReadError):
        _rename(client, sandbox, "new")
    assert sandbox.store.get("r1")["name"] == "Zoë & old"
    until = time.monotonic() + 5
    while sandbox.records[0].effect == "none" and time.monotonic() < until:
        time.sleep(0.02)
    assert sandbox.store.get("r1")["name"] == "new"
    assert sandbox.records[0].effect == "late"


def test_a_slow_answer_waits(client: httpx.Client) -> None:
    """An answer that takes longer than the client waits is a timeout."""
    client.put("/sandbox/faults", json={"slow": 1})
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"{ROOT}/r1", timeout=0.05)


def test_running_stops_cleanly(sandbox: Sandbox) -> None:
    """Afterwards nobody listens and no thread is left; signal handlers were never touched."""
    before = set(threading.enumerate())  # a sandbox of other tests may live in this process
    with server.running(sandbox) as base_url:
        assert httpx.get(f"{base_url}/sandbox/faults", trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(base_url, trust_env=False)
    assert "sandbox" not in {thread.name for thread in set(threading.enumerate()) - before}


class _SlowToStart(server._Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(0.5)
        await super().startup(sockets)


def test_running_gives_up_when_nothing_starts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not ready in time is an error, not a wait for ever, and is stopped all the same."""
    monkeypatch.setattr(server, "_READY_S_MAX", 0.05)
    monkeypatch.setattr(server, "_Server", _SlowToStart)
    before = set(threading.enumerate())
    with pytest.raises(TimeoutError, match="did not start"), server.running(sandbox):
        pass
    assert "sandbox" not in {thread.name for thread in set(threading.enumerate()) - before}


def test_a_port_in_use_is_told_at_once(sandbox: Sandbox) -> None:
    """Two sandboxes do not share a port: the second is an OSError before anything starts."""
    with server.running(sandbox) as base_url:
        port = int(base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), server.running(sandbox, port=port):
            pass


def test_serve_tells_its_url_and_ends_when_cancelled(sandbox: Sandbox) -> None:
    """`on_ready` gets the base URL once the port is open; a cancelled task leaves nobody listening."""

    async def scene() -> tuple[str, int]:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(server.serve(sandbox, "127.0.0.1", 0, ready.set_result))
        base_url = await asyncio.wait_for(ready, 5)
        async with httpx.AsyncClient(trust_env=False) as client:
            status = (await client.get(f"{base_url}{ROOT}/r1")).status_code
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return base_url, status

    base_url, status = asyncio.run(scene())
    assert status == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(base_url, trust_env=False)


def test_an_address_of_six_is_bracketed() -> None:
    """The base URL of an IPv6 socket is one that a client can read."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this loopback")
    with listener:
        assert server.base_url(listener).startswith("http://[::1]:")


def test_under_another_server_a_cut_is_an_error() -> None:
    """Without the extension the application raises instead of answering."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async def meet() -> None:
        await sandbox_app._endpoint(_sandbox(Rates(reset=1)))(scope, receive, send)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": ROOT, "query_string": b"", "headers": []}
    with pytest.raises(ConnectionAbortedError):
        asyncio.run(meet())
