"""Other hosts: whoever points elsewhere, by redirect or by link, the token and the patch do not go there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from kit import Night, Scene, referrals, rows_of
from raw import Part, Raw, http, listening, of_sandbox

from syncjob.errors import Exit
from syncjob.sandbox.messages import Request

Bend = Callable[[str, Request, bytes], bytes]


def _night(scene: Scene, bend: Bend, rows: int = 2) -> tuple[Night, Raw, Raw]:
    """A night against a sandbox whose answers are bent by one who knows the stranger's address."""
    scene.remote["auth"] = {"token_env": "TOKEN"}
    scene.environ["TOKEN"] = "secret"
    answer = of_sandbox(scene.sandbox)

    async def story() -> tuple[Night, Raw, Raw]:
        async with listening(lambda _: [http(200, b"{}")]) as stranger:
            elsewhere = stranger.url.replace("127.0.0.1", "localhost")

            def bent(request: Request) -> Sequence[Part]:
                return [bend(elsewhere, request, answer(request))]

            async with listening(bent) as raw:
                scene.url = raw.url
                return await scene.real(rows_of(*range(1, rows + 1))), raw, stranger

    return asyncio.run(story())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_redirect_is_not_followed(tmp_path: Path, status: int, method: str) -> None:
    """Exit 1 in words that name the host; the stranger hears not one request."""
    scene = Scene(tmp_path, referrals(2), limits={"concurrency": 1})

    def bend(elsewhere: str, request: Request, whole: bytes) -> bytes:
        return http(status, b"", location=f"{elsewhere}/steal") if request.method == method else whole

    night, raw, stranger = _night(scene, bend)
    assert (night.code, set(night.causes)) == (Exit.BROKEN, {"broken"})
    assert "unexpected redirect to localhost; it is not followed" in night.reasons
    assert stranger.heard == []
    assert sum(request.method == method for request in raw.heard) == 1


@pytest.mark.parametrize("location", ["/v1.0/elsewhere", "http://[", "http://a:b", "//", "mailto:x", ""])
def test_any_redirect_is_one_too_many(tmp_path: Path, location: str) -> None:
    """To itself, to nowhere, without a place: exit 1 as well."""
    scene = Scene(tmp_path, referrals(1))
    night, _, stranger = _night(scene, lambda *_: http(302, b"", location=location), rows=1)
    assert (night.code, night.causes) == (Exit.BROKEN, ["broken"])
    assert stranger.heard == []


@pytest.mark.parametrize(
    "shape",
    [
        "{}/v1.0/referrals?$skip=0",
        "http://api.partner.microsoft.com/v1.0/referrals?$skip=0",
        "//evil.example?$skip=0",
        "http://127.0.0.1:1@evil.example/?$skip=0",
    ],
)
def test_of_a_next_link_only_its_query_is_used(tmp_path: Path, shape: str) -> None:
    """Another host, plain http, another path: the next page is asked of the remote, and nobody else sees the token."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0})
    pages: list[str] = []

    def bend(elsewhere: str, request: Request, whole: bytes) -> bytes:
        if not request.path.endswith("/referrals"):
            return whole
        pages.append(request.query)
        if len(pages) > 1:
            return whole
        return http(200, b'{"value":[],"@odata.nextLink":"%s"}' % shape.replace("{}", elsewhere).encode())

    night, raw, stranger = _night(scene, bend)
    assert (night.code, night.outcomes) == (Exit.OK, ["applied"] * 2)
    assert pages[1] == "$skip=0"
    assert stranger.heard == []
    assert all(request.headers["authorization"] == "Bearer secret" for request in raw.heard)
    assert all(request.path.startswith("/v1.0/engagements/referrals") for request in raw.heard)


def test_a_next_link_that_comes_twice_ends_the_run(tmp_path: Path) -> None:
    """The remote walks in circles: exit 1, every row deferred, after two pages."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0})
    body = b'{"value":[],"@odata.nextLink":"http://x/?$skiptoken=2"}'
    night, raw, _ = _night(scene, lambda *_: http(200, body))
    assert (night.code, set(night.causes)) == (Exit.BROKEN, {"broken"})
    assert "walks in circles" in night.reasons
    assert len(raw.heard) == 2


def test_pages_without_end_are_bounded(tmp_path: Path) -> None:
    """Every page has another link: exit 1 at limits.pages_max."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0, "pages_max": 5})
    asked: list[Any] = []

    def bend(_: str, request: Request, __: bytes) -> bytes:
        asked.append(request)
        return http(200, b'{"value":[],"@odata.nextLink":"http://x/?$skiptoken=%d"}' % len(asked))

    night, _, _ = _night(scene, bend)
    assert (night.code, set(night.causes)) == (Exit.BROKEN, {"broken"})
    assert "more than 5 pages (limits.pages_max)" in night.reasons
    assert len(asked) == 6


def test_pages_that_repeat_referrals_are_read_once(tmp_path: Path) -> None:
    """An item that comes on two pages, because somebody created one between them, is one referral."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": 0})
    asked: list[Any] = []

    def bend(_: str, request: Request, whole: bytes) -> bytes:
        if not request.path.endswith("/referrals"):
            return whole
        asked.append(request)
        body = whole.partition(b"\r\n\r\n")[2]
        link = b"" if len(asked) > 1 else b',"@odata.nextLink":"http://x/?$skip=0"'
        return http(200, body[:-1] + link + b"}")

    night, _, _ = _night(scene, bend)
    assert night.outcomes == ["applied"] * 2
    assert (len(asked), scene.writes()) == (2, 2)
