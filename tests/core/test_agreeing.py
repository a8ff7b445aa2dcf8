"""What is remembered of a row once it has settled: the table, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from asked import AMOUNT, NOTES, STATUS, SUBSTATUS, TEAM, applied, configured, observed, paired, pairs, rules, wish
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from syncjob.core.agreeing import agreed, answered, moved_from
from syncjob.core.diff import again, diff, marks
from syncjob.core.merge import Rules
from syncjob.model import CAUSES, UNKNOWN, Cause, Change, Outcome, Pair, Settled, Stand, Why

KEEP = Rules()
A, B, C = ({"email": f"{name}@contoso.example"} for name in "abc")
BODY = {"name": "observed", "salesStage": "10", "campaignId": "CAMP", "statusReason": "same"}
UNSENT = [one for one in Cause if one.outcome is not Outcome.APPLIED and one is not Cause.SAME_EDIT]


def settled(found: Change | Settled, cause: Cause = Cause.CONFIRMED) -> Settled:
    """Let a change end so; what has ended already stays."""
    return Settled.of_change(found, cause, "") if isinstance(found, Change) else found


def of(body: dict[str, Any], *wishes: Any, base: dict[str, Any] | None = None, rules: Rules = KEEP) -> Settled:
    """Give a row that was sent and confirmed, or that needed no sending."""
    return settled(diff(paired(body, *wishes, base=base), rules))


@pytest.mark.parametrize("cause", [Cause.CONFIRMED, Cause.READ_BACK, Cause.SAME_EDIT])
def test_what_was_seen_at_the_remote_is_agreed(cause: Cause) -> None:
    """Confirmed, read back, or made by somebody else meanwhile: row and remote say the same."""
    found = diff(paired(BODY, wish("/name", "new"), wish("/statusReason", "same")), KEEP)
    assert agreed(settled(found, cause), KEEP) == {"/name": "new", "/statusReason": "same"}


@pytest.mark.parametrize("cause", UNSENT)
def test_what_was_not_seen_at_the_remote_is_not(cause: Cause) -> None:
    """Held, refused, failed, put off or unknown: of what would be sent nothing is agreed, the rest is as it was."""
    found = diff(paired(BODY, wish("/name", "new"), wish("/statusReason", "same"), base={"/name": "observed"}), KEEP)
    assert agreed(settled(found, cause), KEEP) == {"/statusReason": "same"}


def test_a_row_in_step_is_agreed_in_all_its_fields() -> None:
    """Also what was never sent: tomorrow it is known who moves."""
    found = of(BODY, wish("/name", " observed"), wish("/statusReason", "same"))
    assert found.cause is Cause.IN_STEP
    assert agreed(found, KEEP) == {"/name": " observed", "/statusReason": "same"}


def test_what_the_remote_moved_alone_changes_nothing() -> None:
    """Drift that is kept leaves the base as it is remembered: tomorrow it is drift again."""
    found = of(BODY, wish("/name", "agreed"), wish("/salesStage", "20"), base={"/name": "agreed", "/salesStage": "10"})
    assert agreed(found, KEEP) == {"/salesStage": "20"}
    assert answered(found) == {}


def test_what_both_moved_is_known_by_what_they_moved_from() -> None:
    """So that it is a conflict until a person decides; what is beside it and would have been sent is not agreed."""
    wishes = (wish("/name", "row"), wish("/salesStage", "20"), wish("/statusReason", "same"))
    found = of(BODY, *wishes, base={"/name": "agreed", "/salesStage": "10"})
    assert found.cause is Cause.BOTH_MOVED
    assert (agreed(found, KEEP), moved_from(found)) == ({"/statusReason": "same"}, {"/name": "agreed"})


def test_a_conflict_after_a_clash_is_known_by_what_the_plan_saw() -> None:
    """Nobody knew a base when it was planned; what was observed then is one."""
    found = diff(paired(BODY, wish("/name", "row"), wish("/statusReason", "same")), KEEP)
    assert isinstance(found, Change)
    overtaken = again(found, observed(BODY | {"name": "theirs"}), KEEP, marks(found.operations))
    assert isinstance(overtaken, Settled)
    assert overtaken.cause is Cause.BOTH_MOVED
    assert (agreed(overtaken, KEEP), moved_from(overtaken)) == ({"/statusReason": "same"}, {"/name": "observed"})
    as_applied = Settled.of_change(found, overtaken.cause, "", triples=overtaken.triples)
    assert (agreed(as_applied, KEEP), moved_from(as_applied)) == ({"/statusReason": "same"}, {"/name": "observed"})


def test_of_a_form_of_the_remote_s_own_the_form_is_agreed() -> None:
    """Tomorrow the row may say it in its own spelling, and somebody who moves it is seen."""
    pair = paired(BODY, wish("/campaignId", "camp"), wish("/name", "observed"))
    found = diff(replace(pair, kept={"/campaignId": ("camp", "CAMP")}), KEEP)
    assert isinstance(found, Settled)
    assert agreed(found, KEEP) == {"/campaignId": "CAMP", "/name": "observed"}


@pytest.mark.parametrize("why", [Why.ADOPTED, Why.DECIDED])
def test_the_word_of_a_person_for_the_remote_is_agreed(why: Why) -> None:
    """The row's value is remembered: from here on the remote's is news; it is the one thing a side run may remember."""
    pair = paired(BODY, wish("/name", "row"), wish("/salesStage", "20"), base={"/name": "row", "/salesStage": "10"})
    pair = replace(pair, desired=replace(pair.desired, answers={"/name": why}))
    found = settled(diff(pair, KEEP))
    assert agreed(found, KEEP) == {"/name": "row", "/salesStage": "20"}
    assert answered(found) == {"/name": "row"}


@pytest.mark.parametrize("why", [Why.ADOPTED, Why.DECIDED])
def test_the_word_of_a_person_for_the_row_counts_once_it_is_seen(why: Why) -> None:
    """What was to be sent and was not is not agreed, whoever wanted it; a side run remembers nothing of it."""
    pair = paired(BODY, wish("/name", "row"), base={"/name": "observed"})
    found = diff(replace(pair, desired=replace(pair.desired, answers={"/name": why})), KEEP)
    assert agreed(settled(found), KEEP) == {"/name": "row"}
    assert agreed(settled(found, Cause.STOPPED), KEEP) == {}
    assert answered(settled(found)) == {}


def test_a_policy_that_lets_the_remote_win_is_no_answer() -> None:
    """`conflict: theirs` keeps the remote's value tonight and remembers nothing: whoever takes it away is asked."""
    found = of(BODY, wish("/name", "row"), base={"/name": "agreed"}, rules=Rules(conflict="theirs"))
    assert found.cause is Cause.REMOTE_MOVED
    assert agreed(found, KEEP) == answered(found) == {}


