"""How the cells of a column are to be read, and what is wrong with one that cannot be."""

from __future__ import annotations

from msgspec import Struct


class CellError(ValueError):
    """What is wrong with a cell and what to write instead; the column is named by who catches it."""


class Reading(Struct, frozen=True):
    """How cells of one column are to be read."""

    locale: str | None = None
    date_format: str | None = None
    time_zone: str | None = None
    excel_serial: str = ""
    numeric: bool = False
