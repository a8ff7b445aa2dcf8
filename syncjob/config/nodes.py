"""YAML text goes in; out comes its tree with the line of every key, each scalar the text that was written.

It is built from PyYAML's events, not from its values: as a value a CRM's word `NO` becomes false and `01234` becomes
668, a repeated key overwrites the first in silence, and anchors are out of sight. What has no place in a
configuration is noted as a problem and read past, so that one reading finds all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

DEPTH_MAX = 20
NULLS = ("", "~", "null", "Null", "NULL")


class Node(Struct, frozen=True):
    """A mapping, a list, a text or nothing, and the line of its key."""

    line: int
    value: dict[str, Node] | list[Node] | str | None

    def plain(self) -> Any:
        """Give the value without its lines."""
        match self.value:
            case dict():
                return {key: node.plain() for key, node in self.value.items()}
            case list():
                return [node.plain() for node in self.value]
            case _:
                return self.value


class Problem(Struct, frozen=True):
    """What is wrong, and on which line."""

    line: int
    said: str


class Unreadable(Exception):
    """The text is no YAML, or too deep: nothing of it can be judged."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.said)
        self.problem = problem


def parse(text: str) -> tuple[Node, list[Problem]]:
    """Read one document; an empty one is an empty mapping. Raises Unreadable."""
    problems: list[Problem] = []
    try:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        document = _Document(events, problems)
        return document.root(), problems
    except yaml.reader.ReaderError as error:
        at = text.find(chr(error.character))
        line = text.count("\n", 0, at) + 1
        raise Unreadable(Problem(line, f"the character U+{error.character:04X} is not allowed in YAML")) from None
    except yaml.MarkedYAMLError as error:
        mark, begun = error.problem_mark, error.context_mark
        line = mark.line + 1 if mark else 1
        context = f" ({error.context} from line {begun.line + 1})" if begun else ""
        said = f"not valid YAML: {error.problem}{context}; mend the line or quote its text"
        raise Unreadable(Problem(line, said)) from None


class _Document:
    """One walk over the events."""

    def __init__(self, events: Iterator[Event], problems: list[Problem]) -> None:
        self._events = events
        self._problems = problems

    def root(self) -> Node:
        """Give the first document's tree; a second document is a problem."""
        root = Node(1, {})
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event, "a second document begins; one configuration is one document")
                    break
                root = self._root(next(self._events))
        return root

    def _root(self, event: Event) -> Node:
        node = self._node(event, line=1, depth=0)
        if node.value is None:
            return Node(1, {})
        if not isinstance(node.value, dict):
            self._note(event, "a configuration is a mapping: 'job: …', 'remote: …' and so on")
            return Node(1, {})
        return node

    def _node(self, event: Any, *, line: int, depth: int) -> Node:
        """Give the node that begins with this event; it recurses at most DEPTH_MAX deep."""
        if depth > DEPTH_MAX:
            raise Unreadable(Problem(_line(event), f"nested deeper than {DEPTH_MAX} levels"))
        if isinstance(event, AliasEvent):
            self._note(event, "an alias (*) has no place here; write the value out, or quote it")
            return Node(line, None)
        if event.anchor is not None:
            self._note(event, "an anchor (&) has no place here; delete it, or quote the text")
        if event.tag is not None:
            self._note(event, "a tag (!) has no place here; delete it, or quote the text")
        if isinstance(event, MappingStartEvent):
            return Node(line, self._mapping(depth))
        if isinstance(event, SequenceStartEvent):
            return Node(line, self._list(depth))
        assert isinstance(event, ScalarEvent), "a node is an alias, a mapping, a list or a scalar"
        return Node(line, None if event.implicit[0] and event.value in NULLS else event.value)

    def _mapping(self, depth: int) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        while not isinstance(key := next(self._events), MappingEndEvent):
            line = _line(key)
            name = self._key(key, depth)
            node = self._node(next(self._events), line=line, depth=depth + 1)
            if name is None:
                continue
            if name in nodes:
                self._note(key, f"the key {name!r} stands here and on line {nodes[name].line}; keep one of them")
            else:
                nodes[name] = node
        return nodes

    def _key(self, event: Event, depth: int) -> str | None:
        if isinstance(event, ScalarEvent):
            self._node(event, line=0, depth=depth)
            return event.value
        self._node(event, line=0, depth=depth + 1)
        self._note(event, "a key must be a text")
        return None

    def _list(self, depth: int) -> list[Node]:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            nodes.append(self._node(event, line=_line(event), depth=depth + 1))
        return nodes

    def _note(self, event: Event, said: str) -> None:
        self._problems.append(Problem(_line(event), said))


def _line(event: Event) -> int:
    assert event.start_mark is not None, "the parser marks every event"
    return event.start_mark.line + 1
