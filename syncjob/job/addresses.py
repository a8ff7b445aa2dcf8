"""Whether those whom a night concerns could be told: a job in, findings out. Nothing is sent, no value is said."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from syncjob.errors import mending
from syncjob.job.context import Job
from syncjob.model.finding import Finding, Health
from syncjob.notices import can_notify, is_address, is_readable

WHERE = "set it in the file that crontab or unit read (configs/deploy), then doctor --as-cron --env-file FILE"


def addressed(job: Job) -> Iterator[Finding]:
    """Look at what `notices` names: a line a kind, none for a kind that is not asked for."""
    notices = job.settings.notices
    names = list(dict.fromkeys((*notices.people, *notices.sign_in, *notices.run)))
    if names and notices.when == "never":
        yield Finding("notices", Health.OK, "nobody is told: notices.when is never")
    elif names:
        yield _notices(job, names)
    if notices.ping_env is not None:
        yield _ping(job, notices.ping_env)
    if notices.metrics_file is not None:
        yield _metrics(job)


def _notices(job: Job, names: list[str]) -> Finding:
    if not can_notify():
        words = f"{', '.join(names)}: nobody can be told, the package apprise is not there"
        return Finding("notices", Health.WARN, words, "pip install 'syncjob[notify]'")
    held = {name: job.environ.get(name, "").strip() for name in names}
    absent = [name for name, address in held.items() if not address]
    strange = [name for name, address in held.items() if address and not is_readable(address)]
    said = [
        f"{', '.join(absent)}: not set" if absent else "",
        f"{', '.join(strange)}: no address that apprise can read" if strange else "",
    ]
    words = "; ".join(filter(None, said))
    if words:
        return Finding("notices", Health.WARN, words, WHERE if absent else "write it as apprise does: SERVICE://…")
    return Finding("notices", Health.OK, f"{', '.join(names)}: as apprise writes them; nothing was sent")


def _ping(job: Job, name: str) -> Finding:
    address = job.environ.get(name, "").strip()
    if not address:
        return Finding("ping", Health.WARN, f"{name}: not set", WHERE)
    if not is_address(address):
        return Finding("ping", Health.WARN, f"{name}: no address of a page", "write it whole: https://…")
    return Finding("ping", Health.OK, f"{name}: an address; nothing was sent")


def _metrics(job: Job) -> Finding:
    path = job.settings.notices.metrics_file
    assert path is not None, "asked for above"
    try:
        with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent):
            pass
    except OSError as error:
        remedy = mending(error, "make the folder and let this account write it, or mend notices.metrics_file")
        return Finding("metrics", Health.WARN, f"{path.parent}: {error.strerror}", remedy)
    return Finding("metrics", Health.OK, f"{path}: can be written")
