"""A workbook's zip file goes in; its parts come out as bytes, in memory and never more of them than was declared.

Nothing is extracted to the disk, so the names of parts may say what they like. A workbook is small by nature; what
unzips to hundreds of megabytes was made to do so. The directory at the end of the file tells the sizes before
anything is unzipped. It can lie, and Python's `zipfile` would then quietly give a part cut off where the lie ends,
while the reader proper reads on: so parts are unzipped here, and one that is longer than declared is refused.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from syncjob.errors import InputRefused

UNZIPPED_MB_MAX = 200
PARTS_MAX = 10_000
DIRECTORY_BYTES_MAX = 4_000_000
PART_BYTES_MAX = 16_000_000  # of a part that is taken whole: what the workbook says of its sheets
CHUNK_BYTES = 1 << 18
MB_BYTES = 1_000_000

END = struct.Struct("<4s4H2LH")
END_MARK = b"PK\x05\x06"
END_COMMENT_MAX = 1 << 16
HEADER = struct.Struct("<4s5H3L2H")
HEADER_MARK = b"PK\x03\x04"
ENCRYPTED = 0x1
KEPT = 8  # bytes of a chunk that a doctype could begin in
XML = (".xml", ".rels", ".vml")
SAVE_ANEW = "open it in Excel and save it anew"


class Package:
    """The parts of a workbook by name, which counts without case as Excel has it."""

    def __init__(self, path: Path, source: str) -> None:
        """Read the directory; InputRefused when it is damaged, or declares more than any workbook needs."""
        self._path = path
        self._source = source
        self._parts: dict[str, zipfile.ZipInfo] = {}
        for info in _directory(path, source):
            name = info.filename.lower()
            if name in self._parts:
                raise InputRefused(f"{source}: holds two parts called {info.filename!r}; {SAVE_ANEW}")
            self._parts[name] = info
        unzipped = sum(info.file_size for info in self._parts.values()) / MB_BYTES
        if unzipped > UNZIPPED_MB_MAX:
            raise InputRefused(
                f"{source}: unzips to {unzipped:,.0f} MB (limit {UNZIPPED_MB_MAX}); "
                "delete sheets that are not needed, or export the rows as CSV"
            )

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def check_markup(self, *, but: str) -> None:
        """Unzip every part of XML `but` one, whose reader looks itself, and refuse what no workbook needs in it."""
        for name in self._parts:
            if name.endswith(XML) and name != but.lower():
                for _ in self.markup(name):
                    pass

    def text(self, name: str) -> bytes:
        """Give a small part of XML as a whole, or nothing where there is none."""
        if name not in self:
            return b""
        if self._parts[name.lower()].file_size > PART_BYTES_MAX:
            raise InputRefused(f"{self._source}: {name} is larger than {PART_BYTES_MAX // MB_BYTES} MB; {SAVE_ANEW}")
        return b"".join(self.markup(name))

    def markup(self, name: str) -> Iterator[bytes]:
        """Give a part of XML piece by piece; InputRefused for a document type, or another encoding than UTF-8.

        Entities are declared in a document type only, and grow to any size when they are read. A part in UTF-16 would
        hide both from whoever looks for them in bytes.
        """
        kept = b""
        for chunk in self._unzipped(self._parts[name.lower()]):
            seen = kept + chunk
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise InputRefused(f"{self._source}: {name}: DTD not allowed; {SAVE_ANEW}")
            if b"\0" in chunk:
                raise InputRefused(f"{self._source}: {name}: is not UTF-8; {SAVE_ANEW}")
            kept = seen[-KEPT:]
            yield chunk

    def _unzipped(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        left = info.file_size
        with self._path.open("rb") as file:
            for chunk in _inflated(file, info, self._source):
                left -= len(chunk)
                if left < 0:
                    raise InputRefused(f"{self._source}: {info.filename} is longer than declared; {SAVE_ANEW}")
                yield chunk
        if left:
            raise InputRefused(f"{self._source}: {info.filename} is shorter than declared: was the file cut off?")


def _directory(path: Path, source: str) -> list[zipfile.ZipInfo]:
    """Give the entries of the directory, once it is known to be of a size that one can hold."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END.size - END_COMMENT_MAX))
        tail = file.read()
    at = tail.rfind(END_MARK)
    if at < 0 or len(tail) - at < END.size:
        raise InputRefused(f"{source}: the zip file has no end: was it cut off? Export it again")
    _, _, _, _, parts, size, _, _ = END.unpack_from(tail, at)
    if parts > PARTS_MAX or size > DIRECTORY_BYTES_MAX:
        raise InputRefused(f"{source}: holds {parts:,} parts (limit {PARTS_MAX:,}); {SAVE_ANEW}")
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error, OSError):
        raise InputRefused(f"{source}: the zip file is damaged; export it again") from None
    if len(found) > PARTS_MAX:
        raise InputRefused(f"{source}: holds {len(found):,} parts (limit {PARTS_MAX:,}); {SAVE_ANEW}")
    return found


def _inflated(file: BinaryIO, info: zipfile.ZipInfo, source: str) -> Iterator[bytes]:
    """Give the bytes of a part in pieces of bounded size, however tightly they are packed."""
    damaged = f"{source}: {info.filename} is damaged; export it again"
    if info.flag_bits & ENCRYPTED:
        raise InputRefused(f"{source}: is encrypted; save it without a password")
    file.seek(max(0, info.header_offset))
    header = file.read(HEADER.size)
    if (
        not header.startswith(HEADER_MARK)
        or len(header) < HEADER.size
        or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    ):
        raise InputRefused(damaged)
    file.seek(sum(HEADER.unpack(header)[-2:]), 1)
    stored = info.compress_type == zipfile.ZIP_STORED
    inflate, left = zlib.decompressobj(-zlib.MAX_WBITS), info.compress_size
    while left and (packed := file.read(min(CHUNK_BYTES, left))):
        left -= len(packed)
        if stored:
            yield packed
            continue
        try:
            while packed and (chunk := inflate.decompress(packed, CHUNK_BYTES)):
                yield chunk
                packed = inflate.unconsumed_tail
        except zlib.error:
            raise InputRefused(damaged) from None
    # What the inflater still holds back is less than a piece.
    if not stored and (rest := inflate.flush()):
        yield rest
