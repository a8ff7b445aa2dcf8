"""Proposing referrals for rows that match none: names folded, likeness scored, ticks given sparingly."""

from __future__ import annotations

from typing import Any

import pytest
from asked import BERLIN, configured
from dirty import world
from hypothesis import given, settings
from hypothesis import strategies as st

from syncjob.core.feeds import Feeds, compiled
from syncjob.core.likeness import company, deal, letters_apart, likeness
from syncjob.core.linking import CANDIDATES_MAX, Proposal, Row, propose
from syncjob.core.reading import Reading
from syncjob.core.traits import CLOSE, CUSTOMER, NAME, Referral, Traits, column_of, referral_of, traits_of
from syncjob.errors import UsageRefused
from syncjob.model import Number

DEALS = {"Deal": "name", "Amount": "dealValue", "Currency": "currency", "Close Date": "closingDateTime"}
READING = Reading(time_zone=BERLIN)


def _feeds(**match: Any) -> Feeds:
    by = {"by": "externalReferenceId", "column": "CRM Id", "like": {"Account": "customerProfile.name"}}
    return compiled(configured(DEALS, match=by | match, defaults={"time_zone": BERLIN}))


def _traits(
    customer: str = "Fabrikam GmbH",
    name: str = "Azure migration",
    value: float | str | None = 10_000,
    currency: str = "EUR",
    close: str = "2027-03-31T00:00:00Z",
) -> Traits:
    of = {CUSTOMER: customer, NAME: name, "/details/dealValue": value, "/details/currency": currency, CLOSE: close}
    return Traits.of(of)


def _row(n: int = 1, **traits: Any) -> Row:
    return Row(n, _traits(**traits))


def _referral(known: str = "r1", *, free: bool = True, **traits: Any) -> Referral:
    return Referral(known, _traits(**traits), free)


def _only(row: Row, *referrals: Referral) -> Proposal:
    (found,) = propose([row], referrals)
    return found


# ── Names ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Müller & Söhne GmbH", "muller sohne"),
        ("MUELLER UND SOEHNE", "muller sohne"),
        ("FABRIKAM OIL &amp; GAS S.A.U.", "fabrikam oil gas"),
        ("Fabrikam Oil and Gas", "fabrikam oil gas"),
        ("Foo Sp. z o.o.", "foo"),
        ("Contoso (Germany) GmbH & Co. KG", "contoso germany"),
        ("Day Spa Resort Inc.", "day spa resort"),
        ("Foo A/S", "foo"),
        ("Café Adventure S. A.", "cafe adventure"),
        ("Intl. Mfg Co", "international manufacturing"),
        ("Łódzkie Øst", "lodzkie ost"),
        ("GmbH", "gmbh"),
        ("Ελληνικά Δίκτυα", "ελληνικα δικτυα"),
        ("  ", ""),
    ],
)
def test_a_company_is_known_without_its_legal_form(name: str, words: str) -> None:
    """Case, accents, punctuation, `and`, abbreviations and the legal form are no difference; something always stays."""
    assert " ".join(company(name)) == words


def test_a_deal_is_called_without_its_customer() -> None:
    """`Fabrikam - Azure migration` is the Azure migration, unless nothing else is said."""
    assert deal("Fabrikam GmbH - Azure migration", company("Fabrikam")) == ("azure", "migration")
    assert deal("Fabrikam", company("Fabrikam")) == ("fabrikam",)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("Northwind Traders", "traders north wind", None),
        ("North Wind", "Northwind", 0),
        ("Traders Northwind", "Northwind Traders", 0),
        ("Northwind Traders", "Nortwhind Traders", 1),
        ("Northwind Traders", "Northwid Traders", 1),
        ("Contoso East", "Contoso West", None),
        ("Contoso Eastern", "Contoso Western", None),
        ("Contoso Austria", "Contoso Australia", None),
        ("Bayer", "Mayer", None),
        ("Contoso", "Contoso Bank", None),
        ("phase2024", "phase2025", None),
        ("rollout viii", "rollout vii", None),
        ("rollout 2", "rollout 3", None),
        ("", "", 0),
    ],
)
def test_a_typo_is_told_from_another_word(one: str, other: str, apart: int | None) -> None:
    """One letter in one long word, never the first and never a number; both ways alike."""
    assert letters_apart(company(one), company(other)) == letters_apart(company(other), company(one)) == apart


def test_likeness_goes_from_nothing_to_all() -> None:
    """The same words in any order are all; a part is less; what shares its letters by chance is nothing."""
    names = [company(name) for name in ("Northwind Traders", "Traders, Northwind", "Northwind", "Qux", "")]
    (row,) = likeness(names[:1], names).tolist()
    assert row[:2] == [100, 100]
    assert 75 < row[2] < 90
    assert row[3:] == [0, 0]


# ── Traits ──────────────────────────────────────────────────────────────────────────────────────


