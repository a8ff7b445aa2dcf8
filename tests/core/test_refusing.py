"""Why nothing is sent: status, currency, shape and eTag, each with its words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from asked import AMOUNT, CURRENCY, ETAG, NOTES, SOLUTIONS, STATUS, SUBSTATUS, TEAM, observed, paired, wish

from syncjob.core import status
from syncjob.core.diff import again, diff, marks
from syncjob.core.merge import Rules
from syncjob.model import Cause, Change, Observed, Pair, Settled

KEEP = Rules()
A = {"email": "a@contoso.example"}


def settled(body: dict[str, Any], *wishes: Any, base: Any = None, rules: Rules = KEEP) -> Settled:
    """Give why nothing is sent."""
    found = diff(paired(body, *wishes, base=base), rules)
    assert isinstance(found, Settled)
    return found


def changed(body: dict[str, Any], *wishes: Any, base: Any = None, rules: Rules = KEEP) -> list[tuple[str, str, Any]]:
    """Give the operations that are sent."""
    found = diff(paired(body, *wishes, base=base), rules)
    assert isinstance(found, Change)
    return [(one.op, one.path, one.value) for one in found.operations]


# ── Status ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("held", ["New", "Active", "Closed"])
@pytest.mark.parametrize("asked", ["New", "Active", "Closed"])
def test_the_status_moves_forward_only(held: str, asked: str) -> None:
    """The table: New to all, Active to Active and Closed, Closed to itself; a refusal names what is allowed."""
    order = ["New", "Active", "Closed"]
    allowed = order.index(asked) >= order.index(held)
    reason = status.refusal(held, asked)
    assert (reason == "") == allowed
    if not allowed:
        assert reason.startswith(f"status may not move from {held} to {asked}; from {held} it may become ")
        assert reason.endswith(" or ".join(status.MOVES[held]))


@pytest.mark.parametrize("held", [None, "", "Paused", "new"])
def test_a_status_that_we_do_not_know_is_for_the_remote_to_judge(held: str | None) -> None:
    """A new word of the remote must not stop rows that may well be allowed."""
    assert status.refusal(held, "Closed") == ""


@pytest.mark.parametrize(
    ("said", "both"),
    [
        (("Active", None), ("Active", "Accepted")),
        ((None, "Won"), ("Closed", "Won")),
        ((None, "Pending"), ("New", "Pending")),
        ((None, "Accepted"), ("Active", "Accepted")),
        (("Closed", "Expired"), ("Closed", "Expired")),
    ],
)
def test_one_of_status_and_substatus_completes_the_other(said: Any, both: Any) -> None:
    """Where only one word fits, it follows."""
    assert status.complete(*said) == both


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("Closed", None), "status Closed needs a substatus, one of Won, Lost, Declined, Expired; write Closed/Won"),
        (("New", None), "status New needs a substatus, one of Pending, Received; write New/Pending"),
        (("Active", "Won"), "Active/Won does not exist; with Active goes Accepted"),
        (("New", "Accepted"), "New/Accepted does not exist; with New goes Pending or Received"),
    ],
)
def test_a_choice_or_a_contradiction_is_refused(said: Any, words: str) -> None:
    """Nothing is guessed: the words name what fits."""
    with pytest.raises(ValueError, match="^" + words.replace("|", "\\|") + "$"):
        status.complete(*said)


def test_every_substatus_belongs_to_one_status() -> None:
    """The two tables fit each other."""
    assert sorted(status.STATUS_OF) == sorted(one for many in status.SUBSTATUSES.values() for one in many)
    assert status.MOVES.keys() == status.SUBSTATUSES.keys()


def moved_to(first: str, second: str) -> tuple[Any, Any]:
    """Give the two wishes of a status."""
    return wish(STATUS, first), wish(SUBSTATUS, second)


def test_an_illegal_move_is_refused_before_any_request() -> None:
    """The row ends as refused and says which moves there are."""
    found = settled({"status": "Active", "substatus": "Accepted"}, *moved_to("New", "Received"))
    assert found.cause is Cause.STATUS_MOVE
    assert found.reason == "status may not move from Active to New; from Active it may become Active or Closed"


@pytest.mark.parametrize("held", ["Closed", "Closed "])
def test_a_closed_referral_is_left_alone(held: str) -> None:
    """Closed is terminal: nothing is sent, whatever differs; what agrees is in step."""
    body = {"status": held, "substatus": "Won", "name": "a"}
    found = settled(body, wish("/name", "b"), *moved_to("Closed", "Lost"))
    assert found.cause is Cause.CLOSED_REFERRAL
    assert found.reason == "the referral is closed, which is terminal; it would change name, status, substatus"
    assert settled(body, wish("/name", "a"), *moved_to("Closed", "Won")).cause is Cause.IN_STEP


def test_status_and_substatus_go_together_even_when_one_agrees() -> None:
    """One that is right already is sent along; the pair is replaced or added as it stands."""
    assert changed({"status": "New", "substatus": "Pending"}, *moved_to("New", "Received")) == [
        ("replace", STATUS, "New"),
        ("replace", SUBSTATUS, "Received"),
    ]
    assert changed({"status": "New"}, *moved_to("Active", "Accepted")) == [
        ("replace", STATUS, "Active"),
        ("add", SUBSTATUS, "Accepted"),
    ]


@pytest.mark.parametrize(
    ("conflict", "cause"), [("hold", Cause.BOTH_MOVED), ("theirs", Cause.REMOTE_MOVED), ("mine", None)]
)
def test_a_pair_that_moved_on_both_sides_is_a_conflict_as_a_whole(conflict: Any, cause: Cause | None) -> None:
    """One word moved by the row, the other by the remote: the policy of conflicts decides for both."""
    body = {"status": "New", "substatus": "Received"}
    base = {STATUS: "New", SUBSTATUS: "Accepted"}
    found = diff(paired(body, *moved_to("Active", "Accepted"), base=base), Rules(conflict=conflict))
    assert (found.cause if isinstance(found, Settled) else None) is cause


def test_drift_of_one_of_the_pair_is_drift_of_both() -> None:
    """A status that somebody moved is kept with its substatus."""
    body = {"status": "Active", "substatus": "Accepted"}
    found = settled(body, *moved_to("New", "Received"), base={STATUS: "New", SUBSTATUS: "Received"})
    assert found.cause is Cause.REMOTE_MOVED
    assert found.reason == "status, substatus changed at the remote since row and remote agreed; kept"


# ── Money ───────────────────────────────────────────────────────────────────────────────────────

EUR = wish(CURRENCY, "EUR")


@pytest.mark.parametrize("held", [Decimal("10000.00"), 10000, "10000", "5000", None])
def test_an_amount_never_replaces_one_in_another_currency(held: Any) -> None:
    """Even an equal number is another amount: the row is invalid and names both currencies."""
    found = settled({"details": {"dealValue": held, "currency": "USD"}}, wish(AMOUNT, "10000"), EUR)
    assert found.cause is Cause.OTHER_CURRENCY
    assert found.reason == f"column {CURRENCY}: the remote holds USD, the row says EUR; settle which is right"


@pytest.mark.parametrize("held", [None, "", 0, "0", Decimal("0.00")])
def test_a_currency_alone_may_move_while_there_is_no_amount(held: Any) -> None:
    """Without an amount at the remote a currency is a word like any other."""
    body = {"details": {"dealValue": held, "currency": "USD"}}
    assert changed(body, EUR) == [("replace", CURRENCY, "EUR")]
    assert settled({"details": {"dealValue": 5, "currency": "USD"}}, EUR).cause is Cause.OTHER_CURRENCY


def test_a_currency_that_is_missing_is_filled_in() -> None:
    """Where the remote holds none, the row's currency is no other one."""
    body = {"details": {"dealValue": 5, "currency": ""}}
    assert changed(body, wish(AMOUNT, "5"), EUR) == [("replace", CURRENCY, "EUR")]


