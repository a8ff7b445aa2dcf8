"""Disks that are full, read-only or somebody else's; files that nobody else may read; processes that were asleep."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from desk import PATIENCE_S, Box, Desk, Said, crm, guid, referral, renamed
from killing import Nursery, address_of, kept_nursery, left_by, marks_of, no_patch_without_an_intent

from syncjob.ledger import Ledger

pytestmark = pytest.mark.long

nursery = kept_nursery

ROWS = range(1, 25)
NAME, OTHER = "Renamed {}", "Renamed again {}"
OLD_REPORT = '{"an": "older report"}\n'
CALM = {"concurrency": 2, "wait_initial_s": 0.01, "wait_max_s": 0.02}


@contextlib.contextmanager
def _disk(place: Path, **options: str) -> Iterator[Path]:
    """Mount a disk of its own, small and in memory; skip where mounting is refused."""
    place.mkdir()
    words = ",".join(f"{name}={value}" for name, value in options.items())
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", words, "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _remount(place: Path, words: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{words}", place], check=True)


def _fill(folder: Path) -> Path:
    """Leave no byte free on the disk; give the file that takes the room."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return ballast


@pytest.fixture
def night(desk: Desk, box: Box) -> Desk:
    """A night of two dozen renames, two at a time."""
    box.empty(referral(n) for n in ROWS)
    desk.configure(limits=CALM, guards={"changes": None})
    desk.rows(*renamed(*ROWS))
    return desk


def _finished(desk: Desk, nursery: Nursery, *, ledger: Path | None = None, name: str = NAME, before: int = 0) -> Said:
    """Run it in a calm: every referral is written once since so many writes before, nothing is open."""
    said = nursery.run(desk, "apply", "--yes", "--json")
    assert said.code == 0, said.err
    assert set(said.outcomes.values()) <= {"applied", "unchanged"}
    assert sorted(write.referral_id for write in desk.box.store.writes[before:]) == [guid(n) for n in ROWS]
    assert [n for n in ROWS if desk.box.store.get(guid(n))["name"] != name.format(n)] == []
    with closing(Ledger(ledger or desk.ledger)) as left:
        assert left.open_intents("desk", address_of(desk.box)) == []
        assert {one.ms_requestid for one in desk.box.patches} <= marks_of(left)
    return said


def _when(desk: Desk, patches: int, act: Any) -> None:
    """Do something as the n-th PATCH arrives, before it is answered."""

    def watch(request: Any) -> None:
        if request.method == "PATCH" and len(desk.box.patches) == patches:
            act()

    desk.box.watch = watch


def _elsewhere(desk: Desk, disk: Path) -> Path:
    """Keep the ledger on that disk."""
    ledger = disk / "desk.ledger"
    desk.configure(limits=CALM, guards={"changes": None}, ledger={"file": str(ledger)})
    return ledger


@pytest.mark.parametrize("patches", [1, 2, 9])
def test_a_disk_that_fills_up_under_the_ledger_stops_the_sending(night: Desk, nursery: Nursery, patches: int) -> None:
    """No intent, no PATCH: exit 8, what was sent is on record, and with room again the next run finishes."""
    with _disk(night.folder / "disk", size="8m") as disk:
        ledger = _elsewhere(night, disk)
        _when(night, patches, lambda: _fill(disk))
        said = nursery.run(night, "apply", "--yes")
        night.box.watch = None
        assert said.code == 8, said.err
        assert f"syncjob: ledger {ledger}: " in said.err
        assert "Traceback" not in said.err
        assert patches <= len(night.box.patches) < len(ROWS)
        (disk / "ballast").unlink()
        with closing(sqlite3.connect(ledger)) as database:
            marks = {mark for (mark,) in database.execute("SELECT mark FROM intents")}
        assert {one.ms_requestid for one in night.box.patches} <= marks
        _finished(night, nursery, ledger=ledger)