def test_traits_come_from_feeding_like_and_verifying_columns() -> None:
    """The customer can only stand in a column that feeds nothing; what a workbook typed stays typed."""
    cells = {"Account": "Fabrikam", "Deal": "X", "Amount": Number("12000"), "Close Date": "2027-03-31"}
    feeds = compiled(
        configured(
            {"Deal": "name", "Amount": {"field": "dealValue", "currency": "EUR"}, "Close Date": "closingDateTime"},
            match={"by": "externalReferenceId", "column": "Key"}
            | {"verify": {"column": "Account", "field": "customerProfile.name"}},
            defaults={"time_zone": BERLIN},
        )
    )
    assert column_of(feeds, CUSTOMER, cells) == "Account"
    assert traits_of(feeds, READING, cells) == Traits(("fabrikam",), ("x",), 12000.0, "EUR", 20907 + 22 / 24)
    assert traits_of(_feeds(), READING, cells | {"Currency": "USD"}).currency == "USD"


def test_what_cannot_be_read_is_not_compared() -> None:
    """A bad cell leaves its trait out; so do a blank one, a value of 0 and a date that is none."""
    cells = {"Account": " ", "Deal": "", "Amount": "12k", "Currency": "EUR", "Close Date": "soon"}
    assert traits_of(_feeds(), READING, cells) == Traits(currency="EUR")
    assert Traits.of({"/details/dealValue": 0, CLOSE: "later", CUSTOMER: None}) == Traits()


@pytest.mark.parametrize(
    ("body", "free"),
    [
        ({"status": "Active"}, True),
        ({"status": "Active", "externalReferenceId": " "}, True),
        ({"status": "Closed"}, False),
        ({"status": "Active", "externalReferenceId": "X-1"}, False),
    ],
)
def test_a_referral_that_is_closed_or_has_a_crm_id_is_not_free(body: dict[str, Any], free: bool) -> None:  # noqa: FBT001  # a table's column
    """It may be shown, and is never ticked."""
    assert referral_of({"id": "R", **body}) == Referral("R", Traits(), free)


# ── Candidates ──────────────────────────────────────────────────────────────────────────────────


def test_a_candidate_says_why() -> None:
    """Each part that could be compared stands there, with its measure."""
    found = _only(_row(), _referral(name="Azure move", value=9000, close="2027-04-03T00:00:00Z"))
    assert found.candidates[0].why == "customer 100, name 35, value 10% apart, close 3 days apart"
    found = _only(_row(), _referral(currency="USD", close="2027-03-30T00:00:00Z"))
    assert found.candidates[0].why == "customer 100, name 100, currency differs, close 1 day apart"
    assert _only(_row(), _referral()).candidates[0].why == "customer 100, name 100, value same, close same"
    assert _only(_row(), _referral(name="", value=None, close="")).candidates[0].why == "customer 100"
    assert _only(_row(customer=""), _referral()).candidates[0].why.startswith("name 100, value")


def test_a_full_agreement_stands_above_one_on_the_customer_alone() -> None:
    """What is missing is not taken for the same."""
    found = _only(_row(), _referral("bare", name="", value=None, close=""), _referral("full", value=9900))
    assert [one.referral.id for one in found.candidates] == ["full", "bare"]


def test_only_so_many_are_shown_and_equals_in_the_order_of_their_ids() -> None:
    """Nothing is left to chance."""
    found = _only(_row(), *(_referral(f"r{n}") for n in (7, 3, 1, 9, 2, 8, 3)))
    assert [one.referral.id for one in found.candidates] == ["r1", "r2", "r3", "r7", "r8"]
    assert len(found.candidates) == CANDIDATES_MAX


def test_who_is_like_nobody_gets_no_candidate() -> None:
    """Another customer with another deal is none; nor is a referral known by value and date alone, nor any of none."""
    assert _only(_row(), _referral(customer="Quorx", name="Zzz")).candidates == ()
    assert _only(_row(customer="", name=""), _referral()).candidates == ()
    assert propose([_row(), Row(2, _traits(), rival=True)], []) == [Proposal(_row(), ())]


# ── Ticks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "referral", "ticked"),
    [
        ({}, {}, True),
        ({}, {"value": 10_400, "close": "2027-04-29T00:00:00Z"}, True),
        ({}, {"value": None}, True),
        ({}, {"close": ""}, True),
        ({"customer": "Fabrikan"}, {}, True),
        ({"name": "Azure migratoin"}, {}, True),
        ({"name": ""}, {}, True),
        ({"name": ""}, {"value": None}, False),
        ({"name": "", "customer": "Fabrikan"}, {}, False),
        ({}, {"value": None, "close": ""}, False),
        ({}, {"value": 12_000}, False),
        ({}, {"close": "2027-06-30T00:00:00Z"}, False),
        ({}, {"currency": "USD"}, False),
        ({}, {"name": "Azure migration phase 2"}, False),
        ({"name": "Azure migration 2026"}, {"name": "Azure migration 2027"}, False),
        ({}, {"customer": "Fabrikam Austria GmbH"}, False),
        ({}, {"customer": ""}, False),
        ({}, {"customer": "Quorx"}, False),
        ({}, {"free": False}, False),
    ],
)
def test_a_tick_is_given_only_where_nothing_speaks_against_it(
    row: dict[str, Any],
    referral: dict[str, Any],
    ticked: bool,  # noqa: FBT001  # a table's column
) -> None:
    """A wrong tick is worse than ten missing ones."""
    assert _only(_row(**row), _referral(**referral)).ticked is ticked


