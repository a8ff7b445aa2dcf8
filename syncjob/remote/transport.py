"""One connection: a request goes out, an `Answer` comes back, whatever happens on the way; it never tries again.

What counts as heard. Only where no connection came about is a request *unsent*: after that some byte may have left, so
a timeout, a reset, an answer that is cut, too large, compressed against our wish, not JSON, or that a gateway or a
captive portal wrote in HTML, is *lost*: nobody knows what the remote did. Timeouts of sockets run per chunk, hence one
bound around the whole exchange.

Straight to the remote it goes by `direct`, through a proxy or into a simulation by `roundabout`. All connections share
one SSL context, which costs 50 ms to build.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from syncjob import __version__
from syncjob.model import Answer, Heard
from syncjob.remote.auth import Bearer, Credential
from syncjob.remote.decoding import strictly
from syncjob.remote.wire import Lost, Reply, Unsent, Wire
from syncjob.settings import Limits, Remote

TELLING = ("resourceModified", "insufficent_claims", "insufficient_claims", "900421")
GATEWAYS_MAY_SAY = (401, 403, 408, 412, 423, 425, 428, 429, 499)
SUCCESS, REDIRECTS, CLIENT_ERRORS = range(200, 300), range(300, 400), range(400, 500)
IN_A_QUERY = "!$&'()*+,;=:@/?%-._~"  # RFC 3986, 3.4, and what is escaped already
ASKING = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": f"syncjob/{__version__}",
}


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
        network: Any = None,
    ) -> None:
        """`network` replaces the real one in simulations; `tls` is None for plain http on loopback."""
        self.methods = tuple(methods)
        self._url, self._host = remote.url, urlsplit(remote.url).hostname
        self._now, self._answer_s = now, limits.answer_s
        self.bearer = Bearer(credential, remote.url)
        self._wire = _wire(remote, limits, tls, network)

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
        url = f"{self._url}{below}{f'?{quote(query, safe=IN_A_QUERY)}' if query else ''}"
        try:
            async with asyncio.timeout(self._answer_s):
                signed = await self.bearer.signed(url, ASKING | dict(headers))
                return self._answer(method, await self._wire.send(method, url, signed, body), decode)
        except Unsent as error:
            return Answer(Heard.UNSENT, note=f"no connection to {self._host}: {error}")
        except TimeoutError:
            return Answer(Heard.LOST, note=f"no whole answer from {self._host} within {self._answer_s:g} s")
        except Lost as error:
            return Answer(Heard.LOST, note=f"the answer of {self._host} was lost: {error}")

    async def close(self) -> None:
        """Close the connection."""
        await self._wire.close()

    def _answer(self, method: str, reply: Reply, decode: Callable[[bytes], Any]) -> Answer:
        status, content, kind = reply.status, reply.content, reply.headers.get("content-type", "")
        body = decode(content) if "json" in kind or not kind else None
        if body is None and (status in SUCCESS and (content or method == "GET")):
            raise Lost(f"it is not the Referrals API's ({kind or 'no content type'}, status {status})")
        if content and body is None and status in CLIENT_ERRORS and status not in GATEWAYS_MAY_SAY:
            raise Lost(f"a gateway wrote it, not the Referrals API ({kind}, status {status})")
        code, message = _error(body) if status not in SUCCESS else ("", "")
        return Answer(
            Heard.ANSWERED,
            status=status,
            body=body,
            code=code,
            message=message,
            note=_redirect(reply),
            request_id=reply.headers.get("request-id", "")[:100],
            retry_after_s=self._retry_after(reply.headers.get("retry-after", "")),
            date=_date(reply.headers.get("date", "")),
        )

    def _retry_after(self, said: str) -> float | None:
        """Seconds to wait (RFC 9110, 10.2.3: seconds or a date); None for what cannot be meant."""
        if not said:
            return None
        try:
            wait_s = (
                float(int(said)) if said.isdecimal() else (parsedate_to_datetime(said) - self._now()).total_seconds()
            )
        except (ValueError, TypeError, OverflowError):
            return None
        return wait_s if wait_s >= 0 else None


@lru_cache(maxsize=16)  # many answers come in one second
def _date(said: str) -> datetime | None:
    """Read the server's moment (RFC 9110, 6.6.1); None for what is none."""
    if not said:
        return None
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo is not None else None


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


def _redirect(reply: Reply) -> str:
    """Say where a redirect leads, which is not followed."""
    if reply.status not in REDIRECTS or "location" not in reply.headers:
        return ""
    try:
        host = urlsplit(reply.headers["location"]).hostname or "itself"
    except ValueError:
        host = "nowhere"
    return f"unexpected redirect to {host[:100]}; it is not followed"


def _wire(remote: Remote, limits: Limits, tls: ssl.SSLContext | None, network: Any) -> Wire:
    """Take the way that there is; the other one's library is not even read."""
    if remote.proxy is None and network is None:
        from syncjob.remote.direct import Direct

        return Direct(tls=tls, connect_s=limits.connect_s)
    from syncjob.remote.roundabout import Roundabout

    return Roundabout(
        tls=tls, connect_s=limits.connect_s, answer_s=limits.answer_s, proxy=remote.proxy, network=network
    )
