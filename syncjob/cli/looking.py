"""`syncjob show`, `explain`, `history` and `status`: what the ledger knows; nothing is asked of the remote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncjob.cli.options import job_of, ledger_file, lock_of, looking, reporting

if TYPE_CHECKING:  # the rooms behind these names are heavy; `--help` must not pay for them
    from syncjob.job import Job
    from syncjob.ledger import Ledger

LAST = "last"


@contextmanager
def ledger_of(job: Job) -> Iterator[Ledger]:
    """Open the job's ledger; InputRefused where it has none yet."""
    from syncjob.cli.terminal import say
    from syncjob.errors import InputRefused
    from syncjob.ledger import Ledger

    path = ledger_file(job)
    if not path.exists():
        raise InputRefused(
            f"ledger {path}: there is none yet, so that nothing is remembered; the first apply begins it"
        )
    with Ledger(path) as ledger:
        tell_copy(ledger)
        if ledger.rebuilt:
            say(f"note: this ledger was rebuilt on {ledger.rebuilt}, and rows of runs before that are lost")
        yield ledger


def tell_copy(ledger: Ledger) -> None:
    """Say that a ledger of an earlier version was brought up, and where it is kept as it was."""
    from syncjob.cli.terminal import say

    if ledger.copy is not None:
        say(f"the ledger was brought up to this version; a copy of what it was: {ledger.copy}")


def run_named(ledger: Ledger, job: Job, name: str) -> str:
    """Give the id of a run: the one named, or the last; InputRefused where there is none such."""
    from syncjob.errors import InputRefused

    known = ledger.runs(job.settings.job, job.address)
    if name == LAST and known:
        return known[0]
    found = [run for run in known if run == name] or [run for run in known if run.endswith(f"-{name}")]
    if len(found) == 1:
        return found[0]
    last = f"; the last is {known[0]}" if known else ""
    raise InputRefused(f"{name}: is no run of job {job.settings.job} that {ledger.path} knows{last}")


@click.command()
@click.argument("what", metavar="RUN|PLAN")
@click.option(
    "--input",
    "archived",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the file that the run had read, to the letter.",
)
@reporting
@looking
def show(what: str, archived: Path | None, reports: tuple[Path, ...], config: str | None, *, as_json: bool) -> int:
    """Show a past run or a kept plan again.

    RUN is the id of a run, or last. Of a run that died, rows without an end are told as
    such. --report writes the report in any form.
    """
    from syncjob import job as story
    from syncjob.cli.showing import show as shown
    from syncjob.cli.terminal import say
    from syncjob.errors import UsageRefused
    from syncjob.ledger import at_work, refusals
    from syncjob.planfile import PlanFile, is_plan
    from syncjob.reports import prove_writable

    job, path = job_of({"config": config}), Path(what)
    prove_writable(reports, taken=(path, *job.files))
    if is_plan(path):
        if archived is not None:
            raise UsageRefused("--input goes with a run: a plan does not hold the file that it was made of")
        shown(job, story.of_plan(PlanFile(path)), reports, as_json=as_json)
        return 0
    with ledger_of(job) as ledger:
        run, lock = run_named(ledger, job, what), lock_of(job)
        if what == LAST and (refused := refusals.last(ledger.database, lock)):
            say(f"note: an apply came to no run since, exit code {refused.exit_code}: {refused.said}")
        alive = run in (at_work(lock, ledger.database) or "")
        shown(job, story.of_run(ledger, run, alive=alive), reports, as_json=as_json)
        if archived is not None:
            _written(job, ledger, run, archived)
    return 0


def _written(job: Job, ledger: Ledger, run: str, place: Path) -> None:
    """Write the input of a run to a file that is not there yet."""
    from syncjob.cli.options import prove_new
    from syncjob.cli.terminal import say
    from syncjob.errors import InputRefused
    from syncjob.reports.files import put

    prove_new(place)
    chunks = ledger.input(ledger.facts(run)["digest"])
    if chunks is None:
        raise InputRefused(f"run {run}: its input was not archived: it sent a kept plan, or it was purged")
    say(f"input written to {put(place, lambda file: file.writelines(chunks), what='input')}")
    job.log.info("input.written", run=run)


