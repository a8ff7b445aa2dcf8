"""What would fail at two o'clock, said in the evening: a job in, findings out, in the order in which a run meets them.

Nothing is sent but GET, unless somebody asks for the probe; nothing is kept but a file that is taken away again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from syncjob.apply import probe
from syncjob.errors import Exit, SyncjobError, mending
from syncjob.exchange import Exchange, Miss, Sender, said
from syncjob.job.addresses import addressed
from syncjob.job.context import Job
from syncjob.job.reading import BASES
from syncjob.ledger import Ledger, Lock, at_work, is_older, refusals
from syncjob.ledger.checking import problems
from syncjob.model import Answer, Heard
from syncjob.model.finding import Finding, Health
from syncjob.remote import UNUSED_DAYS_MAX, UNUSED_DAYS_WARN, Pages, Reader, Writer, kept_sign_in, multi_factor, opened

FREE_MB_MIN = 200
SYNC_S_MAX = 0.5
CLOCK_OFF_MAX = timedelta(minutes=5)
NIGHT = timedelta(hours=26)
PRECONDITION_FAILED = 412
DAYS_FROM_H = 48
HELD = "wait for its end; a second run ends with exit code 9"
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def at_home(job: Job, lock: Lock) -> Iterator[Finding]:
    """Look at what is on this machine."""
    yield _configuration(job)
    yield _account(job)
    yield _input(job)
    yield _disk(lock.ledger.parent)
    yield from _ledger(job, lock)
    yield _lock(lock)
    yield _proxy(job)
    yield from addressed(job)


async def abroad(job: Job, probed: str) -> AsyncIterator[Finding]:
    """Look at the sign-in and the remote; `probed` is a referral of which If-Match is to be proven."""
    try:
        job.credential.ready()
    except SyncjobError as error:
        yield Finding("sign-in", Health.FAIL, str(error), "see what it says; then run doctor again", error.exit_code)
        return
    yield _sign_in(job)
    try:
        async for found in _remote(job, probed):
            yield found
    except SyncjobError as error:
        yield Finding("remote", Health.FAIL, str(error), "mend what it names, then run doctor again", error.exit_code)


async def _remote(job: Job, probed: str) -> AsyncIterator[Finding]:
    async with opened(Reader, job.access()) as clients:
        exchange = Exchange(clients, job.settings.limits, job.world, job.log, rows=1)
        item: Mapping[str, Any] | None = None
        async for found, seen in _listing(job, exchange):
            item = seen or item
            yield found
        if item is not None:
            yield await _read(exchange, str(item.get("id")))
    if probed:
        yield await _probe(job, probed)


def _configuration(job: Job) -> Finding:
    file = str(job.files[0]) if job.files else "given"
    return Finding("configuration", Health.OK, f"{file}: job {job.settings.job}")


def _account(job: Job) -> Finding:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words = "runs as root, which it does not need"
        return Finding("account", Health.WARN, words, "run it as an account of its own (configs/deploy, the README)")
    return Finding("account", Health.OK, job.operator or "this user")


def _input(job: Job) -> Finding:
    rows = job.settings.rows
    if rows.file is None:
        return Finding("input", Health.WARN, "rows.file is not set: a file must be named on the command line")
    try:
        with rows.file.open("rb") as file:
            file.read(1)
        written = datetime.fromtimestamp(rows.file.stat().st_mtime, job.world.now().tzinfo)
    except OSError as error:
        remedy = "let the export write it there, readable for this account, or mend rows.file"
        return Finding("input", Health.FAIL, f"{rows.file}: {error.strerror}", remedy, Exit.INPUT)
    if rows.done_marker and not Path(f"{rows.file}{rows.done_marker}").exists():
        remedy = "let the export write it last, or mend rows.done_marker"
        return Finding("input", Health.FAIL, f"{rows.file}{rows.done_marker} is not there", remedy, Exit.INPUT)
    old, limit = job.world.now() - written, job.settings.guards.age
    words = f"{rows.file}: written {_span(old)} ago"
    if limit is not None and old > limit:
        return Finding("input", Health.FAIL, f"{words}, guards.age is {_span(limit)}", "renew the export", Exit.GUARD)
    return Finding("input", Health.OK, words)


def _disk(folder: Path) -> Finding:
    """Write a file down to the disk, as the ledger will for every intent."""
    try:
        began = time.perf_counter()
        with tempfile.NamedTemporaryFile(prefix=".syncjob-doctor-", dir=folder) as file:
            file.write(b"x" * 4_096)
            file.flush()
            os.fsync(file.fileno())
        took_s = time.perf_counter() - began
        free_mb = shutil.disk_usage(folder).free / 1_000_000
    except OSError as error:
        remedy = mending(error, "let this account write the folder, or name a ledger.file elsewhere")
        return Finding("disk", Health.FAIL, f"{folder}: {error.strerror}", remedy, Exit.STORAGE)
    words = f"{folder}: {free_mb:,.0f} MB free, a write took {took_s * 1_000:.0f} ms"
    if free_mb < FREE_MB_MIN:
        return Finding("disk", Health.FAIL, words, f"make room: {FREE_MB_MIN} MB at least", Exit.STORAGE)
    if took_s > SYNC_S_MAX:
        return Finding("disk", Health.WARN, words, "put ledger.file on a quicker disk of this machine")
    return Finding("disk", Health.OK, words)


def _ledger(job: Job, lock: Lock) -> Iterator[Finding]:
    path = lock.ledger
    if not path.exists():
        yield Finding("ledger", Health.OK, f"{path}: none yet; the first run begins it, and holds what differs")
        return
    if is_older(path):
        words = f"{path}: of an earlier version; the next run brings it up, and keeps a copy of what it was"
        yield Finding("ledger", Health.OK, words)
        return
    found = problems(path)
    if found:
        yield Finding("ledger", Health.FAIL, found[0], "syncjob ledger check tells all of it", Exit.STORAGE)
        return
    yield Finding("ledger", Health.OK, f"{path}: sound, {path.stat().st_size / 1_000_000:.1f} MB")
    with Ledger(path) as ledger:
        elsewhere = at_work(lock, ledger.database)
        if elsewhere and not lock.holder():
            yield Finding("lock", Health.WARN, f"held: {elsewhere}", HELD)
        if refused := refusals.last(ledger.database, lock):
            ago = job.world.now() - datetime.fromtimestamp(refused.at, UTC)
            words = f"none came of the last apply, {_span(ago)} ago, exit code {refused.exit_code}: {refused.said}"
            yield Finding("last run", Health.WARN, words, "mend what it names; its log has the event run.refused")
        runs = ledger.runs(job.settings.job, job.address, BASES)
        if not runs:
            yield Finding(
                "last run", Health.WARN, "none yet over rows.file", "rehearse the first night: syncjob rehearse"
            )
            return
        facts = ledger.facts(runs[0])
    ago = job.world.now() - datetime.fromisoformat(facts["began_at"])
    code = "broke off" if facts["exit_code"] is None else f"exit code {facts['exit_code']}"
    words = f"{runs[0]}, {_span(ago)} ago, {code}"
    if facts["exit_code"] not in (Exit.OK, Exit.NEEDS_PERSON):
        yield Finding("last run", Health.WARN, words, f"look at it: syncjob show {runs[0]}")
    elif ago > NIGHT:
        yield Finding("last run", Health.WARN, words, "is it scheduled? look at the crontab or timer")
    else:
        yield Finding("last run", Health.OK, words)


def _lock(lock: Lock) -> Finding:
    holder = lock.holder()
    if holder:
        return Finding("lock", Health.WARN, f"held: {holder}", HELD)
    return Finding("lock", Health.OK, "free: no run is at work")


def _proxy(job: Job) -> Finding:
    remote = job.settings.remote
    named = next((name for name in PROXIES if job.environ.get(name) or job.environ.get(name.lower())), "")
    bundle = f", trusts {remote.ca_bundle} besides the system" if remote.ca_bundle else ""
    if remote.proxy == "env":
        value = job.environ.get(named) or job.environ.get(named.lower(), "") if named else ""
        host = urlsplit(value).hostname or "none: the environment names none"
        return Finding("proxy", Health.OK, f"by the environment: {host}{bundle}")
    if remote.proxy:
        return Finding("proxy", Health.OK, f"{urlsplit(remote.proxy).hostname}{bundle}")
    if named:
        words = f"{named} is set and not used: straight to the remote{bundle}"
        return Finding("proxy", Health.WARN, words, "if only the proxy leads out, set remote.proxy: env")
    return Finding("proxy", Health.OK, f"none: straight to the remote{bundle}")


def _sign_in(job: Job) -> Finding:
    auth, factors = job.settings.remote.auth, multi_factor(job.credential.claims)
    if auth is None:
        return Finding("sign-in", Health.OK, "none needed: the remote asks for none")
    if factors is False:
        remedy = "sign in again with a second factor: syncjob login"
        return Finding("sign-in", Health.FAIL, "the token shows no multi-factor sign-in", remedy, Exit.SIGN_IN)
    shown = "" if factors is None else ", by several factors"
    if auth.client_id is None:
        return Finding("sign-in", Health.OK, f"a token from {auth.token_env or auth.token_command[0]}{shown}")
    with suppress(SyncjobError):
        kept = kept_sign_in(job.settings.remote, job.settings.job)
        days = int((job.world.now().timestamp() - kept.begun_at) // 86_400) if kept else 0
        return Finding("sign-in", Health.OK, f"refreshed just now{shown}; signed in {days} days ago")
    return Finding("sign-in", Health.OK, f"refreshed just now{shown}")


async def _listing(job: Job, exchange: Exchange) -> AsyncIterator[tuple[Finding, Mapping[str, Any] | None]]:
    """Read one page: whether it can be had, the clock against the server's, the role."""
    pages = Pages(job.settings.remote, job.settings.limits.pages_max)
    try:
        answer = await exchange.page(pages.query or "", pages.read)
        items = pages.items(answer.body)
        first = items[0].whole() if items else None
    except SyncjobError as error:
        yield (
            Finding("listing", Health.FAIL, str(error), "mend what it names, then run doctor again", error.exit_code),
            None,
        )
        return
    yield Finding("listing", Health.OK, f"{len(items)} referrals on the first page"), first
    if answer.date is not None:
        off = job.world.now() - answer.date
        words = f"{abs(off.total_seconds()):.0f} s {'ahead of' if off > timedelta() else 'behind'} the server's"
        if abs(off) > CLOCK_OFF_MAX:
            yield Finding("clock", Health.WARN, words, "let this machine keep time (NTP): plans expire by it"), None
        else:
            yield Finding("clock", Health.OK, words), None


