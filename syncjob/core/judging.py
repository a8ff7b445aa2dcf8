"""Hold a patch against what it is for, by another library than the one that made it: pair and patch in, or a halt.

`jsonpatch` applies it to the observed referral as RFC 6902 says; every field asked for must then mean what was
asked, and every other path must be what it was. Only a bug of ours can fail here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonpatch

from syncjob.core.fields import BY_PATH, LISTS
from syncjob.core.merge import Rules, merge
from syncjob.core.values import look
from syncjob.model import UNKNOWN, Operation, Pair, Stand, Wish


def judge(pair: Pair, operations: Sequence[Operation], moving: Sequence[Wish], rules: Rules) -> None:
    """Hold that the patch does what was asked and nothing else.

    A list may stay short of the wish by those whom somebody took away since the base: that is drift.
    """
    patch: list[Any] = [one.to_json() for one in operations]
    after = jsonpatch.apply_patch(_loosened(pair.observed.body, operations), patch, in_place=True)
    for wish in moving:
        done = merge(wish, pair.base.get(wish.path, UNKNOWN), look(after, wish.path), rules)
        fine = (Stand.AGREED, Stand.DRIFT) if BY_PATH[wish.path].kind in LISTS else (Stand.AGREED,)
        assert done in fine, f"{wish.path}: the patch does not do what was asked"
    allowed = [one.path.removesuffix("/-") for one in operations]
    for path in _apart("", pair.observed.body, after):
        assert any(path == one or path.startswith(one + "/") for one in allowed), f"{path}: moved, and nobody named it"


def _apart(path: str, one: Any, two: Any) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        moved = [(key, before, two.get(key)) for key, before in one.items() if two.get(key) is not before]
        moved += [(key, None, two[key]) for key in two.keys() - one.keys() if two[key] is not None]
        for key, before, after in moved:  # nearly all others are shared
            yield from _apart(f"{path}/{key}", before, after)
    elif one != two or type(one) is not type(two):
        yield path


def _loosened(body: Mapping[str, Any], operations: Sequence[Operation]) -> dict[str, Any]:
    """Copy what the operations pass through, down to where they write; the rest is shared, for nothing moves it."""
    loose = dict(body)
    for one in operations:
        holder: Any = loose
        for step in one.path[1:].split("/")[:-1]:
            assert type(holder) is dict, f"{one.path}: no patch of ours reaches into a list"
            holder[step] = holder[step].copy()
            holder = holder[step]
    return loose
