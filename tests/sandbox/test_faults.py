"""Misfortunes by seed: rates, draws, and what others do to a referral."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.sandbox import elsewhere
from syncjob.sandbox.faults import NAMES, READ_ENDINGS, WRITE_ENDINGS, Luck, Misfortunes, Rates, parse, rates_of
from syncjob.sandbox.patches import Operation, applied, found

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STORM = Rates(**{name: 0.0 if name == "quota" else 0.3 for name in NAMES})


def _draws(rates: Rates, seed: int, n: int, referral_id: str | None = "r1") -> list[Luck]:
    misfortunes = Misfortunes(rates, Random(seed))
    return [misfortunes.draw(NOW + timedelta(seconds=i), referral_id) for i in range(n)]


def test_rates_are_read_from_texts() -> None:
    """NAME=RATE sets a rate; what is not named does not happen."""
    assert parse(["lost=0.1", " late = 1 ", "quota=20"]) == Rates(lost=0.1, late=1.0, quota=20.0)
    assert parse([]) == Rates()
    assert rates_of({"slow": 1}) == Rates(slow=1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lots=0.1", "did you mean lost\\?.*throttle, unavailable"),
        ("zzz=0.1", "no fault 'zzz'; known are"),
        ("lost", "NAME=RATE"),
        ("lost=often", "a rate is a number"),
        ("lost=1.1", "between 0"),
        ("lost=-1", "between 0"),
        ("lost=nan", "between 0"),
        ("quota=-1", "requests a second"),
        ("quota=inf", "requests a second"),
    ],
)
def test_a_wrong_rate_says_what_to_write(text: str, words: str) -> None:
    """An unknown name lists the known ones, a wrong number says its bounds."""
    with pytest.raises(ValueError, match=words):
        parse([text])


def test_a_rate_is_a_number_or_its_text() -> None:
    """JSON's true, null and lists are no rates."""
    wrongs: tuple[Any, ...] = (True, None, [])
    for wrong in wrongs:
        with pytest.raises(ValueError, match="a rate is a number"):
            rates_of({"lost": wrong})


@given(st.integers(0, 2**32))
def test_one_seed_replays_a_day(seed: int) -> None:
    """The same seed and the same requests meet the same luck."""
    assert _draws(STORM, seed, 20) == _draws(STORM, seed, 20)


def test_a_calm_day_draws_nothing() -> None:
    """Without rates nothing befalls, and chance is not asked."""
    random = Random(1)
    before = random.getstate()
    assert Misfortunes(Rates(), random).draw(NOW, "r1") == Luck()
    assert random.getstate() == before


@pytest.mark.parametrize("ending", WRITE_ENDINGS)
def test_a_certain_fault_happens_each_time(ending: str) -> None:
    """A rate of 1 is always; reads meet only the faults that reads can meet."""
    rates = rates_of({ending: 1})
    assert {luck.ending for luck in _draws(rates, 1, 20)} == {ending}
    expected = {ending} if ending in READ_ENDINGS else {""}
    assert {luck.ending for luck in _draws(rates, 1, 20, None)} == expected


def test_faults_come_at_their_rate() -> None:
    """Over many requests a share is a share."""
    seen = _draws(Rates(lost=0.2, foreign=0.5, slow=0.1), 7, 4000)
    assert 0.17 < sum(luck.ending == "lost" for luck in seen) / 4000 < 0.23
    assert 0.46 < sum(luck.foreign for luck in seen) / 4000 < 0.54
    assert 0.07 < sum(luck.slow_s > 0 for luck in seen) / 4000 < 0.13
    assert all(luck.slow_s == 0 or 0.2 <= luck.slow_s <= 3 for luck in seen)


def test_no_fault_hides_behind_another() -> None:
    """When several are certain each of them gets its turn."""
    certain = Rates(**{name: 0.0 if name == "quota" else 1.0 for name in NAMES})
    assert {luck.ending for luck in _draws(certain, 3, 400)} == set(WRITE_ENDINGS)
    assert {luck.ending for luck in _draws(certain, 3, 400, None)} == set(READ_ENDINGS)


def test_a_stubborn_referral_stays_stubborn_until_a_calm() -> None:
    """Which referrals are stubborn is drawn once; a rate of 0 ends it."""
    misfortunes = Misfortunes(Rates(stubborn=0.5), Random(5))
    first = [misfortunes.draw(NOW, f"r{i}").stubborn for i in range(100)]
    assert 30 < sum(first) < 70
    assert [misfortunes.draw(NOW, f"r{i}").stubborn for i in range(100)] == first
    misfortunes.rates = Rates(lost=0.1)
    assert not any(misfortunes.draw(NOW, f"r{i}").stubborn for i in range(100))


def test_a_quota_counts_every_request_of_a_second() -> None:
    """Three a second pass, the fourth does not; refused requests count too; a quiet second lets three pass again."""
    misfortunes = Misfortunes(Rates(quota=3), Random(1))

    def endings(*offsets_s: float) -> list[str]:
        return [misfortunes.draw(NOW + timedelta(seconds=offset), None).ending for offset in offsets_s]

    assert endings(0, 0.1, 0.2, 0.3) == ["", "", "", "quota"]
    assert endings(1.25, 1.26, 1.27) == ["", "", "quota"]
    assert endings(3, 3, 3, 3) == ["", "", "", "quota"]


