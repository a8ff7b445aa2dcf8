"""What others do to a referral: the referral and our patch in, somebody else's edit, or our patch altered, out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from syncjob.sandbox import rules
from syncjob.sandbox.patches import Document, Operation, found

_OTHERS = (
    "/details/notes",
    "/salesStage",
    "/statusReason",
    "/campaignId",
    "/details/dealValue",
    "/details/closingDateTime",
    "/details/customerAction",
    "/name",
    "/favorite",
)
_LISTS = ("/team", "/customerProfile/team", "/details/requirements/solutions")
_PARENTS = ("/details", "/inviteContext")
_SINGLE = {path for path in rules.WRITABLE if path.removesuffix("/-") not in _LISTS} | set(_PARENTS)
_SAME = 0.1
_NOT_ALTERED = frozenset({"/status", "/substatus", "/details/currency", "/externalReferenceId"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?=T)")


def foreign_edit(document: Document, ours: tuple[Operation, ...], *, n: int, random: Random) -> tuple[Operation, ...]:
    """Somebody else's edit of a referral that our patch is for, `n` telling edits apart; () when there is none to make.

    One of: a field that our patch names (now and then to the very value that we ask for), a field that it does not
    name, a member added to a list that it names. Every edit changes something.
    """
    edits = [
        edit
        for edit in (
            _named(document, ours, n=n, random=random),
            _other(document, ours, n=n, random=random),
            _joined(document, ours, n=n),
        )
        if edit
    ]
    return random.choice(edits) if edits else ()


def altered(ours: tuple[Operation, ...], random: Random) -> tuple[Operation, ...]:
    """Our patch with one value that the service bends: a text cut, a number rounded, a date shifted; or as it is."""
    bent = [
        (i, value)
        for i, operation in enumerate(ours)
        if operation.path not in _NOT_ALTERED and (value := _bent(operation)) != operation.value
    ]
    if not bent:
        return ours
    chosen, value = random.choice(bent)
    return tuple(replace(each, value=value) if i == chosen else each for i, each in enumerate(ours))


def _named(document: Document, ours: tuple[Operation, ...], *, n: int, random: Random) -> tuple[Operation, ...]:
    paths = [each.path for each in ours if each.path in _SINGLE]
    if not paths:
        return ()
    path = random.choice(paths)
    if path in _PARENTS:
        return (Operation("add", path, {"notes": f"Edited elsewhere {n}"}),) if found(document, path) is None else ()
    if path in {"/status", "/substatus"}:
        return _moved_on(document)
    if not _has_parent(document, path):
        return ()
    wanted = next(each.value for each in ours if each.path == path)
    if random.random() < _SAME and str(found(document, path)) != str(wanted):
        return (Operation("add", path, wanted),)
    return (_edit(document, path, n=n),)


def _other(document: Document, ours: tuple[Operation, ...], *, n: int, random: Random) -> tuple[Operation, ...]:
    named = {each.path for each in ours}
    paths = [path for path in _OTHERS if path not in named and _has_parent(document, path)]
    return (_edit(document, random.choice(paths), n=n),) if paths else ()


def _joined(document: Document, ours: tuple[Operation, ...], *, n: int) -> tuple[Operation, ...]:
    for operation in ours:
        path = operation.path.removesuffix("/-")
        members = found(document, path) if path in _LISTS else None
        if isinstance(members, list) and len(members) < rules.TEAM_SIZE_MAX:
            person = {"firstName": "Else", "lastName": f"Where {n}", "email": f"elsewhere{n}@fabrikam.example"}
            member = person if "team" in path else {"id": f"SOL-ELSEWHERE-{n}", "name": None, "type": "Name"}
            return (Operation("add", path + "/-", member),)
    return ()


def _moved_on(document: Document) -> tuple[Operation, ...]:
    """The next step that a person may take: a New referral is accepted, an Active one lost."""
    status, substatus = ("Active", "Accepted") if document.get("status") == "New" else ("Closed", "Lost")
    return Operation("add", "/status", status), Operation("add", "/substatus", substatus)


def _edit(document: Document, path: str, *, n: int) -> Operation:
    """A value at `path` that is not there yet, in the kind that the path takes."""
    now = found(document, path)
    rule = rules.WRITABLE[path]
    value: Any = f"Edited elsewhere {n}"
    if path == "/details/dealValue":
        value = (int(now) if isinstance(now, int | float) else 0) + 1000 + n
    elif path == "/details/closingDateTime":
        value = (datetime(2030, 1, 1) + timedelta(days=n)).strftime("%Y-%m-%dT00:00:00Z")  # noqa: DTZ001 - Z is written
    elif path == "/details/currency":
        value = "SEK" if now != "SEK" else "NOK"
    elif rule is rules.WRITABLE["/favorite"]:
        value = not now
    return Operation("add", path, value)


def _bent(operation: Operation) -> Any:
    path, value = operation.path, operation.value
    if path == "/details/dealValue" and isinstance(value, int | float | str) and not isinstance(value, bool):
        return _rounded(value)
    if not isinstance(value, str):
        return value
    if path == "/details/closingDateTime":
        return _DAY.sub(_next_day, value)
    return value[: (len(value) + 1) // 2]


def _rounded(value: float | str) -> Any:
    try:
        number = float(value)
    except ValueError:
        return value
    thousands = round(number, -3)
    return value if thousands == number else thousands


def _next_day(match: re.Match[str]) -> str:
    try:
        return (datetime.fromisoformat(match[0]) + timedelta(days=1)).strftime("%Y-%m-%d")
    except (ValueError, OverflowError):
        return match[0]


def _has_parent(document: Document, path: str) -> bool:
    parent = path.rpartition("/")[0]
    return not parent or isinstance(found(document, parent), dict)
