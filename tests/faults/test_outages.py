"""The remote is gone, at the start or in the middle: rows are deferred, and running again is safe."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import guid
from kit import HTML, Night, Scene, page, referrals, refusal, rows_of
from proxy import between
from raw import http, listening

from syncjob.errors import Exit
from syncjob.sandbox import server

pytestmark = pytest.mark.long

Bend = Callable[[httpx.Request], httpx.Response | None]


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _from(first: int, bend: Bend) -> Bend:
    """Bend every request from the first-th PATCH on."""
    patches = 0

    def instead(request: httpx.Request) -> httpx.Response | None:
        nonlocal patches
        patches += request.method == "PATCH"
        return bend(request) if patches >= first else None

    return instead


def _raising(error: Exception) -> Bend:
    def bend(_: httpx.Request) -> httpx.Response | None:
        raise error

    return bend


def _cut_off(scene: Scene, rows: int, first: int, bend: Bend) -> Night:
    return scene.night(rows_of(*range(1, rows + 1)), between=lambda: setattr(scene.wire, "instead", _from(first, bend)))


def test_a_port_that_nobody_listens_on_defers_every_row(tmp_path: Path) -> None:
    """Refused at the start: exit 7, every row deferred, the reason names the host."""
    scene = Scene(tmp_path, url=f"http://127.0.0.1:{_closed_port()}")
    night = scene.real_night(rows_of(1, 2, 3))
    assert night.code is Exit.REMOTE
    assert set(night.outcomes) == {"deferred"}
    assert "no connection to 127.0.0.1" in night.reasons


def test_a_name_that_nobody_knows_defers_every_row(tmp_path: Path) -> None:
    """DNS gives no address: exit 7; the token has gone nowhere, because there is nowhere to go."""
    remote = {"auth": {"token_env": "TOKEN"}, "other_host": True}
    scene = Scene(tmp_path, url="https://nowhere.invalid", remote=remote, environ={"TOKEN": "secret"})
    night = scene.real_night(rows_of(1))
    assert night.code is Exit.REMOTE
    assert night.outcomes == ["deferred"]
    assert "no connection to nowhere.invalid" in night.reasons


def test_a_host_that_hangs_up_at_once_defers_every_row(tmp_path: Path) -> None:
    """Connections are taken and reset before a byte: exit 7, nothing reached the sandbox."""
    scene = Scene(tmp_path, referrals(2))

    async def story() -> Night:
        with server.running(scene.sandbox) as url:
            async with between(url) as proxy:
                scene.url, proxy.down = proxy.url, True
                return await scene.real(rows_of(1, 2))

    night = asyncio.run(story())
    assert (night.code, set(night.outcomes)) == (Exit.REMOTE, {"deferred"})
    assert scene.sandbox.records == []


def test_what_never_left_is_sent_again(tmp_path: Path) -> None:
    """No connection, twice: nothing left the house, so the row goes at the third try without a look."""
    scene = Scene(tmp_path, referrals(1))
    tries = 0

    def instead(request: httpx.Request) -> httpx.Response | None:
        nonlocal tries
        tries += request.method == "PATCH"
        if request.method == "PATCH" and tries <= 2:
            raise httpx.ConnectError("refused")
        return None

    night = scene.night(rows_of(1), between=lambda: setattr(scene.wire, "instead", instead))
    assert night.causes == ["confirmed"]
    assert night.rows[0].attempts == 3
    assert scene.methods == {"GET": 1, "PATCH": 1}
    assert night.requests == {"GET": 1, "PATCH": 3}


def test_an_outage_in_the_middle_defers_the_rest_and_the_next_night_goes_on(tmp_path: Path) -> None:
    """Nobody answers any more from the fifth patch on: exit 7; once the remote is back the rest is applied, once."""
    scene = Scene(tmp_path, referrals(30), limits={"concurrency": 2, "retries_min": 3, "retries_share": 0})
    night = _cut_off(scene, 30, 5, _raising(httpx.ConnectError("refused")))
    assert night.code is Exit.REMOTE
    assert (night.outcomes.count("applied"), night.outcomes.count("deferred")) == (4, 26)
    scene.wire.instead = None
    again = scene.night(rows_of(*range(1, 31)))
    assert again.code is Exit.OK
    assert (again.outcomes.count("applied"), again.outcomes.count("unchanged")) == (26, 4)
    assert scene.writes() == 30


@pytest.mark.parametrize(
    "bend",
    [_raising(httpx.ReadError("reset")), lambda _: page(503, b""), lambda _: page(200, HTML), lambda _: page(407)],
    ids=["reset", "503", "portal", "407"],
)
def test_an_outage_that_swallows_patches_is_not_amplified(tmp_path: Path, bend: Bend) -> None:
    """Sent and unheard: these few are unsettled, the rest waits for another night, which looks before it sends."""
    scene = Scene(tmp_path, referrals(60), limits={"concurrency": 2, "retries_min": 4, "retries_share": 0})
    night = _cut_off(scene, 60, 5, bend)
    assert night.code is Exit.REMOTE
    assert set(night.outcomes) == {"applied", "unsettled", "deferred"}
    assert night.outcomes.count("applied") == 4
    assert night.outcomes.count("unsettled") <= 4
    assert len(scene.wire.times()) < 60 + 30
    scene.wire.instead = None
    again = scene.night(rows_of(*range(1, 61)))
    assert again.code is Exit.OK
    assert scene.writes() == 60
    assert len(scene.events.of("intent.settled")) == night.outcomes.count("unsettled")


def test_open_intents_wait_while_nobody_can_look(tmp_path: Path) -> None:
    """The next night finds the remote still gone: what is unsettled stays open, and the night after that looks."""
    scene = Scene(tmp_path, referrals(2), limits={"concurrency": 1, "retries_min": 2, "retries_share": 0})
    _cut_off(scene, 2, 1, _raising(httpx.ReadError("reset")))
    scene.wire.instead = None

    def gone() -> None:
        scene.wire.instead = _from(0, _raising(httpx.ConnectError("refused")))

    night = scene.night(rows_of(1, 2), between=gone)
    assert (night.code, set(night.outcomes)) == (Exit.REMOTE, {"deferred"})
    assert scene.events.of("intent.unread")
    scene.wire.instead = None
    assert scene.night(rows_of(1, 2)).outcomes == ["applied", "applied"]
    assert scene.events.of("intent.settled")


def test_an_open_intent_of_a_referral_that_went_away_is_closed(tmp_path: Path) -> None:
    """Nobody can look at what is gone: the earlier row is mended as unmatched, and not looked at again."""
    scene = Scene(tmp_path, referrals(2), limits={"concurrency": 1, "attempts_max": 1})
    night = _cut_off(scene, 1, 1, _raising(httpx.ReadError("reset")))
    assert night.outcomes == ["unsettled"]
    scene.wire.instead = lambda request: refusal(404) if request.url.path.endswith(guid(1)) else None
    assert scene.night(rows_of(2)).outcomes == ["applied"]
    assert [facts["cause"] for facts in scene.events.of("intent.settled")] == ["not_found"]
    scene.night(rows_of(2))
    assert len(scene.events.of("intent.settled")) == 1


@pytest.mark.parametrize("bend", [lambda _: page(200, HTML), lambda _: page(407, HTML), lambda _: page(511, HTML)])
def test_a_portal_before_the_remote_is_no_partner_center(tmp_path: Path, bend: Bend) -> None:
    """HTML with 200, or a proxy that wants a password: exit 7 in words that say what answered; nothing is sent."""
    scene = Scene(tmp_path, referrals(2))
    scene.wire.instead = bend
    night = scene.night(rows_of(1, 2))
    assert (night.code, set(night.outcomes)) == (Exit.REMOTE, {"deferred"})
    assert "Referrals API" in night.reasons or "status 511" in night.reasons
    assert scene.sandbox.records == []


@pytest.mark.parametrize(
    "body", [{"ok": True}, {"value": [1]}, {"value": [{"name": "no id", "externalReferenceId": "CRM"}]}, [1]]
)
def test_a_listing_that_is_none_says_to_look_at_the_url(tmp_path: Path, body: Any) -> None:
    """JSON without `value`, or with things in it that are no referrals: exit 7, and the address is doubted."""
    scene = Scene(tmp_path, referrals(1), limits={"reads_max": 0})
    scene.wire.instead = lambda _: page(200, body)
    night = scene.night(rows_of(1))
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert "is remote.url the Referrals API?" in night.reasons


@pytest.mark.parametrize("landed", [True, False], ids=["landed", "not landed"])
@pytest.mark.parametrize("status", [407, 408, 425, 499, 500, 502, 503, 504, *range(520, 531)])
def test_a_gateways_word_settles_nothing(tmp_path: Path, status: int, *, landed: bool) -> None:
    """It may have happened or not: the referral is read, then sent once more or not at all. Always one write."""
    scene = Scene(tmp_path, referrals(1))
    told: list[int] = []

    def once(request: httpx.Request) -> bool:
        if request.method != "PATCH" or told:
            return False
        told.append(status)
        return True

    def bend() -> None:
        if landed:
            scene.wire.after = lambda request, _: page(status, HTML) if once(request) else None
        else:
            scene.wire.instead = lambda request: page(status, HTML) if once(request) else None

    night = scene.night(rows_of(1), between=bend)
    assert night.code is Exit.OK
    assert night.causes == ["read_back" if landed else "confirmed"]
    assert night.rows[0].attempts == (1 if landed else 2)
    assert scene.writes() == 1


@pytest.mark.parametrize("status", [400, 404])
def test_a_gateways_refusal_in_html_is_no_refusal_of_the_remote(tmp_path: Path, status: int) -> None:
    """A 404 or 400 page of a machine in between says nothing about the referral: deferred, not unmatched."""
    scene = Scene(tmp_path, referrals(1))
    scene.wire.instead = lambda _: page(status, HTML)
    night = scene.night(rows_of(1))
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert "a gateway wrote it" in night.reasons


def test_an_answer_larger_than_five_megabytes_is_not_read(tmp_path: Path) -> None:
    """The wire sends for ever: reading ends at the limit, and the row is deferred."""
    scene = Scene(tmp_path, limits={"attempts_max": 1})
    chunk = b"x" * 1_000_000

    async def story() -> Night:
        endless = [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", *[chunk] * 40]
        async with listening(lambda _: endless) as raw:
            scene.url = raw.url
            return await scene.real(rows_of(1))

    night = asyncio.run(story())
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert "larger than 5242880 bytes" in night.reasons


def test_a_slow_drip_is_bounded_by_the_whole_time(tmp_path: Path) -> None:
    """A byte now and then keeps every per-chunk timeout content; `answer_s` bounds the whole."""
    scene = Scene(tmp_path, limits={"attempts_max": 1, "answer_s": 0.2})
    drip: list[bytes | float] = [b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"]
    drip += [b" ", 0.01] * 2000

    async def story() -> Night:
        async with listening(lambda _: drip) as raw:
            scene.url = raw.url
            return await asyncio.wait_for(scene.real(rows_of(1)), 10)

    night = asyncio.run(story())
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert "no whole answer from 127.0.0.1 within 0.2 s" in night.reasons


def test_many_short_answers_are_one_connection(tmp_path: Path) -> None:
    """Keep-alive holds: a worker's requests share its connection."""
    scene = Scene(tmp_path, limits={"concurrency": 1})

    async def story() -> int:
        async with listening(lambda _: [http(404, b'{"error":{"code":"itemNotFound"}}')]) as raw:
            scene.url = raw.url
            night = await scene.real(rows_of(1, 2, 3))
            assert set(night.causes) == {"not_found"}
            return raw.connections

    assert asyncio.run(story()) == 1