def test_a_ledger_whose_disk_has_any_size_at_all_sends_nothing_unrecorded(night: Desk, nursery: Nursery) -> None:
    """From no room to room enough, in steps: 8 or finished, and never a PATCH that does not stand in the ledger."""
    codes = []
    for kib in (8, 120, 240, 300, 400, 2000):
        night.box.empty(referral(n) for n in ROWS)
        with _disk(night.folder / f"disk-{kib}", size=f"{kib}k") as disk:
            ledger = _elsewhere(night, disk)
            said = nursery.run(night, "apply", "--yes")
            codes.append(said.code)
            assert said.code in (0, 8), said.err
            assert said.code == 0 or str(ledger) in said.err
            _remount(disk, "size=8m")
            if ledger.exists() and ledger.stat().st_size:
                with closing(Ledger(ledger)) as left:
                    assert {one.ms_requestid for one in night.box.patches} <= marks_of(left)
            else:
                assert night.box.patches == []
            _finished(night, nursery, ledger=ledger)
    assert (codes[0], codes[-1]) == (8, 0)


def test_a_disk_that_is_full_from_the_start_is_told_before_any_patch(night: Desk, nursery: Nursery) -> None:
    """No room for a ledger, and no room for one more run in a ledger: exit 8, nothing is sent."""
    with _disk(night.folder / "disk", size="2m") as disk:
        ledger = _elsewhere(night, disk)
        for name in (NAME, OTHER):
            night.rows(*renamed(*ROWS, name=name))
            ballast = _fill(disk)
            before = len(night.box.patches)
            said = nursery.run(night, "apply", "--yes")
            assert said.code == 8, said.err
            assert f"{ledger}" in said.err
            assert "the disk is full: make room on it" in said.err
            assert len(night.box.patches) == before
            ballast.unlink()
            _finished(night, nursery, ledger=ledger, name=name, before=before)


def test_a_report_that_finds_no_room_leaves_the_older_one_and_the_record(night: Desk, nursery: Nursery) -> None:
    """Exit 8: all rows were sent and stand in the ledger; the older report is whole, nothing half-written is left."""
    with _disk(night.folder / "reports", size="256k") as disk:
        report = disk / "run.json"
        report.write_text(OLD_REPORT)
        _when(night, 3, lambda: _fill(disk))
        said = nursery.run(night, "apply", "--yes", "--report", report)
        night.box.watch = None
        assert said.code == 8, said.err
        assert f"syncjob: {report}: the report could not be written: No space left on device" in said.err
        assert report.read_text() == OLD_REPORT
        assert sorted(one.name for one in disk.iterdir()) == ["ballast", "run.json"]
    with left_by(night) as ledger:
        (run,) = ledger.runs("desk", address_of(night.box))
        assert {str(cause): many for cause, many in ledger.totals(run).items()} == {"confirmed": len(ROWS)}
    no_patch_without_an_intent(night)
    _finished(night, nursery)


def test_a_report_for_which_there_is_no_room_is_told_before_any_request(night: Desk, nursery: Nursery) -> None:
    """A full disk, or one without a name to give: exit 8 before the remote is asked anything."""
    with _disk(night.folder / "full", size="64k") as full, _disk(night.folder / "names", nr_inodes="1") as names:
        _fill(full)
        for folder in (full, names):
            said = nursery.run(night, "apply", "--yes", "--report", folder / "run.json")
            assert said.code == 8, said.err
            assert "No space left on device" in said.err
    assert night.box.records == []
    assert not night.ledger.exists()


def test_a_log_that_finds_no_room_ends_no_run(night: Desk, nursery: Nursery) -> None:
    """The log breaks off, which is said once; every row goes, stands in the ledger and in the report; exit 8."""
    with _disk(night.folder / "logs", size="64k") as disk:
        _when(night, 3, lambda: _fill(disk))
        said = nursery.run(night, "apply", "--yes", "--json", "--log-file", disk / "run.log")
        night.box.watch = None
    assert said.code == 8, said.err
    assert said.err.count("cannot be written any more: No space left on device") == 1
    assert set(said.outcomes.values()) == {"applied"}
    _finished(night, nursery)


@pytest.mark.parametrize("begun", [False, True])
def test_a_disk_that_may_only_be_read_is_told_before_any_request(night: Desk, nursery: Nursery, *, begun: bool) -> None:
    """A read-only file system under the ledger, a new one or one that is there: exit 8, 0 requests."""
    with _disk(night.folder / "disk", size="4m") as disk:
        ledger = _elsewhere(night, disk)
        if begun:
            _finished(night, nursery, ledger=ledger)
            night.rows(*renamed(*ROWS, name=OTHER))
            night.box.records.clear()
        _remount(disk, "ro")
        said = nursery.run(night, "apply", "--yes")
        assert said.code == 8, said.err
        assert str(ledger) in said.err
        assert night.box.records == []


