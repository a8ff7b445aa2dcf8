from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncjob.errors import PlanRefused, StorageRefused
from syncjob.ledger import Intent, Ledger, Recorder, held
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


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger with one run begun."""
    with Ledger(tmp_path / "job.ledger") as ledger:
        ledger.begin("run-1", "job", "remote", "plan-1", FACTS, 1_700_000_000.0)
        yield ledger


def _pragma(ledger: Ledger, name: str) -> object:
    found = ledger._connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
    ledger._connection.rollback()
    return found


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
    """The second opening finds what the first made."""
    for new in (True, False):
        with Ledger(tmp_path / "job.ledger") as ledger:
            assert ledger.is_new is new


def test_a_run_is_told_as_it_was_recorded(ledger: Ledger) -> None:
    """Facts, times and requests come back; a run that has not ended has no exit code."""
    begun = ledger.facts("run-1")
    assert (begun["ended_at"], begun["exit_code"], begun["requests"]) == (None, None, {})
    ledger.end("run-1", 1_700_000_060.0, 3, {"PATCH": 2})
    facts = ledger.facts("run-1")
    assert facts == {
        "id": "run-1",
        **FACTS,
        "began_at": "2023-11-14T22:13:20+00:00",
        "ended_at": "2023-11-14T22:14:20+00:00",
        "exit_code": 3,
        "requests": {"PATCH": 2},
    }


def test_a_plan_goes_once(ledger: Ledger) -> None:
    """The second run over one plan is refused by the name of the first."""
    with pytest.raises(PlanRefused, match="by run run-1"):
        ledger.begin("run-2", "job", "remote", "plan-1", {}, 2.0)
    ledger.begin("run-2", "job", "remote", "plan-2", {}, 2.0)


def test_outcomes_come_back_in_input_order_and_add_up(ledger: Ledger) -> None:
    """Any number of rows, settled in any order, read in batches."""
    rows = [_row(n, Cause.CONFIRMED if n % 3 else Cause.IN_STEP) for n in range(1, 1_201)]
    for start in (800, 400, 0):
        ledger.record("run-1", settled=rows[start : start + 400][::-1])
    assert list(ledger.outcomes("run-1")) == rows
    assert ledger.totals("run-1") == {Cause.CONFIRMED: 800, Cause.IN_STEP: 400}
    assert ledger.totals("nobody's") == {}
    assert list(ledger.outcomes("nobody's")) == []


def test_a_row_settles_once(ledger: Ledger) -> None:
    """A second outcome for one row breaks an assumption; the first stands, and so does its group."""
    ledger.record("run-1", settled=[_row(1)])
    with pytest.raises(Exception, match="UNIQUE"):
        ledger.record("run-1", settled=[_row(2), _row(1)])
    assert ledger.totals("run-1") == {Cause.CONFIRMED: 1}


def test_open_intents_are_the_last_attempts_without_an_answer(ledger: Ledger) -> None:
    """An intent is open without an outcome, or with the outcome unsettled; another job's is not ours."""
    ledger.record("run-1", [_intent(n) for n in (1, 2, 3)])
    ledger.record("run-1", [_intent(1, 2)], [_row(2), _row(3, Cause.ANSWER_UNKNOWN)])
    ledger.begin("run-2", "another", "remote", "plan-2", {}, 2.0)
    ledger.record("run-2", [_intent(9)])
    found = ledger.open_intents("job", "remote")
    assert [(one.run, one.n, one.attempts) for one in found] == [("run-1", 1, 2), ("run-1", 3, 1)]
    assert found[0].planned == _row(1, Cause.TO_SEND, 2)
    assert ledger.open_intents("job", "elsewhere") == []


def test_a_mended_row_is_open_no_more(ledger: Ledger) -> None:
    """What somebody has looked up takes the place of not knowing, whether or not an outcome was there."""
    ledger.record("run-1", [_intent(1), _intent(2)], [_row(1, Cause.ANSWER_UNKNOWN)])
    for n in (1, 2):
        ledger.mend("run-1", _row(n, Cause.READ_BACK))
    assert ledger.open_intents("job", "remote") == []
    assert ledger.totals("run-1") == {Cause.READ_BACK: 2}


