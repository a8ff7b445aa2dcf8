"""`syncjob plan`: a file goes in, what would change comes out; this command has no way to write to the remote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, reporting, shared


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="PLAN", type=click.Path(path_type=Path), help="Keep the plan, to look at and apply."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when changes are pending.")
@reporting
@shared
def plan(
    file: Path | None,
    output: Path | None,
    reports: tuple[Path, ...],
    config: str | None,
    allow: tuple[str, ...],
    log_file: Path | None,
    **flags: bool,
) -> int:
    """Show what would change; nothing is sent.

    FILE holds the desired states, CSV or YAML; - is standard input. Without FILE the
    configuration's rows.file is read.
    """
    job = job_of(config, allow, log_file, strict=flags["strict"])
    named = f" -c {config}" if config else ""
    return _planned(job, file, output, reports, named, as_json=flags["as_json"], detailed=flags["detailed_exitcode"])


def _planned(
    job: Any,
    file: Path | None,
    output: Path | None,
    reports: tuple[Path, ...],
    named: str,
    *,
    as_json: bool,
    detailed: bool,
) -> int:
    import tempfile

    from syncjob import job as story
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import free, show
    from syncjob.cli.terminal import say
    from syncjob.core.report import exit_code
    from syncjob.errors import Exit
    from syncjob.job.reading import input_of
    from syncjob.model import Cause
    from syncjob.reports import prove_writable

    source = input_of(job, file)
    prove_writable(reports, taken=(source, *job.files, *([output] if output else ())))
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        out = free(output, (source, *job.files)) if output else Path(folder) / "plan"
        made = run(lambda: story.plan(job, source, out), job.stop)
        if isinstance(made, Exit):
            return made
        show(job, story.of_plan(made), reports, as_json=as_json)
        if output and not made.footer.totals.get(Cause.TO_SEND):
            say(f"plan kept in {output}; nothing can be sent from it")
        elif output:
            say(f"plan kept in {output}; to send it: syncjob apply {output}{named}")
        return final(job.log, exit_code(made.footer.totals, job.settings.tolerate, pending=detailed))
