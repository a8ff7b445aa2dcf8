"""What a format found goes in, one by one; out come rows with their numbers, faults and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from syncjob.model import Place, SourceRow
from syncjob.model.own import OWN, is_own

CUT_OFF = "the file ends without a newline: was it cut off?"

Found = tuple[int, dict[str, str], str]
"""The line where a row begins, its cells by column, and its fault or ''."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """What all rows of a file share: its name, the bound of a cell, and of a workbook its sheet and its letters."""

    source: str
    cell_chars_max: int
    cut_off: bool = False
    sheet: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)

    def rows(self, found: Iterable[Found]) -> Iterator[SourceRow]:
        """Number the rows from 1; one row is held back, because only the last one is warned of a file that was cut off.

        A row with a fault hands on no cells at all: a report written from them could be read back as if they were
        sound.
        """
        held: SourceRow | None = None
        for n, (line, cells, said) in enumerate(found, start=1):
            if held is not None:
                yield held
            held = self._row(n, line, cells, said)
        if held is not None:
            warnings = (CUT_OFF,) if self.cut_off else ()
            yield SourceRow(held.n, held.place, held.columns, held.fault, warnings, held.own, held.letters)

    def _row(self, n: int, line: int, cells: dict[str, str], said: str) -> SourceRow:
        own = {column.removeprefix(OWN): cell for column, cell in cells.items() if is_own(column)}
        if own:
            cells = {column: cell for column, cell in cells.items() if not is_own(column)}
        fault = said or self._long_cell(cells)
        place = Place(self.source, line, self.sheet)
        return SourceRow(n, place, {} if fault else cells, fault, own={} if fault else own, letters=self.letters)

    def _long_cell(self, cells: dict[str, str]) -> str:
        for column, cell in cells.items():
            if len(cell) > self.cell_chars_max and not column.startswith(OWN):
                limit = f"the limit is {self.cell_chars_max:,} (limits.cell_chars_max)"
                return f"{column} has {len(cell):,} characters, {limit}"
        return ""
