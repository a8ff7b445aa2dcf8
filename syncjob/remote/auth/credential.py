"""The one access token of a run: fetched before anything is asked, renewed in time, once for all who wait.

Five minutes before its end it is renewed, by the clock that does not jump (F-99: an expiry is `expires_in`, never a
time of day). Where the remote refuses it earlier, one renewal serves every worker that met the refusal. A sign-in that
a person must make is asked for once; after that nobody asks again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from syncjob.errors import RemoteUnavailable, SignInNeeded, StorageRefused, UsageRefused
from syncjob.remote.auth.claims import Pinned, claims_of, user_of
from syncjob.remote.auth.tokens import FromCommand, FromVariable, Token, Tokens
from syncjob.settings import Remote

AHEAD_S = 300.0
LEAST_S = 10.0  # whatever a token says of its life, no renewal chases the other


class Credential:
    """What signs the requests of a run; without `tokens` (a sandbox that asks for none) nothing is signed."""

    def __init__(
        self, tokens: Tokens | None, pinned: Pinned | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what gives tokens and whose they must be."""
        self._tokens, self._pinned, self._monotonic = tokens, pinned or Pinned(), monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._due_at: float | None = None
        self._ends_at: float | None = None
        self._was_refused = False  # the token before this one
        self._ended: SignInNeeded | None = None
        self.renewals = 0

    def ready(self) -> None:
        """Fetch the first token, so that a missing sign-in is known before anything is asked."""
        self._fetch(None)

    async def bearer(self) -> str | None:
        """Give the token as it is good now."""
        if self._tokens is None:
            return None
        token = self._token
        if token is None or self._is_due():
            await asyncio.to_thread(self._fetch, token)
        assert self._token is not None, "it was fetched, or that has raised"
        return self._token.value

    async def renewed(self, refused: str) -> bool:
        """Tell whether there is another token than the `refused` one; it is fetched where nobody has yet."""
        if self._tokens is None or not self._tokens.renewable:
            return False
        token = self._token
        if token is None or token.value == refused:
            if self._was_refused:  # the remote has taken neither: another one would be as good
                return False
            await asyncio.to_thread(self._fetch, token, refused=True)
        return self._token is not None and self._token.value != refused

    def accepted(self, token: str | None) -> None:
        """Hear that the remote has taken a token: one that it refuses later may be renewed again."""
        if self._token is not None and self._token.value == token:
            self._was_refused = False

    @property
    def claims(self) -> Mapping[str, Any]:
        """What the token says of itself; nothing where there is none yet, or it is opaque."""
        return claims_of(self._token.value if self._token else None)

    @property
    def user(self) -> str:
        """Who it was given to, '' where nobody knows."""
        return user_of(self.claims)

    def _is_due(self) -> bool:
        return self._due_at is not None and self._monotonic() >= self._due_at

    def _fetch(self, known: Token | None, *, refused: bool = False) -> None:
        """Fetch a token, unless somebody else has replaced the `known` one meanwhile."""
        if self._tokens is None:
            return
        with self._lock:
            if self._ended is not None:
                raise SignInNeeded(*self._ended.problems)
            if self._token is not None and (self._token is not known or not (refused or self._is_due())):
                return
            try:
                token = self._given(self._tokens, refused=refused)
            except SignInNeeded as error:
                self._ended = error
                raise
            except (StorageRefused, UsageRefused) as error:
                if self._token is None:
                    raise
                self._ended = SignInNeeded(*error.problems)  # in the middle of a run the rows must have their endings
                raise self._ended from error
            except RemoteUnavailable:
                if refused or self._token is None or self._monotonic() >= (self._ends_at or 0.0):
                    raise
                self._due_at = self._ends_at  # it is good for a while yet: another try when it ends
                return
            self.renewals += self._token is not None
            self._token, self._was_refused = token, refused
            self._ends_at = self._due_at = None
            if token.life_s is not None:
                self._ends_at = self._monotonic() + token.life_s
                ahead = self._ends_at - min(AHEAD_S, token.life_s / 2)
                self._due_at = min(self._ends_at, max(ahead, self._monotonic() + LEAST_S))

    def _given(self, tokens: Tokens, *, refused: bool) -> Token:
        """Ask for a token, and see whose it is."""
        token = tokens.get(refused=refused)
        self._pinned.check(claims_of(token.value))
        if token.unkept and self._token is None:  # a run in its middle goes on; the next one begins with this
            raise StorageRefused(token.unkept)
        return token


def credential_of(
    remote: Remote, environ: Mapping[str, str], *, job: str, monotonic: Callable[[], float] = time.monotonic
) -> Credential:
    """Give the credential that a configuration describes."""
    auth = remote.auth
    if auth is None:
        return Credential(None)
    pinned = Pinned(remote.tenant, auth.user)
    if auth.token_env is not None:
        return Credential(FromVariable(auth.token_env, environ), pinned, monotonic)
    if auth.token_command:
        return Credential(FromCommand(auth.token_command, auth.command_s), pinned, monotonic)
    from syncjob.remote.auth.entra import SignIn  # MSAL costs 0.3 s

    return Credential(SignIn(remote, job, environ), pinned, monotonic)
