"""`<remove> mail`: one person leaves a list, everybody else stays, whoever came or went meanwhile."""

from __future__ import annotations

from typing import Any

import jsonpatch
import pytest
from asked import TEAM, configured
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.diff import diff
from syncjob.core.feeds import compiled
from syncjob.core.landing import landed
from syncjob.core.mapping import map_row
from syncjob.core.matching import part_twins
from syncjob.core.merge import Rules
from syncjob.model import Cause, Change, Desired, Observed, Pair, Place, Settled, SourceRow

ANNA, BOB, CARL = (
    {"firstName": name, "lastName": "Ek", "phoneNumber": "+46 8 1", "email": f"{name.lower()}@contoso.example"}
    for name in ("Anna", "Bob", "Carl")
)
FEEDS = compiled(configured({"Team": "team", "More": "team"}))
WHOLE = compiled(configured({"Team": {"field": "team", "list": "whole"}}))


def mapped(cell: str, feeds: Any = FEEDS, n: int = 1, more: str = "") -> Desired | Settled:
    """Map a row with that cell."""
    return map_row(feeds, SourceRow(n, Place("deals.csv", n + 1), {"Key": "CRM-1", "Team": cell, "More": more}))


def diffed(cell: str, team: Any, base: Any = None) -> Change | Settled:
    """Hold a row with that cell against a list."""
    desired = mapped(cell)
    assert isinstance(desired, Desired), desired
    body = {"id": "r", "team": team, "notes": "kept"}
    known = {} if base is None else {TEAM: base}
    return diff(Pair(desired, Observed("r", '"e"', body), known), Rules())


def test_one_person_leaves_and_the_others_stay_as_they_are() -> None:
    """The observed list is replaced by itself without her."""
    found = diffed("<remove> ANNA@contoso.example", [ANNA, BOB])
    assert isinstance(found, Change)
    assert [one.to_json() for one in found.operations] == [{"op": "replace", "path": TEAM, "value": [BOB]}]


def test_one_may_leave_while_another_comes() -> None:
    """One replace does both."""
    found = diffed("<remove> anna@contoso.example\nCarl,Ek,+46 8 1,carl@contoso.example", [ANNA, BOB])
    assert isinstance(found, Change)
    assert [one.value for one in found.operations] == [[BOB, CARL]]


def test_who_is_not_there_cannot_leave() -> None:
    """A second run changes nothing."""
    found = diffed("<remove> anna@contoso.example", [BOB])
    assert isinstance(found, Settled)
    assert found.cause is Cause.IN_STEP


def test_a_list_that_somebody_else_has_lengthened_keeps_who_came() -> None:
    """The base says nothing against it: she leaves the list as it is now."""
    found = diffed("<remove> anna@contoso.example", [ANNA, BOB, CARL], base=[ANNA, BOB])
    assert isinstance(found, Change)
    assert [one.value for one in found.operations] == [[BOB, CARL]]


def test_members_without_an_address_stay() -> None:
    """What nobody can name, nobody removes."""
    odd: list[Any] = [{"firstName": "Nobody"}, "text", ANNA, BOB, BOB]
    found = diffed("<remove> anna@contoso.example", odd)
    assert isinstance(found, Change)
    assert [one.value for one in found.operations] == [[{"firstName": "Nobody"}, "text", BOB, BOB]]


def test_it_has_landed_only_when_she_is_gone() -> None:
    """A list that still holds her is no answer to it."""
    found = diffed("<remove> anna@contoso.example\nCarl,Ek,+46 8 1,carl@contoso.example", [ANNA, BOB])
    assert isinstance(found, Change)
    assert landed(found, {"team": [BOB, CARL]}, Rules())
    assert not landed(found, {"team": [ANNA, BOB, CARL]}, Rules())
    assert not landed(found, {"team": [BOB]}, Rules())


def test_it_survives_plan_and_ledger() -> None:
    """Written and read back, the change still knows who is to leave."""
    found = diffed("<remove> anna@contoso.example", [ANNA, BOB])
    assert isinstance(found, Change)
    settled = Settled.of_change(found, Cause.TO_SEND, "")
    assert Settled.from_line(settled.to_line()).change() == found


@pytest.mark.parametrize(
    ("cell", "more", "feeds", "said"),
    [
        ("<remove>", "", FEEDS, "Team: <remove> is followed by one e-mail address"),
        ("<remove> Anna Ek", "", FEEDS, "Team: <remove> is followed by one e-mail address"),
        (
            "<remove> anna@contoso.example; anna@contoso.example",
            "",
            FEEDS,
            "Team: names 1 both to be in the list and to leave it; keep one",
        ),
        (
            "<remove> anna@contoso.example",
            "anna@contoso.example",
            FEEDS,
            "More: names 1 both to be in the list and to leave it; keep one",
        ),
        (
            "<remove> anna@contoso.example",
            "",
            WHOLE,
            "Team: <remove> is for lists that append; this one is written whole: name who stays",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(cell: str, more: str, feeds: Any, said: str) -> None:
    """With what to write, and without the address: it is private."""
    found = mapped(cell, feeds, more=more)
    assert isinstance(found, Settled)
    assert found.reason == said


def test_twins_that_disagree_on_who_leaves_are_invalid() -> None:
    """Two rows, two minds."""
    one, two = mapped("<remove> anna@contoso.example"), mapped("<remove> bob@contoso.example", n=2)
    assert isinstance(one, Desired)
    assert isinstance(two, Desired)
    assert {row.cause for row in part_twins([one, two]) if isinstance(row, Settled)} == {Cause.TWINS_DISAGREE}


@given(
    held=st.lists(st.sampled_from([ANNA, BOB, CARL]), unique_by=lambda one: one["email"]),
    leave=st.sets(st.sampled_from([ANNA["email"], BOB["email"], CARL["email"]]), min_size=1),
)
def test_afterwards_exactly_they_are_gone(held: list[dict[str, str]], leave: set[str]) -> None:
    """The patch, applied by another library, leaves everybody else in place and in order; a second diff is empty."""
    found = diffed("\n".join(f"<remove> {mail}" for mail in sorted(leave)), held)
    if isinstance(found, Settled):
        assert not leave & {one["email"] for one in held}
        return
    after = jsonpatch.apply_patch({"team": held}, [one.to_json() for one in found.operations])
    assert after["team"] == [one for one in held if one["email"] not in leave]
    again = diffed("\n".join(f"<remove> {mail}" for mail in sorted(leave)), after["team"])
    assert isinstance(again, Settled)
