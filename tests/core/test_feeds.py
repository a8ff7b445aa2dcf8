"""From the configuration's columns to feeds: what can never work is told before a row is read."""

from __future__ import annotations

from typing import Any

import pytest
from asked import configured

from syncjob.core.feeds import check_columns, compiled
from syncjob.core.mapping import map_row
from syncjob.errors import InputRefused, UsageRefused
from syncjob.model import Desired, Place, Settled, SourceRow


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"field": "name", "list": "whole"}, "fields.X: list: name is no list"),
        ({"field": "name", "currency": "EUR"}, "fields.X: currency: name is no amount"),
        ({"field": "status", "blank": "clear"}, "fields.X: blank: status cannot be cleared"),
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


def test_a_column_is_used_or_ignored() -> None:
    """Both at once is a mistake: a column would be told to feed nothing and feed something."""
    with pytest.raises(UsageRefused, match=r"ignore\.A: the column is used as well; keep one"):
        compiled(configured({"A": "name"}, ignore={"A": "no field holds it", "B": "neither"}))


def test_what_may_be_absent_is_no_blank_cell_where_it_is() -> None:
    """An optional column that a row lacks clears nothing and is no error; one that stands there blank is blank."""
    target = {"field": "name", "optional": True, "blank": "clear"}
    feeds = compiled(configured({"A": target, "B": {**target, "field": "statusReason", "blank": "error"}}))
    key = {feeds.key_columns[0]: "CRM-1"}
    lacking, blank = (
        map_row(feeds, SourceRow(1, Place("rows.csv", 2), {**key, **cells})) for cells in ({}, {"A": "", "B": "x"})
    )
    assert isinstance(lacking, Desired)
    assert lacking.wishes == ()
    assert isinstance(blank, Desired)
    assert [(wish.path, wish.desired) for wish in blank.wishes] == [("/statusReason", "x"), ("/name", None)]


def test_columns_that_may_be_absent_may_feed_one_field() -> None:
    """Two dialects of one export are one mapping; a row that says both things is told to contradict itself."""
    feeds = compiled(configured({one: {"field": "dealValue", "optional": True, "currency": "EUR"} for one in "AB"}))
    key = {feeds.key_columns[0]: "CRM-1"}
    one, alike, other = (
        map_row(feeds, SourceRow(1, Place("rows.csv", 2), {**key, **cells}))
        for cells in ({"B": "5"}, {"A": "5.0", "B": "5"}, {"A": "5", "B": "6"})
    )
    assert isinstance(one, Desired)
    assert isinstance(alike, Desired)
    assert isinstance(other, Settled)
    assert "B: says '6' where 'A' says '5'" in other.reason


def test_an_ignored_column_is_told_and_never_extra() -> None:
    """Strictness is for columns that nobody has thought of."""
    feeds = compiled(configured({"A": "name"}, ignore={"Why": "no field holds it", "Not there": "neither"}))
    columns = [*feeds.key_columns, "A", "Why"]
    assert check_columns(feeds, columns, strict=True) == ("column 'Why' is ignored: no field holds it",)
    with pytest.raises(InputRefused, match="'More' is mapped to no field"):
        check_columns(feeds, [*columns, "More"], strict=True)


def test_the_key_of_two_dialects_is_the_one_that_is_there() -> None:
    """Of several names the file has one; with two of them nobody knows which is meant, and with none nothing is."""
    feeds = compiled(configured({"A": "name"}, match={"by": "externalReferenceId", "column": ["Id", "Record Id"]}))
    for key in ("Id", "Record Id"):
        assert check_columns(feeds, [key, "A"], strict=True) == ()
    with pytest.raises(InputRefused, match=r"has 'Id' and 'Record Id': which is the key\? State match\.column"):
        check_columns(feeds, ["Id", "Record Id", "A"], strict=False)
    with pytest.raises(InputRefused, match="the file has no column 'Id' or 'Record Id'"):
        check_columns(feeds, ["A"], strict=False)


def test_columns_without_a_key_are_refused() -> None:
    """Fields that no row can be held against say what is missing; without fields the files of ours bring both."""
    with pytest.raises(UsageRefused, match="match: is missing: which column holds the key"):
        compiled(configured({"A": "name"}, match=None))
    assert compiled(configured({}, match=None)).columns == ()


def test_a_field_to_compare_must_exist() -> None:
    """`match.like` names what `link` compares; a slip there would compare nothing, in silence."""
    match = {"by": "externalReferenceId", "column": "Key"}
    like = {"Account": "customerProfile.name", "Other": "customerProfile.nam"}
    with pytest.raises(UsageRefused) as refused:
        compiled(configured({"A": "name"}, match={**match, "like": like}))
    (said,) = refused.value.problems
    assert said == "match.like.Other: no field is called 'customerProfile.nam'; did you mean 'customerProfile.name'?"
    like["Other"] = "closingDateTime"
    assert compiled(configured({"A": "name"}, match={**match, "like": like})).like["Account"] == "/customerProfile/name"
