"""`syncjob plan`: a file goes in, what would change comes out; this command has no way to write to the remote."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import click
from msgspec import Struct

from syncjob.cli.options import deciding, job_of, knowing_last, named, reporting, scoping, shared


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="PLAN", type=click.Path(path_type=Path), help="Keep the plan, to look at and apply."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when changes are pending.")
@deciding
@scoping
@reporting
@shared
def plan(
    file: Path | None,
    **words: Any,
) -> int:
    """Show what would change; nothing is sent.

    FILE holds the desired states: CSV, YAML, JSON or a workbook; - is standard input. Without FILE the
    configuration's rows.file is read.
    """
    from syncjob.job.planning import plan_given
    from syncjob.job.reading import from_file, input_of

    job = knowing_last(job_of(words))
    source = input_of(job, file)
    wanted = Wanted.of(words)
    return planned(
        job, lambda out: plan_given(job, lambda folder: from_file(job, source, folder), out), (source,), wanted
    )


class Wanted(Struct, frozen=True):
    """What is to be made of a plan: files to write, what is printed, and which configuration the next command needs."""

    output: Path | None
    reports: tuple[Path, ...]
    config: str | None
    as_json: bool
    detailed: bool

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Wanted:
        """Take it out of a command's words."""
        kinds = ("output", "reports", "config", "as_json", "detailed_exitcode")
        return cls(*(words[name] for name in kinds))


def planned(
    job: Any, make: Callable[[Path], Coroutine[Any, Any, Any]], read_from: tuple[Path, ...], wanted: Wanted
) -> int:
    """Let `make` write a plan, show it and keep it; `read_from` are files that nothing may replace."""
    import tempfile

    from syncjob import job as story
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import free, show
    from syncjob.cli.terminal import is_watched, say
    from syncjob.core.report import exit_code
    from syncjob.errors import Exit
    from syncjob.model import Cause
    from syncjob.reports import prove_writable

    output, taken = wanted.output, (*read_from, *job.files)
    prove_writable(wanted.reports, taken=(*taken, *([output] if output else ())))
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        out = free(output, taken) if output else Path(folder) / "plan"
        made = run(lambda: make(out), job.stop)
        if isinstance(made, Exit):
            return made
        show(job, story.of_plan(made), wanted.reports, as_json=wanted.as_json)
        if output:
            command = f"syncjob apply {quote(str(output))}{named(wanted.config)}"
            if made.footer.totals.get(Cause.TO_SEND):
                say(f"plan kept in {output}; to send it: {command}")
            elif _answers(made):
                decided = "nothing is to be sent, but what was decided counts only once it is applied"
                say(f"plan kept in {output}; {decided}: {command}")
            else:
                say(f"plan kept in {output}; nothing can be sent from it")
        elif made.footer.totals.get(Cause.TO_SEND) and is_watched():
            config = named(wanted.config)
            say(f"to keep it: syncjob plan -o FILE{config}; to send it: syncjob apply{config}")
        return final(job.log, exit_code(made.footer.totals, job.settings.tolerate, pending=wanted.detailed))


def _answers(made: Any) -> bool:
    """Tell whether a person has settled something in a plan that is remembered when it is applied."""
    from syncjob.core.agreeing import answered
    from syncjob.job.reading import NOTHING

    return made.header.moves != NOTHING and any(answered(row) for row in made.rows())
