"""`syncjob rehearse`: a run is lived through in a sandbox that holds the referrals as they are; the remote is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import deciding, job_of, reporting, shared


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@deciding
@reporting
@shared
def rehearse(
    file: Path | None,
    reports: tuple[Path, ...],
    **words: Any,
) -> int:
    """Live through a run against a sandbox that holds your referrals.

    The referrals that FILE means are read (GET only) and copied into a sandbox within this
    process. There the file is planned and sent, guards, ledger and all, and the report
    says how each row would end. The remote is not written to, nor is the ledger.
    """
    from syncjob.job.reading import input_of
    from syncjob.reports import prove_writable

    job = job_of(words)
    source = input_of(job, file)
    prove_writable(reports, taken=(source, *job.files))
    return _rehearsed(job, source, reports, as_json=words["as_json"])


def _rehearsed(job: Any, source: Path, reports: tuple[Path, ...], *, as_json: bool) -> int:
    import tempfile

    from msgspec.structs import replace

    from syncjob import job as story
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import hush, show
    from syncjob.cli.terminal import assent, say
    from syncjob.errors import Exit, GuardRefused
    from syncjob.job import rehearsing
    from syncjob.ledger import Ledger

    with tempfile.TemporaryDirectory(prefix="syncjob-") as name:
        folder = Path(name)
        read = run(lambda: rehearsing.witnessed(job, source, folder), job.stop)
        if isinstance(read, Exit):
            return read
        hush(job)
        found = list(rehearsing.documents(read))
        say(f"{len(found)} referrals were read; the rest happens in a sandbox")
        acted = rehearsing.rehearsal(job, _sandbox(job, found), folder)
        planned = run(lambda: story.plan(acted, source, folder / "rehearsed"), job.stop)
        if isinstance(planned, Exit):
            return planned
        place = acted.settings.ledger.file
        assert place is not None, "a rehearsal has a ledger of its own"
        with Ledger(place) as ledger:
            try:
                done = run(lambda: story.apply(acted, planned, ledger, assent), job.stop)
            except GuardRefused as refused:
                show(acted, story.of_refused(planned, refused), reports, as_json=as_json)
                raise
            if isinstance(done, Exit):
                return done
            report = story.of_run(ledger, done[0])
            show(acted, replace(report, kind="rehearsal"), reports, as_json=as_json)
            return final(job.log, done[1])


def _sandbox(job: Any, documents: list[dict[str, Any]]) -> Any:
    """Give a network whose one end is a sandbox with these referrals, wherever the remote's path would lead."""
    import random
    from urllib.parse import urlsplit

    from syncjob.remote.roundabout import within
    from syncjob.sandbox.app import create_app
    from syncjob.sandbox.service import COLLECTION, Sandbox
    from syncjob.sandbox.store import Store

    chance = random.Random(0)  # noqa: S311  # nothing here is a secret
    app = create_app(Sandbox(Store(documents), random=chance, clock=job.world.now))
    own = urlsplit(job.settings.remote.url).path

    async def at_home(scope: Any, receive: Any, send: Any) -> None:
        path = COLLECTION + scope["path"].removeprefix(own)
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return within(at_home)
