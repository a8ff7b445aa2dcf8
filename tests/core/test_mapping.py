"""From cells to wishes: blanks, translations, currencies, status, lists, and everything wrong at once."""

from __future__ import annotations

from typing import Any

import pytest
from asked import AMOUNT, BERLIN, CLOSING, CURRENCY, NOTES, STATUS, SUBSTATUS, TEAM, configured
from asked import row as line
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.feeds import Feeds, check_columns, compiled
from syncjob.core.fields import PRIVATE, TABLE
from syncjob.core.mapping import map_row
from syncjob.errors import InputRefused, UsageRefused
from syncjob.model import Cause, Desired, Place, Settled, SourceRow

FIELDS: dict[str, Any] = {
    "Deal": "name",
    "Stage": {
        "field": "status",
        "translate": {"Closed Won": "Closed/Won", " Working ": "Active", "Open": "New/Received"},
    },
    "Amount": "dealValue",
    "Currency": "currency",
    "Close Date": {"field": "closingDateTime", "time_zone": BERLIN},
    "Notes": "notes",
    "Team": "team",
}


def feeds(fields: dict[str, Any] | None = None, *, strict: bool = False, **sections: Any) -> Feeds:
    """Give the checked columns of a configuration."""
    return compiled(configured(fields or FIELDS, **sections), strict=strict)


def asked(cells: dict[str, str], known: Feeds | None = None) -> dict[str, Any]:
    """Give by path what a row asks for."""
    found = map_row(known or feeds(), SourceRow(1, Place("deals.csv", 2), {"Key": "CRM-1"} | cells))
    assert isinstance(found, Desired), found
    return {wish.path: wish.desired for wish in found.wishes}


def invalid(cells: dict[str, str], known: Feeds | None = None) -> list[str]:
    """Give what is wrong with a row."""
    found = map_row(known or feeds(), SourceRow(1, Place("deals.csv", 2), {"Key": "CRM-1"} | cells))
    assert isinstance(found, Settled), found
    assert found.cause is Cause.BAD_CELL
    return found.reason.split("; ")


def problems(fields: dict[str, Any], **sections: Any) -> tuple[str, ...]:
    """Give what is wrong with a configuration."""
    with pytest.raises(UsageRefused) as refused:
        feeds(fields, **sections)
    return refused.value.problems


# ── Rows ────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_becomes_what_it_asks_for() -> None:
    """Every mapped cell a wish with its column; a date with its zone; other columns are not ours."""
    cells = {
        "Key": " CRM-1 ",
        "Deal": " Pilot ",
        "Stage": "Closed Won",
        "Amount": "12000.50",
        "Currency": "EUR",
        "Close Date": "2026-03-31",
        "Notes": "n",
        "Team": "a@x.example",
        "Other": "\0",
    }
    row = SourceRow(3, Place("deals.csv", 4), cells, warnings=("odd",))
    found = map_row(feeds(), row)
    assert isinstance(found, Desired)
    assert (found.key, found.row, found.warnings, found.verify) == ("CRM-1", row, ("odd",), None)
    assert [(wish.path, wish.desired, wish.column, wish.zone) for wish in found.wishes] == [
        ("/name", "Pilot", "Deal", None),
        (STATUS, "Closed", "Stage", None),
        (SUBSTATUS, "Won", "Stage", None),
        (AMOUNT, "12000.5", "Amount", None),
        (CURRENCY, "EUR", "Currency", None),
        (CLOSING, "2026-03-30T22:00:00Z", "Close Date", BERLIN),
        (NOTES, "n", "Notes", None),
        (TEAM, [{"email": "a@x.example"}], "Team", None),
    ]


def test_a_ragged_line_is_settled_with_its_fault() -> None:
    """No cell of it can be trusted, not even the key."""
    found = map_row(feeds(), SourceRow(1, Place("deals.csv", 2), {"Key": "CRM-1"}, fault="has 3 cells, not 4"))
    assert isinstance(found, Settled)
    assert (found.cause, found.reason, found.key) == (Cause.RAGGED_LINE, "has 3 cells, not 4", "")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({}, "Key: is blank; every row names its referral"),
        ({"Key": " "}, "Key: is blank; every row names its referral"),
        (
            {"Key": "1.23E+17"},
            "Key: '1.23E+17': Excel changed this id to a number; format the column as text and export again",
        ),
    ],
)
def test_a_bad_key_settles_the_row(cells: dict[str, str], reason: str) -> None:
    """A row without a sound key names no referral."""
    found = map_row(feeds(), line(1, **cells))
    assert isinstance(found, Settled)
    assert (found.cause, found.reason) == (Cause.BAD_KEY, reason)


