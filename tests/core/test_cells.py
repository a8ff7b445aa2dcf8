"""One cell, one kind: what is read, what is refused, and with which words."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from asked import BERLIN
from babel.numbers import format_decimal
from hypothesis import example, given
from hypothesis import strategies as st

from syncjob.core.cells import MASK, dirt, parse, suspicion, unknown_locale
from syncjob.core.fields import BY_NAME
from syncjob.core.members import joined
from syncjob.core.reading import CellError, Reading

NEW_YORK = "America/New_York"


def read(name: str, cell: str, **reading: Any) -> Any:
    """Read a cell of a field."""
    return parse(BY_NAME[name], cell, Reading(**reading))


def refused(name: str, cell: str, **reading: Any) -> str:
    """Give the words with which a cell is refused."""
    with pytest.raises(CellError) as caught:
        read(name, cell, **reading)
    return str(caught.value)


# ── Text, enum, boolean ─────────────────────────────────────────────────────────────────────────


def test_a_text_is_composed_and_else_untouched() -> None:
    """NFC; inner spaces, entities and lines stay."""
    assert read("name", "Cafe\u0301  A&amp;B\nx") == "Café  A&amp;B\nx"


@pytest.mark.parametrize("cell", ["eur", "€", "EURO", "E1R", "EU"])
def test_a_currency_is_its_iso_code(cell: str) -> None:
    """Three capital letters; anything else is refused."""
    assert read("currency", "EUR") == "EUR"
    assert refused("currency", cell) == f"{cell!r} is no currency; write its ISO 4217 code, for example EUR"


@pytest.mark.parametrize(("cell", "word"), [("new", "New"), ("ACTIVE", "Active"), ("Closed", "Closed")])
def test_an_enum_takes_its_words_in_any_case(cell: str, word: str) -> None:
    """And writes them as the remote does."""
    assert read("status", cell) == word


def test_another_word_is_refused_with_the_allowed_ones() -> None:
    """All of them, and the other way out."""
    assert refused("status", "Prospect") == (
        "'Prospect' is not one of New, Active, Closed; write one of them or translate it"
    )
    assert refused("substatus", "Error").startswith("'Error' is not one of Pending, Received, Accepted, Won")


@pytest.mark.parametrize("cell", ["yes", "Yes", "TRUE", "true", "1"])
def test_yes_is_true(cell: str) -> None:
    """In any case."""
    assert read("favorite", cell) is True


@pytest.mark.parametrize("cell", ["no", "No", "FALSE", "false", "0"])
def test_no_is_false(cell: str) -> None:
    """In any case."""
    assert read("favorite", cell) is False


@pytest.mark.parametrize("cell", ["y", "x", "ja", "2", "on", "-"])
def test_what_is_neither_yes_nor_no_is_refused(cell: str) -> None:
    """A consent is not guessed."""
    assert refused("favorite", cell) == f"{cell!r} is neither yes nor no; write one of them or translate it"


# ── Money ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("12000", "12000"),
        ("12000.50", "12000.5"),
        ("12000.00", "12000"),
        ("0", "0"),
        ("-0", "0"),
        ("0.0", "0"),
        ("007", "7"),
        ("0.0001", "0.0001"),
        ("999999999999999", "999999999999999"),
        ("99999999999.9999", "99999999999.9999"),
    ],
)
def test_a_plain_number_is_read_to_the_last_digit(cell: str, digits: str) -> None:
    """And written in its shortest form."""
    assert read("dealValue", cell) == digits


@pytest.mark.parametrize(
    ("cell", "write"),
    [
        ("12,5", "12.5"),
        ("0,500", "0.500"),
        ("1,234,567", "1234567"),
        ("1.234,56", "it as 12000.50"),
        ("1,234.56", "it as 12000.50"),
        ("12k", "it as 12000.50"),
        ("€ 5", "it as 12000.50"),
        ("1 234", "it as 12000.50"),
        ("1e5", "it as 12000.50"),
        ("1_000", "it as 12000.50"),
        ("+5", "it as 12000.50"),
        ("5.", "it as 12000.50"),
        (".5", "it as 12000.50"),
        ("NaN", "it as 12000.50"),
        ("Infinity", "it as 12000.50"),
        ("١٢٣", "it as 12000.50"),
    ],
)
def test_without_a_locale_money_is_never_guessed(cell: str, write: str) -> None:
    """What is no number is refused with what to write."""
    assert refused("dealValue", cell) == f"{cell!r} is not a plain number; write {write} or state a locale"


@pytest.mark.parametrize(
    ("cell", "write"), [("1,234", "1234 or 1.2340"), ("12,000", "12000 or 12.0000"), ("1.234", "1234 or 1.2340")]
)
def test_what_could_be_read_in_two_ways_is_told_with_both(cell: str, write: str) -> None:
    """Whoever follows the message alone must not end up with a thousand times the value."""
    assert refused("dealValue", cell) == f"{cell!r} can be read in two ways; write {write}, or state a locale"


def test_three_decimals_are_a_thousand_to_half_of_the_world() -> None:
    """`1.234` is a German 1234: nobody knows without a locale; with four decimals or a leading 0 it is a fraction."""
    said = "'1.234' can be read in two ways; write 1234 or 1.2340, or state a locale"
    assert refused("dealValue", "1.234") == said
    assert read("dealValue", "1.2340") == "1.234"
    assert read("dealValue", "0.125") == "0.125"


@pytest.mark.parametrize("cell", ["1234567890123456", "0.00001", "999999999999.9999", "1" * 400])
def test_more_digits_than_a_number_carries_are_refused(cell: str) -> None:
    """Fifteen digits, four decimals: no more survives as a JSON number."""
    assert refused("dealValue", cell) == f"{cell!r} has too many digits; at most 15, of them 4 decimals"


@pytest.mark.parametrize(("cell", "locale"), [("-1", None), ("-0.01", None), ("-1.234,5", "de_DE")])
def test_a_negative_amount_is_refused(cell: str, locale: str | None) -> None:
    """A deal value is 0 or more."""
    assert refused("dealValue", cell, locale=locale) == f"{cell!r} is negative; a deal value is 0 or more"


LOCALES = ["en_US", "de_DE", "de_CH", "fr_FR", "en_IN", "es_ES", "pl_PL", "sv_SE", "pt_BR", "ja_JP", "it_IT", "nb_NO"]


@given(st.decimals(0, 10**10, places=4), st.sampled_from(LOCALES))
@example(Decimal(1234), "es_ES")
def test_what_a_locale_writes_is_read_back(amount: Decimal, locale: str) -> None:
    """Parse of format is the number, over locales with points, commas, spaces and apostrophes."""
    written = format_decimal(amount, locale=locale, decimal_quantization=False)
    assert Decimal(read("dealValue", written, locale=locale)) == amount


@pytest.mark.parametrize(
    ("cell", "locale", "digits"),
    [
        ("1.234,56", "de_DE", "1234.56"),
        ("1,234.56", "en_US", "1234.56"),
        ("1 234,56", "fr_FR", "1234.56"),
        ("1\u00a0234,56", "fr_FR", "1234.56"),
        ("1\u202f234,56", "sv_SE", "1234.56"),
        ("1'234.56", "de_CH", "1234.56"),
        ("1\u2019234.56", "de_CH", "1234.56"),
        ("12,34,567", "en_IN", "1234567"),
        ("1234", "de_DE", "1234"),
        ("1234,5", "de_DE", "1234.5"),
    ],
)
def test_numbers_are_read_as_people_write_them(cell: str, locale: str, digits: str) -> None:
    """All spaces are one space and all apostrophes one; marks may be left out."""
    assert read("dealValue", cell, locale=locale) == digits


@pytest.mark.parametrize(
    ("cell", "locale"),
    [
        ("1.5", "de_DE"),
        ("1.234,5", "en_US"),
        ("1,2,3", "en_US"),
        ("1e5", "de_DE"),
        ("1_000", "de_DE"),
        ("NaN", "de_DE"),
        ("Infinity", "en_US"),
        ("zwölf", "de_DE"),
        ("1.234 €", "de_DE"),
    ],
)
def test_what_a_locale_would_not_write_is_refused(cell: str, locale: str) -> None:
    """Marks must stand where that locale puts them."""
    assert refused("dealValue", cell, locale=locale) == f"{cell!r} is no number as {locale} writes it"


@pytest.mark.parametrize("name", ["de-DE", "german", "xx_YY", ""])
def test_an_unknown_locale_is_named(name: str) -> None:
    """With one as it is written."""
    assert unknown_locale(name) == f"no locale is called {name!r}; write for example de_DE"
    assert unknown_locale("de_DE") == unknown_locale("de") == ""


# ── Dates ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "reading", "wire"),
    [
        ("2026-03-31", {"time_zone": BERLIN}, "2026-03-30T22:00:00Z"),
        ("2026-01-31", {"time_zone": BERLIN}, "2026-01-30T23:00:00Z"),
        ("31.03.2026", {"time_zone": BERLIN, "date_format": "%d.%m.%Y"}, "2026-03-30T22:00:00Z"),
        ("03/04/2026", {"time_zone": "UTC", "date_format": "%m/%d/%Y"}, "2026-03-04T00:00:00Z"),
        ("2018-11-04", {"time_zone": "America/Sao_Paulo"}, "2018-11-04T03:00:00Z"),
        ("2026-03-31T10:00:00Z", {}, "2026-03-31T10:00:00Z"),
        ("2026-03-31 10:00:00", {"time_zone": BERLIN}, "2026-03-31T10:00:00+02:00"),
        ("2026-03-31T10:00:00.1234567", {"time_zone": NEW_YORK}, "2026-03-31T10:00:00.1234567-04:00"),
        ("2026-03-31T10:00:00.5+05:30", {"time_zone": BERLIN}, "2026-03-31T10:00:00.5+05:30"),
    ],
)
def test_a_date_begins_where_its_zone_says(cell: str, reading: dict[str, Any], wire: str) -> None:
    """A day becomes its first instant; a timestamp keeps its clock and gets an offset where it has none."""
    assert read("closingDateTime", cell, **reading) == wire


@pytest.mark.parametrize("cell", ["03/04/2026", "31/02/2026", "2026-02-30", "2026-3-1", "46082", "soon", "20260331"])
def test_a_date_that_could_be_another_is_refused(cell: str) -> None:
    """ISO or the stated format; a serial number of Excel is no date."""
    words = f"{cell!r} is no date; write it as 2026-03-31, or state a date_format"
    assert refused("closingDateTime", cell, time_zone=BERLIN) == words


def test_a_date_is_held_to_its_stated_format() -> None:
    """Also an ISO date is refused where another format was stated."""
    assert refused("closingDateTime", "2026-03-31", time_zone=BERLIN, date_format="%d.%m.%Y") == (
        "'2026-03-31' is no date; write it as %d.%m.%Y"
    )
    assert refused("closingDateTime", "31.02.2026", time_zone=BERLIN, date_format="%d.%m.%Y").startswith("'31.02.2026'")


def test_a_date_without_a_zone_is_refused() -> None:
    """Which instant a day begins at is not guessed."""
    assert refused("closingDateTime", "2026-03-31") == (
        "'2026-03-31' is a date; state the time_zone in which it begins, or write a timestamp"
    )
    assert refused("closingDateTime", "2026-03-31T10:00:00") == (
        "'2026-03-31T10:00:00' names no time zone; end it with Z or an offset, or state a time_zone"
    )


@pytest.mark.parametrize(
    "cell", ["2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00+99:00"]
)
def test_a_timestamp_that_never_comes_is_refused(cell: str) -> None:
    """A month, a day, an hour or an offset that does not exist."""
    assert refused("closingDateTime", cell) == f"{cell!r} is no timestamp; write it as 2026-03-31T00:00:00Z"


@pytest.mark.parametrize("cell", ["2026-03-29T02:30:00", "2026-10-25T02:30:00"])
def test_an_hour_that_comes_never_or_twice_is_refused(cell: str) -> None:
    """Where the clocks change a timestamp without offset could be read in two ways."""
    words = f"{cell!r} comes never or twice in {BERLIN}, where the clocks change; add the offset"
    assert refused("closingDateTime", cell, time_zone=BERLIN) == words
    assert read("closingDateTime", cell + "+01:00", time_zone=BERLIN) == cell + "+01:00"


def test_a_day_before_all_time_is_refused() -> None:
    """The first day of year 1 begins before it where the sun is early."""
    assert refused("closingDateTime", "0001-01-01", time_zone="Asia/Kolkata") == (
        "'0001-01-01' is before all time in Asia/Kolkata; write the right year"
    )


@given(st.dates(date(1971, 1, 1), date(2099, 12, 31)), st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"]))
def test_a_format_reads_what_it_writes(day: date, form: str) -> None:
    """A day in its format and in ISO is one instant."""
    written = read("closingDateTime", day.strftime(form), time_zone=NEW_YORK, date_format=form)
    assert written == read("closingDateTime", day.isoformat(), time_zone=NEW_YORK)


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────


def test_people_are_named_in_full_or_by_e_mail() -> None:
    """On lines of their own or parted by semicolons; empty parts are not asked for."""
    cell = "Zoë, O'Neil, +49 1, Zoe@x.example; bob@x.example\n, , , c@x.example;\n"
    assert read("team", cell) == [
        {"firstName": "Zoë", "lastName": "O'Neil", "phoneNumber": "+49 1", "email": "Zoe@x.example"},
        {"email": "bob@x.example"},
        {"email": "c@x.example"},
    ]


@pytest.mark.parametrize(
    "cell", ["Zoë", "a@b", "Zoë, zoe@x.example", "a, b, c, d, e@x.example", "a@x.example, b, c, d"]
)
def test_a_person_without_a_sound_e_mail_is_refused_by_place(cell: str) -> None:
    """The words name the place, never the person."""
    assert (
        refused("team", "ok@x.example; " + cell) == "member 2 is not `first, last, phone, email` (nor an e-mail alone)"
    )


def test_solutions_are_ids_with_or_without_numbers() -> None:
    """Four parts or one; what is empty is not asked for."""
    assert read("solutions", "SOL-1; SOL-2, EUR, 12.5, 3\nSOL-3, , , 2") == [
        {"id": "SOL-1"},
        {"id": "SOL-2", "currency": "EUR", "price": "12.5", "quantity": "3"},
        {"id": "SOL-3", "quantity": "2"},
    ]


@pytest.mark.parametrize(
    "cell", ["S, EUR", "S, EUR, 1", ", EUR, 1, 1", "S, EUR, x, 1", "S, EUR, -1, 1", "S, EUR, 1, 1, 1"]
)
def test_another_form_of_a_solution_is_refused(cell: str) -> None:
    """Prices and quantities are plain numbers, not negative."""
    assert refused("solutions", cell) == f"{cell!r} is not `id` nor `id, currency, price, quantity`"


@pytest.mark.parametrize(("name", "cell"), [("team", "a@x.example; A@x.example"), ("solutions", "S; s")])
def test_who_is_named_twice_is_refused(name: str, cell: str) -> None:
    """Case is no difference: sent twice it would double the person."""
    assert refused(name, cell) == "names a member twice; keep one"


def test_a_list_has_at_most_fifty_members() -> None:
    """The remote takes no more."""
    many = ";".join(f"a{n}@x.example" for n in range(51))
    assert refused("team", many) == "has 51 members; at most 50 are allowed"
    assert len(read("team", many.partition(";")[2])) == 50


def test_columns_of_one_list_are_joined() -> None:
    """Who is named alike in both is named once; otherwise, or beyond fifty, is refused."""
    team = BY_NAME["team"]
    ann, anne = {"email": "a@x.example", "firstName": "Ann"}, {"email": "A@x.example", "firstName": "Anne"}
    bob = {"email": "b@x.example"}
    assert joined(team, [ann], [bob, ann]) == [ann, bob]
    for other in (anne, {"email": "A@x.example"}):
        with pytest.raises(CellError, match=r"^names a member of another column otherwise; keep one$"):
            joined(team, [ann], [other])
    with pytest.raises(CellError, match=r"^has 51 members"):
        joined(team, [{"email": f"{n}@x.example"} for n in range(50)], [bob])


# ── What no honest cell holds ───────────────────────────────────────────────────────────────────


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.characters(categories=["Cc", "Cs"]))
def test_control_characters_and_half_surrogates_are_refused(cell: str, char: str) -> None:
    """Any of them anywhere, by its number; tabs and line ends are honest."""
    found = dirt(cell.replace(MASK, "") + char)
    assert found == ("" if char in "\t\n\r" else f"holds the control character U+{ord(char):04X}; delete it")


def test_nul_is_named() -> None:
    """The words say which character and what to do."""
    assert dirt("a\0b") == "holds the control character U+0000; delete it"
    assert dirt("\ud800") == "holds the control character U+D800; delete it"


def test_the_mask_of_a_report_is_no_value() -> None:
    """A masked report that is fed back in must not overwrite what it hides."""
    assert dirt(f"x{MASK}") == "holds •••, the mask of a report; take the value from the CSV or JSON report"


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u200d"])
def test_invisible_characters_are_suspicious(char: str) -> None:
    """Zero-width and direction marks are seen, and may still be meant."""
    assert dirt(f"a{char}b") == ""
    assert suspicion(f"a{char}b") == "holds invisible characters"


@pytest.mark.parametrize("word", ["José", "Müller & Söhne", "naïve", "€ 5", "Ünï"])
def test_twice_encoded_words_are_suspicious(word: str) -> None:
    """UTF-8 that was read as Windows-1252 once; the honest word is not."""
    assert suspicion(word.encode().decode("cp1252")).startswith("looks as if UTF-8 had been read as Windows-1252")
    assert suspicion(word) == ""


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_is_never_suspicious(cell: str) -> None:
    """Nor is anything that Windows-1252 cannot write."""
    assert suspicion(cell) == suspicion(cell + "日本") == ""


@given(st.sampled_from(sorted(BY_NAME)), st.text(max_size=12), st.sampled_from([None, "de_DE"]))
def test_a_cell_is_read_or_refused_and_nothing_else(name: str, cell: str, locale: str | None) -> None:
    """Whatever stands in a cell of whatever field: a value or a sentence."""
    try:
        value = read(name, cell, locale=locale, time_zone=BERLIN)
    except CellError as error:
        words = str(error)
    else:
        words = "is not None" if value is not None else ""
        assert not isinstance(value, str) or unicodedata.is_normalized("NFC", value)
    assert re.search(r"; (write|keep|add|state|end|a deal value|at most)|is not|is no |nor an", words)


@pytest.mark.parametrize("cell", ["#REF!", "#N/A", "#DIV/0!", "########"])
def test_an_error_of_excel_is_no_text(cell: str) -> None:
    """It was never meant, so it is never sent."""
    assert dirt(cell).startswith(f"{cell} is an error of Excel")


def test_what_looks_like_the_token_that_clears_is_told() -> None:
    """`<CLEAR>` must neither clear nor become a value."""
    assert dirt("< Clear >") == "< Clear > looks like <clear>; write it exactly so"
    assert dirt("<clear> the desk") == ""
