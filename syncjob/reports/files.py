"""A report and a path go in; a file comes out that is whole or not there: no earlier report is ever cut short.

The disk is proved before the first PATCH (`prove_writable`), because a night's work without a report is worse
than none. Afterwards nothing is lost for want of a name: a target that cannot be replaced (Windows holds a file
that is open in Excel) leaves the report beside it as `name (2).csv`.

Reports hold customers' data: they are made with mode 0600.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from syncjob.errors import StorageRefused, UsageRefused
from syncjob.model import Report
from syncjob.reports import csv, html, json, markdown, text, xlsx
from syncjob.whole import written


def _text(render: Callable[[Report], Iterator[str]]) -> Callable[[Report, BinaryIO], None]:
    """Give the form of a renderer that streams text: what a file of it is filled with."""

    def fill(report: Report, file: BinaryIO) -> None:
        # Half a surrogate pair from a server is no UTF-8: as \ud800 it stays readable, and valid inside JSON.
        file.writelines(chunk.encode(errors="backslashreplace") for chunk in render(report))

    return fill


FORMS: dict[str, Callable[[Report, BinaryIO], None]] = {
    ".html": _text(html.render),
    ".xlsx": xlsx.fill,
    ".csv": _text(csv.render),
    ".json": _text(json.render),
    ".md": _text(markdown.render),
    ".txt": _text(lambda report: text.render(report, rows_max=None)),
}
SUFFIXES = tuple(FORMS)
SPARE_NAMES_MAX = 99


def prove_writable(
    paths: Sequence[Path], taken: Sequence[Path] = (), *, suffixes: Sequence[str] = SUFFIXES, what: str = "report"
) -> None:
    """Prove that every file can be written where it should stand: a byte is written, flushed and taken away.

    `taken` are files of the run itself, which no report may replace: the input, the plan, the ledger. `what` is the
    file called in messages.

    All problems are told at once: UsageRefused when a suffix is unknown, else StorageRefused.
    """
    unknown = [
        f"{path}: a {what} ends in {', '.join(suffixes)}; name the file accordingly"
        for path in paths
        if path.suffix.lower() not in suffixes
    ]
    storage = [problem for path in paths if (problem := _problem(path))]
    places = [path.resolve() for path in paths]
    storage += [
        f"{path}: two {what}s would go to this one file; name two"
        for n, path in enumerate(paths)
        if places[n] in places[:n]
    ]
    unknown += [
        f"{path}: is a file that this run reads or keeps; a {what} would replace it: name another"
        for n, path in enumerate(paths)
        if places[n] in {one.resolve() for one in taken}
    ]
    if unknown:
        raise UsageRefused(*unknown, *storage)
    if storage:
        raise StorageRefused(*storage)


def _problem(path: Path) -> str | None:
    folder = path.absolute().parent
    try:
        if path.is_dir():
            return f"{path}: is a folder; name a file, for example {path / 'report.csv'}"
        if not folder.is_dir():
            return f"{path}: there is no folder {folder}; create it or name another"
        with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=folder, buffering=0) as probe:
            probe.write(b"?")
            os.fsync(probe.fileno())
    except OSError as error:
        return f"{path}: nothing can be written to {folder}: {error.strerror}; mend that or name another folder"
    return None


def write(report: Report, path: Path) -> Path:
    """Write the report in the form that the suffix asks for; as `put`."""
    form = FORMS[path.suffix.lower()]
    return put(path, lambda file: form(report, file))


def put(path: Path, fill: Callable[[BinaryIO], None], *, what: str = "report") -> Path:
    """Write a file by `fill`, whole or not at all; give the path at which it stands in the end.

    Raises StorageRefused when the disk refuses: nothing half-written is left, an earlier file stands.
    """
    try:
        return written(path, fill, _into_place)
    except OSError as error:
        raise StorageRefused(
            f"{path}: the {what} could not be written: {error.strerror}; make room or mend the disk"
            f" (a {what} that stood there before is unharmed)"
        ) from error


def _into_place(temporary: Path, path: Path) -> Path:
    """Rename to the path, or to the first spare name that is free; OSError of the last try when none will do."""
    try:
        return temporary.replace(path)
    except OSError as error:
        refused = error
    for spare in _spare_names(path):
        try:
            return temporary.replace(spare)
        except OSError as error:
            refused = error
    raise refused


def _spare_names(path: Path) -> Iterator[Path]:
    for n in range(2, SPARE_NAMES_MAX + 1):
        spare = path.with_name(f"{path.stem} ({n}){path.suffix}")
        if not os.path.lexists(spare):
            yield spare
