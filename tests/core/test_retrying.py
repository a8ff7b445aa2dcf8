"""What an answer means: the table over statuses and codes, for a PATCH and for a GET."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.retry import Next, after, after_get
from syncjob.model import Answer, Heard

#   status: (after a PATCH, after a GET)
DOCUMENTED = {
    400: (Next.REJECTED, Next.REJECTED),
    401: (Next.SIGN_IN, Next.SIGN_IN),
    403: (Next.FORBIDDEN, Next.FORBIDDEN),
    404: (Next.GONE, Next.GONE),
    405: (Next.REJECTED, Next.REJECTED),
    406: (Next.REJECTED, Next.REJECTED),
    408: (Next.LOOK, Next.AGAIN),
    409: (Next.REJECTED, Next.REJECTED),
    410: (Next.GONE, Next.GONE),
    411: (Next.REJECTED, Next.REJECTED),
    412: (Next.STALE, Next.AGAIN),
    413: (Next.REJECTED, Next.REJECTED),
    415: (Next.REJECTED, Next.REJECTED),
    416: (Next.REJECTED, Next.REJECTED),
    422: (Next.REJECTED, Next.REJECTED),
    423: (Next.LOCKED, Next.LOCKED),
    425: (Next.LOOK, Next.AGAIN),
    428: (Next.BROKEN, Next.BROKEN),
    429: (Next.GATE, Next.GATE),
    499: (Next.LOOK, Next.AGAIN),
    500: (Next.LOOK, Next.AGAIN),
    501: (Next.LOOK, Next.AGAIN),
    502: (Next.LOOK, Next.AGAIN),
    503: (Next.LOOK, Next.AGAIN),
    504: (Next.LOOK, Next.AGAIN),
    507: (Next.STOP, Next.STOP),
    509: (Next.STOP, Next.STOP),
} | dict.fromkeys(range(520, 531), (Next.LOOK, Next.AGAIN))
CODES = ("accessDenied", "generalException", "invalidRequest", "itemNotFound", "serviceNotAvailable", "unauthenticated")


def answered(status: int, code: str = "", message: str = "") -> Answer:
    """Give an answer with this status and error code."""
    return Answer(Heard.ANSWERED, status, code=code, message=message)


@pytest.mark.parametrize("status", DOCUMENTED)
def test_every_documented_status_has_one_meaning(status: int) -> None:
    """The table, line by line; an ordinary error code changes nothing."""
    patch, get = DOCUMENTED[status]
    for code in ("", *CODES):
        assert after(answered(status, code)) is patch
        assert after_get(answered(status, code)) is get


@pytest.mark.parametrize("status", sorted(DOCUMENTED))
def test_resource_modified_is_a_clash_whatever_the_status(status: int) -> None:
    """The code decides: somebody was there first."""
    assert after(answered(status, "resourceModified")) is Next.STALE
    assert after_get(answered(status, "resourceModified")) is Next.AGAIN


def test_a_claim_that_is_missing_asks_for_a_person() -> None:
    """403 with the code as the API spells it is a matter of signing in, not of rights."""
    assert after(answered(403, "insufficent_claims")) is Next.SIGN_IN
    assert after_get(answered(403, "insufficent_claims")) is Next.SIGN_IN


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_a_2xx_is_done(status: int) -> None:
    """Done for the sender; whether it did what was asked is verified elsewhere, whatever code stands beside it."""
    assert after(answered(status)) is after_get(answered(status)) is Next.DONE
    assert after(answered(status, "resourceModified")) is Next.DONE


@pytest.mark.parametrize("status", [None, 0, 100, 199, 301, 302, 307, 308, 600, 999])
def test_what_cannot_be_breaks_an_assumption(status: int | None) -> None:
    """The remote never redirects, and there are no other statuses."""
    assert after(Answer(Heard.ANSWERED, status)) is Next.BROKEN


def test_what_was_not_answered_is_sent_again_or_looked_at() -> None:
    """Unsent left no trace; lost may have happened, which for a GET is no harm."""
    assert after(Answer(Heard.UNSENT)) is after_get(Answer(Heard.UNSENT)) is Next.AGAIN
    assert after(Answer(Heard.LOST)) is Next.LOOK
    assert after_get(Answer(Heard.LOST)) is Next.AGAIN


@given(st.integers(100, 700), st.sampled_from(["", *CODES, "resourceModified"]), st.text(max_size=20))
def test_the_message_never_decides(status: int, code: str, message: str) -> None:
    """Words of the remote may change; only status and code count."""
    assert after(answered(status, code, message)) is after(answered(status, code))


@given(st.integers(100, 700), st.text(max_size=20))
def test_a_get_is_never_looked_at(status: int, code: str) -> None:
    """A GET has no effect: it is asked again or it is over."""
    assert after_get(answered(status, code)) not in (Next.LOOK, Next.STALE)
