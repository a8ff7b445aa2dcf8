"""The files that runs have read, once each, compressed and in parts: a file in, and out again to the letter."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from syncjob.errors import StorageRefused
from syncjob.ledger.database import Database

CHUNK_BYTES = 1 << 20
LEVEL = 6
KNOWN = "SELECT digest FROM inputs WHERE digest = :digest"
PUT = "INSERT INTO inputs (digest, source, bytes) VALUES (:digest, :source, :bytes)"
PUT_PART = "INSERT INTO input_parts (digest, part, content) VALUES (:digest, :part, :content)"
PART = "SELECT content FROM input_parts WHERE digest = :digest AND part = :part"


def put(database: Database, digest: str, source: str, file: Path) -> None:
    """Keep a file under its digest; one that is there already is not kept twice."""
    if database.rows(KNOWN, {"digest": digest}):
        return
    try:
        with database.writing() as connection, file.open("rb") as stream:
            connection.execute(PUT, {"digest": digest, "source": source, "bytes": file.stat().st_size})
            packer, part = zlib.compressobj(LEVEL), 0
            while chunk := stream.read(CHUNK_BYTES):
                if packed := packer.compress(chunk):
                    connection.execute(PUT_PART, {"digest": digest, "part": part, "content": packed})
                    part += 1
            connection.execute(PUT_PART, {"digest": digest, "part": part, "content": packer.flush()})
    except OSError as error:
        raise StorageRefused(f"{source}: the copy of the input cannot be read: {error.strerror}") from error


def get(database: Database, digest: str) -> Iterator[bytes] | None:
    """Give the bytes of a file in chunks; None where it was never kept, or is purged."""
    if not database.rows(KNOWN, {"digest": digest}):
        return None
    return _unpacked(database, digest)


def _unpacked(database: Database, digest: str) -> Iterator[bytes]:
    unpacker, part = zlib.decompressobj(), 0
    while True:
        found = database.rows(PART, {"digest": digest, "part": part})
        if not found:
            yield unpacker.flush()
            return
        yield unpacker.decompress(found[0][0])
        part += 1
