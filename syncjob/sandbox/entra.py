"""Microsoft Entra ID, imitated as far as a sign-in needs it: requests to `/TENANT/oauth2/v2.0/…` in, tokens out.

Device code (RFC 8628), authorization code with PKCE (RFC 7636), refresh with rotation, and the refusals that a job
meets at night, each with its AADSTS number. Who opens the page of a code has consented: nobody is asked anything. An
old refresh token stays good, as Entra ID leaves it, unless `single_use` is set.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

from syncjob.sandbox.messages import Reply, Request

TENANT = "5a4d0000-0000-4000-8000-00000000c0de"
USER = "partner.manager@contoso.example"
CODE_LIFE_S = 900
CHANGEABLE = {
    "life_s": 3_600.0,
    "mfa": True,
    "single_use": False,
    "pending": 0,
    "deny": "",
    "user": USER,
    "tenant": TENANT,
}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
#         number   error                 suberror               what Entra ID says
REFUSALS = {
    "50076": (
        "interaction_required",
        "basic_action",
        "You must use multi-factor authentication to access the resource.",
    ),
    "50173": ("invalid_grant", "bad_token", "The provided grant has expired due to it being revoked."),
    "53003": ("interaction_required", "message_only", "Access has been blocked by Conditional Access policies."),
    "65001": (
        "invalid_grant",
        "consent_required",
        "The user or administrator has not consented to use the application.",
    ),
    "70000": ("invalid_grant", "bad_token", "The provided value for the input parameter 'refresh_token' is not valid."),
    "700016": ("unauthorized_client", "", "The application was not found in the directory."),
    "700082": ("invalid_grant", "bad_token", "The refresh token has expired due to inactivity."),
    "7000215": ("invalid_client", "", "Invalid client secret provided."),
    "7000222": ("invalid_client", "", "The provided client secret keys are expired."),
    "90033": ("temporarily_unavailable", "", "A transient error has occurred. Please try again."),
}


OTHER = ("invalid_grant", "", "Refused, as the sandbox was told to.")


class _Refused(Exception):
    """A request that gets no token."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


@dataclass(slots=True)
class Grant:
    """What was consented to: by whom nobody asks; `challenge` and `nonce` come back with the code."""

    client: str
    scope: str
    until: float
    polls: int = 0
    challenge: str = ""
    nonce: str = ""


