"""The first bytes of an input go in, or its copy; out comes nothing, or what it is in truth and what to do then."""

from __future__ import annotations

import mmap
from pathlib import Path

from syncjob.errors import InputRefused
from syncjob.sources.package import Package

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
HEAD_BYTES = 1024

EXPORT = "export the rows as CSV"
SAVED_PAGE = "was a sign-in page saved in place of the export? Export it again"
SAVE_AS = "save it in Excel as a workbook (.xlsx)"
# first bytes       | what it is        | what to do
KINDS = (
    (b"\x1f\x8b", "a gzip archive", "unpack it and name the file in it"),
    (b"%pdf-", "a PDF document", EXPORT),
    (b"<!doctype html", "a web page", SAVED_PAGE),
    (b"<html", "a web page", SAVED_PAGE),
    (b"<?xml", "an XML document", EXPORT),
)
# parts of a zip file                  | what it is                      | what to do
ARCHIVES = (
    ("xl/workbook.bin", "an Excel workbook in binary (.xlsb)", SAVE_AS),
    ("content.xml", "an OpenDocument spreadsheet", "save it as an Excel workbook (.xlsx)"),
)


def refuse_by_head(source: str, head: bytes) -> None:
    """Refuse what its first bytes show to be nothing that has rows, whatever its format was said to be."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    for first, kind, remedy in KINDS:
        if start.startswith(first):
            raise InputRefused(f"{source} is {kind}, whatever its name says; {remedy}")


def refuse_by_content(source: str, copy: Path, *, is_text: bool) -> None:
    """Refuse a workbook of another kind, a workbook that is to be read as text, and a text as a workbook."""
    with copy.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(OLE):
        raise InputRefused(_ole(source, copy))
    if head.startswith(ZIP):
        _refuse_archive(source, Package(copy, source), is_text=is_text)
    elif not is_text:
        raise InputRefused(
            f"{source} is no workbook, whatever its name says; name it after what it is, or set rows.format"
        )


def _refuse_archive(source: str, package: Package, *, is_text: bool) -> None:
    for part, kind, remedy in ARCHIVES:
        if part in package:
            raise InputRefused(f"{source} is {kind}, whatever its name says; {remedy}")
    if "[Content_Types].xml" not in package or "_rels/.rels" not in package:
        raise InputRefused(f"{source} is a zip archive, whatever its name says; unpack it and name the file in it")
    if is_text:
        raise InputRefused(
            f"{source} is an Excel workbook, whatever its name says; name it .xlsx or set rows.format: xlsx"
        )


def _ole(source: str, copy: Path) -> str:
    """Tell a workbook under a password from one of the last century: both are the same kind of container."""
    with copy.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(ENCRYPTED) >= 0:
            return f"{source} is encrypted; save it without a password"
    return f"{source} is an old Excel workbook (.xls), whatever its name says; {SAVE_AS}"
