"""Options that several commands share, and how they become a `Job`."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:  # the rooms behind these names are heavy; `--help` must not pay for them
    from syncjob.cli.terminal import Bar
    from syncjob.core.adopting import Whose
    from syncjob.exchange import Log
    from syncjob.job import Job
    from syncjob.ledger import Lock
    from syncjob.settings import Settings

RUNS_BACK_MAX = 10
Command = TypeVar("Command", bound=Callable[..., Any])


def shared(command: Command) -> Command:
    """Add the options that every command over a file has."""
    return _all(
        command,
        click.option(
            "-c",
            "--config",
            metavar="FILE",
            help="The configuration; else SYNCJOB_CONFIG, else ./syncjob.yaml.",
        ),
        click.option(
            "--allow",
            metavar="NAME[=N]",
            multiple=True,
            help="Lift a guard for this run, or give it the limit N; repeatable. See `syncjob apply --help`.",
        ),
        click.option("--strict", is_flag=True, help="Refuse what is otherwise warned of: odd text, unmapped columns."),
        click.option(
            "--log-file", metavar="FILE", type=click.Path(path_type=Path), help="Append JSON lines, one an event."
        ),
    )


def looking(command: Command) -> Command:
    """Add the option of commands that only look at what is kept."""
    return _all(
        command,
        click.option(
            "-c", "--config", metavar="FILE", help="The configuration; else SYNCJOB_CONFIG, else ./syncjob.yaml."
        ),
    )


def deciding(command: Command) -> Command:
    """Add the options of commands that hold rows against referrals."""
    return _all(
        command,
        click.option(
            "--adopt",
            type=click.Choice(["row", "remote"]),
            help="Whose word counts where nobody knows who moved: the row's, or Partner Center's.",
        ),
        click.option("--only-fields", metavar="NAMES", help="Only these fields, parted by commas; the others rest."),
    )


def scoping(command: Command) -> Command:
    """Add the options that say which rows a run is about, and how long it may take."""
    return _all(
        command,
        click.option(
            "--select",
            "selected",
            metavar="WHAT",
            multiple=True,
            help="Only these: a key, row=N, field=NAME, or outcome=WORD of the last run. Kinds narrow, words add up.",
        ),
        click.option("--exclude", "excluded", metavar="WHAT", multiple=True, help="Not these; as --select says it."),
        click.option("--max-duration", metavar="30m", type=Duration(), help="When it is up, the rest waits."),
        click.option("--errors-max", metavar="N", type=click.IntRange(min=0), help="End when more rows have failed."),
    )


def reporting(command: Command) -> Command:
    """Add the options of commands that show a report."""
    return _all(
        command,
        click.option(
            "--report",
            "reports",
            metavar="FILE",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Write the report too: .html, .xlsx, .csv, .json, .md or .txt by its name; repeatable.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the JSON report in place of the text."),
        click.option(
            "--full", is_flag=True, expose_value=False, callback=_looked, help="Show every row, not a screenful."
        ),
        click.option(
            "--show-private",
            is_flag=True,
            expose_value=False,
            callback=_looked,
            help="Show names, mails, phones and notes in text, page and Markdown too.",
        ),
    )


def _looked(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep how a report is to be looked at: that is `showing`'s matter, and no command's on the way."""
    context.meta[f"syncjob.{option.name}"] = value


