"""From the configuration's columns to feeds: what can never work is told before a row is read."""

from __future__ import annotations

from typing import Any

import pytest
from asked import configured

from syncjob.core.feeds import compiled
from syncjob.errors import UsageRefused


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"field": "name", "list": "whole"}, "fields.X: list: name is no list"),
        ({"field": "name", "currency": "EUR"}, "fields.X: currency: name is no amount"),
        ({"field": "status", "blank": "clear"}, "fields.X: blank: status cannot be cleared"),
        (
            {"field": "closingDateTime", "date_format": "%d.%m."},
            "fields.X: date_format: '%d.%m.' names no day, month and",
        ),
        ({"field": "closingDateTime", "date_format": "DD.MM.YYYY"}, "fields.X: date_format: 'DD.MM.YYYY' names no day"),
        (
            {"field": "status", "translate": {"Won": "Closed/Wonn"}},
            "fields.X: translate.Won: 'Wonn' is not one of Pending, Received, Accepted, Won, Lost, Declined, Expired;",
        ),
        (
            {"field": "status", "translate": {"Won": "Active/Won"}},
            "fields.X: translate.Won: Active/Won does not exist; with Active goes Accepted",
        ),
        (
            {"field": "substatus", "translate": {"Won": "won", "Lost": "lots"}},
            "fields.X: translate.Lost: 'lots' is not",
        ),
    ],
)
def test_what_a_field_has_no_use_for_is_refused(target: dict[str, Any], said: str) -> None:
    """An option that can never matter is a mistake of somebody's; it is told with its column."""
    with pytest.raises(UsageRefused) as refused:
        compiled(configured({"X": target}))
    assert refused.value.problems[0].startswith(said)


def test_a_word_may_stand_for_status_and_substatus_at_once() -> None:
    """`Closed Won: Closed/Won` translates one word of the CRM into both."""
    feeds = compiled(
        configured({"X": {"field": "status", "translate": {"Closed Won": "Closed/Won", "Open": "Active"}}})
    )
    assert feeds.feeds[0].words == {"closed won": "Closed/Won", "open": "Active"}


def test_a_general_clear_spares_what_cannot_be_cleared() -> None:
    """`defaults.blank: clear` is meant for texts and dates; a blank stage has no opinion still."""
    feeds = compiled(configured({"A": "status", "B": "currency", "C": "name"}, defaults={"blank": "clear"}))
    assert [feed.blank for feed in feeds.feeds] == ["ignore", "ignore", "clear"]
