"""The cells of one column go in; out comes how they are to be read, with the cell that shows it, or what is open.

A form is tried on every cell by the very function that will read it later. Two forms that fit are a question and no
answer, unless they read every number alike: what a wrong form of numbers meets tomorrow it refuses, but a wrong order
of day and month it takes. A few cells that fit nothing do not spoil the rest; their rows are told when they are
planned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from syncjob.core import cells
from syncjob.core.fields import BY_NAME
from syncjob.core.matching import GUID
from syncjob.core.members import EMAIL
from syncjob.core.reading import CellError, Reading
from syncjob.core.values import TIMESTAMP
from syncjob.model import Day, Number, Truth

SHARE_MIN = 0.6  # of the cells a form must fit, or the column holds something else
STRAYS = 0.1  # so many cells that only another form fits are no evidence for it
CELL_CHARS_TOLD = 40
PLAIN = ""

DATE_FORMATS = (
    # PLAIN is 2027-03-31, and what says its time zone
    PLAIN,
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y%m%d",
    "%Y.%m.%d",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y/%m/%d %H:%M",
    "%d-%m-%Y %H:%M",
    "%m-%d-%Y %H:%M",
)
LOCALES = (PLAIN, "de_DE", "en_US", "fr_FR", "de_CH")
CURRENCY_CODE = re.compile(r"[A-Z]{3}")
STEP = re.compile(r"(\d{1,3})\s*%?", re.ASCII)
PHONE = re.compile(r"\+\d[\d\s()/.-]{5,}\d|\(?0\d{1,5}\)?\s[\d\s/-]{3,}\d", re.ASCII)


class Form(Struct, frozen=True):
    """How cells are read: the `forms` that fit (none: not at all; several: a question), and how many cells do."""

    forms: tuple[str, ...]
    fits: int
    of: int
    shown: str = ""

    @property
    def share(self) -> float:
        """How much of the column it reads."""
        return self.fits / self.of if self.of else 0.0


def spoken(column: Sequence[str]) -> list[str]:
    """Give the cells that say something: neither blank nor the token that clears; a typed cell is taken as it is."""
    plain = (cell.strip() if type(cell) is str else cell for cell in column)
    return [cell for cell in plain if cell and cell != cells.CLEAR]


def dates(column: Sequence[str], stated: str | None = None) -> Form:
    """Find the date format of cells that are not blank; `stated` is the only one tried where it is given."""
    texts = [cell for cell in column if type(cell) is str and not TIMESTAMP.fullmatch(cell)]
    typed = len(column) - len(texts)
    typed = len(_read_dates([cell for cell in column if cell not in texts], PLAIN)) if typed else 0
    tried = DATE_FORMATS if stated is None else (stated,)
    found = {form: _read_dates(texts, form) for form in tried}
    fitting, best = _best(found)
    read = typed + len(found[best])
    if read < SHARE_MIN * len(column) or not read:
        return Form((), read, len(column))
    if not fitting:  # whatever can be read needs no form
        return Form((stated or PLAIN,), read, len(column), _first(column))
    # One that reads cells which the best does not, and others of its cells too, shows a column of two minds.
    for form, cells_read in found.items():
        if form not in fitting and cells_read.keys() - found[best].keys() and cells_read.keys() & found[best].keys():
            fitting.append(form)
    rivals = [form for form in tried if form not in fitting and found[form].keys() & found[best].keys()]
    decides = [texts[at] for at in found[best] if not any(at in found[form] for form in rivals)]
    return Form(tuple(fitting), read, len(column), _first(decides))


def numbers(column: Sequence[str], stated: str | None = None) -> Form:
    """Find the locale of amounts that are not blank; forms that read every cell alike are one, the plainest."""
    tried = LOCALES if stated is None else (stated,)
    found = {form: _read_each(column, partial(_amount, form)) for form in tried}
    fitting, best = _best(found)
    if PLAIN in found and len(found[best]) < len(column):
        evidence = len(found[best]) - len(found[PLAIN])
        if found[PLAIN] and evidence < max(2, STRAYS * len(column)):
            fitting, best = [PLAIN], PLAIN
    if not fitting or len(found[best]) < SHARE_MIN * len(column):
        return Form((), len(found[best]), len(column))
    apart: dict[tuple[tuple[int, str], ...], str] = {}
    for form in fitting:
        apart.setdefault(tuple(found[form].items()), form)
    decides = [column[at] for at in found[best] if best == PLAIN or at not in found.get(PLAIN, {})]
    return Form(tuple(apart.values()), len(found[best]), len(column), _first(decides))


def fits(name: str, column: Sequence[str]) -> float:
    """Give the share of cells that can be read as that field."""
    assert column, "a column of blank cells has been dealt with"
    field = BY_NAME[name]
    read = _read_each(column, lambda cell: str(cells.parse(field, cell, Reading())))
    return len(read) / len(column)


def steps(column: Sequence[str]) -> dict[str, str] | None:
    """Give sales stages in plain numbers, `{"25%": "25"}` where they must be translated; None where they are others."""
    words = {cell: STEP.fullmatch(cell) for cell in column}
    if not words or not all(words.values()):
        return None
    plain = {word: found[1] for word, found in words.items() if found}
    return plain if any(word != step for word, step in plain.items()) else {}


def are_guids(column: Sequence[str]) -> bool:
    """Tell whether every cell is a GUID."""
    return bool(column) and all(GUID.fullmatch(cell) for cell in column)


def people_are_named(column: Sequence[str]) -> bool:
    """Tell whether cells hold e-mail addresses or telephone numbers, whatever the column is called."""
    named = [
        cell
        for cell in column
        if not isinstance(cell, Day | Number | Truth) and (EMAIL.search(cell) or PHONE.fullmatch(cell))
    ]
    return len(named) >= 0.5 * len(column) if column else False


def told(cell: str) -> str:
    """Give a cell as a reason quotes it: on one line, and short."""
    plain = str(cell)
    return repr(plain if len(plain) <= CELL_CHARS_TOLD else plain[: CELL_CHARS_TOLD - 1] + "…")


def _read_dates(column: Sequence[str], form: str) -> dict[int, str]:
    field, reading = BY_NAME["closingDateTime"], Reading(date_format=form or None, time_zone="UTC")
    return _read_each(column, lambda cell: str(cells.parse(field, cell, reading)))


def _amount(locale: str, cell: str) -> str:
    return str(cells.parse(BY_NAME["dealValue"], cell, Reading(locale=locale or None)))


def _read_each(column: Sequence[str], read: Callable[[str], str]) -> dict[int, str]:
    """Give what each cell reads as, by its place; those that cannot be read are left out."""
    found: dict[int, str] = {}
    for at, cell in enumerate(column):
        try:
            found[at] = read(cell)
        except (CellError, ValueError):
            continue
    return found


def _best(found: Mapping[str, Mapping[int, str]]) -> tuple[list[str], str]:
    """Give the forms that read most cells, in the order in which they were tried, and the first of them."""
    most = max(len(read) for read in found.values())
    fitting = [form for form, read in found.items() if len(read) == most and most]
    return fitting, (fitting or list(found))[0]


def _first(decides: Sequence[str]) -> str:
    """Give the first cell that decides, a text sooner than one that a workbook has typed, as a reason quotes it."""
    texts = [cell for cell in decides if type(cell) is str]
    return next((told(cell) for cell in texts or decides), "")
