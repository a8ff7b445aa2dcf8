import io
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from syncjob import whole
from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Cause, Report, Settled
from syncjob.reports import SUFFIXES, files, prove_writable, write

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size; Python ignores the signal, so that writing raises."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".JSON"])
def test_report_is_written_by_its_suffix(tmp_path: Path, night: Report, suffix: str) -> None:
    """Each known suffix, however spelt, gives its form in full; only the owner may read it."""
    path = tmp_path / f"report{suffix}"
    prove_writable([path])
    assert list(tmp_path.iterdir()) == []
    assert write(night, path) == path
    files.FORMS[suffix.lower()](night, held := io.BytesIO())
    assert path.read_bytes() == held.getvalue()
    assert list(tmp_path.iterdir()) == [path]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_text_file_is_not_cut(tmp_path: Path, report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """What a terminal cuts stands in the file."""
    plan = report_of(*(row_of(n, Cause.TO_SEND) for n in range(60)), kind="plan")
    assert write(plan, tmp_path / "plan.txt").read_text(encoding="utf-8").count("CRM-") == 60


def test_earlier_report_is_replaced_whole(tmp_path: Path, night: Report) -> None:
    """A second report takes the place of the first, and a relative path works."""
    path = tmp_path / "report.json"
    path.write_text("old")
    write(night, Path(os.path.relpath(path)))
    assert json.loads(path.read_text(encoding="utf-8"))["totals"]["rows"] == 5


def test_half_a_surrogate_pair_from_a_server_is_written(
    tmp_path: Path, report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """What is no UTF-8 ends no run: JSON gives it back, the others show it."""
    report = report_of(row_of(1, Cause.REMOTE_REFUSED, "half \ud800"))
    text = write(report, tmp_path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text)["rows"][0]["reason"] == "half \ud800"
    assert r"half \ud800" in write(report, tmp_path / "report.csv").read_text(encoding="utf-8")


@POSIX
def test_full_disk_leaves_the_earlier_report(
    tmp_path: Path, report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """When the disk refuses, the report that stood there stands, no remains lie about, and the remedy is told."""
    path = tmp_path / "report.csv"
    path.write_text("old")
    big = report_of(*(row_of(n, Cause.IN_STEP, "x" * 1000) for n in range(100)))
    with disk_of(4096), pytest.raises(StorageRefused, match=r"report\.csv: .*File too large; make room"):
        write(big, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@POSIX
def test_full_disk_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    """The proof writes a byte in earnest: a folder that takes names but no content does not pass."""
    with disk_of(0), pytest.raises(StorageRefused, match="nothing can be written"):
        prove_writable([tmp_path / "report.csv"])
    assert list(tmp_path.iterdir()) == []


def test_bug_in_a_renderer_leaves_no_remains(tmp_path: Path, night: Report) -> None:
    """What is no fault of the disk is not called one, and cleans up all the same."""

    def rows() -> Iterator[Settled]:
        yield from night.rows()
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        write(replace(night, rows=rows), tmp_path / "report.csv")
    assert list(tmp_path.iterdir()) == []


def test_target_that_cannot_be_replaced_gets_a_neighbour(tmp_path: Path, night: Report) -> None:
    """A folder in the way stands for a file open in Excel: the first free `name (n)` is taken, none is overwritten."""
    path = tmp_path / "report.csv"
    path.mkdir()
    (tmp_path / "report (2).csv").write_text("yours")
    assert write(night, path) == tmp_path / "report (3).csv"
    assert (tmp_path / "report (2).csv").read_text() == "yours"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["report (2).csv", "report (3).csv", "report.csv"]


def test_spare_names_have_an_end(tmp_path: Path, night: Report) -> None:
    """A folder is not filled for ever: after the last spare name the disk is said to refuse."""
    path = tmp_path / "report.csv"
    path.mkdir()
    for n in range(2, files.SPARE_NAMES_MAX + 1):
        (tmp_path / f"report ({n}).csv").touch()
    with pytest.raises(StorageRefused, match="could not be written"):
        write(night, path)
    assert not list(tmp_path.glob(".*"))


@POSIX
def test_disk_that_takes_no_name_at_all_is_refused(tmp_path: Path, night: Report) -> None:
    """When neither the target nor any spare name can be had, the run ends in one refusal, not in a loop."""

    def rows() -> Iterator[Settled]:
        yield from night.rows()
        for remains in tmp_path.glob(".report.csv.*"):
            remains.unlink()

    with pytest.raises(StorageRefused, match=r"report\.csv: the report could not be written: No such file"):
        write(replace(night, rows=rows), tmp_path / "report.csv")
    assert list(tmp_path.iterdir()) == []


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """One round of mending is enough: a wrong suffix, a folder, a missing folder and a double name."""
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    paths = [
        tmp_path / "report.pdf",
        folder,
        tmp_path / "missing" / "report.csv",
        tmp_path / "report.json",
        folder / ".." / "report.json",
    ]
    with pytest.raises(UsageRefused) as caught:
        prove_writable(paths)
    assert caught.value.problems == (
        f"{tmp_path}/report.pdf: a report ends in .html, .xlsx, .csv, .json, .md, .txt; name the file accordingly",
        f"{folder}: is a folder; name a file, for example {folder}/report.csv",
        f"{tmp_path}/missing/report.csv: there is no folder {tmp_path}/missing; create it or name another",
        f"{folder}/../report.json: two reports would go to this one file; name two",
    )
    with pytest.raises(StorageRefused) as refused:
        prove_writable(paths[1:])
    assert refused.value.problems == caught.value.problems[1:]


@POSIX
def test_folder_that_takes_no_files_is_refused() -> None:
    """Where not even root may make a file, the system's own words say why."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    with pytest.raises(StorageRefused, match=r"nothing can be written to /proc: .*; mend that or name another folder"):
        prove_writable([Path("/proc/report.csv")])


def test_name_too_long_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    """A name that the disk cannot hold fails at the proof, not at the rename."""
    with pytest.raises(StorageRefused, match="nothing can be written"):
        prove_writable([tmp_path / f"{'x' * 251}.csv"])


@POSIX
def test_folder_that_cannot_be_flushed_is_no_fault(tmp_path: Path) -> None:
    """Some file systems do not flush folders; one that refuses for another reason does end the run."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    whole._sync_folder(Path("/proc"))
    with pytest.raises(FileNotFoundError):
        whole._sync_folder(tmp_path / "missing")


def test_a_report_never_replaces_what_the_run_reads(tmp_path: Path) -> None:
    """`--report rows.csv` over the input itself is refused before anything is done, however the path is spelt."""
    rows = tmp_path / "rows.csv"
    rows.write_text("Key\n1\n")
    with pytest.raises(UsageRefused, match="this run reads or keeps"):
        prove_writable([tmp_path / "." / "rows.csv"], taken=[rows])
    assert rows.read_text() == "Key\n1\n"
