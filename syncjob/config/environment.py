"""A configuration's tree and the environment go in; out comes the tree with what the environment says laid over it.

    SYNCJOB_LIMITS__CONCURRENCY=4            limits.concurrency
    SYNCJOB_REMOTE__AUTH__CLIENT_ID=…        remote.auth.client_id
    SYNCJOB_GUARDS__VALUE__EUR=500000        guards.value.EUR
    SYNCJOB_TOLERATE=[unmatched]             a list or mapping, as YAML writes it on one line

Two underscores part the steps. Columns are not named so: `fields`, `ignore` and whatever a file's columns are called
in stays in the file; and no secret is a setting. Any other variable (`SYNCJOB_CONFIG`, or one that a token stands in)
has no two underscores and is none of ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncjob.config.nodes import NULLS, Node, Problem, Unreadable, parse
from syncjob.config.wording import section_of
from syncjob.settings import Settings

PREFIX = "SYNCJOB_"
PARTED = "__"
WHOLE = ("JOB", "PRESET", "TOLERATE")  # what stands at the top, and is no section
COLUMNS = ("fields", "ignore")
CURRENCIES = ["guards", "value"]  # below it stand currencies, which are written in capitals in the file too
SECTIONS = frozenset(name.upper() for name in Settings.model_fields) - {*WHOLE, "PLAN"}  # a plan may well stand in one


def named(environ: Mapping[str, str]) -> list[str]:
    """Give the variables that are settings, in the order in which their nodes are numbered: -1, -2, …."""
    found = (name for name in environ if name.startswith(PREFIX))
    return sorted(name for name in found if PARTED in name or _meant(name.removeprefix(PREFIX)))


def laid_over(root: Node, environ: Mapping[str, str]) -> tuple[Node, list[Problem]]:
    """Lay the environment over the tree; a node of it stands on the line minus one, minus two, … of `named`."""
    problems: list[Problem] = []
    for n, name in enumerate(named(environ), 1):
        path = name.removeprefix(PREFIX).lower().split(PARTED)
        if path[:2] == CURRENCIES:
            path[2:] = (step.upper() for step in path[2:])
        if wrong := _wrong(name, path, environ[name]):
            problems.append(Problem(-n, wrong))
            continue
        try:
            root = _set(root, path, _value(environ[name], -n))
        except Unreadable as error:
            problems.append(Problem(-n, error.problem.said))
    return root, problems


def _meant(rest: str) -> bool:
    """Tell whether a name without two underscores was meant for a setting all the same."""
    if rest in WHOLE or rest in SECTIONS:
        return True
    name, _, key = rest.lower().partition("_")
    section = section_of(name)
    return section is not None and key in section.model_fields


def _wrong(name: str, path: list[str], value: str) -> str:
    """Say why a variable cannot be taken as it is; nothing where it can."""
    if name.removeprefix(PREFIX) not in WHOLE and PARTED not in name:
        return "two underscores part the steps, as in SYNCJOB_LIMITS__CONCURRENCY; a whole section stands in the file"
    if path[0] in COLUMNS or not all(path):
        return "names no setting; columns and their fields stand in the file"
    if name != name.upper():
        return "write it in capitals"
    if not value.strip():
        return "is empty; take it away, or write null where nothing is meant"
    return "holds more than one line" if "\n" in value.strip() else ""


def _set(node: Node, path: list[str], value: Node) -> Node:
    below = dict(node.value) if isinstance(node.value, dict) else {}
    step, *rest = path
    below[step] = _set(below.get(step, Node(value.line, {})), rest, value) if rest else value
    return Node(node.line, below)


def _value(text: str, line: int) -> Node:
    """Read a value: what begins like a list or a mapping is one, everything else is the text that it is."""
    if not text.lstrip().startswith(("[", "{")):
        return Node(line, None if text.strip() in NULLS else text)
    root, problems = parse(f"value: {text}")
    if problems:
        raise Unreadable(problems[0])
    assert isinstance(root.value, dict), "a document's root is a mapping"
    return _on(root.value["value"], line)


def _on(node: Node, line: int) -> Node:
    match node.value:
        case dict():
            return Node(line, {key: _on(one, line) for key, one in node.value.items()})
        case list():
            return Node(line, [_on(one, line) for one in node.value])
        case _:
            return Node(line, node.value)
