"""The laws of a patch, over referrals in every shape the remote is known to have."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from asked import (
    ETAG,
    LISTS,
    STATUS,
    SUBSTATUS,
    applied,
    at,
    bodies,
    means,
    members,
    observed,
    paired,
    pairs,
    rules,
    touched,
    wishes,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.core.diff import again, at_length, diff, marks
from syncjob.core.fields import BY_PATH
from syncjob.core.fields import LISTS as KINDS_OF_LISTS
from syncjob.core.glancing import in_step
from syncjob.core.merge import Rules
from syncjob.model import (
    UNKNOWN,
    Cause,
    Change,
    Desired,
    Observed,
    Operation,
    Pair,
    Place,
    Settled,
    SourceRow,
    Stand,
    Why,
    Wish,
)

Case = tuple[Pair, Rules, Change]


@st.composite
def changes(draw: st.DrawFn) -> Case:
    """Give a pair that differs, the rules, and the change that was made of it."""
    pair, ruled = draw(pairs()), draw(rules)
    found = diff(pair, ruled)
    assume(isinstance(found, Change))
    assert isinstance(found, Change)
    return pair, ruled, found


many = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def asked_for(case: Case, body: Mapping[str, Any]) -> list[str]:
    """Give the fields that were to move and do not mean what was asked."""
    pair, ruled, change = case
    lacking = []
    for one in touched(change):
        whole = one.path in ruled.whole
        asked = one.desired
        if one.path in LISTS and not whole and asked is not None:
            gone = {} if ruled.drift == "overwrite" else members(pair.base.get(one.path), one.path)
            asked = [member for key, member in members(asked, one.path).items() if key not in gone]
        if not means(one.path, asked, at(body, one.path), zone=one.zone, whole=whole):
            lacking.append(one.path)
    return lacking


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every leaf of a document with its path; a list is one leaf."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from leaves(below, f"{path}/{key}")
    else:
        yield path, value


@many
@given(changes())
def test_only_add_and_replace_are_sent(case: Case) -> None:
    """The remote knows no other operation."""
    _, _, change = case
    assert {one.op for one in change.operations} <= {"add", "replace"}


@many
@given(changes())
def test_a_replace_has_its_target_and_an_add_its_parent(case: Case) -> None:
    """RFC 6902 refuses both otherwise; what an add puts did not stand there, save at a list's end."""
    pair, _, change = case
    for one in change.operations:
        parent, _, last = one.path.rpartition("/")
        holder = at(pair.observed.body, parent) if parent else pair.observed.body
        if last == "-":
            assert isinstance(holder, list)
        else:
            assert isinstance(holder, Mapping)
            assert (last in holder) == (one.op == "replace")


@many
@given(changes())
def test_after_the_patch_every_field_means_what_was_asked(case: Case) -> None:
    """Judged by RFC 6902 and by a second telling of what values mean."""
    pair, _, change = case
    assert not asked_for(case, applied(pair.observed.body, change.operations))


@many
@given(changes())
def test_a_second_diff_over_the_patched_referral_is_empty(case: Case) -> None:
    """Nothing is sent twice: the same row finds the patched referral in step, or drifted where it was kept."""
    pair, ruled, change = case
    after = observed(applied(pair.observed.body, change.operations))
    second = diff(Pair(pair.desired, after, pair.base), ruled)
    assert isinstance(second, Settled)
    assert second.cause in (Cause.IN_STEP, Cause.REMOTE_MOVED)
    if not pair.base:
        assert second.cause is Cause.IN_STEP


@many
@given(changes())
def test_leaving_out_any_operation_breaks_it(case: Case) -> None:
    """No operation is there for nothing; status and substatus count as one, they only travel together."""
    pair, _, change = case
    units = [[one] for one in change.operations if one.path not in (STATUS, SUBSTATUS)]
    units.append([one for one in change.operations if one.path in (STATUS, SUBSTATUS)])
    for unit in filter(None, units):
        rest = [one for one in change.operations if one not in unit]
        assert asked_for(case, applied(pair.observed.body, rest)), f"{unit} is not needed"


