"""Quiet rows go together and are found all the same: whatever is asked, the answer is that of rows that stand alone."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from syncjob.core.history import Seen, events
from syncjob.errors import StorageRefused
from syncjob.ledger import Base, Begun, Ledger, Quiet, exporting, finding, names, purging, quiet
from syncjob.ledger.checking import problems, rebuild
from syncjob.ledger.database import Database
from syncjob.ledger.names import Names, numbers
from syncjob.model import Cause, Operation, Place, Settled, Stand, Triple
from syncjob.model.memory import Event
from syncjob.model.own import PULLED_ID

JOB, REMOTE, DAY_S = "job", "remote", 86_400.0
WAITING = [str(cause) for cause in (Cause.BOTH_MOVED, Cause.ANSWER_UNKNOWN, Cause.STOPPED)]
PULLED = {PULLED_ID: "x", "externalReferenceId": " crm-9 "}


def row(n: int, *, key: str = "", cause: Cause = Cause.IN_STEP, **known: Any) -> Settled:
    """Give a row; without anything else said it is a quiet one, of a referral of its own."""
    known = {"id": f"ID-{n}", "etag": '"e"', "triples": (Triple("/name", "a", "a", stand=Stand.AGREED),)} | known
    return Settled(n, Place("rows.csv", n + 1), key or f"k{n}", {"Deal": "ü"}, cause, "", **known)


def begin(ledger: Ledger, run: str, *rows: Settled, day: int = 1) -> None:
    """Begin a run with these rows, the quiet ones in parts."""
    begun = Begun(run, JOB, REMOTE, f"plan of {run}", {"columns": []}, day * DAY_S, "bases")
    ledger.begin(begun, ((Quiet.of(one) or one, ()) for one in rows))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with one run of a hundred quiet rows, and a loud one among them."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        begin(ledger, "run-1", *(row(n, cause=Cause.NOT_FOUND if n == 50 else Cause.IN_STEP) for n in range(1, 101)))
        yield ledger


def change(ledger: Ledger, words: str, *values: Any) -> None:
    """Damage the ledger, its pages sound."""
    with closing(sqlite3.connect(ledger.path)) as file, file:
        assert file.execute(words, values).rowcount > 0


# ── The law ──────────────────────────────────────────────────────────────────────────────────────


class Night(Struct, frozen=True):
    """A run over the job's own input or beside it, and how many days of runs are purged after it (0: none are)."""

    moves: str
    rows: list[tuple[str, int | None, int, int, bool]]
    kept_days: int


KINDS: dict[str, dict[str, Any]] = {
    "in step": {"cause": Cause.IN_STEP},
    "warned": {"cause": Cause.IN_STEP, "warnings": ("odd",)},
    "both moved": {"cause": Cause.BOTH_MOVED},
    "not selected": {"cause": Cause.NOT_SELECTED},
    "to send": {"cause": Cause.TO_SEND, "operations": (Operation("replace", "/name", "b"),)},
    "applied": {"cause": Cause.CONFIRMED, "operations": (Operation("replace", "/name", "b"),), "attempts": 1},
    "unknown": {"cause": Cause.ANSWER_UNKNOWN, "operations": (Operation("replace", "/name", "b"),), "attempts": 1},
    "stopped": {"cause": Cause.STOPPED, "operations": (Operation("replace", "/name", "b"),)},
}
FAR = 3
KEYS = ("k", "K", "", "id-1", "crm-9")
NAMES = ("k0", "K1", "k1", "id-1", "ID-1", "crm-9", "nobody")
ROW = st.tuples(
    st.sampled_from(["in step"] * 6 + list(KINDS)),
    st.one_of(st.integers(0, 4), st.none()),
    st.integers(0, len(KEYS) - 1),
    st.integers(1, FAR),  # the distance to the row before; from afar the remote holds something else
    st.booleans(),  # of a pulled file
)
NIGHTS = st.lists(
    st.builds(Night, st.sampled_from(["bases", "bases", "answers"]), st.lists(ROW, max_size=9), st.integers(0, 3)),
    min_size=1,
    max_size=5,
)


