"""A snapshot goes in; out comes its table: the columns, and the rows one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from syncjob import settings
from syncjob.errors import InputRefused
from syncjob.model import SourceRow
from syncjob.sources.csv import CsvTable
from syncjob.sources.decoding import decode
from syncjob.sources.excel import ExcelTable
from syncjob.sources.json import JsonTable
from syncjob.sources.snapshot import Snapshot
from syncjob.sources.yaml import YamlTable


class Table(Protocol):
    """Rows under named columns; each pass over it reads the copy anew and numbers the rows from 1.

    `columns` is complete once a pass has ended: a YAML file names its columns row by row. A pass raises
    InputRefused where the file turns out to be broken, so nothing may be sent before it has ended.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they were seen."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the file as a whole."""

    def __iter__(self) -> Iterator[SourceRow]: ...


def read(
    snapshot: Snapshot,
    *,
    rows: settings.Rows,
    known: Collection[str],
) -> Table:
    """Open a snapshot; `known` are the columns that the configuration names, by which a delimiter is recognised.

    A row that cannot be trusted carries a fault; a file that cannot raises InputRefused, here or while it is
    read. Raises UsageRefused for an encoding that does not exist.
    """
    if snapshot.format == "xlsx":
        return ExcelTable(snapshot, rows=rows, known=known)
    text = decode(snapshot.path, source=snapshot.source, encoding=rows.encoding)
    if text.cut_off and rows.final_newline == "required":
        raise InputRefused(
            f"{snapshot.source}: the file ends without a newline, which rows.final_newline requires: "
            "was it cut off? Export it again"
        )
    if snapshot.format == "yaml":
        return YamlTable(text)
    if snapshot.format in ("json", "jsonl"):
        return JsonTable(text)
    return CsvTable(text, delimiter=rows.delimiter, known=known)
