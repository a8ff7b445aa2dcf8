"""How a night ended is told to those whom it concerns: counts and a link, in time, and whatever happens to it."""

from __future__ import annotations

import contextlib
import json
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, crm, renamed

from syncjob.notices import apprising
from syncjob.sandbox.faults import Rates
from syncjob.sandbox.messages import Request

pytestmark = pytest.mark.long

SECRET = "canary-webhook"
NOTE = "canary note of a customer"


class Ear:
    """A server that hears notices and pings; `status` is what it answers, `hang_s` how long it takes."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.pings: list[str] = []
        self.status, self.hang_s = 200, 0.0
        ear = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ear.pings.append(self.path)
                self._answer()

            def do_POST(self) -> None:
                ear.heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self._answer()

            def _answer(self) -> None:
                time.sleep(ear.hang_s)
                with contextlib.suppress(OSError):
                    self.send_response(ear.status)
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"

    @property
    def titles(self) -> list[str]:
        """What was read at a glance."""
        return [one["title"] for one in self.heard]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Listen."""
    found = Ear()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def told(desk: Desk, ear: Ear) -> Desk:
    """A desk whose nights are told."""
    desk.environ |= {
        "PEOPLE": f"json://{ear.address}/{SECRET}/people",
        "SIGN_IN": f"json://{ear.address}/{SECRET}/sign-in",
        "RUN": f"json://{ear.address}/{SECRET}/run",
        "PING": f"http://{ear.address}/{SECRET}",
    }
    configure(desk)
    return desk


def configure(desk: Desk, **notices: Any) -> None:
    """Write the configuration with notices."""
    usual = {"when": "always", "people": ["PEOPLE"], "sign_in": ["SIGN_IN"], "run": ["RUN"]}
    reports = notices.pop("reports", {})
    no_guards = {"first_run": None, "column": None, "changes": None}
    desk.configure(notices=usual | notices, reports=reports, guards=no_guards)


def test_rows_that_need_a_person_are_told_with_counts_and_a_link(told: Desk, ear: Ear) -> None:
    """To the people; neither names, notes nor addresses are in it or anywhere else."""
    configure(told, ping_env="PING", reports={"url": "https://reports.example/{run}.html"})
    told.rows(*renamed(1), {"CRM Id": crm(2), "Stage": "Won"}, {"CRM Id": crm(3), "Notes": NOTE})
    said = told.run("apply", "--yes", "--log-file", "run.log")
    assert said.code == 3
    (notice,) = ear.heard
    assert notice["title"] == "syncjob desk: 1 row needs a person, 1 of them new"
    assert "3 rows: 2 applied, 1 held" in notice["message"]
    run = json.loads(told.run("show", "last", "--json").out)["run"]["id"]
    assert f"https://reports.example/{run}.html" in notice["message"]
    assert ear.pings == [f"/{SECRET}/start", f"/{SECRET}/3"]
    for text in (json.dumps(ear.heard), said.out, said.err, (told.folder / "run.log").read_text()):
        assert NOTE not in text
        assert SECRET not in text


@pytest.mark.parametrize(
    ("harm", "code", "title"),
    [
        ("", 0, "syncjob desk: all is well"),
        ("input", 4, "syncjob desk: the file of rows, or the plan, was refused; nothing was sent"),
        ("guard", 6, "syncjob desk: a guard refused the run; nothing was sent"),
        (
            "remote",
            7,
            "syncjob desk: the remote could not be reached, or time or budget was up; safe to run again",
        ),
        ("sign-in", 5, "syncjob desk: somebody must sign in: syncjob login"),
    ],
)
def test_each_ending_goes_to_its_audience(told: Desk, ear: Ear, harm: str, code: int, title: str) -> None:
    """Who can mend it hears of it."""
    told.rows(*renamed(1, 2, 3))
    match harm:
        case "input":
            (told.folder / "rows.csv").unlink()
        case "guard":
            told.configure(guards={"changes": 1})
        case "remote":
            told.configure(remote={"url": "http://127.0.0.1:9"}, limits={"attempts_max": 1})
        case "sign-in":
            told.configure(remote={"url": told.box.url, "auth": {"token_env": "NO_TOKEN"}})
        case _:
            pass
    if harm in ("guard", "remote", "sign-in"):
        text = told.config.read_text()
        told.config.write_text(f"{text}notices: {{when: always, people: [PEOPLE], sign_in: [SIGN_IN], run: [RUN]}}\n")
    said = told.run("apply", "--yes")
    assert (said.code, ear.titles) == (code, [title])