def rows_of(night: Night) -> list[Settled]:
    """Give the rows of a night, in the order of their numbers."""
    found, n = [], 0
    for kind, referral, key, step, pulled in night.rows:
        n += step
        known: dict[str, Any] = {"id": None if referral is None else f"ID-{referral}", **KINDS[kind]}
        if KINDS[kind]["cause"] is Cause.IN_STEP:
            held = "b" if step == FAR else "a"
            known["triples"] = (Triple("/name", held, held, stand=Stand.AGREED),)
        called = KEYS[key] + (str(referral or 0) if len(KEYS[key]) == 1 else "")
        one = replace(row(n, **known), key=called)
        found.append(replace(one, columns=PULLED) if pulled else one)
    return found


def live(ledger: Ledger, nights: list[Night], *, together: bool) -> None:
    """Live through the nights; where they go `together`, quiet rows are put away in parts."""
    for day, night in enumerate(nights, 1):
        run, rows, at = f"run-{day}", rows_of(night), day * DAY_S
        begun = Begun(run, JOB, REMOTE, f"plan-{day}", {"columns": []}, at, night.moves)
        sent = [one for one in rows if one.attempts]
        ledger.begin(begun, [(_first(one, together=together), _bases(one, at)) for one in rows])
        ledger.record(run, [], sent)
        if not any(one.cause is Cause.TO_SEND for one in rows):  # else it broke off
            ledger.end(run, at + 1, 0, {})
        if night.kept_days:
            old = purging.old(ledger, JOB, REMOTE, at - night.kept_days * DAY_S)
            purging.purge(ledger, old)


def _first(one: Settled, *, together: bool) -> Settled | Quiet:
    if one.attempts:
        return replace(one, cause=Cause.TO_SEND, attempts=0)
    return (Quiet.of(one) if together else None) or one


def _bases(one: Settled, at: float) -> list[Base]:
    return [Base(one.id, {"/name": one.key}, at)] if one.id and one.cause is Cause.IN_STEP else []


def answers(ledger: Ledger) -> Iterator[Any]:
    """Ask everything that can be asked."""
    database, runs = ledger.database, ledger.runs(JOB, REMOTE)
    yield runs
    for run in runs:
        yield run, list(ledger.outcomes(run)), list(ledger.loud(run)), list(ledger.to_send(run))
        yield list(ledger.unsent(run)), ledger.unanswered(run), ledger.sent(run), list(ledger.totals(run).items())
        for causes in ((), WAITING, ["in_step"], ["in_step", "both_moved"]):
            yield list(ledger.ends(run, causes))
        for newer in ([], runs[:1], runs[:2]):
            yield finding.needing(database, run, WAITING, 2, newer)
        for one in ledger.outcomes(run):
            yield finding.seen_since(database, run, one)
            yield [finding.since(database, JOB, REMOTE, one, causes) for causes in (WAITING, ["in_step", *WAITING])]
    for name in NAMES:
        found = list(finding.referrals(database, JOB, REMOTE, name))
        assert finding.has_met(database, JOB, REMOTE, name) == bool(found)
        yield found, [finding.rows_of(database, JOB, REMOTE, one) for one in found]
    written = {one: list(_written(database, one)) for one in finding.eventful(database, JOB, REMOTE)}
    assert not any(list(_written(database, f"id-{n}")) for n in range(5) if f"id-{n}" not in written)
    yield {one: events for one, events in written.items() if events}
    yield [ledger.remembered(JOB, REMOTE, f"id-{n}") for n in range(5)]
    yield [purging.old(ledger, JOB, REMOTE, day * DAY_S) for day in range(7)]


def _written(database: Database, referral: str) -> Iterator[Event]:
    rows = finding.rows_of(database, JOB, REMOTE, referral)
    return events(Seen(run, at, row) for run, at, row in rows)