@dataclass(slots=True)
class Entra:
    """One tenant with one user; what may be set to make it another day is set by name.

    `life_s` is an access token's, `deny` any AADSTS number, with which refreshes are refused, `pending` how often a
    device is told to wait. `seen` keeps what tokens were asked for by, `assertions` what apps have proved themselves
    with (RFC 7523), header and claims; their signatures are not looked at.
    """

    clock: Callable[[], datetime]
    random: Random
    tenant: str = TENANT
    user: str = USER
    life_s: float = 3_600
    mfa: bool = True
    single_use: bool = False
    pending: int = 0
    deny: str = ""
    secret: str = ""
    seen: list[str] = field(default_factory=list)
    assertions: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    grants: dict[str, Grant] = field(default_factory=dict)
    refreshing: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)

    def knows(self, path: str) -> bool:
        """Tell whether a path is one of ours."""
        return "/oauth2/v2.0/" in path or path.endswith("/v2.0/.well-known/openid-configuration")

    def answered(self, request: Request) -> Reply:
        """Answer one request."""
        origin = f"https://{request.headers.get('host', 'localhost')}"
        tenant, _, below = request.path.lstrip("/").partition("/")
        form = dict(parse_qsl((request.body or request.query.encode()).decode("utf-8", "replace")))
        try:
            match request.method, below:
                case "GET", "v2.0/.well-known/openid-configuration":
                    return _json(200, self._described(origin, tenant))
                case "POST", "oauth2/v2.0/devicecode":
                    return _json(200, self._device(origin, form))
                case "GET", "oauth2/v2.0/authorize":
                    return self._consented(form)
                case "POST", "oauth2/v2.0/token":
                    return _json(200, self._tokens(origin, form))
                case _:
                    return _json(404, {"error": "not_found"})
        except _Refused as refused:
            return self._refusal(refused.number)

    def refusal(self, authorization: str) -> str:
        """Say why a bearer token opens nothing: an error code of the API; nothing when it does."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or self.tokens.get(token, 0.0) <= self._now():
            return "unauthenticated"
        return "" if self.mfa else "900421"

    def forget_tokens(self) -> None:
        """Let every access token that was given run out at once."""
        self.tokens.clear()

    def shown(self) -> dict[str, Any]:
        """Tell how the day is, and by which grants tokens were asked for."""
        return {name: getattr(self, name) for name in CHANGEABLE} | {"seen": list(self.seen)}

    def _described(self, origin: str, tenant: str) -> dict[str, str]:
        base = f"{origin}/{tenant}/oauth2/v2.0"
        return {
            "issuer": f"{origin}/{self.tenant}/v2.0",
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "device_authorization_endpoint": f"{base}/devicecode",
        }

    def _device(self, origin: str, form: Mapping[str, str]) -> dict[str, Any]:
        page = f"http://{origin.removeprefix('https://')}/device"  # a person opens it, and there is no TLS
        code, word = self._secret("device"), f"{self.random.randrange(36**8):08X}"[:9]
        client = form.get("client_id", "")
        self.grants[code] = Grant(client, form.get("scope", ""), self._now() + CODE_LIFE_S, self.pending)
        return {
            "device_code": code,
            "user_code": word,
            "verification_uri": page,
            "expires_in": CODE_LIFE_S,
            "interval": 1,
            "message": f"To sign in, open {page} and enter the code {word}.",
        }

    def _consented(self, form: Mapping[str, str]) -> Reply:
        """Send the browser back with a code."""
        code = self._secret("code")
        grant = Grant(form.get("client_id", ""), form.get("scope", ""), self._now() + CODE_LIFE_S)
        grant.challenge, grant.nonce = form.get("code_challenge", ""), form.get("nonce", "")
        self.grants[code] = grant
        back = urlencode({"code": code, "state": form.get("state", ""), "client_info": self._client_info()})
        return Reply(302, (("Location", f"{form.get('redirect_uri', '')}?{back}"),), b"")

    def _tokens(self, origin: str, form: Mapping[str, str]) -> dict[str, Any]:
        self.seen.append(form.get("grant_type", ""))
        if form.get("client_assertion_type") == ASSERTION:
            self.assertions.append(_asserted(form.get("client_assertion", ""), form.get("client_id", "")))
        elif self.secret and form.get("client_secret") != self.secret:
            raise _Refused("7000215")
        match form.get("grant_type"):
            case "refresh_token":
                return self._given(origin, self._refreshed(form))
            case "authorization_code":
                return self._given(origin, self._redeemed(form))
            case _ if form.get("grant_type") == DEVICE:
                return self._given(origin, self._polled(form))
            case _:
                raise _Refused("70000")

    def _refreshed(self, form: Mapping[str, str]) -> Grant:
        grant = self.refreshing.get(form.get("refresh_token", ""))
        if self.deny or grant is None or grant.client != form.get("client_id"):
            raise _Refused(self.deny or "70000")
        if self.single_use:
            del self.refreshing[form["refresh_token"]]
        return grant

    def _redeemed(self, form: Mapping[str, str]) -> Grant:
        grant = self.grants.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if grant is None or (grant.challenge and _encoded(proof) != grant.challenge):
            raise _Refused("70000")
        return grant

    def _polled(self, form: Mapping[str, str]) -> Grant:
        code = form.get("device_code", "")
        grant = self.grants.get(code)
        if grant is None or grant.until <= self._now():
            raise _Refused("expired_token")
        if grant.polls > 0:
            grant.polls -= 1
            raise _Refused("authorization_pending")
        return self.grants.pop(code)

    def _given(self, origin: str, grant: Grant) -> dict[str, Any]:
        now = int(self._now())
        who = {"tid": self.tenant, "oid": "0000ada0-0000-4000-8000-000000000001", "iat": now, "exp": now + self.life_s}
        methods = ["pwd", "mfa"] if self.mfa else ["pwd"]
        access = _token({**who, "upn": self.user, "amr": methods, "jti": self._secret("jti")})
        known = {"preferred_username": self.user, "aud": grant.client, "iss": f"{origin}/{self.tenant}/v2.0"}
        refresh = self._secret("refresh")
        self.tokens[access] = self._now() + self.life_s
        self.refreshing[refresh] = grant
        return {
            "token_type": "Bearer",
            "scope": grant.scope,
            "expires_in": int(self.life_s),
            "access_token": access,
            "refresh_token": refresh,
            "id_token": _token({**who, **known, "sub": "sub", **({"nonce": grant.nonce} if grant.nonce else {})}),
            "client_info": self._client_info(),
        }

    def _refusal(self, number: str) -> Reply:
        if not number.isdecimal():  # a device is told by a word
            return _json(400, {"error": number, "error_description": f"AADSTS70016: {number}."})
        error, suberror, words = REFUSALS.get(number, OTHER)
        body = {"error": error, "error_description": f"AADSTS{number}: {words}", "error_codes": [int(number)]}
        return _json(401 if error == "invalid_client" else 400, body | ({"suberror": suberror} if suberror else {}))

    def _client_info(self) -> str:
        known = {"uid": "0000ada0-0000-4000-8000-000000000001", "utid": self.tenant}
        return _encoded(json.dumps(known).encode())

    def _secret(self, kind: str) -> str:
        return f"{kind}-{self.random.getrandbits(128):032x}"

    def _now(self) -> float:
        return self.clock().timestamp()


def _token(claims: Mapping[str, Any]) -> str:
    """Give a JWT (RFC 7519) that nobody has signed: whoever trusts it has not looked."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join([*(_encoded(json.dumps(one).encode()) for one in parts), "unsigned"])


def _asserted(token: str, client: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give header and claims of an app's assertion, which names its certificate and the app."""
    parts = token.split(".")
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in parts[:2])
    except ValueError:
        raise _Refused("7000215") from None
    named = header.keys() & {"x5t", "x5t#S256", "x5c"}
    if not named or not parts[2:] or claims.get("iss") != client or claims.get("sub") != client:
        raise _Refused("7000215")
    return header, claims


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _json(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
