from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from syncjob.errors import PlanRefused, StorageRefused
from syncjob.ledger import Base, Begun, Intent, Ledger, Lock, Recorder, Remembered, held
from syncjob.ledger.recorder import OUTCOMES_WAITING_MAX
from syncjob.ledger.tables import SCHEMA
from syncjob.model import Cause, Operation, Place, Settled, Triple

FACTS = {"columns": ["A"], "note": "ü"}


def _row(n: int, cause: Cause = Cause.CONFIRMED, attempts: int = 1) -> Settled:
    return Settled(
        n,
        Place("rows.csv", n + 1),
        f"k{n}",
        {"A": f"a{n}"},
        cause,
        "",
        id=f"id-{n}",
        etag='"e"',
        triples=(Triple("/name", "old", "new"),),
        operations=(Operation("replace", "/name", "new"),),
        attempts=attempts,
    )


def _intent(n: int, attempt: int = 1) -> Intent:
    return Intent(n, attempt, 1.5, f"mark-{n}-{attempt}", _row(n, Cause.TO_SEND, attempt))


def _begin(ledger: Ledger, run: str, *rows: Settled, job: str = "job", remote: str = "remote") -> None:
    """Begin `run-N` over `plan-N` with these rows."""
    begun = Begun(run, job, remote, run.replace("run", "plan"), FACTS, 1_700_000_000.0)
    ledger.begin(begun, ((row, ()) for row in rows))


def _waiting(*numbers: int) -> list[Settled]:
    return [_row(n, Cause.TO_SEND) for n in numbers]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger with one run begun: its rows 1 to 9 are to be sent."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        _begin(ledger, "run-1", *_waiting(*range(1, 10)))
        yield ledger


def _pragma(ledger: Ledger, name: str) -> object:
    return ledger.database.raw(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])


def _refuse_writes(ledger: Ledger) -> None:
    ledger.database.raw(lambda connection: connection.execute("PRAGMA query_only=ON"))


def test_every_commit_is_on_disk_when_it_returns(ledger: Ledger) -> None:
    """Write-ahead log, every commit synced, patience with another process, references held."""
    assert [_pragma(ledger, name) for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")] == [
        "wal",
        2,
        10_000,
        1,
    ]


def test_a_ledger_is_its_owners(ledger: Ledger) -> None:
    """The file and its write-ahead log are 0600, whatever the umask."""
    ledger.record("run-1", settled=[_row(1)])
    for path in ledger.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_ledger_knows_whether_it_is_new(tmp_path: Path) -> None:
    """It is new until a run is on record, however often it is opened."""
    for n in (1, 2):
        with Ledger(tmp_path / "job.ledger") as ledger:
            assert ledger.is_new
            if n > 1:
                ledger.begin(Begun("run-1", "job", "remote", "plan-1", FACTS, 1.0))
            assert ledger.is_new is (n == 1)


def test_a_run_is_told_as_it_was_recorded(ledger: Ledger) -> None:
    """Facts, times and requests come back; a run that has not ended has no exit code."""
    begun = ledger.facts("run-1")
    assert (begun["ended_at"], begun["exit_code"], begun["requests"]) == (None, None, {})
    ledger.end("run-1", 1_700_000_060.0, 3, {"PATCH": 2})
    facts = ledger.facts("run-1")
    assert facts == {
        "id": "run-1",
        **FACTS,
        "moves": "nothing",
        "began_at": "2023-11-14T22:13:20+00:00",
        "ended_at": "2023-11-14T22:14:20+00:00",
        "exit_code": 3,
        "requests": {"PATCH": 2},
    }


