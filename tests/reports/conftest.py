"""Small plans and runs for the renderers: values only."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from syncjob.model import Cause, Operation, Place, Report, Settled, Triple, Verdict

COLUMNS = ("CRM id", "Value", "Notes")
PRIVATE = frozenset({"/details/notes", "/team", "/customerProfile/team"})


def row(n: int, cause: Cause, reason: str = "", **known: Any) -> Settled:
    """Give a row of deals.csv; its key and cells follow from its number."""
    columns = {"CRM id": f"CRM-{n:05}", "Value": "12000", "Notes": ""}
    return Settled(n, Place("deals.csv", n + 1), f"CRM-{n:05}", known.pop("columns", columns), cause, reason, **known)


def report(*rows: Settled, **known: Any) -> Report:
    """Give a run over these rows whose totals follow from them."""
    usual: dict[str, Any] = {
        "kind": "run",
        "run": {"id": "r-7", "job": "nightly"},
        "totals": Counter(str(one.outcome) for one in rows),
        "requests": {},
        "columns": COLUMNS,
        "private": PRIVATE,
        "rows": lambda: iter(rows),
    }
    return Report(**usual | known)


@pytest.fixture(scope="session")
def row_of() -> Callable[..., Settled]:
    """Hand out `row`."""
    return row


@pytest.fixture(scope="session")
def report_of() -> Callable[..., Report]:
    """Hand out `report`."""
    return report


@pytest.fixture(scope="session")
def night() -> Report:
    """Give a night on which a bit of everything happened."""
    value = Triple("/details/dealValue", 10000, "12000", base=10000)
    notes = Triple("/details/notes", "old secret", "new secret")
    jane = {"firstName": "Jane", "email": "jane@example.com"}
    team = Triple("/team", [], [jane])
    rows = (
        row(
            1,
            Cause.CONFIRMED,
            "confirmed by the answer",
            id="id-1",
            etag='"e1"',
            triples=(value, notes, team),
            operations=(
                Operation("replace", "/details/dealValue", "12000"),
                Operation("replace", "/details/notes", "new secret"),
                Operation("add", "/team/-", jane),
            ),
            warnings=("team: the phone number differs",),
            attempts=2,
            request_ids=("q-1", "q-2"),
        ),
        row(2, Cause.IN_STEP, id="id-2"),
        row(3, Cause.RAGGED_LINE, "deals.csv:4 has 2 cells, the header 3", columns={}),
        row(
            4,
            Cause.CLOSES,
            "would close the referral; see it, then syncjob approve",
            id="id-4",
            triples=(Triple("/status", "Active", "Closed"), Triple("/substatus", "Accepted", "Won")),
            operations=(Operation("replace", "/status", "Closed"), Operation("replace", "/substatus", "Won")),
        ),
        row(
            5,
            Cause.BOTH_MOVED,
            "row and remote both moved",
            id="id-5",
            triples=(
                Triple("/details/dealValue", Decimal("11000.50"), "12000", base=10000),
                Triple("/salesStage", "40", "50", base="40"),
                Triple("/name", "Same", "Same"),
            ),
        ),
    )
    return report(
        *rows,
        requests={"GET": 4, "PATCH": 2},
        verdicts=(Verdict("closes", 1, 0, True, "1 row closes its referral (limit 0); --allow closes"),),
    )
