"""YAML text goes in, a list of rows; out come the rows, every scalar as the text that was written.

PyYAML's events are read, never its values: as values `NO` becomes false, `01234` becomes 668, `1.10` loses its zero and
`12:30:45` becomes a number of seconds. Events also stream, know their lines, and show what a value hides: a
repeated key (of which the last would win), an anchor, a tag. These have no place in rows and refuse the file.

    - Deal ID: 7f3a…          or      rows:
      Value: 1.10                       - Deal ID: 7f3a…
      Team: [a@x.test, b@x.test]          Value: 1.10
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from syncjob.errors import InputRefused
from syncjob.model import SourceRow
from syncjob.model.own import is_own
from syncjob.sources.decoding import Text
from syncjob.sources.growing import GrowingTable
from syncjob.sources.numbering import Found, Numbering

DEPTH_MAX = 20
COLUMNS_MAX = 16_384
CELL_CHARS_BROKEN = 1 << 24  # as of CSV: what is longer is no cell, and fills the memory
NULLS = ("", "~", "null", "Null", "NULL")
ROWS = "rows"
SHAPE = "write a list of rows, '- column: cell', or 'rows:' with that list under it"


class YamlTable(GrowingTable):
    """A YAML file of rows."""

    def __iter__(self) -> Iterator[SourceRow]:
        """Give the rows; InputRefused at the first line that is not what a list of rows may hold."""
        text = self._text
        return Numbering(text.source, cut_off=text.cut_off).rows(self._found())

    def _found(self) -> Iterator[Found]:
        events = _events(self._text)
        top = next(events, None)
        if isinstance(top, MappingStartEvent):
            key = next(events)
            if not (isinstance(key, ScalarEvent) and key.value == ROWS):
                self._refuse(key, SHAPE)
            top = next(events)
        if top is None or _is_null(top):
            pass
        elif isinstance(top, SequenceStartEvent):
            yield from self._listed(events)
        else:
            self._refuse(top, SHAPE)
        # What is left can only be the end of the mapping, or a second key in it.
        for event in events:
            if not isinstance(event, MappingEndEvent):
                self._refuse(event, f"a second key beside {ROWS!r}; {SHAPE}")

    def _listed(self, events: Iterator[Event]) -> Iterator[Found]:
        for event in events:
            if isinstance(event, SequenceEndEvent):
                return
            if not isinstance(event, MappingStartEvent):
                self._refuse(event, "a row must be a mapping of columns to cells: '- column: cell'")
            yield self._row(_line(event), events)

    def _row(self, line: int, events: Iterator[Event]) -> Found:
        """Read to the end of one row; what is nested deeper than a list is skipped and told."""
        cells: dict[str, str] = {}
        flaws: dict[str, str] = {}
        while not isinstance(key := next(events), MappingEndEvent):
            column = key.value.strip() if isinstance(key, ScalarEvent) else ""
            if not column:
                self._refuse(key, "a column's name must be a text on one line")
            if column in cells:
                self._refuse(key, f"the key {column!r} stands twice in one row; keep one of them")
            cells[column], flaw = _cell(next(events), events)
            if flaw:
                flaws[column] = flaw
            if column not in self._columns and not is_own(column):
                self._columns[column] = None
                if len(self._columns) > COLUMNS_MAX:
                    self._refuse(key, f"more than {COLUMNS_MAX:,} columns; is the list of rows nested wrongly?")
        return Found(line, cells, flaws=flaws)

    def _refuse(self, event: Event, said: str) -> NoReturn:
        raise InputRefused(f"{self._text.source}:{_line(event)}: {said}")


def _cell(event: Event, events: Iterator[Event]) -> tuple[str, str]:
    """Give a cell's text, a list's items on a line each, and its flaw or ''."""
    if isinstance(event, ScalarEvent):
        return _written(event), ""
    items: list[str] = []
    nested = isinstance(event, MappingStartEvent)
    depth = 1
    while depth:
        event = next(events)
        if isinstance(event, CollectionStartEvent):
            depth, nested = depth + 1, True
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        else:
            assert isinstance(event, ScalarEvent), "aliases are refused before"
            items.append(_written(event))
    if nested:
        return "", "is nested too deeply; write a text, or a list of texts"
    if any("\n" in item for item in items):
        return "", "has a line break inside a list's item, where it would part it in two"
    return "\n".join(items), ""


def _written(event: ScalarEvent) -> str:
    return "" if _is_null(event) else event.value


def _is_null(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and event.implicit[0] and event.value in NULLS


def _line(event: Event) -> int:
    assert event.start_mark is not None, "the parser marks every event"
    return event.start_mark.line + 1


def _events(text: Text) -> Iterator[Event]:
    """Give the events of the one document, each checked for what no file of rows may hold.

    libyaml keeps its own stack and Python's is not used, so depth cannot exhaust it; the bound ends a file of
    brackets early.
    """
    depth = documents = 0
    with text.open() as stream:
        try:
            for event in yaml.parse(stream, Loader=yaml.CSafeLoader):
                if isinstance(event, NodeEvent):
                    if said := _foreign(event):
                        raise InputRefused(f"{text.source}:{_line(event)}: {said}")
                    depth += isinstance(event, CollectionStartEvent)
                    if depth > DEPTH_MAX:
                        raise InputRefused(
                            f"{text.source}:{_line(event)}: nested deeper than {DEPTH_MAX} levels; {SHAPE}"
                        )
                    yield event
                elif isinstance(event, CollectionEndEvent):
                    depth -= 1
                    yield event
                elif isinstance(event, DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise InputRefused(
                            f"{text.source}:{_line(event)}: a second document begins; put all rows into one list"
                        )
        except yaml.YAMLError as error:
            raise InputRefused(_broken(text, error)) from None


def _foreign(event: Any) -> str:
    if isinstance(event, AliasEvent):
        return f"an alias (*{event.anchor}) has no place in rows; write the text out"
    if event.anchor is not None:
        return f"an anchor (&{event.anchor}) has no place in rows; delete it, or quote the text"
    if isinstance(event, ScalarEvent) and len(event.value) > CELL_CHARS_BROKEN:
        return f"a cell has more than {CELL_CHARS_BROKEN:,} characters: is a quote opened and never closed?"
    if event.tag is not None:
        return "a tag (!) has no place in rows: every cell is text; delete it, or quote the text"
    return ""


def _broken(text: Text, error: yaml.YAMLError) -> str:
    """Say where the document breaks; of a forbidden character the parser tells all but the line."""
    if isinstance(error, yaml.reader.ReaderError):
        with text.open() as stream:
            line = next((n for n, said in enumerate(stream, 1) if chr(error.character) in said), 1)
        return (
            f"{text.source}:{line}: the character U+{error.character:04X} is not allowed in YAML; "
            f'delete it, or write it as an escape in double quotes: "\\u{error.character:04x}"'
        )
    assert isinstance(error, yaml.MarkedYAMLError), "libyaml marks every error but a reader's"
    mark, begun = error.problem_mark, error.context_mark
    line = mark.line + 1 if mark else 1
    context = f" ({error.context} from line {begun.line + 1})" if begun else ""
    return (
        f"{text.source}:{line}: not valid YAML: {error.problem}{context}; "
        "mend the line or quote its text, or is the file cut off?"
    )
