"""Read one cell as its field's kind: text in, the value as it goes over the wire out; nothing is guessed.

What could be read in two ways is refused with the sentence that says what to write or to configure. The words
of private fields never stand in such a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from syncjob.core import members, values
from syncjob.core.fields import CRM_ID, CURRENCY, SALES_STAGE, Field, Kind
from syncjob.core.reading import CellError, Reading
from syncjob.core.values import TIMESTAMP
from syncjob.model import Day, Number, Number1904, Truth

CLEAR = "<clear>"
MASK = "•••"
PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
DIGITS_MAX, DECIMALS_MAX = 15, 4  # what a JSON number carries without rounding
ALIKE = (" \u00a0\u2009\u202f", "'\u2019")  # group marks that people and programs take for each other
EXCEL_ERROR = re.compile(
    r"#(REF!|N/A|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|UNKNOWN!|BUSY!|GETTING_DATA"
    r"|EXTERNAL!|PYTHON!|TIMEOUT!)|#{4,}"
)
NO_SAVED_VALUE = "#NO SAVED VALUE!"  # what the reader of workbooks writes in the place of one
NO_CHARACTER = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")  # code points that never stand for a character
LIKE_CLEAR = re.compile(r"<\s*clear\s*>", re.IGNORECASE)  # CLEAR itself is told apart before
BY_WORKBOOK = "true"
COUNTS = {BY_WORKBOOK: "1900", "1900": "1900", "1904": "1904"}
EXCEL_DAYS = {"1900": (date(1899, 12, 30), 61), "1904": (date(1904, 1, 1), 0)}  # before day 61 Excel miscounts 1900
AS_TEXT = "write it as text (a text column in Excel, quotes in JSON)"
DAMAGED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
ONE_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)
GROUPED = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")  # a German 1234, or 1 and a bit
PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d")
CURRENCY_CODE = re.compile(r"[A-Z]{3}")
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


def parse(field: Field, cell: str, reading: Reading) -> Any:
    """Read a cell that is not blank; CellError when it is not of the field's kind."""
    return PARSERS[field.kind](field, cell, reading)


