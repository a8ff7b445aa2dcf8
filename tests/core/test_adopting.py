"""A person says whose word counts where nobody knows who moved."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from asked import AMOUNT, CURRENCY, STATUS, SUBSTATUS, TEAM, applied, observed, paired, pairs, rules, wish
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from syncjob.core.adopting import Whose, adopted
from syncjob.core.agreeing import agreed
from syncjob.core.diff import diff
from syncjob.core.guard import touched
from syncjob.core.merge import Rules
from syncjob.model import Cause, Change, Desired, Pair, Settled, Stand, Why

KEEP = Rules()
A, B = ({"email": f"{name}@contoso.example"} for name in "ab")
BODY: dict[str, Any] = {"name": "theirs", "salesStage": "10", "statusReason": "same", "team": [A]}


def test_the_row_s_word_is_sent_and_held_by_no_guard() -> None:
    """They had agreed on what is observed: the row has moved since, and has a history now."""
    found = diff(adopted(paired(BODY, wish("/name", "mine"), wish(TEAM, [B])), "row", KEEP), KEEP)
    assert isinstance(found, Change)
    assert [(one.path, one.value) for one in found.operations] == [("/name", "mine"), ("/team/-", B)]
    assert {(one.path, one.stand, one.why) for one in found.triples} == {
        ("/name", Stand.CHANGE, Why.ADOPTED),
        (TEAM, Stand.CHANGE, Why.ADOPTED),
    }
    assert "first-run" not in touched(found)


def test_the_remote_s_word_is_kept_and_remembered() -> None:
    """They had agreed on what the row says: the remote has moved since, tonight and on the nights to come."""
    pair = adopted(paired(BODY, wish("/name", "mine"), wish(TEAM, [B])), "remote", KEEP)
    found = diff(pair, KEEP)
    assert isinstance(found, Settled)
    assert found.cause is Cause.REMOTE_MOVED
    assert agreed(found, KEEP) == {"/name": "mine", TEAM: [B]}
    tomorrow = diff(Pair(pair.desired, observed(BODY), agreed(found, KEEP)), KEEP)
    assert isinstance(tomorrow, Settled)
    assert tomorrow.cause is Cause.REMOTE_MOVED
    moved = diff(paired(BODY, wish("/name", "newer"), base=agreed(found, KEEP)), KEEP)
    assert isinstance(moved, Settled)
    assert moved.cause is Cause.BOTH_MOVED


@pytest.mark.parametrize("whose", get_args(Whose))
def test_what_is_remembered_is_no_question(whose: Whose) -> None:
    """A base that is known stands, whoever is adopted; a field in step needs no word of anybody."""
    base = {"/name": "agreed", "/salesStage": "10"}
    pair = paired(BODY, wish("/name", "mine"), wish("/salesStage", "20"), wish("/statusReason", "same"), base=base)
    assert adopted(pair, whose, KEEP) == pair
    mixed = paired(BODY, wish("/name", "mine"), wish("/salesStage", "20"), base={"/salesStage": "10"})
    found = adopted(mixed, whose, KEEP)
    assert found.base == {"/name": "theirs" if whose == "row" else "mine", "/salesStage": "10"}
    assert found.desired.answers == {"/name": Why.ADOPTED}


@pytest.mark.parametrize("ruled", [Rules(drift="overwrite"), Rules(conflict="mine"), Rules(conflict="theirs")], ids=str)
def test_a_person_s_word_is_above_every_policy(ruled: Rules) -> None:
    """The remote's word is kept where drift is overwritten, the row's is sent where the remote's would win."""
    kept = diff(adopted(paired(BODY, wish("/name", "mine")), "remote", ruled), ruled)
    assert isinstance(kept, Settled)
    assert kept.cause is Cause.REMOTE_MOVED
    sent = diff(adopted(paired(BODY, wish("/name", "mine")), "row", ruled), ruled)
    assert isinstance(sent, Change)


def test_status_and_substatus_are_adopted_as_one() -> None:
    """Where only one of the two differs the other goes, or stays, with it."""
    body = {"status": "New", "substatus": "Pending", "details": {"dealValue": 1, "currency": "EUR"}}
    asked = (wish(STATUS, "Active"), wish(SUBSTATUS, "Accepted"), wish(AMOUNT, "2"), wish(CURRENCY, "EUR"))
    kept = diff(adopted(paired(body, *asked), "remote", KEEP), KEEP)
    assert isinstance(kept, Settled)
    assert kept.cause is Cause.REMOTE_MOVED
    sent = diff(adopted(paired(body, *asked), "row", KEEP), KEEP)
    assert isinstance(sent, Change)
    assert {one.path for one in sent.operations} == {STATUS, SUBSTATUS, AMOUNT}


def test_whoever_is_to_leave_a_list_stays_where_the_remote_is_right() -> None:
    """`<remove>` is the row's word too: where the remote's counts nobody is taken off."""
    team = structs.replace(wish(TEAM, []), removed=("a@contoso.example",))
    kept = diff(adopted(paired(BODY, team), "remote", KEEP), KEEP)
    assert isinstance(kept, Settled)
    assert (kept.cause, kept.triples) == (Cause.IN_STEP, ())
    assert kept.warnings == ("team: nobody leaves the list: the remote's word counts",)
    sent = diff(adopted(paired(BODY, team), "row", KEEP), KEEP)
    assert isinstance(sent, Change)
    assert [(one.path, one.value) for one in sent.operations] == [(TEAM, [])]


def test_an_answer_survives_the_draft() -> None:
    """What was said of a row is written down with it, complete."""
    row = adopted(paired(BODY, wish("/name", "mine")), "remote", KEEP).desired
    assert Desired.unpacked(row.packed()) == row


many = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@many
@given(pairs(), rules, st.sampled_from(get_args(Whose)))
def test_after_adopting_no_row_is_without_a_history(pair: Pair, ruled: Rules, whose: Whose) -> None:
    """Whatever is sent then is held by no first-run guard, and the next night finds nothing more to send."""
    told = adopted(pair, whose, ruled)
    found = diff(told, ruled)
    if isinstance(found, Settled):
        return
    assert "first-run" not in touched(found)
    done = Settled.of_change(found, Cause.CONFIRMED, "")
    after = observed(applied(pair.observed.body, found.operations))
    base = {**told.base, **agreed(done, ruled)}
    assert isinstance(diff(Pair(pair.desired, after, base), replace(ruled, drift="keep")), Settled)


@many
@given(pairs(), rules)
def test_where_the_remote_is_right_nothing_without_a_history_is_sent(pair: Pair, ruled: Rules) -> None:
    """What goes then had a base before anybody was asked, or goes along with what had."""
    found = diff(adopted(pair, "remote", ruled), ruled)
    if isinstance(found, Change):
        together = {STATUS, SUBSTATUS, AMOUNT, CURRENCY}
        for one in found.triples:
            if any(operation.reaches(one.path) for operation in found.operations) and one.path not in together:
                assert one.path in pair.base