@many
@given(changes())
def test_nothing_that_is_not_named_moves(case: Case) -> None:
    """Every leaf outside the named fields is what it was, and those who stand in a list stay in their order."""
    pair, ruled, change = case
    before, after = dict(leaves(pair.observed.body)), dict(leaves(applied(pair.observed.body, change.operations)))
    named = {one.path for one in touched(change)}
    for path in before.keys() | after.keys():
        ours = any(path == one or one.startswith(path + "/") for one in named)
        if not ours:
            assert (path in before, before.get(path)) == (path in after, after.get(path)), path
    for one in touched(change):
        held = at(pair.observed.body, one.path)
        if one.path in LISTS and one.path not in ruled.whole and one.desired is not None and held:
            assert after[one.path][: len(held)] == held


@many
@given(changes())
def test_the_operations_are_the_fewest(case: Case) -> None:
    """One for each field that moves, one for each missing parent with all below it, one for each member appended."""
    pair, ruled, change = case
    body, least = pair.observed.body, set[str]()
    for one in touched(change):
        steps = one.path.split("/")
        prefixes = ["/".join(steps[:depth]) for depth in range(2, len(steps))]
        missing = next((prefix for prefix in prefixes if at(body, prefix) in (None, "")), one.path)
        held = at(body, one.path)
        if one.path in LISTS and one.path not in ruled.whole and one.desired is not None and held:
            gone = {} if ruled.drift == "overwrite" else members(pair.base.get(one.path), one.path)
            there = members(held, one.path).keys() | gone.keys()
            least |= {f"{one.path}/{key}" for key in members(one.desired, one.path) if key not in there}
        else:
            least.add(missing)
    assert len(change.operations) == len(least)


@many
@given(changes())
def test_status_and_substatus_always_travel_together(case: Case) -> None:
    """A patch that touches one of the two touches both."""
    _, _, change = case
    sent = {one.path for one in change.operations} & {STATUS, SUBSTATUS}
    assert sent in (set(), {STATUS, SUBSTATUS})


@many
@given(pairs(), rules)
def test_deciding_alters_nothing_that_it_was_given(pair: Pair, ruled: Rules) -> None:
    """Referral, wishes and base are what they were."""
    before = copy.deepcopy(pair)
    diff(pair, ruled)
    assert pair == before


@many
@given(pairs(), rules, st.sampled_from([None, "", '""', "abc", 'W/"abc"', '"a', '"a","b"', '"a\r\nb"', '"é"', "*"]))
def test_no_change_without_a_strong_etag(pair: Pair, ruled: Rules, etag: str | None) -> None:
    """An eTag that is absent, weak, unquoted, a list, or no header at all protects nothing: nothing is sent."""
    bare = Pair(pair.desired, Observed(pair.observed.id, etag, pair.observed.body), pair.base)
    found = diff(bare, ruled)
    assert isinstance(found, Settled)
    if isinstance(diff(pair, ruled), Change):
        assert found.cause is Cause.NO_ETAG


@many
@given(changes())
def test_the_etag_of_the_change_is_the_one_that_was_read(case: Case) -> None:
    """Verbatim, its own quotes included."""
    _, _, change = case
    assert change.etag == ETAG


@many
@given(changes())
def test_a_change_survives_being_written_down(case: Case) -> None:
    """What a plan file holds reads back as the same operations, and decides the same when it is merged anew."""
    pair, ruled, change = case
    written = Settled.of_change(change, Cause.TO_SEND, "").to_line()
    read = Settled.from_line(written)
    assert read.to_line() == written
    assert marks(read.change().operations) == marks(change.operations)
    once = again(change, pair.observed, ruled, marks(change.operations))
    twice = again(read.change(), pair.observed, ruled, marks(change.operations))
    assert isinstance(once, Change)
    assert isinstance(twice, Change)
    assert once.operations == twice.operations == change.operations


@many
@given(pairs(), rules)
def test_a_row_survives_being_written_down(pair: Pair, ruled: Rules) -> None:
    """A row that waits on disk decides what it would have decided in memory."""
    read = Desired.unpacked(pair.desired.packed())
    one, two = diff(pair, ruled), diff(Pair(read, pair.observed, pair.base), ruled)
    assert one == two


@many
@given(pairs(), rules)
def test_a_row_ends_as_a_change_or_with_a_reason(pair: Pair, ruled: Rules) -> None:
    """Two doors out: what settles here names no operation, and says why unless all is well."""
    found = diff(pair, ruled)
    if isinstance(found, Settled):
        assert found.operations == ()
        assert bool(found.reason) == (found.cause is not Cause.IN_STEP)
    assert [one.path for one in found.triples] == [one.path for one in pair.desired.wishes]


