"""The sandbox as an ASGI application: HTTP in, a Meeting acted out: waits, answers, cut connections, late writes.

A connection is cut through the scope extension `sandbox.cut`, which the server of this package offers; under a server
without it the application raises ConnectionAbortedError, which ends the request without an answer where it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from syncjob.sandbox.messages import Reply, Request
from syncjob.sandbox.service import Sandbox

CUT = "sandbox.cut"


def create_app(sandbox: Sandbox) -> Starlette:
    """A Starlette application that serves a sandbox at its root."""
    return Starlette(routes=[Mount("/", app=_endpoint(sandbox))])


def _endpoint(sandbox: Sandbox) -> ASGIApp:
    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await _read(scope, receive)
        except ClientDisconnect:  # half a request is none
            return
        meeting = sandbox.meet(request)
        if meeting.later is not None:
            asyncio.get_running_loop().call_later(meeting.later.delay_s, meeting.later.act)
        if meeting.delay_s:
            await asyncio.sleep(meeting.delay_s)
        if meeting.reply is None:
            await _cut(scope, receive)
        else:
            await _response(meeting.reply)(scope, receive, send)

    return respond


async def _read(scope: Scope, receive: Receive) -> Request:
    http = HttpRequest(scope, receive)
    headers = {name.lower(): value for name, value in http.headers.items()}
    path = unquote(scope["raw_path"].decode("ascii")) if scope.get("raw_path") else scope["path"]
    return Request(http.method, path, scope["query_string"].decode("ascii"), headers, await http.body())


def _response(reply: Reply) -> Response:
    """`raw_headers` is set by hand: Starlette would add a content length to a 204 and spell the names anew."""
    response = Response(reply.body, reply.status)
    response.raw_headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in reply.headers]
    if reply.body:
        response.raw_headers.append((b"content-length", str(len(reply.body)).encode()))
    return response


async def _cut(scope: Scope, receive: Receive) -> None:
    cut: Callable[[], None] | None = scope.get("extensions", {}).get(CUT)
    if cut is None:
        raise ConnectionAbortedError("the sandbox cuts this connection")
    cut()
    while (await receive())["type"] != "http.disconnect":
        pass
