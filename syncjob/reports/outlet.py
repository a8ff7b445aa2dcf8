"""A file that can be let go of: a zip archive that broke off tries to end itself once more when it is forgotten."""

from __future__ import annotations

from typing import BinaryIO


class Outlet:
    """The file, until it is let go of."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file

    def let_go(self) -> None:
        """Send what still comes nowhere."""
        self._file = None

    def write(self, part: bytes) -> int:
        """Write to the file."""
        return self._file.write(part) if self._file else len(part)

    def seek(self, at: int, whence: int = 0) -> int:
        """Move in the file."""
        return self._file.seek(at, whence) if self._file else 0

    def tell(self) -> int:
        """Say where in the file it stands."""
        return self._file.tell() if self._file else 0

    def flush(self) -> None:
        """Hand on what waits."""
        if self._file:
            self._file.flush()