def dirt(cell: str) -> str:
    """Say why no honest text holds this: control characters, half a surrogate, a mask of our own reports."""
    if cell.isascii() and cell.isprintable() and cell[:1] not in ("#", "<"):
        return ""  # as nearly every cell is: what follows looks at each character
    if MASK in cell:
        return f"holds {MASK}, the mask of a report; take the value from the CSV or JSON report"
    if error := excel_error(cell):
        return error
    if LIKE_CLEAR.fullmatch(cell):
        return f"{cell} looks like {CLEAR}; write it exactly so"
    for char in dict.fromkeys(cell):
        if (unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n\r") or NO_CHARACTER.fullmatch(char):
            return f"holds the control character U+{ord(char):04X}; delete it"
    return ""


def excel_error(cell: str) -> str:
    """Say what is wrong with a cell in which Excel shows an error, or for which it has left no value."""
    if cell == NO_SAVED_VALUE:
        return "formula has no saved value: open the file in Excel and save it"
    if EXCEL_ERROR.fullmatch(cell):
        return f"{cell} is an error of Excel; mend the formula, or widen the column, and export again"
    return ""


def suspicion(cell: str) -> str:
    """Say what looks odd in a text that may still be meant: invisible characters, or UTF-8 once read as cp1252."""
    if cell.isascii():
        return ""
    if any(unicodedata.category(char) == "Cf" for char in set(cell)):
        return "holds invisible characters"
    try:
        mended = cell.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""
    return "looks as if UTF-8 had been read as Windows-1252 once (JosÃ© for José)" if mended != cell else ""


def _text(field: Field, cell: str, reading: Reading) -> str:
    if field.path == CURRENCY and not CURRENCY_CODE.fullmatch(cell):
        raise CellError(f"{cell!r} is no currency; write its ISO 4217 code, for example EUR")
    if field.path == CRM_ID and DAMAGED.fullmatch(cell):
        raise CellError(f"{cell!r}: a spreadsheet changed this id to a number; {AS_TEXT}")
    if isinstance(cell, Number) and not _shown_as_it_is(field, cell, reading):
        raise CellError(f"{_told(field, cell)} is a number, which a sheet may show otherwise (25 %, 00123); {AS_TEXT}")
    if isinstance(cell, Day | Truth):
        raise CellError(f"{_told(field, cell)} is no text; {AS_TEXT}")
    return unicodedata.normalize("NFC", cell)


def _shown_as_it_is(field: Field, cell: Number, reading: Reading) -> bool:
    """Tell whether a number can be taken for the digits that a person sees: a stage of 1 may be shown as 100 %."""
    if not cell.isdecimal() or len(cell) > DIGITS_MAX:
        return False
    return reading.numeric if field.path == CRM_ID else field.path == SALES_STAGE and int(cell) > 1


def _told(field: Field, cell: str) -> str:
    """Give the cell as a sentence may show it."""
    return "the cell" if field.private else repr(str(cell))


def _money(__: Field, cell: str, reading: Reading) -> str:
    if type(cell) is str and cell.isascii() and cell.isdecimal() and len(cell) <= DIGITS_MAX:
        return cell.lstrip("0") or "0"  # as most amounts are: no locale reads bare digits otherwise
    if isinstance(cell, Day | Truth):
        raise CellError(f"{cell!r} is no number; write the amount anew, in a workbook in a number's cell")
    typed = isinstance(cell, Number)
    amount = Decimal(cell) if typed else _localised(cell, reading.locale) if reading.locale else _plain(cell)
    if amount < 0:
        raise CellError(f"{cell!r} is negative; a deal value is 0 or more")
    _, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int), "letters were refused: this is no infinity"
    if len(digits) + max(exponent, 0) > DIGITS_MAX or exponent < -DECIMALS_MAX:
        raise CellError(f"{cell!r} has too many digits; at most {DIGITS_MAX}, of them {DECIMALS_MAX} decimals")
    return str(values.money(abs(amount), as_string=True))


def _plain(cell: str) -> Decimal:
    if THOUSANDS.fullmatch(cell):
        raise CellError(
            f"{cell!r} can be read in two ways; write {cell.replace('.', '')} or {cell}0, or state a locale"
        )
    if PLAIN_NUMBER.fullmatch(cell):
        return Decimal(cell)
    if ONE_COMMA.fullmatch(cell):
        whole, dotted = cell.replace(",", ""), cell.replace(",", ".")
        if GROUPED.fullmatch(cell):
            raise CellError(f"{cell!r} can be read in two ways; write {whole} or {dotted}0, or state a locale")
        raise CellError(f"{cell!r} is not a plain number; write {dotted} or state a locale")
    wanted = cell.replace(",", "") if GROUPED.fullmatch(cell) else "it as 12000.50"
    raise CellError(f"{cell!r} is not a plain number; write {wanted} or state a locale")


def _localised(cell: str, locale: str) -> Decimal:
    from babel.numbers import NumberFormatError, get_group_symbol, parse_decimal

    mark = get_group_symbol(locale)
    alike = next((chars for chars in ALIKE if mark in chars), mark)
    if re.search(r"[^\W\d]", cell):  # 1e5, 1_000 and NaN are numbers to Python, not to people
        raise CellError(f"{cell!r} is no number as {locale} writes it")
    try:
        return parse_decimal(re.sub(f"[{re.escape(alike)}]", mark, cell), locale=locale, strict=True)
    except NumberFormatError as error:
        raise CellError(f"{cell!r} is no number as {locale} writes it") from error


def unknown_locale(name: str) -> str:
    """Say why numbers cannot be read as this locale writes them; nothing when they can."""
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return f"no locale is called {name!r}; write for example de_DE"
    return ""


