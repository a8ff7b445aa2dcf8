"""A text whose columns are known only once all its rows have been read: YAML and JSON name them row by row."""

from __future__ import annotations

from syncjob.sources.decoding import Text


class GrowingTable:
    """Rows of a text; a format adds how they are found, and notes each column that it meets."""

    notes: tuple[str, ...] = ()

    def __init__(self, text: Text) -> None:
        """Take the text; nothing is read before the first pass."""
        self._text = text
        self._columns: dict[str, None] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of the rows read so far, in the order in which they first appeared."""
        return tuple(self._columns)
