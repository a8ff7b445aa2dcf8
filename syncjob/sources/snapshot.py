"""The input goes in, wherever it stands; out comes a private copy of it with its digest and its format.

The copy is read, never the input: an export that is still being written, or replaced while a plan is made,
would otherwise feed half of one night and half of another into one plan. What the file was before and after
the copying must agree. A file that was replaced meanwhile counts as moved, though the copy would be whole:
it is already yesterday's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NoReturn

from msgspec import Struct

from syncjob import settings
from syncjob.errors import InputRefused, StorageRefused
from syncjob.sources.kinds import refuse_by_content, refuse_by_head

Format = Literal["csv", "yaml", "xlsx", "json", "jsonl"]

STDIN = "stdin"
AGAIN_MAX = 3
PAUSE_S = 1.0
CHUNK_BYTES = 1 << 20
MB_BYTES = 1_000_000

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}


class Snapshot(Struct, frozen=True):
    """A copy of the input that nobody moves; `source` is the input's name as places show it."""

    source: str
    path: Path
    digest: str
    size: int
    format: Format
    written: float | None = None  # seconds since 1970; None for what came through a pipe


def snapshot(
    file: Path | None,
    *,
    into: Path,
    rows: settings.Rows,
    input_mb_max: int,
    sleep: Callable[[float], None],
    stdin: BinaryIO | None = None,
) -> Snapshot:
    """Copy the input (None: standard input) to a file under `into` that only its owner may read.

    A done marker is waited for by nobody: it is there or the file is refused. Standard input has none: a pipe
    ends when its writer does. Raises InputRefused, and StorageRefused when the copy cannot be written.
    """
    source = STDIN if file is None else file.name
    if file is not None:
        _look(file, rows.done_marker)
    written = None if file is None else file.stat().st_mtime
    copying = _Copying(_new_file(into), source, input_mb_max)
    try:
        if file is None:
            digest, size = _copy_to_its_end(stdin, copying)
        else:
            digest, size = _copy_at_rest(file, copying, sleep)
        stated = None if rows.format == "auto" else rows.format
        format_ = stated or SUFFIXES.get(Path(source).suffix.lower())
        refuse_by_content(source, copying.path, is_text=format_ != "xlsx")
        return Snapshot(source, copying.path, f"sha256:{digest}", size, format_ or _no_format(source), written)
    except BaseException:
        copying.path.unlink(missing_ok=True)
        raise


def _look(file: Path, done_marker: str | None) -> None:
    """Refuse what is not there, or is no file; a pipe would be waited for without end."""
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    if stat.S_ISDIR(mode):
        raise InputRefused(f"input is a directory: {file}; name the file in it")
    if not stat.S_ISREG(mode):
        raise InputRefused(f"input is not a regular file: {file}; name - instead and send the rows to standard input")
    if done_marker and not Path(f"{file}{done_marker}").exists():
        raise InputRefused(
            f"{file}{done_marker} is not there: {file.name} counts as complete only once it is (rows.done_marker); "
            "has the export finished?"
        )


def _unreadable(file: Path, error: OSError | ValueError) -> InputRefused:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return InputRefused(
            f"input not found: {file} (working folder {Path.cwd()}); check rows.file or the path on the command line"
        )
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return InputRefused(
            f"input is a symbolic link: {file}; run as root, links are not followed: name the file itself"
        )
    said = error.strerror if isinstance(error, OSError) else str(error)
    return InputRefused(f"input not readable: {file}: {said}; may the user of this process read it?")


def _copy_at_rest(file: Path, copying: _Copying, sleep: Callable[[float], None]) -> tuple[str, int]:
    for left in reversed(range(AGAIN_MAX + 1)):
        try:
            stream = os.fdopen(os.open(file, _flags()), "rb")
        except OSError as error:
            raise _unreadable(file, error) from None
        with stream:
            before = _shape(os.fstat(stream.fileno()))
            digest, size = copying.of(stream)
        if _shape_now(file) == before and before[0] == size:
            return digest, size
        if left:
            sleep(PAUSE_S)
    raise InputRefused(
        f"{file.name} changed while being read, {AGAIN_MAX + 1} times; run this after the export has finished, "
        "or have it write elsewhere and rename (see also rows.done_marker)"
    )


def _copy_to_its_end(stdin: BinaryIO | None, copying: _Copying) -> tuple[str, int]:
    # A process may be started without any standard input; Python then has None in its place.
    stream = stdin or getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InputRefused("standard input is closed; send the rows to it, or name a file")
    return copying.of(stream)


def _flags() -> int:
    """For root, a link in a folder that others may write could lead to any file of the machine."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return os.O_RDONLY | getattr(os, "O_BINARY", 0) | (os.O_NOFOLLOW if root else 0)


def _shape(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_size, seen.st_mtime_ns, seen.st_ino, seen.st_dev


def _shape_now(file: Path) -> tuple[int, ...] | None:
    try:
        return _shape(file.stat())
    except OSError:
        return None


class _Copying(Struct, frozen=True):
    """Where the copy goes, and how much of it is allowed."""

    path: Path
    source: str
    input_mb_max: int

    def of(self, stream: BinaryIO) -> tuple[str, int]:
        """Copy from the start, over what an earlier try left; give the SHA-256 and the size in bytes."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.path.open("wb") as copy:
                for chunk in self._chunks(stream):
                    size += len(chunk)
                    digest.update(chunk)
                    copy.write(chunk)
        except OSError as error:
            raise StorageRefused(
                f"the copy of the input cannot be written to {self.path.parent}: {error.strerror}; make room there"
            ) from None
        return digest.hexdigest(), size

    def _chunks(self, stream: BinaryIO) -> Iterator[bytes]:
        left = self.input_mb_max * MB_BYTES
        kind_is_known = False
        while chunk := self._chunk(stream):
            if not kind_is_known:
                refuse_by_head(self.source, chunk)
                kind_is_known = True
            left -= len(chunk)
            if left < 0:
                raise InputRefused(
                    f"{self.source} is larger than {self.input_mb_max} MB (limits.input_mb_max); "
                    "split it, or raise the limit if it is meant"
                )
            yield chunk

    def _chunk(self, stream: BinaryIO) -> bytes:
        try:
            return stream.read(CHUNK_BYTES)
        except OSError as error:
            raise InputRefused(f"input not readable: {self.source}: {error.strerror}; is its disk sound?") from None


def _new_file(into: Path) -> Path:
    try:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="input-", dir=into)
    except OSError as error:
        raise StorageRefused(f"no copy of the input can be made in {into}: {error.strerror}") from None
    os.close(handle)
    return Path(name)


def _no_format(source: str) -> NoReturn:
    raise InputRefused(
        f"{source}: the name does not tell how to read it ({' '.join(SUFFIXES)} do); "
        "state rows.format: csv, yaml, json, jsonl or xlsx"
    )
