"""JSON Patch as the API takes it: a body in, checked operations out; operations on a referral in, a new referral out.

Written here and not taken from jsonpatch, for two reasons: the judge should not share a library with the judged, and a
patch copies only the containers on its way (the given referral is never touched), so that a write costs microseconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from syncjob.sandbox import rules
from syncjob.sandbox.refusals import invalid

Document = dict[str, Any]

_OPS = ("add", "replace")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a patch: `op` is add or replace, `path` a JSON Pointer (RFC 6901)."""

    op: str
    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Edit:
    """What one operation did: the value at `path` before (None when absent) and after, as it is kept."""

    path: str
    old: Any
    new: Any


def parsed(body: bytes) -> Any:
    """The JSON of a PATCH body, None when it is not JSON (NaN and Infinity are not)."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def operations(patch: Any) -> tuple[Operation, ...]:
    """The operations of a parsed body: a JSON array, only add and replace, each with its value; raises RefusedError."""
    if not isinstance(patch, list) or not patch:
        raise invalid("The body must be a JSON Patch array with at least one operation.", target="body")
    return tuple(_operation(each) for each in patch)


def applied(document: Document, asked: tuple[Operation, ...]) -> tuple[Document, tuple[Edit, ...]]:
    """The referral after all operations, or none: RFC 6902 and the written rules; raises RefusedError 400."""
    after = dict(document)
    edits = tuple(_write(after, operation) for operation in asked)
    rules.judge_status(document, after, {operation.path for operation in asked})
    return after, edits


def found(document: Document, path: str) -> Any:
    """The value at a path, None where nothing is."""
    node: Any = document
    for token in path[1:].split("/"):
        node = node.get(token) if isinstance(node, dict) else None
    return node


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _operation(each: Any) -> Operation:
    if not isinstance(each, dict) or not isinstance(each.get("path"), str) or "value" not in each:
        raise invalid("An operation has op, path and value.", target="body")
    if each.get("op") not in _OPS:
        raise invalid(f"The operation {each.get('op')} is not supported, only add and replace.", target="op")
    return Operation(each["op"], each["path"], each["value"])


def _write(after: Document, operation: Operation) -> Edit:
    path = operation.path
    new = rules.kept(path, operation.value)
    *parents, last = path[1:].split("/")
    node: Any = after
    for token in parents:
        child = node.get(token) if isinstance(node, dict) else None
        if not isinstance(child, dict | list):
            raise invalid(f"{operation.op} {path}: its parent is missing.", target=path)
        node[token] = child = child.copy()
        node = child
    if last == "-":
        if operation.op != "add" or not isinstance(node, list):
            raise invalid(f"{operation.op} {path}: only add appends, and only to a list.", target=path)
        node.append(new)
        _judge_size(path, node)
        return Edit(path, None, new)
    if not isinstance(node, dict):
        raise invalid(f"{operation.op} {path}: its parent is no object.", target=path)
    if operation.op == "replace" and last not in node:
        raise invalid(f"replace {path}: there is nothing to replace.", target=path)
    old = node.get(last)
    if path in rules.PARENTS and old is not None:
        raise invalid(f"{operation.op} {path}: it is there already and would be overwritten.", target=path)
    node[last] = new
    _judge_size(path, new)
    return Edit(path, old, new)


def _judge_size(path: str, members: Any) -> None:
    if "team" in path and isinstance(members, list) and len(members) > rules.TEAM_SIZE_MAX:
        raise invalid(f"{path} may have at most {rules.TEAM_SIZE_MAX} members.", target=path)
