"""A run that is about some fields only: `Desired` in, the same without its other wishes out.

What goes together stays together: status with substatus, an amount with its currency.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from syncjob.core.fields import BY_NAME, CURRENCY, DEAL_VALUE, STATUS, SUBSTATUS, did_you_mean, find
from syncjob.errors import UsageRefused
from syncjob.model import Desired, Settled

TOGETHER = ((STATUS, SUBSTATUS), (DEAL_VALUE, CURRENCY))


def with_company(paths: Collection[str]) -> frozenset[str]:
    """Give paths with those that go together with one of them."""
    return frozenset(paths).union(*(pair for pair in TOGETHER if not set(pair).isdisjoint(paths)))


def paths_of(names: Collection[str], option: str) -> frozenset[str]:
    """Give the paths of fields by name; UsageRefused names every unknown one, with the option that named it."""
    wanted = [name.strip() for one in names for name in one.split(",") if name.strip()]
    if not wanted:
        raise UsageRefused(f"{option}: names no field; leave the option out to mean all")
    unknown = [name for name in wanted if find(name) is None]
    if unknown:
        hints = ((one, did_you_mean(one, list(BY_NAME))) for one in unknown)
        raise UsageRefused(*(f"{option}: no field is called {one!r}{hint}" for one, hint in hints))
    named = {field.path for name in wanted if (field := find(name)) is not None}
    return with_company(named)


def narrowed(row: Desired | Settled, only: Collection[str]) -> Desired | Settled:
    """Give the row with the wishes of these paths; all of them where none is named."""
    if not only or isinstance(row, Settled):
        return row
    return replace(row, wishes=tuple(wish for wish in row.wishes if wish.path in only))