def test_all_errors_of_a_row_are_told_at_once() -> None:
    """One round of mending is enough."""
    bad = {
        "Stage": "Paused",
        "Amount": "12k",
        "Currency": "eur",
        "Close Date": "31/02/2026",
        "Notes": "a\0",
        "Team": "x",
    }
    words = "; ".join(invalid({"Deal": "ok", **bad}))
    assert all(f"{column}: " in words for column in bad)
    assert "Deal" not in words


def test_a_long_cell_is_refused_with_its_length() -> None:
    """The limit is the configuration's."""
    known = feeds(limits={"cell_chars_max": 10})
    assert invalid({"Notes": "x" * 11}, known) == ["Notes: has 11 characters", "at most 10 are allowed"]
    assert asked({"Notes": "x" * 10}, known) == {NOTES: "x" * 10}


# ── Blanks ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cell", ["", " ", "\t", "\u00a0"])
def test_a_blank_cell_has_no_opinion(cell: str) -> None:
    """Nothing is asked, nothing is cleared."""
    assert asked(dict.fromkeys(FIELDS, cell)) == {}


def test_a_clear_token_clears_one_cell() -> None:
    """Text, amount, date and list; an amount that is cleared needs no currency."""
    cells = {"Deal": "<clear>", "Amount": " <clear> ", "Close Date": "<clear>", "Team": "<clear>"}
    assert asked(cells) == {"/name": None, AMOUNT: None, CLOSING: None, TEAM: None}


@pytest.mark.parametrize("column", ["Stage", "Currency"])
def test_status_and_currency_cannot_be_cleared(column: str) -> None:
    """The API knows no referral without."""
    name = "status" if column == "Stage" else "currency"
    assert invalid({column: "<clear>"}) == [f"{column}: {name} cannot be cleared"]


def test_what_a_blank_means_is_said_by_the_field_or_else_by_the_defaults() -> None:
    """ignore, clear or error."""
    fields = {"A": {"field": "name", "blank": "clear"}, "B": {"field": "notes", "blank": "error"}, "C": "salesStage"}
    assert asked({"B": "x"}, feeds(fields)) == {NOTES: "x", "/name": None}
    assert invalid({}, feeds(fields)) == ["B: is blank", "write a value, or <clear> to clear it"]
    assert asked({"B": "x"}, feeds(fields, defaults={"blank": "clear"})) == {
        NOTES: "x",
        "/name": None,
        "/salesStage": None,
    }
    assert asked({"B": "x", "A": "y"}, feeds(fields, defaults={"blank": "ignore"})) == {"/name": "y", NOTES: "x"}


def test_a_row_that_asks_nothing_is_refused_only_under_strict() -> None:
    """A key alone may be a list of ids; strict says that it is a broken export."""
    assert asked({}) == {}
    assert invalid({}, feeds(strict=True)) == ["every mapped cell is blank"]


# ── Odd texts ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "words"), [("a\u200bb", "holds invisible characters"), ("JosÃ©", "looks as if UTF-8")]
)
def test_suspicious_texts_are_warned_of_and_refused_under_strict(cell: str, words: str) -> None:
    """They may be meant; a strict run does not take the chance."""
    found = map_row(feeds(), line(1, Key="k", Deal=cell))
    assert isinstance(found, Desired)
    assert found.wishes[0].desired == cell
    [warning] = found.warnings
    assert warning.startswith(f"Deal: {words}")
    [problem, *_] = invalid({"Deal": cell}, feeds(strict=True))
    assert problem.startswith(f"Deal: {words}")


# ── Translations and status ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "both"),
    [
        ("Closed Won", ("Closed", "Won")),
        ("closed won", ("Closed", "Won")),
        ("Working", ("Active", "Accepted")),
        ("Open", ("New", "Received")),
        ("closed/WON", ("Closed", "Won")),
        ("Active", ("Active", "Accepted")),
    ],
)
def test_a_stage_is_translated_to_status_and_substatus(cell: str, both: tuple[str, str]) -> None:
    """In any case; the remote's own words need no translation; where one word follows it is added."""
    assert tuple(asked({"Stage": cell}).values()) == both


