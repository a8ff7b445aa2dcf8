"""What the remote makes of a value: learnt from its answers, believed once it is sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncjob.ledger.database import Database, value_of
from syncjob.ledger.decoding import read_value
from syncjob.model import dumps

SURE = 2  # seen so often, the remote's own form of a value is believed
READ = """
SELECT path, desired, held FROM normal_forms
WHERE remote = :remote AND referral = :referral AND weight >= :sure
"""
SOME = "SELECT path FROM normal_forms WHERE remote = :remote AND weight >= :sure LIMIT 1"
WEIGHT = """
SELECT weight FROM normal_forms
WHERE remote = :remote AND referral = :referral AND path = :path AND desired = :desired AND held = :held
"""
LEARN = """
INSERT INTO normal_forms (remote, referral, path, desired, held, weight)
VALUES (:remote, :referral, :path, :desired, :held, :weight)
ON CONFLICT (remote, referral, path) DO UPDATE SET
    desired = excluded.desired,
    held = excluded.held,
    weight = excluded.weight
"""


def learn(database: Database, remote: str, referral: str, altered: Mapping[str, tuple[Any, Any]], weight: int) -> None:
    """Remember, by path, that the remote keeps `held` where `desired` was sent; the same again weighs more.

    A weight of 0 begins nothing: it bears out what is known already.
    """
    with database.writing() as connection:
        for path, (desired, held) in altered.items():
            row = {"remote": remote, "referral": referral, "path": path, "desired": dumps(desired), "held": dumps(held)}
            known = value_of(connection.execute(WEIGHT, row)) or 0
            if known or weight:
                connection.execute(LEARN, row | {"weight": known + max(1, weight)})


def of(database: Database, remote: str, referral: str) -> dict[str, tuple[Any, Any]]:
    """Give what `learn` is sure of, by path: (desired, held)."""
    found = database.rows(READ, {"remote": remote, "referral": referral, "sure": SURE})
    return {path: (read_value(desired, referral), read_value(held, referral)) for path, desired, held in found}


def some(database: Database, remote: str) -> bool:
    """Tell whether `learn` is sure of anything."""
    return bool(database.rows(SOME, {"remote": remote, "sure": SURE}))
