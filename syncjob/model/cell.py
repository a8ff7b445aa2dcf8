"""A cell's text, and by its class what the program that wrote the file had meant by it.

A workbook or a JSON file says whether `1.234` is a number; a CSV file does not. Every cell is a `str`, so that reports
and files take them all alike; who reads a cell as a field asks for its class, and does not guess where it is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec


class Number(str):
    """A number: plain digits and a point, `12000.5`; never in scientific notation."""

    __slots__ = ()


class Number1904(Number):
    """A number of a workbook that counts its days from 1904: as a date it means another day."""

    __slots__ = ()


class Day(str):
    """A date, `2026-03-31`, or one with a time of day, `2026-03-31T14:30:00`; neither has a zone."""

    __slots__ = ()


class Truth(str):
    """A truth value: `true` or `false`."""

    __slots__ = ()


KINDS: Mapping[str, type[str]] = {"number": Number, "number1904": Number1904, "day": Day, "truth": Truth}
NAMES = {kind: name for name, kind in KINDS.items()}
PLAIN = {str}


def columns_to_json(columns: Mapping[str, str]) -> Mapping[str, Any]:
    """Give cells by column as JSON: a text as it is, what was typed as `{"number": "12000.5"}`."""
    if are_plain(columns):
        return columns
    return {column: {NAMES[type(cell)]: str(cell)} if type(cell) in NAMES else cell for column, cell in columns.items()}


def columns_from_json(columns: Mapping[str, Any]) -> Mapping[str, str]:
    """Give cells by column as they were before they became JSON."""
    if are_plain(columns):
        return columns
    return {column: cell if isinstance(cell, str) else _typed(cell) for column, cell in columns.items()}


def types_of(columns: Mapping[str, str]) -> str:
    """Give, for a file that keeps no types, what was typed: `{column: [kind, text]}` as JSON, '' where nothing was."""
    typed = {column: [NAMES[type(cell)], cell] for column, cell in columns.items() if type(cell) in NAMES}
    return json.dumps(typed, ensure_ascii=False, separators=(",", ":")) if typed else ""


def retyped(columns: Mapping[str, str], types: str) -> dict[str, str]:
    """Give cells the types that `types_of` kept; one that was edited since is the text that it is."""
    try:
        known = json.loads(types)
        kept = {column: KINDS[kind](text) for column, (kind, text) in known.items() if columns.get(column) == text}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return dict(columns)
    return {**columns, **kept}


def are_plain(columns: Mapping[str, Any]) -> bool:
    """Tell whether all cells are texts: those of a CSV file are."""
    return PLAIN.issuperset(map(type, columns.values()))


def plainly(columns: Mapping[str, Any]) -> bytes | None:
    """Write cells by column as JSON where all are texts that it holds; None where one is typed, or half a character."""
    try:
        return _encoder.encode(columns)
    except (TypeError, UnicodeEncodeError):
        return None


def _refuse(cell: Any) -> NoReturn:
    raise TypeError(f"{type(cell).__name__} is no plain text")


_encoder = msgspec.json.Encoder(enc_hook=_refuse)  # made once


def _typed(cell: Mapping[str, str]) -> str:
    ((kind, text),) = cell.items()
    return KINDS[kind](text)