def test_a_stage_may_be_written_as_status_and_substatus() -> None:
    """`Closed / Lost` needs no table."""
    assert asked({"S": "closed / lost"}, feeds({"S": "status"})) == {STATUS: "Closed", SUBSTATUS: "Lost"}
    assert asked({"S": "Won"}, feeds({"S": "substatus"})) == {SUBSTATUS: "Won", STATUS: "Closed"}


def test_a_word_that_is_not_translated_is_refused_with_a_hint() -> None:
    """Near words are suggested."""
    assert invalid({"Stage": "Close Won"}) == [
        "Stage: 'Close Won' is not in translate",
        "add it there",
        "did you mean 'Closed Won'?",
    ]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("Closed", "S: status Closed needs a substatus, one of Won, Lost, Declined, Expired; write Closed/Won"),
        ("Active/Won", "S: Active/Won does not exist; with Active goes Accepted"),
        ("Closed/Error", "S: 'Error' is not one of Pending"),
        ("Shut/Won", "S: 'Shut' is not one of New, Active, Closed"),
    ],
)
def test_a_status_that_leaves_a_choice_or_contradicts_itself_is_invalid(cell: str, words: str) -> None:
    """Nothing is guessed."""
    assert "; ".join(invalid({"S": cell}, feeds({"S": "status"}))).startswith(words)


def test_status_and_substatus_may_come_from_two_columns() -> None:
    """When they agree; when they do not, both columns are named."""
    known = feeds({"S": "status", "T": "substatus"})
    assert asked({"S": "Closed", "T": "Lost"}, known) == {STATUS: "Closed", SUBSTATUS: "Lost"}
    assert asked({"S": "Closed/Lost", "T": "Lost"}, known) == {STATUS: "Closed", SUBSTATUS: "Lost"}
    assert invalid({"S": "Closed/Lost", "T": "Won"}, known) == ["T: says 'Won' where 'S' says 'Lost'"]
    assert invalid({"S": "Active", "T": "Won"}, known) == ["S: Active/Won does not exist", "with Active goes Accepted"]


def test_words_of_any_field_may_be_translated() -> None:
    """A text, too: then only the table's words are known."""
    known = feeds({"P": {"field": "salesStage", "translate": {"Early": "10", 50: "50"}}})
    assert asked({"P": "early"}, known) == {"/salesStage": "10"}
    assert asked({"P": "10"}, known) == {"/salesStage": "10"}
    assert invalid({"P": "90"}, known)[0] == "P: '90' is not in translate"


# ── Money ───────────────────────────────────────────────────────────────────────────────────────


def test_an_amount_takes_its_currency_from_its_column_its_field_or_the_defaults() -> None:
    """The nearest statement counts; a blank currency cell falls back to what was stated."""
    stated = {"A": {"field": "dealValue", "currency": "EUR"}, "C": "currency"}
    assert asked({"A": "5", "C": "USD"}, feeds(stated)) == {AMOUNT: "5", CURRENCY: "USD"}
    assert asked({"A": "5", "C": ""}, feeds(stated)) == {AMOUNT: "5", CURRENCY: "EUR"}
    assert asked({"A": "5"}, feeds({"A": "dealValue"}, defaults={"currency": "CHF"})) == {AMOUNT: "5", CURRENCY: "CHF"}
    assert asked({"A": ""}, feeds(stated)) == {}


def test_an_amount_without_a_currency_is_invalid() -> None:
    """The words say both ways out."""
    assert invalid({"A": "5"}, feeds({"A": "dealValue"})) == [
        "A: has no currency",
        "map a column to currency or state it for 'A'",
    ]


def test_numbers_are_read_by_the_locale_of_their_column() -> None:
    """The column's statement before the defaults'."""
    fields = {"A": {"field": "dealValue", "locale": "de_DE"}}
    known = feeds(fields, defaults={"locale": "en_US", "currency": "EUR"})
    assert asked({"A": "1.234,5"}, known)[AMOUNT] == "1234.5"


# ── Lists from several columns ──────────────────────────────────────────────────────────────────

TWO = {"Owner": "team", "Seller": "team"}