def test_the_requests_of_a_run_that_was_taken_up_add_up(ledger: Ledger) -> None:
    """Its end is that of the last time; what it has cost is the sum."""
    ledger.end("run-1", 1_700_000_060.0, 143, {"PATCH": 2, "GET": 1})
    ledger.resume("run-1", _waiting(3), [], 1_700_000_120.0)
    assert (ledger.facts("run-1")["ended_at"], ledger.facts("run-1")["exit_code"]) == (None, None)
    ledger.end("run-1", 1_700_000_180.0, 0, {"PATCH": 7})
    facts = ledger.facts("run-1")
    assert (facts["requests"], facts["exit_code"]) == ({"PATCH": 9, "GET": 1}, 0)
    assert facts["ended_at"] == "2023-11-14T22:16:20+00:00"
    assert facts["resumed_at"] == ["2023-11-14T22:15:20+00:00"]


def test_a_plan_goes_once(ledger: Ledger) -> None:
    """The second run over one plan is refused by the name of the first, and leaves nothing behind."""
    with pytest.raises(PlanRefused, match="by run run-1"):
        ledger.begin(Begun("run-2", "job", "remote", "plan-1", {}, 2.0), ((one, ()) for one in _waiting(1)))
    assert not ledger.knows("run-2")
    assert ledger.totals("run-2") == {}
    _begin(ledger, "run-2", *_waiting(1))


def test_a_run_begins_with_all_its_rows_or_not_at_all(ledger: Ledger) -> None:
    """A plan of which a row cannot be read leaves no run, no row and no base; then it may be begun anew."""

    def broken() -> Iterator[tuple[Settled, Sequence[Base]]]:
        for n in range(1, 1_201):
            yield _row(n, Cause.IN_STEP), (Base(f"id-{n}", {"/name": "new"}, 1.0),)
        raise StorageRefused("the plan cannot be read")

    begun = Begun("run-2", "job", "remote", "plan-2", FACTS, 2.0, "bases")
    with pytest.raises(StorageRefused, match="cannot be read"):
        ledger.begin(begun, broken())
    assert not ledger.knows("run-2")
    assert ledger.totals("run-2") == {}
    assert ledger.run_of("plan-2") is None
    assert ledger.remembered("job", "remote", "id-1") == Remembered({}, {}, {})
    rows = ((_row(n, Cause.IN_STEP), (Base(f"id-{n}", {"/name": "new"}, 1.0),)) for n in range(1, 1_201))
    ledger.begin(begun, rows)
    assert ledger.totals("run-2") == {Cause.IN_STEP: 1_200}
    assert ledger.remembered("job", "remote", "ID-1200").values == {"/name": "new"}


def test_outcomes_come_back_in_input_order_and_add_up(tmp_path: Path) -> None:
    """Any number of rows, settled in any order, read in batches."""
    rows = [_row(n, Cause.CONFIRMED if n % 3 else Cause.IN_STEP) for n in range(1, 1_201)]
    with Ledger(tmp_path / "job.ledger") as ledger:
        _begin(ledger, "run-1", *_waiting(*range(1, 1_201)))
        assert ledger.totals("run-1") == {Cause.TO_SEND: 1_200}
        for start in (800, 400, 0):
            ledger.record("run-1", settled=rows[start : start + 400][::-1])
        assert list(ledger.outcomes("run-1")) == rows
        assert ledger.totals("run-1") == {Cause.CONFIRMED: 800, Cause.IN_STEP: 400}
        assert ledger.totals("nobody's") == {}
        assert list(ledger.outcomes("nobody's")) == []


