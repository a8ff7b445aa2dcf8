"""A configuration's text goes in with values to pin; out comes the text with them, every other line as it was.

PyYAML's marks say where a value stands; a key that is missing comes first in its section, on a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from syncjob.config.nodes import Unreadable, parse

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")


def pinned(text: str, values: Mapping[tuple[str, ...], str]) -> str:
    """Set each value at its path; ValueError where the text is written in a way that this cannot be sure of."""
    before = text
    try:
        for path, value in values.items():
            text = _set(text, path, value)
        (was, faults), (now, more) = parse(before), parse(text)
    except (yaml.YAMLError, Unreadable) as error:
        raise ValueError("the configuration cannot be pinned") from error
    if faults or more or now.plain() != _meant(was.plain(), values):
        raise ValueError("the configuration cannot be pinned")
    return text


def _meant(tree: Any, values: Mapping[tuple[str, ...], str]) -> Any:
    """Give what the configuration must say afterwards: what it said, and the values."""
    for path, value in values.items():
        section = tree
        for step in path[:-1]:
            section = section[step]
        section[path[-1]] = value
    return tree


def _set(text: str, path: Sequence[str], value: str) -> str:
    *above, key = path
    section = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in above:
        section = _below(section, step)
    if not isinstance(section, yaml.MappingNode) or not section.value:
        raise ValueError(f"there is no section {'.'.join(above)}")
    shown = value if PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    held = _below(section, key)
    if held is not None:
        start, end = held.start_mark.index, held.end_mark.index
        return f"{text[:start]}{'' if end > start else ' '}{shown}{text[end:]}"
    if section.flow_style:
        at = section.start_mark.index + 1
        return f"{text[:at]}{key}: {shown}{', ' if section.value else ''}{text[at:]}"
    first = section.value[0][0].start_mark
    at = first.index - first.column
    return f"{text[:at]}{' ' * first.column}{key}: {shown}\n{text[at:]}"


def _below(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
