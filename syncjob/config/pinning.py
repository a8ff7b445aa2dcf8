"""A configuration's text goes in with values to pin; out comes the text with them, every other line as it was.

PyYAML's marks say where a value stands; a key that is missing comes first in its section, on a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import yaml

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")


def pinned(text: str, values: Mapping[tuple[str, ...], str]) -> str:
    """Set each value at its path; the sections above it stand in the text already."""
    for path, value in values.items():
        text = _set(text, path, value)
    return text


def _set(text: str, path: Sequence[str], value: str) -> str:
    *above, key = path
    section = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in above:
        section = _below(section, step)
    assert isinstance(section, yaml.MappingNode), "loading has checked that the section is a mapping"
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
    assert isinstance(node, yaml.MappingNode), "loading has checked that the section is a mapping"
    return next((value for name, value in node.value if name.value == key), None)
