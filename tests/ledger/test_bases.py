from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.errors import StorageRefused
from syncjob.ledger import Base, Begun, Ledger, Remembered
from syncjob.ledger import bases as room
from syncjob.ledger.tables import INDEXES, TABLES
from syncjob.model import Cause, Operation, Place, Settled, Triple

NAME, AMOUNT, TEAM = "/name", "/details/dealValue", "/team"


def planned(n: int = 1) -> Settled:
    """Give a row that is to be sent."""
    triples, operations = (Triple(NAME, "old", "new"),), (Operation("replace", NAME, "new"),)
    place, cause = Place("rows.csv", n + 1), Cause.TO_SEND
    return Settled(n, place, f"k{n}", {}, cause, "", f"id-{n}", '"e"', triples=triples, operations=operations)


def begin(ledger: Ledger, run: str, *seen: Base, job: str = "job", remote: str = "remote") -> None:
    """Begin a run that makes these bases known."""
    rows = [(planned(n), (base,)) for n, base in enumerate(seen, 1)]
    ledger.begin(Begun(run, job, remote, f"plan of {run}", {}, 1.0, "bases"), rows)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        yield ledger


def test_nothing_is_remembered_of_a_referral_that_nobody_has_seen(ledger: Ledger) -> None:
    """No base, no night, and no scope is made for the asking."""
    assert ledger.remembered("job", "remote", "id-1") == Remembered({}, {}, {})
    with closing(sqlite3.connect(ledger.path)) as database:
        assert database.execute("SELECT count(*) FROM scopes").fetchone() == (0,)


def test_what_was_agreed_comes_back_as_it_was(ledger: Ledger) -> None:
    """Whatever JSON can say, with since when and by which run it is known; digits of money stay digits."""
    values = {NAME: None, AMOUNT: "10000.50", TEAM: [{"email": "ü@b.example"}], "/details/notes": ""}
    begin(ledger, "run-1", Base("id-1", values | {"/salesStage": Decimal("1.10")}, 5.0))
    found = ledger.remembered("job", "remote", "id-1")
    assert found.values == values | {"/salesStage": "1.10"}
    assert found.since[NAME] == (5.0, "run-1")
    assert set(found.nights.values()) == {0}


def test_a_base_is_a_job_s_over_one_remote_and_an_id_has_no_case(ledger: Ledger) -> None:
    """Another job, or the same over another tenant, has agreed on nothing; ids compare without case."""
    begin(ledger, "run-1", Base("ID-1", {NAME: "a"}, 1.0))
    begin(ledger, "run-2", Base("id-1", {NAME: "b"}, 1.0), job="another")
    begin(ledger, "run-3", Base("id-1", {NAME: "c"}, 1.0), remote="remote tenant")
    for job, remote, name in (("job", "remote", "a"), ("another", "remote", "b"), ("job", "remote tenant", "c")):
        assert ledger.remembered(job, remote, "iD-1").values == {NAME: name}


def test_a_younger_sight_stays(ledger: Ledger) -> None:
    """What was seen earlier never replaces what was seen later, path by path; the same moment does."""
    begin(ledger, "run-1", Base("id-1", {NAME: "tuesday", AMOUNT: "1"}, 20.0))
    begin(ledger, "run-2", Base("id-1", {NAME: "monday", TEAM: []}, 10.0))
    found = ledger.remembered("job", "remote", "id-1")
    assert found.values == {NAME: "tuesday", AMOUNT: "1", TEAM: []}
    assert found.since[NAME] == (20.0, "run-1")
    begin(ledger, "run-3", Base("id-1", {NAME: "tuesday too"}, 20.0))
    assert ledger.remembered("job", "remote", "id-1").values[NAME] == "tuesday too"


def test_bases_come_with_the_outcomes_of_their_group(ledger: Ledger) -> None:
    """What `record` and `mend` make known is remembered under the job of their run."""
    begin(ledger, "run-1", Base("id-1", {NAME: "old"}, 1.0), Base("id-2", {NAME: "old"}, 1.0))
    ledger.record("run-1", [], [], [Base("id-1", {NAME: "new"}, 2.0, frozenset({NAME}))])
    ledger.mend("run-1", planned(2), [Base("id-2", {NAME: "new"}, 3.0)])
    assert [ledger.remembered("job", "remote", f"id-{n}").values for n in (1, 2)] == [{NAME: "new"}] * 2
    assert [ledger.remembered("job", "remote", f"id-{n}").nights for n in (1, 2)] == [{NAME: 1}, {NAME: 0}]


def test_nights_count_how_often_the_same_value_was_sent(ledger: Ledger) -> None:
    """Sent and agreed on, then sent again: something sets it back. Another value, or a night of agreement, ends it."""
    nights = []
    story = [("a", True), ("a", True), ("a", True), ("b", True), ("b", True), ("b", False), ("b", True)]
    for at, (value, sent) in enumerate(story):
        begin(ledger, f"run-{at}", Base("id-1", {NAME: value}, float(at), frozenset({NAME} if sent else ())))
        nights.append(ledger.remembered("job", "remote", "id-1").nights[NAME])
    assert nights == [1, 2, 3, 1, 2, 0, 1]


def test_thousands_are_remembered_at_once(ledger: Ledger) -> None:
    """Several fields of each, in one transaction; they can be counted."""
    seen = [Base(f"id-{n}", {NAME: f"name {n}", AMOUNT: str(n)}, 1.0) for n in range(3_000)]
    begin(ledger, "run-1", *seen)
    assert ledger.remembered("job", "remote", "id-2999").values == {NAME: "name 2999", AMOUNT: "2999"}
    assert room.count(ledger.database, "job", "remote") == 3_000
    assert room.count(ledger.database, "another", "remote") == 0


MOMENTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.booleans()), max_size=12)


@given(MOMENTS)
def test_however_sights_arrive_the_youngest_is_the_base(sights: list[tuple[int, str, bool]]) -> None:
    """In any order, in one group or in many: the last of the youngest counts."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for words in (*TABLES, *INDEXES):
            connection.execute(words)
        scope = room.scope_of(connection, "job", "remote")
        assert room.scope_of(connection, "job", "remote") == scope
        for at, value, together in sights:
            group = [Base("id-1", {NAME: value}, float(at))]
            room.move(connection, scope, "run", group * (2 if together else 1))
        found = connection.execute("SELECT at, agreed FROM bases").fetchall()
        assert connection.execute("SELECT count(*) FROM scopes").fetchone() == (1,)
    if not sights:
        assert found == []
        return
    youngest = max(at for at, _, _ in sights)
    assert found == [(youngest, f'{{"/name":"{[value for at, value, _ in sights if at == youngest][-1]}"}}')]


# ── The rules, as a model of one value a path ────────────────────────────────────────────────────

VALUES = st.dictionaries(st.sampled_from([NAME, AMOUNT, TEAM]), st.sampled_from(["a", "b", None, ["ü", 1]]), max_size=3)
SEEN = st.builds(
    lambda referral, values, at, sent, first, now: Base(referral, values, at, frozenset(sent), first, now),
    st.sampled_from(["id-1", "ID-1", "id-2"]),
    VALUES,
    st.sampled_from([1.0, 2.0, 2.5, 1e9 + 0.1]),
    st.one_of(st.just(set[str]()), st.sets(st.sampled_from([NAME, AMOUNT]))),
    st.one_of(st.just(dict[str, object]()), VALUES),
    st.sampled_from([None, 2.0, 3.0]),
)
Model = dict[str, dict[str, tuple[object, int, float, str]]]


def remembered_so(model: Model, run: str, group: list[Base]) -> None:
    """Remember a group by the rules as they are said: path by path."""
    for one in group:
        known = model.setdefault(one.referral.lower(), {})
        for path, value in one.values.items():
            before, sent = known.get(path), path in one.sent
            if before is None or one.at >= before[2] or (one.now is not None and before[2] > one.now):
                again = sent and before is not None and before[0] == value
                known[path] = value, (before[1] + 1 if again and before else int(sent)), one.at, run
    for one in group:
        known = model.setdefault(one.referral.lower(), {})
        for path, value in one.first.items():
            known.setdefault(path, (value, 0, one.at, run))


@given(st.lists(st.lists(SEEN, max_size=5), max_size=6))
def test_sights_are_merged_path_by_path(groups: list[list[Base]]) -> None:
    """Whatever comes together in a group or a row: values, nights and moments are those of one value a path."""
    model: Model = {}
    with TemporaryDirectory() as folder, Ledger(Path(folder) / "job.ledger") as ledger:
        for n, group in enumerate(groups):
            with ledger.database.writing() as connection:
                room.move(connection, room.scope_of(connection, "job", "remote"), f"run-{n}", group)
            remembered_so(model, f"run-{n}", group)
        for referral, kept in ledger.kept_of("job", "remote", ["id-1", "id-2"]).items():
            found = kept.remembered
            known = model.get(referral, {})
            assert found.values == {path: one[0] for path, one in known.items()}
            assert found.nights == {path: one[1] for path, one in known.items()}
            assert found.since == {path: one[2:] for path, one in known.items()}
        assert room.count(ledger.database, "job", "remote") == sum(1 for known in model.values() if known)


def test_a_value_that_no_utf_8_holds_is_merged_too(ledger: Ledger) -> None:
    """Half a surrogate pair beside others, sent night after night: nothing is lost, and the nights count."""
    for n, half in enumerate(["\ud800", "\ud800", "\udfff"], 1):
        begin(ledger, f"run-{n}", Base("id-1", {NAME: half, AMOUNT: "ü"}, float(n), frozenset({NAME})))
    begin(ledger, "run-4", Base("id-1", {TEAM: []}, 9.0))
    found = ledger.remembered("job", "remote", "id-1")
    assert found.values == {NAME: "\udfff", AMOUNT: "ü", TEAM: []}
    assert found.nights == {NAME: 1, AMOUNT: 0, TEAM: 0}


@pytest.mark.parametrize("words", ["agreed = '{'", "agreed = '[]'", "besides = '{\"/name\":1}'", "besides = '1'"])
def test_what_is_damaged_is_told_whether_it_is_read_or_merged(ledger: Ledger, words: str) -> None:
    """By the referral, with the way to look at it; and nothing is written over it."""
    begin(ledger, "run-1", Base("id-1", {NAME: "a"}, 1.0))
    with closing(sqlite3.connect(ledger.path)) as database, database:
        database.execute(f"UPDATE bases SET {words}")
    with pytest.raises(StorageRefused, match="remembered of referral id-1 cannot be read; look at it by `syncjob"):
        ledger.remembered("job", "remote", "id-1")
    with pytest.raises(StorageRefused, match="remembered of referral id-1 cannot be read; look at it by `syncjob"):
        begin(ledger, "run-2", Base("id-1", {NAME: "b"}, 2.0))
    assert not ledger.knows("run-2")
