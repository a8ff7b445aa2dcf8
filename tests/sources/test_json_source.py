"""Promises of reading JSON: the digits that were written, streamed, and nothing hidden in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weighing import peak_of

from syncjob.errors import InputRefused
from syncjob.model import Number, Truth
from syncjob.settings import Rows
from syncjob.sources import Snapshot, Table, read
from syncjob.sources import json as source
from syncjob.sources.json import COLUMNS_MAX
from syncjob.sources.numbering import CUT_OFF, MASK

SHAPES = ("{}\n", "[{}]", '{{"rows": [{}]}}')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for all tests here."""
    return tmp_path_factory.mktemp("json")


def table(
    folder: Path, content: str | bytes, *, rows: Rows | None = None, kind: Literal["json", "jsonl"] = "json"
) -> Table:
    """Open a file of this content."""
    file = folder / "deals.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    taken = Snapshot("deals.json", file, "sha256:-", 0, kind)
    return read(taken, rows=rows or Rows(), known=())


def cells(folder: Path, content: str) -> list[dict[str, str]]:
    """Give the cells of every row."""
    return [dict(row.columns) for row in table(folder, content)]


def refusal(folder: Path, content: str | bytes) -> str:
    """Give the words with which a file is refused."""
    with pytest.raises(InputRefused) as refused:
        list(table(folder, content))
    return str(refused.value)


@pytest.mark.parametrize("kind", ["json", "jsonl"])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('{"Deal ID": "1", "Name": "Contoso"}\n\n{"Name": "Fabrikam", "City": "Ulm"}\n', (1, 3)),
        ('\n[\n  {\n    "Deal ID": "1", "Name": "Contoso"\n  },\n{"Name": "Fabrikam", "City": "Ulm"}]', (3, 6)),
        ('{ "rows" :\r\n[{"Deal ID": "1", "Name": "Contoso"},\r\n{"Name": "Fabrikam", "City": "Ulm"}]\r\n}', (2, 3)),
    ],
)
def test_rows_are_lines_or_a_list_whatever_the_name_says(
    folder: Path, content: str, lines: tuple[int, int], kind: Literal["json", "jsonl"]
) -> None:
    """All shapes give the same rows; a row stands where its brace does, and columns grow with the rows."""
    read_ = table(folder, content, kind=kind)
    first, second = read_
    assert (first.n, second.n, first.place.line, second.place.line) == (1, 2, *lines)
    assert (first.warnings, second.warnings) == ((), ())
    assert dict(first.columns) == {"Deal ID": "1", "Name": "Contoso"}
    assert dict(second.columns) == {"Name": "Fabrikam", "City": "Ulm"}
    assert list(read_) == [first, second]
    assert read_.columns == ("Deal ID", "Name", "City")


@pytest.mark.parametrize("content", ["", "\n \n", "[]", "[ \n ]\n", '{"rows": []}'])
def test_a_file_without_rows_has_none(folder: Path, content: str) -> None:
    """Rows are counted elsewhere."""
    read_ = table(folder, content)
    assert (list(read_), read_.columns) == ([], ())


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("0", "0"),
        ("-0", "-0"),
        ("1.10", "1.10"),
        ("12345678901234567890", "12345678901234567890"),
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("1e3", "1000"),
        ("1.25E+4", "12500"),
        ("5e-3", "0.005"),
        ("0e0", "0"),
        ("1e38", "1" + "0" * 38),
    ],
)
def test_numbers_keep_their_digits_and_their_class(folder: Path, written: str, digits: str) -> None:
    """No digit is lost or added, and nobody has to guess later that it was a number."""
    (row,) = table(folder, f'{{"A": {written}, "B": "{written}"}}\n')
    assert dict(row.columns) == {"A": digits, "B": written}
    assert [type(cell) for cell in row.columns.values()] == [Number, str]


def test_truth_and_nothing_are_cells_of_their_own(folder: Path) -> None:
    """true, false and null are no texts; a text that looks like them is."""
    (row,) = table(folder, '{"A": true, "B": false, "C": null, "D": "true", "E": "null", "F": ""}\n')
    assert dict(row.columns) == {"A": "true", "B": "false", "C": "", "D": "true", "E": "null", "F": ""}
    assert [type(cell) for cell in row.columns.values()] == [Truth, Truth, str, str, str, str]


def test_a_list_of_texts_is_one_cell_of_lines(folder: Path) -> None:
    """A team may be written as a list; each item becomes a line of the cell."""
    content = '{"Team": ["a@x.test", "b@x.test"], "Other": [1.0, null, true], "None": []}\n'
    assert cells(folder, content) == [{"Team": "a@x.test\nb@x.test", "Other": "1.0\n\ntrue", "None": ""}]


