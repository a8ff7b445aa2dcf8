from __future__ import annotations

from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from syncjob.config.writing import scalar, written
from syncjob.core import guessing, naming
from syncjob.core.proposing import propose
from syncjob.errors import UsageRefused
from syncjob.model import Day, Number, Place, SourceRow
from syncjob.model.proposal import Finding, Part, Proposal, Sample, Stated

ZONED = {Part.TIME_ZONE: "Europe/Berlin"}
TEXTS = st.text(max_size=30)


def _sample(columns: dict[str, list[str]]) -> Sample:
    length = max((len(cells) for cells in columns.values()), default=0)
    rows = tuple(
        SourceRow(n + 1, Place("deals.csv", n + 2), {name: cells[n] for name, cells in columns.items()})
        for n in range(length)
    )
    return Sample("deals.csv", tuple(columns), rows)


def _proposed(columns: dict[str, list[str]], stated: Stated = ZONED) -> Proposal:
    return propose(_sample(columns), "deals.csv", stated, presets={})


def _fields(columns: dict[str, list[str]]) -> dict[str, str]:
    return {one.name: one.field for one in _proposed(columns).columns if one.field}


@pytest.mark.parametrize(
    ("cells", "forms"),
    [
        (["2027-03-31"], ("",)),
        (["2027-03-31T00:00:00Z", "2027-04-01"], ("",)),
        ([Day("2027-03-31")], ("",)),
        (["31.03.2027"], ("%d.%m.%Y",)),
        ([Day("2027-03-31"), "31.03.2027"], ("%d.%m.%Y",)),
        (["01.02.2027"], ("%d.%m.%Y",)),
        (["31/03/2027", "01/02/2027"], ("%d/%m/%Y",)),
        (["03/31/2027", "01/02/2027"], ("%m/%d/%Y",)),
        (["01/02/2027"], ("%d/%m/%Y", "%m/%d/%Y")),
        (["2027/03/31"], ("%Y/%m/%d",)),
        (["31-Mar-2027"], ("%d-%b-%Y",)),
        (["2027-03-31 14:30"], ("%Y-%m-%d %H:%M",)),
        (["2027-03-31"] * 9 + ["15/05/2027"], ("",)),
        # most cells could be either, one only the first, one only the second: nobody can tell
        (["01/02/2027"] * 8 + ["31/03/2027", "03/31/2027"], ("%d/%m/%Y", "%m/%d/%Y")),
        # nor where more cells show the one order than the other: both were written
        (["01/02/2027"] * 8 + ["31/03/2027"] * 2 + ["03/31/2027"], ("%d/%m/%Y", "%m/%d/%Y")),
        (["soon", "later"], ()),
        ([Number("46112")], ()),
        ([], ()),
    ],
)
def test_dates_are_read_in_the_one_way_that_fits(cells: list[str], forms: tuple[str, ...]) -> None:
    """One format is an answer, several are a question, none is no date."""
    assert guessing.dates(cells).forms == forms


@pytest.mark.parametrize(
    ("cells", "forms"),
    [
        (["12000", "950.50"], ("",)),
        ([Number("12000.5")], ("",)),
        (["1.234,56"], ("de_DE",)),
        (["1234,56", "12"], ("de_DE",)),
        (["1,234.56"], ("en_US",)),
        (["950.00", "12,500.00"], ("en_US",)),
        (["1 234,56"], ("fr_FR",)),
        (["1\u202f234,56"], ("fr_FR",)),
        (["1'234.56"], ("de_CH",)),
        (["1,234"], ("de_DE", "en_US")),
        (["1.234"], ("de_DE", "en_US")),
        (["1.234", "1.234,50"], ("de_DE",)),
        # one stray among plain numbers is that row's fault
        (["12000"] * 12 + ["54,000.00"] + ["a lot"], ("",)),
        (["red", "green"], ()),
        ([], ()),
    ],
)
def test_amounts_are_read_as_the_one_locale_that_fits(cells: list[str], forms: tuple[str, ...]) -> None:
    """Locales that read every cell alike are one; those that do not are a question."""
    assert guessing.numbers(cells).forms == forms


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Close Date", "closingDateTime"),
        ("closedate", "closingDateTime"),
        ("CLOSE_DATE", "closingDateTime"),
        ("Voraussichtlicher Abschluss", "closingDateTime"),
        ("Date de clôture", "closingDateTime"),
        ("Amount (EUR)", "dealValue"),
        ("Auftragswert", "dealValue"),
        ("Montant", "dealValue"),
        ("Währung", "currency"),
        ("Étape", "status"),
        ("Wahrscheinlichkeit", "salesStage"),
        ("Marketing Campaign ID", "campaignId"),
    ],
)
def test_headers_are_known_in_three_languages(header: str, field: str) -> None:
    """Case, accents and punctuation do not count."""
    assert naming.names_field(header, field) == 0