def test_rows_to_send_are_given_while_they_settle(tmp_path: Path) -> None:
    """In input order, each once, in batches, though those that were given settle before the next are asked for."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        rows = [_row(n, Cause.TO_SEND if n % 2 else Cause.IN_STEP) for n in range(1, 1_301)]
        _begin(ledger, "run-1", *rows)
        sent = []
        for row in ledger.to_send("run-1"):
            sent.append(row.n)
            if len(sent) % 50 == 0:
                ledger.record("run-1", settled=[_row(n) for n in sent[-50:]])
        assert sent == list(range(1, 1_301, 2))
        assert list(ledger.to_send("run-1")) == []
        assert ledger.totals("run-1") == {Cause.CONFIRMED: 650, Cause.IN_STEP: 650}


def test_a_row_settles_once_and_only_where_it_was_planned(ledger: Ledger) -> None:
    """An ending for a row that the plan did not have breaks an assumption; its group is not written."""
    with pytest.raises(AssertionError, match="was on record before"):
        ledger.record("run-1", settled=[_row(2), _row(99)])
    assert ledger.totals("run-1") == {Cause.TO_SEND: 9}


def test_open_intents_are_the_last_attempts_without_an_answer(ledger: Ledger) -> None:
    """An intent is open while its row is to be sent or unsettled; another job's is not ours."""
    ledger.record("run-1", [_intent(n) for n in (1, 2, 3)])
    ledger.record("run-1", [_intent(1, 2)], [_row(2), _row(3, Cause.ANSWER_UNKNOWN)])
    _begin(ledger, "run-2", *_waiting(9), job="another")
    ledger.record("run-2", [_intent(9)])
    found = ledger.open_intents("job", "remote")
    assert [(one.run, one.n, one.attempts, one.moves) for one in found] == [
        ("run-1", 1, 2, "nothing"),
        ("run-1", 3, 1, "nothing"),
    ]
    assert found[0].planned == _row(1, Cause.TO_SEND, 2)
    assert ledger.open_intents("job", "elsewhere") == []
    assert ledger.attempts("run-1") == {1: 2, 2: 1, 3: 1}


def test_a_mended_row_is_open_no_more(ledger: Ledger) -> None:
    """What somebody has looked up takes the place of not knowing, whether or not the row had ended."""
    ledger.record("run-1", [_intent(1), _intent(2)], [_row(1, Cause.ANSWER_UNKNOWN)])
    for n in (1, 2):
        ledger.mend("run-1", _row(n, Cause.READ_BACK))
    assert ledger.open_intents("job", "remote") == []
    assert ledger.totals("run-1") == {Cause.READ_BACK: 2, Cause.TO_SEND: 7}


def test_a_run_that_broke_off_is_taken_up_where_it_stopped(ledger: Ledger) -> None:
    """What has settled stays; what was never sent or put off waits again; what nobody could look at stays unsettled."""
    ledger.record(
        "run-1",
        [_intent(1), _intent(2), _intent(5)],
        [_row(1), _row(3, Cause.STOPPED), _row(4, Cause.BUDGET_SPENT), _row(6, Cause.BOTH_MOVED)],
    )
    assert [row.n for row in ledger.unsent("run-1")] == [2, 3, 4, 5, 7, 8, 9]
    ledger.resume("run-1", _waiting(3, 4, 5, 7, 8, 9), [2], 1_700_000_120.0)
    assert [row.n for row in ledger.to_send("run-1")] == [3, 4, 5, 7, 8, 9]
    assert ledger.totals("run-1") == {
        Cause.CONFIRMED: 1,
        Cause.ANSWER_UNKNOWN: 1,
        Cause.TO_SEND: 6,
        Cause.BOTH_MOVED: 1,
    }
    assert [row.reason for row in ledger.outcomes("run-1") if row.n in (2, 4)] == [
        "its run ended before the answer, and it could not be read again; the next run looks",
        "",
    ]


def test_a_deferred_row_without_a_patch_is_none_to_take_up(tmp_path: Path) -> None:
    """A row that could not even be read has nothing to send: planning again is what helps it."""
    unread = replace(_row(1, Cause.REMOTE_UNAVAILABLE), operations=(), triples=())
    with Ledger(tmp_path / "job.ledger") as ledger:
        _begin(ledger, "run-1", unread, _row(2, Cause.REMOTE_UNAVAILABLE))
        assert [row.n for row in ledger.unsent("run-1")] == [2]


