"""`syncjob doctor`: what would fail at two o'clock, said in the evening; one line a thing, one remedy a fault."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, ledger_file, lock_of, looking

SHOWN = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
CRON = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}


@click.command()
@click.option("--as-cron", is_flag=True, help="Look as cron would run it: with next to no environment, from elsewhere.")
@click.option(
    "--probe-if-match",
    "probed",
    metavar="ID",
    default="",
    help="Prove with this referral that the remote honours If-Match: a patch that changes nothing, under a wrong eTag.",
)
@click.option(
    "--env-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --as-cron: the variables that the crontab's line reads, NAME='value' as sh takes it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@looking
def doctor(config: str | None, probed: str, env_file: Path | None, *, as_cron: bool, as_json: bool) -> int:
    """Say in the evening what would fail at night.

    Looks at the configuration, the input, the disk, the ledger and its lock, the last run,
    the proxy, whether those whom it concerns could be told, the sign-in, the clock, the listing
    and one referral. Only GET is sent, and no notice. Exit 0 when nothing fails, else what the
    night would end with.
    """
    import asyncio

    from syncjob.cli.terminal import emit
    from syncjob.core.report import PRECEDENCE
    from syncjob.errors import Exit, UsageRefused
    from syncjob.job import examining
    from syncjob.model import dumps
    from syncjob.model.finding import Health

    if as_cron:
        return _as_cron(config, probed, env_file, as_json=as_json)
    if env_file is not None:
        raise UsageRefused("--env-file goes with --as-cron: without it this shell's own variables are looked at")
    job = job_of({"config": config})
    ledger_file(job)
    unused = examining.unused(job)
    found = [*examining.at_home(job, lock_of(job)), *([unused] if unused else [])]

    async def look() -> None:
        found.extend([one async for one in examining.abroad(job, probed)])

    asyncio.run(look())
    emit([dumps([one.to_json() for one in found]), "\n"] if as_json else _lines(found))
    failed = {one.exit for one in found if one.health is Health.FAIL}
    return next((one for one in (*PRECEDENCE, *Exit) if one in failed), Exit.OK)


def _lines(found: Iterable[Any]) -> Iterable[str]:
    from syncjob.reports.values import visible

    for one in found:
        word, colour = SHOWN[one.health]
        yield f"{_coloured(word, colour)}  {one.name:<14} {visible(one.said)}\n"
        if one.remedy:
            yield f"{'':<20} -> {visible(one.remedy)}\n"


def _coloured(word: str, colour: str) -> str:
    import sys

    return click.style(word, fg=colour) if sys.stdout is not None and sys.stdout.isatty() else word


def _as_cron(config: str | None, probed: str, env_file: Path | None, *, as_json: bool) -> int:
    """Run again as cron does: with its few variables and those of a file that its line reads, in the account's home."""
    import subprocess
    import sys

    from syncjob import config as configuration
    from syncjob.cli.terminal import emit, say

    path = configuration.find(config, os.environ, Path.cwd()).resolve()
    if config is None:
        say(f"note: cron knows neither SYNCJOB_CONFIG nor this folder: name the configuration there, -c {path}")
    home = os.path.expanduser("~")  # noqa: PTH111  # Path.home raises where there is none
    words = [*(["--probe-if-match", probed] if probed else []), *(["--json"] if as_json else [])]
    done = subprocess.run(  # noqa: S603  # this very program
        [*_reading(env_file), sys.executable, "-m", "syncjob", "doctor", "-c", str(path), *words],
        env={**CRON, "HOME": home},
        cwd=home if Path(home).is_dir() else "/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    emit([done.stdout])
    if done.stderr:
        say(done.stderr.rstrip("\n"))
    return done.returncode


def _reading(env_file: Path | None) -> list[str]:
    """Give the words before a command that let a shell read a file of variables, as the crontab's line does."""
    from syncjob.cli.terminal import say
    from syncjob.errors import UsageRefused

    if env_file is None:
        return []
    try:
        with env_file.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise UsageRefused(f"--env-file {env_file}: cannot be read: {error.strerror}") from None
    if mode & 0o077:
        say(f"note: {env_file} holds secrets, and others may read it: chmod 600 {env_file}")
    return ["/bin/sh", "-c", 'set -a; . "$0"; exec "$@"', str(env_file.resolve())]
