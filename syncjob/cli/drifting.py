"""`syncjob drift`: who has moved since row and remote last agreed; this command has no way to write to the remote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import job_of, ledger_file, replacing, shared


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--ignore", "ignored", metavar="FIELD", multiple=True, help="Not these fields; repeatable.")
@click.option(
    "--to-crm",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write what is new in Partner Center, in your columns and formats: .csv, .xlsx or .yaml by its name.",
)
@replacing
@click.option("--json", "as_json", is_flag=True, help="Print JSON, unmasked, in place of the text.")
@shared
def drift(
    file: Path | None,
    ignored: tuple[str, ...],
    to_crm: Path | None,
    **words: Any,
) -> int:
    """Show where row and remote have moved apart, and who moved.

    FILE holds the desired states; without it the configuration's rows.file is read. For
    each field: we (the row), they (Partner Center), both, or unknown, and since when.
    Nothing is sent. Exit 0 when all agree, 10 when something is apart.
    """
    from syncjob.core.narrowing import paths_of
    from syncjob.job.reading import input_of

    job = job_of(words)
    paths = paths_of(ignored, "--ignore") if ignored else frozenset()
    return _drifted(job, input_of(job, file), paths, to_crm, as_json=words["as_json"], force=words["force"])


def _drifted(job: Any, file: Path, ignored: frozenset[str], to_crm: Path | None, *, as_json: bool, force: bool) -> int:
    import tempfile
    from contextlib import nullcontext

    from syncjob.cli.logs import final
    from syncjob.cli.options import prove_new
    from syncjob.cli.running import run
    from syncjob.cli.showing import hush
    from syncjob.cli.terminal import emit, say
    from syncjob.core.fields import PRIVATE
    from syncjob.core.report import OF_CAUSE, PRECEDENCE
    from syncjob.errors import Exit
    from syncjob.job import drifting as story
    from syncjob.ledger import Ledger
    from syncjob.model.memory import Since
    from syncjob.reports import drift as form
    from syncjob.reports import tables
    from syncjob.reports.values import visible

    if to_crm is not None:
        prove_new(to_crm, force=force)
        tables.prove_writable([to_crm], taken=(file, *job.files))
    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        found = run(lambda: story.drift(job, file, ignored, Path(folder)), job.stop)
        if isinstance(found, Exit):
            return found
        hush(job)
        head, totals = found.plan.header, story.totals(found)
        for note in found.plan.footer.notes:
            say(f"note: {visible(note)}")
        path = ledger_file(job)
        with Ledger(path) if path.exists() else nullcontext() as ledger:

            def since(one: Any) -> Any:
                return found.since(ledger, one) if ledger else Since()

            facts = {"job": head.job, "remote": head.remote, "source": head.source, "made_at": head.made_at}
            title = f"of {head.source}, job {head.job}"
            emit(
                form.as_json(facts, found.apart(), since, totals)
                if as_json
                else form.render(title, found.apart(), since, totals, PRIVATE)
            )
        uncompared = sum(1 for _ in found.uncompared())
        if uncompared:
            say(f"{uncompared} rows could not be compared; syncjob plan says why")
        if to_crm is not None:
            _told(story.news(found), to_crm)
        ended = {OF_CAUSE[cause] for cause, count in found.plan.footer.totals.items() if count and cause in OF_CAUSE}
        ended.add(Exit.PENDING if totals["apart"] else Exit.OK)
        return final(job.log, next(one for one in PRECEDENCE if one in ended))


def _told(news: Any, place: Path) -> None:
    """Write Partner Center's news for the CRM, and say what could not be said."""
    from syncjob.cli.terminal import say
    from syncjob.reports import tables
    from syncjob.reports.values import visible
    from syncjob.reports.workbook import Column, Sheet

    for why in news.unsaid:
        say(f"not written: {visible(why)}")
    if not news.rows:
        say("nothing is new in Partner Center; no file was written")
        return
    sheet = Sheet("news", tuple(Column(name) for name in news.columns), [(row, "") for row in news.rows])
    written = tables.write(place, sheet)
    say(f"{len(news.rows)} rows with news from Partner Center written to {written}; load it into the CRM")
