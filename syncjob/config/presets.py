"""A configuration's tree goes in; out comes the tree with the preset that it names laid under it.

A preset is a file beside this one that reads like the sections of a configuration. What the user says counts: `match`,
`defaults` and `ignore` key by key, `fields` column by column and field by field. A column that the user names takes
the place of the preset's; where the user feeds a field from some column, the preset's columns no longer feed it; a
column without a meaning (`Amount: ""`) takes the preset's out. The key's column gives its id to the referral as
well, so where the user names another one, that one does.

Every node of a preset stands on the line of `preset:`, so that no message ever names a line of a file that the user
has not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from syncjob.config.nodes import Node, parse

NAMES = ("salesforce", "hubspot", "dynamics", "partner-center")
SECTIONS = ("match", "defaults", "ignore", "fields")
DETAILS = "details."

Table = Mapping[str, Node]


def laid_under(root: Node) -> Node:
    """Lay the preset under the configuration; without one, or with one that is not there, nothing changes."""
    assert isinstance(root.value, dict), "a document's root is a mapping"
    named = root.value.get("preset")
    if named is None or named.value not in NAMES:
        return root
    under = {section: _table(_on_line(node, named.line)) for section, node in _sections(str(named.value)).items()}
    over = {section: _table(root.value.get(section)) for section in SECTIONS}
    whole = dict(root.value)
    for section, merged in _merged(under, over).items():
        written = whole.get(section)
        if written is None or written.value is None or isinstance(written.value, dict):
            whole[section] = Node((written or named).line, merged)
    return Node(root.line, whole)


def columns_of(name: str) -> frozenset[str]:
    """Give every column that a preset knows; in `Team member {n}` the pattern stands as it is written."""
    sections = {section: _table(node) for section, node in _sections(name).items()}
    keys, like = _keys(sections["match"]), _table(sections["match"].get("like"))
    return frozenset((*keys, *like, *sections["fields"], *sections["ignore"]))


@cache
def _sections(name: str) -> dict[str, Node]:
    file = resources.files(__package__) / "presets" / f"{name}.yaml"
    root, problems = parse(file.read_text(encoding="utf-8"))
    assert not problems, f"{name}: {problems}"
    assert isinstance(root.value, dict), "a document's root is a mapping"
    assert root.value.keys() <= set(SECTIONS), f"{name}: a preset has the sections {SECTIONS}"
    return {section: root.value.get(section, Node(1, {})) for section in SECTIONS}


def _merged(under: Mapping[str, Table], over: Mapping[str, Table]) -> dict[str, dict[str, Node]]:
    match = {**under["match"], **over["match"]}
    like = match.get("like")
    if like and _table(like):
        match["like"] = Node(like.line, _laid(_table(under["match"].get("like")), _table(like)))
    used = {*over["fields"], *_keys(over["match"]), *_verified(over["match"])}
    fields = _fields(_following(under, over, match), over["fields"], {*under["fields"], *under["ignore"]})
    left = {column: node for column, node in fields.items() if column in over["fields"] or column not in over["ignore"]}
    ignore = {column: why for column, why in under["ignore"].items() if column not in used}
    return {
        "match": match,
        "defaults": {**under["defaults"], **over["defaults"]},
        "ignore": _laid(ignore, over["ignore"]),
        "fields": left,
    }


def _laid(under: Table, over: Table) -> dict[str, Node]:
    """Give both tables in one; what means nothing in the upper takes out what it covers."""
    both = {**under, **over}
    return {column: node for column, node in both.items() if not (column in under and _means_nothing(node))}


def _following(under: Mapping[str, Table], over: Mapping[str, Table], match: Table) -> dict[str, Node]:
    """Give the preset's fields; where the user names the key's column, that one feeds what the preset's would."""
    fields = dict(under["fields"])
    mine, theirs = _keys(over["match"]), _keys(under["match"])
    if not mine or match["by"].value != under["match"]["by"].value:
        return fields
    fed = [fields.pop(column) for column in theirs if column in fields]
    return fields | (dict.fromkeys(mine, fed[0]) if fed else {})


def _fields(under: Table, over: Table, known: set[str]) -> dict[str, Node]:
    fed = {_field(target) for node in over.values() for target in _targets(node)}
    fields: dict[str, Node] = {}
    for column, node in under.items():
        left = [target for target in _targets(node) if _field(target) not in fed]
        if column not in over and left:
            fields[column] = Node(node.line, left)
    # Where there is nothing to take out, a column without a meaning is a mistake, and is told as such later.
    return fields | {column: node for column, node in over.items() if not (_means_nothing(node) and column in known)}


def _targets(node: Node) -> list[Node]:
    return node.value if isinstance(node.value, list) else [node]


def _field(target: Node) -> str:
    """Give the field's short name: `details.dealValue` is `dealValue`."""
    named = target.value.get("field", target) if isinstance(target.value, dict) else target
    name = named.value if isinstance(named.value, str) else ""
    return name.rpartition(".")[2] if name.startswith(DETAILS) else name


def _keys(match: Table) -> tuple[str, ...]:
    return tuple(_texts(match.get("column")))


def _verified(match: Table) -> tuple[str, ...]:
    verify = match.get("verify")
    return tuple(_texts(_table(verify).get("column"))) if verify else ()


def _texts(node: Node | None) -> Iterator[str]:
    for one in _targets(node) if node else ():
        if isinstance(one.value, str):
            yield one.value


def _table(node: Node | None) -> dict[str, Node]:
    """Give a section's keys; what is no section has none, and is told as such later."""
    return node.value if node and isinstance(node.value, dict) else {}


def _means_nothing(node: Node) -> bool:
    return node.value is None or node.value == ""


def _on_line(node: Node, line: int) -> Node:
    match node.value:
        case dict():
            return Node(line, {key: _on_line(below, line) for key, below in node.value.items()})
        case list():
            return Node(line, [_on_line(below, line) for below in node.value])
        case _:
            return Node(line, node.value)
