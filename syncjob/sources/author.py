"""A workbook goes in; out comes the name of whoever saved it last, as Excel and LibreOffice write it into the file."""

from __future__ import annotations

import re
import zipfile
from html import unescape
from pathlib import Path

PART = "docProps/core.xml"
BYTES_MAX = 65_536
NAME_CHARS_MAX = 200
SAVED_BY = re.compile(rb"<(?:\w+:)?lastModifiedBy>([^<]*)</")


def saved_by(file: Path) -> str:
    """Give the name, '' for a file that is no workbook or does not say."""
    try:
        with zipfile.ZipFile(file) as package, package.open(PART) as part:
            found = SAVED_BY.search(part.read(BYTES_MAX))
    except (OSError, KeyError, zipfile.BadZipFile):
        return ""
    return unescape(found[1].decode("utf-8", "replace")).strip()[:NAME_CHARS_MAX] if found else ""
