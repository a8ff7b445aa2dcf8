"""A person's sign-in with Entra ID, begun by `syncjob login` and used silently from then on (MSAL, App+User).

    login     device code, or a browser on this machine -> who signed in; the refresh token goes into the store
    get       the refresh token -> an access token; the one that comes with it is saved before the token is used,
              and where it cannot be saved the token says so (Entra ID leaves the older one good)

What is kept is MSAL's own cache without its access tokens. The one before stays beside it: where Entra ID does not
take the newer one, the older is tried once. A refusal is told with the sentence that helps, and nothing is tried again.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
from msgspec import Struct

from syncjob.errors import RemoteUnavailable, SignInNeeded, StorageRefused, SyncjobError, UsageRefused
from syncjob.remote.auth.claims import Pinned, user_of
from syncjob.remote.auth.kept import Kept
from syncjob.remote.auth.network import Network
from syncjob.remote.auth.saying import number_of, sentence, transient
from syncjob.remote.auth.stores import Store, private, store_of
from syncjob.remote.auth.tokens import Token
from syncjob.remote.trust import trust
from syncjob.settings import Remote
from syncjob.settings.auth import Auth

SCOPES = ["https://api.partner.microsoft.com/.default"]
UNREADABLE = {"error": "invalid_grant", "error_codes": [70000]}  # what is kept holds no sign-in
ANYBODY = "organizations"
SPOILT = ("70000",)  # it is this token that is no good; every other refusal is of the sign-in as a whole
NOT_KEPT = ("AccessToken", "IdToken")


class Who(Struct, frozen=True):
    """Who has signed in: the tenant's id and the user's name."""

    tenant: str
    user: str


class SignIn:
    """What a sign-in that is kept gives tokens for (`Tokens`)."""

    renewable = True

    def __init__(
        self,
        remote: Remote,
        job: str,
        environ: Mapping[str, str],
        *,
        store: Store | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Sign in as the configuration says; nothing is asked yet."""
        assert remote.auth is not None, "there is something to sign in with"
        self._remote, self._auth, self._environ, self._clock = remote, remote.auth, environ, clock
        self.store = store or store_of(remote.auth, job)

    def get(self, *, refused: bool) -> Token:
        """Give an access token (the contract of `Tokens`)."""
        del refused  # no access token is kept: every one is new
        kept = self.store.load()
        if kept is None:
            raise SignInNeeded(f"{self.store.place}: nobody has signed in yet; run: syncjob login")
        found = self._silent(kept.current)
        if number_of(found) in SPOILT and kept.previous:
            older = self._silent(kept.previous)
            found = found if _refusal(older) else older
        if _refusal(found):
            raise _refused(found)
        unkept = ""
        try:
            self.store.save(Kept(found["cache"], kept.current, self._clock(), kept.begun_at))
        except StorageRefused as error:
            unkept = str(error)
        life_s = found.get("expires_in")
        return Token(found["access_token"], None if life_s is None else float(life_s), unkept)

    def by_device(self, tell: Callable[[str, str], None]) -> Who:
        """Sign in anew by a code that is entered on any other device; `tell` shows the page and the code."""
        with self._app() as app:
            flow = app.msal.initiate_device_flow(SCOPES)
            if "user_code" not in flow:
                raise _refused(flow)
            tell(str(flow["verification_uri"]), str(flow["user_code"]))
            return self._begun(app, app.msal.acquire_token_by_device_flow(flow))

    def by_browser(self, redirect: str, visit: Callable[[str], Mapping[str, str]]) -> Who:
        """Sign in anew in a browser: `visit` sends it to the page and gives what it comes back with."""
        with self._app() as app:
            with warnings.catch_warnings():  # MSAL would rather have a form: nobody but this machine sees the address
                warnings.simplefilter("ignore", UserWarning)
                hint = self._auth.user
                flow = app.msal.initiate_auth_code_flow(SCOPES, redirect_uri=redirect, login_hint=hint)
            came = dict(visit(str(flow["auth_uri"])))
            try:
                found = app.msal.acquire_token_by_auth_code_flow(flow, came)
            except ValueError:
                raise SignInNeeded("the browser came back from another sign-in than this one; begin again") from None
            return self._begun(app, found)

    def _begun(self, app: _App, found: dict[str, Any]) -> Who:
        if _refusal(found):
            raise _refused(found)
        claims = found.get("id_token_claims") or {}
        Pinned(self._remote.tenant, self._auth.user).check(claims)
        now = self._clock()
        self.store.save(Kept(app.cached(), "", now, now))
        return Who(str(claims.get("tid") or ""), user_of(claims))

    def _silent(self, cache: str) -> dict[str, Any]:
        """Give what Entra ID answers to a refresh token, with the cache as it is afterwards."""
        with self._app(cache) as app:
            accounts = app.msal.get_accounts()
            if not accounts:
                return UNREADABLE
            found = app.msal.acquire_token_silent_with_error(SCOPES, accounts[0], force_refresh=True)
            return {**(found or UNREADABLE), "cache": app.cached()}

    def _app(self, cache: str = "") -> _App:
        return _App(self._remote, self._auth, proof_of(self._auth, self._environ), cache)


