"""A folder that holds a report of each run, the youngest as `latest` besides: a report in, files out, older ones gone.

What a report holds decides who may see it: the page, Markdown and text mask private values, the others do not. So the
files are the owner's alone unless a mode says that a group may read them, and no file is ever for everybody. Only files
that are named as this room names them are taken away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from syncjob.errors import StorageRefused
from syncjob.model import Report
from syncjob.reports.files import prove_writable, put, write

LATEST = "latest"
NAME = re.compile(r"(?:\d{8}T\d{6}Z-[0-9a-f]{4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[a-z]+")


def ready(folder: Path, forms: Sequence[str], mode: str) -> None:
    """Make the folder and prove that it takes the files, before anything is sent; StorageRefused where it does not."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750 if int(mode, 8) & 0o040 else 0o700)
    except OSError as error:
        raise StorageRefused(
            f"reports.dir {folder}: {error.strerror}; let this account make it, or name another"
        ) from None
    prove_writable([folder / f"{LATEST}.{form}" for form in forms])


def keep(report: Report, folder: Path, forms: Sequence[str], mode: str, most: int) -> Path:
    """Write the report in every form, renew `latest`, take away what is older than the last `most` runs.

    Gives the path of the first form; StorageRefused when the disk refuses.
    """
    name = str(report.run.get("id") or LATEST)
    first: Path | None = None
    for form in forms:
        path = write(report, folder / f"{name}.{form}")
        first = first or path
        latest = put(folder / f"{LATEST}.{form}", lambda file, path=path: file.write(path.read_bytes()))  # type: ignore[misc]
        for one in (path, latest):
            one.chmod(int(mode, 8))
    _forget(folder, most)
    assert first is not None, "there is one form at least"
    return first


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
