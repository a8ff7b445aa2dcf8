"""Where row and remote stand on one field: the table, the policies, and lists that are appended to."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import pytest
from asked import BERLIN, CLOSING, NOTES, SOLUTIONS, TEAM, configured, observed, paired, people, wish
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.core.diff import again, diff, marks
from syncjob.core.merge import Rules, merge, missing, policy
from syncjob.model import UNKNOWN, Cause, Change, Pair, Settled, Stand, Why

KEEP = Rules()
DRIFTS: tuple[Literal["keep", "overwrite"], ...] = ("keep", "overwrite")
CONFLICTS: tuple[Literal["hold", "mine", "theirs"], ...] = ("hold", "mine", "theirs")
POLICIES = [Rules(drift=drift, conflict=conflict) for drift in DRIFTS for conflict in CONFLICTS]


def stand(base: Any, held: Any, asked: Any, rules: Rules = KEEP) -> Stand:
    """Give where a text field stands."""
    return merge(wish("/name", asked), base, held, rules)


@pytest.mark.parametrize(
    ("base", "held", "asked"), list(itertools.product([UNKNOWN, None, "a", "b", "c"], "abc", "abc"))
)
def test_the_table_of_three_values_is_kept(base: Any, held: str, asked: str) -> None:
    """Every case of base, observed and desired, over three values and no base."""
    if held == asked:
        expected = Stand.AGREED
    elif base is UNKNOWN or base == held:
        expected = Stand.CHANGE
    elif base == asked:
        expected = Stand.DRIFT
    else:
        expected = Stand.CONFLICT
    assert stand(base, held, asked) is expected


@pytest.mark.parametrize("rules", POLICIES, ids=str)
def test_policies_decide_drift_and_conflict_and_nothing_else(rules: Rules) -> None:
    """What a rule decides is no drift or conflict any more; what agreed or changed stays."""
    assert policy(Stand.AGREED, rules) is Stand.AGREED
    assert policy(Stand.CHANGE, rules) is Stand.CHANGE
    drift = Stand.DRIFT if rules.drift == "keep" else Stand.CHANGE
    assert stand("a", "b", "a", rules) is policy(Stand.DRIFT, rules) is drift
    conflict = {"hold": Stand.CONFLICT, "mine": Stand.CHANGE, "theirs": Stand.DRIFT}[rules.conflict]
    assert stand("a", "b", "c", rules) is policy(Stand.CONFLICT, rules) is conflict


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_clear_stands_like_any_other_wish(nothing: Any) -> None:
    """Null, empty and absent are one nothing, as base, observed or desired."""
    assert stand(UNKNOWN, nothing, None) is Stand.AGREED
    assert stand("a", "a", None) is Stand.CHANGE
    assert stand(nothing, "a", None) is Stand.DRIFT
    assert stand("a", nothing, "a") is Stand.DRIFT
    assert stand("a", "b", None) is Stand.CONFLICT


def test_dates_are_compared_by_the_day_in_their_zone() -> None:
    """A local midnight in UTC is that day; without a zone the instants differ."""
    asked = wish(CLOSING, "2022-03-25T00:00:00Z", "Asia/Kolkata")
    assert merge(asked, UNKNOWN, "2022-03-24T18:30:00.000Z", KEEP) is Stand.AGREED
    assert merge(asked, UNKNOWN, "2022-03-24T18:29:59Z", KEEP) is Stand.CHANGE
    assert merge(wish(CLOSING, "2022-03-25T00:00:00Z"), UNKNOWN, "2022-03-24T18:30:00Z", KEEP) is Stand.CHANGE


A, B, C = ({"email": f"{name}@contoso.example"} for name in "abc")


@pytest.mark.parametrize(
    ("base", "held", "asked", "lacking", "expected"),
    [
        # base     observed  desired    to add  where it stands
        (UNKNOWN, [], [A], [A], Stand.CHANGE),
        (UNKNOWN, None, [A], [A], Stand.CHANGE),
        (UNKNOWN, [B], [A], [A], Stand.CHANGE),
        (UNKNOWN, [A, B], [A], [], Stand.AGREED),
        ([], [B], [A], [A], Stand.CHANGE),
        ([A], [], [A], [], Stand.DRIFT),
        ([A, B], [B], [A, B], [], Stand.DRIFT),
        ([A], [], [A, C], [C], Stand.CHANGE),
        ([A], [B], [A, C], [C], Stand.CHANGE),
        (None, [], [A], [A], Stand.CHANGE),
        ("x", [], [A], [A], Stand.CHANGE),
    ],
)
def test_of_an_appended_list_only_the_named_members_count(
    base: Any, held: Any, asked: Any, lacking: list[Any], expected: Stand
) -> None:
    """One who is missing and was never seen is added; one who was taken away since the base is drift."""
    one = wish(TEAM, asked)
    assert missing(one, base, held, KEEP) == lacking
    assert merge(one, base, held, KEEP) is expected


def test_overwritten_drift_brings_back_who_was_taken_away() -> None:
    """With `drift: overwrite` the row's word counts, for people too."""
    rules = Rules(drift="overwrite")
    assert missing(wish(TEAM, [A, C]), [A, C], [C], rules) == [A]
    assert merge(wish(TEAM, [A, C]), [A, C], [C], rules) is Stand.CHANGE


