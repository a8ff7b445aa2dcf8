"""Propose referrals for rows that match none: traits of rows and referrals in, scored candidates and ticks out.

The score is the weighted mean of the traits that both sides have, on a scale of 0 to 100; what is not there to be
compared takes off a little, so that a full agreement stands above one on the customer alone. Each part is kept, so that
a person sees why.

A tick is a decision in that person's name, hence given only where nothing speaks against it, and no other row or
referral comes near (`_sure`). The worst is a deal of a customer that is taken for another deal of that customer: a
number or a word of its own in the deal's name is enough to leave it blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from syncjob.core.likeness import Words, letters_apart, likeness
from syncjob.core.traits import Referral, Traits

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from syncjob.core.likeness import Table

#          customer, name, value, close
WEIGHTS = (50, 25, 15, 10)
ABSENT_SHARE = 0.2  # of the score hangs on how much there was to compare
VALUE_APART = 0.5  # half of the larger amount apart, and values are not alike at all
CLOSE_APART_DAYS = 90

CANDIDATES_MAX = 5
CANDIDATE_MIN = 50
PAIRS_MAX = 200_000_000  # a minute and a half
CHUNK_ROWS = 256

TICK_MIN = 85
MARGIN = 8  # to the row's second candidate, and to the next row that claims the referral
VALUE_AGREES, VALUE_DISAGREES = 0.05, 0.1  # as a share of the larger amount
CLOSE_AGREES_DAYS, CLOSE_DISAGREES_DAYS = 7, 60
SAME_VALUE = 0.005


class Row(Struct, frozen=True):
    """A row by its number. A rival is proposed nothing, but what it claims is ticked for no other row."""

    n: int
    traits: Traits
    rival: bool = False


class Candidate(Struct, frozen=True):
    """A referral proposed for a row: the score, and of each part what could be compared, else None.

    `customer` and `name` go from 0 to 100; `value` is the difference as a share of the larger amount; `close` counts
    days.
    """

    referral: Referral
    score: float
    customer: float | None
    name: float | None
    value: float | None
    close: float | None
    other_currency: bool = False

    @property
    def why(self) -> str:
        """Say it in words: `customer 96, name 71, value same, close 3 days apart`."""
        parts = [f"customer {self.customer:.0f}"] if self.customer is not None else []
        parts += [f"name {self.name:.0f}"] if self.name is not None else []
        if self.value is not None:
            parts.append("value same" if self.value <= SAME_VALUE else f"value {self.value:.0%} apart")
        elif self.other_currency:
            parts.append("currency differs")
        if self.close is not None:
            days = round(self.close)
            parts.append(f"close {days} day{'s' if days > 1 else ''} apart" if days else "close same")
        return ", ".join(parts)


class Proposal(Struct, frozen=True):
    """A row's candidates, the best first; `ticked`: the first is taken for certain."""

    row: Row
    candidates: tuple[Candidate, ...]
    ticked: bool = False


def propose(rows: Sequence[Row], referrals: Iterable[Referral]) -> list[Proposal]:
    """Give each row that is no rival its candidates, in the rows' order; that of the referrals does not matter."""
    others = sorted({one.id.lower(): one for one in referrals}.values(), key=lambda one: one.id.lower())
    if not others:
        return [Proposal(row, ()) for row in rows if not row.rival]
    claims = _Claims(len(others))
    found: list[Proposal] = []
    for start in range(0, len(rows), CHUNK_ROWS):
        part = rows[start : start + CHUNK_ROWS]
        grid = _Grid([row.traits for row in part], [one.traits for one in others])
        claims.add(grid.score)
        found += [Proposal(row, grid.candidates(n, others)) for n, row in enumerate(part) if not row.rival]
    second = {one.id: float(claims.second[n]) for n, one in enumerate(others)}
    return [Proposal(one.row, one.candidates, _sure(one, second)) for one in found]


class _Claims:
    """The two highest scores that any rows have with each referral."""

    def __init__(self, referrals: int) -> None:
        """Start with no row."""
        import numpy as np

        self._best: NDArray[float32] = np.zeros((2, referrals), dtype=np.float32)

    @property
    def second(self) -> NDArray[float32]:
        """The second highest, by referral."""
        second: NDArray[float32] = self._best[0]
        return second

    def add(self, score: Table) -> None:
        """Take the scores of more rows."""
        import numpy as np

        self._best = np.sort(np.concatenate((self._best, score)), axis=0)[-2:]