def test_an_amount_takes_along_the_currency_that_the_remote_has_lost() -> None:
    """An amount never goes alone; a cleared amount needs no currency."""
    body = {"details": {"dealValue": 5, "currency": None}}
    both = [("replace", AMOUNT, "6"), ("replace", CURRENCY, "EUR")]
    assert changed(body, wish(AMOUNT, "6"), EUR, base={CURRENCY: "EUR"}) == both
    assert changed(body, wish(AMOUNT, None), EUR, base={CURRENCY: "EUR"}) == [("replace", AMOUNT, None)]


def test_a_currency_that_only_the_remote_has_changed_is_its_own() -> None:
    """While the row's amount is what was agreed; an amount that moves would mean another currency."""
    base = {AMOUNT: "5", CURRENCY: "EUR"}
    body = {"details": {"dealValue": 5, "currency": "USD", "notes": "old"}}
    sent = changed(body, wish(AMOUNT, "5"), EUR, wish(NOTES, "new"), base=base)
    assert sent == [("replace", NOTES, "new")]
    found = settled(body, wish(AMOUNT, "6"), EUR, wish(NOTES, "new"), base=base)
    assert found.cause is not Cause.IN_STEP
    assert "USD" in found.reason


def test_a_currency_that_moved_since_is_a_conflict() -> None:
    """After a clash an amount never goes out in a currency that the plan did not see."""
    wishes = (wish(AMOUNT, "6"), EUR)
    change = diff(paired({"details": {"dealValue": 5, "currency": "EUR"}}, *wishes), KEEP)
    assert isinstance(change, Change)
    found = again(change, observed({"details": {"dealValue": 5, "currency": "USD"}}), KEEP, marks(change.operations))
    assert isinstance(found, Settled)
    assert found.cause is Cause.BOTH_MOVED
    assert found.reason == "currency: was EUR when row and remote agreed, is USD now; the row says EUR"
    bare = diff(paired({"details": {"dealValue": 5}}, *wishes), KEEP)
    assert isinstance(bare, Change)
    other = again(bare, observed({"details": {"dealValue": 5, "currency": "USD"}}), KEEP, marks(bare.operations))
    assert isinstance(other, Settled)
    assert other.reason == "column /details/currency: the remote holds USD, the row says EUR; settle which is right"


