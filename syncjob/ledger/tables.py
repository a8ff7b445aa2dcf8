"""The ledger's tables, one place: SQLAlchemy Core, so that another database can follow by its URL.

    facts           what the file is: its schema
    scopes          a job over one remote and tenant: whose memory it is
    runs            one row a run; its plan goes once
    outcomes        how every row of a run ended; a row that is still to be sent is there too, as `to_send`
    intents         every PATCH before it left
    bases           what row and remote last agreed on, by referral and path
    normal_forms    what the remote makes of a value, by referral and path
    inputs          the files that were read, once each
    input_parts     their bytes, compressed, in parts

What `SCHEMA` counts is this page: whoever changes it adds a step to `migrating`.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

SCHEMA = 2
REBUILT = "rebuilt"  # a fact: when rows were lost in a rebuild

metadata = MetaData()

facts = Table("facts", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

scopes = Table(
    "scopes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", String(64), nullable=False),
    Column("remote", Text, nullable=False),
)

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
    Column("moves", String(10)),
    Column("source", Text),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("run", String(40), ForeignKey("runs.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("cause", String(40), nullable=False),
    Column("settled", Text, nullable=False),
    Column("key", Text),
    Column("referral", String(64)),
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

bases = Table(
    "bases",
    metadata,
    Column("scope", Integer, ForeignKey("scopes.id"), primary_key=True),
    Column("referral", String(64), primary_key=True),
    Column("path", String(80), primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("run", String(40), nullable=False),
    Column("nights", Integer, nullable=False),
    sqlite_with_rowid=False,
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

inputs = Table(
    "inputs",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("source", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
)

input_parts = Table(
    "input_parts",
    metadata,
    Column("digest", String(80), ForeignKey("inputs.digest"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

OPEN = text("cause IN ('answer_unknown', 'to_send')")
"""The rows whose end nobody knows, in the very words of their index: SQLite takes it for no others."""

INDEXES = (
    Index("outcomes_open", outcomes.c.run, outcomes.c.n, sqlite_where=OPEN),
    Index("intents_by_run", intents.c.run, intents.c.n),
    Index("outcomes_by_referral", outcomes.c.referral, outcomes.c.run),
    Index("outcomes_by_key", outcomes.c.key, outcomes.c.run),
    Index("scopes_by_name", scopes.c.job, scopes.c.remote, unique=True),
    Index("runs_by_job", runs.c.job, runs.c.remote, runs.c.began),
)
ALL = (facts, scopes, runs, outcomes, intents, bases, forms, inputs, input_parts)
"""In an order in which each stands behind those that it refers to."""
