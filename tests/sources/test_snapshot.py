"""Promises of the copy that is read in the input's place."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from weighing import peak_of

from syncjob.errors import InputRefused, StorageRefused
from syncjob.settings import Rows
from syncjob.sources import Snapshot, snapshot

ROWS = b"Deal ID,Name\n1,Contoso\n"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="speaks of Linux")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def awake(_seconds: float) -> None:
    """Pause for no time at all."""


def copied(
    file: Path | None,
    into: Path,
    *,
    rows: Rows | None = None,
    input_mb_max: int = 1,
    sleep: Callable[[float], None] = awake,
    stdin: bytes | None = None,
) -> Snapshot:
    """Take a snapshot with plain settings."""
    return snapshot(
        file,
        into=into,
        rows=rows or Rows(),
        input_mb_max=input_mb_max,
        sleep=sleep,
        stdin=None if stdin is None else io.BytesIO(stdin),
    )


def refusal(file: Path | None, into: Path, *, rows: Rows | None = None, stdin: bytes | None = None) -> str:
    """Give the words with which the file is refused, and see that no copy is left behind."""
    with pytest.raises(InputRefused) as refused:
        copied(file, into, rows=rows, stdin=stdin)
    assert not into.exists() or not list(into.iterdir())
    return str(refused.value)


def written(folder: Path, content: bytes, name: str = "deals.csv") -> Path:
    """Write an input file."""
    file = folder / name
    file.write_bytes(content)
    return file


def test_the_copy_is_the_file_with_its_digest(tmp_path: Path) -> None:
    """Name, bytes, size and SHA-256 of the copy are those of the file."""
    taken = copied(written(tmp_path, ROWS), tmp_path / "run")
    assert taken.source == "deals.csv"
    assert taken.path.read_bytes() == ROWS
    assert taken.path.parent == tmp_path / "run"
    assert (taken.size, taken.digest) == (len(ROWS), "sha256:" + hashlib.sha256(ROWS).hexdigest())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_the_copy_is_private(tmp_path: Path) -> None:
    """Only its owner may read the copy, whatever the umask: it holds customers."""
    before = os.umask(0)
    try:
        taken = copied(written(tmp_path, ROWS), tmp_path / "run")
    finally:
        os.umask(before)
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(taken.path.parent.stat().st_mode) == 0o700


def test_standard_input_is_copied_too(tmp_path: Path) -> None:
    """No file means standard input; its places say `stdin`, its format must be stated."""
    taken = copied(None, tmp_path, rows=Rows(format="csv", done_marker=".done"), stdin=ROWS)
    assert (taken.source, taken.format, taken.path.read_bytes()) == ("stdin", "csv", ROWS)
    assert "state rows.format" in refusal(None, tmp_path / "run", stdin=ROWS)


def test_standard_input_of_the_process_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stream of its own the process' standard input is read."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ROWS)))
    assert copied(None, tmp_path, rows=Rows(format="csv")).size == len(ROWS)


def test_a_closed_standard_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without standard input gets words, not a traceback."""
    monkeypatch.setattr("sys.stdin", None)
    assert "standard input is closed" in refusal(None, tmp_path / "run")


@LINUX
def test_an_unreadable_standard_input_is_refused(tmp_path: Path) -> None:
    """A standard input that cannot be read refuses the input."""
    with Path("/proc/self/mem").open("rb") as broken, pytest.raises(InputRefused, match="not readable"):
        snapshot(None, into=tmp_path, rows=Rows(format="csv"), input_mb_max=1, sleep=awake, stdin=broken)


@pytest.mark.parametrize(
    ("name", "stated", "format_"),
    [
        ("a.csv", "auto", "csv"),
        ("a.TSV", "auto", "csv"),
        ("a.txt", "auto", "csv"),
        ("a.yaml", "auto", "yaml"),
        ("a.yml", "auto", "yaml"),
        ("a.csv", "yaml", "yaml"),
        ("export", "csv", "csv"),
    ],
)
def test_the_format_is_stated_or_shown_by_the_name(tmp_path: Path, name: str, stated: str, format_: str) -> None:
    """What is stated wins; else the name's suffix tells."""
    rows = Rows.model_validate({"format": stated})
    assert copied(written(tmp_path, ROWS, name), tmp_path / "run", rows=rows).format == format_


def test_another_suffix_must_be_explained(tmp_path: Path) -> None:
    """A name that tells nothing is refused; nothing is guessed from the content."""
    said = refusal(written(tmp_path, ROWS, "deals.dat"), tmp_path / "run")
    assert "state rows.format: csv, yaml, json, jsonl or xlsx" in said


def test_an_empty_file_is_taken(tmp_path: Path) -> None:
    """Rows are counted later, where it can be said what their number should be."""
    assert copied(written(tmp_path, b""), tmp_path / "run").size == 0


