"""Is a ledger sound, and what can be saved of one that is not: a path in, what is wrong or what was saved out."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from syncjob.errors import StorageRefused
from syncjob.ledger import facts, quiet, sights
from syncjob.ledger.decoding import read_facts, read_row
from syncjob.ledger.migrating import BASES_OF_2, joined_bases
from syncjob.ledger.recall import iso
from syncjob.ledger.store import Ledger
from syncjob.ledger.tables import REBUILT, Table, described, layout
from syncjob.model import CAUSES, Cause

TOLD_MAX = 20
TAILS = ("", "-wal", "-shm")
NAMES_MAX = 99
ROWS_PER_GROUP = 500
WITH_MEANING = ("runs", "outcomes", "intents", "quiet_parts", "bases")
MADE_ANEW = ("facts", "quiet_names")
ENDS = "SELECT id, ended FROM runs"
IN_PARTS = "SELECT DISTINCT run FROM quiet_parts"
PART = itemgetter("first", "last", "count", "content")


def problems(path: Path, opened: Callable[[Ledger], None] = lambda _: None) -> list[str]:
    """Say all that is wrong with a ledger, nothing when it is sound; `opened` is told of it once it is open."""
    try:
        with Ledger(path) as ledger:
            opened(ledger)
            found = [*_modes(path), *_pages(ledger)]
            return found or list(_rows(ledger))[:TOLD_MAX]
    except StorageRefused as error:
        return list(error.problems)


def rebuild(path: Path) -> tuple[Path, dict[str, int], list[str]]:
    """Set a damaged ledger aside and begin a new one with all that can be read of it.

    Gives where it stands aside, the rows saved by table, and the tables of which rows are lost.
    """
    names = (path.with_name(f"{path.name}.damaged{f'.{n}' if n > 1 else ''}") for n in range(1, NAMES_MAX))
    aside = next((place for place in names if not place.exists()), None)
    if aside is None:
        raise StorageRefused(f"ledger {path}: {NAMES_MAX} damaged ones stand aside already; take some away")
    for tail in TAILS:
        with suppress(FileNotFoundError):
            Path(f"{path}{tail}").replace(f"{aside}{tail}")
    saved: dict[str, int] = {}
    with Ledger(path) as ledger, closing(sqlite3.connect(f"file:{aside}?mode=ro", uri=True)) as old:
        known: dict[str, set[Any]] = {"runs": set(), "scopes": set(), "inputs": set()}
        broke_off: list[str] = []
        for table in layout().values():
            if table.name not in MADE_ANEW:
                saved[table.name] = _saved(ledger, table, old, known, broke_off)
        _name(ledger)
        if {"outcomes", "quiet_parts", "runs"}.intersection(broke_off):
            with ledger.database.writing() as connection:
                facts.keep(connection, REBUILT, datetime.now(UTC).isoformat(timespec="seconds"))
    return aside, saved, broke_off


def _saved(
    ledger: Ledger, table: Table, old: sqlite3.Connection, known: dict[str, set[Any]], broke_off: list[str]
) -> int:
    """Take over the rows of one table whose run, scope or input was saved too."""
    key, parent = table.key[0], table.parent
    read: Callable[..., Iterator[dict[str, Any]]] = READ.get(table.name, _readable)
    count, rows = 0, read(old, table, broke_off)
    while group := list(islice(rows, ROWS_PER_GROUP)):
        good = [row for row in group if (not parent or row[key] in known[parent]) and _sound(table.name, row)]
        if good:
            with ledger.database.writing() as connection:
                connection.executemany(f"{table.insert} ON CONFLICT DO NOTHING", good)
        count += len(good)
        if len(good) < len(group) and table.name not in broke_off:
            broke_off.append(table.name)
        if table.name in known:
            known[table.name].update(row[key] for row in good)
    return count


def _sound(table: str, row: dict[str, Any]) -> bool:
    """Tell whether a row means something: what cannot be understood would stand in the way of what can."""
    try:
        match table:
            case "outcomes":
                return row["cause"] in CAUSES and bool(read_row(row["settled"], row["run"]))
            case "intents":
                iso(row["at"])
                return not row["planned"] or bool(read_row(row["planned"], row["run"]))
            case "runs":
                for moment in (row["began"], row["ended"] or 0.0):
                    iso(moment)
                return all(read_facts(row[name], row["id"]) is not None for name in ("facts", "requests"))
            case "quiet_parts":
                return quiet.is_sound(row["run"], PART(row))
            case "bases" if "value" in row:  # of schema 2
                sights.of_2(*(row[name] for name in ("referral", "path", "value", "at", "run", "nights")))
                return True
            case "bases":
                sights.remembered(row["referral"], row["at"], row["run"], row["agreed"], row["besides"])
                return True
            case _:
                return True
    except StorageRefused:
        return False


def _readable(old: sqlite3.Connection, table: Table, broke_off: list[str]) -> Iterator[dict[str, Any]]:
    """Give the rows of a damaged table that can be read, from its one end and from its other.

    A column that an earlier schema lacks stays empty. What cannot be read through is named in `broke_off`.
    """
    there = _columns(old, table.name)
    names = [column for column in table.columns if column in there]
    keys = [column for column in table.key if column in there]
    if not keys:
        broke_off.append(table.name)
        return
    empty = dict.fromkeys(table.columns)
    for way in ("ASC", "DESC"):
        order = ", ".join(f'"{key}" {way}' for key in keys)
        with suppress(sqlite3.Error, UnicodeDecodeError):
            for row in old.execute(f'SELECT {", ".join(names)} FROM "{table.name}" ORDER BY {order}'):  # noqa: S608  # our own names
                yield empty | dict(zip(names, row, strict=True))
            return
    broke_off.append(table.name)


def _columns(old: sqlite3.Connection, table: str) -> set[str]:
    with suppress(sqlite3.Error, UnicodeDecodeError):  # what is no database at all has no table
        return {row[1] for row in old.execute(f'PRAGMA table_info("{table}")')}
    return set()


def _readable_bases(old: sqlite3.Connection, table: Table, broke_off: list[str]) -> Iterator[dict[str, Any]]:
    """Give what is remembered of referrals; of schema 2, where each path was a row, those that can be understood."""
    if "path" not in _columns(old, table.name):
        yield from _readable(old, table, broke_off)
        return
    of_2, lost = described(BASES_OF_2, table.name), False

    def sound() -> Iterator[tuple[Any, ...]]:
        nonlocal lost
        for row in _readable(old, of_2, broke_off):
            if _sound(table.name, row):
                yield tuple(row.values())
            else:
                lost = True

    for one in joined_bases(sound()):
        yield dict(zip(table.columns, one, strict=True))
    if lost and table.name not in broke_off:
        broke_off.append(table.name)


def _readable_parts(old: sqlite3.Connection, table: Table, broke_off: list[str]) -> Iterator[dict[str, Any]]:
    """Give the parts of quiet rows, of damaged ones what lines of them can be understood; before schema 3 are none."""
    if not _columns(old, table.name) and _columns(old, "runs"):
        return
    for row in _readable(old, table, broke_off):
        if quiet.is_sound(row["run"], PART(row)):
            yield row
            continue
        if table.name not in broke_off:
            broke_off.append(table.name)
        if saved := quiet.salvaged(row["run"], row["content"]):
            yield {"run": row["run"], **dict(zip(table.columns[1:], saved, strict=True))}


READ = {"bases": _readable_bases, "quiet_parts": _readable_parts}


def _name(ledger: Ledger) -> None:
    """Have the quiet rows that were saved be found by name."""
    for (run,) in ledger.database.rows(IN_PARTS):
        found = quiet.named(ledger.database, run)
        with ledger.database.writing() as connection:
            found.write(connection, run)


def _modes(path: Path) -> Iterator[str]:
    for tail in TAILS:
        place = Path(f"{path}{tail}")
        if os.name == "posix" and place.exists() and stat.S_IMODE(place.stat().st_mode) & 0o077:
            yield f"{place}: others may read it; chmod 600 {place}"


def _pages(ledger: Ledger) -> Iterator[str]:
    for pragma in ("integrity_check", "foreign_key_check"):
        for row in ledger.database.pragma(pragma):
            if row[0] != "ok":
                yield f"ledger {ledger.path}: {pragma}: {' '.join(map(str, row))}; save what can be read: --rebuild"


def _rows(ledger: Ledger) -> Iterator[str]:
    """Hold every row against what it must be: readable, and settled where its run has ended."""
    ended: dict[str, float | None] = dict(ledger.database.rows(ENDS))
    broken: set[str] = set()
    for name in WITH_MEANING:
        for row in _walked(ledger, layout()[name]):
            where = _where(name, row)
            if not _sound(name, row):
                broken.add(row.get("run", ""))
                yield f"{where}: cannot be understood; save what can be by --rebuild"
            elif name == "outcomes" and row["cause"] == Cause.TO_SEND and ended.get(row["run"]) is not None:
                yield f"{where}: its run has ended, the row has not"
    for (run,) in ledger.database.rows(IN_PARTS):
        if run not in broken and not _is_named(ledger, run):
            yield f"run {run}: not all of its rows are found by their names; mend that by --rebuild"


def _where(table: str, row: dict[str, Any]) -> str:
    match table:
        case "outcomes" | "intents":
            return f"run {row['run']}, row {row['n']}"
        case "quiet_parts":
            return f"run {row['run']}, rows {row['first']} to {row['last']}"
        case _:
            return f"{table} {next(iter(row.values()))}"


def _is_named(ledger: Ledger, run: str) -> bool:
    found = quiet.named(ledger.database, run)
    with ledger.database.reading() as connection:
        return found.are_those_of(connection, run)


def _walked(ledger: Ledger, table: Table) -> Iterator[dict[str, Any]]:
    """Give all rows of a table, some at a time."""
    at, words = 0, f"{table.select} ORDER BY {', '.join(table.key)} LIMIT :most OFFSET :at"
    while True:
        found = ledger.database.rows(words, {"most": ROWS_PER_GROUP, "at": at})
        yield from (dict(zip(table.columns, row, strict=True)) for row in found)
        at += len(found)
        if len(found) < ROWS_PER_GROUP:
            return