def test_a_whole_list_is_merged_like_one_value() -> None:
    """Order is no difference; a person too many, too few or twice is one."""
    rules = Rules(whole=frozenset({TEAM}))
    asked = wish(TEAM, [A, B])
    assert merge(asked, UNKNOWN, [B, A], rules) is Stand.AGREED
    assert merge(asked, UNKNOWN, [{**A, "title": "CTO"}, B], rules) is Stand.AGREED
    for held in ([A], [A, B, C], [A, B, B], [{**A, "email": None}, B], None, "x", ["x", A]):
        assert merge(asked, UNKNOWN, held, rules) is Stand.CHANGE
    assert merge(asked, [A, B], [A], rules) is Stand.DRIFT
    assert merge(asked, [A], [A, C], rules) is Stand.CONFLICT


@given(people(), people(), people())
def test_nobody_is_added_who_is_there_or_was_taken_away(
    base: list[dict[str, str]], held: list[dict[str, str]], asked: list[dict[str, str]]
) -> None:
    """E-mails compare without case; whoever is added was asked for."""
    keys = [{one["email"].lower() for one in many} for many in (base, held, asked)]
    added = {one["email"].lower() for one in missing(wish(TEAM, asked), base, held, KEEP)}
    assert added == keys[2] - keys[1] - keys[0]
    again_ = {one["email"].lower() for one in missing(wish(TEAM, asked), base, held, Rules(drift="overwrite"))}
    assert again_ == keys[2] - keys[1]


def test_rules_are_read_from_the_configuration() -> None:
    """Policies, the two ways of writing, and the lists that are named whole."""
    read = Rules.of(
        configured(
            {"Team": {"field": "team", "list": "whole"}, "Solutions": {"field": "solutions", "list": "append"}},
            merge={"drift": "overwrite", "conflict": "theirs"},
            remote={"url": "http://localhost:1", "money_as": "number", "clear_as": "empty"},
        )
    )
    assert read == Rules("overwrite", "theirs", frozenset({TEAM}), "number", "empty")


def plan(body: dict[str, Any], *wishes: Any, base: Any = None, rules: Rules = KEEP) -> Change:
    """Give the change of a plan."""
    found = diff(paired(body, *wishes, base=base), rules)
    assert isinstance(found, Change)
    return found


def test_after_a_clash_the_base_is_what_the_plan_saw() -> None:
    """A field that somebody else moved since is a conflict, one that nobody moved is sent."""
    change = plan({"name": "a", "salesStage": "10"}, wish("/name", "b"), wish("/salesStage", "20"))
    found = again(change, observed({"name": "a", "salesStage": "30"}), KEEP, marks(change.operations))
    assert isinstance(found, Settled)
    assert found.cause is Cause.BOTH_MOVED
    assert found.reason == "salesStage: was 10, the remote says 30, the row says 20"
    mine = again(change, observed({"name": "b", "salesStage": "30"}), Rules(conflict="mine"), marks(change.operations))
    assert isinstance(mine, Change)
    assert [(one.path, one.value) for one in mine.operations] == [("/salesStage", "20")]


def test_a_private_conflict_names_the_field_and_no_value() -> None:
    """Neither notes nor people stand in a reason."""
    change = plan({"details": {"notes": "alpha"}, "team": [A]}, wish(NOTES, "beta"), wish(TEAM, None))
    found = again(change, observed({"details": {"notes": "gamma"}, "team": [B]}), KEEP, marks(change.operations))
    assert isinstance(found, Settled)
    assert found.reason == "notes: row and remote moved apart; team: row and remote moved apart"


