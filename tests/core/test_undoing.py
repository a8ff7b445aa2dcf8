"""What a run has sent is turned round: what goes back, what does not and why."""

from __future__ import annotations

from typing import Any

import pytest
from asked import AMOUNT, CLOSING, CONSENT, CURRENCY, GUID, NOTES, STATUS, SUBSTATUS, TEAM, observed, paired, wish

from syncjob.core.diff import diff
from syncjob.core.merge import Rules
from syncjob.core.selecting import Selection, selection
from syncjob.core.undoing import inverse, undo, wrote
from syncjob.errors import UsageRefused
from syncjob.model import Cause, Change, Desired, Pair, Settled, Wish

ALL, APPEND = Selection(), Rules()
BODY: dict[str, Any] = {
    "id": GUID,
    "name": "Pilot",
    "status": "New",
    "substatus": "Received",
    "details": {"dealValue": 1000, "currency": "EUR", "closingDateTime": "2027-05-14T22:00:00Z", "notes": None},
    "team": [{"email": "a@b.example", "title": None}],
}


def sent(*wishes: Wish, body: dict[str, Any] = BODY, rules: Rules | None = None) -> Settled:
    """Give the row of a run that has sent this, and saw it confirmed."""
    change = diff(paired(body, *wishes, base={}), rules or Rules())
    assert isinstance(change, Change), change
    return Settled.of_change(change, Cause.CONFIRMED, "", attempts=1)


def after(*wishes: Wish, body: dict[str, Any] = BODY, rules: Rules | None = None) -> dict[str, Any]:
    """Give the referral as it was left."""
    from asked import applied

    done: dict[str, Any] = applied(body, sent(*wishes, body=body, rules=rules).operations)
    return done


def turned(row: Settled, held: dict[str, Any], selected: Selection = ALL, rules: Rules = APPEND) -> Change | Settled:
    """Take a row back from what the referral holds now."""
    found = inverse(row, selected, rules)
    assert found is not None
    if isinstance(found, Settled):
        return found
    found = Desired.unpacked(found.packed())
    return undo(Pair(found, observed(held), found.base), rules)


MONEY = (wish(AMOUNT, "1500"), wish(CURRENCY, "EUR"))
NAME = wish("/name", "Rollout")


def test_what_was_replaced_goes_back_to_what_was_there() -> None:
    """Each field gets the very value that the run had found."""
    row = sent(NAME, *MONEY, wish(CLOSING, "2027-09-29T22:00:00Z", "Europe/Berlin"))
    found = turned(row, after(NAME, *MONEY, wish(CLOSING, "2027-09-29T22:00:00Z", "Europe/Berlin")))
    assert isinstance(found, Change)
    assert {one.path: one.value for one in found.operations} == {
        "/name": "Pilot",
        AMOUNT: "1000",
        CLOSING: "2027-05-14T22:00:00Z",
    }
    assert found.warnings == ()


def test_an_undo_can_be_undone() -> None:
    """Its row is a row like any other: turned round once more it asks for what the first run had sent."""
    first = turned(sent(NAME), after(NAME))
    assert isinstance(first, Change)
    again = turned(Settled.of_change(first, Cause.CONFIRMED, "", attempts=1), BODY)
    assert isinstance(again, Change)
    assert {one.path: one.value for one in again.operations} == {"/name": "Rollout"}


def test_a_field_that_was_edited_since_stays() -> None:
    """The others go back; what stays is told with what was written and what is held."""
    held = after(NAME, *MONEY) | {"name": "Somebody else's"}
    found = turned(sent(NAME, *MONEY), held)
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == [AMOUNT]
    told = "not undone: name: was edited since the run, which had written Rollout; it holds Somebody else's"
    assert found.warnings == (told,)