def test_columns_of_one_list_add_up() -> None:
    """Owner and seller may be one person: named once."""
    assert asked({"Owner": "a@x.example", "Seller": "b@x.example"}, feeds(TWO))[TEAM] == [
        {"email": "a@x.example"},
        {"email": "b@x.example"},
    ]
    assert asked({"Owner": "a@x.example", "Seller": "A@x.example"}, feeds(TWO))[TEAM] == [{"email": "a@x.example"}]
    assert invalid({"Owner": "a@x.example", "Seller": "A, B, 1, A@x.example"}, feeds(TWO)) == [
        "Seller: names a member of another column otherwise",
        "keep one",
    ]


def test_a_clear_beside_a_member_is_a_contradiction_in_either_order() -> None:
    """Somebody must say which is meant."""
    assert invalid({"Owner": "<clear>", "Seller": "a@x.example"}, feeds(TWO)) == [
        "Seller: 'Owner' clears the list to which this adds"
    ]
    assert invalid({"Owner": "a@x.example", "Seller": "<clear>"}, feeds(TWO)) == [
        "Seller: clears the list to which 'Owner' adds"
    ]
    assert asked({"Owner": "<clear>", "Seller": "<clear>"}, feeds(TWO)) == {TEAM: None}


def test_a_blank_that_clears_yields_to_the_other_column() -> None:
    """Only when every column of the list is blank is it cleared."""
    known = feeds(TWO, defaults={"blank": "clear"})
    one = {TEAM: [{"email": "a@x.example"}]}
    assert asked({"Owner": "a@x.example"}, known) == asked({"Seller": "a@x.example"}, known) == one
    assert asked({}, known) == {TEAM: None}


# ── Private words ───────────────────────────────────────────────────────────────────────────────

PRIVATE_FIELDS = {field.path: field for field in TABLE if field.path in PRIVATE}
secrets = st.text(st.sampled_from("ΩΨΞΔ"), min_size=4, max_size=12)


@given(
    secret=secrets,
    path=st.sampled_from(sorted(PRIVATE_FIELDS)),
    shape=st.sampled_from(
        ["{}", "{}\0", "{}\u200b", "{},a", "a, b, c, {}", "{}@", "{}@x.example; {}@x.example", "•••{}", "Ã©{}"]
    ),
    translate=st.sampled_from([{}, {"ΩΨΞΔΩ": "y"}]),
    strict=st.booleans(),
)
def test_a_private_word_never_stands_in_a_reason_or_warning(
    secret: str, path: str, shape: str, translate: dict[str, str], *, strict: bool
) -> None:
    """Whatever is wrong with a cell of a private field, its words are not repeated."""
    fields = {"P": {"field": PRIVATE_FIELDS[path].name, "translate": translate}}
    cells = {"Key": "k", "P": shape.format(secret, secret)}
    found = map_row(feeds(fields, strict=strict, limits={"cell_chars_max": 30}), line(1, **cells))
    said = found.reason if isinstance(found, Settled) else ""
    assert secret not in said + " ".join(found.warnings)


# ── The configuration and the file's columns ────────────────────────────────────────────────────


def test_everything_wrong_with_the_fields_is_told_at_once() -> None:
    """Unknown names with what is near, read-only fields with their reason, one field from two columns, locales."""
    fields: dict[str, Any] = {
        "A": "dealValu",
        "B": "zzzzz",
        "C": "id",
        "D": "customerProfile.name",
        "E": "customerProfile.size",
        "F": "name",
        "G": "name",
        "H": {"field": "dealValue", "locale": "german"},
        "I": {"field": "notes", "locale": "german"},
    }
    assert problems(fields) == (
        "fields.A: no field is called 'dealValu'; did you mean 'dealValue'?",
        "fields.B: no field is called 'zzzzz'",
        "fields.C: id cannot be written: it is the remote's own; nobody writes it",
        "fields.D: customerProfile.name cannot be written: it is locked once the referral is created",
        "fields.E: customerProfile.size cannot be written: the API offers no way to write it",
        "fields: 'F' and 'G' both feed name; keep one",
        "no locale is called 'german'; write for example de_DE",
    )


@pytest.mark.parametrize("name", [field.name for field in TABLE if field.locked])
def test_no_read_only_field_can_be_mapped(name: str) -> None:
    """Each is refused with its reason."""
    [problem] = problems({"A": name})
    assert problem.startswith(f"fields.A: {name} cannot be written: ")


