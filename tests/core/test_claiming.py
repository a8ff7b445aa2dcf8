"""Which column feeds which field, and which one names the referral: by name and cells, and never against the cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from asked import configured

from syncjob.core.claiming import WORD_CHARS_MAX, WORDS_MAX
from syncjob.core.proposing import propose
from syncjob.model import Number, Place, SourceRow
from syncjob.model.proposal import Column, Finding, Key, Part, Proposal, Sample, Stated
from syncjob.settings import Settings

GUIDS = ("2500ec5a-0000-0000-0000-5bf4967d0000", "2500ec5a-0000-0000-0000-5bf4967d0001")
OURS = configured(
    {"Deal": "name", "Amount": "dealValue", "Close Date": "closingDateTime"},
    defaults={"locale": "de_DE", "currency": "CHF", "date_format": "%d.%m.%Y", "time_zone": "Europe/Zurich"},
)


def proposed(
    columns: Mapping[str, Sequence[str]], stated: Stated | None = None, presets: Mapping[str, Settings] | None = None
) -> Proposal:
    """Propose for a file of these columns."""
    cells = zip(*columns.values(), strict=True)
    rows = tuple(
        SourceRow(n, Place("deals.csv", n + 1), dict(zip(columns, row, strict=True))) for n, row in enumerate(cells, 1)
    )
    return propose(Sample("deals.csv", tuple(columns), rows), "deals.csv", stated or {}, presets=presets or {})


def named(proposal: Proposal, name: str) -> Column:
    """Give what was found of a column."""
    return next(one for one in proposal.columns if one.name == name)


def keyed(key: Key | None) -> tuple[str, str, bool] | None:
    """Give the key's column, what it is an id of, and whether it is a number."""
    return (key.column, key.by, key.numeric) if key else None


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────


def test_the_crm_s_id_is_written_only_where_the_referral_s_own_id_is_the_key() -> None:
    """Beside a key that the referrals hold as reference already, a second reference would overwrite what they match."""
    cells = {"CRM Id": ["C-1", "C-2"], "Deal": ["One", "Two"]}
    beside_id = proposed({"Referral ID": GUIDS, **cells})
    assert named(beside_id, "CRM Id").field == "externalReferenceId"
    beside_reference = proposed({"Opportunity Id": ["A", "B"], **cells}, {Part.KEY: "Opportunity Id"})
    assert named(beside_reference, "CRM Id").field == ""
    without = proposed({"CRM Id": ["C-1", "C-1"], "Order ID": ["A", "B"], "Deal": ["One", "Two"]}, {Part.BY: "id"})
    assert without.key is None
    assert named(without, "CRM Id").field == ""


@pytest.mark.parametrize("cells", [["12000", "13500"], ["2027-01-31", "2027-02-28"], ["31.01.2027", "28.02.2027"]])
def test_a_name_is_neither_an_amount_nor_a_date(cells: list[str]) -> None:
    """A column called after the deal that holds numbers or days is some other thing of the deal."""
    columns = {"CRM Id": ["A", "B"], "Stage": ["Won", "Lost"]}
    assert named(proposed({**columns, "Deal": cells}), "Deal").field == ""
    assert named(proposed({**columns, "Deal": ["Pilot", "Rollout"]}), "Deal").field == "name"


