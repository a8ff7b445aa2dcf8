"""Several jobs over one ledger: each has its own lock, so two processes may write at once; nobody is refused for it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from syncjob.errors import StorageRefused
from syncjob.ledger import Base, Begun, Ledger, Remembered
from syncjob.model import Cause, Place, Settled

SCRIPT = Path(__file__).with_name("schema-1.sql")
OPENED = """
import sys
from pathlib import Path
from syncjob.ledger import Ledger
print("ready", flush=True)
sys.stdin.readline()
for path in sys.argv[1:]:
    Ledger(Path(path)).close()
"""
PROCESSES, FILES, TURNS = 4, 20, 25


def waiting(n: int) -> Settled:
    """Give a row that is to be sent."""
    return Settled(n, Place("rows.csv", n + 1), f"k{n}", {}, Cause.TO_SEND, "", id=f"id-{n}", etag='"e"')


def busy(path: Path, job: str, failures: list[BaseException]) -> None:
    """Live through many small transactions; each of them reads before it writes."""
    try:
        with Ledger(path) as ledger:
            rows = ((waiting(n), ()) for n in range(TURNS))
            ledger.begin(Begun(job, job, "remote", f"plan of {job}", {}, 1.0, "bases"), rows)
            for n in range(TURNS):
                ledger.note(job, {f"turn {n}": n})
                ledger.learn("remote", f"{job}-{n}", {"/name": ("Long", "Lon")}, 2)
                ledger.record(job, settled=[waiting(n)], seen=[Base("id", {"/name": n}, float(n))])
                assert ledger.remembered(job, "remote", "id").values == {"/name": n}
            ledger.end(job, 2.0, 0, {})
    except BaseException as error:  # noqa: BLE001  # it is judged where the threads are joined
        failures.append(error)


def test_who_writes_at_once_waits_and_is_not_refused(tmp_path: Path) -> None:
    """A transaction takes the write lock when it begins: four jobs get through, and none hears of a locked database."""
    path = tmp_path / "job.ledger"
    Ledger(path).close()
    failures: list[BaseException] = []
    threads = [threading.Thread(target=busy, args=(path, f"job-{n}", failures)) for n in range(PROCESSES)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    with Ledger(path) as ledger:
        for n in range(PROCESSES):
            assert ledger.facts(f"job-{n}")[f"turn {TURNS - 1}"] == TURNS - 1
            assert ledger.normal_forms("remote", f"job-{n}-{TURNS - 1}") == {"/name": ("Long", "Lon")}


def test_who_waits_for_the_write_lock_sees_what_was_written_meanwhile(tmp_path: Path) -> None:
    """One holds the lock; what the other has begun goes on as soon as it is free, and nothing of either is lost."""
    path = tmp_path / "job.ledger"
    with Ledger(path) as ledger:
        ledger.begin(Begun("run", "job", "remote", "plan", {}, 1.0), [(waiting(1), ())])
    failures: list[BaseException] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=busy, args=(path, "second", failures))
        thread.start()
        other.execute("INSERT INTO inputs VALUES ('sha256:x', 'rows.csv', 0)")
        other.execute("COMMIT")
        thread.join()
    assert failures == []
    with Ledger(path) as ledger:
        assert ledger.input("sha256:x") is not None
        assert ledger.totals("second") == {Cause.TO_SEND: TURNS}


def test_a_reader_is_not_kept_waiting_by_who_writes(tmp_path: Path) -> None:
    """While another holds the write lock the ledger can be opened and read."""
    path = tmp_path / "job.ledger"
    Ledger(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Ledger(path) as ledger:
            assert ledger.remembered("job", "remote", "id") == Remembered({}, {}, {})
            assert ledger.runs("job", "remote") == []
        other.execute("ROLLBACK")


def opened_at_once(paths: list[Path]) -> list[str]:
    """Let several processes open the same files at once; give what they complain of."""
    command = [sys.executable, "-c", OPENED, *map(str, paths)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(PROCESSES)]  # type: ignore[call-overload]
    for one in processes:
        assert one.stdout.readline() == "ready\n"
    for one in processes:
        one.stdin.write("\n")
        one.stdin.flush()
    said = [one.communicate()[1].strip() for one in processes]
    return [words.splitlines()[-1] for words in said if words]


def test_a_new_ledger_may_be_begun_by_several_at_once(tmp_path: Path) -> None:
    """Two jobs of one first night make one ledger together: nobody fails because another was quicker."""
    paths = [tmp_path / f"{n}.ledger" for n in range(FILES)]
    assert opened_at_once(paths) == []


def test_a_ledger_that_stays_locked_is_refused_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience has an end: the file is named with what SQLite says of it."""
    monkeypatch.setattr("syncjob.ledger.database.BUSY_MS", 20)
    path = tmp_path / "job.ledger"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE held (n)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageRefused, match=rf"ledger {path}: .*locked"):
            Ledger(path)


def test_an_old_ledger_may_be_brought_up_by_several_at_once(tmp_path: Path) -> None:
    """The step is taken once, whoever comes first."""
    paths = [tmp_path / f"{n}.ledger" for n in range(FILES // 4)]
    for path in paths:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(SCRIPT.read_text(encoding="utf-8"))
    assert opened_at_once(paths) == []
    for path in paths:
        with Ledger(path) as ledger:
            assert len(ledger.runs("scene", "http://127.0.0.1:9/v1.0/engagements/referrals")) == 2