@pytest.mark.parametrize("name", [field.name for field in TABLE if not field.locked])
def test_every_writable_field_can_be_mapped(name: str) -> None:
    """By its short name and by its dotted one."""
    [feed] = feeds({"A": name}).feeds
    assert feeds({"A": feed.field.path[1:].replace("/", ".")}).feeds[0].field is feed.field


def test_a_column_may_feed_several_fields() -> None:
    """One stage, two fields."""
    known = feeds({"P": [{"field": "salesStage", "translate": {"Early": "10"}}, "statusReason"]})
    assert asked({"P": "Early"}, known) == {"/salesStage": "10", "/statusReason": "Early"}
    assert known.columns == ("Key", "P")


VERIFIED = {"Deal": "name", "Customer": "customerProfile.name"}


@pytest.mark.parametrize(
    ("verify", "expected"),
    [
        ("Customer", ("Customer", "/customerProfile/name")),
        ("customerProfile.name", ("Customer", "/customerProfile/name")),
        ({"column": "Kunde", "field": "customerProfile.name"}, ("Kunde", "/customerProfile/name")),
        ("Deal", ("Deal", "/name")),
    ],
)
def test_the_verifying_column_may_be_named_in_three_ways(verify: Any, expected: tuple[str, str]) -> None:
    """By column, by field, or by both; a read-only field may be mapped for it."""
    fields = VERIFIED if expected[0] == "Customer" else {"Deal": "name"}
    known = feeds(fields, match={"by": "externalReferenceId", "column": "Key", "verify": verify})
    assert known.verify == expected
    assert expected[0] in known.columns
    found = map_row(known, line(1, Key="k", Deal="d", Customer="Contoso", Kunde="Contoso"))
    assert isinstance(found, Desired)
    assert found.verify == ("d" if expected[0] == "Deal" else "Contoso")


@pytest.mark.parametrize(
    ("verify", "words"),
    [
        ("customerProfil.name", "no column and field for 'customerProfil.name'; did you mean 'customerProfile.name'?"),
        ("type", "no column and field for 'type'; map a column to it, or write {column: …, field: …}"),
        ({"column": "X", "field": "nme"}, "no column and field for 'nme'; did you mean 'name'?"),
    ],
)
def test_a_verifying_column_that_does_not_exist_is_refused(verify: Any, words: str) -> None:
    """With what is near, or how to write it."""
    section = {"by": "externalReferenceId", "column": "Key", "verify": verify}
    assert problems({"Deal": "name"}, match=section) == (f"match.verify: {words}",)


def test_a_configuration_that_writes_nothing_is_refused() -> None:
    """A read-only column alone feeds nothing."""
    section = {"by": "externalReferenceId", "column": "Key", "verify": "Customer"}
    assert problems({"Customer": "customerProfile.name"}, match=section) == (
        "fields: no column feeds a field that can be written",
    )


def test_missing_columns_are_named_with_what_is_near() -> None:
    """All at once, with the columns that there are."""
    known = feeds({"Deal": "name", "Amount": "dealValue"})
    with pytest.raises(InputRefused) as refused:
        check_columns(known, ["Kez", "Deal Name", "Amount"], strict=False)
    assert refused.value.problems == (
        "the file has no column 'Key'; did you mean 'Kez'?",
        "the file has no column 'Deal'; did you mean 'Deal Name'?",
        "the file's columns: Kez, Deal Name, Amount",
    )
    with pytest.raises(InputRefused, match=r"the file's columns: none$"):
        check_columns(known, [], strict=False)


def test_extra_columns_are_warned_of_and_refused_under_strict() -> None:
    """A column that nobody mapped may be a typo."""
    known = feeds({"Deal": "name"})
    assert check_columns(known, ["Key", "Deal"], strict=True) == ()
    assert check_columns(known, ["Key", "Deal", "X"], strict=False) == ("column 'X' is mapped to no field",)
    with pytest.raises(InputRefused) as refused:
        check_columns(known, ["Key", "Deal", "X"], strict=True)
    assert refused.value.problems == ("column 'X' is mapped to no field", "the file's columns: Key, Deal, X")


@given(st.permutations(["Key", *FIELDS]))
def test_the_order_of_columns_is_no_matter(columns: list[str]) -> None:
    """Any permutation of the header is the same file."""
    assert check_columns(feeds(), columns, strict=True) == ()
