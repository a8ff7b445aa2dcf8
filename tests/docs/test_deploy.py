"""The ways to run it are tried as far as a test reaches: their words are commands that there are, and the demo runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from desk import Desk, crm, renamed

from syncjob.cli.main import COMMANDS
from syncjob.sandbox.seeds import load

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "configs" / "deploy"
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def text_of(path: Path) -> str:
    """Read a file of the project."""
    return path.read_text(encoding="utf-8")


def commands() -> dict[str, str]:
    """Give the command line of each way, from the program on."""
    task = ET.fromstring(text_of(DEPLOY / "windows-task.xml"))
    steps = yaml.safe_load(text_of(DEPLOY / "github-workflow.yaml"))["jobs"]["nightly"]["steps"]
    docker = re.search(r"^CMD (\[.+\])$", text_of(DEPLOY / "Dockerfile"), re.MULTILINE)
    assert docker is not None
    return {
        "crontab": text_of(DEPLOY / "crontab").splitlines()[-1].rpartition("exec ")[2],
        "service": re.findall(r"^ExecStart=(.+)$", text_of(DEPLOY / "syncjob.service"), re.MULTILINE)[0],
        "workflow": next(step["run"] for step in steps if step.get("name") == "apply"),
        "docker": f"syncjob {' '.join(yaml.safe_load(docker[1]))}",
        "task": "syncjob " + str(task.findtext(f".//{NAMESPACE}Arguments")).replace("\\", "/"),
    }


@pytest.mark.parametrize("way", ["crontab", "service", "workflow", "docker", "task"])
def test_every_way_runs_a_command_that_there_is(desk: Desk, way: str) -> None:
    """With its own words, on a desk of ours: paths are the only thing that is put in their place."""
    words = shlex.split(commands()[way])[1:]
    assert words[0] in COMMANDS
    desk.rows(*renamed(1))
    placed = [_placed(desk, word) if "/" in word or word.endswith(".yaml") else word for word in words]
    said = desk.run(*placed)
    assert said.code == 0, said.err
    assert desk.box.store.documents()[0]["name"] == "Renamed 1"


def _placed(desk: Desk, word: str) -> str:
    name = Path(word).name
    return str(desk.config if name.endswith(".yaml") else desk.folder / name)


def test_the_manual_shows_the_crontab_that_is_there() -> None:
    """Word for word."""
    assert text_of(DEPLOY / "crontab").splitlines()[-1] in text_of(ROOT / "README.md")


@pytest.mark.parametrize("variables", [True, False])
def test_the_crontab_line_runs_under_an_empty_environment(desk: Desk, *, variables: bool) -> None:
    """As cron does it: `env -i`, a shell, another folder; what the night must know stands in a file (F-55)."""
    if variables:
        desk.put("production.env", "DESK_TOKEN='night-token'\nNOTE='mailto://a:b@c?x=1&y=$z'\n")
    else:
        desk.bare()
    desk.rows(*renamed(1))
    done = _by_cron(desk)
    assert done.returncode == 0, done.stderr
    assert "1 row applied, 1 PATCH sent" in done.stdout
    assert (desk.folder / "last.csv").stat().st_mode & 0o777 == 0o600
    assert crm(1) in (desk.folder / "last.csv").read_text(encoding="utf-8-sig")
    assert set(desk.box.tokens) == ({"Bearer night-token"} if variables else {""})


def test_the_crontab_line_runs_the_demo_to_its_end(desk: Desk) -> None:
    """The sample export against the sample referrals; the first night's two guards are lifted by name."""
    desk.bare()
    desk.box.empty(load(ROOT / "samples" / "referrals.json"))
    text = text_of(ROOT / "configs" / "sandbox.yaml")
    text = text.replace("http://127.0.0.1:8080", desk.box.url).replace("../out/sandbox.ledger", "desk.ledger")
    desk.config.write_text(text.replace("../samples/nightly.csv", str(ROOT / "samples" / "nightly.csv")))
    first = _by_cron(desk, "--allow", "first-run", "--allow", "closes=1")
    assert first.returncode == 0, first.stderr
    applied = re.search(r"(\d+) rows applied, (\d+) PATCH sent", first.stdout)
    assert applied is not None, first.stdout
    assert int(applied[1]) == int(applied[2]) == len(desk.box.patches) > 0
    again = _by_cron(desk)
    assert (again.returncode, "0 rows applied, nothing was sent" in again.stdout) == (0, True), again.stdout


