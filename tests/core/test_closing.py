"""What a person should know before a deal is closed as won; it warns and never holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from asked import AMOUNT, STATUS, SUBSTATUS

from syncjob.core.closing import warned
from syncjob.model import Cause, Observed, Operation, Place, Settled, Triple

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SOLUTIONS = {"solutions": [{"id": "s"}]}


def closing(substatus: str = "Won", amount: str | None = None) -> Settled:
    """Give a row that closes a deal, perhaps with another value."""
    moves = {STATUS: "Closed", SUBSTATUS: substatus} | ({AMOUNT: amount} if amount else {})
    triples = tuple(Triple(path, None, value, None) for path, value in moves.items())
    operations = tuple(Operation("replace", path, value) for path, value in moves.items())
    return Settled(
        1, Place("rows.csv", 2), "K", {}, Cause.TO_SEND, "", "id", '"e"', triples=triples, operations=operations
    )


def referral(**details: Any) -> Observed:
    """Give a referral that can be registered, but for what is said."""
    created = details.pop("created", "2026-11-01T00:00:00Z")
    known = {"dealValue": 30_000, "currency": "USD", "requirements": SOLUTIONS} | details
    return Observed("id", '"e"', {"id": "id", "createdDateTime": created, "details": known})


@pytest.mark.parametrize(
    ("row", "observed", "words"),
    [
        (closing(), referral(), []),
        (closing("Lost"), referral(dealValue=1, requirements={}), []),
        (closing(), referral(dealValue=24_999), ["below USD 25,000"]),
        (closing(), referral(dealValue=None), ["below USD 25,000"]),
        (closing(), referral(dealValue=1, currency="EUR"), []),
        (closing(amount="25000"), referral(dealValue=1), []),
        (closing(amount="24999.99"), referral(), ["below USD 25,000"]),
        (closing(), referral(created="2026-11-23T00:00:01Z"), ["less than 72 hours"]),
        (closing(), referral(created="2026-11-23T00:00:00Z"), []),
        (closing(), referral(created="yesterday"), []),
        (closing(), referral(requirements={"solutions": []}), ["without a solution"]),
        (closing(), referral(dealValue=1, requirements=None), ["below USD 25,000", "without a solution"]),
    ],
)
def test_a_close_as_won_says_what_would_keep_it_from_being_registered(
    row: Settled, observed: Observed, words: list[str]
) -> None:
    """Value, age, solution: each in a sentence; a row that closes otherwise is left as it is."""
    found = warned(row, observed, NOW)
    assert len(found.warnings) == len(words)
    assert all(word in said for word, said in zip(words, found.warnings, strict=True))