def test_after_a_clash_what_the_plan_left_alone_is_left_alone() -> None:
    """Drift that was kept, and the remote's own form of a value, are not sent because somebody moved a third field."""
    body = {"name": "a", "salesStage": "10", "campaignId": "CAMP", "statusReason": "x"}
    wishes = (wish("/name", "b"), wish("/salesStage", "20"), wish("/campaignId", "camp"), wish("/statusReason", "x"))
    pair = paired(body, *wishes, base={"/salesStage": "20"})
    kept = type(pair)(pair.desired, pair.observed, pair.base, {"/campaignId": ("camp", "CAMP")})
    change = diff(kept, KEEP)
    assert isinstance(change, Change)
    assert [one.path for one in change.operations] == ["/name"]
    assert change.warnings == (
        "salesStage: changed at the remote since row and remote agreed; kept",
        "campaignId: the remote keeps a form of its own of this value; it is not sent again",
    )
    found = again(change, observed(body | {"favorite": True, "statusReason": "y"}), KEEP, marks(change.operations))
    assert isinstance(found, Change)
    assert found.operations == change.operations
    assert found.warnings == (*change.warnings, "statusReason: changed at the remote since row and remote agreed; kept")


def test_after_a_clash_nobody_comes_back_who_was_taken_away_before() -> None:
    """Who was missing by somebody's hand when the plan was made is still missing by it."""
    change = plan({"team": [B]}, wish(TEAM, [A, B, C]), base={TEAM: [A, B]})
    assert [one.value for one in change.operations] == [C]
    moved = again(change, observed({"team": [B], "name": "x"}), KEEP, marks(change.operations))
    assert isinstance(moved, Change)
    assert moved.operations == change.operations
    taken = again(change, observed({"team": [C]}), KEEP, marks(change.operations))
    assert isinstance(taken, Settled)
    assert taken.cause is Cause.REMOTE_MOVED


def test_a_list_that_was_never_there_is_no_base() -> None:
    """A base that is no list takes nobody away."""
    change = plan({"team": None}, wish(TEAM, [A]), base={TEAM: None})
    found = again(change, observed({"team": None, "name": "x"}), KEEP, marks(change.operations))
    assert isinstance(found, Change)
    assert found.operations == change.operations


def test_the_form_that_the_remote_gave_a_value_is_not_asked_again() -> None:
    """What was asked once and became something else stays, until row or remote say a third thing."""
    kept = {CLOSING: ("2026-03-30T22:00:00Z", "2026-03-31T00:00:00Z"), "/name": ("A  B", "A B")}
    wishes = (wish("/name", "A  B"), wish(CLOSING, "2026-03-30T22:00:00Z", "UTC"))
    pair = paired({"name": "A B", "details": {"closingDateTime": "2026-03-31T00:00:00Z"}}, *wishes)
    found = diff(type(pair)(pair.desired, pair.observed, {}, kept), KEEP)
    assert isinstance(found, Settled)
    assert found.cause is Cause.IN_STEP
    assert len(found.warnings) == 2
    moved = paired({"name": "A C", "details": {"closingDateTime": "2026-03-31T00:00:00Z"}}, *wishes)
    other = diff(type(pair)(moved.desired, moved.observed, {}, kept), KEEP)
    assert isinstance(other, Change)
    assert [one.path for one in other.operations] == ["/name"]


@given(st.sampled_from([BERLIN, "America/New_York"]), st.sampled_from([SOLUTIONS, TEAM]))
def test_stands_never_depend_on_the_spelling_of_keys(zone: str, path: str) -> None:
    """A key in another case, with spaces or an entity, is the same member."""
    part = "id" if path == SOLUTIONS else "email"
    asked = wish(path, [{part: "A&b@X.example"}], zone)
    assert merge(asked, UNKNOWN, [{part: " a&amp;B@x.example "}], KEEP) is Stand.AGREED


def kept_pair(base: Any, held: Any, asked: Any) -> Pair:
    """Give a pair of whose name the remote keeps a form of its own: `A  B` was asked once and became `A B`."""
    pair = paired({"name": held}, wish("/name", asked), base={} if base is UNKNOWN else {"/name": base})
    return replace(pair, kept={"/name": ("A  B", "A B")})


