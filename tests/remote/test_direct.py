"""The wire straight to the remote: what comes unasked answers nothing, and what is asked is asked once."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from raw import CLOSE, http, listening

from syncjob.remote.direct import Direct
from syncjob.remote.wire import Lost

STRAY = http(400, b'{"error":{"code":"invalidRequest"}}')


def _direct() -> Direct:
    return Direct(tls=None, connect_s=5)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("pause_s", [0.0, 0.02])
def test_what_came_unasked_answers_no_request(method: str, pause_s: float) -> None:
    """A server says one thing more on a connection that is kept: the next request goes out on another one."""

    async def story() -> tuple[list[int], int]:
        async with listening(lambda _: [http(200, b"{}"), pause_s, STRAY]) as raw:
            wire = _direct()
            try:
                found = []
                for n in range(3):
                    found.append((await wire.send(method, f"{raw.url}/{n}", {}, b"[]")).status)
                    await asyncio.sleep(pause_s * 3)
                return found, len(raw.heard)
            finally:
                await wire.close()

    statuses, heard = asyncio.run(story())
    assert statuses == [200, 200, 200]
    assert heard == 3


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_request_is_never_repeated(method: str) -> None:
    """A server that hears and hangs up: the answer is lost, and each request was heard once."""

    async def story() -> int:
        async with listening(lambda _: [CLOSE]) as raw:
            wire = _direct()
            try:
                for _ in range(3):
                    with pytest.raises(Lost):
                        await wire.send(method, f"{raw.url}/x", {}, b"[]")
                return len(raw.heard)
            finally:
                await wire.close()

    assert asyncio.run(story()) == 3


def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    """Its good-bye is seen before a request is written to it: nothing is lost."""

    async def story() -> tuple[list[int], int]:
        async with listening(lambda _: [http(200, b"{}"), CLOSE]) as raw:
            wire = _direct()
            try:
                found = []
                for n in range(3):
                    found.append((await wire.send("PATCH", f"{raw.url}/{n}", {}, b"[]")).status)
                    await asyncio.sleep(0.02)
                return found, raw.connections
            finally:
                await wire.close()

    assert asyncio.run(story()) == ([200, 200, 200], 3)


def test_importing_the_wire_reads_no_certificates() -> None:
    """What aiohttp would trust by itself is nobody; what the rest of the process trusts is left alone."""
    words = (
        "import ssl, syncjob.remote.direct as direct;"
        "own = direct.aiohttp.connector._SSL_CONTEXT_VERIFIED;"
        "kept = ssl.SSLContext.load_default_certs.__qualname__, ssl.SSLContext.set_default_verify_paths.__name__;"
        "print(own.cert_store_stats()['x509'], own.verify_mode, *kept)"
    )
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "2", "SSLContext.load_default_certs", "set_default_verify_paths"]