def test_a_row_of_which_every_field_was_edited_is_refused() -> None:
    """By its cause a script can tell it from other refusals."""
    found = turned(sent(NAME), BODY | {"name": "Somebody else's"})
    assert isinstance(found, Settled)
    assert found.cause is Cause.MOVED_SINCE
    assert found.reason == "name: was edited since the run, which had written Rollout; it holds Somebody else's"


def test_private_values_are_not_quoted() -> None:
    """That notes were edited is told, not to what."""
    body = BODY | {"details": BODY["details"] | {"notes": "before"}}
    held = body | {"details": body["details"] | {"notes": "secret"}}
    found = turned(sent(wish(NOTES, "ours"), body=body), held)
    assert isinstance(found, Settled)
    assert found.reason == "notes: was edited since the run"


def test_what_is_back_already_needs_nothing() -> None:
    """Somebody has done it by hand."""
    found = turned(sent(NAME), BODY)
    assert isinstance(found, Settled)
    assert found.cause is Cause.IN_STEP


def test_an_amount_does_not_go_back_into_another_currency() -> None:
    """The currency was edited since: 1000 of something else was never agreed on."""
    held = after(*MONEY)
    held["details"] = held["details"] | {"currency": "USD"}
    found = turned(sent(*MONEY), held)
    assert isinstance(found, Settled)
    assert found.cause is Cause.MOVED_SINCE
    assert found.reason == "currency: was edited since the run, which had written EUR; it holds USD"


def test_a_status_that_moved_on_does_not_come_back_and_takes_its_substatus_along() -> None:
    """New became Active: there is no way back, and the rest of the row goes."""
    row = sent(wish(STATUS, "Active"), wish(SUBSTATUS, "Accepted"), NAME)
    found = turned(row, after(wish(STATUS, "Active"), wish(SUBSTATUS, "Accepted"), NAME))
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == ["/name"]
    told = "status may not move from Active to New; from Active it may become Active or Closed"
    assert found.warnings == (f"not undone: status, substatus: {told}",)


def test_a_substatus_within_one_status_comes_back() -> None:
    """Received became Pending, both are New."""
    wishes = (wish(STATUS, "New"), wish(SUBSTATUS, "Pending"))
    found = turned(sent(*wishes), after(*wishes))
    assert isinstance(found, Change)
    assert {one.path: one.value for one in found.operations}[SUBSTATUS] == "Received"


def test_a_status_that_somebody_moved_since_stays_with_its_substatus() -> None:
    """They go together: neither goes back where one of them was edited."""
    wishes = (wish(STATUS, "New"), wish(SUBSTATUS, "Pending"), NAME)
    found = turned(sent(*wishes), after(*wishes) | {"substatus": "Accepted", "status": "Active"})
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == ["/name"]
    (told,) = found.warnings
    assert told == "not undone: status: was edited since the run, which had written New; it holds Active"


def test_a_closed_referral_is_not_touched() -> None:
    """Nothing of such a row comes back, whatever else it had sent."""
    found = turned(sent(wish(STATUS, "Closed"), wish(SUBSTATUS, "Won"), NAME), BODY)
    assert isinstance(found, Settled)
    assert (found.cause, found.reason) == (
        Cause.CANNOT_UNDO,
        "the run closed the referral, and closed is terminal",
    )


def test_people_who_were_appended_stay() -> None:
    """Undo takes nobody off a list; it says how that is done."""
    people = wish(TEAM, [{"email": "new@b.example"}])
    found = turned(sent(people), after(people))
    assert isinstance(found, Settled)
    assert found.cause is Cause.CANNOT_UNDO
    assert found.reason.startswith("team: 1 added to the list; undo takes nobody off: write <remove>")


def test_a_list_that_was_taken_whole_comes_back_whole() -> None:
    """With all that its members had, as it was."""
    whole, people = Rules(whole=frozenset({TEAM})), wish(TEAM, [{"email": "new@b.example"}])
    found = turned(sent(people, rules=whole), after(people, rules=whole), rules=whole)
    assert isinstance(found, Change)
    assert [(one.op, one.path, one.value) for one in found.operations] == [("replace", TEAM, BODY["team"])]


