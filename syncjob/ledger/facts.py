"""What the file says of itself, a text by name: its schema, who works with it, what outlives a run."""

from __future__ import annotations

from sqlite3 import Connection

from syncjob.ledger.database import value_of

READ = "SELECT value FROM facts WHERE name = :name"
KEEP = """
INSERT INTO facts (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
FORGET = "DELETE FROM facts WHERE name = :name"


def of(connection: Connection, name: str) -> str | None:
    """Give what is kept under a name; None where nothing is."""
    found: str | None = value_of(connection.execute(READ, {"name": name}))
    return found


def keep(connection: Connection, name: str, value: str) -> None:
    """Keep it in the place of what was there before."""
    connection.execute(KEEP, {"name": name, "value": value})


def forget(connection: Connection, name: str) -> None:
    """Keep nothing there."""
    connection.execute(FORGET, {"name": name})
