"""Processes of their own, told to stop: what was sent is known, what was not is deferred, the next run finishes."""

from __future__ import annotations

import array
import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest
from desk import PATIENCE_S, PROGRAM, Box, Desk, Said, guid, referral, renamed

from syncjob.ledger import Ledger

pytestmark = pytest.mark.long

NIGHT = range(1, 41)


@pytest.fixture
def night(desk: Desk, box: Box) -> Desk:
    """A night of forty renames, two at a time, with answers slow enough to be interrupted."""
    box.empty(referral(n) for n in NIGHT)
    desk.configure(limits={"concurrency": 2}, guards={"changes": None})
    desk.rows(*renamed(*NIGHT))
    box.slow_s = 0.4
    return desk


def _ended(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Said(process.returncode, out, err)


def _finish(desk: Desk) -> Said:
    """Run the same job again, in a calm: everything is there, and no referral was written twice."""
    desk.box.slow_s = 0
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 0, said.err
    assert set(said.outcomes.values()) <= {"applied", "unchanged"}
    written = [write.referral_id for write in desk.box.store.writes]
    assert sorted(written) == [guid(n) for n in NIGHT]
    assert all(desk.box.store.get(guid(n))["name"] == f"Renamed {n}" for n in NIGHT)
    with closing(Ledger(desk.ledger)) as ledger:
        assert ledger.open_intents("desk", f"{desk.box.url}/v1.0/engagements/referrals") == []
    return said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_lets_what_is_in_flight_settle_and_defers_the_rest(
    night: Desk, number: signal.Signals, code: int
) -> None:
    """Rows in flight get their answer, the others are deferred, report and ledger agree; the next run finishes."""
    with night.begun("--report", "run.csv", patches=2) as process:
        process.send_signal(number)
        said = _ended(process)
    assert said.code == code, said.err
    totals = said.report["totals"]
    assert set(totals) == {"rows", "applied", "deferred"}
    assert totals["applied"] + totals["deferred"] == totals["rows"] == len(NIGHT)
    assert totals["applied"] == said.report["requests"]["PATCH"] == len(night.box.patches)
    assert {row["cause"] for row in said.report["rows"] if row["outcome"] == "deferred"} == {"stopped"}
    assert said.report["run"]["exit_code"] == code
    assert "stopping; rows in flight get a few seconds. Ctrl-C again ends at once" in said.err
    assert (night.folder / "run.csv").read_text().count(",stopped,") == totals["deferred"]
    with closing(Ledger(night.ledger)) as ledger:
        known = {str(cause.outcome): count for cause, count in ledger.totals(said.report["run"]["id"]).items()}
    assert known == {"applied": totals["applied"], "deferred": totals["deferred"]}
    again = _finish(night)
    assert again.report["totals"]["unchanged"] == totals["applied"]


def test_an_answer_that_outlasts_the_stop_leaves_its_row_unsettled(night: Desk) -> None:
    """When the few seconds are over, what was sent and not answered is unsettled; the next run looks and knows."""
    night.configure(limits={"concurrency": 2, "stop_s": 0.2}, guards={"changes": None})
    night.box.slow_s = 60
    with night.begun(patches=2) as process:
        process.terminate()
        said = _ended(process)
    assert said.code == 143
    assert said.report["totals"] == {"rows": len(NIGHT), "unsettled": 2, "deferred": len(NIGHT) - 2}
    _finish(night)
    with closing(Ledger(night.ledger)) as ledger:
        totals = ledger.totals(said.report["run"]["id"])
    assert {str(cause): count for cause, count in totals.items()} == {"read_back": 2, "stopped": len(NIGHT) - 2}


def test_a_second_interrupt_ends_at_once(night: Desk) -> None:
    """Ctrl-C twice leaves without waiting, with 130; the next run settles what was left open."""
    night.box.slow_s = 60
    with night.begun(patches=2) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        words = ""
        while "stopping" not in words:
            words = process.stderr.readline()
            assert words, "the process said nothing of stopping"
        process.send_signal(signal.SIGINT)
        said = _ended(process)
    assert (said.code, said.out) == (130, "")
    _finish(night)


def test_killed_runs_lose_and_double_nothing(night: Desk) -> None:
    """SIGKILL in the middle, twice in a row: open intents are looked at, and every change is made once."""
    for patches in (1, 5):
        with night.begun(patches=patches) as process:
            process.kill()
            assert _ended(process).code == -signal.SIGKILL
        with closing(Ledger(night.ledger)) as ledger:
            assert ledger.open_intents("desk", f"{night.box.url}/v1.0/engagements/referrals")
    _finish(night)


def test_a_closed_terminal_stops_no_run(night: Desk) -> None:
    """SIGHUP is nobody's business, and neither is a reader that went away: the job goes on to its end."""
    night.rows(*renamed(*range(1, 7)))
    night.box.slow_s = 0.05
    with night.begun(patches=1) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert len(night.box.store.writes) == 6


def test_nobody_left_to_read_changes_no_exit_code(desk: Desk) -> None:
    """`| head -1`: the code is still by the rows, and no traceback is shown."""
    desk.bare()
    desk.rows(*renamed(1, 404))
    with desk.start("plan") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 3
        assert process.stderr.read() == ""


def test_streams_that_were_never_open_are_not_missed(desk: Desk) -> None:
    """A daemon may start it without stdin, stdout or stderr."""
    desk.bare()
    desk.rows(*renamed(1, 404))
    closed = ("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *PROGRAM)
    done = subprocess.run([*closed, "apply", "--yes", "--report", "run.json"], cwd=desk.folder, check=False)
    assert done.returncode == 3
    assert json.loads((desk.folder / "run.json").read_text())["totals"]["applied"] == 1


def test_a_full_disk_under_stdout_is_told(desk: Desk) -> None:
    """`> /dev/full`: exit 8 with a sentence, never a traceback."""
    desk.bare()
    desk.rows(*renamed(1))
    with Path("/dev/full").open("w") as full:
        said = desk.spawn("plan", stdout=full)
    assert said.code == 8
    assert said.err.startswith("syncjob: stdout: ")
    assert "Traceback" not in said.err


def test_a_stop_while_input_is_waited_for_is_heard_at_once(desk: Desk) -> None:
    """`… | syncjob plan -` with a writer that never ends can be stopped."""
    desk.configure(rows={"format": "csv"})
    with desk.start("plan", "-", "--log-file", "begun.log", stdin=subprocess.PIPE) as process:
        _until_it_reads(process)
        assert _told_until_it_ends(process, signal.SIGTERM) == 143


def test_a_stop_at_the_question_is_heard_at_once(desk: Desk) -> None:
    """Ctrl-C at the prompt of a real terminal calls the run off: 130, and nothing was sent."""
    desk.rows(*renamed(1))
    ours, theirs = pty.openpty()
    with desk.start("apply", stdin=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"Send 1 changes" not in seen:
            seen += os.read(ours, 4096)
        assert _told_until_it_ends(process, signal.SIGINT) == 130
    os.close(ours)
    assert desk.box.patches == []


def _told_until_it_ends(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """Signal a process that waits for a person, again where the first came in the instant before it began to wait."""
    for _ in range(int(PATIENCE_S / 5)):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(5)
    process.kill()
    raise AssertionError("no signal was heard")


def _until_it_reads(process: subprocess.Popen[str]) -> None:
    """Send the process a line, and wait until it has taken it: from then on it waits for the next."""
    assert process.stdin is not None
    process.stdin.write("CRM Id\n")
    process.stdin.flush()
    left = array.array("i", [1])
    for _ in range(int(PATIENCE_S * 100)):
        fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, left)
        if not left[0]:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the process never reads its input")
