from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncjob.errors import Exit, Locked, StorageRefused
from syncjob.ledger import Lock, held

HOLDER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from syncjob.ledger import Lock, held
with held(Lock(Path(sys.argv[1]), "job", "remote"), "apply") as named:
    named("run R-1")
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    """The lock of one job over one remote."""
    return Lock(tmp_path / "job.ledger", "job", "remote")


@contextmanager
def another(lock: Lock) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the lock until it is told to let go, or killed."""
    command = [sys.executable, "-c", HOLDER, str(lock.ledger)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def let_go(holder: subprocess.Popen[str]) -> None:
    """Tell the other process to end, and see it end."""
    assert holder.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.close()
    assert holder.wait() == 0


def test_a_second_run_is_turned_away_by_name_and_a_killed_holder_frees_the_lock(lock: Lock) -> None:
    """While one process holds the job another is told whose it is; kill -9 of the holder is enough to free it."""
    with another(lock) as holder:
        words = f"another run of job job is at work .run R-1, apply, process {holder.pid}, since 20.*; wait for its end"
        with pytest.raises(Locked, match=words) as refused, held(lock, "apply"):
            pytest.fail("two runs hold one job")
        assert refused.value.exit_code is Exit.LOCKED
        assert (lock.holder() or "").startswith(f"run R-1, apply, process {holder.pid}, since 20")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert lock.holder() is None
    with held(lock, "apply"):
        assert lock.path.stat().st_mode & 0o777 == 0o600


def test_who_comes_second_looks_for_less_than_a_second_unless_it_was_asked_to_wait(lock: Lock) -> None:
    """Somebody may hold it for an instant, only to see who holds it; with --wait it is looked at for so long."""
    looks: list[float] = []
    with another(lock):
        with pytest.raises(Locked), held(lock, "apply", sleep=looks.append):
            pytest.fail("it is held")
        assert 0 < sum(looks) < 1
        looks.clear()
        with pytest.raises(Locked), held(lock, "apply", wait_s=60, sleep=looks.append):
            pytest.fail("it is held")
        assert 59 < sum(looks) <= 60


def test_a_mere_look_turns_no_run_away(lock: Lock) -> None:
    """Whoever looks who holds the lock holds it for an instant: a run that starts just then looks again, and starts."""
    looks: list[float] = []
    with another(lock) as looking:

        def looked(wait_s: float) -> None:
            looks.append(wait_s)
            let_go(looking)

        with held(lock, "apply", sleep=looked):
            assert (lock.holder() or "").startswith("apply, process ")
    assert len(looks) == 1


def test_who_waits_goes_on_when_the_other_has_ended(lock: Lock) -> None:
    """The holder ends while it is waited for, and the lock names the new one."""
    with another(lock) as holder, held(lock, "retry", wait_s=600, sleep=lambda _: let_go(holder)) as named:
        assert (lock.holder() or "").startswith("retry, process ")
        named("run R-2")
        assert (lock.holder() or "").startswith("run R-2, retry, process ")
    assert lock.holder() is None


def test_a_lock_is_a_job_s_over_one_remote(tmp_path: Path) -> None:
    """Two jobs, or one job over two tenants, share a ledger and do not wait for each other."""
    ledger = tmp_path / "job.ledger"
    locks = [Lock(ledger, *one) for one in (("a", "remote"), ("b", "remote"), ("a", "remote tenant"))]
    assert len({one.path for one in locks}) == 3
    with held(locks[0], "apply"), held(locks[1], "apply"), held(locks[2], "apply"):
        assert all(one.holder() for one in locks)
        with pytest.raises(Locked), held(locks[0], "apply"):
            pytest.fail("it is held")
    assert all(one.path.name.startswith("job.ledger.") and one.path.suffix == ".lock" for one in locks)


def test_asking_for_the_holder_makes_no_file(lock: Lock) -> None:
    """Who only looks leaves nothing behind."""
    assert lock.holder() is None
    assert list(lock.ledger.parent.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A ledger in a folder that is none: exit 8 with the path, not a traceback."""
    (tmp_path / "file").write_text("")
    lock = Lock(tmp_path / "file" / "job.ledger", "job", "remote")
    with pytest.raises(StorageRefused, match=r"file/job\.ledger\.[0-9a-f]{8}\.lock"), held(lock, "apply"):
        pytest.fail("it cannot be held")


@pytest.mark.parametrize("place", ["folder", "/dev/full", "loop"])
def test_a_lock_that_cannot_be_taken_is_not_called_held(lock: Lock, place: str) -> None:
    """A folder, a device or a circle of links in its place: exit 8 with the way out, and nobody is said to hold it."""
    if place == "folder":
        lock.path.mkdir()
    elif place == "loop":
        lock.path.symlink_to(lock.path)
    elif Path(place).exists():
        lock.path.symlink_to(place)
    else:
        pytest.skip("needs /dev/full")
    words = r"job\.ledger\.[0-9a-f]{8}\.lock: .*; name a ledger\.file on a disk"
    with pytest.raises(StorageRefused, match=words) as refused, held(lock, "apply"):
        pytest.fail("it cannot be held")
    assert refused.value.exit_code is Exit.STORAGE


def test_where_there_is_no_flock_one_far_byte_is_locked(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows (F-104), its `msvcrt` imitated: the byte lies behind the words, and a second one is told whose it is."""
    taken: dict[int, int] = {}

    def locking(file: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        at = os.lseek(file, 0, os.SEEK_CUR)
        if at in taken.values():
            raise PermissionError(errno.EACCES, "Permission denied")
        taken[file] = at

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr("syncjob.ledger.lock.sys", SimpleNamespace(platform="win32"))
    with held(lock, "apply"):
        assert list(taken.values()) == [1 << 20]
        assert lock.path.read_text().startswith("apply, process ")
        with pytest.raises(Locked, match=r"is at work .apply, process "), held(lock, "apply", sleep=lambda _: None):
            pytest.fail("it is held")