@pytest.mark.parametrize(
    "cell",
    [
        '{"first": "Ann"}',
        '[["a"], "b"]',
        '[{"a": "b"}]',
        "{}",
        "[[]]",
        '["a\\nb", "c"]',
        '"\\ud800"',
        "1e39",
        "1e400",
        "-1.5e-39",
        "1e-999",
        "12345e39",
        f"1e{'9' * 30}",
    ],
)
def test_what_no_cell_can_hold_is_a_flaw_of_its_column(folder: Path, cell: str) -> None:
    """What is nested, halved or endless is told at its row; the rows after it are sound."""
    flawed, sound = table(folder, f'{{"A": "1", "Team": {cell}, "B": "2"}}\n{{"A": "3"}}\n')
    assert (flawed.fault, set(flawed.flaws)) == ("", {"Team"})
    assert flawed.columns == {"A": "1", "Team": f"{MASK} {flawed.flaws['Team']}", "B": "2"}
    assert len(flawed.flaws["Team"]) < 150
    assert (sound.flaws, dict(sound.columns)) == ({}, {"A": "3"})


def test_a_row_of_many_keys_is_read_in_one_go(folder: Path) -> None:
    """A repeated key is found without holding each against all before it."""
    many = ", ".join(f'"{n}": 1' for n in range(40_000))
    assert "the key '39999' stands twice" in refusal(folder, f'{{{many}, "39999": 2}}\n')


def test_keys_are_trimmed_and_our_own_dropped(folder: Path) -> None:
    """Names are those that a CSV header would give."""
    read_ = table(folder, '{" A ": "1", "syncjob outcome": "applied"}\n')
    assert [dict(row.columns) for row in read_] == [{"A": "1"}]
    assert read_.columns == ("A",)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ('{"A": 1, "B": 2, "A": 3}\n', 1, "the key 'A' stands twice"),
        ('{"A": 1}\n{"A": 1, "A ": 3}\n', 2, "the key 'A' stands twice"),
        ('{"A": NaN}\n', 1, "NaN is no number"),
        ('[{"A": 1},\n{"A": -Infinity}]', 2, "-Infinity is no number"),
        ("just a text\n", 1, "a row must be an object"),
        ("5\n", 1, "a row must be an object"),
        ('[{"A": 1},\n 5]', 2, "a row must be an object"),
        ('[{"A": 1},\n]', 2, "a row must be an object"),
        ("[[]]", 1, "a row must be an object"),
        ('{"A": 1} {"A": 2}\n', 1, "more follows the object on its line"),
        ('{"A": 1},\n{"A": 2}\n', 1, "more follows the object on its line"),
        ('[{"A": 1}\n{"A": 2}]', 2, "not valid JSON: '{' where ',' or ']' should be"),
        ('[{"A": 1}]\n]', 2, "more follows the end of the list"),
        ('{"rows": [{"A": 1}],\n"more": []}', 1, "not valid JSON: ',' where ',' or '}' should be"),
        ('{"rows": [{"A": 1}]\n', 2, "the file ends without its '}'"),
        ('[{"A": 1},\n{"A": 2}\n', 3, "the file ends without its ']'"),
        ("[\n", 2, "a row must be an object"),
        ('{"": 1}\n', 1, "a column's name must be a text"),
        ('{"a\\nb": 1}\n', 1, "a column's name must be a text"),
        ('{"\\ud800": 1}\n', 1, "a column's name must be a text"),
        ('{"A": 1}\n{"A": 1,\n "B": 01}\n', 3, "not valid JSON: Expecting ',' delimiter"),
        ('{"A": 1}\n{"A": "x\n"}\n', 2, "not valid JSON: Invalid control character"),
        ("{'A': 1}\n", 1, "not valid JSON: Expecting property name"),
        ('{"A": "\\x"}\n' + " " * 40, 1, "not valid JSON: Invalid \\escape"),
        ('{"A": "x', 1, "not valid JSON: Unterminated string"),
        ('{"A": tru', 1, "not valid JSON: Expecting value"),
        ('{"A": ' + "[" * 200_000, 1, "nested too deeply"),
        ('{"A":' * 200_000, 1, "nested too deeply"),
    ],
)
def test_what_no_file_of_rows_may_hold_refuses_it(folder: Path, content: str, line: int, said: str) -> None:
    """Repeated, broken, cut off: each is told with its line and is never a crash."""
    got = refusal(folder, content)
    assert got.startswith(f"deals.json:{line}: ")
    assert said in got


def test_an_open_quote_swallows_no_file_of_any_size(folder: Path) -> None:
    """Far beyond any row the reader gives up and says why."""
    said = refusal(folder, '{"A": "' + "x" * (source.OBJECT_CHARS_MAX + 9))
    assert said.startswith("deals.json:1: an object of more than 16,777,216 characters")


def test_an_error_is_told_before_the_file_is_read_on(folder: Path) -> None:
    """What is broken at the top is not sought for in all the rest."""
    content = b'{"A": oops}\n' + b'{"A": 1}\n' * 500_000
    assert peak_of(lambda: refusal(folder, content), fine=2_000_000) < 2_000_000


