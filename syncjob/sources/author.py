"""A file goes in; out comes what it says of itself: whether we wrote it, and who saved it last.

A workbook says both in its properties, which Excel and LibreOffice keep; in a text our own columns tell.
"""

from __future__ import annotations

import re
import zipfile
from html import unescape
from pathlib import Path

from syncjob.model.own import CATEGORY, OUTCOME, OWN, PULLED_ID

PART = "docProps/core.xml"
BYTES_MAX = 65_536
NAME_CHARS_MAX = 200
OURS = tuple(words.encode(encoding) for words in (OWN + OUTCOME, PULLED_ID) for encoding in ("utf-8", "utf-16-le"))


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
    return any(words in head for words in OURS)


def saved_by(file: Path) -> str:
    """Give the name of whoever saved a workbook last, '' for a file that is no workbook or does not say."""
    return _property(file, "lastModifiedBy")[:NAME_CHARS_MAX]


def _property(file: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(file) as package, package.open(PART) as part:
            found = re.search(rf"<(?:\w+:)?{name}>([^<]*)</".encode(), part.read(BYTES_MAX))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return ""
    return unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
