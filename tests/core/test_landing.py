"""What of a change is there: what landed, what was altered, what the remote made of it, who came in between."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from asked import AMOUNT, CONSENT, NOTES, SOLUTIONS, STATUS, SUBSTATUS, TEAM, applied, paired, wish

from syncjob.core.diff import diff
from syncjob.core.landing import altered, landed, own_forms, stayed_forms, uninvited
from syncjob.core.merge import Rules
from syncjob.model import Change, Operation

KEEP = Rules()
BODY: dict[str, Any] = {
    "name": "Deal",
    "status": "Active",
    "substatus": "Accepted",
    "favorite": False,
    "details": {"dealValue": 10, "notes": "long", "requirements": {"solutions": []}},
    "consent": {"consentToShareReferralWithMicrosoftSellers": False},
    "team": [{"email": "a@x.test"}],
}


def _change(asked: Mapping[str, Any], rules: Rules = KEEP, base: Mapping[str, Any] | None = None) -> Change:
    found = diff(paired(BODY, *(wish(path, value) for path, value in asked.items()), base=base), rules)
    assert isinstance(found, Change), found
    return found


def _now(change: Change, **more: Any) -> Any:
    return applied(BODY, change.operations) | more


def test_a_change_has_landed_when_all_that_was_sent_is_there() -> None:
    """Before it was applied it has not; afterwards it has, whatever else moved."""
    change = _change({"/name": "New", NOTES: "short", STATUS: "Active", SUBSTATUS: "Accepted"})
    assert not landed(change, BODY, KEEP)
    assert landed(change, _now(change, status="Closed", substatus="Won"), KEEP)
    assert not landed(change, _now(change, name="Theirs"), KEEP)


def test_what_is_held_otherwise_is_told_by_path() -> None:
    """What was asked beside what is held, of what was sent and nothing else."""
    change = _change({"/name": "New", NOTES: "long"})
    assert altered(change, _now(change, name="Ne", details={}), KEEP) == {"/name": ("New", "Ne")}
    assert altered(change, _now(change), KEEP) == {}


def test_of_an_appended_list_only_who_was_added_counts() -> None:
    """Somebody took the old member away and put another in: ours is there, so it has landed."""
    change = _change({TEAM: [{"email": "a@x.test"}, {"email": "B@x.test"}]})
    others = [{"email": "c@x.test"}, {"email": "b@x.test", "phoneNumber": "1"}]
    assert landed(change, _now(change, team=others), KEEP)
    assert altered(change, BODY, KEEP) == {
        TEAM: ([{"email": "a@x.test"}, {"email": "B@x.test"}], [{"email": "a@x.test"}])
    }


def test_of_a_whole_list_every_member_counts() -> None:
    """A member too many is not what was asked."""
    rules = Rules(whole=frozenset({TEAM}))
    change = _change({TEAM: [{"email": "b@x.test"}]}, rules)
    assert landed(change, _now(change), rules)
    assert not landed(change, _now(change, team=[{"email": "b@x.test"}, {"email": "c@x.test"}]), rules)


def test_what_was_there_before_is_no_form_of_the_remote() -> None:
    """An old value that simply stays was not made of ours; a trimmed or rounded one was."""
    change = _change({"/name": "A longer name", AMOUNT: "12.5", NOTES: "A longer note"})
    held = {"/name": ("A longer name", "Deal"), AMOUNT: ("12.5", 12), NOTES: ("A longer note", "A long")}
    assert own_forms(change, held) == {AMOUNT: ("12.5", 12), NOTES: ("A longer note", "A long")}
    assert stayed_forms(change, held) == {"/name": ("A longer name", "Deal")}


@pytest.mark.parametrize("old", ["long", "  long ", "l&#111;ng"])
def test_the_old_value_in_another_spelling_is_still_the_old_value(old: str) -> None:
    """Compared by meaning, as everywhere."""
    change = _change({NOTES: "short"})
    held = {NOTES: ("short", old)}
    assert (own_forms(change, held), stayed_forms(change, held)) == ({}, held)


@pytest.mark.parametrize(
    ("asked", "path", "held"),
    [
        ({STATUS: "Closed", SUBSTATUS: "Won"}, STATUS, "New"),
        ({STATUS: "Closed", SUBSTATUS: "Won"}, SUBSTATUS, "Lost"),
        ({CONSENT: True}, CONSENT, None),
    ],
)
def test_words_of_a_table_have_no_form_of_their_own(asked: dict[str, Any], path: str, held: Any) -> None:
    """Status, substatus and a yes or no are asked again every night until they are as asked."""
    change, found = _change(asked), {path: (asked[path], held)}
    assert (own_forms(change, found), stayed_forms(change, found)) == ({}, {})


def test_a_named_field_that_moved_unasked_is_uninvited() -> None:
    """It is told by its name; what the answer leaves out, and what was sent, is not."""
    change = _change({"/name": "New", NOTES: "long", AMOUNT: "10"})
    now = _now(change)
    assert uninvited(change, now) == []
    assert uninvited(change, now | {"details": {"dealValue": 11}}) == ["dealValue"]
    assert uninvited(change, now | {"name": "Theirs"}) == []


def test_a_change_of_status_may_move_other_fields() -> None:
    """What hangs on a status moves with it."""
    change = _change({STATUS: "Closed", SUBSTATUS: "Won", NOTES: "long"})
    assert uninvited(change, _now(change, details={"notes": "closed"})) == []


def test_a_whole_list_carries_what_the_remote_holds_as_json_numbers() -> None:
    """Nobody asked to drop the parts below a solution: they go back as numbers, however deep they stand."""
    parts = {"price": Decimal("1.5"), "offers": [{"discount": Decimal("0.25"), "name": "x"}], "note": None}
    body = BODY | {"details": {"requirements": {"solutions": [{"id": "s", "more": parts}]}}}
    rules = Rules(whole=frozenset({SOLUTIONS}))
    found = diff(paired(body, wish(SOLUTIONS, [{"id": "s", "quantity": 2}])), rules)
    assert isinstance(found, Change)
    more = {"price": 1.5, "offers": [{"discount": 0.25, "name": "x"}], "note": None}
    assert found.operations == (Operation("replace", SOLUTIONS, [{"id": "s", "more": more, "quantity": 2}]),)
    (solution,) = found.operations[0].value
    assert type(solution["more"]["offers"][0]["discount"]) is float
