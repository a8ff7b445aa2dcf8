"""What the remote makes of a value: learnt from its answers, believed once it is sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from syncjob.ledger.database import Database
from syncjob.ledger.decoding import read_value
from syncjob.ledger.tables import forms
from syncjob.model import dumps

SURE = 2  # seen so often, the remote's own form of a value is believed
READ = select(forms.c.path, forms.c.desired, forms.c.held).where(
    forms.c.remote == bindparam("remote"), forms.c.referral == bindparam("referral"), forms.c.weight >= SURE
)


def learn(database: Database, remote: str, referral: str, altered: Mapping[str, tuple[Any, Any]], weight: int) -> None:
    """Remember, by path, that the remote keeps `held` where `desired` was sent; the same again weighs more.

    A weight of 0 begins nothing: it bears out what is known already.
    """
    with database.writing() as connection:
        for path, (desired, held) in altered.items():
            pair = {"desired": dumps(desired), "held": dumps(held)}
            here = (forms.c.remote == remote) & (forms.c.referral == referral) & (forms.c.path == path)
            query = select(forms.c.weight).where(here, forms.c.desired == pair["desired"], forms.c.held == pair["held"])
            known = connection.execute(query).scalar_one_or_none() or 0
            if not known and not weight:
                continue
            row = {"remote": remote, "referral": referral, "path": path, **pair, "weight": known + max(1, weight)}
            connection.execute(forms.delete().where(here))
            connection.execute(forms.insert(), row)


def of(database: Database, remote: str, referral: str) -> dict[str, tuple[Any, Any]]:
    """Give what `learn` is sure of, by path: (desired, held)."""
    found = database.rows(READ, {"remote": remote, "referral": referral})
    return {path: (read_value(desired, referral), read_value(held, referral)) for path, desired, held in found}


def some(database: Database, remote: str) -> bool:
    """Tell whether `learn` is sure of anything."""
    return bool(database.rows(select(forms.c.path).where(forms.c.remote == remote, forms.c.weight >= SURE).limit(1)))
