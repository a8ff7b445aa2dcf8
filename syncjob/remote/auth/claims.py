"""What a token says of itself: a JWT (RFC 7519) in, its claims out, unverified; they are held against what is pinned.

The remote verifies a token; we only look whether it is the one that was meant.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from syncjob.errors import SignInNeeded

JWT_PARTS = 3
USERS = ("upn", "preferred_username", "unique_name", "oid", "sub")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def claims_of(token: str | None) -> Mapping[str, Any]:
    """Read what a token says of itself; nothing where it is opaque."""
    parts = (token or "").split(".")
    if len(parts) != JWT_PARTS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def user_of(claims: Mapping[str, Any]) -> str:
    """Give the user whom a token was given to, by the first claim that says it."""
    return next((str(claims[name]) for name in USERS if claims.get(name)), "")


def multi_factor(claims: Mapping[str, Any]) -> bool | None:
    """Tell whether the sign-in was by several factors (`amr`, RFC 8176); None where the token does not say."""
    methods = claims.get("amr")
    return "mfa" in methods if isinstance(methods, list) else None


class Pinned(Struct, frozen=True):
    """Whose token is meant, as far as the configuration pins it: a tenant by its id, a user by name or id."""

    tenant: str | None = None
    user: str | None = None

    def check(self, claims: Mapping[str, Any]) -> None:
        """Refuse a token of another tenant or user; what it does not say cannot be held against it."""
        tenant = str(claims.get("tid") or "").lower()
        pinned = (self.tenant or "").lower()
        if tenant and GUID.fullmatch(pinned) and tenant != pinned:
            raise SignInNeeded(
                f"the token is of tenant {tenant}, and remote.tenant is {pinned}: sign in there, or mend remote.tenant"
            )
        users = {str(claims[name]).casefold() for name in USERS if claims.get(name)}
        if users and self.user and self.user.casefold() not in users:
            raise SignInNeeded(
                "the token is somebody else's than remote.auth.user: sign in as that user (syncjob login), or mend it"
            )
