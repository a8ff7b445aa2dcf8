"""Promises of reading YAML: the text that was written, streamed, and nothing hidden in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from weighing import peak_of

from syncjob.errors import InputRefused
from syncjob.settings import Rows
from syncjob.sources import Snapshot, Table, read
from syncjob.sources import yaml as source
from syncjob.sources.numbering import CUT_OFF, MASK
from syncjob.sources.yaml import COLUMNS_MAX


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for all tests here."""
    return tmp_path_factory.mktemp("yaml")


def table(folder: Path, content: str | bytes, *, rows: Rows | None = None) -> Table:
    """Open a file of this content."""
    file = folder / "deals.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    taken = Snapshot("deals.yaml", file, "sha256:-", 0, "yaml")
    return read(taken, rows=rows or Rows(), known=())


def refusal(folder: Path, content: str | bytes) -> str:
    """Give the words with which a file is refused."""
    with pytest.raises(InputRefused) as refused:
        list(table(folder, content))
    return str(refused.value)


@pytest.mark.parametrize("indent", ["", "rows:\n"])
def test_rows_stand_in_a_list_or_under_rows(folder: Path, indent: str) -> None:
    """Both shapes give the same rows; lines count from 1, where each row begins."""
    content = indent + "# deals\n- Deal ID: '1'\n  Name: Contoso\n-\n  Name: Fabrikam\n  City: Ulm\n"
    read_ = table(folder, content)
    first, second = read_
    line = content.count("\n", 0, content.index("- Deal")) + 1
    assert (first.n, str(first.place), dict(first.columns)) == (
        1,
        f"deals.yaml:{line}",
        {"Deal ID": "1", "Name": "Contoso"},
    )
    assert (second.n, second.place.line) == (2, line + 3)
    assert read_.columns == ("Deal ID", "Name", "City")
    assert list(read_) == [first, second]
    assert read_.columns == ("Deal ID", "Name", "City")


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "[]\n", "rows:\n", "rows: []\n", "~\n"])
def test_a_file_without_rows_has_none(folder: Path, content: str) -> None:
    """Rows are counted elsewhere."""
    read_ = table(folder, content)
    assert (list(read_), read_.columns) == ([], ())


@pytest.mark.parametrize(
    "written",
    ["NO", "yes", "01234", "0o17", "1.10", "1e3", "12:30:45", "2024-01-31", ".inf", "0x1F", "=", "1_000", "None"],
)
def test_every_scalar_is_the_text_that_was_written(folder: Path, written: str) -> None:
    """Nothing turns into a truth value, a number or a date on its way."""
    assert [dict(row.columns) for row in table(folder, f"- A: {written}\n  {written}: x\n")] == [
        {"A": written, written: "x"}
    ]


@pytest.mark.parametrize(
    ("written", "text"), [("", ""), ("~", ""), ("null", ""), ("NULL", ""), ("'null'", "null"), ('"~"', "~"), ("''", "")]
)
def test_a_plain_null_is_a_blank_cell(folder: Path, written: str, text: str) -> None:
    """Null means blank; quoted it is a word."""
    assert [dict(row.columns) for row in table(folder, f"- A: {written}\n")] == [{"A": text}]


def test_a_list_of_texts_is_one_cell_of_lines(folder: Path) -> None:
    """A team may be written as a list; each item becomes a line of the cell."""
    content = "- Team: [a@x.test, b@x.test]\n  Other:\n  - 01\n  - ~\n  None: []\n"
    assert [dict(row.columns) for row in table(folder, content)] == [
        {"Team": "a@x.test\nb@x.test", "Other": "01\n", "None": ""}
    ]


@pytest.mark.parametrize(
    "cell", ["{first: Ann}", "[[a], b]", "[{a: b}]", "[a, {b: [c, {d: e}]}]", "{<<: {a: b}}", '["a\\nb", c]']
)
def test_a_deeper_cell_is_a_flaw_of_its_column(folder: Path, cell: str) -> None:
    """What no cell can hold is told at its row; the rows after it are sound."""
    flawed, sound = table(folder, f"- A: 1\n  Team: {cell}\n  B: 2\n- A: 3\n")
    assert (flawed.fault, set(flawed.flaws)) == ("", {"Team"})
    assert flawed.columns == {"A": "1", "Team": f"{MASK} {flawed.flaws['Team']}", "B": "2"}
    assert (sound.flaws, dict(sound.columns)) == ({}, {"A": "3"})


