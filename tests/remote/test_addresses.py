"""Which addresses the remote may have: https, or plain http to this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from syncjob.settings import Remote


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("https://api.partner.microsoft.com", "https://api.partner.microsoft.com/v1.0/engagements/referrals"),
        ("https://API.partner.microsoft.com/v1.0/", "https://api.partner.microsoft.com/v1.0/engagements/referrals"),
        ("https://h/v2/engagements/referrals/", "https://h/v2/engagements/referrals"),
        ("http://localhost:8080", "http://localhost:8080/v1.0/engagements/referrals"),
        ("http://[::1]:8080", "http://[::1]:8080/v1.0/engagements/referrals"),
        ("http://127.0.0.1", "http://127.0.0.1/v1.0/engagements/referrals"),
    ],
)
def test_an_address_gains_the_path_of_the_referrals(given_url: str, url: str) -> None:
    """Secure anywhere, plain http on loopback only."""
    assert Remote(url=given_url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.partner.microsoft.com",
        "http://169.254.169.254",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "https://user:pw@api.partner.microsoft.com",
        "https://api.partner.microsoft.com?x=1",
        "https://api.partner.microsoft.com#x",
        "https://",
        "https:///x",
        "https://exa mple.org",
        "https://a..b",
        "https://.example",
        "https://" + "a" * 64 + ".example",
        "https://host:99999",
        "https://host:0",
        "https://host:0x1",
        "https://ex%41mple.org",
        "https://münchen.example",
        "https://h/\x1b",
        "https://\x7f",
        "https://[::1",
        "ftp://host",
        "file:///etc/passwd",
        "host",
        "",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Plain http to another host, a password, a query, a host or port that cannot be: refused with what to write."""
    with pytest.raises(ValidationError, match=r"must|Invalid"):
        Remote(url=url)


@given(st.text(max_size=30), st.sampled_from(["", "http://", "https://", "https://h:", "https://h/"]))
def test_any_address_that_is_taken_can_be_asked(tail: str, head: str) -> None:
    """Whatever the configuration lets through makes a connection: https, or plain http to loopback."""
    try:
        remote = Remote(url=head + tail)
    except ValidationError:
        return
    parts = urlsplit(remote.url)
    assert parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
    httpx.URL(remote.url)
