"""What a file says of itself before it is read: whether it is one of ours, and who saved it last."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from books import HEADER, packed, parts

from syncjob.model.own import CATEGORY, PULLED_ID
from syncjob.sources import is_ours, saved_by
from syncjob.sources.author import NAME_CHARS_MAX

CORE = "docProps/core.xml"


def properties(category: str = "", by: str = "") -> str:
    """Give the part in which a workbook says who made it."""
    said = f"<cp:category>{category}</cp:category>" if category else ""
    return f"<cp:coreProperties>{said}<cp:lastModifiedBy>{by}</cp:lastModifiedBy></cp:coreProperties>"


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        ("CRM Id,Deal\nA1,One\n", False),
        ("syncjob row,syncjob outcome,CRM Id\n", True),
        (f"id,name,{PULLED_ID}\n", True),
        ("CRM Id,Deal,syncjob notes\n", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_ours_by_its_columns(tmp_path: Path, content: str, encoding: str, *, ours: bool) -> None:
    """A report or what was pulled, also when Excel has saved it as Unicode text."""
    file = tmp_path / "a.csv"
    file.write_text(content, encoding=encoding)
    assert is_ours(file) is ours


@pytest.mark.parametrize(("category", "ours"), [(CATEGORY, True), ("Sales", False), ("", False)])
def test_a_workbook_is_ours_by_its_category(tmp_path: Path, category: str, *, ours: bool) -> None:
    """Which Excel keeps when a person saves it; a category of somebody else's is none of ours."""
    assert is_ours(packed(tmp_path / "a.xlsx", {**parts(HEADER), CORE: properties(category)})) is ours


def test_a_file_that_cannot_be_looked_into_is_not_ours(tmp_path: Path) -> None:
    """A folder, nothing at all, or a file without permission: who reads it says why."""
    assert not is_ours(tmp_path)
    assert not is_ours(tmp_path / "gone.csv")
    if sys.platform != "win32" and os.geteuid():
        (tmp_path / "a.csv").touch(mode=0o000)
        assert not is_ours(tmp_path / "a.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="speaks of named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """What it would say is for its reader."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    assert not is_ours(pipe)


@pytest.mark.parametrize(
    ("said", "by"),
    [
        (properties(by="Jana Nováková"), "Jana Nováková"),
        (properties(by=" Ann &amp; Bob "), "Ann & Bob"),
        (properties(by="x" * 500), "x" * NAME_CHARS_MAX),
        (properties(), ""),
        ("no properties", ""),
    ],
)
def test_who_saved_a_workbook_last_is_told_in_short(tmp_path: Path, said: str, by: str) -> None:
    """As it stands there, unescaped; a record has room for a name and no more."""
    assert saved_by(packed(tmp_path / "a.xlsx", {**parts(HEADER), CORE: said})) == by


def test_what_is_no_workbook_was_saved_by_nobody(tmp_path: Path) -> None:
    """Nor is one that lacks its properties."""
    (tmp_path / "a.csv").write_text("CRM Id\n")
    assert saved_by(tmp_path / "a.csv") == ""
    assert saved_by(tmp_path / "gone.xlsx") == ""
    assert saved_by(packed(tmp_path / "a.xlsx", parts(HEADER))) == ""
