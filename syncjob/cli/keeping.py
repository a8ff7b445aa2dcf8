"""`syncjob ledger` and `syncjob purge`: what is remembered is taken along, checked, or forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from syncjob.cli.options import Duration, job_of, ledger_file, lock_of, looking, prove_new


@click.group()
def ledger() -> None:
    """Export, import or check the ledger.

    The ledger is one SQLite file beside the configuration. Back it up together with it.
    """


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path))
@looking
def export(file: Path, config: str | None) -> int:
    """Write the whole ledger as JSON Lines.

    FILE must not be there yet. It holds private values unmasked.
    """
    from syncjob.cli.looking import ledger_of
    from syncjob.cli.terminal import say
    from syncjob.ledger.exporting import export as write
    from syncjob.reports.files import put

    job, count = job_of({"config": config}), 0
    prove_new(file)

    def fill(stream: BinaryIO) -> None:
        nonlocal count
        count = write(known.database, stream)

    with ledger_of(job) as known:
        place = put(file, fill, what="export")
    say(f"{count} rows of {known.path} written to {place}")
    return 0


@ledger.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@looking
def import_(file: Path, config: str | None) -> int:
    """Read an export into a ledger that holds no runs yet."""
    from syncjob.cli.terminal import say
    from syncjob.errors import InputRefused
    from syncjob.ledger import Ledger, held_alone
    from syncjob.ledger.exporting import load, verify

    job = job_of({"config": config})
    if not file.is_file():
        raise InputRefused(f"{file}: there is no such file; `syncjob ledger export` writes one")
    verify(file)  # before a new ledger is begun for it
    with held_alone(lock_of(job), "ledger import"), Ledger(ledger_file(job)) as known:
        count = load(file, known.database)
        say(f"{count} rows read into {known.path}")
        if not known.is_new and not known.runs(job.settings.job, job.address):
            say(f"note: none of them is of job {job.settings.job} over {job.address}: is it the right export?")
    return 0


@ledger.command()
@click.option("--rebuild", is_flag=True, help="Set a damaged ledger aside and begin a new one with what can be read.")
@looking
def check(config: str | None, *, rebuild: bool) -> int:
    """Check the ledger: its pages, its rows, who may read it.

    Exit 0 when it is sound, 8 when it is not. Nothing is changed without --rebuild.
    """
    from syncjob.cli.looking import tell_copy
    from syncjob.cli.terminal import emit, say
    from syncjob.errors import Exit, InputRefused
    from syncjob.ledger import held_alone
    from syncjob.ledger.checking import problems
    from syncjob.ledger.checking import rebuild as save
    from syncjob.reports.values import visible

    job = job_of({"config": config})
    path = ledger_file(job)
    if not path.exists():
        raise InputRefused(f"ledger {path}: there is none yet; the first apply begins it")
    with held_alone(lock_of(job), "ledger check"):
        found = problems(path, tell_copy)
        if not found:
            emit([f"ledger {path}: is sound\n"])
            return Exit.OK
        for problem in found:
            say(f"syncjob: {visible(problem)}")
        if not rebuild:
            return Exit.STORAGE
        aside, saved, broke_off = save(path)
        said = ", ".join(f"{count} {name}" for name, count in saved.items() if count)
        emit([f"the damaged ledger stands aside as {aside}; saved into a new one: {said or 'nothing'}\n"])
        if broke_off:
            lost = ", ".join(broke_off)
            emit([f"not all of it could be read ({lost}): what the ledger says of earlier runs is too little\n"])
        emit(["rows whose history is lost and that differ are held by the guard first-run\n"])
        return Exit.OK if not problems(path) else Exit.STORAGE


@click.command()
@click.option("--older-than", metavar="90d", type=Duration(), required=True, help="Forget runs that began before.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@looking
def purge(older_than: float, config: str | None, *, yes: bool) -> int:
    """Forget runs that are older than you want to keep.

    Their rows, patches and archived inputs go for good, and with them show, history and
    undo of those runs. What row and remote last agreed on stays, and so does every run
    with a patch whose answer nobody knows yet, and one younger than plan.age_max.
    """
    import sys

    from syncjob.cli.looking import ledger_of
    from syncjob.cli.terminal import emit, say
    from syncjob.errors import UsageRefused
    from syncjob.ledger import held
    from syncjob.ledger.purging import compact, old
    from syncjob.ledger.purging import purge as forget

    job = job_of({"config": config})
    with held(lock_of(job), "purge"), ledger_of(job) as known:
        youngest_s = job.settings.plan.age_max.total_seconds()  # a plan goes once: while it may go, its run stays
        before = job.world.now().timestamp() - max(older_than, youngest_s)
        found = old(known, job.settings.job, job.address, before)
        if found.kept:
            say(f"kept, since sends of theirs are unanswered: {', '.join(found.kept)}")
        if not found.runs:
            emit(["no run is older than that; nothing was forgotten\n"])
            return 0
        words = f"Forget {len(found.runs)} runs ({found.runs[0]} to {found.runs[-1]}) with {found.rows} rows?"
        if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
            raise UsageRefused(f"{words} Nobody is here to ask: add --yes")
        if not yes and not click.confirm(words, err=True):
            raise UsageRefused("called off: nothing was forgotten")
        size = known.path.stat().st_size
        forget(known, found)
        compact(known)
        left = known.path.stat().st_size
        mb = 1_000_000
        emit([f"forgotten: {len(found.runs)} runs, {found.rows} rows; "])
        emit([f"the ledger has {left / mb:.1f} of {size / mb:.1f} MB\n"])
    return 0
