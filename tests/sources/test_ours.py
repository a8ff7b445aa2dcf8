"""Promises of telling a file of ours from any other: by its header and its properties, whatever was done to it."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from books import HEADER, packed, parts

from syncjob.model.own import CATEGORY, PULLED_ID
from syncjob.sources import is_ours, saved_by
from syncjob.sources.author import BYTES_MAX

CORE = "docProps/core.xml"
SAID = f"<cp:category>{CATEGORY}</cp:category><cp:lastModifiedBy>Ann</cp:lastModifiedBy>"
ROW = '- "id": "x"\n  "name": "One"\n'


def workbook(folder: Path, said: str | bytes = SAID) -> Path:
    """Write a workbook whose properties say this."""
    return packed(folder / "a.xlsx", {**parts(HEADER), CORE: said})


def places(content: bytearray) -> tuple[int, int]:
    """Give where the part of the properties has its header, and where its entry of the directory begins."""
    return content.find(CORE.encode()) - 30, content.rfind(CORE.encode()) - 46


def damaged(content: bytearray) -> None:
    """Spoil what was packed."""
    at = places(content)[0] + 30 + len(CORE)
    content[at : at + 8] = b"\xff" * 8


def locked(content: bytearray) -> None:
    """Say that it is under a password."""
    here, listed = places(content)
    content[here + 6] |= 1
    content[listed + 8] |= 1


def packed_otherwise(content: bytearray) -> None:
    """Say that it is packed in a way that nobody knows."""
    here, listed = places(content)
    content[here + 8] = content[listed + 10] = 99


def elsewhere(content: bytearray) -> None:
    """Say that it stands beyond the end of the file."""
    listed = places(content)[1]
    content[listed + 42 : listed + 46] = struct.pack("<L", 1 << 31)


def unlisted(content: bytearray) -> None:
    """Spoil the directory."""
    listed = places(content)[1]
    content[listed : listed + 4] = bytes(4)


@pytest.mark.parametrize("harm", [damaged, locked, packed_otherwise, elsewhere, unlisted])
def test_a_workbook_that_was_harmed_says_nothing(tmp_path: Path, harm: Callable[[bytearray], None]) -> None:
    """It is no crash: whoever reads it next says what is wrong with it."""
    file = workbook(tmp_path)
    assert (is_ours(file), saved_by(file)) == (True, "Ann")
    content = bytearray(file.read_bytes())
    harm(content)
    file.write_bytes(content)
    assert (is_ours(file), saved_by(file)) == (False, "")


def test_a_workbook_harmed_anywhere_is_ours_or_not(tmp_path: Path) -> None:
    """No byte of it can end the run."""
    file = workbook(tmp_path)
    content = file.read_bytes()
    for at in range(0, len(content), 3):
        file.write_bytes(content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :])
        assert is_ours(file) in (True, False)


def test_properties_are_read_as_far_as_properties_go(tmp_path: Path) -> None:
    """What stands beyond is no property, however much there is of it; nothing is unzipped to the end."""
    file = workbook(tmp_path, b" " * (BYTES_MAX - len(SAID)) + SAID.encode())
    assert is_ours(file)
    file = workbook(tmp_path, b" " * BYTES_MAX + SAID.encode())
    assert not is_ours(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made, made.open(CORE, "w") as part:
        part.write(SAID.encode())
        for _ in range(100):
            part.write(bytes(1_000_000))
    assert not is_ours(file)


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        ("CRM Id,Deal\nA1,fix syncjob outcome column\n", False),
        ("CRM Id,Deal\nA1,syncjob outcome\n", False),
        (f"CRM Id,Deal\n{PULLED_ID},x\n", False),
        ("CRM Id,about syncjob outcome\n", False),
        ("\r\n\nCRM Id,syncjob outcome\n", True),
        ("sep=;\nCRM Id;syncjob outcome\n", True),
        ("CRM Id\tsyncjob outcome\n", True),
        ('"two\nlines";"syncjob outcome"\n', True),
        (f'{ROW}  "{PULLED_ID}": "x"\n{ROW}', True),
        (f"rows:\n- id: x\n  team: [a, {{b: c}}]\n  {PULLED_ID}: x\n- id: y\n", True),
        (f'{ROW}{ROW}  "{PULLED_ID}": "x"\n', False),
        (f'- "id": "{PULLED_ID}"\n  "notes": {{"{PULLED_ID}": 1}}\n', False),
        (f"- id: x\n  notes: |\n    {PULLED_ID}: x\n", False),
        ("- " + "[" * 60_000, False),
        ("- {" + "a: {" * 15_000, False),
        ('"never closed\n' * 4_000, False),
        ("a\0b\nsyncjob outcome\n", False),
    ],
)
def test_a_text_is_ours_by_its_header_alone(tmp_path: Path, content: str, *, ours: bool) -> None:
    """A cell may speak of us, and the file is still read as its configuration says."""
    file = tmp_path / "a.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        file.write_bytes(content.encode(encoding))
        assert is_ours(file) is ours


def test_a_text_in_another_encoding_is_looked_at_as_well(tmp_path: Path) -> None:
    """Who has saved our report as Windows does still hands in our report."""
    file = tmp_path / "a.csv"
    file.write_bytes("Größe;syncjob outcome\r\n".encode("cp1252"))
    assert is_ours(file)
