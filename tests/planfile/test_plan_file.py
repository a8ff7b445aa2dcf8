from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.errors import PlanRefused, StorageRefused
from syncjob.ledger import Begun, Ledger
from syncjob.model import Cause, Operation, Place, Settled, Triple, Verdict
from syncjob.planfile import Footer, Header, Line, PlanFile, is_plan, write

MADE_AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
HEADER = Header("p-1", "job", "https://x.test", None, "c0ffee", "rows.csv", "sha256:d", ("A", "B"), MADE_AT.isoformat())
ALIKE: dict[str, Any] = {"job": "job", "remote": "https://x.test", "tenant": None, "config": "c0ffee"}
DAY = timedelta(days=1)


def _row(n: int, cause: Cause = Cause.TO_SEND, note: str = "new") -> Settled:
    return Settled(
        n,
        Place("rows.csv", n + 1),
        f"k{n}",
        {"A": note, "B": ""},
        cause,
        "",
        id=f"id-{n}",
        etag='"e"',
        triples=(Triple("/name", "old", note, base="older"), Triple("/details/dealValue", "1.50", "2")),
        operations=(Operation("replace", "/name", note),),
    )


def _footer(rows: list[Settled]) -> Footer:
    totals = Counter(one.cause for one in rows)
    return Footer(totals, (Verdict("closes", 1, 0, holds=True, message="m"),), {"GET": 3}, ("odd",))