def test_a_disk_without_names_to_give_is_told_before_any_request(night: Desk, nursery: Nursery) -> None:
    """From no inode for the lock to one for everything: exit 8 and 0 requests, or finished."""
    codes, asked = [], {}
    for inodes in range(1, 6):
        night.box.empty(referral(n) for n in ROWS)
        with _disk(night.folder / f"disk-{inodes}", nr_inodes=str(inodes), size="8m") as disk:
            ledger = _elsewhere(night, disk)
            said = nursery.run(night, "apply", "--yes")
            codes.append(said.code)
            assert said.code in (0, 8), said.err
            assert night.box.patches == [] or not said.code
            if said.code:
                assert str(ledger) in said.err
                asked[inodes] = len(night.box.records)
    assert codes == sorted(codes, reverse=True)
    assert {codes[0], codes[-1]} == {8, 0}
    assert set(asked.values()) == {0}, f"requests by the number of inodes: {asked}"


@pytest.mark.parametrize("what", ["folder", "no folder", "ledger", "lock", "folder of a ledger"])
def test_a_place_without_rights_is_told_before_any_request(night: Desk, nursery: Nursery, what: str) -> None:
    """Whoever runs it may not write the folder, the ledger or the lock: exit 8 that names the place, 0 requests."""
    place = night.folder / "place"
    place.mkdir()
    ledger = place / "deep" / "desk.ledger" if what == "no folder" else place / "desk.ledger"
    night.configure(limits=CALM, guards={"changes": None}, ledger={"file": str(ledger)})
    name, before = NAME, 0
    if what in ("ledger", "lock", "folder of a ledger"):
        _finished(night, nursery, ledger=ledger)
        name, before = OTHER, len(ROWS)
        night.rows(*renamed(*ROWS, name=name))
        night.box.records.clear()
    fenced = {"ledger": [ledger], "lock": list(place.glob("*.lock"))}.get(what, [place])
    modes = {one: one.stat().st_mode for one in fenced}
    for one in fenced:
        one.chmod(0o555 if one == place else 0o444)
    said = nursery.run(night, "apply", "--yes", humble=True)
    for one, mode in modes.items():
        one.chmod(mode)
    assert said.code == 8, said.err
    assert str(place) in said.err
    assert "Traceback" not in said.err
    assert night.box.records == []
    _finished(night, nursery, ledger=ledger, name=name, before=before)


def _modes(folder: Path) -> dict[str, int]:
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in [folder, *folder.iterdir()]}


