from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from desk import PATIENCE_S, Desk, crm, guid, renamed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob import planfile
from syncjob.planfile import PlanFile


@pytest.fixture
def kept(desk: Desk) -> Path:
    """Keep a plan of two changes; what is asked of the sandbox from here on is counted anew."""
    desk.rows(*renamed(1, 2))
    desk.run("plan", "-o", "tonight.plan")
    desk.box.records.clear()
    return desk.folder / "tonight.plan"


def _refused(desk: Desk, words: str, plan: str = "tonight.plan") -> None:
    said = desk.run("apply", plan, "--yes")
    assert said.code == 4, said
    assert words in said.err
    assert "Traceback" not in said.err
    assert desk.box.records == []


def test_a_plan_goes_once(desk: Desk, kept: Path) -> None:
    """The second apply of a plan, and of a copy of it, is refused by the name of the run that sent it."""
    first = desk.run("apply", kept, "--yes", "--json")
    assert first.code == 0
    desk.box.records.clear()
    shutil.copy(kept, desk.folder / "copy.plan")
    for name in ("tonight.plan", "copy.plan"):
        words = f"sent already, by run {first.report['run']['id']}, and nothing of it is left to send: plan again"
        _refused(desk, words, name)


def test_an_old_plan_is_refused(desk: Desk, kept: Path) -> None:
    """Beyond plan.age_max the remote has moved on: plan again."""
    plan = PlanFile(kept)
    made_at = (datetime.now(UTC) - timedelta(hours=30)).isoformat(timespec="seconds")
    planfile.write(kept, replace(plan.header, made_at=made_at), list(plan.lines()), lambda: plan.footer)
    _refused(desk, "made 30 h ago, plan.age_max is 24 h; plan again")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"guards": {"closes": 3}}, "the configuration that decided it has changed since"),
        ({"merge": {"drift": "overwrite"}}, "the configuration that decided it has changed since"),
        ({"rows": {"file": "rows.csv", "strict_columns": True}}, "the configuration that decided it has changed since"),
        ({"remote": {"tenant": "contoso"}}, "made for tenant None, this is 'contoso'"),
        ({"remote": {"url": "http://127.0.0.1:9"}}, "made for remote 'http://127.0.0.1:"),
        ({"job": "other"}, "made for job 'desk', this is 'other'"),
    ],
)
def test_a_plan_belongs_to_the_configuration_that_made_it(
    desk: Desk, kept: Path, sections: dict[str, str], words: str
) -> None:
    """Another job, remote, tenant or deciding key refuses the plan before anything is asked."""
    desk.configure(**sections)
    _refused(desk, words)


def test_what_does_not_decide_may_change(desk: Desk, kept: Path) -> None:
    """Pace and paths are no part of the decision: the plan still goes."""
    desk.configure(limits={"concurrency": 1}, rows={"file": "elsewhere.csv"}, ledger={"file": "other.ledger"})
    assert desk.run("apply", kept, "--yes").code == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace("Renamed 1", "Renamed 9"), "was altered after it was made"),
        (lambda text: text.replace('"to_send":2', '"to_send":3'), "was altered after it was made"),
        (lambda text: text.replace('"notes":[', '"notes":["x",'), "was altered after it was made"),
        (lambda text: text[:-1], "was altered after it was made"),
        (lambda text: text + "\n", "is cut off or no plan at all"),
        (lambda text: text[: len(text) // 2], "is cut off or no plan at all"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "was altered after it was made"),
        (lambda text: text.splitlines(keepends=True)[0], "was altered after it was made"),
        (lambda text: text.replace('"version":2', '"version":3'), "of version 3, this syncjob knows 2; plan again"),
        (lambda text: text[:17] + "," + '"x":' + "[" * 100_000, "is cut off or no plan at all"),
    ],
)
def test_a_plan_that_was_touched_is_refused(desk: Desk, kept: Path, spoil: Callable[[str], str], words: str) -> None:
    """Edited rows, totals or notes, a cut anywhere, another version: exit 4, nothing asked, nothing sent."""
    text = kept.read_text()
    assert spoil(text) != text
    kept.write_text(spoil(text))
    _refused(desk, words)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_plan_with_one_byte_flipped_never_goes(desk: Desk, data: st.DataObject) -> None:
    """Whatever byte of a plan differs, the run ends with 4 before anything is asked."""
    kept = desk.folder / "tonight.plan"
    whole = desk.folder / "whole.plan"
    if not whole.exists():
        desk.rows(*renamed(1))
        assert desk.run("plan", "-o", whole.name).code == 0
        desk.box.records.clear()
    content = bytearray(whole.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    kept.write_bytes(content)
    said = desk.run("apply", kept, "--yes")
    assert (said.code, desk.box.records) == (4, []), said


def test_a_plan_that_is_not_there_is_a_missing_input(desk: Desk) -> None:
    """The message names the path; no token is asked for, no request made."""
    _refused(desk, "input not found: gone.plan", "gone.plan")


def test_a_plan_is_known_by_its_content_not_its_name(desk: Desk, kept: Path) -> None:
    """A plan called rows.csv is still a plan."""
    kept.rename(desk.folder / "plan.csv")
    assert desk.run("apply", "plan.csv", "--yes").code == 0
    assert len(desk.box.patches) == 2


def test_an_altered_plan_leaves_its_twin_free_to_go(desk: Desk, kept: Path) -> None:
    """A refusal spends nothing: the whole plan still goes afterwards."""
    (desk.folder / "bad.plan").write_bytes(kept.read_bytes().replace(b"Renamed 1", b"Renamed 3"))
    _refused(desk, "was altered", "bad.plan")
    assert desk.run("apply", kept, "--yes", "--json").outcomes == {crm(1): "applied", crm(2): "applied"}


def test_a_called_off_plan_may_go_later(desk: Desk, kept: Path) -> None:
    """Without --yes nothing is spent: the same plan goes once somebody agrees."""
    assert desk.run("apply", kept).code == 2
    assert json.loads(desk.run("apply", kept, "--yes", "--json").out)["totals"]["applied"] == 2


def test_what_was_shown_is_what_goes(desk: Desk, kept: Path) -> None:
    """While a person reads the question another plan takes the file's place: what was shown is sent, not that one."""
    desk.rows(*renamed(3, 4, 5))
    assert desk.run("plan", "-o", "other.plan").code == 0
    desk.box.records.clear()
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def answer() -> None:
        with contextlib.suppress(OSError):
            while b"[y/N]" not in b"".join(seen):
                seen.append(os.read(ours, 4096))
            (desk.folder / "other.plan").replace(kept)
            os.write(ours, b"y\n")
            while shown := os.read(ours, 4096):
                seen.append(shown)

    person = threading.Thread(target=answer)
    person.start()
    try:
        with os.fdopen(theirs, "r", closefd=False) as entered, os.fdopen(theirs, "w") as shown:
            said = desk.run("apply", kept, "--json", stdin=entered, err=shown)
    finally:
        person.join(PATIENCE_S)
        os.close(ours)
    assert said.code == 0, seen
    assert b"Send 2 changes" in b"".join(seen)
    assert said.outcomes == {crm(1): "applied", crm(2): "applied"}
    assert sorted(record.path[-36:] for record in desk.box.patches) == [guid(1), guid(2)]
