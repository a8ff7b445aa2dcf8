"""Bytes go in; out comes text that is known to decode to its end, or a refusal that names the line.

Only three things are believed: a byte order mark, strict UTF-8, or the encoding that the configuration
states. Statistics are not: on short files they take Windows-1252 for DOS code pages, and a name changed on its
way to the remote is found by a customer. So even bytes that would decode under Windows-1252 are only said to look so.

The whole file is decoded once before the first row is handed on. That costs about a millisecond a
megabyte and buys that no row is planned from a file that turns out to be damaged further down.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from syncjob.errors import InputRefused, UsageRefused

CHUNK_BYTES = 1 << 18
HEAD_BYTES = 256
MARK = "\ufeff"

# The marks of UTF-32 come first: that of UTF-16 LE is the beginning of one of them.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Text(Struct, frozen=True):
    """A file that decodes to its end; `cut_off` when its last line has no line break."""

    path: Path
    source: str
    encoding: str
    cut_off: bool

    def open(self) -> TextIO:
        """Open it at the first character after any mark, line breaks as they stand."""
        stream = self.path.open(encoding=self.encoding, newline="")
        if stream.read(1) != MARK:
            stream.seek(0)
        return stream


def decode(path: Path, *, source: str, encoding: str) -> Text:
    """Find the encoding and check the file against it to the last byte.

    Raises InputRefused for a file that does not decode, UsageRefused for an encoding that does not exist.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
    name = _stated(encoding) if encoding != "auto" else marked or _unmarked(head, source)
    if marked and not name.startswith(marked):
        raise InputRefused(
            f"{source}: starts with the mark of {marked.upper()}, but rows.encoding says {encoding}; "
            "set rows.encoding: auto"
        )
    last = ""
    for chunk in _checked(path, name, source=source, stated=encoding != "auto"):
        last = (chunk if last else chunk.removeprefix(MARK))[-1:] or last
    return Text(path, source, name, cut_off=last not in ("", "\n", "\r"))


def _stated(encoding: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise UsageRefused(
            f"rows.encoding: there is no encoding {encoding!r}; write for example utf-8, cp1252 or utf-16-le"
        ) from None


def _unmarked(head: bytes, source: str) -> str:
    """UTF-8, unless every other byte is mostly NUL: so UTF-16 looks in every script that has ASCII delimiters."""
    for nuls, others, name in ((head[1::2], head[::2], "utf-16-le"), (head[::2], head[1::2], "utf-16-be")):
        if nuls.count(0) * 2 > len(nuls) and not others.count(0):
            raise InputRefused(
                f"{source}:1: looks like UTF-16 without its byte order mark; save it as UTF-8, "
                f"or set rows.encoding: {name}"
            )
    return "utf-8"


def _checked(path: Path, encoding: str, *, source: str, stated: bool) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line, plain = 1, True
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                sound = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                before = sound.decode(encoding, "ignore")
                place = f"{source}:{line + before.count(chr(10))}"
                if stated:
                    raise InputRefused(f"{place}: not {encoding}, which rows.encoding states; state another") from None
                said = _not_utf8(path, ended=not chunk, plain=plain and before.isascii())
                raise InputRefused(f"{place}: not {encoding.upper()}; {said}") from None
            if not chunk:
                yield text
                return
            yield text
            line += text.count("\n")
            plain = plain and text.isascii()


def _not_utf8(path: Path, *, ended: bool, plain: bool) -> str:
    """Say what it may be; Windows-1252 only when nothing speaks against it."""
    if ended:
        return "the file ends inside a character: was it cut off?"
    if not plain:
        return "what stands above it is: was the file damaged, or pasted together from two encodings?"
    decoder = codecs.getincrementaldecoder("cp1252")("strict")
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "save it as UTF-8, or state rows.encoding"
    return "looks like Windows-1252; set rows.encoding: cp1252, or save it as UTF-8"
