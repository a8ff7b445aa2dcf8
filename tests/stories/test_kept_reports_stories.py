"""Reports that are kept by themselves: a page of each run, the youngest as latest, and no more than asked for."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from desk import Desk, crm, guid, referral, renamed


def kept(desk: Desk) -> list[str]:
    """The names in the folder."""
    return sorted(path.name for path in (desk.folder / "reports").iterdir() if path.name != ".job")


def test_each_run_leaves_a_page_and_the_latest(desk: Desk) -> None:
    """Made with its folder, the owner's alone, private values masked; a plan leaves none."""
    desk.configure(reports={"dir": "reports"})
    desk.rows(*renamed(1, 2), {"CRM Id": crm(3), "Notes": "a private note"})
    assert desk.run("plan").code == 0
    assert not (desk.folder / "reports").exists()
    first = desk.run("apply", "--yes", "--json")
    run = first.report["run"]["id"]
    assert kept(desk) == [f"{run}.html", "latest.html"]
    assert f"report kept as {desk.folder}/reports/{run}.html" in first.err
    page = (desk.folder / "reports" / "latest.html").read_text(encoding="utf-8")
    assert page == (desk.folder / "reports" / f"{run}.html").read_text(encoding="utf-8")
    assert ("Renamed 1" in page, "a private note" in page) == (True, False)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (desk.folder / "reports").iterdir()}
    assert (modes, stat.S_IMODE((desk.folder / "reports").stat().st_mode)) == ({0o600}, 0o700)
    assert desk.run("show", "last").code == 0
    assert len(kept(desk)) == 2


def test_older_ones_go_and_what_is_not_ours_stays(desk: Desk) -> None:
    """In every form, readable by a group where that was asked for; other files are nobody's business."""
    desk.configure(reports={"dir": "reports", "forms": ["html", "json"], "mode": "0640", "keep": 2})
    (desk.folder / "reports").mkdir()
    (desk.folder / "reports" / "notes.html").write_text("mine")
    runs = []
    for name in ("A {}", "B {}", "C {}"):
        desk.rows(*renamed(1, name=name))
        runs.append(desk.run("apply", "--yes", "--json").report["run"]["id"])
    assert len(set(runs)) == 3
    forms = [f"{run}.{form}" for run in runs[1:] for form in ("html", "json")]
    assert kept(desk) == sorted([*forms, "latest.html", "latest.json", "notes.html"])
    assert json.loads((desk.folder / "reports" / "latest.json").read_text())["run"]["id"] == runs[-1]
    assert stat.S_IMODE((desk.folder / "reports" / "latest.html").stat().st_mode) == 0o640


def test_a_refused_run_is_kept_too(desk: Desk) -> None:
    """Exit 6: whoever looks in the morning sees that nothing was sent, and why."""
    desk.box.empty(referral(n) for n in range(1, 61))
    desk.configure(reports={"dir": "reports"}, guards={"first_run": None, "changes": 5})
    desk.rows(*renamed(*range(1, 61)))
    assert desk.run("apply", "--yes").code == 6
    page = (desk.folder / "reports" / "latest.html").read_text(encoding="utf-8")
    assert "This run was refused by guard changes (60, limit 5). Nothing was sent." in page
    assert "nothing was sent: guard changes (60, limit 5) refused the run" in page


def test_a_folder_is_one_job_s(desk: Desk) -> None:
    """Two jobs would take each other's reports away: exit 2 before anything is sent."""
    desk.configure(reports={"dir": "reports"})
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    desk.configure(job="other", reports={"dir": "reports"})
    desk.rows(*renamed(2))
    said = desk.run("apply", "--yes")
    assert (said.code, len(desk.box.patches)) == (2, 1)
    assert "holds the reports of job desk; give each job a folder of its own" in said.err


def test_a_run_about_some_rows_is_not_the_latest_word(desk: Desk) -> None:
    """An approval leaves its own page; the night that still waits stays the latest."""
    desk.configure(reports={"dir": "reports"})
    desk.rows({"CRM Id": crm(1), "Stage": "Won"}, {"CRM Id": crm(2), "Stage": "Won"})
    assert desk.run("apply", "--yes").code == 3
    assert desk.run("approve", "last", "--yes", "--select", crm(1)).code == 0
    page = (desk.folder / "reports" / "latest.html").read_text(encoding="utf-8")
    assert "2 rows need a person" in page
    assert len(kept(desk)) == 3


@pytest.mark.parametrize("place", ["file", "/proc/reports"])
def test_a_folder_that_takes_none_ends_the_run_before_anything_is_sent(desk: Desk, place: str) -> None:
    """Exit 8 with the path: a night's work without a report is worse than none."""
    if place.startswith("/proc") and not Path("/proc").exists():
        pytest.skip("needs /proc")
    (desk.folder / "file").write_text("")
    desk.configure(reports={"dir": place})
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes")
    assert (said.code, desk.box.patches) == (8, [])
    assert "reports.dir" in said.err


def test_any_past_run_and_any_plan_is_shown_in_any_form(desk: Desk) -> None:
    """`show` renders what is kept; --show-private shows what is masked, and the page says so."""
    desk.rows(*renamed(1), {"CRM Id": crm(2), "Notes": "a private note"})
    assert desk.run("plan", "-o", "kept.plan").code == 0
    assert desk.run("apply", "kept.plan", "--yes").code == 0
    forms = ("html", "md", "txt", "json", "csv", "xlsx")
    for what in ("kept.plan", "last"):
        files = [f"--report={what}.{form}" for form in forms]
        assert desk.run("show", what, *files).code == 0
        assert all((desk.folder / f"{what}.{form}").stat().st_size for form in forms)
    for form in ("html", "md", "txt"):
        masked = (desk.folder / f"last.{form}").read_text(encoding="utf-8")
        assert ("a private note" in masked, "•••" in masked) == (False, True)
    said = desk.run("show", "last", "--show-private", "--report=open.html", "--report=open.md")
    assert "a private note" in said.out
    assert "a private note" in (desk.folder / "open.md").read_text(encoding="utf-8")
    page = (desk.folder / "open.html").read_text(encoding="utf-8")
    assert ("a private note" in page, "Private values are shown" in page) == (True, True)
    assert guid(1) in page
