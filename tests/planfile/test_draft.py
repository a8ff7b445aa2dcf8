"""Rows on their way to the plan: what a draft gives back is held against a model that keeps all in memory."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.errors import StorageRefused
from syncjob.model import Cause, Desired, Number, Place, Settled, SourceRow, Triple, Wish
from syncjob.planfile import Draft, Line
from syncjob.planfile.spool import GROUP_BYTES, Spool

FULL = Path("/dev/full")


def _row(n: int, cause: Cause = Cause.IN_STEP, referral: str = "") -> Settled:
    return Settled(n, Place("rows.csv", n + 1), f"k{n}", {"A": "ü"}, cause, "", id=referral or f"id-{n}")


def _desired(n: int, key: str) -> Desired:
    row = SourceRow(n, Place("rows.csv", n + 1), {"A": "ü"})
    return Desired(row, key, (Wish("/details/dealValue", "1.5", "A"), Wish("/name", None)), "v", ("odd",))


def _found(draft: Draft, named: list[tuple[str, str]]) -> list[list[Desired]]:
    """The rows that are found, read, each under its number."""
    found = [[(n, draft.shapes.desired(text, n, line)) for n, line, text in many] for many in draft.find(named)]
    assert all(n == one.row.n for many in found for n, one in many)
    return [[one for _, one in many] for many in found]


def test_a_draft_gives_rows_back_as_they_came(tmp_path: Path) -> None:
    """Waiting rows, found rows and settled rows in input order; each is settled once."""
    with Draft(tmp_path) as draft:
        draft.add(_desired(1, "a"))
        draft.add(_row(2, Cause.RAGGED_LINE))
        draft.add(_desired(3, "b"))
        assert list(draft.waiting()) == [_desired(1, "a"), _desired(3, "b")]
        assert _found(draft, [("a", ""), ("z", "")]) == [[_desired(1, "a")], []]
        assert (draft.count(), draft.count(waiting=True)) == (3, 2)
        with pytest.raises(AssertionError, match="every row is settled"):
            list(draft.settled())
        draft.settle(_row(3))
        with pytest.raises(AssertionError, match="row 3 is settled once"):
            draft.settle(_row(3))
        draft.settle(_row(1))
        assert [one.n for one in draft.settled()] == [1, 2, 3]


def test_a_draft_parts_no_rows_that_are_alone(tmp_path: Path) -> None:
    """Twins are rows that wait under one key."""
    with Draft(tmp_path) as draft:
        for n, key in enumerate("abcab", 1):
            draft.add(_desired(n, key))
        assert [[one.row.n for one in twins] for twins in draft.twins()] == [[1, 4], [2, 5]]


def test_a_draft_remembers_every_referral_seen_for_a_row(tmp_path: Path) -> None:
    """Once each, with how the row would settle; Decimal becomes the text of its digits."""
    with Draft(tmp_path) as draft:
        for n in (1, 2, 4):
            draft.add(_desired(n, f"k{n}"))
        money = Triple("/details/dealValue", Decimal("1.50"), "2")
        odd = Settled(4, Place("r", 5), "k", {}, Cause.IN_STEP, "", triples=(money,))
        one = Line.of(_row(1))
        draft.match([(1, "x", None), (1, "a", one), (1, "x", one), (4, "x", Line.of(odd))])
        assert (draft.matches(1), draft.matches(2)) == (["a", "x"], [])
        draft.settle_matched()
        assert [one.row.n for one in draft.waiting()] == [1, 2], "one was seen twice, of one nothing was seen"
        for n in (1, 2):
            draft.settle(_row(n))
        assert list(draft.settled())[2].settled() == Settled(
            4, Place("r", 5), "k", {}, Cause.IN_STEP, "", triples=(Triple("/details/dealValue", "1.50", "2"),)
        )


def test_rows_may_be_settled_while_they_are_walked(tmp_path: Path) -> None:
    """More rows than one batch, each settled as it is given: none is left out and none comes twice."""
    with Draft(tmp_path) as draft:
        for n in range(1, 1_102):
            draft.add(_desired(n, f"k{n}"))
        walked = []
        for desired in draft.waiting():
            walked.append(desired.row.n)
            draft.settle(_row(desired.row.n))
        assert walked == list(range(1, 1_102))
        assert sum(1 for _ in draft.settled()) == 1_101


def test_a_draft_whose_disk_is_gone_is_storage(tmp_path: Path) -> None:
    """What the system says of its scratch file becomes exit 8: where it is made, written and read."""
    with pytest.raises(StorageRefused, match=r"the scratch file for rows .*No such file"):
        Draft(tmp_path / "nowhere")
    with Draft(tmp_path) as draft:
        draft.add(_desired(1, "k"))
        draft._spool._into.close()
        draft._spool._into = FULL.open("ab", buffering=0)
        with pytest.raises(StorageRefused, match="No space left on device; is the disk full"):
            draft.row(1)
    (tmp_path / "draft.rows").unlink()
    with Draft(tmp_path) as draft:
        draft.add(_desired(1, "k"))
        draft.row(1)
        number = os.open(tmp_path, os.O_RDONLY)
        os.dup2(number, draft._spool._from.fileno())
        os.close(number)
        draft._spool._ahead = b""
        with pytest.raises(StorageRefused, match=r"the scratch file for rows .*Is a directory"):
            draft.row(1)


KEYS, IDS = ("", "a", "b", "r", "s"), ("", "r", "s")
SIGHTS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["r", "s", "t"]), st.booleans()), max_size=12)


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(IDS), st.booleans()), max_size=8), SIGHTS, SIGHTS)
def test_a_draft_does_what_lists_in_memory_would(
    rows: list[tuple[str, str, bool]], seen: list[tuple[int, str, bool]], again: list[tuple[int, str, bool]]
) -> None:
    """Twins, rows by key and id, sights, rivals: as a plain reading of all rows tells them."""
    wait = {n: (key, name) for n, (key, name, waits) in enumerate(rows, 1) if waits and key}
    with tempfile.TemporaryDirectory() as folder, Draft(Path(folder)) as draft:
        for n, (key, name, _) in enumerate(rows, 1):
            draft.add(replace(_desired(n, key), id=name) if n in wait else _row(n, Cause.BAD_CELL))
        assert draft.named() == all(key == name for key, name in wait.values())
        assert [one.row.n for one in draft.waiting()] == list(wait)
        for which in (0, 1):
            _check_twins(draft, wait, which)
        asked = [(key, name) for key in KEYS for name in IDS]
        for (key, name), found in zip(asked, _found(draft, asked), strict=True):
            named = [n for n, both in wait.items() if (key and both[0] == key) or (name and both[1] == name)]
            assert [one.row.n for one in found] == named
        draft.match([])
        draft.match((n, one, Line.of(_row(n, referral=one))) for n, one, _ in seen if n in wait)
        draft.unmatch()
        sights: dict[int, dict[str, bool]] = defaultdict(dict)
        for n, one, settles in again:
            if n in wait:
                sights[n].setdefault(one, settles)
                draft.match([(n, one, Line.of(_row(n, referral=one)) if settles else None)])
        _check_sights(draft, wait, sights)


def _check_twins(draft: Draft, wait: dict[int, tuple[str, str]], which: int) -> None:
    groups: dict[str, list[int]] = defaultdict(list)
    for n, both in wait.items():
        if both[which]:
            groups[both[which]].append(n)
    twins = [group for group in groups.values() if len(group) > 1]
    found = [[one.row.n for one in many] for many in draft.twins()]
    assert all(group in found for group in twins)
    assert all(group in ([n for n in wait if wait[n][at] == wait[group[0]][at]] for at in (0, 1)) for group in found)


def _check_sights(draft: Draft, wait: dict[int, tuple[str, str]], sights: dict[int, dict[str, bool]]) -> None:
    for n in wait:
        assert draft.matches(n) == sorted(sights[n])
    rivals = [sorted(n for n in wait if one in sights[n]) for one in ("r", "s", "t")]
    assert sorted(draft.rivals()) == sorted(many for many in rivals if len(many) > 1)
    draft.settle_matched()
    enough = {n for n, many in sights.items() if len(many) == 1 and all(many.values())}
    assert [one.row.n for one in draft.waiting()] == [n for n in wait if n not in enough]
    assert [draft.row(n) is None for n in wait] == [n in enough for n in wait]
    for n in wait.keys() - enough:
        draft.settle(_row(n, Cause.NOT_FOUND))
    ends = {one.n: (one.cause, one.line, one.settled()) for one in draft.settled()}
    assert {n for n, (cause, *_) in ends.items() if cause is Cause.IN_STEP} == enough
    assert all((cause, line) == (row.cause, row.place.line) for cause, line, row in ends.values())


def test_a_draft_keeps_what_no_short_form_holds(tmp_path: Path) -> None:
    """Half a character, a number beyond all bits, a typed cell: each comes back as it was."""
    with Draft(tmp_path) as draft:
        for n, value in enumerate(["\ud800", Number("12"), "{"], 1):
            draft.add(Desired(SourceRow(n, Place("r", n), {"A": value}), "k", (Wish("/name", value),)))
            found = draft.row(n)
            assert found is not None
            assert (found.row.columns, type(found.row.columns["A"])) == ({"A": value}, type(value))


def test_a_spool_gives_back_what_was_put(tmp_path: Path) -> None:
    """Written or still waiting, in any order; the file is its owner's alone."""
    spool = Spool(tmp_path / "s")
    texts = [bytes([65 + n]) * (GROUP_BYTES // 3) for n in range(5)]
    places = [spool.put(text) for text in texts]
    assert [spool.get(at, len(text)) for at, text in reversed(list(zip(places, texts, strict=True)))] == texts[::-1]
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    spool.close()


@pytest.mark.long
def test_a_row_of_any_size_comes_back_whole(tmp_path: Path) -> None:
    """Cells that nobody maps may hold megabytes each: the row is as long as they are together."""
    columns = {f"c{n}": chr(97 + n) * (14 << 20) for n in range(5)}
    with Draft(tmp_path) as draft:
        draft.add(Desired(SourceRow(1, Place("r", 1), columns), "k", (Wish("/name", "n"),)))
        draft.add(replace(_row(2), columns=columns))
        found = draft.row(1)
        assert found is not None
        assert found.row.columns == columns
        draft.settle(_row(1))
        assert [one.settled().columns == columns for one in draft.settled()] == [False, True]


def test_a_spool_that_could_not_be_written_stays_so(tmp_path: Path) -> None:
    """A disk that was full is full for whoever asks again: what waits is not taken for written."""
    with Draft(tmp_path) as draft:
        draft.add(_desired(1, "k"))
        kept, draft._spool._into = draft._spool._into, FULL.open("ab", buffering=0)
        for _ in range(2):
            with pytest.raises(StorageRefused, match="is the disk full"):
                draft.row(1)
        draft._spool._into.close()
        draft._spool._into = kept
        assert draft.row(1) == _desired(1, "k")
