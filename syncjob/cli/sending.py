"""What commands that send have in common: the lock, a ledger that is known to be writable, the question, the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:  # the rooms behind these names are heavy; `--help` must not pay for them
    from syncjob.ledger import Ledger, Lock


class Asked(Struct, frozen=True):
    """What the command line asks for besides the job; `begun` takes the id of the run that comes of it."""

    source: Path | None
    reports: tuple[Path, ...]
    ticked: Path | None
    wait_s: float
    as_json: bool
    yes: bool
    begun: list[str] = []


@contextmanager
def workplace(lock: Lock, what: str, wait_s: float) -> Iterator[tuple[Path, Ledger, Any]]:
    """Hold the job's lock for one act; give a folder of its own, the ledger, and how to say which run it has become."""
    import tempfile

    from syncjob.cli.looking import tell_copy
    from syncjob.ledger import held, signed

    with (
        tempfile.TemporaryDirectory(prefix="syncjob-") as name,
        held(lock, what, wait_s=wait_s) as named,
        _proved(lock.ledger) as ledger,
        signed(ledger.database, lock, what, wait_s=wait_s) as signature,
    ):
        tell_copy(ledger)

        def called(run: str) -> None:
            named(run)
            signature.say(run)

        yield Path(name), ledger, called


@contextmanager
def _proved(path: Path) -> Iterator[Ledger]:
    """Open the ledger and prove that it can be written, before anything is asked; one without a run goes again."""
    from syncjob.errors import StorageRefused
    from syncjob.ledger import Ledger

    made, empty = not path.exists(), False
    try:
        with Ledger(path) as ledger:
            ledger.prove()
            try:
                yield ledger
            finally:
                with suppress(StorageRefused):
                    empty = ledger.is_new
    finally:
        if made and empty:
            for tail in ("", "-wal", "-shm"):
                path.with_name(f"{path.name}{tail}").unlink(missing_ok=True)


def sent(job: Any, asked: Asked, plan: Any, ledger: Any, named: Any) -> int:
    """Send a plan and show how its rows ended."""
    import tempfile

    from syncjob import job as story
    from syncjob.cli.logs import final
    from syncjob.cli.running import run
    from syncjob.cli.showing import Shelf, show
    from syncjob.cli.terminal import ask, assent, is_watched, say
    from syncjob.errors import Exit, GuardRefused, StorageRefused
    from syncjob.job.approving import approved

    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder:
        approval = approved(job, asked.ticked, plan, Path(folder)) if asked.ticked else None
    confirm = assent if asked.yes else _shown_first(job, ask)
    begun, new, shelf = asked.begun, ledger.is_new, Shelf.of(job)

    def told(name: str) -> None:
        if new:
            say(f"a new ledger is begun: {ledger.path}")
        begun.append(name)
        named(f"run {name}")

    try:
        done = run(lambda: story.apply(job, plan, ledger, confirm, approval, told), job.stop)
    except GuardRefused as error:
        refused = story.of_refused(plan, error)
        show(job, refused, asked.reports, as_json=asked.as_json)
        shelf.keep(refused)
        raise
    except StorageRefused:
        if begun:  # what is on record can be read, though no more can be written
            with suppress(StorageRefused):
                show(job, story.of_run(ledger, begun[0]), asked.reports, as_json=asked.as_json)
        raise
    if isinstance(done, Exit):
        return done
    report = story.of_run(ledger, done[0])
    show(job, report, asked.reports, as_json=asked.as_json)
    shelf.keep(report)
    if done[1] is Exit.NEEDS_PERSON and is_watched():
        say(f"to look closer: syncjob show {done[0]} --report run.html; one row: syncjob explain KEY")
    return final(job.log, done[1])


def _shown_first(job: Any, ask: Any) -> Any:
    """Before a person is asked, the plan is shown."""
    from syncjob import job as story
    from syncjob.cli.showing import hush, shown
    from syncjob.cli.terminal import say

    def confirm(plan: Any, acting: Any, changes: int) -> frozenset[str]:
        if changes:
            hush(job)
            say("".join(shown(story.of_plan(plan))))
        lifted: frozenset[str] = ask(plan, acting, changes)
        return lifted

    return confirm
