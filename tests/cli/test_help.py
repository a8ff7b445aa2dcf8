from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from desk import PROGRAM, Desk

from syncjob import __version__
from syncjob.core.guard import NAMES

HEAVY = ("httpx", "pydantic", "pandas", "yaml", "rich", "starlette", "uvicorn")
HELP_CPU_S_MAX = 0.30  # the promise is 0.15; the rest is for machines busier and slower than the one it was made on


def _cpu_s(*words: str) -> float:
    """Seconds of CPU that a process costs, user and system together, at its best of five."""

    def once() -> float:
        with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return used.ru_utime + used.ru_stime

    return min(once() for _ in range(5))


def test_help_costs_next_to_nothing() -> None:
    """`syncjob --help` is hardly more than starting Python."""
    assert _cpu_s("-m", "syncjob", "--help") - _cpu_s("-c", "pass") < HELP_CPU_S_MAX


@pytest.mark.parametrize("words", [["--help"], ["apply", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """What only a run needs is not loaded to print a page."""
    script = (
        "import sys\nfrom syncjob.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == "[]\n"


def test_help_lists_the_commands_in_the_order_of_a_first_day(desk: Desk) -> None:
    """Every command in a line; bare `syncjob` shows the same."""
    said = desk.run("--help")
    names = [line.split()[0] for line in said.out.partition("Commands:")[2].splitlines() if line.strip()]
    assert said.code == 0
    assert names[:5] == ["init", "login", "validate", "plan", "apply"]
    assert desk.run("-h").out == said.out
    for name in names:
        assert desk.run(name, "--help").out.startswith(f"Usage: syncjob {name} ")


def test_help_of_apply_lists_the_guards(desk: Desk) -> None:
    """Every name that --allow takes stands there with its meaning."""
    said = desk.run("apply", "--help")
    listed = {line.split()[0]: " ".join(line.split()[1:]) for line in said.out.splitlines() if line.startswith("    ")}
    assert [name for name in NAMES if listed.get(name) != NAMES[name]] == []


def test_version_is_one_line(desk: Desk) -> None:
    """Name and version, nothing else."""
    assert desk.run("--version").out == f"syncjob {__version__}\n"
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"syncjob {__version__}\n"


@pytest.mark.parametrize("words", [["pla"], ["plan", "--nope"], ["plan", "a", "b"], ["apply", "--report"], []])
def test_usage_mistakes_are_exit_two(desk: Desk, words: list[str]) -> None:
    """Usage goes to stderr with exit 2; a bare call shows the commands."""
    said = desk.run(*words)
    assert said.code == 2
    assert any(opening in said.err + said.out for opening in ("Usage: syncjob", "Error: "))


def test_a_run_leaves_no_open_umask(desk: Desk, tmp_path: Path) -> None:
    """What the program makes is its owner's, whatever the umask was."""
    desk.rows({"CRM Id": "CRM-00001", "Deal": "x"})
    desk.run("plan", "-o", "kept.plan", "--report", "kept.csv", "--log-file", "kept.log")
    assert [path.name for path in tmp_path.glob("kept.*") if path.stat().st_mode & 0o077] == []
