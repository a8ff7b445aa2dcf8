"""A workbook goes in; its cells come out row by row, read by a process of its own under limits of memory and time.

That process is started early, since importing pandas takes as long as looking over the sheet, and is asked only once
the sheet has been found fit. It gets no environment of ours: no token, no proxy. However it ends, what is
told is the file's fault.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

import syncjob
from syncjob.errors import InputRefused, StorageRefused
from syncjob.model import Day, Number, Truth

MEMORY_MB_MAX = 2_000
SPOOL_MB_MAX = 500
MODULE = "syncjob.sources.workbook_child"
KEPT = ("PATH", "SYSTEMROOT", "LANG")
WAY_OUT = "open the file in Excel and save it anew, or export the rows as CSV"


class Spool(Struct, frozen=True):
    """The cells of a sheet in a file; `last` is by column, from 0, the row of the last cell that holds something."""

    path: Path
    rows: int
    last: tuple[int, ...]

    def cells(self, number: type[Number]) -> Iterator[list[str]]:
        """Give the rows from the first, each up to its last cell that holds something, with numbers of this class."""
        decode = json.JSONDecoder(parse_int=number, parse_float=number).decode
        with self.path.open(encoding="ascii") as lines:
            for line in lines:
                yield [cell if isinstance(cell, str) else _typed(cell) for cell in decode(line)]


def _typed(cell: bool | list[str]) -> str:  # noqa: FBT001  # as JSON has it
    match cell:
        case [day]:
            return Day(day)
        case _:
            return Truth("true" if cell else "false")


class Child:
    """The process, from its start; leaving the `with` ends it if it still runs."""

    def __init__(self, source: str, *, folder: Path, seconds: float, memory_mb: int = MEMORY_MB_MAX) -> None:
        """Start it; StorageRefused when the machine has no room for one more process."""
        self._source, self._folder, self._seconds = source, folder, seconds
        self._memory_mb = memory_mb
        try:
            self._process = subprocess.Popen(  # noqa: S603  # this Python, a module of ours, and numbers
                [sys.executable, "-P", "-X", "utf8", "-m", MODULE, str(memory_mb), str(math.ceil(seconds))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=folder,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        except OSError as error:
            raise StorageRefused(f"no process can be started to read {source}: {error.strerror}; free memory") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, path: Path, sheet: str) -> Spool:
        """Have the cells written beside the copy, for the owner alone; InputRefused however the process fails."""
        spool = _new_file(self._folder)
        asked = {"path": str(path.resolve()), "sheet": sheet, "spool": str(spool), "spool_mb_max": SPOOL_MB_MAX}
        try:
            said, _ = self._process.communicate(json.dumps(asked) + "\n", timeout=self._seconds)
        except subprocess.TimeoutExpired:
            raise self._refused(f"was not read in {self._seconds:g} s (rows.workbook_s)") from None
        if self._process.returncode:
            raise self._refused(
                f"its reader {_ended(self._process.returncode)}; does it need more than {self._memory_mb} MB of memory?"
            )
        answer = _answer(said)
        if "refused" in answer:
            raise self._refused(f"cannot be read: {answer['refused']}")
        if "unwritten" in answer:
            raise _no_room(self._folder, answer["unwritten"])
        return Spool(spool, answer["rows"], tuple(answer["last"]))

    def _refused(self, what: str) -> InputRefused:
        return InputRefused(f"{self._source}: {what}; {WAY_OUT}")


def _answer(said: str) -> dict[str, Any]:
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"refused": "its reader ended without an answer"}


def _ended(code: int) -> str:
    if code > 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _environment() -> dict[str, str]:
    """Give what a process needs to start and to find this package, and not a variable more."""
    own = {name: os.environ[name] for name in KEPT if name in os.environ}
    home = str(Path(syncjob.__file__).parent.parent)
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return own | threads | {"PYTHONPATH": home}


def _no_room(folder: Path, why: str | None) -> StorageRefused:
    return StorageRefused(f"the cells of the workbook cannot be written to {folder}: {why}; make room there")


def _new_file(folder: Path) -> Path:
    try:
        handle, name = tempfile.mkstemp(prefix="cells-", dir=folder)
    except OSError as error:
        raise _no_room(folder, error.strerror) from None
    os.close(handle)
    return Path(name).resolve()
