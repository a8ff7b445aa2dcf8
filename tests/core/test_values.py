"""What values mean: spellings that are no difference, and what goes over the wire."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from asked import AMOUNT, BERLIN, CLOSING, CONSENT, SOLUTIONS, TEAM
from hypothesis import assume, given
from hypothesis import strategies as st

from syncjob.core.fields import BY_NAME, BY_PATH, PRIVATE, TABLE, Kind, did_you_mean, find
from syncjob.core.values import by_key, differing, look, midnight, moment, money, number, same, stands, text

EPOCH, END = datetime.fromisoformat("1971-01-01"), datetime.fromisoformat("2099-01-01")
printable = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(printable)
def test_spelling_is_no_difference(word: str) -> None:
    """NFC against NFD, outer spaces, an entity for an ampersand, and the line ends of Windows."""
    assert same("/name", word, unicodedata.normalize("NFD", word))
    assert same("/name", word, f"  {word}\t")
    assert same("/name", word.replace("\r", "").replace("\n", "\r\n"), word.replace("\r", ""))
    assert same("/name", "a & b" + word, "a &amp; b" + word)


@pytest.mark.parametrize("path", [field.path for field in TABLE])
def test_null_empty_and_absent_are_the_same_nothing(path: str) -> None:
    """For every field of the table, lists included."""
    nothings: list[Any] = [None, "", *([[]] if BY_PATH[path].kind in (Kind.PEOPLE, Kind.SOLUTIONS) else [])]
    assert all(same(path, one, two) for one in nothings for two in nothings)


@pytest.mark.parametrize(("one", "two"), [("a", "b"), ("a", "A"), ("a b", "a  b"), ("a", None), ("1", "01")])
def test_other_words_are_another_meaning(one: Any, two: Any) -> None:
    """Case and inner spaces count in a text."""
    assert not same("/name", one, two)


@given(st.decimals(0, 10**14, places=4))
def test_a_number_is_the_same_however_it_is_spelt(amount: Decimal) -> None:
    """As Decimal, as string, with more zeros, and as both forms that go over the wire."""
    spellings = [amount, str(amount), f"{amount}00", money(amount, as_string=True)]
    assert all(same(AMOUNT, str(amount), one) for one in spellings)
    assert not same(AMOUNT, str(amount + 1), amount)
    digits = money(amount, as_string=True)
    assert not digits.endswith((".", "0")) or "." not in digits


@given(st.integers(0, 10**11 - 1), st.integers(0, 9999))
def test_an_amount_of_fifteen_digits_survives_as_a_json_number(whole: int, rest: int) -> None:
    """What a cell may hold is exact as a number, too."""
    amount = Decimal(f"{whole}.{rest:04}")
    wire = money(amount, as_string=False)
    assert same(AMOUNT, str(amount), wire)
    assert isinstance(wire, int) == (rest == 0)


@pytest.mark.parametrize("held", ["ten", "NaN", "Infinity", {}, True, "1e99999999999999999999"])
def test_what_is_no_number_is_compared_as_words(held: Any) -> None:
    """The remote may hold anything: it is another value, not an error."""
    assert number(held) == str(held)
    assert not same(AMOUNT, "10", held)


@pytest.mark.parametrize("held", [True, "true", "True", "TRUE"])
def test_a_boolean_is_the_same_as_its_word(held: Any) -> None:
    """True, "true"; false is not nothing."""
    assert same(CONSENT, True, held)
    assert not same(CONSENT, False, held)
    assert not same(CONSENT, False, None)
    assert not same(CONSENT, False, "maybe")


@given(st.datetimes(EPOCH, END), st.integers(0, 7), st.sampled_from(["Z", "+00:00"]))
def test_fractions_compare_exactly_without_their_zeros(at: datetime, zeros: int, offset: str) -> None:
    """0 to 7 digits, trailing zeros trimmed; one more instant is another."""
    base = at.replace(microsecond=0).isoformat()
    fraction = "." + "0" * zeros if zeros else ""
    assert same(CLOSING, f"{base}Z", f"{base}{fraction}{offset}")
    assert same(CLOSING, f"{base}.12Z", f"{base}.1200000{offset}")
    assert not same(CLOSING, f"{base}.1200001Z", f"{base}.12{offset}")


ZONES = [BERLIN, "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Kolkata", "Atlantic/Azores", "UTC"]


@given(st.dates(date(1971, 1, 1), date(2099, 12, 31)), st.sampled_from(ZONES))
def test_midnight_lies_on_its_day(day: date, zone: str) -> None:
    """In every zone, also where midnight does not exist or comes twice, and it is the day's first second."""
    instant = midnight(day, zone)
    assert moment(instant, zone) == day
    before = datetime.fromisoformat(instant).timestamp() - 1
    assert moment(datetime.fromtimestamp(before, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), zone) < day


