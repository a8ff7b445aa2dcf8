"""Texts one behind the other in a scratch file, each found again by where it begins and how long it is.

Never synced: the file lives and dies with one run. What was put last is written some at a time. What is got is read by
itself, since it may be asked for in any order, or some ahead while it is asked for in the order in which it was put.
"""

from __future__ import annotations

import os
from pathlib import Path

from syncjob.errors import StorageRefused

GROUP_BYTES = 1 << 20
AHEAD_BYTES = 1 << 15


class Spool:
    """A file that only its owner may read, in a folder that the run owns."""

    def __init__(self, path: Path) -> None:
        """Make the file; StorageRefused where the disk refuses, then and later."""
        self._path = path
        self._waiting: list[bytes] = []
        self._written = self._end = 0
        self._at, self._ahead = 0, b""
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._into = path.open("ab", buffering=0)
            try:
                self._from = path.open("rb", buffering=0)
            except OSError:
                self._into.close()
                raise
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Close the file."""
        self._into.close()
        self._from.close()

    def put(self, text: bytes) -> int:
        """Take a text; give where it begins."""
        at = self._end
        self._waiting.append(text)
        self._end = at + len(text)
        if self._end - self._written >= GROUP_BYTES:
            self._write()
        return at

    def get(self, at: int, size: int) -> bytes:
        """Give the text of so many bytes that begins there; where they are asked for in order, some are read ahead."""
        start = at - self._at
        if start < 0 or start + size > len(self._ahead):
            follows = start == len(self._ahead) or (0 <= start < len(self._ahead))
            self._at, self._ahead, start = at, self._read(at, max(size, AHEAD_BYTES) if follows else size), 0
            assert len(self._ahead) >= size, "what was put is there"
        return self._ahead[start : start + size]

    def _read(self, at: int, size: int) -> bytes:
        if at + size > self._written:
            self._write()
        try:
            self._from.seek(at)
            found = self._from.read(size)
        except OSError as error:
            raise self._full(error) from error
        assert found is not None, "a file never keeps its reader waiting"
        return found

    def _write(self) -> None:
        left = memoryview(b"".join(self._waiting))
        try:
            while left:
                left = left[self._into.write(left) :]
        except OSError as error:
            raise self._full(error) from error
        self._waiting, self._written = [], self._end

    def _full(self, error: OSError) -> StorageRefused:
        return StorageRefused(f"the scratch file for rows ({self._path}): {error.strerror or error}; is the disk full?")
