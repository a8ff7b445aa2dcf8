"""The text of a proposed configuration: it loads as it stands, and says of each line why it is there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml

from syncjob.config.writing import written
from syncjob.model.proposal import Column, Finding, Key, Proposal


def text(
    *columns: Column, key: str = "CRM Id", numeric: bool = False, verify: Column | None = None, **findings: str
) -> str:
    """Write a small proposal."""
    shown = (*columns, *((verify,) if verify else ()))
    return written(
        Proposal(
            job="deals",
            file="deals.xlsx",
            looked_at=2,
            whole=True,
            key=Key(key, "externalReferenceId", "named like an id", numeric=numeric),
            columns=shown,
            defaults={name: Finding(value, "stated") for name, value in findings.items()},
            reading={},
            remote=Finding("http://localhost:8080", "stated"),
            verify=verify,
        )
    )


def loaded(text: str) -> Mapping[str, object]:
    """Read it back as texts."""
    found: Mapping[str, object] = yaml.load(text, Loader=yaml.BaseLoader)
    return found


DEAL = Column("Deal", "name", "named so")


def test_keys_that_a_workbook_holds_as_numbers_are_written_down_as_such() -> None:
    """Else every row would be refused; the line says what numbers have lost, and the way out."""
    found = text(DEAL, numeric=True)
    assert loaded(found)["match"] == {"by": "externalReferenceId", "column": "CRM Id", "numeric": "true"}
    (line,) = (line for line in found.splitlines() if "numeric" in line)
    assert line.endswith("where some begin with 0, format the column as text instead")
    assert "numeric" not in text(DEAL)


@pytest.mark.parametrize(
    "name",
    [
        "Account",
        "Kunde [DE]",
        "Customer, legal",
        "Company {group}",
        "Firma: Name",
        "it's",
        "[",
        "no",
        "Kunde\nName",
        "",
        "a # b",
    ],
)
def test_the_second_look_names_its_column_whatever_marks_are_in_it(name: str) -> None:
    """In braces a comma or a bracket would end the name, and another column would be looked at."""
    verify = Column(name, "customerProfile.name", "a second look")
    match = loaded(text(DEAL, verify=verify))["match"]
    expected = {"column": name, "field": "customerProfile.name"}
    assert match == {"by": "externalReferenceId", "column": "CRM Id", "verify": expected}


@pytest.mark.parametrize(
    "name", ["no", "#", "a: b", "- x", "'", '"', "12", "~", "...", "x" * 1100, " padded", "ö\u2028ü"]
)
def test_a_column_keeps_its_name_to_the_letter(name: str) -> None:
    """As a key, as a field's column, and in a comment, where it ends no line."""
    found = text(Column(name, "name", "named so"), Column(f"{name}!", "", "its name is that of no field"), key=name)
    assert loaded(found)["match"] == {"by": "externalReferenceId", "column": name}
    assert loaded(found)["fields"] == {name: "name"}


def test_a_word_that_nobody_has_decided_is_marked() -> None:
    """Blank is no opinion; the line says what to write in its place."""
    stage = Column("Stage", "status", "named so", {"Won": "Closed/Won", "On ice": ""})
    found = text(stage)
    assert loaded(found)["fields"] == {"Stage": {"field": "status", "translate": {"Won": "Closed/Won", "On ice": ""}}}
    (line,) = (line for line in found.splitlines() if "decide" in line)
    assert line.lstrip().startswith('On ice: ""')
