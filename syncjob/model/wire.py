"""What came back of a request, and JSON as we write it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

Kind = TypeVar("Kind")
HALF = b"\\ud"
BRACE = b"{"  # begins an object of JSON, and none of MessagePack


class Heard(StrEnum):
    """What is known of a request when no answer can be read."""

    UNSENT = "unsent"
    LOST = "lost"
    ANSWERED = "answered"


class Answer(Struct, frozen=True):
    """What came back of one request; `status` is None unless it was answered.

    `code` is the error code of the body, `retry_after_s` what the header asked, `note` our words on what
    went wrong below HTTP, `date` the server's moment. `message` is the server's own and may hold anything: show it,
    never log it.
    """

    heard: Heard
    status: int | None = None
    body: Any = None
    code: str = ""
    message: str = ""
    note: str = ""
    request_id: str = ""
    retry_after_s: float | None = None
    date: datetime | None = None


def coded(value: Any) -> bytes:
    """Write JSON on one line: our structures as objects, a Decimal and a typed cell as their text.

    Half a surrogate pair, which a server may send and UTF-8 cannot hold, becomes its escape.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(value, enc_hook=_plain)
        return json.dumps(plain, separators=(",", ":")).encode()


def dumps(value: Any) -> str:
    """Write the same as a text."""
    return coded(value).decode()


def reader(kind: type[Kind]) -> Callable[[bytes | str], Kind]:
    """Give what reads values of a kind from what `coded` wrote; ValueError where it is something else."""
    decode = msgspec.json.Decoder(kind).decode

    def read(line: bytes | str) -> Kind:
        try:
            return decode(line)
        except msgspec.DecodeError:
            if HALF not in (line if isinstance(line, bytes) else line.encode()):
                raise
            return msgspec.convert(json.loads(line), kind)

    return read


def packed(value: Any) -> bytes:
    """Write what only we read again, in half the time that JSON takes (MessagePack).

    What MessagePack has no form for, half a character and integers beyond 64 bits, makes the whole of it JSON.
    """
    try:
        return _packer.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return coded(value)


def unpacker(kind: type[Kind]) -> Callable[[bytes], Kind]:
    """Give what reads values of a kind, written as objects, from what `packed` wrote."""
    unpack, read = msgspec.msgpack.Decoder(kind).decode, reader(kind)
    return lambda line: read(line) if line.startswith(BRACE) else unpack(line)


def _plain(value: object) -> object:
    assert isinstance(value, str), f"not a JSON value: {type(value).__name__}"
    return str(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)  # made once
_packer = msgspec.msgpack.Encoder(enc_hook=_plain)
