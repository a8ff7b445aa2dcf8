"""What a format found goes in, one by one; out come rows with their numbers, faults and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from syncjob.model import Place, SourceRow
from syncjob.model.cell import retyped
from syncjob.model.own import OWN, TYPES, is_own

CUT_OFF = "the file ends without a newline: was it cut off?"
MASK = "•••"  # no field takes a text with it


class Found(Struct, frozen=True):
    """The line where a row begins, its cells by column, its fault or '', and why a column's cell is none."""

    line: int
    cells: dict[str, str]
    fault: str = ""
    flaws: Mapping[str, str] = {}


class Numbering(Struct, frozen=True):
    """What all rows of a file share: its name, and of a workbook its sheet and its letters."""

    source: str
    cut_off: bool = False
    sheet: str = ""
    letters: Mapping[str, str] = {}
    none_own: bool = False  # no column is one of our reports

    def rows(self, found: Iterable[Found]) -> Iterator[SourceRow]:
        """Number the rows from 1; one row is held back, because only the last one is warned of a file that was cut off.

        A row with a fault hands on no cells at all, and a cell with a flaw what no field takes: a report written from
        them could be read back as if they were sound.
        """
        held: SourceRow | None = None
        for n, one in enumerate(found, start=1):
            if held is not None:
                yield held
            held = self._row(n, one)
        if held is not None:
            yield replace(held, warnings=(CUT_OFF,)) if self.cut_off else held

    def _row(self, n: int, found: Found) -> SourceRow:
        place = Place(self.source, found.line, self.sheet)
        if self.none_own and not found.fault and not found.flaws:  # as most rows are
            return SourceRow(n, place, found.cells, "", (), {}, self.letters)
        if found.fault:
            return SourceRow(n, place, {}, found.fault, letters=self.letters)
        cells, own = found.cells, {}
        if found.flaws:
            cells = cells | {column: f"{MASK} {flaw}" for column, flaw in found.flaws.items()}
        if any(map(is_own, cells)):
            own = {
                column.removeprefix(OWN): cell
                for column, cell in cells.items()
                if is_own(column) and column not in found.flaws
            }
            cells = {column: cell for column, cell in cells.items() if not is_own(column)}
        if types := own.get(TYPES):
            cells = retyped(cells, types)
        return SourceRow(n, place, cells, "", (), own, self.letters, found.flaws)