@pytest.mark.parametrize("header", ["Last Modified Date", "Closed Date", "Weighted Amount", "Annual Revenue", "Colour"])
def test_other_days_and_amounts_are_no_field_of_a_referral(header: str) -> None:
    """Much is called a date or an amount; what it is of decides."""
    assert [name for name in naming.FIELDS if naming.names_field(header, name) is not None] == []


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("Closed Won", "Closed/Won"),
        ("GEWONNEN", "Closed/Won"),
        ("Gagné", "Closed/Won"),
        ("Verloren", "Closed/Lost"),
        ("Closed - Lost", "Closed/Lost"),
        ("In Arbeit", "Active/Accepted"),
        ("Prospect", "New/Received"),
        ("Closed", ""),
        ("On ice", ""),
    ],
)
def test_stages_are_translated_where_they_are_known(word: str, meaning: str) -> None:
    """Closed alone could be won or lost: a person decides."""
    assert naming.status_of(word) == meaning


def test_a_stage_of_unknown_words_has_no_opinion_until_a_person_decides() -> None:
    """The words stand in the translation, blank, and the configuration asks for a decision."""
    proposal = _proposed({"CRM Id": ["A", "B"], "Stage": ["Working", "On ice"]})
    stage = next(one for one in proposal.columns if one.field == "status")
    assert dict(stage.translate) == {"Working": "Active/Accepted", "On ice": ""}
    assert stage.undecided == ("On ice",)
    line = next(line for line in written(proposal).splitlines() if "On ice" in line)
    assert "# decide" in line


def test_the_remotes_own_words_need_no_translation() -> None:
    """A status with its substatus beside it, or both in one cell."""
    both = _proposed({"CRM Id": ["A"], "Status": ["Active/Accepted"]}).columns[1]
    assert (both.field, dict(both.translate)) == ("status", {})
    apart = _proposed({"CRM Id": ["A", "B"], "Status": ["Active", "Closed"], "Substatus": ["Accepted", "Won"]}).columns
    assert [(one.field, dict(one.translate)) for one in apart[1:]] == [("status", {}), ("substatus", {})]
    one = _proposed({"CRM Id": ["A", "B"], "Stage": ["Working", "Lost"], "Substatus": ["Accepted", "Lost"]}).columns
    assert [column.field for column in one] == ["", "status", ""]


def test_stages_in_numbers_are_the_sales_stage() -> None:
    """Plain ones as they are, those with a percent sign translated."""
    plain = _proposed({"CRM Id": ["A", "B"], "Stage": ["10", "100"]}).columns[1]
    assert (plain.field, dict(plain.translate)) == ("salesStage", {})
    percent = _proposed({"CRM Id": ["A", "B"], "Probability": ["10%", "100 %"]}).columns[1]
    assert (percent.field, dict(percent.translate)) == ("salesStage", {"10%": "10", "100 %": "100"})


GUIDS = ["2500ec5a-0000-0000-0000-5bf4967d0000", "2500ec5a-0000-0000-0000-5bf4967d0001"]


