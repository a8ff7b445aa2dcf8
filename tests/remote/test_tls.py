"""TLS is verified or nothing is said: no request leaves over a connection whose other end is not proven."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from kit import Night, Scene, rows_of
from raw import Raw, http, listening
from tls import OPENSSL, WHY_NOT, certificate, expired, serving

from syncjob.errors import Exit, UsageRefused
from syncjob.remote.trust import trust
from syncjob.settings import Remote

made_by_openssl = pytest.mark.skipif(OPENSSL is None, reason=WHY_NOT)
NOT_FOUND = http(404, b'{"error":{"code":"itemNotFound"}}')


def _scene(folder: Path, bundle: Path | None) -> Scene:
    remote = {"auth": {"token_env": "TOKEN"}, "ca_bundle": bundle}
    return Scene(folder, remote=remote, environ={"TOKEN": "secret"}, limits={"attempts_max": 2, "concurrency": 1})


def _night(scene: Scene, tls: ssl.SSLContext, at: Callable[[str], str] = str) -> tuple[Night, Raw]:
    async def story() -> tuple[Night, Raw]:
        async with listening(lambda _: [NOT_FOUND], tls=tls) as raw:
            scene.url = at(raw.url)
            return await scene.real(rows_of(1)), raw

    return asyncio.run(story())


@made_by_openssl
def test_a_bundle_of_ones_own_is_trusted(tmp_path: Path) -> None:
    """An authority named in `ca_bundle` is believed, and the token goes to its server."""
    pem = certificate(tmp_path, "own")
    night, raw = _night(_scene(tmp_path, pem.with_suffix(".crt")), serving(pem))
    assert night.causes == ["not_found"]
    assert raw.heard[0].headers["authorization"] == "Bearer secret"


@made_by_openssl
@pytest.mark.parametrize("flaw", ["signs itself", "expired", "another name"])
def test_a_server_that_is_not_proven_hears_nothing(tmp_path: Path, flaw: str) -> None:
    """Unknown authority, expired, or another's name: exit 7 with the reason; no request, no token."""
    bundle: Path | None = None
    match flaw:
        case "signs itself":
            pem = certificate(tmp_path, "own")
        case "expired":
            pem = expired(tmp_path, "old")
            bundle = pem.with_suffix(".crt")
        case _:
            pem = certificate(tmp_path, "other", address="DNS:api.partner.microsoft.com")
            bundle = pem.with_suffix(".crt")
    night, raw = _night(_scene(tmp_path, bundle), serving(pem))
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert "certificate" in night.reasons.lower()
    assert raw.heard == []


@made_by_openssl
def test_an_old_protocol_is_not_spoken(tmp_path: Path) -> None:
    """A server that knows only TLS 1.1 is left alone."""
    pem = certificate(tmp_path, "own")
    context = serving(pem)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    night, raw = _night(_scene(tmp_path, pem.with_suffix(".crt")), context)
    assert (night.code, raw.heard) == (Exit.REMOTE, [])


@made_by_openssl
def test_a_server_that_wants_a_certificate_of_ours_is_unavailable(tmp_path: Path) -> None:
    """TLS 1.3 tells so only after the handshake, in the middle of the answer: lost, not an error of ours."""
    pem = certificate(tmp_path, "own")
    context = serving(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pem.with_suffix(".crt"))
    night, raw = _night(_scene(tmp_path, pem.with_suffix(".crt")), context)
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert raw.heard == []


@made_by_openssl
def test_plain_words_from_a_tls_port_are_no_answer(tmp_path: Path) -> None:
    """A client of TLS that meets a server speaking plain http: exit 7, and the token is never said in clear."""
    scene = _scene(tmp_path, None)
    said: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(4096))
        writer.write(NOT_FOUND)
        writer.close()

    async def story() -> Night:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            scene.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await scene.real(rows_of(1))

    night = asyncio.run(story())
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert not any(b"secret" in one or b"HTTP" in one for one in said)


def test_trust_asks_for_names_and_tls_1_2() -> None:
    """What is shared by all connections verifies, checks names, and speaks nothing older than TLS 1.2."""
    context = trust(Remote(url="https://api.partner.microsoft.com"))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, b"no pem"])
def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """Absent or no PEM: the configuration is at fault, exit 2, with the file's name."""
    bundle = tmp_path / "corp.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(UsageRefused, match=r"remote.ca_bundle: .*corp\.pem cannot be read as PEM"):
        trust(Remote(url="https://api.partner.microsoft.com", ca_bundle=bundle))