def test_normal_forms_are_known_by_remote_and_referral(ledger: Ledger) -> None:
    """The last form learnt of a field counts, once it is sure; the same seen twice is sure."""
    ledger.learn("remote", "id-1", {"/name": ("Long name", "Long"), "/details/dealValue": ("1.5", 2)}, 2)
    ledger.learn("remote", "id-1", {"/name": ("Longer name", "Longer")}, 1)
    assert "/name" not in ledger.normal_forms("remote")["id-1"]
    ledger.learn("remote", "id-1", {"/name": ("Longer name", "Longer")}, 1)
    ledger.learn("elsewhere", "id-1", {"/name": ("x", "y")}, 2)
    assert ledger.normal_forms("remote") == {
        "id-1": {"/name": ("Longer name", "Longer"), "/details/dealValue": ("1.5", 2)}
    }


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """Written by a newer program: exit 8, and the file is left alone."""
    path = tmp_path / "job.ledger"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE facts SET value = ?", (str(SCHEMA + 1),))
    with pytest.raises(
        StorageRefused, match=f"written by a newer syncjob .schema {SCHEMA + 1}.; this one knows {SCHEMA}"
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
    ledger._connection.exec_driver_sql("PRAGMA query_only=ON")
    ledger._connection.rollback()
    with pytest.raises(StorageRefused, match="readonly"):
        ledger.record("run-1", [_intent(1)])
    with pytest.raises(StorageRefused):
        ledger.begin("run-2", "job", "remote", "plan-2", {}, 2.0)
    assert ledger.totals("run-1") == {}


def test_workers_of_one_turn_share_one_commit(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen intents handed in together cost one transaction, and each waits until it is on disk."""
    groups: list[int] = []
    record = ledger.record

    def counted(run: str, meant: list[Intent], settled: list[Settled]) -> None:
        record(run, meant, settled)
        groups.append(len(meant))

    monkeypatch.setattr(ledger, "record", counted)

    async def night() -> None:
        recorder = Recorder(ledger, "run-1")
        recorder.settle(_row(99))
        await asyncio.gather(*(recorder.intend(_intent(n)) for n in range(1, 17)))
        assert len(ledger.open_intents("job", "remote")) == 16
        assert ledger.totals("run-1") == {Cause.CONFIRMED: 1}
        recorder.flush()

    asyncio.run(night())
    assert groups == [16]


def test_outcomes_wait_only_so_long(ledger: Ledger) -> None:
    """Two hundred of them are written even where no intent comes along."""
    recorder = Recorder(ledger, "run-1")
    for n in range(1, OUTCOMES_WAITING_MAX):
        recorder.settle(_row(n))
    assert ledger.totals("run-1") == {}
    recorder.settle(_row(OUTCOMES_WAITING_MAX))
    assert ledger.totals("run-1") == {Cause.CONFIRMED: OUTCOMES_WAITING_MAX}


def test_a_refusal_reaches_every_worker_of_the_group(ledger: Ledger) -> None:
    """No intent on disk, no PATCH: all who waited are told, and the next group is tried anew."""
    ledger._connection.exec_driver_sql("PRAGMA query_only=ON")
    ledger._connection.rollback()

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
    assert ledger.normal_forms("remote") == {}
    ledger.learn("remote", "id-1", stayed, 1)
    assert ledger.normal_forms("remote") == {}
    ledger.learn("remote", "id-1", {"/name": ("Long name", "Other")}, 0)
    ledger.learn("remote", "id-1", stayed, 0)
    assert ledger.normal_forms("remote") == {"id-1": stayed}


@pytest.mark.parametrize("name", ["why?.ledger", "a b#c.ledger", "100%25.ledger", "ü&x=1.ledger", "c:d@e.ledger"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    """A path is a path and no address: what means something in a URL stands for itself."""
    folder = tmp_path / f"odd? #{name}"
    folder.mkdir()
    with held(folder / name), Ledger(folder / name) as ledger:
        ledger.begin("run-1", "job", "remote", "plan-1", FACTS, 1.0)
    with Ledger(folder / name) as ledger:
        assert ledger.facts("run-1")["columns"] == ["A"]
    assert [one.name for one in tmp_path.iterdir()] == [folder.name]
    assert name in {one.name for one in folder.iterdir()}
