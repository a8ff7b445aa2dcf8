"""A folder that holds a report of each run, the youngest as `latest` besides: a report in, files out, older ones gone.

What a report holds decides who may see it: the page, Markdown and text mask private values, the others do not. So the
files are the owner's alone unless a mode says that a group may read them, and no file is ever for everybody. Only files
that are named as this room names them are taken away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Report
from syncjob.reports.files import prove_writable, put, write

LATEST, OWNER = "latest", ".job"
NAME = re.compile(r"(?:\d{8}T\d{6}Z-[0-9a-f]{4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[a-z]+")


def ready(folder: Path, job: str, forms: Sequence[str], mode: str) -> None:
    """Make the folder and prove that it takes the files, before anything is sent; StorageRefused where it does not.

    It is one job's: two would take each other's reports for their own. UsageRefused where it is another's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750 if int(mode, 8) & 0o040 else 0o700)
    except OSError as error:
        raise StorageRefused(
            f"reports.dir {folder}: {error.strerror}; let this account make it, or name another"
        ) from None
    prove_writable([folder / f"{LATEST}.{form}" for form in forms])
    owner = folder / OWNER
    if not owner.exists():
        put(owner, partial(_filled, job.encode()), what="name")
    elif (other := owner.read_text(encoding="utf-8", errors="replace")) != job:
        raise UsageRefused(f"reports.dir {folder}: holds the reports of job {other}; give each job a folder of its own")


def keep(report: Report, folder: Path, forms: Sequence[str], mode: str, most: int, *, latest: bool) -> Path:
    """Write the report in every form, renew `latest` if asked, take away what is older than the last `most` runs.

    Gives the path of the first form; StorageRefused when the disk refuses.
    """
    name = str(report.run.get("id") or LATEST)
    first: Path | None = None
    for form in forms:
        path = write(report, folder / f"{name}.{form}")
        first = first or path
        path.chmod(int(mode, 8))
        if latest:
            copied = path.read_bytes()
            put(folder / f"{LATEST}.{form}", partial(_filled, copied)).chmod(int(mode, 8))
    _forget(folder, most)
    assert first is not None, "there is one form at least"
    return first


def _filled(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _forget(folder: Path, most: int) -> None:
    """Take away the files of all but the last runs, by when they were written."""
    found: dict[str, float] = {}
    for path in folder.iterdir():
        if NAME.fullmatch(path.name) and not path.is_symlink() and path.is_file():
            found[path.stem] = max(found.get(path.stem, 0.0), path.stat().st_mtime)
    for stem in sorted(found, key=lambda one: (found[one], one))[:-most]:
        for path in folder.glob(f"{stem}.*"):
            if NAME.fullmatch(path.name):
                path.unlink(missing_ok=True)