class _App:
    """MSAL for one act: with its cache and our network; what goes wrong on the way is an error of ours."""

    def __init__(self, remote: Remote, auth: Auth, proof: Any, cache: str) -> None:
        import msal

        self._cache = msal.SerializableTokenCache()
        self._authority = auth.authority
        self._words: dict[str, Any] = {
            "authority": f"{auth.authority.replace('http://', 'https://')}/{remote.tenant or ANYBODY}",
            "token_cache": self._cache,
            "instance_discovery": False,  # the host is one of a list already
            "http_client": Network(auth.authority, trust(remote), proxy=remote.proxy),
        }
        self._kind = msal.PublicClientApplication if proof is None else msal.ConfidentialClientApplication
        self._words |= {} if proof is None else {"client_credential": proof}
        self._client = auth.client_id
        with suppress(ValueError):  # what cannot be read holds no account: a person signs in again
            self._cache.deserialize(cache or "{}")
        self.msal: Any = None

    def __enter__(self) -> Self:
        try:
            self.msal = self._kind(self._client, **self._words)
        except (httpx.HTTPError, RuntimeError) as error:
            self._words["http_client"].close()
            raise self._unreached(error) from None
        except ValueError:
            self._words["http_client"].close()
            raise UsageRefused(
                "remote.tenant: Entra ID describes no such tenant; give its id or one of its domains"
            ) from None
        except BaseException:
            self._words["http_client"].close()
            raise
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._words["http_client"].close()
        if isinstance(error, (httpx.HTTPError, json.JSONDecodeError)):
            raise self._unreached(error) from None

    def cached(self) -> str:
        """Give the cache without its access tokens: they are worth an hour and every reader of the store a night."""
        known = json.loads(self._cache.serialize())
        return json.dumps({kind: rows for kind, rows in known.items() if kind not in NOT_KEPT})

    def _unreached(self, error: Exception) -> RemoteUnavailable:
        return RemoteUnavailable(f"{self._authority} cannot be reached ({type(error).__name__}); safe to run again")


def proof_of(auth: Auth, environ: Mapping[str, str]) -> Any:
    """Give what the app proves itself with, as MSAL takes it; None for a public client."""
    if auth.client_secret_env is not None:
        secret = environ.get(auth.client_secret_env, "").strip()
        if not secret:
            raise UsageRefused(f"the environment variable {auth.client_secret_env} holds no client secret; set it")
        return secret
    if auth.client_secret_file is not None:
        return _held(auth.client_secret_file, "client_secret_file").strip()
    if auth.certificate_file is not None:
        return _certified(_held(auth.certificate_file, "certificate_file"), auth.certificate_file)
    return None


def _certified(held: str, path: Path) -> dict[str, str]:
    """Give key and certificate as MSAL takes them; UsageRefused where the file does not hold both."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate

    certificate = held[max(held.find("-----BEGIN CERTIFICATE"), 0) :]
    try:
        load_pem_x509_certificate(certificate.encode())
        key = load_pem_private_key(held.encode(), password=None)
    except (ValueError, TypeError):  # a password is asked for by TypeError
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise UsageRefused(
            f"remote.auth.certificate_file: {path} must hold an RSA private key without a password"
            " and its certificate, both as PEM"
        )
    return {"private_key": held, "public_certificate": certificate}


def _held(path: Path, name: str) -> str:
    private(path, f"remote.auth.{name}: {path}")
    try:
        held = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageRefused(f"remote.auth.{name}: {path} cannot be read: {type(error).__name__}") from None
    if not held.strip():
        raise UsageRefused(f"remote.auth.{name}: {path} is empty")
    return held


def _refusal(found: Mapping[str, Any]) -> bool:
    return "access_token" not in found


def _refused(found: Mapping[str, Any]) -> SyncjobError:
    """Say what a refusal asks for: time, where Entra ID is merely out of order, else a person."""
    if transient(found):
        return RemoteUnavailable(f"Entra ID is out of order: {sentence(found)}")
    return SignInNeeded(sentence(found))
