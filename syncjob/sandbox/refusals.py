"""What the API refuses: a status, a code and a sentence in; an exception carrying the documented error body out."""

from __future__ import annotations

import json
from typing import Any

INVALID = "invalidRequest"


class RefusedError(Exception):
    """The API says no: `status` is the HTTP status, `body` the documented `{"error": …}` as JSON bytes."""

    def __init__(self, status: int, code: str, message: str, *, target: str = "referral", inner: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        inner = {"code": code, "message": message} if inner is None else inner
        error = {"code": code, "message": message, "target": target, "innerError": inner}
        self.body = json.dumps({"error": error}).encode()


def invalid(message: str, *, target: str = "referral") -> RefusedError:
    """400 invalidRequest: the request breaks a written rule."""
    return RefusedError(400, INVALID, message, target=target)


def not_found(referral_id: str) -> RefusedError:
    """404 itemNotFound: no referral has this id."""
    return RefusedError(404, "itemNotFound", f"Referral {referral_id} was not found.")


def closed() -> RefusedError:
    """409: a closed referral takes no patch; no source says which code, so it is one that no client may retry."""
    inner = {"code": "referralClosed", "message": "Status Closed is terminal"}
    return RefusedError(409, INVALID, "The referral is closed and cannot be changed.", target="status", inner=inner)


def precondition_failed() -> RefusedError:
    """412 in the words and with the inner code that clients of the service have published."""
    inner = {
        "code": "99918",
        "message": "One of the specified pre-condition is not met. Etag value did not Match",
        "details": None,
    }
    message = (
        "A precondition provided in the request (such as an if-match header) does not match "
        "the resource's current state."
    )
    return RefusedError(412, "preconditionFailed", message, target="ETag", inner=inner)


def locked() -> RefusedError:
    """423: documented as a status, without a word on its body."""
    return RefusedError(423, "generalException", "The referral is locked.", target="referral")


def unauthenticated(code: str = "unauthenticated") -> RefusedError:
    """401: no bearer token came along, or one that opens nothing; 900421 for one without a multi-factor sign-in."""
    return RefusedError(401, code, "The caller is not authenticated.", target="caller")


def not_allowed(method: str) -> RefusedError:
    """405: the resource is there, the method is not."""
    return RefusedError(405, INVALID, f"Method {method} is not allowed here.", target="method")


def not_json_content() -> RefusedError:
    """415: a PATCH travels as application/json and as nothing else."""
    return RefusedError(415, INVALID, "Content-Type must be application/json.", target="Content-Type")