def test_a_ledger_that_refuses_is_told_all_the_same(told: Desk, ear: Ear) -> None:
    """The night that could not be recorded is the one that somebody has to hear of."""
    told.rows(*renamed(1))
    assert told.run("apply", "--yes").code == 0
    told.ledger.write_bytes(b"no database" * 1_000)
    ear.heard.clear()
    assert told.run("apply", "--yes").code == 8
    assert ear.titles == ["syncjob desk: the disk or the ledger refused"]


def test_only_what_is_new_is_told_unless_more_is_asked_for(told: Desk, ear: Ear) -> None:
    """The same row held for the same reason every night is told once; another one, and that all is well again, too."""
    configure(told, when="new")
    nights = [
        (renamed(1), 0, []),
        ([{"CRM Id": crm(1), "Stage": "Won"}], 3, ["1 row needs a person, 1 of them new"]),
        ([{"CRM Id": crm(1), "Stage": "Won"}], 3, []),
        ([{"CRM Id": crm(n), "Stage": "Won"} for n in (1, 2)], 3, ["2 rows need a person, 1 of them new"]),
        (renamed(3), 0, ["all is well"]),
        (renamed(4), 0, []),
    ]
    for rows, code, words in nights:
        told.rows(*rows)
        ear.heard.clear()
        assert told.run("apply", "--yes").code == code
        assert ear.titles == [f"syncjob desk: {one}" for one in words]


@pytest.mark.parametrize(("when", "count"), [("never", 0), ("failure", 0), ("change", 1), ("always", 1)])
def test_when_a_good_night_is_told(told: Desk, ear: Ear, when: str, count: int) -> None:
    """As the configuration says."""
    configure(told, when=when)
    told.rows(*renamed(1))
    assert told.run("apply", "--yes").code == 0
    assert len(ear.heard) == count


