from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest
from desk import Desk, crm, referral, renamed
from verdicts import judged, refused


def test_no_token_is_asked_for_a_file_that_is_not_there(desk: Desk) -> None:
    """The file is looked at first: who lacks both is told of the file."""
    desk.configure(remote={"auth": {"token_env": "SYNCJOB_NO_SUCH_TOKEN"}})
    where = f"(working folder {desk.folder}); check rows.file or the path on the command line"
    refused(desk, f"input not found: gone.csv {where}", "gone.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="speaks of Linux")
def test_a_file_that_cannot_be_read_is_refused(desk: Desk) -> None:
    """An error of the disk is no crash."""
    refused(desk, "input not readable: mem: Input/output error; is its disk sound?", "/proc/self/mem")


@pytest.mark.skipif(sys.platform == "win32", reason="links are rare there")
def test_root_follows_no_link(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that others may write a link could lead to any file; who is not root reads no more than they may."""
    (desk.folder / "link.csv").symlink_to(desk.rows(*renamed(1)))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    words = "run as root, links are not followed: name the file itself"
    refused(desk, f"input is a symbolic link: link.csv; {words}", "link.csv")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert desk.run("plan", "link.csv").code == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "rows: []\n"),
        ("a.yaml", "# none\n"),
        ("a.json", "[]"),
        ("a.json", ""),
        ("a.jsonl", "\n"),
        ("a.tsv", ""),
    ],
)
def test_a_file_without_rows_is_refused_in_every_format(desk: Desk, name: str, content: str) -> None:
    """However an export writes that it found nothing."""
    desk.put(name, content)
    refused(desk, f"{name}: 0 data rows: is last night's export broken? --allow rows takes it", name)


def test_far_fewer_rows_than_last_time_are_refused(desk: Desk) -> None:
    """Half an export looks like a whole one; the ledger knows better. A file of somebody's own may be short."""
    desk.box.empty(referral(n) for n in range(1, 61))
    desk.rows(*renamed(*range(1, 61), name="Deal {}"))
    assert desk.run("apply", "--yes").code == 0
    desk.rows(*renamed(*range(1, 30)))
    words = "60 rows last time, 29 now: nothing is sent; is the export whole?"
    assert words in desk.run("plan").out
    said = desk.run("apply", "--yes", "--allow", "changes")
    assert (said.code, desk.box.patches) == (6, [])
    assert f"{words} Then --allow rows or --allow rows=29" in said.err
    desk.rows(*renamed(1, 2), name="mine.csv")
    assert desk.run("apply", "mine.csv", "--yes").code == 0
    desk.rows(*renamed(*range(1, 31)))
    assert desk.run("apply", "--yes", "--allow", "changes").code == 0
    desk.rows(*renamed(3))
    assert desk.run("apply", "--yes", "--allow", "rows=1").code == 0


def growing(monkeypatch: pytest.MonkeyPatch, file: Path, times: int) -> None:
    """Let an export write one more row whenever somebody has begun to read it, so many times."""
    look, more = os.fstat, iter(range(times))

    def looked(handle: int) -> os.stat_result:
        seen = look(handle)
        if os.path.samestat(seen, file.stat()) and (n := next(more, None)) is not None:
            with file.open("a") as export:
                export.write(f"{crm(n + 2)},Renamed,,,,,,,,\n")
        return seen

    monkeypatch.setattr("os.fstat", looked)
    monkeypatch.setattr(importlib.import_module("syncjob.sources.snapshot"), "PAUSE_S", 0)


def test_a_file_that_grows_while_it_is_read_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After four looks it is said what happens, and how to part the two jobs."""
    growing(monkeypatch, desk.rows(*renamed(1)), 99)
    words = "run this after the export has finished, or have it write elsewhere and rename (see also rows.done_marker)"
    refused(desk, f"rows.csv changed while being read, 4 times; {words}")


def test_a_file_that_comes_to_rest_is_read_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows came while it was looked at, and all four are planned."""
    desk.bare()
    growing(monkeypatch, desk.rows(*renamed(1)), 3)
    assert [row["key"] for row in judged(desk, code=0)] == [crm(n) for n in range(1, 5)]


def test_a_file_without_its_marker_is_not_complete(desk: Desk) -> None:
    """It is refused, not waited for; once the marker is there it is read."""
    desk.configure(rows={"done_marker": ".done"})
    file = desk.rows(*renamed(1))
    words = "rows.csv counts as complete only once it is (rows.done_marker); has the export finished?"
    refused(desk, f"{file}.done is not there: {words}")
    desk.put("rows.csv.done", "")
    assert desk.run("plan").code == 0


def test_a_cut_at_a_lines_end_shows_in_every_format(desk: Desk) -> None:
    """Of what has no closing bracket the last row is warned of; `final_newline: required` refuses the file."""
    desk.configure(fields={"Deal": "name"})
    desk.put("a.yaml", f"- CRM Id: {crm(1)}\n  Deal: Ren")
    desk.put("a.jsonl", f'{{"CRM Id": "{crm(1)}", "Deal": "Ren"}}')
    for name in ("a.yaml", "a.jsonl"):
        (row,) = judged(desk, name, code=0)
        assert row["warnings"] == ["the file ends without a newline: was it cut off?"]
    desk.configure(fields={"Deal": "name"}, rows={"final_newline": "required"})
    desk.box.records.clear()
    for name in ("a.yaml", "a.jsonl"):
        words = "the file ends without a newline, which rows.final_newline requires: was it cut off? Export it again"
        refused(desk, f"{name}: {words}", name)