@click.command()
@click.argument("what", metavar="RUN|PLAN")
@click.argument("row", metavar="ROW")
@looking
@click.option("--json", "as_json", is_flag=True, help="Print the row as JSON, unmasked.")
def explain(what: str, row: str, config: str | None, *, as_json: bool) -> int:
    """Say how one row got from its cell to its end.

    RUN is the id of a run, or last; PLAN a kept plan. ROW is its key, its referral, its
    number, or where it stood, as in deals.csv:17.
    """
    from syncjob.cli.terminal import emit
    from syncjob.core.fields import PRIVATE
    from syncjob.job import of_run
    from syncjob.ledger import at_work
    from syncjob.planfile import PlanFile, is_plan
    from syncjob.reports.explaining import render

    job, path = job_of({"config": config}), Path(what)
    if is_plan(path):
        plan = PlanFile(path)
        found, title, attempts = _row(plan.rows(), row, what), f"plan {plan.header.id}", []
    else:
        with ledger_of(job) as ledger:
            run = run_named(ledger, job, what)
            alive = run in (at_work(lock_of(job), ledger.database) or "")
            found = _row(of_run(ledger, run, alive=alive).rows(), row, f"run {run}")
            title, attempts = f"run {run}, begun {ledger.facts(run)['began_at']}", ledger.sends(run, found.n)
    emit([found.to_line().decode(), "\n"] if as_json else render(title, found, PRIVATE, attempts))
    return 0


def _row(rows: Any, word: str, where: str) -> Any:
    from syncjob.errors import InputRefused

    found = [one for one in rows if word in _names(one)]
    if len(found) == 1:
        return found[0]
    if not found:
        how = "name its key, its number or where it stood, as in rows.csv:17"
        raise InputRefused(f"{where}: has no row {word!r}; {how}")
    places = ", ".join(f"{one.place} (row {one.n})" for one in found[:5])
    raise InputRefused(f"{where}: {len(found)} rows are called {word!r}: {places}; name one by its place")


def _names(row: Any) -> set[str]:
    from syncjob.core.selecting import names_of

    return {str(row.n), *names_of(row), str(row.place), row.place.address()} - {""}


@click.command()
@click.option("--deal", metavar="KEY", default="", help="Of one deal: its key, or its referral's id.")
@click.option("--field", "fields", metavar="NAME", multiple=True, help="Of these fields only; repeatable.")
@click.option("--since", metavar="WHEN", default="", help="Not before: a day as in 2026-11-01, or a span as in 7d.")
@looking
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, unmasked.")
def history(deal: str, fields: tuple[str, ...], since: str, config: str | None, *, as_json: bool) -> int:
    """Show what was written to referrals: when, from what to what, by whom and why.

    What a run found changed that it had not written itself was written elsewhere, between
    that run and the last one that looked.
    """
    from syncjob.cli.terminal import emit
    from syncjob.core.fields import PRIVATE
    from syncjob.core.narrowing import paths_of
    from syncjob.job.telling import facts_of, prove_known, told, unanswered
    from syncjob.model import dumps
    from syncjob.reports.looking_back import history as render

    job = job_of({"config": config})
    paths = paths_of(fields, "--field") if fields else frozenset()
    with ledger_of(job) as ledger:
        prove_known(job, ledger, deal)
        events = told(job, ledger, deal, paths, _moment(job, since))
        facts = facts_of(ledger)
        if as_json:
            emit(f"{dumps(_event(one, facts))}\n" for one in events)
        else:
            emit(render(events, facts, PRIVATE, since, unanswered(job, ledger, deal)))
    return 0


def _event(one: Any, facts: Any) -> dict[str, Any]:
    """Give an event as JSON."""
    run = facts(one.run)
    who = {name: run.get(name, "") for name in ("operator", "signed_in", "approved_by", "reason", "undoes")}
    between = {"between": [one.after_run, one.run]} if one.after_run else {}
    return {
        "at": one.at,
        "by": "us" if one.ours else "elsewhere",
        "key": one.row.key,
        "id": one.row.id,
        "path": one.path,
        "before": one.before,
        "after": one.after,
        "run": one.run,
        **between,
        **(one.row.place.to_json() | {"column": one.column} | who if one.ours else {}),
    }


def _moment(job: Job, words: str) -> str:
    """Give the moment that a day or a span means, as ISO 8601 in UTC; '' for none."""
    from datetime import UTC, datetime

    from syncjob.errors import UsageRefused
    from syncjob.settings.kinds import duration

    if not words:
        return ""
    try:
        return (job.world.now() - duration(words)).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(words)
    except ValueError:
        raise UsageRefused(f"--since {words}: is neither a day as in 2026-11-01 nor a span as in 7d") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")


@click.command()
@looking
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(config: str | None, *, as_json: bool) -> int:
    """Show how the job stands: the page for whoever takes it over.

    Its last run, what waits for a person and since when, the token, the ledger, and
    whether a run is at work. Nothing is asked of the remote.
    """
    from syncjob.cli.terminal import emit
    from syncjob.job.standing import standing
    from syncjob.reports import looking_back

    job = job_of({"config": config})
    path = ledger_file(job)
    if path.exists():
        with ledger_of(job) as ledger:
            found = standing(job, ledger, lock_of(job))
    else:
        found = standing(job, None, lock_of(job))
    emit(looking_back.standing_json(found) if as_json else looking_back.standing(found))
    return 0
