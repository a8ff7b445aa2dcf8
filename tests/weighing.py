"""How much memory an act takes at its height: the least of a few tries, since what others do can only add to it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

TRIES = 3


def peak_of(act: Callable[[], object], *, fine: int) -> int:
    """Give the bytes of Python's that were in use at the height of an act, beyond those before it.

    Threads of the test's own surroundings allocate whenever they like, and the cycle collector comes when it comes: a
    try that stays below what is `fine` is believed, one that does not is made again.
    """
    least = _tried(act)
    for _ in range(TRIES - 1):
        if least < fine:
            break
        least = min(least, _tried(act))
    return least


def _tried(act: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
