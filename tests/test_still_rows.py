"""A row that is in step is handed on unread: what it makes known, and shows, is what reading all of it would tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.core.merge import Rules
from syncjob.job.reading import ANSWERS, BASES, NOTHING, SENT
from syncjob.job.remembering import bases_of, bases_of_still
from syncjob.ledger import Base, Quiet
from syncjob.model import Cause, Number, Operation, Place, Report, Settled, Stand, Triple, Why, dumps
from syncjob.model.change import cut
from syncjob.model.own import PULLED_ID
from syncjob.planfile import Line, Still
from syncjob.reports.json import render

VALUE = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.just([{"email": "a@b.example"}]), st.booleans())
TRIPLES = st.lists(
    st.builds(
        Triple,
        st.sampled_from(["/name", "/details/dealValue", "/team"]),
        VALUE,
        VALUE,
        base=VALUE,
        removed=st.sampled_from([(), (), (), ("x@y.example",)]),
        stand=st.sampled_from([Stand.AGREED] * 6 + [*Stand, None]),
        why=st.sampled_from([Why.MERGED, Why.MERGED, *Why]),
    ),
    max_size=3,
    unique_by=lambda one: one.path,
).map(tuple)
CELLS = st.text(max_size=3) | st.sampled_from([Number("5"), '":{"', "\ud800"])
ROWS = st.builds(
    Settled,
    st.integers(0, 9_999),
    st.just(Place("rows.csv", 2)),
    st.text(max_size=5),
    st.dictionaries(st.sampled_from(["Deal", PULLED_ID, "externalReferenceId"]), CELLS),
    st.sampled_from([Cause.IN_STEP] * 6 + [Cause.SAME_EDIT, Cause.REMOTE_MOVED]),
    st.just(""),
    st.sampled_from(["ID-1", "ID-1", "id-2", None]),
    st.none(),
    st.sampled_from([(), (), (), ("odd",)]),
    TRIPLES,
    st.sampled_from([(), (), (), (Operation("replace", "/name", "b"),)]),
)


def said(bases: tuple[Base, ...]) -> list[dict[str, Any]]:
    """What bases say, their values as JSON."""
    return [{**json.loads(dumps(one)), "sent": sorted(one.sent)} for one in bases]


@given(ROWS, st.sampled_from([BASES, ANSWERS, SENT, NOTHING]), st.sampled_from([None, 5.0]))
def test_what_is_not_read_makes_the_same_known(row: Settled, moves: str, seen_at: float | None) -> None:
    """Its number, key and referral, and in every kind of run the same bases; what takes more is read."""
    line = Line.read(row.to_line())
    still = Still.read(line.text)
    if still is None:
        plain = all(one.stand is Stand.AGREED and not one.removed for one in row.triples)
        assert Quiet.of(row) is None or PULLED_ID in row.columns or not plain
        return
    assert Quiet(line.n, still.key, still.id, line.text) == Quiet.of(row)
    assert (still.n, still.line) == (line.n, line.line)
    bases = tuple(
        Base(one.referral, one.values, one.at, now=one.today) for one in bases_of_still(still, moves, seen_at, 9.0)
    )
    assert said(bases) == said(bases_of(row, moves, Rules(), seen_at, 9.0))
    assert [one.plainly for one in bases_of_still(still, moves, seen_at, 9.0)] == [one.plainly for one in bases]


@given(ROWS.filter(lambda row: Quiet.of(row) is not None), st.sampled_from(["", "Deals"]))
def test_a_report_shows_the_same_of_what_is_not_read(row: Settled, sheet: str) -> None:
    """As its plan has written it, or read and written anew: the same bytes."""
    row = replace(row, place=replace(row.place, sheet=sheet))
    report = Report("run", {"id": "r"}, {}, {}, (), frozenset(), lambda: iter([row]))
    assert list(render(replace(report, written=lambda: iter([row.to_line()])))) == list(render(report))


@given(ROWS)
def test_only_lines_of_which_there_is_nothing_to_tell_are_cut(row: Settled) -> None:
    """Its parts are where they should be; of any other row it is refused, and read."""
    line = row.to_line()
    if row.cause is not Cause.IN_STEP or row.warnings or row.operations:
        with pytest.raises(ValueError, match=r"something to send|unpack"):
            cut(line)
        return
    n, place, _, _, columns, fields = cut(line)
    assert (int(n), place) == (row.n, b'"source":"rows.csv","line":2')
    assert list(json.loads(columns)) == list(row.columns)
    assert [one["path"] for one in json.loads(b"[" + fields)] == [one.path for one in row.triples]
