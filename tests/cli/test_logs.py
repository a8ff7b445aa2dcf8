"""The log: told whole while it can be, told once when it cannot, and never the end of a run."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from desk import Desk, crm, renamed

from syncjob.cli.logs import LogFile, StderrLog, final
from syncjob.errors import Exit, StorageRefused
from syncjob.ledger import Ledger

FULL = Path("/dev/full")
NEEDS_FULL = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@NEEDS_FULL
def test_a_log_on_a_full_disk_ends_no_run(desk: Desk) -> None:
    """Every row goes and stands in the ledger; it is said once, and the exit code is 8."""
    desk.rows(*renamed(1, 2, 3))
    said = desk.run("apply", "--yes", "--json", "--log-file", FULL)
    assert said.code == 8, said.err
    assert set(said.outcomes.values()) == {"applied"}
    assert said.err.count("cannot be written any more: No space left on device; the run goes on without it") == 1
    assert "Traceback" not in said.err
    with Ledger(desk.ledger) as ledger:
        assert [row.key for row in ledger.outcomes(said.report["run"]["id"])] == [crm(n) for n in (1, 2, 3)]
    assert len(desk.box.patches) == 3


@NEEDS_FULL
def test_a_plan_is_kept_though_its_log_is_not(desk: Desk) -> None:
    """`plan` says 8 as well, and its plan can be sent."""
    desk.rows(*renamed(1))
    assert desk.run("plan", "-o", "a.plan", "--log-file", FULL).code == 8
    assert desk.run("apply", "a.plan", "--yes").code == 0


@NEEDS_FULL
def test_a_failed_log_speaks_only_where_nothing_worse_is_said(tmp_path: Path) -> None:
    """A broken assumption and a signal say more than a log; whoever would only need a person says less."""
    log = LogFile(FULL)
    assert final(log, Exit.OK) is Exit.OK
    log.info("any.event")
    log.warning("any.event")
    said = {code: final(log, code) for code in (Exit.OK, Exit.NEEDS_PERSON, Exit.REMOTE, Exit.BROKEN)}
    log.close()
    assert said == {
        Exit.OK: Exit.STORAGE,
        Exit.NEEDS_PERSON: Exit.STORAGE,
        Exit.REMOTE: Exit.STORAGE,
        Exit.BROKEN: Exit.BROKEN,
    }
    assert final(log, Exit.INTERRUPTED) is Exit.INTERRUPTED
    assert final(StderrLog(), Exit.OK) is Exit.OK


def test_a_log_is_its_owners_and_appended_to(tmp_path: Path) -> None:
    """One JSON object a line, 0600, in any words."""
    path = tmp_path / "a.log"
    for n in (1, 2):
        log = LogFile(path)
        log.info("row.settled", n=n, name="ü\ud83d\n")
        log.close()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(line["event"], line["level"], line["n"]) for line in lines] == [("row.settled", "info", n) for n in (1, 2)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_opened_is_refused_before_anything(tmp_path: Path) -> None:
    """A folder in its place: exit 8 from the start."""
    with pytest.raises(StorageRefused, match="cannot be written: Is a directory"):
        LogFile(tmp_path)