@pytest.mark.parametrize(
    ("asked", "money_as", "wire"),
    [
        ("10000", "string", "10000"),
        ("12000.5", "string", "12000.5"),
        ("10000", "number", 10000),
        ("0.5", "number", 0.5),
    ],
)
def test_an_amount_goes_as_the_configuration_says(asked: str, money_as: Any, wire: Any) -> None:
    """A string or a number; unknown which the remote prefers."""
    [(_, _, value)] = changed({"details": {"dealValue": 1}}, wish(AMOUNT, asked), rules=Rules(money_as=money_as))
    assert (value, type(value)) == (wire, type(wire))


@pytest.mark.parametrize(
    ("held", "shown"),
    [
        (Decimal("10000.10"), "10000.1"),
        (10000, "10000"),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E+999999"), "1E+999999"),
        ("ten", "ten"),
        ({"value": 1}, {"value": 1}),
        (True, True),
        (None, None),
    ],
)
def test_an_observed_amount_is_shown_digit_by_digit(held: Any, shown: Any) -> None:
    """No file rounds it, no exponent fills the disk, and what is no amount is shown as it stands."""
    found = diff(paired({"details": {"dealValue": held}}, wish(AMOUNT, "7")), KEEP)
    assert found.triples[0].observed == shown


# ── Shapes and eTags ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "asked", "at"),
    [
        ({"details": "text"}, wish(NOTES, "x"), "/details"),
        ({"details": []}, wish(NOTES, "x"), "/details"),
        ({"details": 0}, wish(NOTES, "x"), "/details"),
        ({"details": {"requirements": [1]}}, wish(SOLUTIONS, [{"id": "s"}]), "/details/requirements"),
        ({"details": {"requirements": {"solutions": {"id": "s"}}}}, wish(SOLUTIONS, [{"id": "s"}]), SOLUTIONS),
        ({"team": "x"}, wish(TEAM, [A]), TEAM),
        ({"team": {}}, wish(TEAM, [A]), TEAM),
        ({"team": False}, wish(TEAM, [A]), TEAM),
    ],
)
@pytest.mark.parametrize("whole", [frozenset[str](), frozenset({TEAM, SOLUTIONS})])
def test_nothing_is_written_over_a_shape_that_nobody_knows(
    body: dict[str, Any], asked: Any, at: str, whole: frozenset[str]
) -> None:
    """Where an object or a list should be and is not, the row fails with the place; no patch is made."""
    found = settled(body, asked, rules=Rules(whole=whole))
    assert found.cause is Cause.ODD_SHAPE
    assert found.reason == f"{at}: the remote holds what the API does not know there; nothing is written over it"


