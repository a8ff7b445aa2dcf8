from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from desk import Desk, crm, referral, renamed

pytestmark = pytest.mark.long

FEW, MANY = 1_050, 2_000  # more than two of the batches in which rows are read from disk


@pytest.mark.parametrize(
    ("report", "code", "words"),
    [
        ("run.xlsm", 2, "run.xlsm: a report ends in .html, .xlsx, .csv, .json"),
        ("gone/run.csv", 8, "there is no folder"),
        ("rows.csv/run.csv", 8, "there is no folder"),
        ("folder.csv", 8, "is a folder; name a file"),
    ],
)
def test_a_report_that_cannot_be_written_ends_the_run_before_any_request(
    desk: Desk, report: str, code: int, words: str
) -> None:
    """A night's work without a report is worse than none: it is proved first."""
    (desk.folder / "folder.csv").mkdir()
    desk.rows(*renamed(1))
    for command in (("apply", "--yes"), ("plan",)):
        said = desk.run(*command, "--report", "good.json", "--report", report)
        assert (said.code, desk.box.records) == (code, [])
        assert words in said.err
    assert not (desk.folder / "good.json").exists()


def test_two_reports_in_one_file_are_refused(desk: Desk) -> None:
    """The second would take the place of the first."""
    desk.rows(*renamed(1))
    assert desk.run("plan", "--report", "a.csv", "--report", "./a.csv").code == 8


def test_every_form_tells_the_same_run(desk: Desk) -> None:
    """Text, CSV and JSON are written beside stdout, each announced, each 0600."""
    desk.rows(*renamed(1, 404))
    names = ("run.txt", "run.csv", "run.json")
    said = desk.run("apply", "--yes", *(f"--report={name}" for name in names))
    assert said.code == 3
    for name in names:
        assert f"report written to {name}" in said.err
        assert stat.S_IMODE((desk.folder / name).stat().st_mode) == 0o600
    assert (desk.folder / "run.txt").read_text() == said.out
    report = json.loads((desk.folder / "run.json").read_text())
    assert report["totals"] == {"rows": 2, "applied": 1, "unmatched": 1}
    assert (desk.folder / "run.csv").read_text("utf-8-sig").count(crm(404)) >= 1


def test_the_json_on_stdout_is_the_json_in_the_file(desk: Desk) -> None:
    """One renderer, two ways out; talk stays on stderr."""
    desk.rows(*renamed(1))
    said = desk.run("plan", "--json", "--report", "plan.json")
    assert json.loads((desk.folder / "plan.json").read_text()) == said.report


def test_an_earlier_report_is_replaced_whole(desk: Desk) -> None:
    """The new one takes the place of the old one; nothing else is left in the folder."""
    desk.rows(*renamed(1))
    desk.put("run.csv", "an earlier report")
    desk.run("plan", "--report", "run.csv")
    assert "earlier" not in (desk.folder / "run.csv").read_text("utf-8-sig")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["rows.csv", "run.csv", "syncjob.yaml"]


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}, {"TERM": ""}])
def test_what_is_piped_has_no_escape_codes(desk: Desk, environ: dict[str, str]) -> None:
    """No colour, no bar: neither in a pipe nor under cron, whatever the environment says."""
    desk.environ.update(environ)
    desk.rows(*renamed(1, 404))
    said = desk.run("apply", "--yes")
    assert "\x1b" not in said.out + said.err


def test_a_bar_is_shown_where_a_person_sits_and_taken_away(desk: Desk) -> None:
    """At a terminal progress moves on stderr; stdout has the report and nothing else."""
    desk.bare()
    desk.rows(*renamed(1, 2))
    said = desk.at_terminal("apply", "--yes", answers="")
    assert said.code == 0
    assert "applying" in said.err
    assert said.err.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))
    assert "\x1b" not in said.out
    assert said.out.startswith("RUN ")
    checked = desk.at_terminal("validate", answers="")
    assert checked.out == "2 rows: 2 can be planned, 0 cannot\n"


def test_a_bar_does_not_outlive_a_refusal(desk: Desk) -> None:
    """When the file turns out to be broken, the cursor is given back before the complaint."""
    desk.put("rows.csv", "CRM Id\n" + f"{crm(1)}\n" * 3)
    said = desk.at_terminal("plan", answers="")
    assert said.code == 4
    assert said.err.index("\x1b[?25h") < said.err.index("syncjob: ")


