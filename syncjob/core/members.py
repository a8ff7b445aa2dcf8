"""Read a cell that names the members of a list: people or solutions, several on lines of their own or parted by `;`."""

from __future__ import annotations

import re
from typing import Any

from syncjob.core import values
from syncjob.core.fields import Field
from syncjob.core.reading import CellError, Reading

REMOVE = "<remove>"
PERSON = ("firstName", "lastName", "phoneNumber", "email")
SOLUTION = ("id", "currency", "price", "quantity")
MEMBERS_MAX = 50
COUNT = re.compile(r"\d{1,15}(\.\d{1,4})?", re.ASCII)
EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}\.[^@\s,;<>\"]{1,63}")  # RFC 5321, 4.5.3.1, bounds the parts
REMOVED = re.compile(r"<\s*remove\s*>", re.IGNORECASE)


def people(_: Field, cell: str, __: Reading) -> list[dict[str, str]]:
    """`first, last, phone, email`, or the e-mail alone; several on lines of their own or parted by `;`."""
    people = []
    for at, one in enumerate(_members(cell), start=1):
        parts = [part.strip() for part in one.split(",")]
        names = PERSON if len(parts) > 1 else ("email",)
        if len(parts) != len(names) or not EMAIL.fullmatch(parts[-1]):
            raise CellError(f"member {at} is not `first, last, phone, email` (nor an e-mail alone)")
        people.append({name: part for name, part in zip(names, parts, strict=True) if part})
    return _once(people, "email")


def solutions(_: Field, cell: str, __: Reading) -> list[dict[str, Any]]:
    """`id`, or `id, currency, price, quantity`; several on lines of their own or parted by `;`."""
    solutions = []
    for one in _members(cell):
        if REMOVED.match(one):
            raise CellError(f"{REMOVE} is for people; to take a solution off, write the list whole (list: whole)")
        parts = [part.strip() for part in one.split(",")]
        names = SOLUTION[: len(parts)]
        numbers = [part for part in parts[2:] if part]
        if len(parts) not in (1, 4) or not parts[0] or not all(COUNT.fullmatch(part) for part in numbers):
            raise CellError(f"{one!r} is not `id` nor `id, currency, price, quantity`")
        solutions.append({name: part for name, part in zip(names, parts, strict=True) if part})
    return _once(solutions, "id")


def leaving(cell: str) -> tuple[str, tuple[str, ...]]:
    """Part a list of people from those who are to leave it: `<remove> mail` on a line gives the mail, case folded."""
    stay, leave = [], []
    for one in _members(cell):
        found = REMOVED.match(one)
        if found is None:
            stay.append(one)
        elif EMAIL.fullmatch(mail := one[found.end() :].strip()):
            leave.append(mail.casefold())
        else:
            raise CellError(f"{REMOVE} is followed by one e-mail address")
    return ("\n".join(stay), tuple(dict.fromkeys(leave))) if leave else (cell, ())


def _members(cell: str) -> list[str]:
    return [one.strip() for one in re.split(r"[;\n]", cell) if one.strip()]


def _once(members: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    if len({one[key].casefold() for one in members}) < len(members):
        raise CellError("names a member twice; keep one")
    return _few(members)


def _few(members: list[Any]) -> list[Any]:
    if len(members) > MEMBERS_MAX:
        raise CellError(f"has {len(members)} members; at most {MEMBERS_MAX} are allowed")
    return members


def joined(field: Field, earlier: list[Any], more: list[Any]) -> list[Any]:
    """Join what two columns say of one list; who is named alike in both is named once, CellError when otherwise."""
    held = values.by_key(field, earlier)
    for key, member in values.by_key(field, more).items():
        if key in held and (values.differing(member, held[key]) or values.differing(held[key], member)):
            raise CellError("names a member of another column otherwise; keep one")
    return _few([*earlier, *(one for key, one in values.by_key(field, more).items() if key not in held)])
