"""A file goes in; out comes what it says of itself: whether we wrote it, and who saved it last.

A workbook says both in its properties, which Excel and LibreOffice keep; in a text our own columns tell: those of the
header of a CSV file, or of a YAML file's first row. What stands in cells tells nothing.

The file is looked at before it is measured, so little of it is read and nothing of it is believed: whatever is
damaged, locked or made to do harm says nothing here, and whoever reads it then says why it cannot be read.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from itertools import islice, takewhile
from pathlib import Path

import yaml
from yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from syncjob.errors import InputRefused
from syncjob.model.own import CATEGORY, OUTCOME, OWN, PULLED_ID
from syncjob.sources.decoding import HEAD_BYTES, MARKS
from syncjob.sources.package import Package

PART = "docProps/core.xml"
BYTES_MAX = 65_536
NAME_CHARS_MAX = 200
DEPTH_MAX = 20
OPENING_MAX = 5  # events before the list of rows: stream, document, and "rows:" in a mapping
DELIMITERS = ",;\t"
OURS = frozenset((OWN + OUTCOME, PULLED_ID))


def is_ours(file: Path) -> bool:
    """Tell whether a file is a report or was pulled: it is read as we write, however the export is read."""
    if not file.is_file():  # a pipe would be waited for, and what it said would be gone
        return False
    if category := _property(file, "category"):
        return category == CATEGORY
    try:
        with file.open("rb") as stream:
            head = stream.read(BYTES_MAX)
    except OSError:
        return False
    encoding = next((name for mark, name in MARKS if head[:HEAD_BYTES].startswith(mark)), "utf-8")
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    return any(OURS.intersection(_header(text, delimiter)) for delimiter in DELIMITERS) or any(
        key in OURS for key in _keys(text)
    )


def saved_by(file: Path) -> str:
    """Give the name of whoever saved a workbook last, '' for a file that is no workbook or does not say."""
    return _property(file, "lastModifiedBy")[:NAME_CHARS_MAX]


def property_of(package: Package, name: str) -> str:
    """Give a property of a workbook; '' where it does not say."""
    head = next(package.markup(PART), b"")[:BYTES_MAX] if PART in package else b""
    found = re.search(rb"<(?:\w{1,64}:)?%b>([^<]*)</" % name.encode(), head)
    return unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


def _property(file: Path, name: str) -> str:
    try:
        return property_of(Package(file, file.name), name)
    except (OSError, InputRefused):
        return ""


def _header(text: str, delimiter: str) -> list[str]:
    """Give the cells of the first line that is not blank, under this delimiter; a line `sep=;` names no columns."""
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if cells and not cells[0].lower().startswith("sep="):
                return [cell.strip() for cell in cells]
    except csv.Error:
        pass
    return []


def _keys(text: str) -> Iterator[str]:
    """Give the keys of the first row of a YAML file, as far as it can be read."""
    events, depth = yaml.parse(text, Loader=yaml.CSafeLoader), 0
    try:
        opening = takewhile(lambda event: not isinstance(event, SequenceStartEvent), islice(events, OPENING_MAX))
        if sum(1 for _ in opening) == OPENING_MAX or not isinstance(next(events), MappingStartEvent):
            return
        while isinstance(key := next(events), ScalarEvent):
            yield key.value.strip()
            while depth := depth + _deeper(next(events)):
                if depth > DEPTH_MAX:
                    return
    except (yaml.YAMLError, StopIteration):
        return


def _deeper(event: Event) -> int:
    return isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