def test_endless_columns_are_refused(folder: Path) -> None:
    """A key of its own in each row is a file nested wrongly."""
    said = refusal(folder, "".join(f'{{"c{n}": 1}}\n' for n in range(COLUMNS_MAX + 1)))
    assert f"deals.json:{COLUMNS_MAX + 1}: more than 16,384 columns" in said


def test_lines_cut_at_their_end_are_noticed_and_a_closed_list_is_whole(folder: Path) -> None:
    """Lines may go on after the last one; of a list the bracket says that it does not."""
    first, last = table(folder, '{"Value": 1}\n{"Value": 120}')
    assert (first.warnings, last.warnings) == ((), (CUT_OFF,))
    (only,) = table(folder, '[{"Value": 120}]')
    assert only.warnings == ()
    with pytest.raises(InputRefused, match="final_newline"):
        table(folder, '{"Value": 120}', rows=Rows(final_newline="required"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_are_those_of_every_file(folder: Path, encoding: str) -> None:
    """A mark is believed, and hides no bracket."""
    assert [dict(row.columns) for row in table(folder, '[{"Stadt": "Łódź"}]'.encode(encoding))] == [{"Stadt": "Łódź"}]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
VALUES = (
    TEXTS | st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=4)
)


def _spelt(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else format(value, "f")


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(NAMES.filter(lambda key: key.strip() == key != ""), VALUES, min_size=1), min_size=1, max_size=4
    ),
    shape=st.sampled_from(SHAPES),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_=st.booleans(),
)
def test_values_survive_wherever_a_chunk_ends(
    folder: Path, rows: list[dict[str, Any]], shape: str, chunk: int, indent: int | None, *, ascii_: bool
) -> None:
    """Whatever Python writes is read as it was written, however few characters are read at once."""

    def written(row: dict[str, Any]) -> str:
        parts = (
            f"{json.dumps(key, ensure_ascii=ascii_)}: "
            + (json.dumps(one, ensure_ascii=ascii_) if not hasattr(one, "as_tuple") else format(one, "f"))
            for key, one in row.items()
        )
        return "{" + (",\n" if indent else ", ").join(parts) + "}"

    content = shape.format(("\n" if shape == SHAPES[0] else ",\n").join(map(written, rows)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(source, "CHUNK_CHARS", chunk)
        read_ = list(table(folder, content))
    meant = [{key: _spelt(one) for key, one in row.items() if not key.startswith("syncjob ")} for row in rows]
    assert [dict(row.columns) for row in read_] == meant
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + written(row).count("\n") + 1)
    assert [row.place.line - 1 for row in read_] == starts[:-1]


@settings(max_examples=200, deadline=None)
@given(content=st.text(st.sampled_from('ab -:[]{},"\\u0d8\n\t1eE.+tNI\0'), max_size=40), chunk=st.integers(1, 9))
def test_any_text_is_read_or_refused(folder: Path, content: str, chunk: int) -> None:
    """No content is a crash, and where a chunk ends decides nothing."""

    def outcome() -> Any:
        try:
            return list(table(folder, '{"A": "1"}\n' + content))
        except InputRefused as refused:
            return str(refused)

    whole = outcome()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(source, "CHUNK_CHARS", chunk)
        assert outcome() == whole


CUT = """{"Deal ID": "7f3a", "Name": "Łódź", "Team": ["a@x.test", "b@x.test"]}
{"Deal ID": 1234, "Value": 12000.50, "Won": true, "Name": "It's \\ud83d\\ude00"}
"""


@pytest.mark.parametrize("listed", [False, True])
def test_a_cut_file_gives_no_wrong_cell(folder: Path, listed: bool) -> None:  # noqa: FBT001  # a parameter of pytest's
    """Cut at every byte: refused, or every row that is there is whole."""
    content = f"[{CUT.strip().replace(chr(10), f',{chr(10)}')}]" if listed else CUT
    whole = [dict(row.columns) for row in table(folder, content)]
    for cut in range(len(content.encode())):
        try:
            rows = list(table(folder, content.encode()[:cut]))
        except InputRefused:
            continue
        assert not (listed and rows), "a list that is not closed is refused"
        assert [dict(row.columns) for row in rows] == whole[: len(rows)]


@pytest.mark.long
def test_rows_stream(folder: Path) -> None:
    """Many times the rows need no more memory: none is kept."""
    peaks: list[int] = []
    for times in (2_000, 10_000):
        read_ = table(
            folder, "[" + ",\n".join(f'{{"Deal ID": "{n}", "Name": "Contoso {n}"}}' for n in range(times)) + "]"
        )
        fine = peaks[0] + 200_000 if peaks else 200_000
        peaks.append(peak_of(lambda read_=read_: sum(1 for _ in read_), fine=fine))  # type: ignore[misc]
        assert sum(1 for _ in read_) == times
    assert peaks[1] < peaks[0] + 200_000
