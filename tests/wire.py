"""A Sandbox as an httpx transport without sockets: requests in, the sandbox's meetings acted out on the running loop.

Only `asyncio.sleep` and `loop.call_later` are used, so that it lives under virtual time as well.
"""

from __future__ import annotations

import asyncio

import httpx

from syncjob.sandbox.service import Request, Sandbox


class SandboxWire(httpx.AsyncBaseTransport):
    """Carries every request, whatever its host, to one sandbox; honours the read timeout of the request."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The sandbox's answer; raises httpx.ReadError when it cuts, httpx.ReadTimeout when it is too slow."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.url.query.decode("ascii")
        meeting = self.sandbox.meet(Request(request.method, request.url.path, query, headers, await request.aread()))
        if meeting.later is not None:
            asyncio.get_running_loop().call_later(meeting.later.delay_s, meeting.later.act)
        timeout_s = request.extensions.get("timeout", {}).get("read")
        if timeout_s is not None and meeting.delay_s > timeout_s:
            await asyncio.sleep(timeout_s)
            raise httpx.ReadTimeout("the sandbox is slow", request=request)
        if meeting.delay_s:
            await asyncio.sleep(meeting.delay_s)
        if meeting.reply is None:
            raise httpx.ReadError("the sandbox cut the connection", request=request)
        reply = meeting.reply
        body = httpx.ByteStream(reply.body)
        return httpx.Response(reply.status, headers=list(reply.headers), stream=body, request=request)
