"""Columns by letter and by number, and what a name may have been meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LETTERS = 26
LISTED_MAX = 10


def letters_of(column: int) -> str:
    """Give the letters of a column, counted from 1: 28 is AB."""
    letters = ""
    while column:
        column, left = divmod(column - 1, LETTERS)
        letters = chr(ord("A") + left) + letters
    return letters


def column_of(letters: str | bytes) -> int:
    """Give the number of a column, counted from 1: AB is 28."""
    column = 0
    for letter in letters.encode() if isinstance(letters, str) else letters:
        column = column * LETTERS + letter - ord("A") + 1
    return column


def meant(word: str, there: Iterable[str]) -> str:
    """Give ` (did you mean 'Amount'?)`, or nothing when nothing is near."""
    by_fold = {one.casefold(): one for one in there}
    near = difflib.get_close_matches(word.strip().casefold(), list(by_fold), n=1)
    return f" (did you mean {by_fold[near[0]]!r}?)" if near else ""


def listed(names: Iterable[str]) -> str:
    """Give the first few names, parted by commas, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - LISTED_MAX} more" if len(every) > LISTED_MAX else ""
    return ", ".join(every[:LISTED_MAX]) + more
