"""What a format found goes in, one by one; out come rows with their numbers, faults and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncjob.model import Place, SourceRow
from syncjob.sources.decoding import Text

CUT_OFF = "the file ends without a newline: was it cut off?"

Found = tuple[int, dict[str, str], str]
"""The line where a row begins, its cells by column, and its fault or ''."""


def numbered(found: Iterable[Found], text: Text, cell_chars_max: int) -> Iterator[SourceRow]:
    """Number the rows from 1; one row is held back, because only the last one is warned of a file that was cut off.

    A row with a fault hands on no cells at all: a report written from them could be read back as if they were sound.
    """
    held: SourceRow | None = None
    for n, (line, cells, said) in enumerate(found, start=1):
        if held is not None:
            yield held
        fault = said or _long_cell(cells, cell_chars_max)
        held = SourceRow(n, Place(text.source, line), {} if fault else cells, fault)
    if held is not None:
        warnings = (CUT_OFF,) if text.cut_off else ()
        yield SourceRow(held.n, held.place, held.columns, held.fault, warnings)


def _long_cell(cells: dict[str, str], chars_max: int) -> str:
    for column, cell in cells.items():
        if len(cell) > chars_max:
            return f"{column} has {len(cell):,} characters, the limit is {chars_max:,} (limits.cell_chars_max)"
    return ""
