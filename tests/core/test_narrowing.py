"""A run that is about some fields only."""

from __future__ import annotations

import pytest
from asked import AMOUNT, CURRENCY, NOTES, STATUS, SUBSTATUS, TEAM, desired, row, wish, wishes
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.fields import BY_NAME
from syncjob.core.narrowing import narrowed, paths_of
from syncjob.errors import UsageRefused
from syncjob.model import Cause, Desired, Settled, Wish


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["notes"], {NOTES}),
        (["notes,team", ""], {NOTES, TEAM}),
        ([" notes ", "team"], {NOTES, TEAM}),
        (["status"], {STATUS, SUBSTATUS}),
        (["substatus"], {STATUS, SUBSTATUS}),
        (["dealValue"], {AMOUNT, CURRENCY}),
        (["currency", "notes"], {AMOUNT, CURRENCY, NOTES}),
    ],
)
def test_fields_are_named_and_bring_along_what_goes_with_them(names: list[str], paths: set[str]) -> None:
    """Status with substatus, an amount with its currency."""
    assert paths_of(names, "--only-fields") == paths


@pytest.mark.parametrize("names", [[], [""], [" ", ","]])
def test_no_name_is_no_narrowing_and_is_refused(names: list[str]) -> None:
    """A script whose variable is empty must not make a run be about everything."""
    with pytest.raises(UsageRefused, match="names no field"):
        paths_of(names, "--only-fields")


def test_every_unknown_field_is_named_with_the_option_that_named_it() -> None:
    """A typo must not make a run be about nothing, or about all."""
    with pytest.raises(UsageRefused) as refused:
        paths_of(["note", "dealValue", "xyzzy"], "--only-fields")
    assert refused.value.problems == (
        "--only-fields: no field is called 'note'; did you mean 'notes'?",
        "--only-fields: no field is called 'xyzzy'",
    )


def test_only_the_named_wishes_stay() -> None:
    """The others rest: the row has no opinion on them tonight, and all else of it is as it was."""
    asked = desired(wish("/name", "x"), wish(NOTES, "y"))
    found = narrowed(asked, {NOTES})
    assert isinstance(found, Desired)
    assert found.wishes == (wish(NOTES, "y"),)
    assert (found.row, found.key, found.id, found.base) == (asked.row, asked.key, asked.id, asked.base)


def test_without_a_name_nothing_is_narrowed() -> None:
    """The usual run is about every field."""
    asked = desired(wish("/name", "x"))
    assert narrowed(asked, frozenset()) is asked


def test_a_row_that_has_settled_stays_as_it_is() -> None:
    """Invalid is invalid, whatever the run is about."""
    bad = Settled.of_row(row(), Cause.BAD_CELL, "Amount: '12k' is not a plain number")
    assert narrowed(bad, {NOTES}) is bad


@given(wishes(), st.sets(st.sampled_from(sorted(BY_NAME)), min_size=1))
def test_a_narrowed_row_asks_less_and_nothing_else(asked: tuple[Wish, ...], names: set[str]) -> None:
    """In the same order, of the named paths alone; narrowing twice is narrowing once; pairs are never parted."""
    paths = paths_of(names, "--only-fields")
    found = narrowed(desired(*asked), paths)
    assert isinstance(found, Desired)
    assert found.wishes == tuple(one for one in asked if one.path in paths)
    assert narrowed(found, paths) == found
    left = {one.path for one in found.wishes}
    for pair in ({STATUS, SUBSTATUS}, {AMOUNT, CURRENCY}):
        assert left & pair in (set(), pair & {one.path for one in asked})
