"""Referrals to start from."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from syncjob.sandbox.rules import SUBSTATUSES
from syncjob.sandbox.seeds import load, seed

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ABSENT = object()


def _seen(path: str, documents: list[dict[str, Any]]) -> list[Any]:
    """What stands at a path in each referral whose parent is there."""
    *parents, last = path.split("/")
    seen = []
    for document in documents:
        node: Any = document
        for name in parents:
            node = node.get(name)
        seen.append(node.get(last, ABSENT))
    return seen


def test_a_seed_gives_the_same_referrals() -> None:
    """One seed, one set of referrals; another seed, others."""
    assert seed(20, Random(1), NOW) == seed(20, Random(1), NOW)
    assert seed(20, Random(1), NOW) != seed(20, Random(2), NOW)


def test_ids_are_guids_and_crm_ids_are_unique() -> None:
    """Every id is its own; most referrals have a CRM id and no two the same; some have null, "" or none."""
    documents = seed(500, Random(1), NOW)
    assert len({document["id"] for document in documents}) == 500
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", document["id"]) for document in documents)
    crm_ids = [document["externalReferenceId"] for document in documents if document.get("externalReferenceId")]
    assert 400 < len(crm_ids) == len(set(crm_ids))
    assert all(re.fullmatch(r"CRM-\d{5}", crm_id) for crm_id in crm_ids)


@pytest.mark.parametrize(
    "path", ["externalReferenceId", "details/currency", "details/closingDateTime", "details/notes"]
)
def test_nothing_is_spelt_three_ways(path: str) -> None:
    """Null, the empty string and absent all occur for one and the same field."""
    seen = _seen(path, seed(500, Random(1), NOW))
    assert None in seen
    assert "" in seen
    assert ABSENT in seen


@pytest.mark.parametrize("path", ["team", "details/requirements", "salesStage", "inviteContext"])
def test_parents_are_sometimes_missing(path: str) -> None:
    """A path may be absent and present among the same seeds."""
    seen = _seen(path, seed(200, Random(1), NOW))
    assert 0 < seen.count(ABSENT) < 200


def test_every_status_occurs_with_a_substatus_of_its_own() -> None:
    """Leads are New, deals Active or Closed, and a closed one tells when."""
    documents = seed(500, Random(1), NOW)
    pairs = {(document["status"], document["substatus"]) for document in documents}
    assert {status for status, _ in pairs} == set(SUBSTATUSES)
    assert all(substatus in SUBSTATUSES[status] for status, substatus in pairs)
    assert all(document["closedDateTime"] for document in documents if document["status"] == "Closed")


def test_timestamps_have_every_number_of_digits() -> None:
    """Fractions of 0 to 7 digits occur, never more, and no dot without a digit."""
    text = json.dumps(seed(300, Random(1), NOW))
    stamps = re.findall(r'DateTime": "([^"]+)"', text)
    fractions = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z", each) for each in stamps]
    assert {len(each[1] or "") for each in fractions if each} == set(range(8))
    assert all(fractions)


def test_odd_values_occur() -> None:
    """Entities, spaces at the end, letters beyond ASCII, decomposed accents, and states kept in region."""
    text = json.dumps(seed(300, Random(1), NOW), ensure_ascii=False)
    for odd in (
        "&amp;",
        'Doe "',
        "e\u0301",
        "アドベンチャー",
        '"region": "WA"',
        '"salesStage": "100"',
    ):
        assert odd in text


def test_a_file_of_referrals_is_loaded(tmp_path: Path) -> None:
    """An array, or a page as the API answers it."""
    documents = seed(3, Random(1), NOW)
    for content in (documents, {"@odata.context": "c", "value": documents}):
        path = tmp_path / "referrals.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        assert load(path) == documents


@pytest.mark.parametrize("content", ["{}", '{"value": 1}', "5", "[1]", '[{"id": 5}]', "["])
def test_a_file_of_something_else_says_what_to_write(content: str, tmp_path: Path) -> None:
    """A ValueError, and where the shape is wrong it names the file."""
    path = tmp_path / "referrals.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"referrals\.json|Expecting"):
        load(path)
