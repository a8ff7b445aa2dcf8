"""What a workbook says of its sheets goes in; out comes the one to read, or the names to choose from."""

from __future__ import annotations

import html
import posixpath
import re

from msgspec import Struct

from syncjob.errors import InputRefused
from syncjob.model.own import CATEGORY, OWN
from syncjob.sources.author import property_of
from syncjob.sources.letters import listed, meant
from syncjob.sources.package import SAVE_ANEW, Package

ROOT_LINKS = "_rels/.rels"
MACROS = "vbaproject.bin"
SHEETS_MAX = 10_000
OURS = ("rows", "referrals", "links")  # how a report, `syncjob pull` and `syncjob link` call their table
# No pattern passes over the next tag, nor begins anew within a name: a part of megabytes is gone through once.
LINK = re.compile(rb"<(?:[\w.\-]{1,256}:)?Relationship(\s[^<>]*+)>")
SHEET = re.compile(rb"<(?:[\w.\-]{1,256}:)?sheet(\s[^<>]*+)>")
BOOK = re.compile(rb"<(?:[\w.\-]{1,256}:)?workbookPr(\s[^<>]*+)>")
ATTRIBUTE = re.compile(rb"""(?<![\w.\-:])([\w.\-:]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)')""")


class Sheet(Struct, frozen=True):
    """A sheet of cells: its name as its tab shows it, and its part of the package."""

    name: str
    part: str
    visible: bool


class Workbook(Struct, frozen=True):
    """The sheets in the order of their tabs; `from_1904` when its days are counted from there; `ours` as we made it."""

    sheets: tuple[Sheet, ...]
    from_1904: bool
    macros: bool
    ours: bool


def workbook_of(package: Package, source: str) -> Workbook:
    """Read the parts that name the sheets; InputRefused when they name none that is there."""
    links = _links(package.text(ROOT_LINKS), "").values()
    main = next((target for kind, target in links if kind == "officeDocument"), "xl/workbook.xml")
    said = package.text(main)
    folder, name = posixpath.split(main)
    targets = _links(package.text(f"{folder}/_rels/{name}.rels"), folder)
    sheets: list[Sheet] = []
    for found in SHEET.finditer(said):
        of = _attributes(found[1])
        kind, part = targets.get(of.get("id", ""), ("", ""))
        if kind == "worksheet" and part in package:
            sheets.append(Sheet(of.get("name", ""), part, of.get("state", "visible") == "visible"))
            if len(sheets) > SHEETS_MAX:
                raise InputRefused(f"{source}: names more than {SHEETS_MAX:,} sheets; {SAVE_ANEW}")
    if not sheets:
        raise InputRefused(f"{source}: the workbook names no sheet of cells; {SAVE_ANEW}")
    from_1904 = any(_attributes(found[1]).get("date1904") in ("1", "true") for found in BOOK.finditer(said))
    macros, ours = f"{folder}/{MACROS}" in package, property_of(package, "category") == CATEGORY
    return Workbook(tuple(sheets), from_1904, macros, ours)


def chosen(workbook: Workbook, source: str, stated: str | None) -> Sheet:
    """Give the sheet that is stated, else the only one in sight; those that we have added ourselves are none.

    In a workbook of ours it is our table, whatever sheets a person has put beside it.
    """
    names = [sheet.name for sheet in workbook.sheets]
    if stated is not None:
        for sheet in workbook.sheets:
            if sheet.name == stated:
                return sheet
        near = meant(stated, names)
        raise InputRefused(f"{source}: no sheet is called {stated!r}{near}; there are {listed(names)} (rows.sheet)")
    visible = [sheet for sheet in workbook.sheets if sheet.visible and not sheet.name.startswith(OWN)]
    tables = [sheet for sheet in visible if workbook.ours and sheet.name in OURS]
    for found in (visible, tables):
        if len(found) == 1:
            return found[0]
    if visible:
        shown = listed(sheet.name for sheet in visible)
        raise InputRefused(f"{source}: has {len(visible)} sheets: {shown}; set rows.sheet to one of them")
    raise InputRefused(f"{source}: no sheet is visible; show one, or set rows.sheet to one of {listed(names)}")


def _links(said: bytes, folder: str) -> dict[str, tuple[str, str]]:
    """Give the last word of each link's type and the part it leads to, by its id."""
    found = (_attributes(one[1]) for one in LINK.finditer(said))
    return {
        of.get("Id", ""): (
            of.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, of.get("Target", "").replace("\\", "/"))).lstrip("/"),
        )
        for of in found
    }


def _attributes(tag: bytes) -> dict[str, str]:
    """Give the attributes of a tag, without their prefixes."""
    return {
        name.decode().rpartition(":")[2]: html.unescape((double or single).decode("utf-8", "replace"))
        for name, double, single in ATTRIBUTE.findall(tag)
    }