def _all(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


class Duration(click.ParamType[float]):
    """A number and a unit, as in 10m; seconds come out."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it (the contract of click)."""
        from syncjob.settings.kinds import duration

        if isinstance(value, float):  # a default
            return value
        try:
            return duration(str(value)).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


def job_of(words: Mapping[str, Any]) -> Job:
    """Build the job of a command's own words, as the options above name them; what was not asked for is not said."""
    from syncjob import config as configuration
    from syncjob.cli.terminal import Bar
    from syncjob.core.guard import allowances
    from syncjob.core.selecting import scope_of
    from syncjob.errors import UsageRefused
    from syncjob.exchange import World
    from syncjob.job import Job

    path = configuration.find(words.get("config"), os.environ, Path.cwd())
    settings = _bounded(configuration.load(path, os.environ), words)
    scope, paths = scope_of(words.get("selected", ()), words.get("excluded", ()), words.get("only_fields"))
    log_file: Path | None = words.get("log_file")
    files = tuple(_files(path, settings))
    if log_file is not None and log_file.resolve() in {one.resolve() for one in files}:
        raise UsageRefused(f"log {log_file}: is a file that this job reads or keeps; name another")
    bar = Bar()
    click.get_current_context().call_on_close(bar.close)
    world = World(lambda: datetime.now(UTC), time.monotonic, asyncio.sleep, random.SystemRandom())
    allowed, log = allowances(words.get("allow", ())), _log(log_file, bar)
    try:
        return Job(
            settings=settings,
            world=world,
            log=log,
            environ=os.environ,
            allowed=allowed,
            strict=words.get("strict", False),
            adopt=cast("Whose | None", words.get("adopt")),
            only=paths,
            scope=scope,
            operator=_operator(),
            reason=words.get("reason", ""),
            progress=bar.show,
            stdin=getattr(sys.stdin, "buffer", None),
            files=files,
        )
    except UsageRefused as error:  # of columns and fields: which file names them is known here
        raise UsageRefused(*(f"{path}: {problem}" for problem in error.problems)) from None


def _bounded(settings: Settings, words: Mapping[str, Any]) -> Settings:
    """Give the settings with the bounds that the command line names."""
    lasting = words.get("max_duration")
    said = {
        "duration_max": None if lasting is None else timedelta(seconds=lasting),
        "errors_max": words.get("errors_max"),
    }
    limits = settings.limits.model_copy(update={name: value for name, value in said.items() if value is not None})
    return settings.model_copy(update={"limits": limits})


def _operator() -> str:
    """Name the account that runs this, and its machine."""
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = str(os.getuid()) if hasattr(os, "getuid") else "nobody knows"
    return f"{user}@{platform.node()}"


def named(config: str | None) -> str:
    """Give the option by which the next command names the same configuration, as a shell takes it."""
    return f" -c {quote(config)}" if config else ""


def replacing(command: Command) -> Command:
    """Add the option of commands that write a file for people to work in."""
    return _all(command, click.option("--force", is_flag=True, help="Replace a file that is there."))


def prove_new(output: Path, *, force: bool | None = None) -> None:
    """Refuse to replace a file in which somebody may have worked; `force` is None where no option allows it."""
    from syncjob.errors import UsageRefused

    if output.exists() and not force:
        way_out = "name another" if force is None else "--force replaces it"
        raise UsageRefused(f"{output}: is there already, perhaps with somebody's work in it; {way_out}")


def knowing_last(job: Job) -> Job:
    """Give the job with how every row ended in its last run, where the scope asks for that."""
    import dataclasses

    from msgspec import structs

    from syncjob.core.selecting import names_of
    from syncjob.job.reading import BASES
    from syncjob.ledger import Ledger
    from syncjob.model import Cause

    path, scope = ledger_file(job), job.scope
    if scope is None or not path.exists() or not any(one and one.outcomes for one in (scope.select, scope.exclude)):
        return job
    ended: dict[str, frozenset[str]] = {}
    with Ledger(path) as ledger:
        for run in reversed(ledger.runs(job.settings.job, job.address, BASES)[:RUNS_BACK_MAX]):
            for row in ledger.outcomes(run):
                if row.cause is not Cause.NOT_SELECTED:  # of such a row an earlier run knows more
                    words = frozenset((str(row.outcome), str(row.cause)))
                    ended |= {name.casefold(): words for name in names_of(row)}
    return dataclasses.replace(job, scope=structs.replace(scope, ended=ended))


def lock_of(job: Job) -> Lock:
    """Give the lock of the job over its remote and tenant."""
    from syncjob.ledger import Lock

    return Lock(ledger_file(job), job.settings.job, job.address)


def ledger_file(job: Job) -> Path:
    """Give the ledger's path, which the configuration's loading has made absolute, and make its folder."""
    from syncjob.errors import StorageRefused

    path = job.settings.ledger.file
    assert path is not None, "loading fills it in"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageRefused(f"ledger {path}: its folder cannot be made: {error.strerror}") from error
    return path


def _files(config: Path, settings: Settings) -> Iterator[Path]:
    """Name what the job reads and keeps."""
    yield config
    if settings.rows.file is not None:
        yield settings.rows.file
    if settings.match is not None and settings.match.links is not None:
        yield settings.match.links
    if settings.ledger.file is not None:
        for tail in ("", "-wal", "-shm"):
            yield settings.ledger.file.with_name(settings.ledger.file.name + tail)


def _log(path: Path | None, bar: Bar) -> Log:
    """Open the log; it is closed when the command ends. The bar hears of it when the remote throttles."""
    from syncjob.cli.logs import LogFile, StderrLog, Watched

    if path is None:
        return Watched(StderrLog(), bar.throttled)
    log = LogFile(path)
    click.get_current_context().call_on_close(log.close)
    return Watched(log, bar.throttled)
