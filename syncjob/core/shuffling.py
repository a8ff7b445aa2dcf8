"""Whether a pulled file was sorted in part: its rows in, one by one, and out the columns that were moved without them.

Such a column still holds every value that was pulled, in another order. Row by row that looks like so many edits, and
each would be sent to the wrong deal. Sums of hashes tell it in flat memory.
"""

from __future__ import annotations

from collections import Counter

from syncjob.core import pulled
from syncjob.core.feeds import Feeds
from syncjob.core.values import text
from syncjob.model import SourceRow

EDITS_MIN = 3


class Shuffling:
    """What the rows so far say of each column."""

    def __init__(self, feeds: Feeds) -> None:
        """Start with no row."""
        self._feeds = feeds
        self._edited: Counter[str] = Counter()
        self._apart: Counter[str] = Counter()

    def add(self, row: SourceRow) -> None:
        """Take one row of a pulled file; a row of another file says nothing."""
        for column, cell, shown in pulled.edits(self._feeds, row):
            self._edited[column] += 1
            self._apart[column] += hash(text(cell)) - hash(text(shown))

    def problems(self) -> list[str]:
        """Name the columns in which edited cells hold the pulled values of other rows.

        Two cells that changed places may be chance, unless those of another column did so too.
        """
        moved = {one: count for one, count in self._edited.items() if count > 1 and not self._apart[one]}
        if len(moved) == 1 and max(moved.values()) < EDITS_MIN:
            return []
        return [
            f"column {column!r}: its {count} edited cells hold what was pulled, in another order; was it sorted "
            "without its rows? Pull again and sort whole rows; what is meant to change places goes one after the other"
            for column, count in moved.items()
        ]