@pytest.mark.parametrize(
    ("base", "held", "asked", "remembered"),
    [
        # base      observed  desired   remembered
        (UNKNOWN, [A, B], [A], [A]),  # others in the list were never the row's business
        (UNKNOWN, [], [A], [A]),  # added
        ([A], [], [A], [A]),  # taken off: stays known as taken off
        ([A], [B], [A, C], [A, C]),  # one taken off, one added
        ([A, B], [A], [A], [A]),  # the row names B no more
    ],
)
def test_of_an_appended_list_the_members_of_the_row_are_agreed(
    base: Any, held: list[Any], asked: list[Any], remembered: list[Any]
) -> None:
    """Whoever was there once and is gone was taken off by somebody, on every night to come."""
    found = of({"team": held}, wish(TEAM, asked), base={} if base is UNKNOWN else {TEAM: base})
    assert agreed(found, KEEP) == {TEAM: remembered}


def test_of_a_whole_list_drift_is_drift() -> None:
    """A list that the row names whole is merged, and remembered, like one value."""
    found = of({"team": [A, B]}, wish(TEAM, [A]), base={TEAM: [A]}, rules=Rules(whole=frozenset({TEAM})))
    assert found.cause is Cause.REMOTE_MOVED
    assert agreed(found, Rules(whole=frozenset({TEAM}))) == {}


def test_a_row_that_was_never_held_against_a_referral_makes_nothing_known() -> None:
    """Invalid, unmatched, unread: no field, nothing agreed."""
    found = replace(of(BODY, wish("/name", "x")), triples=(), operations=())
    for cause in CAUSES.values():
        assert agreed(replace(found, cause=cause), KEEP) == answered(replace(found, cause=cause)) == {}


def test_what_an_earlier_version_has_recorded_says_no_stand() -> None:
    """Only what was sent and seen is agreed of it."""
    found = of(BODY, wish("/name", "new"), wish("/statusReason", "same"))
    old = replace(found, triples=tuple(replace(one, stand=None) for one in found.triples))
    assert agreed(old, KEEP) == {"/name": "new"}