def test_near_twins_are_left_to_the_person() -> None:
    """Neither a second referral nor a second row may come near; a row that cannot be sent has its claims too."""
    assert not _only(_row(), _referral("r1"), _referral("r2", value=10_100)).ticked
    assert not any(one.ticked for one in propose([_row(1), _row(2, value=10_100)], [_referral()]))
    (found,) = propose([_row(1), Row(2, _traits(), rival=True)], [_referral()])
    assert not found.ticked


def test_two_deals_of_a_customer_are_told_apart_by_their_names() -> None:
    """Each row gets its own."""
    found = propose(
        [_row(1), _row(2, name="Payroll workshop", value=50_000)],
        [_referral("r1"), _referral("r2", name="Payroll workshop", value=50_000)],
    )
    assert [(one.candidates[0].referral.id, one.ticked) for one in found] == [("r1", True), ("r2", True)]


# ── Laws ────────────────────────────────────────────────────────────────────────────────────────

names = st.sampled_from(("Fabrikam GmbH", "Fabrikam", "Fabrikan Inc", "Northwind Traders", "Contoso East", ""))
deals = st.sampled_from(("Azure migration", "migration Azure", "Azure migration 2", "Payroll workshop", ""))
traits = st.builds(
    _traits,
    customer=names,
    name=deals,
    value=st.sampled_from((None, 10_000, 10_100, 50_000)),
    currency=st.sampled_from(("EUR", "USD")),
    close=st.sampled_from(("", "2027-03-31T00:00:00Z", "2027-04-02T00:00:00Z", "2027-09-30T00:00:00Z")),
)
referrals = st.lists(st.builds(Referral, st.sampled_from("abcdefgh"), traits, st.booleans()), max_size=8).map(
    lambda many: list({one.id: one for one in many}.values())
)
rows = st.lists(st.tuples(traits, st.booleans()), max_size=8).map(
    lambda many: [Row(n, one, rival) for n, (one, rival) in enumerate(many)]
)


@given(rows, referrals, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_rows_and_referrals_does_not_matter(many: list[Row], others: list[Referral], random: Any) -> None:
    """An export that is sorted otherwise proposes and ticks the same."""
    before = {one.row.n: one for one in propose(many, others)}
    random.shuffle(many)
    random.shuffle(others)
    assert {one.row.n: one for one in propose(many, others)} == before


@given(rows, referrals)
@settings(max_examples=60)
def test_a_referral_is_ticked_once_and_only_where_it_may_be(many: list[Row], others: list[Referral]) -> None:
    """At most one tick a referral, at most five candidates a row, the best first, no rival among the rows."""
    found = propose(many, others)
    ticked = [one.candidates[0].referral for one in found if one.ticked]
    assert len({one.id for one in ticked}) == len(ticked)
    assert all(one.free for one in ticked)
    assert [one.row for one in found] == [row for row in many if not row.rival]
    for one in found:
        scores = [candidate.score for candidate in one.candidates]
        assert scores == sorted(scores, reverse=True)[:CANDIDATES_MAX]


def test_many_rows_are_compared_like_few() -> None:
    """Rows go by chunks; a claim of the last one still counts for the first."""
    many = [_row(n, customer=f"Customer {n:04d} Quorx", name=f"Deal number {n}") for n in range(600)]
    found = propose([_row(1000), *many, _row(1001)], [_referral()])
    assert [one.ticked for one in found if one.row.n >= 1000] == [False, False]


@pytest.mark.parametrize("seed", [3, 7, 12])
def test_of_dirty_pairs_nearly_all_are_found_and_none_is_ticked_wrongly(seed: int) -> None:
    """95 of 100 right referrals stand in the first place, among decoys, strangers and near twins."""
    made = world(seed)
    feeds = _feeds()
    found = propose(
        [Row(n, traits_of(feeds, READING, cells)) for n, cells in enumerate(made.rows)],
        [referral_of(body) for body in made.referrals],
    )
    first = {made.rows[one.row.n]["CRM Id"]: one.candidates[0].referral.id for one in found if one.candidates}
    ticked = {made.rows[one.row.n]["CRM Id"]: one.candidates[0].referral.id for one in found if one.ticked}
    assert sum(first.get(key) == right for key, right in made.right.items()) >= 95
    assert {key: known for key, known in ticked.items() if made.right.get(key) != known} == {}
    assert len(ticked) >= 50


def test_links_are_for_rows_that_go_by_crm_id() -> None:
    """A row matched by id names its referral itself."""
    with pytest.raises(UsageRefused) as refused:
        _feeds(by="id", links="links.xlsx")
    assert refused.value.problems == ("match.links: rows matched by id name their referrals themselves; take it out",)