def _by_cron(desk: Desk, *more: str) -> subprocess.CompletedProcess[str]:
    line = text_of(DEPLOY / "crontab").splitlines()[-1].split(maxsplit=5)[5]
    for there, here in {
        "/opt/syncjob/.venv/bin/syncjob": str(Path(sys.executable).with_name("syncjob")),
        "/etc/syncjob/production.yaml": str(desk.config),
        "/etc/syncjob/": f"{desk.folder}/",
        "/var/lib/syncjob/": f"{desk.folder}/",
    }.items():
        line = line.replace(there, here)
    return subprocess.run(
        ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/", "/bin/sh", "-c", " ".join((line, *more))],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_way_gets_the_variables_that_the_manual_names() -> None:
    """A notice whose address does not reach the night is one that nobody gets."""
    block = re.search(r"^notices:\n((?:  .+\n)+)", text_of(ROOT / "README.md"), re.MULTILINE)
    assert block is not None
    named = set(re.findall(r"\b[A-Z][A-Z_]+\b", re.sub(r"#.*", "", block[1])))
    assert named == {"TEAMS_SALES", "MAIL_ADMIN", "HEALTHCHECK"}
    steps = yaml.safe_load(text_of(DEPLOY / "github-workflow.yaml"))["jobs"]["nightly"]["steps"]
    assert named <= next(step["env"] for step in steps if step.get("name") == "apply").keys()
    assert named <= set(re.findall(r"^#(\w+)='", text_of(DEPLOY / "production.env"), re.MULTILINE))
    assert "\nEnvironmentFile=-/etc/syncjob/production.env\n" in text_of(DEPLOY / "syncjob.service")
    assert "--env-file /srv/syncjob/production.env syncjob\n" in text_of(DEPLOY / "Dockerfile")
    assert 'setx TEAMS_SALES "' in text_of(DEPLOY / "windows-task.xml")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_takes_its_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing, but for the program that is not installed here."""
    for name in ("syncjob.service", "syncjob.timer"):
        text = text_of(DEPLOY / name).replace("/opt/syncjob/.venv/bin/syncjob", "/bin/true")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "syncjob.timer"), str(tmp_path / "syncjob.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "syncjob" in line]
    assert ours == [], done.stderr


def test_the_container_needs_no_root_and_no_writable_root() -> None:
    """Not root, everything it keeps in one volume, installed by the lock with hashes."""
    text = text_of(DEPLOY / "Dockerfile")
    last = text.rpartition("FROM ")[2]
    assert re.search(r"^USER (?!0\b|root)\S+$", last, re.MULTILINE)
    assert re.search(r"^VOLUME /var/lib/syncjob$", last, re.MULTILINE)
    assert "--require-hashes -r requirements.lock" in text
    assert "--read-only" in text
    assert not re.search(r"^(ADD|ENV .*(SECRET|TOKEN))", text, re.MULTILINE)


def test_the_workflow_keeps_the_ledger_between_runs() -> None:
    """Restored before, saved after, whatever happened; and two never run at once."""
    flow = yaml.safe_load(text_of(DEPLOY / "github-workflow.yaml"))
    steps = flow["jobs"]["nightly"]["steps"]
    uses = [str(step.get("uses", "")).partition("@")[0] for step in steps]
    assert uses.index("actions/cache/restore") < uses.index("actions/cache/save")
    assert steps[uses.index("actions/cache/save")]["if"] == "always()"
    assert flow["concurrency"]["cancel-in-progress"] is False
    assert next(step for step in steps if step.get("name") == "apply")["env"]["SYNCJOB_LEDGER__FILE"].startswith(
        "state/"
    )