def test_after_a_clash_what_the_plan_left_alone_keeps_its_stand_and_is_not_agreed() -> None:
    """Kept drift stays drift and is not taken for an agreement; the remote's own form stays one; the rest is merged."""
    body = BODY | {"details": {"notes": "", "dealValue": 10, "currency": "EUR"}}
    wishes = (
        wish("/name", "b"),
        wish("/salesStage", "20"),
        wish("/campaignId", "camp"),
        wish("/statusReason", "same"),
        wish(NOTES, "row"),
    )
    pair = paired(body, *wishes, base={"/name": "observed", "/salesStage": "20", NOTES: "agreed"})
    pair = replace(pair, kept={"/campaignId": ("camp", "CAMP")})
    pair = replace(pair, desired=replace(pair.desired, answers={"/salesStage": Why.DECIDED}))
    change = diff(pair, Rules(conflict="theirs"))
    assert isinstance(change, Change)
    left = {one.path: (one.stand, one.why) for one in change.triples if one.path not in ("/name", "/statusReason")}
    assert left == {
        "/salesStage": (Stand.DRIFT, Why.DECIDED),
        "/campaignId": (Stand.AGREED, Why.KEPT),
        NOTES: (Stand.DRIFT, Why.POLICY),
    }
    found = again(change, observed(body | {"favorite": True}), Rules(conflict="theirs"), marks(change.operations))
    assert isinstance(found, Change)
    assert {one.path: (one.stand, one.why) for one in found.triples if one.path in left} == left
    done = Settled.of_change(found, Cause.CONFIRMED, "")
    assert agreed(done, KEEP) == {"/name": "b", "/statusReason": "same", "/salesStage": "20", "/campaignId": "CAMP"}


def test_after_a_clash_kept_drift_without_a_person_is_no_agreement() -> None:
    """The base that it has drifted from stays what it is remembered as."""
    pair = paired(BODY, wish("/name", "b"), wish("/salesStage", "20"), base={"/name": "observed", "/salesStage": "20"})
    change = diff(pair, KEEP)
    assert isinstance(change, Change)
    found = again(change, observed(BODY | {"statusReason": "moved"}), KEEP, marks(change.operations))
    assert isinstance(found, Change)
    assert agreed(Settled.of_change(found, Cause.CONFIRMED, ""), KEEP) == {"/name": "b"}


def test_status_and_substatus_are_agreed_together() -> None:
    """Sent together, or in step together."""
    asked = (wish(STATUS, "Active"), wish(SUBSTATUS, "Accepted"))
    for held in (("New", "Received"), ("Active", "Accepted")):
        found = of({"status": held[0], "substatus": held[1]}, *asked)
        assert agreed(found, KEEP) == {STATUS: "Active", SUBSTATUS: "Accepted"}


many = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def next_night(pair: Pair, row: Settled, ruled: Rules, body: dict[str, Any]) -> Change | Settled:
    """Diff once more with what was remembered."""
    return diff(Pair(pair.desired, observed(body), {**pair.base, **agreed(row, ruled)}), ruled)


@many
@given(pairs(), rules)
def test_remembering_a_night_settles_the_next(pair: Pair, ruled: Rules) -> None:
    """After a change has landed and was remembered the same row finds nothing to send, whatever it knew before."""
    found = diff(pair, ruled)
    body = dict(pair.observed.body)
    if isinstance(found, Change):
        body = applied(body, found.operations)
    second = next_night(pair, settled(found), ruled, body)
    assert isinstance(second, Settled)
    if isinstance(found, Settled):
        assert second.cause is found.cause


@many
@given(pairs())
def test_what_is_not_sent_tonight_is_not_forgotten(pair: Pair) -> None:
    """A change that was put off is the same change tomorrow; a conflict stays one; drift stays drift."""
    found = diff(pair, KEEP)
    row = settled(found, Cause.STOPPED)
    second = next_night(pair, row, KEEP, dict(pair.observed.body))
    if isinstance(found, Change):
        assert isinstance(second, Change)
        assert second.operations == found.operations
    else:
        assert isinstance(second, Settled)
        assert second.cause is found.cause


def test_the_configuration_s_own_rules_are_what_is_remembered_by() -> None:
    """An amount is remembered as its digits, whatever is sent."""
    ruled = Rules.of(configured({"Amount": {"field": "dealValue", "currency": "EUR"}}))
    body = {"details": {"dealValue": 10, "currency": "EUR"}}
    assert agreed(of(body, wish(AMOUNT, "1000"), rules=ruled), ruled) == {AMOUNT: "1000"}