def test_a_missing_file_is_told_with_the_working_folder(tmp_path: Path) -> None:
    """Under cron the working folder is the usual reason."""
    said = refusal(Path("nowhere.csv"), tmp_path / "run")
    assert said.startswith(f"input not found: nowhere.csv (working folder {Path.cwd()})")
    assert "input not found" in refusal(written(tmp_path, ROWS) / "deals.csv", tmp_path / "run")


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A NUL in a path is an error of the path, not of ours."""
    assert "not readable" in refusal(Path("a\0b.csv"), tmp_path / "run")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is no file of rows."""
    assert "input is a directory" in refusal(tmp_path, tmp_path / "run")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe nobody writes to would be waited for without end."""
    os.mkfifo(tmp_path / "deals.csv")
    assert "name - instead" in refusal(tmp_path / "deals.csv", tmp_path / "run")


@pytest.mark.skipif(ROOT or sys.platform == "win32", reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    """What may not be read is said to be so."""
    file = written(tmp_path, ROWS)
    file.chmod(0)
    assert "input not readable" in refusal(file, tmp_path / "run")


@LINUX
def test_a_file_that_breaks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """An error of the disk refuses the input; it is no crash."""
    assert "input not readable: mem" in refusal(Path("/proc/self/mem"), tmp_path / "run")


@pytest.mark.skipif(not ROOT, reason="speaks of root")
def test_root_follows_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root a link is refused with its remedy; everybody else may use one."""
    (tmp_path / "link.csv").symlink_to(written(tmp_path, ROWS))
    assert "name the file itself" in refusal(tmp_path / "link.csv", tmp_path / "run")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert copied(tmp_path / "link.csv", tmp_path / "run").source == "link.csv"


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    """The limit names its setting; a file of exactly that size passes."""
    assert copied(written(tmp_path, b"x" * 1_000_000), tmp_path / "ok").size == 1_000_000
    said = refusal(written(tmp_path, b"x" * 1_000_001), tmp_path / "run")
    assert "larger than 1 MB (limits.input_mb_max)" in said


def test_a_done_marker_is_required_where_it_is_agreed(tmp_path: Path) -> None:
    """Without its marker the file is not complete."""
    file, rows = written(tmp_path, ROWS), Rows(done_marker=".done")
    assert "deals.csv.done is not there" in refusal(file, tmp_path / "run", rows=rows)
    (tmp_path / "deals.csv.done").touch()
    assert copied(file, tmp_path / "run", rows=rows).size == len(ROWS)


class Export:
    """An export that goes on while its file is read: at each try it does the next of its acts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, acts: list[Callable[[], object]]) -> None:
        self.pauses: list[float] = []
        hashing, left = hashlib.sha256, list(acts)

        class Hash:
            """SHA-256 in slow company."""

            def __init__(self) -> None:
                self._hash = hashing()
                self.hexdigest = self._hash.hexdigest
                self._acts = left[:1]
                del left[:1]

            def update(self, chunk: bytes) -> None:
                """Hash, while the export does its next act."""
                self._hash.update(chunk)
                while self._acts:
                    self._acts.pop()()

        monkeypatch.setattr("hashlib.sha256", Hash)


def test_a_file_that_settles_is_read_once_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Appended to, touched, replaced: each is seen, and after a pause the whole file is taken anew."""
    file, other = written(tmp_path, ROWS), written(tmp_path, ROWS + b"3,Adatum\n", "new.csv")
    acts: list[Callable[[], object]] = [
        lambda: file.write_bytes(ROWS + b"2,Fabrikam\n"),
        lambda: os.utime(file, ns=(1, 1)),
        lambda: other.replace(file),
    ]
    export = Export(monkeypatch, acts)
    taken = copied(file, tmp_path / "run", sleep=export.pauses.append)
    assert taken.path.read_bytes() == ROWS + b"3,Adatum\n"
    assert taken.size == len(taken.path.read_bytes())
    assert len(export.pauses) == 3
    assert min(export.pauses) > 0


def test_a_file_that_never_settles_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three more tries it is said what happens, and what to do."""
    file = written(tmp_path, ROWS)
    export = Export(monkeypatch, [lambda: file.write_bytes(file.read_bytes() + b"x")] * 9)
    with pytest.raises(InputRefused, match="changed while being read"):
        copied(file, tmp_path / "run", sleep=export.pauses.append)
    assert len(export.pauses) == 3


def test_a_file_that_vanishes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted while it is read: not found."""
    file = written(tmp_path, ROWS)
    Export(monkeypatch, [file.unlink])
    assert "input not found" in refusal(file, tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "an old Excel workbook (.xls)"),
        (b"\x1f\x8b\x08....", "a gzip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE HTML>", "a web page"),
        (b"  <html lang=en>", "a web page"),
        (b"<?xml version='1.0'?>", "an XML document"),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(tmp_path: Path, content: bytes, kind: str) -> None:
    """First bytes tell what a file is, whatever it is called; the remedy comes with it."""
    said = refusal(written(tmp_path, content), tmp_path / "run").replace(", whatever its name says", "")
    assert said.startswith(f"deals.csv is {kind}")
    assert "; " in said


@LINUX
def test_a_full_disk_is_the_disks_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be copied is not read from where it stands, and the input is not blamed."""
    file = written(tmp_path, ROWS)
    (tmp_path / "blocked").touch()
    with pytest.raises(StorageRefused, match="no copy of the input can be made"):
        copied(file, tmp_path / "blocked")
    opened = Path.open
    for device, said in ((Path("/dev/full"), "make room"), (tmp_path, "cannot be written")):
        with monkeypatch.context() as world:
            world.setattr(Path, "open", lambda _path, mode, device=device: opened(device, mode))
            with pytest.raises(StorageRefused, match=said):
                copied(file, tmp_path / "run")


def test_copying_needs_little_memory(tmp_path: Path) -> None:
    """A file of 30 MB is copied in pieces."""
    file = tmp_path / "deals.csv"
    with file.open("wb") as sparse:
        sparse.truncate(30_000_000)
    assert peak_of(lambda: copied(file, tmp_path / "run", input_mb_max=30), fine=4_000_000) < 4_000_000
