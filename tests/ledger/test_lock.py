from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from syncjob.errors import Exit, Locked, StorageRefused
from syncjob.ledger import held

HOLDER = """
import sys, time
from pathlib import Path
from syncjob.ledger import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_turned_away_by_name_and_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    """While one process holds the ledger another is told whose it is; kill -9 of the holder is enough to free it."""
    ledger = tmp_path / "job.ledger"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(ledger)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(Locked, match=f"process {holder.pid}, begun 20..-..-..T..:..:..\\+00:00") as refused,
            held(ledger),
        ):
            pytest.fail("two runs hold one ledger")
        assert refused.value.exit_code is Exit.LOCKED
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with held(ledger):
        assert (tmp_path / "job.ledger.lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A ledger in a folder that is none: exit 8 with the path, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageRefused, match=r"file/job\.ledger\.lock"), held(tmp_path / "file" / "job.ledger"):
        pytest.fail("it cannot be held")


@pytest.mark.parametrize("place", ["folder", "/dev/full", "loop"])
def test_a_lock_that_cannot_be_taken_is_not_called_held(tmp_path: Path, place: str) -> None:
    """A folder, a device or a circle of links in its place: exit 8 with the way out, and nobody is said to hold it."""
    lock = tmp_path / "job.ledger.lock"
    if place == "folder":
        lock.mkdir()
    elif place == "loop":
        lock.symlink_to(lock)
    elif Path(place).exists():
        lock.symlink_to(place)
    else:
        pytest.skip("needs /dev/full")
    words = r"job\.ledger\.lock: .*; name a ledger\.file on a disk"
    with pytest.raises(StorageRefused, match=words) as refused, held(tmp_path / "job.ledger"):
        pytest.fail("it cannot be held")
    assert refused.value.exit_code is Exit.STORAGE
