"""Processes that are to die: started warm, ended by the kernel at a moment that somebody picks, and judged afterwards.

A cold `python -m syncjob` spends two seconds on imports before it does anything that could break. So the `Nursery`
imports once, and forks a process for each run: what it runs is `python -m syncjob` all the same, a process of its own
that dies for real. It is a program too (`python killing.py`), which is why it imports nothing of the tests.

What a dead run left is looked at in copies, so that the next run meets it as it was left.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # the nursery itself must stay as lean as the program
    from desk import Box, Desk, Said

    from syncjob.ledger import Ledger

WARM = (
    "syncjob.remote.direct",
    "sqlite3",
    "structlog",
    "syncjob.cli.applying",
    "syncjob.cli.logs",
    "syncjob.cli.main",
    "syncjob.cli.planning",
    "syncjob.cli.running",
    "syncjob.cli.showing",
    "syncjob.config",
    "syncjob.job",
    "syncjob.job.approving",
    "syncjob.job.reading",
    "syncjob.ledger",
    "syncjob.planfile",
    "syncjob.reports",
)
PR_SET_PTRACER, ANY = 0x59616D61, -1
CAPABILITY_VERSION, PASSES_OVER_MODES = 0x20080522, 0b110
WORDS = {"out": 1, "err": 2}


class Child:
    """One process of the nursery, until it has ended and was waited for."""

    def __init__(self, nursery: Nursery, pid: int, folder: Path) -> None:
        self.pid = pid
        self._nursery, self._folder = nursery, folder
        self._gone = False
        self._mind = threading.Lock()

    def signal(self, number: int) -> None:
        """Signal it, from any thread; once it was waited for its number may be somebody else's, and nothing happens."""
        with self._mind:
            if not self._gone:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as it stands."""
        self.signal(signal.SIGKILL)

    def wait(self) -> Said:
        """Wait for its end; a code below zero is the signal that ended it, as `subprocess` has it."""
        from desk import Said

        code = self._nursery.ask(act="wait", pid=self.pid)["code"]
        with self._mind:
            self._gone = True
        self._nursery.ask(act="reap", pid=self.pid)
        return Said(code, *((self._folder / f"{self.pid}.{name}").read_text() for name in WORDS))


class Nursery:
    """A process that has imported all that a run needs, and forks one for every run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._mind = threading.Lock()

    def start(self, desk: Desk, *args: str | Path, gate: Path | None = None, humble: bool = False) -> Child:
        """Start a run at a desk.

        With a `gate`, a FIFO, it waits until somebody has opened and closed that; a `humble` one minds the modes of
        files and folders even where root runs it.
        """
        temporary = desk.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        pid = self.ask(
            act="start",
            argv=[str(arg) for arg in args],
            cwd=str(desk.folder),
            environ={"TMPDIR": str(temporary)} | desk.environ,
            words=str(self.folder),
            gate=str(gate or ""),
            humble=humble,
        )["pid"]
        return Child(self, pid, self.folder)

    def run(self, desk: Desk, *args: str | Path, humble: bool = False) -> Said:
        """Start a run and wait for its end."""
        return self.start(desk, *args, humble=humble).wait()

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Ask the process for something and take its answer; one at a time."""
        pipe = self._process
        assert pipe.stdin is not None
        assert pipe.stdout is not None
        with self._mind:
            pipe.stdin.write(json.dumps(asked) + "\n")
            pipe.stdin.flush()
            answer: dict[str, Any] = json.loads(pipe.stdout.readline())
            return answer

    def close(self) -> None:
        """End it, and whatever of its children is left."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="session")
