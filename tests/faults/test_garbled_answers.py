"""Answers that the Referrals API cannot have meant are neither success nor failure: the referral is read."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import guid
from kit import HTML, Night, Scene, page, referrals, rows_of
from raw import CLOSE, Part, http, listening, of_sandbox

from syncjob.errors import Exit
from syncjob.sandbox.messages import Request

Bending = Callable[[bytes], list[Part]]


def _body(whole: bytes) -> bytes:
    return whole.partition(b"\r\n\r\n")[2]


def _with(whole: bytes, **values: str) -> bytes:
    """The referral with other values, written as they stand."""
    body = json.loads(_body(whole))
    text = json.dumps(body | dict.fromkeys(values, "@"))
    for name, value in values.items():
        text = text.replace(f'"{name}": "@"', f'"{name}": {value}', 1)
    return http(200, text.encode())


def _twice(whole: bytes) -> bytes:
    body = _body(whole)
    return http(200, b'{"name":"a",' + body[1:])


BENT: dict[str, Bending] = {
    "cut in its head": lambda whole: [whole[:20], CLOSE],
    "cut in its body": lambda whole: [whole[:-9], CLOSE],
    "nothing at all": lambda _: [CLOSE],
    "no http": lambda _: [b"SSH-2.0-OpenSSH_9.6\r\n", CLOSE],
    "a length that is too long": lambda whole: [_relabelled(whole, 5), CLOSE],
    "a length that is too short": lambda whole: [_relabelled(whole, -5), CLOSE],
    "a length that is none": lambda whole: [whole.replace(b"content-length: ", b"content-length: x"), CLOSE],
    "html": lambda _: [http(200, HTML.encode(), content_type="text/html; charset=utf-8")],
    "html called json": lambda _: [http(200, HTML.encode())],
    "empty": lambda _: [http(200)],
    "no kind and no sense": lambda _: [http(200, b"\xff\xfe\x00", content_type="")],
    "compressed": lambda whole: [http(200, gzip.compress(_body(whole)), content_encoding="gzip")],
    "compressed badly": lambda whole: [http(200, _body(whole), content_encoding="gzip")],
    "another referral": lambda whole: [_with(whole, id=f'"{guid(2)}"')],
    "no id": lambda whole: [_with(whole, id="null")],
    "a list": lambda whole: [http(200, b"[" + _body(whole) + b"]")],
    "null": lambda _: [http(200, b"null")],
    "NaN": lambda whole: [_with(whole, salesStage="NaN")],
    "Infinity": lambda whole: [_with(whole, salesStage="-Infinity")],
    "a name twice": lambda whole: [_twice(whole)],
    "a number without end": lambda whole: [_with(whole, salesStage="9" * 6000)],
    "nested without end": lambda _: [http(200, b'{"a":' * 100_000)],
    "no utf-8": lambda whole: [http(200, _body(whole).replace(b"Fabrikam", b"\xc3\x28"))],
}


def _relabelled(whole: bytes, more: int) -> bytes:
    length = len(_body(whole))
    return whole.replace(f"content-length: {length}".encode(), f"content-length: {length + more}".encode())


async def _night(scene: Scene, bend: Bending, when: Callable[[Request], bool]) -> Night:
    answer = of_sandbox(scene.sandbox)

    def bent(request: Request) -> list[Part]:
        whole = answer(request)
        return bend(whole) if when(request) else [whole]

    async with listening(bent) as raw:
        scene.url = raw.url
        return await scene.real(rows_of(1))


@pytest.mark.parametrize("shape", BENT)
def test_a_garbled_answer_to_a_patch_is_read_back(tmp_path: Path, shape: str) -> None:
    """The PATCH landed: one look shows it, so the row is applied by what was read, after a single write."""
    scene = Scene(tmp_path, referrals(2))
    night = asyncio.run(_night(scene, BENT[shape], lambda request: request.method == "PATCH"))
    assert (night.code, night.causes) == (Exit.OK, ["read_back"])
    assert scene.writes() == 1
    assert scene.methods["PATCH"] == 1


@pytest.mark.parametrize("shape", BENT)
def test_a_garbled_answer_to_a_read_is_asked_again(tmp_path: Path, shape: str) -> None:
    """The first GET is garbled, the second is not: the row goes as if nothing had been."""
    scene = Scene(tmp_path, referrals(2))
    night = asyncio.run(_night(scene, BENT[shape], lambda _: len(scene.sandbox.records) == 1))
    assert (night.code, night.causes) == (Exit.OK, ["confirmed"])
    assert scene.methods == {"GET": 2, "PATCH": 1}


@pytest.mark.parametrize("shape", ["html", "empty", "another referral", "NaN", "cut in its body"])
def test_a_remote_that_only_garbles_is_unavailable(tmp_path: Path, shape: str) -> None:
    """Every answer is garbled: deferred with exit 7, in words that say what came; nothing was sent."""
    scene = Scene(tmp_path, referrals(2))
    night = asyncio.run(_night(scene, BENT[shape], lambda _: True))
    assert (night.code, night.outcomes) == (Exit.REMOTE, ["deferred"])
    assert "the remote gave no answer" in night.reasons
    assert scene.methods["PATCH"] == 0


def test_an_amount_beyond_all_floats_is_not_taken_for_ours(tmp_path: Path) -> None:
    """1e400 is a number, but not the one that was asked: accepted and altered, not applied."""
    scene = Scene(tmp_path, referrals(1))

    def bend(whole: bytes) -> list[Part]:
        body = json.loads(_body(whole))
        text = json.dumps(body | {"details": {**body["details"], "dealValue": "@"}}).replace('"@"', "1e400")
        return [http(200, text.encode())]

    answer = of_sandbox(scene.sandbox)

    async def story() -> Night:
        async with listening(
            lambda request: bend(answer(request)) if request.method == "PATCH" else [answer(request)]
        ) as raw:
            scene.url = raw.url
            scene.sections = {"defaults": {"currency": "EUR"}}
            return await scene.real(rows_of(1, Amount="500"))

    night = asyncio.run(story())
    assert (night.code, night.causes) == (Exit.NEEDS_PERSON, ["accepted_altered"])


def test_an_amount_beyond_all_floats_at_the_remote_is_only_a_difference(tmp_path: Path) -> None:
    """1e400 observed: the row's amount replaces it; nothing breaks on the way."""
    scene = Scene(tmp_path, referrals(1), sections={"defaults": {"currency": "EUR"}})
    body: dict[str, Any] = dict(scene.sandbox.store.get(guid(1)))
    text = json.dumps(body | {"details": {**body["details"], "dealValue": "@"}}).replace('"@"', "1e400")
    scene.wire.instead = lambda request: page(200, text.encode()) if request.method == "GET" else None
    night = scene.night(rows_of(1, Amount="500"))
    assert (night.code, night.causes) == (Exit.OK, ["confirmed"])


@pytest.mark.parametrize("digits", ["1e400", "1e99999999999999999999", "-1E+99999999999999999999", "1e-400"])
@pytest.mark.parametrize("reads_max", [0, 9])
def test_a_number_that_nobody_can_mean_stops_no_plan(tmp_path: Path, digits: str, reads_max: int) -> None:
    """In a field that no row names, in a listing or a referral read by id: the row goes, exactly as asked."""
    scene = Scene(tmp_path, referrals(2), limits={"reads_max": reads_max})

    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if request.method != "GET":
            return None
        text = json.dumps(scene.sandbox.store.get(guid(1)) | {"novelty": [{"deep": "@"}], "registrationStatus": "@"})
        one = text.replace('"@"', digits).encode()
        return page(200, one if request.url.path.endswith(guid(1)) else b'{"value": [%s]}' % one)

    scene.wire.after = after
    night = scene.night(rows_of(1))
    assert (night.code, night.causes) == (Exit.OK, ["confirmed"])