def test_a_day_without_midnight_begins_an_hour_late() -> None:
    """São Paulo, 4 November 2018: the clocks went from 24:00 to 01:00."""
    assert midnight(date(2018, 11, 4), "America/Sao_Paulo") == "2018-11-04T03:00:00Z"
    assert midnight(date(2026, 3, 31), BERLIN) == "2026-03-30T22:00:00Z"
    assert midnight(date(5, 1, 2), "UTC") == "0005-01-02T00:00:00Z"


@pytest.mark.parametrize(
    "odd", ["soon", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01", "0001-01-01T00:00:00Z"]
)
def test_what_is_no_timestamp_is_compared_as_words(odd: str) -> None:
    """Also a moment before all time in its zone."""
    assert moment(odd, "America/New_York") == odd


def test_members_of_a_list_compare_by_their_key() -> None:
    """Order and what was not asked are no difference; e-mails compare without case, prices as numbers."""
    ann, bob = {"email": "Ann@x.example", "firstName": "Ann"}, {"email": "bob@x.example"}
    held = [
        {"email": "BOB@x.example ", "title": "CTO"},
        {"email": "ann@x.example", "firstName": "Ann", "lastName": None},
    ]
    assert same(TEAM, [ann, bob], held)
    assert not same(TEAM, [{**ann, "firstName": "Anne"}, bob], held)
    assert not same(TEAM, [ann], held)
    assert not same(TEAM, [ann, bob], [*held, bob])
    assert same(SOLUTIONS, [{"id": "S", "price": "1.50"}], [{"id": "s", "price": Decimal("1.5"), "quantity": None}])


def test_members_without_a_key_stand_under_their_place() -> None:
    """Nulls, texts and people without e-mail are somebody else's; they are kept apart."""
    people = BY_NAME["team"]
    assert list(by_key(people, [None, "x", {"email": None}, {"email": "A@x.example"}])) == [
        "#0",
        "#1",
        "#2",
        "a@x.example",
    ]
    assert by_key(people, None) == by_key(people, "text") == by_key(people, {"email": "a@x.example"}) == {}


def test_the_parts_that_differ_are_named() -> None:
    """Only what is asked of a member can differ."""
    assert differing({"firstName": "A", "lastName": "B", "email": "X@y.z"}, {"firstName": "a", "email": "x@y.z"}) == [
        "firstName",
        "lastName",
    ]


def test_a_pointer_finds_what_stands() -> None:
    """Null is a target; nothing below a text or a list is."""
    body = {"a": {"b": None}, "c": "text", "d": [1]}
    assert (look(body, "/a"), look(body, "/a/b"), look(body, "/c/x"), look(body, "/d/0")) == (
        {"b": None},
        None,
        None,
        None,
    )
    assert [stands(body, path) for path in ("/a/b", "/a/c", "/c/x", "/d/0", "/c", "/e")] == [
        True,
        False,
        False,
        False,
        True,
        False,
    ]


@given(printable)
def test_a_text_is_normal_once_and_for_all(word: str) -> None:
    """Nothing is left of a text of spaces, and what is left is composed and trimmed."""
    found = text(word)
    assert found is None or (found == found.strip() and unicodedata.is_normalized("NFC", found))
    assume("&" not in word)
    assert (text(found) if found else None) == found


def test_the_table_of_fields_is_sound() -> None:
    """Names and paths are unique, enums have words, and what holds people or free words is private."""
    assert len(BY_PATH) == len(TABLE) == len({one.name for one in TABLE})
    assert all(bool(one.words) == (one.kind is Kind.ENUM) for one in TABLE)
    assert {one.path for one in TABLE if one.kind is Kind.PEOPLE} <= PRIVATE
    assert {"/details/notes", "/inviteContext/notes"} <= PRIVATE
    assert find("dealValue") is find("details.dealValue") is BY_PATH[AMOUNT]
    assert find("dealvalue") is None
    assert (BY_NAME["team"].member_key, BY_NAME["solutions"].member_key) == ("email", "id")


def test_a_near_word_is_suggested_in_its_own_spelling() -> None:
    """Case is no hindrance; nothing near, nothing said."""
    assert did_you_mean("DEALVALU", ["dealValue", "name"]) == "; did you mean 'dealValue'?"
    assert did_you_mean("zzz", ["dealValue", "name"]) == ""
