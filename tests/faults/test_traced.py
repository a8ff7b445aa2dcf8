"""What the kernel saw: syncs stand before sends, and a run that dies or is refused at any call of it does no harm."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from desk import PROGRAM, Box, Desk, Said, crm, guid, referral, renamed
from killing import Nursery, address_of, kept_nursery, left_by, marks_of, no_patch_without_an_intent

from syncjob.ledger import Ledger

STRACE = shutil.which("strace") or ""
CALLS = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,rename,renameat,renameat2"
SENDS = ("sendto(", "sendmsg(", "write(", "writev(")
SYNCED = re.compile(r"f(?:data)?sync\(\d+<(?P<path>[^>]*)>\)\s+= 0$")
WRITTEN = re.compile(r"pwrite64\(\d+<(?P<path>[^>]*)>, ")
REQUEST_ID = re.compile(r"MS-RequestId: (?P<id>[0-9a-f-]{36})")
BYTES_SHOWN = 10_000
ROWS = range(1, 51)
FEW, WORKERS_OF_FEW = range(1, 7), 2
WORKERS = 8
OLD_REPORT = '{"an": "older report"}\n'


def _why_not() -> str:
    """Say why nothing can be traced here, if so."""
    if not STRACE:
        return "strace is not installed: apt-get install strace"
    tried = subprocess.run([STRACE, "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"processes cannot be traced here: {tried.stderr.strip()}" if tried.returncode else ""


WHY_NOT = _why_not()
pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]
nursery = kept_nursery


def _calls(trace: Path) -> Iterator[str]:
    """Give the calls of a trace in order: a send when it begins, anything else when it has ended."""
    begun: dict[str, str] = {}
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        process, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            call = call.removesuffix("<unfinished ...>")
            if call.startswith(SENDS):
                yield call
            else:
                begun[process] = call
        elif call.startswith("<... "):
            if process in begun:
                yield begun.pop(process) + call.partition(" resumed>")[2]
        else:
            yield call


def _is_patch(call: str) -> bool:
    return call.startswith(SENDS) and ', "PATCH /' in call


def test_every_intent_is_on_disk_before_its_patch_leaves(tmp_path: Path, box: Box) -> None:
    """Fifty times of fifty: written to the log of the ledger, synced, and only then a byte of it on a socket.

    A group goes in one sync: none is in vain, and eight workers who wait together wait for the same one.
    """
    box.empty(referral(n) for n in ROWS)
    desk = Desk(tmp_path, box)
    desk.bare()
    desk.configure(limits={"concurrency": WORKERS}, guards={"changes": None})
    desk.rows(*renamed(*ROWS))
    trace = tmp_path / "trace"
    shown = ("-f", "-y", "-s", str(BYTES_SHOWN), "-e", f"trace={CALLS}", "-o", trace)
    done = subprocess.run(
        [STRACE, *shown, *PROGRAM, "apply", "--yes"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    marks = {one.ms_requestid or "" for one in box.patches}
    assert len(marks) == len(ROWS)
    log, seen = f"{desk.ledger}-wal", _Order(marks)
    for call in _calls(trace):
        seen.take(call, log)
    assert seen.left == marks
    assert sum(seen.groups) == len(ROWS)
    assert seen.groups[0] == WORKERS
    assert seen.in_vain == 0


class _Order:
    """The order of things: marks that are written, marks that are synced, marks whose PATCH has left."""

    def __init__(self, marks: Iterable[str]) -> None:
        self._marks = re.compile("|".join(sorted(marks)))
        self._written: set[str] = set()
        self.synced: set[str] = set()
        self.left: set[str] = set()
        self.groups: list[int] = []
        self.in_vain = 0
        self._vain = 0

    def take(self, call: str, log: str) -> None:
        """Take the next call; a PATCH whose intent is not synced yet is the end of everything."""
        if (wrote := WRITTEN.match(call)) and wrote["path"] == log:
            self._written |= set(self._marks.findall(call))
        elif (synced := SYNCED.match(call)) and synced["path"] == log:
            new = self._written - self.synced
            if new:
                self.groups.append(len(new))
                self.in_vain += self._vain
                self._vain = 0
            elif self.groups:
                self._vain += 1
            self.synced |= new
        elif _is_patch(call):
            found = REQUEST_ID.search(call)
            assert found is not None, call
            assert found["id"] in self.synced, "a PATCH has left before its intent was on disk"
            self.left.add(found["id"])


@dataclass(slots=True)
class _Sweep:
    """A few rows, run again and again, each time with another call of the run that ends ill."""

    folder: Path
    box: Box
    nursery: Nursery
    desk: Desk
    trace: Path

    def laid(self, name: str) -> None:
        """Lay the desk anew."""
        self.box.empty(referral(n) for n in FEW)
        self.desk = Desk(self.folder / name, self.box)
        self.desk.folder.mkdir()
        self.desk.configure(limits={"concurrency": WORKERS_OF_FEW}, guards={"changes": None})
        self.desk.rows(*({**row, "Team": f"Jo, Doe, , jo{row['CRM Id']}@contoso.example"} for row in renamed(*FEW)))
        self.desk.put("run.json", OLD_REPORT)
        self.trace = self.desk.folder / "trace"

    def run(self, inject: str) -> Said:
        """Run it with one call that ends ill."""
        gate = self.desk.folder / "gate"
        os.mkfifo(gate)
        child = self.nursery.start(self.desk, "apply", "--yes", "--report", "run.json", gate=gate)
        shown = ("-f", "-y", "-s", "600", "-e", f"trace={CALLS}", "-e", f"inject={inject}", "-o", str(self.trace))
        with subprocess.Popen([STRACE, *shown, "-p", str(child.pid)], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            gate.write_bytes(b"")
            return child.wait()

    def finished(self) -> None:
        """Run it in a calm: nothing is lost, nothing was done twice, nothing is open."""
        no_patch_without_an_intent(self.desk)
        report = self.desk.folder / "run.json"
        assert report.read_text() == OLD_REPORT or json.loads(report.read_text())["rows"]
        said = self.nursery.run(self.desk, "apply", "--yes", "--json")
        assert said.code == 0, said.err
        assert set(said.outcomes.values()) <= {"applied", "unchanged"}
        assert sorted(write.referral_id for write in self.box.store.writes) == [guid(n) for n in FEW]
        for n in FEW:
            found = self.box.store.get(guid(n))
            assert found["name"] == f"Renamed {n}"
            assert [one["email"] for one in found["team"]] == [f"jo{crm(n)}@contoso.example"]
        no_patch_without_an_intent(self.desk)
        with closing(Ledger(self.desk.ledger)) as ledger:
            assert ledger.open_intents("desk", address_of(self.box)) == []

    def killed(self, call: str, when: int) -> bool:
        """Let the run die at a call; tell whether it came so far."""
        self.laid(f"{call}-{when}")
        said = self.run(f"{call}:signal=SIGKILL:when={when}")
        assert said.code in (-9, 0), said.err
        self.finished()
        return said.code != 0

    def refused(self, call: str, error: str, when: int) -> bool:
        """Refuse a call; tell whether the run came so far."""
        self.laid(f"{call}-{error}-{when}")
        said = self.run(f"{call}:error={error}:when={when}")
        calls = list(_calls(self.trace))
        hit = next((n for n, one in enumerate(calls) if "(INJECTED)" in one), None)
        if hit is None:
            assert said.code == 0, said.err
            return False
        self._stopped(said, calls[hit], calls[hit:])
        self.finished()
        return True

    def _stopped(self, said: Said, refused: str, after: list[str]) -> None:
        """Judge a run that was refused a call: it ends with 8, names the place, and sends nothing more.

        A PATCH whose intent had been synced just before may be on its way already, one a worker at most.
        Two refusals do not matter: SQLite does not mind that a folder is not synced, and what it tidies up when the
        ledger is closed stands in its log already.
        """
        assert "Traceback" not in said.err
        if said.code == 0:
            with left_by(self.desk) as ledger:
                (run,) = ledger.runs("desk", address_of(self.box))
                assert ledger.facts(run)["exit_code"] == 0
            assert f"<{self.desk.folder}>" in refused or not any(map(_is_patch, after))
            return
        assert said.code == 8, said.err
        on_their_way = [found["id"] for one in after if _is_patch(one) and (found := REQUEST_ID.search(one))]
        assert len(on_their_way) == sum(map(_is_patch, after)) < WORKERS_OF_FEW, "nothing more is sent"
        with left_by(self.desk) as ledger:
            assert set(on_their_way) <= marks_of(ledger), "nothing is sent that is not on record"
        if f"<{self.desk.ledger}" in refused:
            assert f"syncjob: ledger {self.desk.ledger}: " in said.err


@pytest.fixture
def sweep(tmp_path: Path, box: Box, nursery: Nursery) -> _Sweep:
    """A sweep of six rows."""
    return _Sweep(tmp_path, box, nursery, Desk(tmp_path, box), tmp_path / "trace")


@pytest.mark.parametrize(
    ("call", "whens"),
    [("fdatasync", (1, 2, 5, 10, 11)), ("pwrite64", (3, 104)), ("sendto", (8, 12)), ("rename", (1, 2))],
)
def test_a_run_that_dies_at_a_call_is_finished_by_the_next(sweep: _Sweep, call: str, whens: tuple[int, ...]) -> None:
    """SIGKILL at the n-th sync, write, send or rename: every row is written once, an earlier report is not cut."""
    assert [when for when in whens if not sweep.killed(call, when)] == []


@pytest.mark.parametrize(
    ("call", "error", "whens"),
    [("fdatasync", "EIO", (1, 9, 10, 11)), ("pwrite64", "ENOSPC", (1, 75, 90, 126))],
)
def test_a_disk_that_refuses_a_call_stops_the_run_before_another_patch(
    sweep: _Sweep, call: str, error: str, whens: tuple[int, ...]
) -> None:
    """EIO from the n-th sync, ENOSPC from the n-th write: exit 8 that names the ledger, nothing more is sent."""
    assert [when for when in whens if not sweep.refused(call, error, when)] == []


@pytest.mark.soak
@pytest.mark.parametrize("call", ["fdatasync", "fsync", "pwrite64", "write", "sendto", "rename"])
def test_a_run_that_dies_at_any_call_at_all_is_finished_by_the_next(sweep: _Sweep, call: str) -> None:
    """SIGKILL at the first, the second, the third … call of a kind, until a run ends without it."""
    assert next(when for when in count(1) if not sweep.killed(call, when)) > 1


@pytest.mark.soak
@pytest.mark.parametrize(("call", "error"), [("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO")])
def test_a_disk_that_refuses_any_call_at_all_stops_the_run(sweep: _Sweep, call: str, error: str) -> None:
    """The first, the second, the third … call is refused, until a run ends without it."""
    assert next(when for when in count(1) if not sweep.refused(call, error, when)) > 1