def _kept(path: Path, rows: list[Settled]) -> PlanFile:
    write(path, HEADER, map(Line.of, rows), lambda: _footer(rows))
    return PlanFile(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for many examples."""
    return tmp_path_factory.mktemp("plans")


@given(notes=st.lists(st.text(), max_size=5))
def test_what_was_written_is_read(folder: Path, notes: list[str]) -> None:
    """Header, rows and footer come back the same, whatever the cells hold; each pass is a fresh one."""
    rows = [_row(n, note=note) for n, note in enumerate(notes, 1)]
    plan = _kept(folder / "any.plan", rows)
    assert plan.header == HEADER
    assert plan.footer == _footer(rows)
    for _ in range(2):
        assert list(plan.rows()) == rows


def test_a_plan_is_its_owners_and_replaced_whole(tmp_path: Path) -> None:
    """0600 whatever stood there before; no draft is left."""
    path = tmp_path / "a.plan"
    path.write_text("an earlier one")
    path.chmod(0o644)
    _kept(path, [_row(1)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@given(data=st.data())
def test_no_byte_of_a_plan_can_be_altered(folder: Path, data: st.DataObject) -> None:
    """A byte flipped, left out or put in: the plan is refused, whichever line it stands in."""
    path = folder / "altered.plan"
    _kept(path, [_row(1), _row(2, Cause.IN_STEP)])
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[at] ^ data.draw(st.integers(1, 255))])
    middle = data.draw(st.sampled_from([flipped, b"", whole[at : at + 1] + b" "]))
    path.write_bytes(whole[:at] + middle + whole[at + 1 :])
    with pytest.raises(PlanRefused, match="plan again"):
        PlanFile(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b'{"syncjob":"plan"}\n', b"\xff\xfe\n"])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    """Anything else is told to be none."""
    path = tmp_path / "x.plan"
    path.write_bytes(content)
    with pytest.raises(PlanRefused, match="is cut off or no plan at all"):
        PlanFile(path)


def test_a_plan_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Not there, or a folder."""
    for path in (tmp_path / "gone.plan", tmp_path):
        with pytest.raises(PlanRefused, match="cannot be read"):
            PlanFile(path)


def test_a_plan_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    """A file that is not there, a folder and a CSV file are no plans."""
    path = tmp_path / "rows.csv"
    _kept(path, [])
    assert is_plan(path)
    path.write_text("CRM Id\n")
    assert not any(is_plan(one) for one in (path, tmp_path, tmp_path / "gone"))


def test_a_plan_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A row that fails in the middle leaves the earlier plan and no draft; a full disk is exit 8."""
    path = tmp_path / "a.plan"
    _kept(path, [_row(1)])
    before = path.read_bytes()

    def broken() -> Iterator[Line]:
        yield Line.of(_row(1))
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageRefused, match=r"a\.plan: cannot be written: No space left on device"):
        write(path, HEADER, broken(), lambda: _footer([]))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StorageRefused):
        write(tmp_path / "gone" / "a.plan", HEADER, [], lambda: _footer([]))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"job": "j"}, ["made for job 'job', this is 'j'"]),
        ({"remote": "r"}, ["made for remote 'https://x.test', this is 'r'"]),
        ({"tenant": "t"}, ["made for tenant None, this is 't'"]),
        ({"config": "c"}, ["the configuration that decided it has changed since"]),
        ({"now": MADE_AT + timedelta(hours=25)}, ["made 25 h ago, plan.age_max is 24 h"]),
        ({"job": "j", "config": "c"}, ["made for job", "the configuration"]),
    ],
)
def test_a_plan_belongs_where_it_was_made(tmp_path: Path, other: dict[str, Any], words: list[str]) -> None:
    """All that differs is told at once."""
    plan = _kept(tmp_path / "a.plan", [])
    usual: dict[str, Any] = {"now": MADE_AT + DAY, "age_max": DAY} | ALIKE
    plan.check(**usual)
    with pytest.raises(PlanRefused) as refused:
        plan.check(**(usual | other))
    assert len(refused.value.problems) == len(words)
    assert all(word in problem for word, problem in zip(words, refused.value.problems, strict=True))


def test_a_plan_is_sent_as_it_was_verified(tmp_path: Path) -> None:
    """Copied first, a plan stays what it was, whatever takes its place, alters it or takes it away."""
    given, own = tmp_path / "a.plan", tmp_path / "own"
    own.mkdir()
    write(given, HEADER, [Line.of(_row(1))], lambda: _footer([_row(1)]))
    plan = PlanFile(given, into=own)
    _kept(given, [_row(1, note="another"), _row(2)])
    assert list(plan.rows()) == [_row(1)]
    given.unlink()
    assert list(plan.rows()) == [_row(1)]
    assert [stat.S_IMODE(one.stat().st_mode) for one in own.iterdir()] == [0o600]
    with pytest.raises(PlanRefused, match=r"a\.plan: made for job 'job'") as refused:
        plan.check(now=MADE_AT, age_max=DAY, **(ALIKE | {"job": "j"}))
    assert str(own) not in str(refused.value)
    with pytest.raises(PlanRefused, match=r"a\.plan: cannot be read"):
        PlanFile(given, into=own)


def test_a_plan_of_tomorrow_is_refused(tmp_path: Path) -> None:
    """Five minutes apart are two clocks; more is a wrong one, and such a plan would never grow old."""
    plan = _kept(tmp_path / "a.plan", [])
    plan.check(now=MADE_AT - timedelta(minutes=5), age_max=DAY, **ALIKE)
    with pytest.raises(PlanRefused, match="was made 1 h from now; is a clock wrong"):
        plan.check(now=MADE_AT - timedelta(hours=1), age_max=DAY, **ALIKE)


def test_a_plan_tells_of_every_row_but_those_that_are_as_they_should_be(tmp_path: Path) -> None:
    """Unchanged and nothing odd about it: left out. A cell may hold the very words that say so."""
    words = '"warnings":[],"columns":'
    rows = [
        _row(1, Cause.IN_STEP, note=words),
        replace(_row(2, Cause.IN_STEP, note=words), warnings=("odd",)),
        replace(_row(3, Cause.SAME_EDIT), warnings=("odd",)),
        _row(4, Cause.SAME_EDIT),
        _row(5, Cause.RAGGED_LINE),
        _row(6),
    ]
    plan = _kept(tmp_path / "a.plan", rows)
    assert [row.n for row in plan.loud()] == [2, 3, 5, 6]
    assert [row.n for row in plan.rows()] == [1, 2, 3, 4, 5, 6]
    with Ledger(tmp_path / "a.ledger") as ledger:
        ledger.begin(Begun("run", "job", "remote", "plan", {}, 0.0), ((row, ()) for row in rows))
        assert [row.n for row in ledger.loud("run")] == [2, 3, 5, 6]
        assert list(ledger.ends("run"))[4] == (rows[4].key or "5", Cause.RAGGED_LINE)


@given(causes=st.lists(st.sampled_from([Cause.TO_SEND, Cause.IN_STEP, Cause.BUG]), max_size=6), held=st.booleans())
def test_rows_of_one_cause_are_found_among_the_others(folder: Path, causes: list[Cause], *, held: bool) -> None:
    """Whatever words a cell holds, and whether or not rows were held back since."""
    rows = [_row(n, cause, note='"cause":"to_send"') for n, cause in enumerate(causes, 1)]
    plan = _kept(folder / "of.plan", rows)
    if held:
        plan = plan.narrowed(lambda row: replace(row, cause=Cause.IN_STEP) if row.n == 1 else row)
    for cause in (Cause.TO_SEND, Cause.IN_STEP, Cause.BUG):
        assert list(plan.having(cause)) == [row for row in plan.rows() if row.cause is cause]