def test_a_scalar_that_fills_the_memory_refuses_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a cell may be is judged where it is read; what no cell ever is ends here."""
    monkeypatch.setattr(source, "CELL_CHARS_BROKEN", 100)
    assert [len(row.columns["A"]) for row in table(folder, f"- A: {'y' * 100}\n")] == [100]
    assert refusal(folder, f"- A: x\n- A: {'x' * 101}\n") == (
        "deals.yaml:2: a cell has more than 100 characters: is a quote opened and never closed?"
    )


def test_keys_are_trimmed_and_our_own_dropped(folder: Path) -> None:
    """Names are those that a CSV header would give."""
    read_ = table(folder, "- ' A ': 1\n  syncjob outcome: applied\n")
    assert [dict(row.columns) for row in read_] == [{"A": "1"}]
    assert read_.columns == ("A",)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("- A: 1\n  B: 2\n  A: 3\n", 3, "the key 'A' stands twice"),
        ("- A: &x 1\n", 1, "an anchor (&x)"),
        ("- &x\n  A: 1\n", 1, "an anchor (&x)"),
        ("- A: 1\n- *x\n", 2, "an alias (*x)"),
        ("- A: !!str 1\n", 1, "a tag (!)"),
        ("- A: !!python/object/apply:os.system [date]\n", 1, "a tag (!)"),
        ("- A: ! 1\n", 1, "a tag (!)"),
        ("- A: 1\n---\n- A: 2\n", 2, "a second document"),
        ("just a text\n", 1, "write a list of rows"),
        ("A: 1\nB: 2\n", 1, "write a list of rows"),
        ("rows: text\n", 1, "write a list of rows"),
        ("rows:\n  A: 1\n", 2, "write a list of rows"),
        ("? [a]\n: 1\n", 1, "write a list of rows"),
        ("rows: []\nmore: []\n", 2, "a second key beside 'rows'"),
        ("rows:\nrows: []\n", 2, "a second key beside 'rows'"),
        ("- A: 1\n- text\n", 2, "a row must be a mapping"),
        ("- A: 1\n-\n", 2, "a row must be a mapping"),
        ("- - A: 1\n", 1, "a row must be a mapping"),
        ("- ? [a, b]\n  : 1\n", 1, "a column's name must be a text"),
        ("- '': 1\n", 1, "a column's name must be a text"),
        ("- A: 1\n  B: [1, 2\n", 3, "not valid YAML"),
        ("- A: 1\n  B: 'x\n", 3, "not valid YAML"),
        ("- A: 1\n\tB: 2\n", 2, "not valid YAML"),
        ("- A: 1\n  B: x: y\n", 2, "not valid YAML"),
        ('- A: "\\ud800"\n', 1, "not valid YAML"),
        ("- A: 1\n  B: x\0y\n", 2, "the character U+0000 is not allowed"),
        ("- A: 1\n- A: 1\n- A: \x1b\n", 3, "the character U+001B is not allowed"),
        ("- " * 30 + "x\n", 1, "a row must be a mapping"),
        ("- A: " + "[" * 30 + "]" * 30 + "\n", 1, "nested deeper than 20 levels"),
        ("- A: " + "[" * 100_000, 1, "nested deeper than 20 levels"),
        ("- A: " + "{x: " * 100_000, 1, "nested deeper than 20 levels"),
    ],
)
def test_what_no_list_of_rows_may_hold_refuses_the_file(folder: Path, content: str, line: int, said: str) -> None:
    """Repeated, hidden, nested, broken: each is told with its line and is never a crash."""
    got = refusal(folder, content)
    assert got.startswith(f"deals.yaml:{line}: ")
    assert said in got


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor(folder: Path) -> None:
    """Nothing is expanded that would fill a gigabyte."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert refusal(folder, "- " + bomb.replace("\n", "\n  ").rstrip() + "\n").startswith("deals.yaml:1: an anchor")