class _Grid:
    """Some rows against all referrals: a table for each trait, NaN where it cannot be compared, and the score."""

    def __init__(self, ones: Sequence[Traits], others: Sequence[Traits]) -> None:
        """Compare each of the ones with each of the others."""
        import numpy as np

        sides = (ones, others)
        self.customer = _names(*([one.customer for one in side] for side in sides))
        self.name = _names(*([one.name for one in side] for side in sides))
        first, second = (np.array([one.value or np.nan for one in side], dtype=np.float32) for side in sides)
        self.value = np.abs(np.subtract.outer(first, second)) / np.maximum.outer(first, second)
        mine, theirs = (np.array([one.currency for one in side]) for side in sides)
        self.other_currency = np.not_equal.outer(mine, theirs) & ~np.isnan(self.value)
        self.value[self.other_currency] = np.nan
        first, second = (np.array([_or_nan(one.close) for one in side]) for side in sides)
        self.close = np.abs(np.subtract.outer(first, second)).astype(np.float32)
        self.score = self._score()

    def _score(self) -> Table:
        import numpy as np

        nearness: tuple[NDArray[Any], ...] = (
            self.customer,
            self.name,
            100 * np.clip(1 - self.value / VALUE_APART, 0, 1),
            100 * np.clip(1 - self.close / CLOSE_APART_DAYS, 0, 1),
        )
        total, weight = (np.zeros(self.customer.shape, dtype=np.float32) for _ in range(2))
        for table, share in zip(nearness, WEIGHTS, strict=True):
            total += np.float32(share) * np.nan_to_num(table)
            weight += np.float32(share) * np.isfinite(table)
        nameless = np.isnan(self.customer) & np.isnan(self.name)
        full = 1 - ABSENT_SHARE + ABSENT_SHARE * weight / sum(WEIGHTS)
        score: Table = np.where(nameless, 0, full * total / np.maximum(weight, 1)).astype(np.float32)
        return score

    def candidates(self, row: int, referrals: Sequence[Referral]) -> tuple[Candidate, ...]:
        """Give the best of a row; of equals the one with the lower id comes first."""
        import numpy as np

        score = self.score[row]
        enough = np.flatnonzero(score >= CANDIDATE_MIN)
        best = enough[np.argsort(-score[enough], kind="stable")[:CANDIDATES_MAX]]
        return tuple(self._candidate(row, int(at), referrals[at]) for at in best)

    def _candidate(self, row: int, at: int, referral: Referral) -> Candidate:
        tables = (self.score, self.customer, self.name, self.value, self.close)
        score, *parts = (float(table[row, at]) for table in tables)
        customer, name, value, close = (None if isnan(part) else part for part in parts)
        return Candidate(referral, score, customer, name, value, close, bool(self.other_currency[row, at]))


def _names(ones: Sequence[Words], others: Sequence[Words]) -> Table:
    """Compare each distinct name once: customers come many times."""
    import numpy as np

    (first, second), places = zip(*map(_distinct, (ones, others)), strict=True)
    table = likeness(first, second)
    for axis, names in enumerate((first, second)):
        for n, words in enumerate(names):
            if not words:
                table[(n, slice(None)) if axis == 0 else (slice(None), n)] = np.nan
    return table[np.ix_(*places)]


def _distinct(names: Sequence[Words]) -> tuple[list[Words], list[int]]:
    number_of = {words: n for n, words in enumerate(dict.fromkeys(names))}
    return list(number_of), [number_of[words] for words in names]


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _sure(proposal: Proposal, second_claim: Mapping[str, float]) -> bool:
    """Tell whether the first candidate is the row's beyond doubt: free, far before all others, nothing speaks against.

    the customer's name    | and besides
    the same words         | value and close, where a side has no name for the deal
    same, or a letter off  | the deal's name, the same or a letter off, and value or close
    """
    if not proposal.candidates:
        return False
    best, *rest = proposal.candidates
    rival = max([second_claim[best.referral.id], *(one.score for one in rest)])
    if best.score < TICK_MIN or best.score - rival < MARGIN or not best.referral.free or _disagrees(best):
        return False
    mine, theirs = proposal.row.traits, best.referral.traits
    customer = letters_apart(mine.customer, theirs.customer)
    if best.customer is None or customer is None:
        return False
    value = best.value is not None and best.value <= VALUE_AGREES
    close = best.close is not None and best.close <= CLOSE_AGREES_DAYS
    if best.name is None:
        return customer == 0 and value and close
    return letters_apart(mine.name, theirs.name) is not None and (value or close)


def _disagrees(one: Candidate) -> bool:
    """Tell whether value, currency or closing date speak of another deal."""
    value = one.value is not None and one.value > VALUE_DISAGREES
    return value or one.other_currency or (one.close is not None and one.close > CLOSE_DISAGREES_DAYS)