SEEN_TWICE = [Night("bases", [("in step", 1, 0, 1, False)], 0), Night("bases", [("in step", 1, 0, FAR, False)], 0)]


@given(NIGHTS)
@example(SEEN_TWICE)
def test_together_or_alone_the_answers_are_the_same(nights: list[Night]) -> None:
    """Several nights, side runs and purges among them: to the letter, and the ledger is sound."""
    small = mock.patch.object(quiet, "LINES_PER_PART", 3), mock.patch.object(names, "ENTRIES_PER_PAGE", 4)
    with TemporaryDirectory() as folder, small[0], small[1]:
        said = []
        for together in (True, False):
            with Ledger(Path(folder) / f"{together}.ledger") as ledger:
                live(ledger, nights, together=together)
                said.append(list(answers(ledger)))
                parts = ledger.database.rows("SELECT count(*) FROM quiet_parts")[0][0]
                assert together or not parts
            assert problems(Path(folder) / f"{together}.ledger") == []
        assert said[0] == said[1]


# ── What goes into parts ─────────────────────────────────────────────────────────────────────────


def test_a_row_of_which_something_is_told_or_will_be_stands_alone() -> None:
    """A warning, a patch, another cause, no referral: each of them; none of it is quiet."""
    assert Quiet.of(row(1)) == Quiet(1, "k1", "ID-1", row(1).to_line())
    assert Quiet.of(row(1, warnings=("odd",))) is None
    assert Quiet.of(row(1, operations=(Operation("replace", "/name", "b"),))) is None
    assert Quiet.of(row(1, cause=Cause.SAME_EDIT)) is None
    assert Quiet.of(row(1, id=None)) is None


def test_quiet_rows_take_their_place_among_the_others(ledger: Ledger) -> None:
    """In input order, some in parts and one alone; of the loud ones it is the only one."""
    assert [one.n for one in ledger.outcomes("run-1")] == list(range(1, 101))
    assert [one.n for one in ledger.loud("run-1")] == [50]
    assert ledger.totals("run-1") == {Cause.IN_STEP: 99, Cause.NOT_FOUND: 1}
    assert ledger.database.rows("SELECT count(*) FROM outcomes") == [(1,)]