def test_runs_are_found_the_last_first(ledger: Ledger) -> None:
    """Of one job over one remote; how many rows the last over its own input had is known, and no side run counts."""
    known = {**FACTS, "source": "rows.csv"}
    for n, rows in ((2, 5), (3, 2)):
        begun = Begun(f"run-{n}", "job", "remote", f"plan-{n}", known, 1_700_000_000.0 + n, "bases")
        ledger.begin(begun, ((one, ()) for one in _waiting(*range(rows))))
    side = Begun("run-3a", "job", "remote", "plan-3a", known, 1_700_000_003.5, "answers")
    ledger.begin(side, ((one, ()) for one in _waiting(1)))
    _begin(ledger, "run-4", *_waiting(1), remote="elsewhere")
    assert ledger.runs("job", "remote") == ["run-3a", "run-3", "run-2", "run-1"]
    assert ledger.run_before("job", "remote", "rows.csv", 9e9) == "run-3"
    assert ledger.run_before("job", "remote", "other.csv", 9e9) is None
    assert ledger.run_before("job", "elsewhere", "rows.csv", 9e9) is None


def test_normal_forms_are_known_by_remote_and_referral(ledger: Ledger) -> None:
    """The last form learnt of a field counts, once it is sure; the same seen twice is sure."""
    ledger.learn("remote", "id-1", {"/name": ("Long name", "Long"), "/details/dealValue": ("1.5", 2)}, 2)
    ledger.learn("remote", "id-1", {"/name": ("Longer name", "Longer")}, 1)
    assert "/name" not in ledger.normal_forms("remote", "id-1")
    ledger.learn("remote", "id-1", {"/name": ("Longer name", "Longer")}, 1)
    ledger.learn("elsewhere", "id-1", {"/name": ("x", "y")}, 2)
    assert ledger.normal_forms("remote", "id-1") == {
        "/name": ("Longer name", "Longer"),
        "/details/dealValue": ("1.5", 2),
    }
    assert ledger.normal_forms("remote", "id-2") == {}


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """Written by a newer program: exit 8, and the file is left alone."""
    path = tmp_path / "job.ledger"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE facts SET value = ?", (str(SCHEMA + 1),))
    with pytest.raises(
        StorageRefused, match=f"written by a newer syncjob .schema {SCHEMA + 1}., this one knows {SCHEMA}; install that"
    ):
        Ledger(path)


@pytest.mark.parametrize("place", ["gone/job.ledger", "file/job.ledger", ""])
def test_a_ledger_that_cannot_be_made_is_storage(tmp_path: Path, place: str) -> None:
    """No folder, a file in its place, a folder in its own place: one error with the remedy."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageRefused, match="mend the disk or the folder's rights, then run again"):
        Ledger(tmp_path / place)


def test_what_the_disk_refuses_is_storage(ledger: Ledger) -> None:
    """A database that turns read-only in the middle raises the same error everywhere."""
    _refuse_writes(ledger)
    with pytest.raises(StorageRefused, match="readonly"):
        ledger.record("run-1", [_intent(1)])
    with pytest.raises(StorageRefused):
        _begin(ledger, "run-2", *_waiting(1))
    with pytest.raises(StorageRefused):
        ledger.resume("run-1", _waiting(1), [], 2.0)
    assert ledger.totals("run-1") == {Cause.TO_SEND: 9}


def test_workers_of_one_turn_share_one_commit(tmp_path: Path) -> None:
    """Sixteen intents handed in together cost one transaction, and each waits until it is on disk."""
    groups: list[int] = []

    class Counting(Ledger):
        def record(self, run: str, meant: Any = (), settled: Any = (), seen: Any = ()) -> None:
            super().record(run, meant, settled, seen)
            groups.append(len(meant))

    async def night(ledger: Ledger) -> None:
        recorder = Recorder(ledger, "run-1")
        recorder.settle(_row(99))
        await asyncio.gather(*(recorder.intend(_intent(n)) for n in range(1, 17)))
        assert len(ledger.open_intents("job", "remote")) == 16
        assert ledger.totals("run-1") == {Cause.CONFIRMED: 1, Cause.TO_SEND: 16}
        recorder.flush()

    with Counting(tmp_path / "job.ledger") as ledger:
        _begin(ledger, "run-1", *_waiting(*range(1, 17), 99))
        asyncio.run(night(ledger))
    assert groups == [16]


def test_outcomes_wait_only_so_long(tmp_path: Path) -> None:
    """Two hundred of them are written even where no intent comes along, and what they make known with them."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        _begin(ledger, "run-1", *_waiting(*range(1, OUTCOMES_WAITING_MAX + 1)))
        recorder = Recorder(ledger, "run-1")
        for n in range(1, OUTCOMES_WAITING_MAX):
            recorder.settle(_row(n), [Base(f"id-{n}", {"/name": "new"}, 1.0)])
        assert ledger.totals("run-1") == {Cause.TO_SEND: OUTCOMES_WAITING_MAX}
        assert ledger.remembered("job", "remote", "id-1") == Remembered({}, {}, {})
        recorder.settle(_row(OUTCOMES_WAITING_MAX))
        assert ledger.totals("run-1") == {Cause.CONFIRMED: OUTCOMES_WAITING_MAX}
        assert ledger.remembered("job", "remote", "id-1").values == {"/name": "new"}