@pytest.mark.parametrize(
    ("columns", "stated", "key"),
    [
        ({"CRM Id": ["A", "B"]}, {}, ("CRM Id", "externalReferenceId")),
        ({"Referral ID": GUIDS}, {}, ("Referral ID", "id")),
        ({"Referral ID": GUIDS, "CRM Id": ["A", "B"]}, {}, ("Referral ID", "id")),
        (
            {"Referral ID": GUIDS, "CRM Id": ["A", "B"]},
            {Part.BY: "externalReferenceId"},
            ("CRM Id", "externalReferenceId"),
        ),
        ({"Opportunity ID": GUIDS}, {}, ("Opportunity ID", "externalReferenceId")),
        ({"Opportunity ID": GUIDS}, {Part.BY: "id"}, ("Opportunity ID", "id")),
        ({"Account ID": ["1", "2"], "Vorgangsnummer": ["A", "B"]}, {}, ("Vorgangsnummer", "externalReferenceId")),
        ({"Id": ["1", "2"], "Opportunity Id": ["A", "B"]}, {}, ("Opportunity Id", "externalReferenceId")),
        ({"Account Id": ["1", "2"]}, {}, None),
        ({"CRM Id": ["", ""]}, {}, None),
    ],
)
def test_the_key_is_found_by_name_and_cells(
    columns: dict[str, list[str]], stated: Stated, key: tuple[str, str] | None
) -> None:
    """A GUID is a referral's id only where its column says so; without a name that says it, it is a question."""
    proposal = _proposed({**columns, "Deal": ["One", "Two"]}, stated)
    assert (proposal.key and (proposal.key.column, proposal.key.by)) == key
    assert any(one.part is Part.KEY and one.needed for one in proposal.questions) is (key is None)


def test_a_clearer_name_wins_and_the_other_says_why() -> None:
    """Two columns never feed one field."""
    proposal = _proposed({"CRM Id": ["A"], "Order value": ["5"], "Amount": ["7"], "Currency": ["EUR"]})
    assert [one.field for one in proposal.columns] == ["", "", "dealValue", "currency"]
    assert "'Amount' is mapped to dealValue already" in proposal.columns[1].reason


def test_a_column_must_hold_what_its_name_says() -> None:
    """An amount of words and a date of colours are not mapped."""
    assert _fields({"CRM Id": ["A"], "Deal": ["One"], "Amount": ["much"], "Close Date": ["red"]}) == {"Deal": "name"}


def test_amounts_without_a_currency_take_the_one_that_all_others_have() -> None:
    """It is a finding with a reason; where there are two codes, the rows are told instead."""
    columns = {"CRM Id": ["A", "B"], "Amount": ["5", "6"], "Currency": ["EUR", ""]}
    assert _proposed(columns).defaults["currency"].value == "EUR"
    columns = {name: [*cells, cells[0]] for name, cells in columns.items()} | {"Currency": ["EUR", "", "CHF"]}
    assert "currency" not in _proposed(columns).defaults


def test_a_column_that_is_not_there_is_no_key() -> None:
    """What a person states is held against the file."""
    with pytest.raises(UsageRefused, match="did you mean 'CRM Id'"):
        _proposed({"CRM Id": ["A"], "Deal": ["One"]}, {Part.KEY: "CRM Idd"})


@given(st.dictionaries(TEXTS.filter(str.strip), st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_proposing_never_raises_on_any_text(columns: dict[str, list[str]]) -> None:
    """Whatever a file holds is a proposal, or refused because nothing in it is known."""
    named = {"CRM Id": ["1", "2", "3"], "Deal": ["a deal", "b deal", "c deal"], **columns}
    try:
        proposal = _proposed(named, {**ZONED, Part.CURRENCY: "EUR"})
    except UsageRefused as refused:
        assert "no column could be mapped" in str(refused)  # noqa: PT017  # the other way out is checked below
        return
    if not proposal.questions:
        assert yaml.safe_load(written(proposal))["rows"]["file"] == "deals.csv"


@given(
    st.sampled_from([one for one in guessing.DATE_FORMATS if one]),
    st.lists(st.dates(date(2000, 1, 1), date(2068, 1, 1)), min_size=1),
)
def test_formats_found_are_formats_written(form: str, days: list[date]) -> None:
    """The format in which all dates are written is always among those found."""
    assert form in guessing.dates([day.strftime(form) for day in days]).forms


@given(st.text())
def test_any_text_is_one_scalar_on_one_line(text: str) -> None:
    """A column may be called as it likes; it reads back to the letter."""
    text = text.encode("utf-8", "replace").decode()
    shown = scalar(text)
    assert "\n" not in shown
    assert yaml.load(f"{shown}: x  # y", Loader=yaml.BaseLoader) == {text: "x"}


def test_what_stays_in_a_comment_ends_no_line() -> None:
    """Columns with line breaks and reasons with odd characters stay comments."""
    proposal = _proposed({"CRM Id": ["A"], "Deal": ["One"], "Odd\njob: evil": ["x"]})
    assert yaml.safe_load(written(proposal))["job"] == "deals"
    assert all(isinstance(one, Finding) for one in proposal.defaults.values())