def test_a_row_that_comes_out_of_turn_stands_alone(tmp_path: Path) -> None:
    """Parts are read in the order of their numbers: one that is behind is put on record by itself, and found."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        begin(ledger, "run-1", row(3), row(2), row(4), row(4_294_967_296))
        assert [one.n for one in ledger.outcomes("run-1")] == [2, 3, 4, 4_294_967_296]
        assert ledger.database.rows("SELECT n FROM outcomes ORDER BY n") == [(2,), (4_294_967_296,)]
        assert [found[0][2].n for n in (2, 3, 4) if (found := finding.rows_of(ledger.database, JOB, REMOTE, f"id-{n}"))]
    assert problems(tmp_path / "job.ledger") == []


def test_a_quiet_row_settles_never_again(ledger: Ledger) -> None:
    """Its end stands when the run begins: another one breaks an assumption."""
    with pytest.raises(AssertionError, match="was on record before"):
        ledger.record("run-1", settled=[row(1, cause=Cause.CONFIRMED)])


def test_quiet_rows_go_on_record_with_all_others_or_not_at_all(tmp_path: Path) -> None:
    """A plan that breaks off leaves no part and no name."""

    def broken() -> Iterator[tuple[Settled | Quiet, tuple[Base, ...]]]:
        for n in range(5_000):
            yield Quiet.of(row(n)) or row(n), (Base(f"id-{n}", {"/name": "a"}, 1.0),)
        raise StorageRefused("the plan cannot be read")

    with Ledger(tmp_path / "job.ledger") as ledger:
        with pytest.raises(StorageRefused, match="the plan cannot be read"):
            ledger.begin(Begun("run-1", JOB, REMOTE, "plan", {}, 1.0, "bases"), broken())
        for table in ("runs", "quiet_parts", "quiet_names", "bases"):
            assert ledger.database.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_row_that_no_utf_8_holds_is_quiet_too(tmp_path: Path) -> None:
    """Half a surrogate pair in a cell: it goes in, is found, and comes out as it was."""
    odd = replace(row(1), columns={"Deal": "ü\udfff"})
    with Ledger(tmp_path / "job.ledger") as ledger:
        begin(ledger, "run-1", odd)
        assert list(ledger.outcomes("run-1")) == [odd]
        assert list(ledger.ends("run-1")) == [("k1", Cause.IN_STEP)]
        assert list(finding.referrals(ledger.database, JOB, REMOTE, "k1")) == ["id-1"]
        assert list(finding.eventful(ledger.database, JOB, REMOTE)) == []
        begin(ledger, "run-2", replace(odd, triples=(Triple("/name", "\udfff", "\udfff", stand=Stand.AGREED),)), day=2)
        assert list(finding.eventful(ledger.database, JOB, REMOTE)) == ["id-1"]
    assert problems(tmp_path / "job.ledger") == []


def test_no_index_takes_an_entry_for_a_quiet_row(tmp_path: Path) -> None:
    """A thousand rows of a usual size take 150 bytes each, what they are found by included."""
    columns = {"CRM Id": "CRM-0000001", "Deal": "Contoso", "Amount": "12000", "Probability": "40"}
    with Ledger(tmp_path / "job.ledger") as ledger:
        begin(ledger, "run-1")
        before = ledger.database.pragma("page_count")[0][0]
        begin(ledger, "run-2", *(replace(row(n), columns=columns) for n in range(10_000)), day=2)
        pages = ledger.database.pragma("page_count")[0][0] - before
        assert pages * ledger.database.pragma("page_size")[0][0] / 10_000 <= 150
        assert ledger.database.rows("SELECT count(*) FROM outcomes") == [(0,)]


# ── What they are found by ───────────────────────────────────────────────────────────────────────

TEXTS = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=40)


@given(TEXTS)
def test_every_name_finds_its_rows(called: list[tuple[str, str]]) -> None:
    """Each row by both its names, whatever they are; pages are cut only between names."""
    with mock.patch.object(names, "ENTRIES_PER_PAGE", 3), closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE quiet_names (run, mark, content)")
        gathered = Names()
        gathered.put((n, key, referral) for n, (key, referral) in enumerate(called))
        gathered.write(connection, "run")
        assert gathered.are_those_of(connection, "run")
        for n, pair in enumerate(called):
            for name in pair:
                assert n in numbers(connection, "run", name)
                assert numbers(connection, "another", name) == []


def test_a_name_that_another_shares_its_mark_with_is_told_apart(tmp_path: Path) -> None:
    """Two keys of one CRC-32: each finds its own row and no other."""
    one, other = "plumless", "buckeroo"
    with Ledger(tmp_path / "job.ledger") as ledger:
        begin(ledger, "run-1", row(1, key=one), row(2, key=other), row(3, key=one))
        with ledger.database.reading() as connection:
            assert numbers(connection, "run-1", one) == [1, 2, 3]
        assert list(finding.referrals(ledger.database, JOB, REMOTE, one)) == ["id-1", "id-3"]
        assert list(finding.referrals(ledger.database, JOB, REMOTE, other)) == ["id-2"]


def test_numbers_are_written_the_way_of_most_machines(ledger: Ledger) -> None:
    """A ledger is carried from one to another."""
    with ledger.database.reading() as connection:
        page = connection.execute("SELECT content FROM quiet_names").fetchone()[0]
        assert int.from_bytes(page[:8], "little") & names.N_MAX in range(1, 101)
        with mock.patch.object(sys, "byteorder", "big"):
            assert not quiet_named(ledger).are_those_of(connection, "run-1")


def quiet_named(ledger: Ledger) -> Names:
    """Gather the names of the first run anew."""
    found = Names()
    found.put((n, f"k{n}", f"id-{n}") for n in range(1, 101) if n != 50)
    return found


# ── Damage ───────────────────────────────────────────────────────────────────────────────────────

DAMAGE: dict[str, tuple[str, Any]] = {
    "no compressed text": ("UPDATE quiet_parts SET content = ? WHERE first = 33", b"noise"),
    "a text": ("UPDATE quiet_parts SET content = ? WHERE first = 33", "words"),
    "cut": ("UPDATE quiet_parts SET content = CAST(substr(content, 1, ?) AS BLOB) WHERE first = 33", 400),
    "another count": ("UPDATE quiet_parts SET count = ? WHERE first = 33", 31),
    "another end": ("UPDATE quiet_parts SET last = ? WHERE first = 33", 70),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_part_is_told_and_the_others_are_saved(ledger: Ledger, damage: str) -> None:
    """By the rows that it held, with the way to look at it; a rebuild keeps the rest, and is sound."""
    change(ledger, *DAMAGE[damage])
    with pytest.raises(StorageRefused, match=r"rows 33 to \d+ of run run-1 cannot be read; look at it by `syncjob"):
        list(ledger.outcomes("run-1"))
    with pytest.raises(StorageRefused, match="cannot be read"):
        finding.rows_of(ledger.database, JOB, REMOTE, "id-40")
    assert [one.n for one in ledger.loud("run-1")] == [50]
    assert finding.rows_of(ledger.database, JOB, REMOTE, "id-3")[0][2] == row(3)
    ledger.close()
    [said] = problems(ledger.path)
    assert said.startswith("run run-1, rows 33 to ")
    assert said.endswith("cannot be understood; save what can be by --rebuild")
    _, _, broke_off = rebuild(ledger.path)
    assert broke_off == ["quiet_parts"]
    assert problems(ledger.path) == []
    with Ledger(ledger.path) as saved:
        assert saved.rebuilt
        kept = [one.n for one in saved.outcomes("run-1")]
        lost = {"cut": 31, "no compressed text": 32, "a text": 32}.get(damage, 0)
        assert 100 - lost <= len(kept) <= 100
        assert {*range(1, 33), 50, *range(66, 101)} <= set(kept)
        assert all(finding.rows_of(saved.database, JOB, REMOTE, f"id-{n}") for n in kept)


def test_a_line_that_means_nothing_takes_no_other_with_it(ledger: Ledger) -> None:
    """Of a part that can be unpacked each line is looked at by itself."""
    lines = list(quiet.lines(ledger.database, "run-1"))[:32]
    lines[4] = b'{"n":5,"key":"k5","id":"id-5"}'
    part = quiet._part(list(range(1, 33)), lines)
    change(ledger, "UPDATE quiet_parts SET content = ? WHERE first = 1", part[3])
    with pytest.raises(StorageRefused, match="a row of run run-1 cannot be read"):
        list(ledger.outcomes("run-1"))
    ledger.close()
    assert len(problems(ledger.path)) == 1
    rebuild(ledger.path)
    with Ledger(ledger.path) as saved:
        assert [one.n for one in saved.outcomes("run-1")] == [n for n in range(1, 101) if n != 5]


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE quiet_names SET content = x'00'",
        "UPDATE quiet_names SET content = 'a text'",
        "UPDATE quiet_names SET content = zeroblob(length(content))",
        "DELETE FROM quiet_names",
    ],
)
def test_names_that_are_damaged_are_made_anew(ledger: Ledger, words: str) -> None:
    """Nothing is lost: rows are found by the names that stand in them."""
    change(ledger, words)
    ledger.close()
    [said] = problems(ledger.path)
    assert "run run-1: not all of its rows are found by their names" in said
    _, _, broke_off = rebuild(ledger.path)
    assert (broke_off, problems(ledger.path)) == ([], [])
    with Ledger(ledger.path) as saved:
        assert finding.rows_of(saved.database, JOB, REMOTE, "id-40")[0][2] == row(40)


def test_a_page_of_names_that_cannot_be_read_is_told(ledger: Ledger) -> None:
    """As any damage is."""
    change(ledger, "UPDATE quiet_names SET content = x'00'")
    with pytest.raises(StorageRefused, match="the names of rows of run run-1 cannot be read; look at it by `syncjob"):
        finding.rows_of(ledger.database, JOB, REMOTE, "id-40")


def test_a_name_that_leads_nowhere_is_told(ledger: Ledger) -> None:
    """The part of a row that the names tell of is gone."""
    change(ledger, "DELETE FROM quiet_parts WHERE first <= 33")
    with pytest.raises(StorageRefused, match="row 5 of run run-1 cannot be read"):
        finding.rows_of(ledger.database, JOB, REMOTE, "id-5")


# ── Purge ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_purged_leaves_no_part_and_no_name(ledger: Ledger) -> None:
    """The rows are counted, and gone with their run; those of another stay."""
    begin(ledger, "run-2", row(1), day=3)
    old = purging.old(ledger, JOB, REMOTE, 2 * DAY_S)
    assert (old.runs, old.rows) == (("run-1",), 100)
    purging.purge(ledger, old)
    for table in ("quiet_parts", "quiet_names"):
        assert ledger.database.rows(f"SELECT DISTINCT run FROM {table}") == [("run-2",)]
    assert [run for run, _, _ in finding.rows_of(ledger.database, JOB, REMOTE, "id-1")] == ["run-2"]
    assert list(finding.referrals(ledger.database, JOB, REMOTE, "k1")) == ["id-1"]
    assert list(finding.referrals(ledger.database, JOB, REMOTE, "k2")) == []


def test_an_export_holds_each_quiet_row_as_its_line(ledger: Ledger, tmp_path: Path) -> None:
    """It can be read without us, and comes back as it was; where a part is damaged that is told."""
    place = tmp_path / "all.jsonl"
    with place.open("wb") as file:
        exporting.export(ledger.database, file)
    written = place.read_text(encoding="utf-8")
    assert all(written.count(f'\\"key\\":\\"k{n}\\"') == 1 for n in range(1, 101))
    with Ledger(tmp_path / "new.ledger") as other:
        exporting.load(place, other.database)
        assert list(other.outcomes("run-1")) == list(ledger.outcomes("run-1"))
        assert finding.rows_of(other.database, JOB, REMOTE, "id-7")[0][2] == row(7)
    change(ledger, *DAMAGE["a text"])
    with place.open("wb") as file, pytest.raises(StorageRefused, match=r"rows 33 to .* look at it by `syncjob"):
        exporting.export(ledger.database, file)


def test_names_of_tables_that_are_no_text_any_more_are_damage(ledger: Ledger) -> None:
    """SQLite quotes them in what it says, and nobody can read that: the file is refused as any damaged one."""
    ledger.close()
    whole = ledger.path.read_bytes()
    assert b"outcomesoutcomes" in whole
    ledger.path.write_bytes(whole.replace(b"outcomesoutcomes", b"\xffutcomesoutcomes"))
    with pytest.raises(StorageRefused, match="is damaged"), Ledger(ledger.path) as damaged:
        list(damaged.outcomes("run-1"))
    assert problems(ledger.path)
    rebuild(ledger.path)
    assert problems(ledger.path) == []


def test_a_moment_that_is_none_among_others_is_told(ledger: Ledger) -> None:
    """It has no place in the order of time: exit 8, with the way to look at it."""
    begin(ledger, "run-2", row(1), day=2)
    change(ledger, "UPDATE runs SET began = 'x' WHERE id = 'run-2'")
    with pytest.raises(StorageRefused, match="a moment cannot be read; look at it by `syncjob"):
        finding.rows_of(ledger.database, JOB, REMOTE, "id-1")