def _date(_: Field, cell: str, reading: Reading) -> str:
    if isinstance(cell, Number) or (reading.excel_serial and PLAIN_NUMBER.fullmatch(cell)):
        cell = _counted(cell, reading)
    if TIMESTAMP.fullmatch(cell):
        return _timestamp(_, cell, reading)
    day = date.fromisoformat(cell) if isinstance(cell, Day) else _day(cell, reading.date_format)
    if reading.time_zone is None:
        raise CellError(f"{cell!r} is a date; state the time_zone in which it begins, or write a timestamp")
    try:
        return values.midnight(day, reading.time_zone)
    except OverflowError:
        raise CellError(f"{cell!r} is before all time in {reading.time_zone}; write the right year") from None


def _counted(cell: str, reading: Reading) -> Day:
    """Give the date that a workbook counts in days; the fraction is the time of day."""
    typed = isinstance(cell, Number)
    if reading.excel_serial not in COUNTS or (reading.excel_serial == BY_WORKBOOK and not typed):
        way_out = "set excel_serial: true" if typed else 'say from which year it counts, excel_serial: "1900"'
        raise CellError(f"{cell!r} is a bare number; format the cell as a date, or {way_out}")
    if typed and reading.excel_serial not in (BY_WORKBOOK, "1904" if isinstance(cell, Number1904) else "1900"):
        raise CellError(f"{cell!r} counts from another year than excel_serial says; set excel_serial: true")
    begins, least = EXCEL_DAYS["1904" if isinstance(cell, Number1904) else COUNTS[reading.excel_serial]]
    days = Decimal(cell)
    try:
        at = datetime(begins.year, begins.month, begins.day) + timedelta(seconds=round(days * 86_400))  # noqa: DTZ001  # a workbook's dates have no zone
    except OverflowError:
        at = None
    if at is None or days < least:
        raise CellError(f"{cell!r} is no count of days that Excel makes; write the date as 2026-03-31")
    return Day(at.date().isoformat() if at == datetime(at.year, at.month, at.day) else at.isoformat())  # noqa: DTZ001  # as above


def _day(cell: str, date_format: str | None) -> date:
    try:
        if date_format:
            return datetime.strptime(cell, date_format).date()  # noqa: DTZ007  # a day has no zone of its own
        if PLAIN_DATE.fullmatch(cell):
            return date.fromisoformat(cell)
    except ValueError:
        pass
    wanted = f"as {date_format}" if date_format else "as 2026-03-31, or state a date_format"
    raise CellError(f"{cell!r} is no date; write it {wanted}")


def _timestamp(_: Field, cell: str, reading: Reading) -> str:
    found = TIMESTAMP.fullmatch(cell)
    if found is None or values.moment(cell, None) == cell:
        raise CellError(f"{cell!r} is no timestamp; write it as 2026-03-31T00:00:00Z")
    day, clock, fraction, offset = found.groups()
    if offset:
        return f"{day}T{clock}{'.' + fraction if fraction else ''}{offset}"
    if reading.time_zone is None:
        raise CellError(f"{cell!r} names no time zone; end it with Z or an offset, or state a time_zone")
    at = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(reading.time_zone))
    if at.utcoffset() != at.replace(fold=1).utcoffset():
        raise CellError(
            f"{cell!r} comes never or twice in {reading.time_zone}, where the clocks change; add the offset"
        )
    offset = at.strftime("%z")
    return f"{day}T{clock}{'.' + fraction if fraction else ''}{offset[:3]}:{offset[3:5]}"


def _enum(field: Field, cell: str, _: Reading) -> str:
    for word in field.words:
        if word.casefold() == cell.casefold():
            return word
    raise CellError(f"{cell!r} is not one of {', '.join(field.words)}; write one of them or translate it")


def _boolean(_: Field, cell: str, __: Reading) -> bool:
    if cell.casefold() in TRUE:
        return True
    if cell.casefold() in FALSE:
        return False
    raise CellError(f"{cell!r} is neither yes nor no; write one of them or translate it")


PARSERS: dict[Kind, Callable[[Field, str, Reading], Any]] = {
    Kind.TEXT: _text,
    Kind.MONEY: _money,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _timestamp,
    Kind.ENUM: _enum,
    Kind.BOOLEAN: _boolean,
    Kind.PEOPLE: members.people,
    Kind.SOLUTIONS: members.solutions,
}
