"""Where row and remote stand on one field, and what settled it where that was not the three values alone."""

from __future__ import annotations

from enum import StrEnum


class Stand(StrEnum):
    """Who moved since row and remote last agreed."""

    AGREED = "agreed"
    CHANGE = "change"
    DRIFT = "drift"
    CONFLICT = "conflict"


class Why(StrEnum):
    """What made a field stand where it does, besides its base, observed and desired."""

    MERGED = ""
    POLICY = "policy"  #      `merge.drift` or `merge.conflict` turned it
    KEPT = "kept"  #          the remote keeps a form of its own of the value
    ADOPTED = "adopted"  #    a person said whose word counts for a history that nobody knows
    DECIDED = "decided"  #    a person decided a conflict
    FOLLOWS = "follows"  #    status and substatus, or an amount and its currency, go together