async def _read(exchange: Exchange, referral: str) -> Finding:
    seen = await exchange.read(referral)
    if isinstance(seen, Miss):
        ended = exchange.over.error.exit_code if exchange.over else Exit.NEEDS_PERSON
        remedy = "the account needs the role Referral Admin or Referral User in Partner Center"
        return Finding("one referral", Health.FAIL, f"{referral}: {seen.reason}", remedy, ended)
    if not seen.etag:
        remedy = "nothing is written without an eTag; ask Microsoft's support"
        return Finding("one referral", Health.FAIL, f"{referral}: has no eTag", remedy, Exit.NEEDS_PERSON)
    return Finding("one referral", Health.OK, f"{referral}: read, with its eTag")


async def _probe(job: Job, referral: str) -> Finding:
    async with opened(Writer, job.access()) as clients:
        sender = Sender(clients, job.settings.limits, job.world, job.log, rows=1)
        seen = await sender.read(referral)
        if isinstance(seen, Miss):
            return Finding(
                "If-Match", Health.FAIL, f"{referral}: {seen.reason}", "probe another one", Exit.NEEDS_PERSON
            )
        return _judged(referral, await probe(sender, seen))


def _judged(referral: str, answer: Answer) -> Finding:
    if answer.status == PRECONDITION_FAILED or answer.code in ("preconditionFailed", "resourceModified"):
        return Finding("If-Match", Health.OK, f"{referral}: a patch under a wrong eTag was refused ({said(answer)})")
    if answer.heard is Heard.ANSWERED and answer.status is not None and answer.status < 300:  # noqa: PLR2004  # success
        words = f"{referral}: a patch under a wrong eTag was accepted (it changed nothing)"
        return Finding("If-Match", Health.FAIL, words, "do not send: somebody else's edits would be lost", Exit.BROKEN)
    return Finding("If-Match", Health.WARN, f"{referral}: nothing is proven ({said(answer)})", "probe another one")


def _span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours >= DAYS_FROM_H:
        return f"{hours / 24:.0f} days"
    return f"{hours:.0f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"


def unused(job: Job) -> Finding | None:
    """Warn of a sign-in that has not been used for long; asked before it is refreshed."""
    auth = job.settings.remote.auth
    if auth is None or auth.client_id is None:
        return None
    with suppress(SyncjobError):
        kept = kept_sign_in(job.settings.remote, job.settings.job)
        days = int((job.world.now().timestamp() - kept.used_at) // 86_400) if kept else 0
        if days >= UNUSED_DAYS_WARN:
            words = f"was not used for {days} days; after {UNUSED_DAYS_MAX} a person must sign in again"
            return Finding("sign-in", Health.WARN, words, "let the job run at least once a month")
    return None