def test_what_holds_values_is_its_owners_alone(night: Desk, nursery: Nursery) -> None:
    """Ledger, its log and index, lock, plan, reports: 0600, in folders of ours of 0700, whatever the umask says."""
    folder = night.folder / "state"
    night.configure(limits=CALM, guards={"changes": None}, ledger={"file": "state/deep/desk.ledger"})
    seen: dict[str, int] = {}
    _when(night, 5, lambda: seen.update(_modes(folder / "deep")))
    reports = [name for suffix in ("csv", "json", "txt", "xlsx") for name in ("--report", f"run.{suffix}")]
    assert night.spawn("apply", "--yes", "--log-file", "run.log", *reports, umask=0).code == 0
    night.box.watch = None
    assert nursery.run(night, "plan", "-o", "a.plan").code == 0
    lock = next(name for name in seen if name.endswith(".lock"))
    assert seen.pop("deep") == 0o700
    assert set(seen) == {"desk.ledger", "desk.ledger-wal", "desk.ledger-shm", lock}
    assert set(seen.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    ours = ("run.csv", "run.json", "run.txt", "run.xlsx", "run.log", "a.plan")
    assert {name: mode for name, mode in _modes(night.folder).items() if name in ours} == dict.fromkeys(ours, 0o600)


def test_the_copy_of_an_older_ledger_is_its_owners_alone(night: Desk, nursery: Nursery) -> None:
    """A ledger that is brought up to this version leaves a copy of what it was: 0600."""
    older = Path(__file__).parents[1] / "ledger" / "schema-1.sql"
    with closing(sqlite3.connect(night.ledger)) as database:
        database.executescript(older.read_text(encoding="utf-8"))
    assert nursery.run(night, "apply", "--yes").code == 0
    assert {name: mode for name, mode in _modes(night.folder).items() if ".schema-" in name} == {
        "desk.ledger.schema-1": 0o600
    }


def test_a_process_that_was_asleep_reads_again_before_it_sends(desk: Desk, nursery: Nursery) -> None:
    """SIGSTOP in mid-run, edits by somebody else, SIGCONT: another field is merged with, the same one is a conflict.

    What somebody else has written in the meantime stands.
    """
    rows = range(1, 21)
    desk.box.empty(referral(n) for n in rows)
    desk.configure(limits=CALM, guards={"changes": None})
    desk.rows(*renamed(*rows))
    asleep = threading.Event()
    born: list[Any] = []

    def stop() -> None:
        assert asleep.wait(PATIENCE_S)
        os.kill(born[0].pid, signal.SIGSTOP)

    _when(desk, 4, stop)
    born.append(nursery.start(desk, "apply", "--yes", "--json"))
    asleep.set()
    desk.box.wait_for_patches(4)
    _until_stopped(born[0].pid)
    desk.box.watch = None
    sent = {write.referral_id for write in desk.box.store.writes}
    waiting = [n for n in rows if guid(n) not in sent]
    assert len(waiting) >= 12
    merged, disputed, agreed = waiting[:4], waiting[4:8], waiting[8:10]
    for n in merged:
        desk.box.edit(n, details__notes="somebody else's")
    for n in disputed:
        desk.box.edit(n, name="somebody else's")
    for n in agreed:
        desk.box.edit(n, name=f"Renamed {n}")
    born[0].signal(signal.SIGCONT)
    said = born[0].wait()
    assert said.code == 3, said.err
    want = dict.fromkeys(rows, "applied") | dict.fromkeys(disputed, "conflicted") | dict.fromkeys(agreed, "unchanged")
    assert said.outcomes == {crm(n): outcome for n, outcome in want.items()}
    held = {n: desk.box.store.get(guid(n)) for n in rows}
    assert {n for n in rows if held[n]["name"] == "somebody else's"} == set(disputed)
    assert {n for n in rows if held[n]["details"]["notes"] == "somebody else's"} == set(merged)
    assert {n for n in rows if held[n]["name"] == f"Renamed {n}"} == set(rows) - set(disputed)
    no_patch_without_an_intent(desk)


def _until_stopped(pid: int) -> None:
    """Wait until the process sleeps: the kernel says so."""
    for _ in range(int(PATIENCE_S * 1000)):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return
        threading.Event().wait(0.001)
    raise AssertionError("the process does not stop")


def test_two_jobs_share_one_ledger_at_once(night: Desk, nursery: Nursery) -> None:
    """Two processes send at the same time, both record in one file: both finish, neither finds it locked."""
    others = range(101, 101 + len(ROWS))
    night.box.empty(referral(n) for n in (*ROWS, *others))
    night.rows(*renamed(*others), name="others.csv")
    shared: dict[str, Any] = {"guards": {"changes": None}, "ledger": {"file": "desk.ledger"}}
    night.configure(job="other", rows={"file": "others.csv"}, limits=CALM, **shared)
    night.config.rename(night.folder / "other.yaml")
    night.configure(limits=CALM, **shared)
    night.box.slow_s = 0.3
    seen: list[str] = []

    def watch(request: Any) -> None:
        """Answer slowly until both have begun to send, and then at once."""
        if request.method == "PATCH":
            seen.append(request.headers["ms-correlationid"])
            if len(set(seen)) == 2:
                night.box.slow_s = 0

    night.box.watch = watch
    running = [nursery.start(night, "apply", "--yes", "--json", "-c", name) for name in ("syncjob.yaml", "other.yaml")]
    for said in [one.wait() for one in running]:
        assert said.code == 0, said.err
        assert "locked" not in said.err
        assert said.report["totals"] == {"rows": len(ROWS), "applied": len(ROWS)}
    second = next(n for n, job in enumerate(seen) if job != seen[0])
    assert seen[0] in seen[second:], "both sent at the same time"
    assert sorted(write.referral_id for write in night.box.store.writes) == [guid(n) for n in (*ROWS, *others)]
    with left_by(night) as ledger:
        for job in ("desk", "other"):
            (run,) = ledger.runs(job, address_of(night.box))
            assert {str(cause): many for cause, many in ledger.totals(run).items()} == {"confirmed": len(ROWS)}
    no_patch_without_an_intent(night)
