"""One token for all workers of a run: fetched once, renewed once, and nobody asks again when a person is needed."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from syncjob.errors import RemoteUnavailable, SignInNeeded, StorageRefused
from syncjob.remote.auth.claims import Pinned, claims_of, multi_factor
from syncjob.remote.auth.credential import Credential
from syncjob.remote.auth.tokens import Token
from syncjob.sandbox.entra import _token

WORKERS = 8


@dataclass
class Source:
    """Gives numbered tokens, slowly enough for everybody to come and wait; or fails as told."""

    renewable: bool = True
    life_s: float | None = 3_600
    fails: list[Exception] = field(default_factory=list)
    unkept: str = ""
    given: int = 0

    def get(self, *, refused: bool) -> Token:
        """Give the next one."""
        del refused
        threading.Event().wait(0.02)
        if self.fails:
            raise self.fails[0]
        self.given += 1
        return Token(f"token-{self.given}", self.life_s, self.unkept)


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def bearers(credential: Credential) -> set[str | None]:
    """Let all workers ask at once."""

    async def ask() -> set[str | None]:
        return set(await asyncio.gather(*(credential.bearer() for _ in range(WORKERS))))

    return asyncio.run(ask())


def renewals(credential: Credential, refused: str) -> set[bool]:
    """Let all workers be refused at once."""

    async def ask() -> set[bool]:
        return set(await asyncio.gather(*(credential.renewed(refused) for _ in range(WORKERS))))

    return asyncio.run(ask())


def test_it_is_renewed_five_minutes_before_its_end_and_once() -> None:
    """By the clock that does not jump, for every worker; later it is renewed again."""
    source, clock = Source(), Clock()
    credential = Credential(source, monotonic=clock)
    credential.ready()
    credential.ready()
    clock.now = 3_299
    assert bearers(credential) == {"token-1"}
    clock.now = 3_311
    assert bearers(credential) == {"token-2"}
    clock.now = 2 * 3_311
    assert bearers(credential) == {"token-3"}
    assert credential.renewals == 2


def test_a_refusal_is_answered_by_one_renewal_for_all() -> None:
    """Whoever comes later finds the new one; that one refused too is not renewed again."""
    source = Source()
    credential = Credential(source)
    credential.ready()
    assert renewals(credential, "token-1") == {True}
    assert source.given == 2
    assert renewals(credential, "token-2") == {False}
    assert source.given == 2
    credential.accepted("token-2")
    assert renewals(credential, "token-2") == {True}, "one that was good for a while may be renewed"


def test_a_token_that_cannot_be_renewed_is_not() -> None:
    """An environment variable holds one, and no other."""
    credential = Credential(Source(renewable=False))
    credential.ready()
    assert renewals(credential, "token-1") == {False}
    assert renewals(Credential(None), "x") == {False}
    assert bearers(Credential(None)) == {None}


def test_a_store_that_refuses_in_the_middle_ends_the_run_in_its_own_time() -> None:
    """As a sign-in that is needed, so that rows in flight get their endings; at the beginning it is what it is."""
    source = Source(fails=[StorageRefused("full")])
    credential = Credential(source)
    with pytest.raises(StorageRefused):
        credential.ready()
    source.fails = []
    credential.ready()
    source.fails = [StorageRefused("full")]
    with pytest.raises(SignInNeeded, match="full"):
        asyncio.run(credential.renewed("token-1"))


def test_what_cannot_be_kept_in_the_middle_is_used_all_the_same() -> None:
    """The token is good, and Entra ID leaves the older sign-in good; at the beginning it is refused (exit 8)."""
    with pytest.raises(StorageRefused, match="full"):
        Credential(Source(unkept="full")).ready()
    source = Source()
    credential = Credential(source)
    credential.ready()
    source.unkept = "full"
    assert renewals(credential, "token-1") == {True}
    assert bearers(credential) == {"token-2"}


def test_when_a_person_is_needed_nobody_asks_again() -> None:
    """The second asks of the error, not of Entra ID."""
    source = Source(fails=[SignInNeeded("sign in")])
    credential = Credential(source)
    for _ in range(2):
        with pytest.raises(SignInNeeded, match="sign in"):
            credential.ready()
        source.fails = [AssertionError("was asked again")]


def test_an_outage_of_entra_id_is_no_reason_to_stop_while_the_token_is_good() -> None:
    """It goes on under the old one until that ends."""
    source, clock = Source(), Clock()
    credential = Credential(source, monotonic=clock)
    credential.ready()
    source.fails = [RemoteUnavailable("out of order")]
    clock.now = 3_400
    assert bearers(credential) == {"token-1"}
    clock.now = 3_601
    with pytest.raises(RemoteUnavailable):
        bearers(credential)
    source.fails = []
    assert bearers(credential) == {"token-2"}


@pytest.mark.parametrize(
    ("pinned", "claims", "refused"),
    [
        (Pinned(), {"tid": "x", "upn": "a"}, False),
        (Pinned("5a4d0000-0000-4000-8000-00000000c0de"), {"tid": "5A4D0000-0000-4000-8000-00000000C0DE"}, False),
        (Pinned("5a4d0000-0000-4000-8000-00000000c0de"), {"tid": "5a4d0000-0000-4000-8000-00000000ffff"}, True),
        (Pinned("contoso.onmicrosoft.com"), {"tid": "5a4d0000-0000-4000-8000-00000000ffff"}, False),
        (Pinned(user="Ada@contoso.example"), {"upn": "ada@CONTOSO.example"}, False),
        (Pinned(user="ada@contoso.example"), {"upn": "eve@contoso.example", "oid": "1"}, True),
        (Pinned(user="1"), {"upn": "eve@contoso.example", "oid": "1"}, False),
        (Pinned("5a4d0000-0000-4000-8000-00000000c0de", "ada"), {}, False),
    ],
)
def test_whose_token_it_is_is_held_against_what_is_pinned(
    pinned: Pinned, claims: dict[str, str], *, refused: bool
) -> None:
    """By id where both are known; what a token does not say cannot be held against it."""
    if not refused:
        pinned.check(claims)
        return
    with pytest.raises(SignInNeeded) as told:
        pinned.check(claims)
    assert "eve" not in str(told.value)


def test_what_a_token_says_of_itself_is_read_and_never_trusted() -> None:
    """Opaque or damaged tokens say nothing."""
    assert claims_of(_token({"upn": "ada", "amr": ["pwd", "mfa"]}))["upn"] == "ada"
    assert [multi_factor(one) for one in ({"amr": ["pwd", "mfa"]}, {"amr": ["pwd"]}, {})] == [True, False, None]
    for odd in (None, "", "opaque", "a.b.c", "a.!.c", f"a.{'WzFd'}.c"):
        assert claims_of(odd) == {}
