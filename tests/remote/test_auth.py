"""The token goes to one origin, and only a token goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.errors import BrokenAssumption, SignInNeeded
from syncjob.remote.auth import Bearer, Credential, credential_of
from syncjob.remote.auth.tokens import FromVariable
from syncjob.settings import Remote

OURS = "https://api.partner.microsoft.com/v1.0/engagements/referrals"
REMOTE = Remote.model_validate({"url": OURS, "auth": {"token_env": "PARTNER_TOKEN"}})


def _signed(url: str, token: str | None = "secret") -> Mapping[str, str]:
    tokens = None if token is None else FromVariable("TOKEN", {"TOKEN": token})
    return asyncio.run(Bearer(Credential(tokens), OURS).signed(url, {"Accept": "x"}))


def _token(remote: Remote, environ: dict[str, str]) -> str | None:
    credential = credential_of(remote, environ, job="job")
    credential.ready()
    return asyncio.run(credential.bearer())


def test_a_request_to_the_remote_is_signed() -> None:
    """The bearer token, as it was given."""
    assert _signed(OURS + "/1")["Authorization"] == "Bearer secret"
    assert _signed("https://api.partner.microsoft.com:443/x")["Authorization"] == "Bearer secret"


def test_without_a_token_nothing_is_signed() -> None:
    """A sandbox that asks for none gets none."""
    assert "Authorization" not in _signed(OURS, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.partner.microsoft.com/v1.0/x",
        "https://api.partner.microsoft.com:8443/x",
        "https://api.partner.microsoft.com.evil.example/x",
        "https://api.partner.microsoft.com@evil.example/x",
        "https://api.partner.microsoft.com./x",
        "https://evil.example/api.partner.microsoft.com",
        "https://[::1]/x",
        "https://xn--pi-iia.partner.microsoft.com/x",
        "ftp://api.partner.microsoft.com/x",
    ],
)
def test_a_request_to_anywhere_else_does_not_leave(url: str) -> None:
    """Another scheme, port or host, however alike: a broken assumption, whether there is a token or not."""
    for token in ("secret", None):
        with pytest.raises(BrokenAssumption, match="which is not the remote"):
            _signed(url, token)


@given(st.from_regex(r"https?://[a-z.@:\[\]]{1,20}(:[0-9]{1,5})?/", fullmatch=True))
def test_no_address_wins_the_token_by_its_looks(url: str) -> None:
    """Any address that is not ours is refused."""
    with pytest.raises((BrokenAssumption, ValueError)):
        _signed(url)


def test_the_token_comes_from_the_variable_that_is_named() -> None:
    """White space around it is no part of it."""
    assert _token(REMOTE, {"PARTNER_TOKEN": " abc.def-ghi\n"}) == "abc.def-ghi"
    assert _token(Remote(url="http://localhost"), {"PARTNER_TOKEN": "abc"}) is None


@pytest.mark.parametrize("held", [None, "", "  ", "two words", "Bearer x", "a\nb", "tök", "a\x00b"])
def test_what_is_no_token_asks_for_a_sign_in(held: str | None) -> None:
    """Absent, empty or damaged: exit 5 with the variable's name and never its content."""
    with pytest.raises(SignInNeeded, match="PARTNER_TOKEN") as told:
        _token(REMOTE, {} if held is None else {"PARTNER_TOKEN": held})
    assert not held or not held.strip() or held not in str(told.value)