def test_endless_columns_are_refused(folder: Path) -> None:
    """A key of its own in each row is a file nested wrongly."""
    said = refusal(folder, "".join(f"- c{n}: 1\n" for n in range(COLUMNS_MAX + 1)))
    assert f"deals.yaml:{COLUMNS_MAX + 1}: more than 16,384 columns" in said


def test_a_file_cut_at_its_end_is_noticed(folder: Path) -> None:
    """`Value: 120` may have been 12000: without a last line break the last row carries a warning."""
    first, last = table(folder, "- Value: 1\n- Value: 120")
    assert (first.warnings, last.warnings) == ((), (CUT_OFF,))
    with pytest.raises(InputRefused, match="final_newline"):
        table(folder, "- Value: 120", rows=Rows(final_newline="required"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_are_those_of_every_file(folder: Path, encoding: str) -> None:
    """A mark is believed, and columns do not begin with it."""
    assert [dict(row.columns) for row in table(folder, "- Stadt: Łódź\n".encode(encoding))] == [{"Stadt": "Łódź"}]


PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(PLAIN.filter(lambda key: key.strip() == key != ""), PLAIN, min_size=1), max_size=4)
)
def test_texts_survive(folder: Path, rows: list[dict[str, str]]) -> None:
    """Whatever PyYAML writes for a text is read as that text."""
    content = yaml.safe_dump(rows, allow_unicode=False)
    assert [dict(row.columns) for row in table(folder, content)] == [
        {key: cell for key, cell in row.items() if not key.startswith("syncjob ")} for row in rows
    ]


@settings(max_examples=60, deadline=None)
@given(written=st.from_regex(r"[A-Za-z0-9.+_][A-Za-z0-9.+_:/-]{0,11}", fullmatch=True).filter(lambda x: x[-1] != ":"))
def test_plain_words_survive(folder: Path, written: str) -> None:
    """Unquoted words and numbers of any look are read as they are spelt."""
    blank = written in ("null", "Null", "NULL")
    assert [row.columns["A"] for row in table(folder, f"- A: {written}\n")] == ["" if blank else written]


@settings(max_examples=150, deadline=None)
@given(content=st.text(st.sampled_from("ab -:[]{}&*!|>'\"\n\t#?,~%@`\0\x85"), max_size=40))
def test_any_text_is_read_or_refused(folder: Path, content: str) -> None:
    """No content is a crash."""
    try:
        rows = list(table(folder, "- A: 1\n" + content))
    except InputRefused:
        return
    assert rows[0].place.line == 1


CUT = """- Deal ID: 7f3a
  Name: Łódź
  Team: [a@x.test, b@x.test]
- {Deal ID: 01234, Value: "1 200", Name: 'It''s'}
"""


def test_a_cut_file_gives_no_silently_wrong_cell(folder: Path) -> None:
    """Cut at every byte: refused, or warned of, or cells are missing that then are not named, but none is wrong."""
    whole = [dict(row.columns) for row in table(folder, CUT)]
    for cut in range(len(CUT.encode())):
        try:
            rows = list(table(folder, CUT.encode()[:cut]))
        except InputRefused:
            continue
        for row, meant in zip(rows, whole, strict=False):
            assert row.fault or row.warnings or row.columns.items() <= meant.items()


def test_rows_stream(folder: Path) -> None:
    """Ten times the rows need no more memory: none is kept."""
    peaks: list[int] = []
    for times in (300, 3_000):
        read_ = table(folder, "".join(f"- Deal ID: {n}\n  Name: Contoso {n}\n" for n in range(times)))
        fine = peaks[0] + 200_000 if peaks else 200_000
        peaks.append(peak_of(lambda read_=read_: sum(1 for _ in read_), fine=fine))  # type: ignore[misc]
        assert sum(1 for _ in read_) == times
    assert peaks[1] < peaks[0] + 200_000
