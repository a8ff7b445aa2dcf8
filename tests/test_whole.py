"""A file stands there whole or not at all: what was there before stays until the new one is on disk."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from syncjob.errors import StorageRefused
from syncjob.model import Cause, Place, Settled
from syncjob.planfile import Footer, Header, Line, write
from syncjob.whole import written

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
HEADER = Header("p", "job", "https://x.test", None, "c", "rows.csv", "d", ("A",), "2026-03-01T02:00:00+00:00")


def _row(n: int, note: str = "") -> Settled:
    return Settled(n, Place("rows.csv", n + 1), "k", {"A": note}, Cause.IN_STEP, "")


@POSIX
def test_a_link_laid_at_a_name_that_one_might_guess_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write to the folder cannot make us write elsewhere: the name is taken by chance, and only if free."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    guesses = [f".a.plan.{end}" for end in ("tmp", "part", "draft", "new", f"{os.getpid()}.tmp", "0.tmp")]
    for guess in (*guesses, "a.plan.tmp", "a.plan.part", f"a.plan.{os.getpid()}", "a.plan~"):
        (tmp_path / guess).symlink_to(victim)
    names: set[str] = set()
    before = set(tmp_path.iterdir())

    def fill(file: BinaryIO) -> None:
        (made,) = set(tmp_path.iterdir()) - before
        assert not made.is_symlink()
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        names.add(made.name)

    for n in range(4):
        written(tmp_path / "a.plan", fill)
        (tmp_path / "a.plan").unlink()
        assert len(names) == n + 1, "no name comes twice"
    write(tmp_path / "a.plan", HEADER, [Line.of(_row(1))], lambda: Footer({Cause.IN_STEP: 1}, (), {}))
    assert victim.read_text() == "mine"
    assert not (tmp_path / "a.plan").is_symlink()


@POSIX
def test_a_link_in_the_place_of_the_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    """What the link pointed to stays as it was."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "a.plan").symlink_to(tmp_path / "victim")
    written(tmp_path / "a.plan", lambda file: _say(file, b"new"))
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "a.plan").read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), ValueError("x"), OSError(errno.EIO, "I/O")])
def test_whatever_goes_wrong_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException) -> None:
    """An interrupt included: half a file is taken away."""
    path = tmp_path / "a.plan"
    path.write_text("old")

    def fill(file: BinaryIO) -> None:
        _say(file, b"half")
        raise error

    with pytest.raises(type(error)):
        written(path, fill)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_in_the_middle_of_a_plan_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while rows are being written: no plan, no draft of one."""

    def rows() -> list[Line]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.plan", HEADER, (one for _ in "x" for one in rows()), lambda: Footer({}, (), {}))
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_a_disk_that_is_full_leaves_the_old_plan(tmp_path: Path) -> None:
    """Exit 8 with the path; what stood there can still be sent."""
    import resource

    path = tmp_path / "a.plan"
    write(path, HEADER, [Line.of(_row(1))], lambda: Footer({Cause.IN_STEP: 1}, (), {}))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageRefused, match=r"a\.plan: cannot be written: File too large"):
            write(
                path,
                HEADER,
                [Line.of(_row(n, "x" * 999)) for n in range(1, 40)],
                lambda: Footer({Cause.IN_STEP: 39}, (), {}),
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _say(file: BinaryIO, words: bytes) -> None:
    file.write(words)
