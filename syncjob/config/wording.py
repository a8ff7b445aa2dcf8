"""What pydantic found wrong goes in; out come problems in our words, each with its line and a way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from syncjob.config.nodes import Node, Problem
from syncjob.settings import Settings, Target
from syncjob.settings.section import Section

SHOWN_CHARS_MAX = 60
# Where a whole section should be, a token may stand by mistake.
SECTIONS = ("dict_type", "model_type")
NAMED = re.compile(r"[a-z_]+(\.[a-z_]+)*")
CREDENTIALS = re.compile(r"//[^/\s'\"]*@")

WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "int_parsing": lambda _: "must be a whole number",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_parsing": lambda _: "must be true or false",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be a text",
    "path_type": lambda _: "must be a path",
    "dict_type": lambda _: "must be a mapping, 'key: value' lines below it",
    "model_type": lambda context: (
        "must be a field's name, or a mapping with 'field: …' in it"
        if context["class_name"] == Target.__name__
        else "must be a mapping, 'key: value' lines below it"
    ),
    "tuple_type": lambda _: "must be a list, '- value' lines below it",
    "too_short": lambda _: "must not be empty",
    "literal_error": lambda context: f"must be {context['expected']}",
    "greater_than": lambda context: f"must be greater than {context['gt']:g}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
    "string_pattern_mismatch": lambda context: f"must match {context['pattern']}",
    "value_error": lambda context: str(context["error"]),
}


def worded(error: ValidationError, root: Node) -> list[Problem]:
    """Give the problems; of the alternatives that a value may be, only those that it comes nearest to."""
    found: dict[tuple[str, bool], Problem] = {}
    for one in _nearest(error.errors(include_url=False), root):
        line, path = _where(_steps(one, root), root)
        said = _said(one, path)
        if not path and (named := NAMED.match(said)):
            line, _ = _where(named[0].split("."), root)
        # A number that may be whole or not fails as both; the later alternative is the wider one.
        found[path, one["type"] == "extra_forbidden"] = Problem(line, CREDENTIALS.sub("//…@", said))
    return list(found.values())


def section_of(key: str) -> type[Section] | None:
    """Give the class of the section under a key of the top level; `fields` is a table and no section."""
    known = Settings.model_fields.get(key)
    return _first_section(known.annotation) if known and key != "fields" else None


def _nearest(errors: Sequence[ErrorDetails], root: Node) -> list[ErrorDetails]:
    """Leave out that a mapping is no text, where it was read as the mapping that it may be and fails further in."""
    places = [_steps(one, root) for one in errors]
    return [
        one
        for one, place in zip(errors, places, strict=True)
        if not (
            one["type"] == "string_type"
            and isinstance(one["input"], dict)
            and any(other[: len(place)] == place and len(other) > len(place) for other in places)
        )
    ]


def _said(one: ErrorDetails, path: str) -> str:
    kind, place = one["type"], one["loc"]
    if kind == "extra_forbidden":
        return f"{path}: unknown key; {_meant(str(place[-1]), place)}"
    if kind == "missing":
        return f"{path}: is missing{_described(place)}"
    context = one.get("ctx", {})
    said = WORDS[kind](context) if kind in WORDS else one["msg"]
    if not path:
        return said
    return f"{path}: {said}{_got(one['input'], said) if kind not in SECTIONS and 'auth' not in place else ''}"


def _got(value: object, said: str) -> str:
    """Show the value, unless the message does or it is many."""
    if isinstance(value, (dict, list, tuple)):
        return ""
    if value is None:
        return "; got nothing"
    shown = str(value)
    if repr(shown) in said:
        return ""
    return f"; got {shown[:SHOWN_CHARS_MAX] + ('…' if len(shown) > SHOWN_CHARS_MAX else '')!r}"


def _steps(one: ErrorDetails, root: Node) -> list[str | int]:
    """Keep of pydantic's location the steps that stand in the file, and the key that is missing from it.

    pydantic also counts a lone target as the first of a list, and names the alternatives of a union.
    """
    node = root
    steps: list[str | int] = []
    for step in one["loc"]:
        below = _below(node, step)
        if below is not None:
            node = below
            steps.append(step)
    return [*steps, one["loc"][-1]] if one["type"] == "missing" else steps


def _below(node: Node, step: int | str) -> Node | None:
    if isinstance(node.value, dict) and isinstance(step, str):
        return node.value.get(step)
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _where(steps: Sequence[int | str], root: Node) -> tuple[int, str]:
    """Give the line of the deepest step that stands in the file, and the dotted path."""
    node = root
    for step in steps:
        node = _below(node, step) or node
    return node.line, ".".join(str(step + 1) if isinstance(step, int) else step for step in steps)


def _section(place: Sequence[int | str]) -> type[Section]:
    """Find the class of the section in which a place lies."""
    section: type[Section] = Settings
    for step in place[:-1]:
        known = section.model_fields.get(str(step))
        section = (_first_section(known.annotation) if known else None) or section
    return section


def _first_section(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for one in get_args(annotation) if (found := _first_section(one))), None)


def _meant(key: str, place: Sequence[int | str]) -> str:
    known = list(_section(place).model_fields)
    if near := difflib.get_close_matches(key, known, n=1):
        return f"did you mean {near[0]!r}?"
    for name in Settings.model_fields:
        section = section_of(name)
        if section is not None and key in section.model_fields:
            return f"did you mean '{name}.{key}'?"
    return f"known here: {', '.join(known)}"


def _described(place: Sequence[int | str]) -> str:
    known = _section(place).model_fields.get(str(place[-1]))
    return f": {known.description}" if known and known.description else ""
