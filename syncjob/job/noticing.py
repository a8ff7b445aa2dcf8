"""How a run ended is told to those whom it concerns: an act goes in, and comes out as it would have without.

What cannot be told is logged and said, and changes nothing: neither the exit code nor, by more than a few seconds, the
end. A notice holds counts, the job's name and the run's id, and nothing of a row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncjob.core.noticing import audience, body, title, wanted
from syncjob.core.report import waits
from syncjob.errors import Exit, SyncjobError
from syncjob.job.context import Job
from syncjob.job.reading import BASES
from syncjob.job.showing import of_run
from syncjob.ledger import Ledger
from syncjob.model.told import Told
from syncjob.notices import append_summary, notify, ping, write_metrics

SUMMARY = "GITHUB_STEP_SUMMARY"
BEFORE = "ended"  # a fact of the ledger: how the last act over a job ended, whether it became a run or not


def noticed(
    job: Job, begun: list[str], act: Callable[[], int], say: Callable[[str], None], *, side: bool = False
) -> int:
    """Do it, and tell how it ended.

    `begun` holds the id of its run, once it has one; `side` is an act about some rows alone.
    """
    began = time.monotonic()
    _ping(job, "start", say)
    code: int = Exit.BROKEN
    try:
        code = act()
    except SyncjobError as error:
        code = error.exit_code
        raise
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
        raise
    finally:
        took_s = time.monotonic() - began
        try:
            told = _told(job, begun[-1] if begun else "", code, took_s, side=side)
        except SyncjobError:  # a ledger that refuses is what has to be told
            told = Told(job.settings.job, code, took_s=took_s, at=job.world.now().timestamp(), side=side)
        _tell(job, told, say)
        _ping(job, str(int(code)), say)
    return code


def _told(job: Job, run: str, code: int, took_s: float, *, side: bool) -> Told:
    path, url = job.settings.ledger.file, job.settings.reports.url
    known: dict[str, Any] = {"took_s": took_s, "at": job.world.now().timestamp(), "code": code, "side": side}
    if path is None or not path.exists():
        return Told(job.settings.job, **known)
    with Ledger(path) as ledger:
        scope = f"{BEFORE} {hashlib.sha256(f'{job.settings.job} {job.address}'.encode()).hexdigest()[:16]}"
        if not side:
            known["before"] = ledger.remember(scope, str(int(code)))
        if not run:
            return Told(job.settings.job, **known)
        report = of_run(ledger, run, {})
        now = _waiting(ledger, run)
        runs = [one for one in ledger.runs(job.settings.job, job.address, BASES) if one != run]
        earlier = _waiting(ledger, runs[0]) if runs else set()
        return Told(
            job.settings.job,
            run=run,
            totals=dict(report.totals),
            requests=dict(report.requests),
            waiting=len(now),
            fresh=len(now - earlier),
            url=(url or "").replace("{run}", run),
            **known,
        )


def _waiting(ledger: Ledger, run: str) -> set[tuple[str, str]]:
    """Give which rows of a run wait, and for what."""
    return {(row.key or str(row.n), str(row.cause)) for row in ledger.outcomes(run) if waits(row.cause)}


def _tell(job: Job, told: Told, say: Callable[[str], None]) -> None:
    notices, failed = job.settings.notices, list[str]()
    if notices.metrics_file is not None:
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