@pytest.mark.parametrize("nothing", [{"details": None}, {"details": ""}, {}])
def test_a_missing_parent_gets_one_add_with_all_below(nothing: dict[str, Any]) -> None:
    """Null, empty and absent parents alike."""
    op = "replace" if nothing else "add"
    asked = (wish(NOTES, "n"), wish(SOLUTIONS, [{"id": "s"}]), wish(AMOUNT, "5"), EUR)
    below = {"notes": "n", "requirements": {"solutions": [{"id": "s"}]}, "dealValue": "5", "currency": "EUR"}
    assert changed(nothing, *asked) == [(op, "/details", below)]


@pytest.mark.parametrize(
    ("clear_as", "path", "held", "wire"),
    [
        ("null", NOTES, "x", None),
        ("empty", NOTES, "x", ""),
        ("empty", AMOUNT, 5, None),
        ("empty", "/details/closingDateTime", "2026-01-01T00:00:00Z", None),
        ("null", TEAM, [A], []),
        ("empty", SOLUTIONS, [{"id": "s"}], []),
    ],
)
def test_a_clear_is_written_as_the_configuration_says(clear_as: Any, path: str, held: Any, wire: Any) -> None:
    """A text becomes null or empty, a list empty, everything else null."""
    body: dict[str, Any] = {"details": {"requirements": {}}}
    holder = body
    for step in path.split("/")[1:-1]:
        holder = holder[step]
    holder[path.rpartition("/")[2]] = held
    assert changed(body, wish(path, None), rules=Rules(clear_as=clear_as)) == [("replace", path, wire)]


def test_people_whose_details_differ_are_reported_and_left_alone() -> None:
    """Appending alters nobody; the warning names the parts and no value."""
    held = [{"email": "A@contoso.example", "firstName": "Ann", "phoneNumber": "1"}]
    found = settled({"team": held}, wish(TEAM, [{**A, "firstName": "Anne", "phoneNumber": "2"}]))
    assert found.cause is Cause.IN_STEP
    assert found.warnings == ("team: firstName, phoneNumber of member 1 differs at the remote; append alters nobody",)


@pytest.mark.parametrize("etag", ["", '""', "abc", 'W/"abc"', '"a","b"', '"a b"', '"a\n"', '"a"\n', "*"])
def test_a_weak_etag_is_named(etag: str) -> None:
    """The words show it, control characters escaped."""
    pair = paired({"name": "a"}, wish("/name", "b"))
    found = diff(Pair(pair.desired, Observed("id", etag, {"name": "a"})), KEEP)
    assert isinstance(found, Settled)
    assert found.cause is Cause.NO_ETAG
    assert repr(etag) in found.reason
    assert "\n" not in found.reason


def test_a_missing_etag_is_told_and_a_row_in_step_needs_none() -> None:
    """Only what would be sent asks for an eTag."""
    pair = paired({"name": "a"}, wish("/name", "b"))
    bare = diff(Pair(pair.desired, Observed("id", None, {"name": "a"})), KEEP)
    assert isinstance(bare, Settled)
    assert bare.reason == "the remote gave no eTag; nothing is sent without one"
    same = diff(Pair(pair.desired, Observed("id", None, {"name": "b"})), KEEP)
    assert isinstance(same, Settled)
    assert same.cause is Cause.IN_STEP
    assert ETAG.startswith('"')
