"""A file that is written whole or not at all: 0600, synced, renamed into place, its folder synced.

The temporary file has a name that nobody can foresee and lies beside its target, so that the rename stays on one
disk; whatever goes wrong, an interrupt included, it is taken away and what stood there before stays as it was.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def written(
    path: Path, fill: Callable[[BinaryIO], None], into_place: Callable[[Path, Path], Path] = Path.replace
) -> Path:
    """Write a file by `fill` and give the path at which it stands; OSError when the disk refuses."""
    folder = path.absolute().parent
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        place = into_place(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return place


def _sync_folder(folder: Path) -> None:
    """Make the rename outlast a power cut, where folders can be flushed: Windows and some network disks cannot."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)