@pytest.mark.parametrize("harm", ["refuses", "hangs", "is gone", "has no host", "is no address", "is not set"])
def test_what_cannot_be_told_changes_nothing(told: Desk, ear: Ear, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same exit code, in time, with a word that names the variable and never what it holds (F-110, F-111)."""
    configure(told, ping_env="PING")
    monkeypatch.setattr(apprising, "NOTICE_S", 0.5)
    monkeypatch.setattr(apprising.notify, "__kwdefaults__", {"wait_s": 0.5})
    match harm:
        case "refuses":
            ear.status = 500
        case "hangs":
            ear.hang_s = 3.0
            told.environ["PING"] = "http://127.0.0.1:9/x"
        case "is gone":
            told.environ["PEOPLE"] = told.environ["PING"] = f"json://127.0.0.1:9/{SECRET}"
        case "has no host":
            told.environ["PEOPLE"], told.environ["PING"] = SECRET, f"http://{'x' * 80}/{SECRET}"
        case "is no address":
            told.environ["PEOPLE"] = told.environ["PING"] = SECRET
        case "is not set":
            del told.environ["PEOPLE"], told.environ["PING"]
        case _:
            pass
    told.rows(*renamed(1))
    began = time.monotonic()
    said = told.run("apply", "--yes", "--json", "--log-file", "run.log")
    assert time.monotonic() - began < 60
    assert (said.code, said.outcomes) == (0, {crm(1): "applied"})
    assert "notice not given: PEOPLE" in said.err
    assert "notice not given: PING (notices.ping_env): " in said.err
    log = (told.folder / "run.log").read_text()
    assert "notice.failed" in log
    assert SECRET not in said.err + log


def test_machines_are_told_in_their_own_forms(told: Desk, ear: Ear) -> None:
    """A text file for Prometheus that others may read, written whole; lines for a workflow's page."""
    configure(told, metrics_file="syncjob.prom", people=[])
    told.environ["GITHUB_STEP_SUMMARY"] = str(told.folder / "summary.md")
    told.rows(*renamed(1), {"CRM Id": crm(2), "Stage": "Won"})
    assert told.run("apply", "--yes").code == 3
    assert ear.heard == []
    path = told.folder / "syncjob.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    lines = path.read_text().splitlines()
    assert 'syncjob_last_run_exit_code{job="desk"} 3' in lines
    assert 'syncjob_rows{job="desk",outcome="applied"} 1' in lines
    assert 'syncjob_rows_waiting{job="desk"} 1' in lines
    assert 'syncjob_requests{job="desk",method="PATCH"} 1' in lines
    summary = (told.folder / "summary.md").read_text()
    assert "### syncjob desk: 1 row needs a person, 1 of them new" in summary
    assert "| held | 1 |" in summary
    assert [one.name for one in told.folder.iterdir() if one.name.endswith(".tmp")] == []


def test_a_place_that_cannot_be_written_is_told(told: Desk, tmp_path: Path) -> None:
    """And the run ends as it would have."""
    configure(told, metrics_file=str(tmp_path / "nowhere" / "x.prom"))
    told.environ["GITHUB_STEP_SUMMARY"] = str(tmp_path)
    told.rows(*renamed(1))
    said = told.run("apply", "--yes")
    assert (said.code, said.err.count("cannot be written")) == (0, 2)


def test_an_act_about_some_rows_says_nothing_of_the_others(told: Desk, ear: Ear) -> None:
    """That all is well would be a claim; that it came to nothing is told."""
    told.rows({"CRM Id": crm(1), "Stage": "Won"})
    assert told.run("apply", "--yes").code == 3
    ear.heard.clear()
    assert told.run("approve", "last", "--yes").code == 0
    assert told.run("apply", "--yes", "--select", crm(1)).code in (0, 3)
    assert ear.titles == []
    (told.folder / "rows.csv").unlink()
    assert told.run("apply", "--yes", "--select", crm(1)).code == 4
    assert ear.titles == ["syncjob desk: the file of rows, or the plan, was refused; nothing was sent"]


def test_an_approval_is_no_sign_of_a_night(told: Desk, ear: Ear) -> None:
    """It neither pings nor writes metrics, and words that it cannot follow are nobody's news."""
    configure(told, ping_env="PING", metrics_file="x.prom")
    told.rows({"CRM Id": crm(1), "Stage": "Won"}, {"CRM Id": crm(2), "Stage": "Won"})
    assert told.run("apply", "--yes").code == 3
    metrics = (told.folder / "x.prom").read_bytes()
    ear.pings.clear()
    ear.heard.clear()
    assert told.run("approve", "nonsense", "--yes").code == 4
    assert told.run("approve", "last", "--yes", "--select", "field=name").code == 2
    assert told.run("approve", "last", "--yes", "--select", crm(1)).code == 0
    assert (ear.pings, ear.titles, (told.folder / "x.prom").read_bytes()) == ([], [], metrics)
    assert json.loads(told.run("status", "--json").out)["refused"] is None


def test_an_approval_that_came_to_nothing_in_its_middle_is_told_to_the_people(told: Desk, ear: Ear) -> None:
    """A run came of it: whoever waits for those rows hears that they were not sent."""
    configure(told, run=[])
    text = told.config.read_text()
    told.config.write_text(text.replace("concurrency: 4", "concurrency: 1\n  retries_min: 0\n  retries_share: 0"))
    told.rows({"CRM Id": crm(1), "Stage": "Won"}, {"CRM Id": crm(2), "Stage": "Won"})
    assert told.run("apply", "--yes").code == 3
    ear.heard.clear()

    def ending(request: Request) -> None:
        if request.method == "PATCH":
            told.box.rates = Rates(unavailable=1)

    told.box.watch = ending
    said = told.run("approve", "last", "--yes")
    assert said.code == 7, said.err
    assert [one["title"].rpartition(": ")[0] for one in ear.heard] == ["syncjob desk"]


def test_a_guard_that_refused_is_named_with_its_numbers(told: Desk, ear: Ear) -> None:
    """And what waited before the night waits on: the metrics keep the last known number."""
    configure(told, metrics_file="x.prom")
    told.rows({"CRM Id": crm(9), "Stage": "Won"})
    assert told.run("apply", "--yes").code == 3
    told.rows(*renamed(1, 2, 3), {"CRM Id": crm(9), "Stage": "Won"})
    text = told.config.read_text()
    told.config.write_text(text.replace("changes: null", "changes: 1"))
    ear.heard.clear()
    assert told.run("apply", "--yes").code == 6
    assert "exit code 6\nrefused by guard changes (4, limit 1)" in ear.heard[0]["message"]
    lines = (told.folder / "x.prom").read_text().splitlines()
    assert 'syncjob_last_run_exit_code{job="desk"} 6' in lines
    assert 'syncjob_rows_waiting{job="desk"} 1' in lines


def test_what_nobody_knows_is_no_metric(told: Desk) -> None:
    """A first night that came to nothing: how many rows wait is not 0."""
    configure(told, metrics_file="x.prom")
    assert told.run("apply", "--yes").code == 4
    assert "rows_waiting" not in (told.folder / "x.prom").read_text()


def test_a_night_that_came_to_nothing_is_told_every_night(told: Desk, ear: Ear) -> None:
    """`new` is silent only about rows that were told of."""
    configure(told, when="new")
    for _ in range(3):
        assert told.run("apply", "--yes").code == 4
    assert ear.titles == ["syncjob desk: the file of rows, or the plan, was refused; nothing was sent"] * 3
