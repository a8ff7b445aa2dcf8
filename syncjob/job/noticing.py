"""How a run ended is told to those whom it concerns: an act goes in, and comes out as it would have without.

What cannot be told is logged and said, and changes nothing: neither the exit code nor, by more than a few seconds, the
end. A notice holds counts, the job's name and the run's id, and nothing of a row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from syncjob.core.noticing import audience, body, sentence, title, wanted
from syncjob.core.report import waits
from syncjob.errors import Exit, GuardRefused, SyncjobError
from syncjob.job.context import Job
from syncjob.job.reading import BASES
from syncjob.job.showing import of_run
from syncjob.job.waiting import WAITING, reaching, waiting
from syncjob.ledger import Ledger, Lock, at_work, refusals
from syncjob.model import Cause
from syncjob.model.memory import Refused
from syncjob.model.told import Told
from syncjob.notices import append_summary, notify, ping, write_metrics

SUMMARY = "GITHUB_STEP_SUMMARY"
BEFORE = "ended"  # a fact of the ledger: how the last act over a job ended, whether it became a run or not


def noticed(
    job: Job, begun: list[str], act: Callable[[], int], say: Callable[[str], None], *, side: bool = False
) -> int:
    """Do what a night does, and tell how it ended: people, machines, and the ledger where no run came of it.

    `begun` holds the id of its run, once it has one; `side` is an act about some rows alone.
    """
    _ping(job, "start", say)
    ending = _Ending()
    try:
        return _done(job, begun, act, ending)
    finally:
        told = _told(job, begun[-1] if begun else "", ending, side=side)
        if not begun:
            _keep(job, told)
        _tell(job, told, say)
        _ping(job, str(int(ending.code)), say)


def noticed_by_hand(job: Job, begun: list[str], act: Callable[[], int], say: Callable[[str], None]) -> int:
    """Do what a person does between two nights: of these alone the dead man's switch and the metrics speak.

    The people are told of the run that comes of it; of an act that comes to none its person knows.
    """
    ending = _Ending()
    try:
        return _done(job, begun, act, ending)
    finally:
        if begun:
            _tell(job, replace(_told(job, begun[-1], ending, side=True), by_hand=True), say)


class _Ending(Struct):
    """How an act ended: `kind` is the error's, never its words."""

    code: int = Exit.BROKEN
    kind: str = ""
    guards: tuple[str, ...] = ()
    took_s: float = 0.0


def _done(job: Job, begun: list[str], act: Callable[[], int], ending: _Ending) -> int:
    """Do it and note how it ended; where no run came of it the log says so."""
    began = time.monotonic()
    try:
        ending.code = act()
    except BaseException as error:
        ending.code, ending.kind = _code(error), type(error).__name__
        ending.guards = error.guards if isinstance(error, GuardRefused) else ()
        raise
    finally:
        ending.took_s = time.monotonic() - began
        if not begun:
            job.log.info("run.refused", exit_code=int(ending.code), kind=ending.kind or "Stopped")
    return ending.code


def _code(error: BaseException) -> int:
    match error:
        case SyncjobError():
            return error.exit_code
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case OSError():
            return Exit.STORAGE
        case _:
            return Exit.BROKEN


def _told(job: Job, run: str, ending: _Ending, *, side: bool) -> Told:
    """Say of an ending what may be told; where the ledger refuses, that itself is what has to be told."""
    told = Told(
        job.settings.job,
        ending.code,
        took_s=ending.took_s,
        at=job.world.now().timestamp(),
        side=side,
        guards=ending.guards,
    )
    path = job.settings.ledger.file
    if path is None or not path.exists():
        return told
    try:
        with Ledger(path) as ledger:
            return _recalled(job, ledger, run, told)
    except SyncjobError:
        return told


def _recalled(job: Job, ledger: Ledger, run: str, told: Told) -> Told:
    """Add what the ledger knows: how the night before ended, the run's rows, what waits in all."""
    name, remote, url = job.settings.job, job.address, job.settings.reports.url
    scope = f"{BEFORE} {hashlib.sha256(f'{name} {remote}'.encode()).hexdigest()[:16]}"
    if not told.side:
        told = replace(told, before=ledger.remember(scope, str(int(told.code))))
    lock = Lock(ledger.path, name, remote)
    told = replace(told, in_all=waiting(ledger, name, remote, at_work(lock, ledger.database), 0).count)
    if not run:
        return told
    report = of_run(ledger, run)
    now = _waiting(ledger, [run])
    before = [one for one in ledger.runs(name, remote, BASES) if one != run]
    earlier = _waiting(ledger, list(reaching(ledger, before)))
    return replace(
        told,
        run=run,
        totals=dict(report.totals),
        requests=dict(report.requests),
        waiting=len(now),
        fresh=len(now - earlier),
        url=(url or "").replace("{run}", run),
    )


def _waiting(ledger: Ledger, runs: Sequence[str]) -> set[tuple[str, str]]:
    """Give which rows of runs wait, and for what; of a row that several runs were about the first run counts."""
    found: set[tuple[str, str]] = set()
    known: set[str] = set()
    for left, run in zip(reversed(range(len(runs))), runs, strict=True):
        ends = ledger.ends(run, () if left else WAITING)  # what else the last was about takes nothing from any other
        looked_at = [one for one in ends if one[1] is not Cause.NOT_SELECTED and one[0] not in known]
        found |= {(name, str(cause)) for name, cause in looked_at if waits(cause)}
        known |= {name for name, _ in looked_at}
    return found


def _keep(job: Job, told: Told) -> None:
    """Remember an act that came to no run, for `status`; where there is no ledger yet, or it refuses, nothing is."""
    path = job.settings.ledger.file
    if path is None or not path.exists():
        return
    refused = Refused(told.at, int(told.code), sentence(told))
    with suppress(SyncjobError), Ledger(path) as ledger:
        refusals.keep(ledger.database, Lock(path, job.settings.job, job.address), refused)


def _tell(job: Job, told: Told, say: Callable[[str], None]) -> None:
    notices, failed = job.settings.notices, list[str]()
    if notices.metrics_file is not None and not told.by_hand:
        failed.append(write_metrics(notices.metrics_file, told))
    if summary := job.environ.get(SUMMARY):
        failed.append(append_summary(Path(summary), told, title(told)))
    names = getattr(notices, audience(told))
    if names and wanted(told, notices.when):
        addresses = {name: job.environ.get(name, "").strip() for name in names}
        failed += [f"{name} (notices) holds no address" for name, address in addresses.items() if not address]
        failed += notify({name: one for name, one in addresses.items() if one}, title(told), body(told))
    _failed(job, failed, say)


def _ping(job: Job, tail: str, say: Callable[[str], None]) -> None:
    name = job.settings.notices.ping_env
    if name is None:
        return
    address = job.environ.get(name, "").strip()
    why = ping(address, tail, job.settings.remote.proxy) if address else "holds no address"
    _failed(job, [f"{name} (notices.ping_env): {why}" if why else ""], say)


def _failed(job: Job, problems: list[str], say: Callable[[str], None]) -> None:
    for problem in filter(None, problems):
        job.log.info("notice.failed", reason=problem)
        say(f"notice not given: {problem}")