@pytest.mark.parametrize(
    ("base", "held", "asked", "expected", "why"),
    [
        # base     observed  desired   where it stands, and why
        (UNKNOWN, "A B", "A  B", Stand.AGREED, Why.KEPT),
        ("A B", "A B", "A  B", Stand.AGREED, Why.KEPT),
        ("A  B", "A B", "A  B", Stand.AGREED, Why.KEPT),
        ("X", "A B", "A  B", Stand.AGREED, Why.KEPT),
        ("A B", "theirs", "A  B", Stand.DRIFT, Why.MERGED),  # only the remote has moved, from its own form
        ("A B", "A B", "new", Stand.CHANGE, Why.MERGED),  # only the row has moved, from the form that is there
        ("A B", "theirs", "new", Stand.CONFLICT, Why.MERGED),
        ("A B", "A B", "A B", Stand.AGREED, Why.MERGED),  # the row takes the remote's form
        ("A B", "A  B", "A  B", Stand.AGREED, Why.MERGED),  # the remote takes the row's
        (UNKNOWN, "theirs", "A  B", Stand.CHANGE, Why.MERGED),
    ],
)
def test_a_form_of_the_remote_s_own_is_a_base_like_any_other(
    base: Any, held: str, asked: str, expected: Stand, why: Why
) -> None:
    """What the remote has made of a value is no move of anybody; who moves from there is seen."""
    found = diff(kept_pair(base, held, asked), KEEP)
    [triple] = found.triples
    assert (triple.stand, triple.why) == (expected, why)


@pytest.mark.parametrize("rules", POLICIES, ids=str)
@pytest.mark.parametrize(
    ("base", "merged"), [("observed", Stand.CHANGE), ("row", Stand.DRIFT), ("agreed", Stand.CONFLICT)]
)
@pytest.mark.parametrize("why", [Why.DECIDED, Why.ADOPTED])
def test_no_policy_decides_what_a_person_has_answered(rules: Rules, base: str, merged: Stand, why: Why) -> None:
    """With an answer only the three values count; without one the policy is told as what settled it."""
    pair = paired({"name": "observed"}, wish("/name", "row"), base={"/name": base})
    [answered] = diff(replace(pair, desired=replace(pair.desired, answers={"/name": why})), rules).triples
    assert (answered.stand, answered.why) == (merged, why)
    [plain] = diff(pair, rules).triples
    assert plain.stand is policy(merged, rules)
    assert plain.why is (Why.MERGED if plain.stand is merged else Why.POLICY)


def test_what_goes_along_says_so() -> None:
    """Substatus had nothing to say; it follows its status."""
    wishes = (wish("/status", "Active"), wish("/substatus", "Accepted"))
    found = diff(paired({"status": "New", "substatus": "Accepted"}, *wishes), KEEP)
    assert [(one.path, one.stand, one.why) for one in found.triples] == [
        ("/status", Stand.CHANGE, Why.MERGED),
        ("/substatus", Stand.CHANGE, Why.FOLLOWS),
    ]


@pytest.mark.parametrize(("nights", "told"), [(0, None), (1, None), (2, 3), (3, 4), (29, 30)])
def test_what_is_set_back_every_night_is_told_from_the_third_on(nights: int, told: int | None) -> None:
    """`nights` were sent before tonight; the words count tonight too."""
    pair = replace(paired({"name": "set back"}, wish("/name", "row"), base={"/name": "row"}), nights={"/name": nights})
    found = diff(pair, Rules(drift="overwrite"))
    assert isinstance(found, Change)
    words = f"name: sent {told} nights in a row, and something sets it back: is another job at work?"
    assert found.warnings == ((words,) if told else ())


@pytest.mark.parametrize(
    ("base", "held", "rules"),
    [
        ("row", "set back", KEEP),  # drift that is kept is not sent
        ("row", "row", Rules(drift="overwrite")),  # nothing to send
        ("before", "before", KEEP),  # the row says something new
        ("before", "set back", Rules(conflict="mine")),  # and so does the remote
    ],
)
def test_only_the_same_value_sent_again_is_called_flapping(base: str, held: str, rules: Rules) -> None:
    """However many nights have gone by."""
    pair = replace(paired({"name": held}, wish("/name", "row"), base={"/name": base}), nights={"/name": 9})
    assert not [one for one in diff(pair, rules).warnings if "nights in a row" in one]
