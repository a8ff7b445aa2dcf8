"""The ledger's tables, one place: SQLAlchemy Core, so that another database can follow by its URL."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

SCHEMA = 1

metadata = MetaData()

facts = Table("facts", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("remote", Text, nullable=False),
    Column("plan", String(40), nullable=False, unique=True),
    Column("facts", Text, nullable=False),
    Column("began", Float, nullable=False),
    Column("ended", Float),
    Column("exit_code", Integer),
    Column("requests", Text),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("run", String(40), ForeignKey("runs.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("cause", String(40), nullable=False),
    Column("settled", Text, nullable=False),
    sqlite_with_rowid=False,
)

intents = Table(
    "intents",
    metadata,
    Column("run", String(40), ForeignKey("runs.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("mark", String(40), nullable=False),
    Column("planned", Text, nullable=False),
)

forms = Table(
    "normal_forms",
    metadata,
    Column("remote", Text, primary_key=True),
    Column("referral", String(64), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("desired", Text, nullable=False),
    Column("held", Text, nullable=False),
    Column("weight", Integer, nullable=False),
)

Index("intents_by_run", intents.c.run, intents.c.n)