def _referral(**parts: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "status": "Active",
        "substatus": "Accepted",
        "name": "Pilot",
        "favorite": None,
        "details": {"dealValue": 10000.5, "currency": "USD", "notes": "old", "requirements": {"solutions": []}},
        "team": [],
        **parts,
    }


_PATCHES: list[tuple[tuple[str, Any], ...]] = [
    (("/details/notes", "ours"),),
    (("/details/dealValue", "777"), ("/details/currency", "EUR")),
    (("/details/currency", "SEK"), ("/favorite", True)),
    (("/details/closingDateTime", "2026-04-01T00:00:00Z"),),
    (("/status", "Closed"), ("/substatus", "Won")),
    (("/team/-", {"email": "x"}), ("/details/requirements/solutions", [{"id": "SOL-1"}])),
    (("/inviteContext", {"notes": "ours"}),),
    (("/inviteContext/notes", "without a parent"),),
    (("/consent", {}),),
    (("/nowhere", 1),),
]


@given(
    st.sampled_from(_PATCHES), st.integers(0, 2**32), st.sampled_from([{}, {"status": "New", "substatus": "Pending"}])
)
def test_a_foreign_edit_is_lawful_and_changes_something(
    patch: tuple[tuple[str, Any], ...], seed: int, parts: dict[str, Any]
) -> None:
    """Whatever we patch, somebody else's edit passes the written rules and leaves the referral different."""
    document = _referral(**parts)
    ours = tuple(Operation("add", path, value) for path, value in patch)
    edit = elsewhere.foreign_edit(document, ours, n=3, random=Random(seed))
    assert edit
    assert applied(document, edit)[0] != document


def test_foreign_edits_are_of_all_sorts() -> None:
    """They fall on a field that we name, now and then to our very value, on another field, and into the same list."""
    ours = (Operation("add", "/details/notes", "ours"), Operation("add", "/team/-", {"email": "x"}))
    edits = [elsewhere.foreign_edit(_referral(), ours, n=1, random=Random(i))[0] for i in range(300)]
    paths = {edit.path for edit in edits}
    assert {"/details/notes", "/team/-", "/name", "/salesStage"} <= paths
    assert Operation("add", "/details/notes", "ours") in edits
    assert Operation("add", "/details/notes", "Edited elsewhere 1") in edits


def test_a_foreign_edit_needs_something_to_edit() -> None:
    """Full lists, fields of ours, parents that are missing or there already leave nothing to edit."""
    random = Random(1)
    bare = {"id": "r1", "status": "Active", "team": [{"email": f"{i}"} for i in range(50)]}
    ours = tuple(Operation("add", path, "x") for path in (*elsewhere._OTHERS, "/team"))
    assert elsewhere._joined(bare, ours, n=1) == ()
    assert elsewhere._other(bare, ours, n=1, random=random) == ()
    assert elsewhere._named(bare, (Operation("add", "/details/notes", "x"),), n=1, random=random) == ()
    assert elsewhere._named({"details": {}}, (Operation("add", "/details", {}),), n=1, random=random) == ()


@pytest.mark.parametrize(
    ("path", "value", "bent"),
    [
        ("/details/notes", "abcd", "ab"),
        ("/details/notes", "a", "a"),
        ("/details/notes", None, None),
        ("/details/dealValue", "12345", 12000.0),
        ("/details/dealValue", 12345, 12000.0),
        ("/details/dealValue", 12000, 12000),
        ("/details/dealValue", "12k", "12k"),
        ("/details/dealValue", None, None),
        ("/details/closingDateTime", "2026-03-31T18:30:00Z", "2026-04-01T18:30:00Z"),
        ("/details/closingDateTime", "9999-12-31T18:30:00Z", "9999-12-31T18:30:00Z"),
        ("/details/closingDateTime", "2026-02-30T18:30:00Z", "2026-02-30T18:30:00Z"),
        ("/details/currency", "USD", "USD"),
        ("/externalReferenceId", "CRM-00001", "CRM-00001"),
        ("/team", [], []),
    ],
)
def test_the_service_bends_texts_numbers_and_dates(path: str, value: Any, bent: Any) -> None:
    """A text is cut, a number rounded to thousands, a date shifted by a day; keys, enums and lists stay."""
    assert elsewhere.altered((Operation("add", path, value),), Random(1)) == (Operation("add", path, bent),)


def test_one_value_of_a_patch_is_bent() -> None:
    """The other operations stay as they were sent."""
    ours = (Operation("add", "/name", "abcd"), Operation("add", "/salesStage", "50"))
    bent = [elsewhere.altered(ours, Random(i)) for i in range(20)]
    assert {sum(one != other for one, other in zip(ours, each, strict=True)) for each in bent} == {1}
    assert len(set(bent)) == 2


def test_every_fault_is_named_and_explained() -> None:
    """The docstring of the rates tells each name."""
    assert Rates.__doc__ is not None
    assert all(f"\n    {name} " in Rates.__doc__ for name in NAMES)
    assert set(asdict(Rates())) == set(NAMES)


def test_found_sees_nothing_below_a_value() -> None:
    """A path through a list or a text leads to nothing."""
    assert found({"a": [1]}, "/a/0") is None
