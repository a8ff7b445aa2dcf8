"""A ledger as text, and back: JSON Lines that outlive SQLite, a header, a row a line, a footer that seals them.

    {"syncjob": "ledger", "version": 1, "schema": 3}
    ["runs", {"id": …}]
    {"rows": 1234, "digest": "sha256:…"}

Bytes go as base64; quiet rows, which stand together and compressed, as their lines. What is read in goes into a ledger
that holds nothing yet, whole or not at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from syncjob.errors import InputRefused, StorageRefused
from syncjob.ledger import quiet
from syncjob.ledger.database import Database
from syncjob.ledger.tables import SCHEMA, Table, layout
from syncjob.model import dumps

VERSION = 1
ROWS_PER_GROUP = 500
TABLES = {name: table for name, table in layout().items() if name != "facts"}
Row = tuple[str, dict[str, Any]]


def export(database: Database, file: BinaryIO) -> int:
    """Write all rows, as they stand at one moment; give how many there are."""
    seal, count = hashlib.sha256(), 0

    def put(line: str) -> None:
        raw = f"{line}\n".encode()
        seal.update(raw)
        file.write(raw)

    put(dumps({"syncjob": "ledger", "version": VERSION, "schema": SCHEMA}))
    with database.reading() as connection:
        for table in TABLES.values():
            for row in connection.execute(table.select):
                put(dumps([table.name, _out(table, dict(zip(table.columns, row, strict=True)))]))
                count += 1
    file.write(f"{dumps({'rows': count, 'digest': f'sha256:{seal.hexdigest()}'})}\n".encode())
    return count


def load(path: Path, database: Database) -> int:
    """Read an export into a ledger without runs; InputRefused when it is none, was cut or altered."""
    verify(path)
    if database.rows("SELECT count(*) FROM runs")[0][0]:
        raise StorageRefused(
            f"ledger {database.path}: holds runs already; import goes into a new one: give ledger.file another path"
        )
    count = 0
    with database.writing() as connection:
        for table in reversed(TABLES.values()):
            connection.execute(f"DELETE FROM {table.name}")  # noqa: S608  # our own names
        group: list[Row] = []
        for name, row in _rows(path):
            if group and (group[0][0] != name or len(group) == ROWS_PER_GROUP):
                connection.executemany(TABLES[group[0][0]].insert, [one for _, one in group])
                group = []
            group.append((name, row))
            count += 1
        if group:
            connection.executemany(TABLES[group[0][0]].insert, [one for _, one in group])
    return count


def verify(path: Path) -> None:
    """Hold a file to be a whole export that can be read in; InputRefused says what speaks against it."""
    seal, rows, last, head = hashlib.sha256(), -1, b"", b""
    try:
        with path.open("rb") as file:
            for line in file:
                head = head or line
                seal.update(last)
                last = line
                rows += 1
        known, foot = json.loads(head), json.loads(last)
        kind, version, schema = known["syncjob"], known["version"], known["schema"]
        sealed = foot == {"rows": rows - 1, "digest": f"sha256:{seal.hexdigest()}"}
    except OSError as error:
        raise InputRefused(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputRefused(f"{path}: is no export of a ledger, or is cut off") from None
    if kind != "ledger" or version != VERSION:
        raise InputRefused(f"{path}: is no export of a ledger that this syncjob knows")
    if schema != SCHEMA:
        remedy = "import it by the one that made it"
        raise InputRefused(f"{path}: of schema {schema}, this syncjob writes {SCHEMA}; {remedy}")
    if not sealed:
        raise InputRefused(f"{path}: was altered or cut after it was written; export it again")


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        next(file)
        for line in file:
            found = json.loads(line)
            if isinstance(found, dict):
                return
            name, row = found
            yield name, _in(TABLES[name], row)


def _out(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Give a row as JSON; StorageRefused where quiet rows cannot be read."""
    if table.name == quiet.TABLE:
        part = (row["first"], row["last"], row["count"], row["content"])
        return row | {"content": [line.decode() for line in quiet.unpacked(row["run"], part)]}
    return row | {name: base64.b64encode(row[name]).decode() for name in table.binary}


def _in(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    if table.name == quiet.TABLE:
        return row | {"content": quiet.packed(line.encode() for line in row["content"])}
    return row | {name: base64.b64decode(row[name]) for name in table.binary}