def test_a_refusal_reaches_every_worker_of_the_group(ledger: Ledger) -> None:
    """No intent on disk, no PATCH: all who waited are told, and the next group is tried anew."""
    _refuse_writes(ledger)

    async def night() -> None:
        recorder = Recorder(ledger, "run-1")
        told = await asyncio.gather(*(recorder.intend(_intent(n)) for n in (1, 2)), return_exceptions=True)
        assert [type(one) for one in told] == [StorageRefused, StorageRefused]
        with pytest.raises(StorageRefused):
            await recorder.intend(_intent(3))

    asyncio.run(night())
    assert ledger.open_intents("job", "remote") == []


def test_a_worker_that_was_stopped_leaves_the_others_their_commit(ledger: Ledger) -> None:
    """Cancelling one who waits does not take the group's transaction away."""

    async def night() -> None:
        recorder = Recorder(ledger, "run-1")
        first, second = (asyncio.create_task(recorder.intend(_intent(n))) for n in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        await second

    asyncio.run(night())
    assert [one.n for one in ledger.open_intents("job", "remote")] == [1, 2]


def test_what_weighs_nothing_only_bears_out_what_is_known(ledger: Ledger) -> None:
    """An old value that stays begins no form; after one that was seen it makes that one sure."""
    stayed = {"/name": ("Long name", "Long")}
    for _ in range(3):
        ledger.learn("remote", "id-1", stayed, 0)
    assert ledger.normal_forms("remote", "id-1") == {}
    ledger.learn("remote", "id-1", stayed, 1)
    assert ledger.normal_forms("remote", "id-1") == {}
    ledger.learn("remote", "id-1", {"/name": ("Long name", "Other")}, 0)
    ledger.learn("remote", "id-1", stayed, 0)
    assert ledger.normal_forms("remote", "id-1") == stayed


@pytest.mark.parametrize("name", ["why?.ledger", "a b#c.ledger", "100%25.ledger", "ü&x=1.ledger", "c:d@e.ledger"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    """A path is a path and no address: what means something in a URL stands for itself."""
    folder = tmp_path / f"odd? #{name}"
    folder.mkdir()
    with held(Lock(folder / name, "job", "remote"), "apply"), Ledger(folder / name) as ledger:
        _begin(ledger, "run-1")
    with Ledger(folder / name) as ledger:
        assert ledger.facts("run-1")["columns"] == ["A"]
    assert [one.name for one in tmp_path.iterdir()] == [folder.name]
    assert name in {one.name for one in folder.iterdir()}