def test_a_list_that_was_edited_since_stays() -> None:
    """Somebody added a person to the list that the run had written."""
    whole, people = Rules(whole=frozenset({TEAM})), wish(TEAM, [{"email": "new@b.example"}])
    held = after(people, rules=whole)
    held["team"] = [*held["team"], {"email": "third@b.example"}]
    found = turned(sent(people, rules=whole), held, rules=whole)
    assert isinstance(found, Settled)
    assert found.reason == "team: was edited since the run"


def test_a_field_that_was_not_there_cannot_be_taken_out() -> None:
    """The remote knows no remove: neither an added field nor an added parent goes."""
    bare = {name: value for name, value in BODY.items() if name not in ("name", "details")}
    for one in (NAME, wish(NOTES, "ours")):
        found = turned(sent(one, body=bare), after(one, body=bare))
        assert isinstance(found, Settled)
        assert found.reason.endswith("was not there before the run")


def test_a_field_that_was_there_and_empty_is_emptied_again() -> None:
    """It had a place, so it can be written there again."""
    found = turned(sent(wish(NOTES, "ours")), after(wish(NOTES, "ours")))
    assert isinstance(found, Change)
    assert [(one.op, one.value) for one in found.operations] == [("replace", None)]


def test_a_consent_that_was_given_stays() -> None:
    """It is irreversible once given."""
    body = BODY | {"consent": {"consentToShareReferralWithMicrosoftSellers": False}}
    found = turned(sent(wish(CONSENT, True), body=body), after(wish(CONSENT, True), body=body))
    assert isinstance(found, Settled)
    assert "a consent that was given cannot be taken back" in found.reason


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (Cause.ANSWER_UNKNOWN, "nobody knows yet whether it arrived"),
        (Cause.ACCEPTED_ALTERED, "the remote has altered what was sent"),
    ],
)
def test_what_may_have_been_written_is_told_and_not_guessed(cause: Cause, said: str) -> None:
    """Such a row is listed with its reason."""
    row = Settled.of_change(sent(NAME).change(), cause, "", attempts=1)
    assert wrote(row)
    found = inverse(row, ALL, APPEND)
    assert isinstance(found, Settled)
    assert said in found.reason


def test_what_was_never_sent_is_no_business_of_an_undo() -> None:
    """Unchanged, held, conflicted and deferred rows have written nothing."""
    row = sent(NAME)
    assert not any(wrote(Settled.of_change(row.change(), cause, "")) for cause in (Cause.CLOSES, Cause.STOPPED))


def test_some_fields_or_rows_may_be_selected() -> None:
    """By field, key, number and outcome; what is not selected is left out without a word."""
    row = sent(NAME, *MONEY)
    found = turned(row, after(NAME, *MONEY), selection(["field=name"]))
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == ["/name"]
    assert inverse(row, selection(["field=salesStage"]), APPEND) is None
    takes = [
        selection([word]).takes(row)
        for word in ("CRM-1", "key=CRM-1,x", GUID.upper(), f"row={row.n}", "outcome=applied", "outcome=confirmed")
    ]
    assert takes == [True] * 6
    assert [selection([word]).takes(row) for word in ("CRM-2", "row=99", "outcome=failed")] == [False] * 3


def test_every_mistake_in_a_selection_is_named() -> None:
    """Unknown kinds, numbers that are none, outcomes and fields that do not exist."""
    with pytest.raises(UsageRefused) as refused:
        selection(["keys=a", "row=x", "outcome=aplied"])
    assert refused.value.problems == (
        "--select keys=a: select by key, row, field, outcome; did you mean 'key'?",
        "--select row=x: is no row's number",
        "--select outcome=aplied: is no outcome or cause; did you mean 'applied'?",
    )
    with pytest.raises(UsageRefused, match="no field is called 'nmae'; did you mean 'name'"):
        selection(["field=nmae"])
