"""The answers of the API and of the machines before it: what happened in, status, headers and body out."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from syncjob.sandbox.messages import Reply
from syncjob.sandbox.refusals import RefusedError

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
GATEWAY_STATUSES = (408, 500, 502, 504, 520)


def answer(status: int, body: bytes, request_id: str, *, content_type: str = JSON, retry_after: str = "") -> Reply:
    """An answer with the headers that every answer has; without a body there is no content type."""
    headers = [("Request-ID", request_id)]
    if body:
        headers.append(("Content-Type", content_type))
    if retry_after:
        headers.append(("Retry-After", retry_after))
    return Reply(status, tuple(headers), body)


def refused(refusal: RefusedError, request_id: str) -> Reply:
    """The documented error body."""
    return answer(refusal.status, refusal.body, request_id)


def throttled(request_id: str, *, wait_s: int) -> Reply:
    """429 in the documented words: not the shape of the other errors."""
    message = f"Rate limit is exceeded. Try again in {wait_s} seconds."
    return answer(429, _json({"statusCode": 429, "message": message}), request_id, retry_after=str(wait_s))


def unavailable(request_id: str, random: Random) -> Reply:
    """503; half of the time it says how long to wait."""
    refusal = RefusedError(503, "serviceNotAvailable", "The service is not available.", target="service")
    retry_after = str(random.choice((1, 2, 5))) if random.random() < 0.5 else ""  # noqa: PLR2004 - half
    return answer(503, refusal.body, request_id, retry_after=retry_after)


def gateway(request_id: str, random: Random) -> Reply:
    """The page of a machine in between, which knows nothing of the API's error bodies."""
    status = random.choice(GATEWAY_STATUSES)
    page = f"<html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>"
    return answer(status, page.encode(), request_id, content_type=HTML)


def garbled(reply: Reply, stranger: bytes, random: Random) -> Reply:
    """The answer with its body cut, replaced by HTML, or by JSON of something else (`stranger`: another referral)."""
    status = reply.status if reply.body else 200
    request_id = reply.headers[0][1]
    page = b"<!DOCTYPE html><html><body>Sign in to the network</body></html>"
    kind = random.choice(("cut", "html", "json"))
    if kind == "cut" and reply.body:
        return Reply(status, reply.headers, reply.body[: random.randrange(len(reply.body))])
    if kind == "json":
        return answer(status, random.choice((b"null", b"[]", b"{}", b'"OK"', stranger)), request_id)
    return answer(status, page, request_id, content_type=HTML)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
