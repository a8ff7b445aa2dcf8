"""The options of a list: a query string in, which referrals to show in which order, and the link to go on, out.

Known are the forms that documents and published requests show. `$top` is read as the size of a page: no source says
whether it ends the listing. The link spells scheme, host and path as every document does, wrong as that is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from syncjob.sandbox.patches import Document, found
from syncjob.sandbox.refusals import invalid

PAGE_SIZE_MAX = 100
NEXT_LINK = "http://api.partner.microsoft.com/v1.0/referrals?$skiptoken="

_ORDERS = ("createdDateTime", "updatedDateTime")
_CLAUSE = re.compile(r"\s*([A-Za-z/]+)\s+(eq|ge|gt|le|lt)\s+('(?:[^']|'')*'|[^\s']+)\s*")
_AND = re.compile(r"and\b")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z")
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for; `skip` counts referrals, `top` is the size of the page."""

    filter: str = ""
    order: str = ""
    select: tuple[str, ...] = ()
    top: int = PAGE_SIZE_MAX
    skip: int = 0
    count: bool = False

    def after(self, shown: int) -> str:
        """The link to the next page: its token holds everything that is needed to go on."""
        on = replace(self, skip=self.skip + shown)
        fields = [on.filter, on.order, list(on.select), on.top, on.skip, on.count]
        return NEXT_LINK + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def query(text: str) -> Query:
    """The query string (percent-encoded, without its `?`), read; raises RefusedError 400."""
    options = dict(parse_qsl(text, keep_blank_values=True))
    token = options.pop("$skiptoken", None)
    asked = Query() if token is None else _from_token(token)
    for name, value in options.items():
        reader = _OPTIONS.get(name)
        if reader is None:
            raise invalid(f"The query option {name} is not supported.", target=name)
        asked = reader(asked, value)
    return asked


def chosen(documents: Sequence[Document], asked: Query) -> Sequence[Document]:
    """The referrals that a query means, in its order, before paging; raises RefusedError 400."""
    matching = documents
    if asked.filter:
        wanted = _predicate(asked.filter)
        matching = [document for document in documents if wanted(document)]
    if asked.order:
        field, _, direction = asked.order.partition(" ")
        matching = sorted(matching, key=lambda document: _moment(document.get(field)), reverse=direction == "desc")
    return matching


def _from_token(token: str) -> Query:
    try:
        fields = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        text, order, select, top, skip, count = fields
        return Query(str(text), str(order), tuple(map(str, select)), int(top), int(skip), bool(count))
    except (ValueError, TypeError) as error:
        raise invalid("The $skiptoken is not one of ours.", target="$skiptoken") from error


def _whole(name: str, value: str, *, least: int) -> int:
    if value.isascii() and value.isdigit() and int(value) >= least:
        return int(value)
    raise invalid(f"{name} must be a whole number from {least} up.", target=name)


def _order(value: str) -> str:
    field, _, direction = " ".join(value.split()).partition(" ")
    if field not in _ORDERS or direction not in ("", "asc", "desc"):
        raise invalid(f"$orderby knows {' and '.join(_ORDERS)}, each with asc or desc.", target="$orderby")
    return f"{field} {direction or 'asc'}"


def _filter(value: str) -> str:
    _predicate(value)
    return value


_OPTIONS: dict[str, Callable[[Query, str], Query]] = {
    "$filter": lambda asked, value: replace(asked, filter=_filter(value)),
    "$orderby": lambda asked, value: replace(asked, order=_order(value)),
    "$select": lambda asked, value: replace(asked, select=tuple(name.strip() for name in value.split(","))),
    "$top": lambda asked, value: replace(asked, top=min(_whole("$top", value, least=1), PAGE_SIZE_MAX)),
    "$skip": lambda asked, value: replace(asked, skip=_whole("$skip", value, least=0)),
    "$count": lambda asked, value: replace(asked, count=value == "true"),
}


@lru_cache(maxsize=64)
def _predicate(text: str) -> Callable[[Document], bool]:
    clauses: list[Callable[[Document], bool]] = []
    at = 0
    while True:
        match = _CLAUSE.match(text, at)
        if match is None:
            raise invalid(f"$filter is not understood at {text[at:]!r}.", target="$filter")
        clauses.append(_clause(match[1], match[2], match[3]))
        at = match.end()
        if at == len(text):
            return lambda document: all(holds(document) for holds in clauses)
        joint = _AND.match(text, at)
        if joint is None:
            raise invalid(f"$filter joins with and only, not {text[at:]!r}.", target="$filter")
        at = joint.end()


def _clause(path: str, comparison: str, literal: str) -> Callable[[Document], bool]:
    pointer = "/" + path
    if comparison == "eq":
        value = literal[1:-1].replace("''", "'") if literal.startswith("'") else _LITERALS.get(literal, literal)
        return lambda document: bool(found(document, pointer) == value)
    if _MOMENT.fullmatch(literal) is None:
        raise invalid(f"{comparison} compares timestamps such as 2026-03-31T00:00:00Z.", target="$filter")
    bound = _moment(literal)
    holds = _COMPARISONS[comparison]
    return lambda document: holds(_moment(found(document, pointer)), bound)


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "ge": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "le": lambda one, other: "" < one <= other,
    "lt": lambda one, other: "" < one < other,
}


def _moment(text: Any) -> str:
    """A timestamp so that text order is time order: fractions have 0 to 7 digits on the wire; "" where none is."""
    match = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    return match[1] + (match[2] or "").ljust(7, "0") if match else ""
