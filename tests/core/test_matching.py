"""Finding the referral of a row: keys, twins, the verifying column."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asked import AMOUNT, BERLIN, CLOSING, GUID, TEAM, desired, observed, wish
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.core.matching import key_of, pair, part_twins, remote_key
from syncjob.core.values import CHECKSUM, crm_id
from syncjob.model import Cause, Desired, Pair, Settled

BY_CRM, BY_ID = "externalReferenceId", "id"


def test_a_crm_id_is_taken_to_the_letter() -> None:
    """Case counts; outer spaces, composition and entities are no difference."""
    assert key_of(BY_CRM, " Crm-É ") == key_of(BY_CRM, "Crm-E\u0301") == ("Crm-É", "")
    assert key_of(BY_CRM, "A&amp;B") == key_of(BY_CRM, "A&B")
    assert key_of(BY_CRM, "crm-é") != key_of(BY_CRM, "Crm-É")


@pytest.mark.parametrize("by", [BY_CRM, BY_ID])
@pytest.mark.parametrize("cell", ["", "  ", "\u00a0"])
def test_a_blank_key_is_refused(by: str, cell: str) -> None:
    """Every row names its referral."""
    assert key_of(by, cell) == ("", "is blank; every row names its referral")


@pytest.mark.parametrize("by", [BY_CRM, BY_ID])
@pytest.mark.parametrize("cell", ["a\0b", "a\u200bb", "a\nb", "a\u202eb", "x" * 201, "a\ud800b"])
def test_a_key_with_invisible_characters_or_too_long_is_refused(by: str, cell: str) -> None:
    """And is not repeated."""
    found, fault = key_of(by, cell)
    assert found == ""
    assert re.fullmatch(
        r"is no key: longer than 200 characters|holds invisible characters; delete them|"
        r"holds the control character U\+[0-9A-F]{4}; delete it",
        fault,
    )


@pytest.mark.parametrize("by", [BY_CRM, BY_ID])
@pytest.mark.parametrize("cell", ["1.23E+17", "1,23E+17", "1E+05", "1.2345e+19"])
def test_an_id_that_excel_made_a_number_is_refused(by: str, cell: str) -> None:
    """Its last digits are lost."""
    key, fault = key_of(by, cell)
    assert key == cell
    assert fault == f"{cell!r}: Excel changed this id to a number; format the column as text and export again"


def test_a_long_number_is_a_crm_id() -> None:
    """Digits alone are to the letter, leading zeros included."""
    assert key_of(BY_CRM, "00012345678901234567890") == ("00012345678901234567890", "")


@pytest.mark.parametrize("cell", [GUID, GUID.upper(), f" {GUID} "])
def test_a_referral_id_is_a_guid_in_any_case(cell: str) -> None:
    """Written in small letters."""
    assert key_of(BY_ID, cell) == (GUID, "")


@pytest.mark.parametrize(
    "cell",
    ["../x", "?$filter", f"{{{GUID}}}", GUID[:-1], GUID + "0", GUID.replace("-", ""), f"{GUID}/x", "g" + GUID[1:], "x"],
)
def test_anything_else_is_no_referral_id(cell: str) -> None:
    """Nothing that is no GUID comes near an address."""
    assert key_of(BY_ID, cell) == (cell, f"{cell!r} is no referral id; it looks like {GUID}")


SALESFORCE = "0065g00000AbCdE"


def test_both_lengths_of_a_salesforce_id_are_one_key() -> None:
    """15 characters, or 18 with a checksum of their case; the case counts."""
    assert crm_id("0065g00000AbCdEAAV") == SALESFORCE
    assert key_of(BY_CRM, "0065g00000AbCdEAAV") == key_of(BY_CRM, SALESFORCE) == (SALESFORCE, "")
    assert remote_key(BY_CRM, "0065g00000AbCdEAAV") == SALESFORCE


@pytest.mark.parametrize(
    "key", ["0065g00000AbCdEAAA", "0065g00000AbCdEaav", "0065g00000abcdeAAV", SALESFORCE, "x" * 18]
)
def test_what_does_not_fit_its_checksum_is_another_id(key: str) -> None:
    """Eighteen characters alone are no Salesforce id."""
    assert crm_id(key) == key


@given(st.text("abcXYZ019", min_size=15, max_size=15))
def test_every_id_meets_its_long_form(short: str) -> None:
    """The checksum, said a second time."""
    long = short + "".join(
        CHECKSUM[int("".join("1" if char.isupper() else "0" for char in reversed(short[at : at + 5])), 2)]
        for at in (0, 5, 10)
    )
    assert crm_id(long) == short


@pytest.mark.parametrize(
    ("by", "body", "key"),
    [
        (BY_ID, {"id": GUID.upper(), "externalReferenceId": "CRM-1"}, ""),
        (BY_CRM, {"externalReferenceId": " A&amp;B "}, "A&B"),
        (BY_CRM, {"externalReferenceId": 12345}, "12345"),
        (BY_CRM, {"externalReferenceId": ""}, ""),
        (BY_CRM, {"externalReferenceId": "  "}, ""),
        (BY_CRM, {}, ""),
    ],
)
def test_a_referral_is_found_under_the_key_of_its_row(by: str, body: dict[str, Any], key: str) -> None:
    """The same form on both sides; a referral without a key is found under none."""
    assert remote_key(by, body.get("externalReferenceId")) == key
    assert not key or key_of(by, key) == (key, "")


def causes(rows: list[Desired]) -> list[Cause | None]:
    """Give how twins end; None stays."""
    return [one.cause if isinstance(one, Settled) else None for one in part_twins(rows)]


def test_of_agreeing_twins_the_first_stays() -> None:
    """By meaning: spelling, order of people and the clock of one day are no difference."""
    one = desired(wish("/name", "A&B"), wish(AMOUNT, "5"), wish(CLOSING, "2026-03-30T22:00:00Z", BERLIN), n=1)
    two = desired(wish(AMOUNT, "5.0"), wish("/name", "A&amp;B "), wish(CLOSING, "2026-03-31T10:00:00Z", BERLIN), n=2)
    assert causes([one, two, two]) == [None, Cause.TWIN_AGREES, Cause.TWIN_AGREES]
    second = part_twins([one, two])[1]
    assert isinstance(second, Settled)
    assert second.reason == "asks the same of the same referral as deals.csv:2"


@pytest.mark.parametrize(
    ("one", "two", "name"),
    [
        ([wish(AMOUNT, "5")], [wish(AMOUNT, "6")], "dealValue"),
        ([wish(AMOUNT, "5")], [wish(AMOUNT, None)], "dealValue"),
        ([wish(AMOUNT, "5")], [], "dealValue"),
        ([], [wish(AMOUNT, "5")], "dealValue"),
        ([wish(TEAM, [{"email": "a@x.example"}])], [wish(TEAM, [{"email": "A@x.example", "firstName": "A"}])], "team"),
        ([wish(TEAM, [{"email": "a@x.example", "firstName": "A"}])], [wish(TEAM, [{"email": "a@x.example"}])], "team"),
    ],
)
def test_disagreeing_twins_are_all_invalid(one: list[Any], two: list[Any], name: str) -> None:
    """Silence against a wish is two minds, too; the words name the places and the field, no value."""
    parted = part_twins([desired(*one, n=1), desired(*two, n=2)])
    reason = f"deals.csv:2 and deals.csv:3 name one referral and disagree on {name}; keep one of them"
    assert [(row.cause, row.reason) for row in parted if isinstance(row, Settled)] == [
        (Cause.TWINS_DISAGREE, reason)
    ] * 2


def test_one_of_three_that_disagrees_spoils_all() -> None:
    """Nobody can say which is meant."""
    rows = [desired(wish("/name", word), n=n) for n, word in enumerate("aab", start=1)]
    assert causes(rows) == [Cause.TWINS_DISAGREE] * 3


BODY = {"customerProfile": {"name": "Contoso &amp; Sons "}, "details": {"dealValue": 12000}}
NAME = ("Customer", "/customerProfile/name")


def test_without_a_verifying_column_the_key_is_believed() -> None:
    """A pair has no base until somebody knows one."""
    row = desired(wish("/name", "x"))
    assert pair(row, observed(BODY), None) == Pair(row, observed(BODY))


@pytest.mark.parametrize("cell", ["Contoso & Sons", " Contoso &amp; Sons"])
def test_a_row_that_belongs_to_its_referral_is_paired(cell: str) -> None:
    """Compared by meaning."""
    assert isinstance(pair(desired(verify=cell), observed(BODY), NAME), Pair)
    assert isinstance(pair(desired(verify="12000.00"), observed(BODY), ("Amount", AMOUNT)), Pair)
    assert isinstance(pair(desired(verify=None), observed(BODY), NAME), Pair)  # it brings its own id, and no such cell


@pytest.mark.parametrize("cell", ["Fabrikam", "", " ", "contoso & sons"])
def test_a_row_of_another_customer_is_invalid(cell: str) -> None:
    """A blank verifies nothing; the words name the column, the field and the referral."""
    found = pair(desired(verify=cell), observed(BODY), NAME)
    assert isinstance(found, Settled)
    assert (found.cause, found.id) == (Cause.VERIFY_FAILED, GUID)
    assert found.reason == (
        f"Customer: says {cell!r} where customerProfile.name of referral {GUID} says 'Contoso & Sons'; "
        "are key and row of one deal?"
    )


def test_what_is_private_is_not_shown_where_it_does_not_verify() -> None:
    """Notes and people are for those who may see the referral."""
    found = pair(desired(verify="secret"), observed({"details": {"notes": "hidden"}}), ("Notes", "/details/notes"))
    assert isinstance(found, Settled)
    assert "Notes: does not agree with notes of referral" in found.reason
    assert not {"secret", "hidden"} & set(found.reason.replace("'", " ").split())


def test_a_blank_does_not_verify_a_referral_without_a_name() -> None:
    """Two nothings agree on nothing."""
    assert isinstance(pair(desired(verify=" "), observed({}), NAME), Settled)


@pytest.mark.parametrize("by", [BY_CRM, BY_ID])
@pytest.mark.parametrize("cell", ["#N/A", "#REF!", " #VALUE! ", "#####"])
def test_an_error_of_excel_is_no_key(by: str, cell: str) -> None:
    """A lookup that found nothing names no referral; it is said where it comes from, and not looked for."""
    key, fault = key_of(by, cell)
    assert key == ""
    assert fault.startswith(f"{cell.strip()} is an error of Excel; ")


@pytest.mark.parametrize("by", [BY_CRM, BY_ID])
def test_a_word_of_ours_is_no_key(by: str) -> None:
    """Nor is a mask of a report."""
    assert key_of(by, "<clear>") == ("", "<clear> is no key; every row names its referral")
    assert key_of(by, "•••")[1].startswith("holds •••, the mask of a report")


def test_a_linked_row_keeps_off_a_referral_that_is_somebody_else_s() -> None:
    """A link is a person's word of some day; since then the referral was given another CRM id."""
    row = replace(desired(verify="Fabrikam"), id=GUID)
    for held in ("", None, "CRM-1", " CRM-1 "):
        assert isinstance(pair(row, observed(BODY | {"externalReferenceId": held}), NAME), Pair)
    found = pair(row, observed(BODY | {"externalReferenceId": "CRM-2"}), None)
    assert isinstance(found, Settled)
    assert found.cause is Cause.LINKED_OTHERWISE
    assert found.reason == (
        f"the row is linked to referral {GUID}, which carries the CRM id 'CRM-2' by now; "
        "take the tick away, or settle whose referral it is"
    )


def test_twins_of_two_customers_disagree() -> None:
    """One of them has the wrong key, and nobody knows which."""
    rows = [desired(wish("/name", "x"), n=n, verify=customer) for n, customer in ((1, "Fabrikam"), (2, "Contoso"))]
    (first, _) = part_twins(rows)
    assert isinstance(first, Settled)
    assert first.reason.endswith("name one referral and disagree on the column of match.verify; keep one of them")