def kept_nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Keep one nursery for all tests of this process."""
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    try:
        yield made
    finally:
        made.close()


@dataclass
class Doom:
    """When a run is to die: with a request of a method that arrives as the `count`th, or `after_s` from its start.

    `delay_s` is how much later than the request; at 0 the process is dead before it is answered.
    """

    method: str = ""
    count: int = 0
    delay_s: float = 0.0
    after_s: float | None = None
    came: int = 0
    timers: list[threading.Timer] = field(default_factory=list)


def doomed(nursery: Nursery, desk: Desk, doom: Doom, *args: str | Path) -> Said:
    """Start a run that dies when it is its time, unless it has ended before."""
    born = threading.Event()
    bearing: list[Child] = []

    def later(delay_s: float) -> None:
        doom.timers.append(threading.Timer(delay_s, bearing[0].kill))
        doom.timers[-1].start()

    def watch(request: Any) -> None:
        doom.came += request.method == doom.method
        if request.method != doom.method or doom.came != doom.count:
            return
        born.wait()
        if doom.delay_s:
            later(doom.delay_s)
        else:
            bearing[0].kill()

    desk.box.watch = watch
    bearing.append(nursery.start(desk, *args))
    born.set()
    if doom.after_s is not None:
        later(doom.after_s)
    try:
        return bearing[0].wait()
    finally:
        desk.box.watch = None
        for timer in doom.timers:
            timer.cancel()
            timer.join()


@contextlib.contextmanager
def left_by(desk: Desk) -> Iterator[Ledger]:
    """Open a copy of the ledger as the dead left it, its write-ahead log included; it must be sound."""
    from syncjob.ledger import Ledger

    with tempfile.TemporaryDirectory(dir=desk.folder) as name:
        copy = Path(name) / desk.ledger.name
        for tail in ("", "-wal"):
            beside = desk.ledger.with_name(desk.ledger.name + tail)
            if beside.exists():
                shutil.copyfile(beside, copy.with_name(copy.name + tail))
        with closing(sqlite3.connect(copy)) as database:
            found = database.execute("PRAGMA integrity_check").fetchall()
            assert found == [("ok",)], f"the ledger is damaged: {found}"
        with Ledger(copy) as ledger:
            yield ledger


def marks_of(ledger: Ledger) -> set[str]:
    """Give the MS-RequestId of every intent that is on record."""
    with closing(sqlite3.connect(ledger.path)) as database:
        return {mark for (mark,) in database.execute("SELECT mark FROM intents")}


def address_of(box: Box) -> str:
    """Give the name under which a ledger knows the sandbox."""
    return f"{box.url}/v1.0/engagements/referrals"


def no_patch_without_an_intent(desk: Desk) -> None:
    """Hold the sandbox's record against the ledger's: each PATCH stands there, under If-Match, and none was blind."""
    patches = desk.box.patches
    assert all(one.if_match for one in patches), "a PATCH came without If-Match"
    assert not any(write.blind for write in desk.box.store.writes), "a PATCH wrote over what it had not seen"
    if patches or desk.ledger.exists():
        with left_by(desk) as ledger:
            blank = {one.ms_requestid for one in patches} - marks_of(ledger)
            assert not blank, f"PATCHes of which the ledger knows nothing: {blank}"


def _nurse() -> None:
    """Do what is asked on stdin, a line each; when that ends, end the children that are left."""
    import importlib

    for module in WARM:
        importlib.import_module(module)
    threads = Path("/proc/self/task")
    assert not threads.exists() or len(list(threads.iterdir())) == 1, "what has threads cannot fork"
    children: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        answer: dict[str, int] = {}
        if asked["act"] == "start":
            answer["pid"] = os.fork()
            if not answer["pid"]:
                _live(asked)
            children.add(answer["pid"])
        elif asked["act"] == "wait":
            ended = os.waitid(os.P_PID, asked["pid"], os.WEXITED | os.WNOWAIT)
            assert ended is not None
            answer["code"] = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        elif asked["act"] == "reap":
            os.waitpid(asked["pid"], 0)
            children.remove(asked["pid"])
        print(json.dumps(answer), flush=True)  # noqa: T201  # how it answers
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _live(asked: dict[str, Any]) -> None:
    """Be `python -m syncjob`, after the fork; this does not return."""
    for name, number in WORDS.items():
        words = os.open(Path(asked["words"], f"{os.getpid()}.{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(words, number)
        os.close(words)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.update(asked["environ"])
    os.chdir(asked["cwd"])
    tempfile.tempdir = None
    if asked["humble"]:
        _humbled()
    if asked["gate"]:
        with contextlib.suppress(OSError, AttributeError):  # where tracing is fenced, let anybody trace
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(ANY), 0, 0, 0)
        Path(asked["gate"]).read_bytes()
    sys.argv = ["syncjob", *asked["argv"]]
    code: object = 0
    try:
        runpy.run_module("syncjob", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _humbled() -> None:
    """Give up the rights by which root passes over modes (capabilities(7): DAC_OVERRIDE and DAC_READ_SEARCH)."""
    libc = ctypes.CDLL(None, use_errno=True)
    whose = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    assert libc.capget(whose, sets) == 0, os.strerror(ctypes.get_errno())
    for at in range(3):
        sets[at] &= ~PASSES_OVER_MODES & 0xFFFFFFFF
    assert libc.capset(whose, sets) == 0, os.strerror(ctypes.get_errno())


if __name__ == "__main__":
    _nurse()