odd: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, "", "text", 0, 7, True, False]) | st.builds(list) | st.builds(dict),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["-", "0", "team", "email"]), below),
    max_leaves=4,
)
PLACES = ("status", "substatus", "details", "team", "customerProfile", "consent", "inviteContext", "name", "favorite")
BELOW = ("dealValue", "currency", "closingDateTime", "requirements", "notes")


@st.composite
def odd_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Give a referral in which anything stands anywhere."""
    body = copy.deepcopy(draw(bodies()))
    body.update(draw(st.dictionaries(st.sampled_from(PLACES), odd, max_size=4)))
    if isinstance(body.get("details"), dict):
        body["details"].update(draw(st.dictionaries(st.sampled_from(BELOW), odd, max_size=3)))
        if isinstance(body["details"].get("requirements"), dict):
            body["details"]["requirements"]["solutions"] = draw(odd)
    return body


@pytest.mark.long
@settings(many, max_examples=150)
@given(odd_bodies(), wishes(), rules)
def test_no_document_of_the_remote_breaks_us(body: dict[str, Any], asked: Any, ruled: Rules) -> None:
    """Whatever stands where a field should be, the row ends as a right patch or with a reason."""
    pair = paired(body, *asked)
    found = diff(pair, ruled)
    (Settled.of_change(found, Cause.TO_SEND, "") if isinstance(found, Change) else found).to_line()
    if isinstance(found, Change):
        after = applied(body, found.operations)
        second = diff(Pair(pair.desired, observed(after)), ruled)
        assert isinstance(second, Settled)
        assert second.cause is Cause.IN_STEP


@many
@given(changes(), st.data())
def test_merging_anew_never_sends_what_was_not_shown(case: Case, data: st.DataObject) -> None:
    """After a clash only (path, value) pairs of the plan may go, whatever the referral has become."""
    _, ruled, change = case
    moved = data.draw(odd_bodies())
    found = again(change, observed(moved, '"other"'), ruled, marks(change.operations))
    if isinstance(found, Change):
        assert marks(found.operations) <= marks(change.operations)
        assert found.etag == '"other"'


@many
@given(changes(), st.data())
def test_merging_anew_with_few_marks_is_stale(case: Case, data: st.DataObject) -> None:
    """An operation that the plan did not show stops the row, named by its path."""
    pair, ruled, change = case
    hidden = data.draw(st.sampled_from(change.operations))
    shown = marks([one for one in change.operations if one != hidden])
    found = again(change, pair.observed, ruled, shown)
    assert isinstance(found, Settled)
    assert found.cause is Cause.PLAN_STALE
    assert hidden.path in found.reason


@many
@given(changes())
def test_merging_anew_over_the_same_referral_is_the_same_change(case: Case) -> None:
    """What was left alone on purpose (drift, the remote's own form) does not come back as a change."""
    pair, ruled, change = case
    found = again(change, Observed(change.id, '"other"', pair.observed.body), ruled, marks(change.operations))
    assert isinstance(found, Change)
    assert found.operations == change.operations


@many
@given(changes())
def test_merging_anew_over_the_patched_referral_is_in_step(case: Case) -> None:
    """Somebody made the same edit: there is nothing left of ours to send."""
    pair, ruled, change = case
    after = observed(applied(pair.observed.body, change.operations))
    found = again(change, after, ruled, marks(change.operations))
    assert isinstance(found, Settled)
    assert found.cause in (Cause.IN_STEP, Cause.REMOTE_MOVED)


@many
@given(pairs(), rules)
def test_who_was_taken_away_is_not_added_again(pair: Pair, ruled: Rules) -> None:
    """A member of the base whom the remote no longer holds stays away, unless drift is overwritten."""
    found = diff(pair, ruled)
    if not isinstance(found, Change) or ruled.drift == "overwrite":
        return
    for path in LISTS:
        if path in ruled.whole or pair.base.get(path, UNKNOWN) is UNKNOWN:
            continue
        taken = members(pair.base[path], path).keys() - members(at(pair.observed.body, path), path).keys()
        put = [one.value for one in found.operations if one.path in (path, f"{path}/-")]
        flat = [one for value in put for one in (value if isinstance(value, list) else [value])]
        assert not taken & members(flat, path).keys()


def test_an_operation_is_what_goes_over_the_wire() -> None:
    """Three words, nothing else."""
    one = Operation("add", "/name", "x")
    assert one.to_json() == {"op": "add", "path": "/name", "value": "x"}


@many
@given(pairs(), rules)
def test_every_triple_says_where_it_stands_and_nothing_else_goes(pair: Pair, ruled: Rules) -> None:
    """Of a change the operations reach exactly what stands as a change; what settles unsent says its stand too."""
    found = diff(pair, ruled)
    assert all(one.stand is not None for one in found.triples)
    if isinstance(found, Change):
        reached = {one.path for one in found.triples if any(sent.reaches(one.path) for sent in found.operations)}
        assert reached == {one.path for one in found.triples if one.stand is Stand.CHANGE}
        assert not any(one.stand is Stand.CONFLICT for one in found.triples)


@many
@given(pairs(), rules)
def test_a_policy_is_named_where_it_has_settled_something(pair: Pair, ruled: Rules) -> None:
    """As told by the same merge without policies; status and substatus follow each other."""
    bent, plain = diff(pair, ruled), diff(pair, ruled.unbent)
    for one, other in zip(bent.triples, plain.triples, strict=True):
        if one.path in (STATUS, SUBSTATUS) or Why.FOLLOWS in (one.why, other.why):
            continue
        assert (one.why is Why.POLICY) == (one.stand is not other.stand), one.path


@many
@given(pairs(), rules)
def test_a_person_s_answer_is_above_every_policy(pair: Pair, ruled: Rules) -> None:
    """With an answer for every field the policies might as well not be there."""
    answers = {one.path: Why.DECIDED for one in pair.desired.wishes}
    told = Pair(replace(pair.desired, answers=answers), pair.observed, pair.base)
    members_of = [one for one in pair.desired.wishes if one.path in LISTS and one.path not in ruled.whole]
    assume(not members_of and not {STATUS, SUBSTATUS} & answers.keys())
    stands = [(one.path, one.stand) for one in diff(pair, ruled.unbent).triples]
    assert [(one.path, one.stand) for one in diff(told, ruled).triples] == stands


@many
@given(changes(), bodies())
def test_after_a_clash_what_was_left_alone_and_did_not_move_keeps_its_stand(case: Case, now: dict[str, Any]) -> None:
    """Whatever else somebody has done meanwhile: what the plan left alone is left alone for the same reason."""
    _, ruled, change = case
    found = again(change, observed(now), ruled, marks(change.operations))
    before = {one.path: one for one in change.triples}
    for one in found.triples:
        was = before[one.path]
        if was.stand is Stand.DRIFT and one.observed == was.observed and one.path not in (STATUS, SUBSTATUS):
            assert (one.stand, one.why) in ((was.stand, was.why), (Stand.CHANGE, Why.FOLLOWS)), one.path


@pytest.mark.long
@settings(many, max_examples=150)
@given(pairs(), rules, st.data())
def test_the_short_way_ends_as_the_long_one(pair: Pair, ruled: Rules, data: st.DataObject) -> None:
    """What is in step at a glance is in step at length, with the same words to the letter."""
    agreeing = {one.path: one.desired for one in pair.desired.wishes if data.draw(st.booleans())}
    body = copy.deepcopy(dict(pair.observed.body))
    for path, value in agreeing.items():
        *parents, last = path[1:].split("/")
        holder = body
        for step in parents:
            holder[step] = holder[step] if isinstance(holder.get(step), dict) else {}
            holder = holder[step]
        holder[last] = value
    met = Pair(pair.desired, Observed(pair.observed.id, pair.observed.etag, body), pair.base)
    short = in_step(met.desired, met.observed, met.base)
    assert short is None or short == at_length(met, ruled)
    if short is None and len(agreeing) == len(pair.desired.wishes):
        assert any(BY_PATH[one.path].kind in KINDS_OF_LISTS or one.removed for one in pair.desired.wishes)


def test_a_referral_that_is_no_object_of_json_takes_the_long_way() -> None:
    """Only a plain one is looked at at a glance."""
    row = SourceRow(1, Place("deals.csv", 2), {})
    desired = Desired(row, "k", (Wish("/name", None, "Deal"),))
    assert in_step(desired, Observed("id-1", '"e"', MappingProxyType({"name": "a"})), {}) is None
    assert in_step(desired, Observed("id-1", '"e"', {"name": ""}), {}) is not None
