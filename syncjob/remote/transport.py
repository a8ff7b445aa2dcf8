"""One connection: a request goes out, an `Answer` comes back, whatever happens on the way; it never tries again.

Each connection is an httpx client of its own with a pool of one. A client shared by many workers collapses:
its pool scans every connection at each request. All share one SSL context, which costs 50 ms to build.

What counts as heard. Only a failed connect is *unsent*: after that some byte may have left, so a timeout, a
reset, an answer that is cut, too large, compressed against our wish, not JSON, or that a gateway or a captive
portal wrote in HTML, is *lost*: nobody knows what the remote did. httpx's own timeouts run per chunk, hence one
bound around the whole exchange.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from syncjob import __version__
from syncjob.model import Answer, Heard
from syncjob.remote.auth import Bearer, Credential
from syncjob.remote.decoding import strictly
from syncjob.settings import Limits, Remote

ANSWER_BYTES_MAX = 5 * 1024 * 1024
TELLING = ("resourceModified", "insufficent_claims", "insufficient_claims", "900421")
GATEWAYS_MAY_SAY = (401, 403, 408, 412, 423, 425, 428, 429, 499)
CLIENT_ERRORS = range(400, 500)
LOCATION = "location"


def within(app: Any) -> httpx.AsyncBaseTransport:
    """Give a network that ends in this process: an ASGI application answers, and nothing leaves."""
    return httpx.ASGITransport(app=app)


class Connection:
    """One connection to the remote, for the methods named and no other."""

    def __init__(
        self,
        remote: Remote,
        limits: Limits,
        *,
        methods: Sequence[str],
        credential: Credential,
        tls: ssl.SSLContext | None,
        now: Callable[[], datetime],
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`wire` replaces the network in simulations; `tls` is None for plain http on loopback."""
        url = httpx.URL(remote.url)
        self.methods = tuple(methods)
        self._url, self._now, self._answer_s = url, now, limits.answer_s
        self.bearer = Bearer(credential, url)
        self._client = httpx.AsyncClient(
            auth=self.bearer,
            verify=tls if tls is not None else False,  # plain http has nothing to verify; https brings tls
            timeout=httpx.Timeout(limits.answer_s, connect=limits.connect_s),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": f"syncjob/{__version__}",
            },
            follow_redirects=False,
            trust_env=remote.proxy == "env" and wire is None,
            proxy=None if remote.proxy == "env" or wire is not None else remote.proxy,
            transport=wire,
            event_hooks={"response": [_unfollowed]},
        )

    async def send(
        self,
        method: str,
        below: str = "",
        *,
        query: str = "",
        headers: Mapping[str, str],
        body: bytes | None = None,
        decode: Callable[[bytes], Any] = strictly,
    ) -> Answer:
        """Send one request to the referrals (or one `/id` below them) and say what was heard.

        `decode` reads the answer's JSON, and gives None where it is none.
        """
        assert method in self.methods, f"this connection cannot send {method}"
        await self.bearer.fresh()
        url = self._url.copy_with(path=self._url.path + below, query=query.encode() or None)
        try:
            async with (
                asyncio.timeout(self._answer_s),
                self._client.stream(method, url, headers=dict(headers), content=body) as response,
            ):
                return self._answer(method, response, await _bounded(response), decode)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Answer(Heard.UNSENT, note=f"no connection to {url.host}: {error or type(error).__name__}")
        except TimeoutError:
            return Answer(Heard.LOST, note=f"no whole answer from {url.host} within {self._answer_s:g} s")
        except (httpx.TransportError, ssl.SSLError, _Undecodable) as error:
            return Answer(Heard.LOST, note=f"the answer of {url.host} was lost: {error or type(error).__name__}")

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    def _answer(self, method: str, response: httpx.Response, content: bytes, decode: Callable[[bytes], Any]) -> Answer:
        status, kind = response.status_code, response.headers.get("content-type", "")
        body = decode(content) if "json" in kind or not kind else None
        if body is None and (httpx.codes.is_success(status) and (content or method == "GET")):
            raise _Undecodable(f"it is not the Referrals API's ({kind or 'no content type'}, status {status})")
        if content and body is None and status in CLIENT_ERRORS and status not in GATEWAYS_MAY_SAY:
            raise _Undecodable(f"a gateway wrote it, not the Referrals API ({kind}, status {status})")
        code, message = _error(body) if not httpx.codes.is_success(status) else ("", "")
        return Answer(
            Heard.ANSWERED,
            status=status,
            body=body,
            code=code,
            message=message,
            note=_redirect(response),
            request_id=response.headers.get("request-id", "")[:100],
            retry_after_s=self._retry_after(response.headers.get("retry-after", "")),
            date=_date(response.headers.get("date", "")),
        )

    def _retry_after(self, said: str) -> float | None:
        """Seconds to wait (RFC 9110, 10.2.3: seconds or a date); None for what cannot be meant."""
        try:
            wait_s = (
                float(int(said)) if said.isdecimal() else (parsedate_to_datetime(said) - self._now()).total_seconds()
            )
        except (ValueError, TypeError, OverflowError):
            return None
        return wait_s if wait_s >= 0 else None


def _date(said: str) -> datetime | None:
    """Read the server's moment (RFC 9110, 6.6.1); None for what is none."""
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo is not None else None


class _Undecodable(Exception):
    """An answer came that the Referrals API cannot have meant."""


async def _bounded(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _Undecodable("it is compressed, which was not asked for")
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise _Undecodable(f"it is larger than {ANSWER_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _error(body: Any) -> tuple[str, str]:
    """Give code and message of the four error shapes; of nested codes one that decides, else the outer."""
    error = body.get("error", body) if isinstance(body, dict) else {}
    codes, message, depth = [], "", 0
    while isinstance(error, dict) and depth < len(TELLING) + 2:
        codes.append(str(error.get("code") or ""))
        message = message or str(error.get("message") or error.get("description") or "")
        error = error.get("innerError") or error.get("innererror")
        depth += 1
    return next((code for code in codes if code in TELLING), codes[0] if codes else ""), message[:1000]


async def _unfollowed(response: httpx.Response) -> None:
    """Take the Location away: httpx would make the next request of it, if only to keep, and stumble over an odd one."""
    if response.has_redirect_location:
        response.extensions[LOCATION] = response.headers.pop("location")


def _redirect(response: httpx.Response) -> str:
    if LOCATION not in response.extensions:
        return ""
    try:
        host = httpx.URL(response.extensions[LOCATION]).host or "itself"
    except httpx.InvalidURL:
        host = "nowhere"
    return f"unexpected redirect to {host[:100]}; it is not followed"