def test_a_closed_pipe_is_met_in_silence(desk: Desk) -> None:
    """A reader that went away ends nothing: the report files are still written."""
    desk.rows(*renamed(1))
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8", buffering=1) as nobody:
        said = desk.run("apply", "--yes", "--report", "run.json", out=nobody)
    assert said.code == 0
    assert json.loads((desk.folder / "run.json").read_text())["totals"]["applied"] == 1


def test_a_full_disk_under_stdout_still_writes_the_reports(desk: Desk) -> None:
    """Exit 8 says that something was not kept; what could be kept was."""
    desk.rows(*renamed(1))
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        said = desk.run("apply", "--yes", "--report", "run.json", out=full)
    assert said.code == 8
    assert "stdout: the report could not be written: No space left on device" in said.err
    assert json.loads((desk.folder / "run.json").read_text())["totals"]["applied"] == 1


def test_many_rows_stay_within_a_bounded_memory(desk: Desk) -> None:
    """Rows stream and what waits is on disk: a plan of twice the rows needs hardly more address space."""
    desk.bare()
    notes = "x" * 3_000
    details = {"notes": notes, "currency": "EUR"}
    desk.box.empty(referral(n, details=details) for n in range(1, MANY + 1))
    _plan_within(desk, FEW, notes)
    _plan_within(desk, MANY, notes)


def _plan_within(desk: Desk, count: int, notes: str) -> None:
    """Plan so many unchanged rows; once the first run has told its peak, that and 3 MB is the limit."""
    desk.rows(*({"CRM Id": crm(n), "Deal": f"Deal {n}", "Notes": notes} for n in range(1, count + 1)))
    known = desk.folder / "peak"
    words = (
        "import re, resource, sys\n"
        "from pathlib import Path\n"
        "from syncjob.cli.main import main\n"
        f"known = Path({str(known)!r})\n"
        "if known.exists():\n"
        "    most = (3 * 1024 + int(known.read_text())) * 1024\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "try:\n"
        "    main(['plan'])\n"
        "finally:\n"
        "    known.write_text(re.search(r'VmPeak:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    process = (sys.executable, "-c", words)
    done = subprocess.run(process, cwd=desk.folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"{count} rows: {count} unchanged" in done.stdout


def test_at_a_terminal_it_is_a_screenful_in_colour(desk: Desk) -> None:
    """Sixty changes do not run away; --full shows them all, and NO_COLOR is heard."""
    desk.box.empty(referral(n) for n in range(1, 61))
    desk.rows(*renamed(*range(1, 61)))
    desk.environ |= {"LINES": "24", "COLUMNS": "80"}
    shown = desk.on_screen("plan")
    assert len(shown.splitlines()) <= 24
    assert "more; --full shows all" in shown
    assert "\x1b[33m    ~ name: Deal 1 -> Renamed 1\x1b[0m" in shown
    assert "60 rows: 60 planned" in shown
    whole = desk.on_screen("plan", "--full")
    assert (whole.count("~ name: "), "more;" in whole) == (60, False)
    desk.environ["NO_COLOR"] = "1"
    assert "\x1b[" not in desk.on_screen("plan").partition("===")[2]
    plain = desk.run("plan").out
    assert ("\x1b" in plain, plain.count("~ name: ")) == (False, 50)


def test_a_throttled_run_says_so_where_a_person_sits(desk: Desk) -> None:
    """The bar stands still because the remote asks for it: the words stand beside it."""
    from syncjob.sandbox.faults import Misfortunes, Rates

    desk.rows(*renamed(1, 2, 3))
    calm, desk.box._misfortunes = desk.box._misfortunes, Misfortunes(Rates(throttle=1), Random(3))

    def calmed(_: object) -> None:
        desk.box._misfortunes = calm

    desk.box.watch = calmed
    said = desk.at_terminal("apply", "--yes", answers="")
    assert said.code in (0, 3), said.err
    assert "throttled: the remote asks to wait" in said.err


def test_a_person_is_told_the_next_command(desk: Desk) -> None:
    """After a plan how to keep or send it, after a run with rows that wait how to look closer."""
    desk.rows(*renamed(1), {"CRM Id": crm(2), "Stage": "Won"})
    assert "to send it: syncjob apply" in desk.on_screen("plan", both=True)
    assert "to look closer: syncjob show " in desk.on_screen("apply", "--yes", both=True)
    assert "syncjob apply" not in desk.run("plan").err