@pytest.mark.parametrize(
    "words",
    [
        [f"stage {chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(WORDS_MAX + 1)],
        ["Won", "x" * (WORD_CHARS_MAX + 1)],
        ["Won", "waiting for\ntheir board"],
    ],
    ids=["many", "long", "lines"],
)
def test_sentences_are_no_stages(words: list[str]) -> None:
    """What was written freely is not offered for translation word by word: it would stand in the configuration."""
    columns = {"CRM Id": [f"C-{at}" for at, _ in enumerate(words)], "Deal": ["Pilot"] * len(words), "Status": words}
    found = named(proposed(columns), "Status")
    assert (found.field, dict(found.translate)) == ("", {})
    assert found.reason == "named like status, but its cells cannot be read as that"


# ── The key ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("columns", "stated", "key"),
    [
        # what is no GUID cannot be the referral's own id, whatever is stated
        ({"CRM Id": ["A", "B"]}, {Part.BY: "id"}, None),
        # of two names that are as clear, the one that names each row once
        ({"Deal ID": ["A", "A"], "Record ID": ["A", "B"]}, {}, ("Record ID", "externalReferenceId", False)),
        ({"Deal ID": ["C", "D"], "Record ID": ["A", "B"]}, {}, None),
        ({"Deal ID": ["A", "A"], "Record ID": ["B", "B"]}, {}, None),
        # an id of something that is not known here may be the deal's; one of the account is not
        ({"Vertrag ID": ["A", "B"]}, {}, ("Vertrag ID", "externalReferenceId", False)),
        ({"Vertrag ID": ["A", "B"], "Deal ID": ["A", "B"]}, {}, ("Deal ID", "externalReferenceId", False)),
        ({"Account ID": ["A", "B"]}, {}, None),
        ({"CRM Id": [Number("17"), Number("18")]}, {}, ("CRM Id", "externalReferenceId", True)),
        ({"CRM Id": [Number("17"), "0018"]}, {}, ("CRM Id", "externalReferenceId", False)),
    ],
)
def test_of_several_ids_only_a_clear_one_is_the_key(
    columns: Mapping[str, Sequence[str]], stated: Stated, key: tuple[str, str, bool] | None
) -> None:
    """Where none is clear it is asked for, and the columns that it may be are named."""
    proposal = proposed({**columns, "Deal": ["Pilot", "Rollout"]}, stated)
    assert keyed(proposal.key) == key
    questions = [one for one in proposal.questions if one.part is Part.KEY]
    assert [one.needed for one in questions] == ([] if key else [True])
    assert all(one.choices for one in questions)


# ── Presets ─────────────────────────────────────────────────────────────────────────────────────


def test_what_a_preset_states_is_not_asked_for_again() -> None:
    """Its locale, currency, zone and format of dates hold, and its key; a file that is written so needs no answer."""
    columns = {"Key": ["A", "B"], "Deal": ["x", "y"], "Amount": ["1.250", "2.500"], "Close Date": ["01.02.2027"] * 2}
    proposal = proposed(columns, presets={"ours": OURS})
    assert proposal.preset is not None
    assert proposal.preset.value == "ours"
    assert (proposal.questions, dict(proposal.defaults)) == ((), {})
    assert [(one.name, one.by_preset) for one in proposal.columns[1:]] == [(one, True) for one in OURS.fields]
    without = {one.part for one in proposed(columns).questions}
    assert without == {Part.LOCALE, Part.CURRENCY, Part.TIME_ZONE}


def test_a_preset_is_stated_or_declined() -> None:
    """A name takes it, however little the header shows of it; the empty name takes none, however much."""
    columns = {"Key": ["A", "B"], "Deal": ["One", "Two"], "Amount": ["5", "6"], "Close Date": ["01.02.2027"] * 2}
    assert proposed(columns, {Part.PRESET: ""}, {"ours": OURS}).preset is None
    little = {"Key": ["A", "B"], "Deal": ["One", "Two"]}
    assert proposed(little, {Part.PRESET: "ours"}, {"ours": OURS}).preset == Finding("ours", "stated")


def test_a_preset_that_knows_less_than_half_of_the_columns_is_not_taken() -> None:
    """All of its columns among many others are those of another export, which happens to use the same words."""
    columns = {"Key": ["A"], "Deal": ["One"], "Amount": ["5"], "Close Date": ["01.02.2027"]}
    others = {f"Colour {letter}": ["red"] for letter in "ABCDE"}
    assert proposed({**columns, **dict(list(others.items())[:4])}, presets={"ours": OURS}).preset is not None
    assert proposed({**columns, **others}, presets={"ours": OURS}).preset is None


def test_a_key_of_another_kind_than_the_preset_s_is_looked_for() -> None:
    """Who says that rows carry the referral's own id is not given the preset's CRM id in its place."""
    columns = {"Key": ["A", "B"], "Referral ID": GUIDS, "Deal": ["One", "Two"], "Amount": ["5", "6"]}
    by_preset = proposed(columns, {Part.PRESET: "ours"}, {"ours": OURS}).key
    assert (keyed(by_preset), by_preset and by_preset.by_preset) == (("Key", "externalReferenceId", False), True)
    stated = proposed(columns, {Part.PRESET: "ours", Part.BY: "id"}, {"ours": OURS}).key
    assert (keyed(stated), stated and stated.by_preset) == (("Referral ID", "id", False), False)
