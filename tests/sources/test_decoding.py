"""Promises of how bytes become text: seen for certain, stated, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from syncjob.errors import InputRefused, UsageRefused
from syncjob.sources.decoding import CHUNK_BYTES, Text, decode

HEADER = "Deal ID,Kunde\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for all tests here."""
    return tmp_path_factory.mktemp("decoding")


def decoded(folder: Path, content: bytes, encoding: str = "auto") -> Text:
    """Write a file and look at its bytes."""
    (folder / "deals.csv").write_bytes(content)
    return decode(folder / "deals.csv", source="deals.csv", encoding=encoding)


def text(folder: Path, content: bytes, encoding: str = "auto") -> str:
    """Write a file and read all of it."""
    with decoded(folder, content, encoding).open() as stream:
        return stream.read()


def refusal(folder: Path, content: bytes, encoding: str = "auto") -> str:
    """Give the words with which a file is refused."""
    with pytest.raises(InputRefused) as refused:
        decoded(folder, content, encoding)
    return str(refused.value)


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [
        ("utf-8", "auto"),
        ("utf-8-sig", "auto"),
        ("utf-16", "auto"),
        ("utf-32", "auto"),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "UTF8"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("cp850", "cp850"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_seen_or_stated_encodings_are_read(folder: Path, encoding: str, stated: str) -> None:
    """A mark, UTF-8 or a stated name: the text comes out, the mark does not."""
    content = HEADER if encoding == "shift_jis" else HEADER + "1,Müller\r\n"
    assert text(folder, content.encode(encoding), stated) == content


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_of_either_order_is_known_by_its_mark(folder: Path, order: str) -> None:
    """Excel's "Unicode text" is read by its mark, and refused without one, with the remedy."""
    content = (HEADER + "1,Łódź\n").encode(f"utf-16-{order}")
    mark = "\ufeff".encode(f"utf-16-{order}")
    assert text(folder, mark + content) == HEADER + "1,Łódź\n"
    assert f"set rows.encoding: utf-16-{order}" in refusal(folder, content)


def test_a_nul_in_a_cell_is_not_utf_16(folder: Path) -> None:
    """One damaged cell does not refuse the file."""
    assert text(folder, b"a,b\n1,\0\n") == "a,b\n1,\0\n"


def test_windows_1252_is_named_and_not_assumed(folder: Path) -> None:
    """The line and the setting are told; the choice stays with a person."""
    said = refusal(folder, (HEADER + "1,Contoso\n2,José\n").encode("cp1252"))
    assert said.startswith("deals.csv:3: not UTF-8; looks like Windows-1252; set rows.encoding: cp1252")


def test_what_is_not_windows_1252_is_not_called_so(folder: Path) -> None:
    """Bytes that Windows-1252 does not know are not said to look like it."""
    said = refusal(folder, HEADER.encode() + b"1,\x81\n")
    assert "1252" not in said
    assert "rows.encoding" in said


def test_a_file_that_was_utf_8_so_far_is_damaged(folder: Path) -> None:
    """After good UTF-8 a bad byte is damage: to read all of it as Windows-1252 would spoil the rest."""
    said = refusal(folder, (HEADER + "1,Müller\n").encode() + "2,José\n".encode("cp1252"))
    assert said.startswith("deals.csv:3: not UTF-8; what stands above it is")


def test_a_file_cut_inside_a_character_is_said_to_be_cut(folder: Path) -> None:
    """Half a character at the end is a cut, never a hint at another encoding."""
    said = refusal(folder, (HEADER + "1,José").encode()[:-1])
    assert said.startswith("deals.csv:2: not UTF-8; the file ends inside a character: was it cut off?")


def test_a_stated_encoding_is_strict(folder: Path) -> None:
    """What does not decode as stated is refused with its line, also far down."""
    filler = "x" * 70 + "\n"
    content = filler * (CHUNK_BYTES // 50) + "José\n"
    line = content.count("\n")
    said = refusal(folder, content.encode("cp1252"), "ascii")
    assert said == f"deals.csv:{line}: not ascii, which rows.encoding states; state another"
    assert refusal(folder, content.encode("cp1252")).startswith(f"deals.csv:{line}: not UTF-8; looks like Windows")
    assert refusal(folder, b"x", "undefined").startswith("deals.csv:1: not undefined")


@pytest.mark.parametrize("name", ["klingon", "hex", "a\0b", ""])
def test_an_unknown_encoding_is_the_configurations_fault(folder: Path, name: str) -> None:
    """What is no encoding of text is refused before anything is read."""
    with pytest.raises(UsageRefused, match="there is no encoding"):
        decoded(folder, b"a\n", name)


def test_a_mark_contradicts_another_stated_encoding(folder: Path) -> None:
    """Read as Windows-1252 the mark would become letters before the first column's name."""
    said = refusal(folder, b"\xef\xbb\xbfa\n1\n", "cp1252")
    assert "the mark of UTF-8, but rows.encoding says cp1252" in said


@pytest.mark.parametrize(
    ("content", "cut_off"),
    [
        (b"", False),
        (b"\xef\xbb\xbf", False),
        (b"a\n", False),
        (b"a\r", False),
        (b"a\r\n", False),
        (b"a", True),
        (b"\xef\xbb\xbfa", True),
        ("a\ufeff".encode(), True),
        ("a\u2028".encode(), True),
        ("a\n".encode("utf-16"), False),
        ("a".encode("utf-16"), True),
    ],
)
def test_a_file_without_a_last_line_break_is_noticed(folder: Path, content: bytes, *, cut_off: bool) -> None:
    """A file cut off in mid-line shows no line break at its end."""
    assert decoded(folder, content).cut_off is cut_off


@settings(max_examples=150, deadline=None)
@given(content=st.text(max_size=60), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_what_was_encoded_is_decoded(folder: Path, content: str, encoding: str) -> None:
    """With a mark, or in UTF-8 that does not look like UTF-16, text comes back as it was, line breaks included."""
    assume("\0" not in content or encoding != "utf-8")
    got = text(folder, content.encode(encoding))
    assert got == content.removeprefix("\ufeff" if encoding == "utf-8" else "")


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(folder: Path, content: bytes) -> None:
    """No file of any content is a crash, and what is read is the bytes."""
    try:
        got = text(folder, content)
    except InputRefused:
        return
    assert got.encode() == content.removeprefix(b"\xef\xbb\xbf") or content[:2] in (b"\xff\xfe", b"\xfe\xff")
