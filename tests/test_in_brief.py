"""A night whose rows wait in brief makes the plan, the record and the writes of one whose rows wait as a whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from desk import guid, referral
from kit import Scene

from syncjob.core.plain import Plain
from syncjob.job import observing

ROWS = range(1, 16)
FIELDS = {
    "Stage": {"field": "status", "translate": {"Won": "Closed/Won", "Open": "Active"}},
    "Deal": "name",
    "Amount": {"field": "dealValue", "currency": "EUR"},
    "Close": {"field": "closingDateTime", "time_zone": "UTC"},
    "Notes": "notes",
}
NAMES = ("Deal", "Deal ", 'a "b" %d', "é", "a\\b", "a&amp;b", "1.50", "", "x,y", "<clear>")
AMOUNTS = (1000, "1000", 1000.5, "1000.50", 0, "1e3", None, [1], 10**20, True)
DAYS = ("2026-03-31T00:00:00Z", "2026-03-31T00:00:00.000Z", "2026-03-31", None)


def document(random: Random, n: int) -> dict[str, Any]:
    """A referral: most hold what the usual row asks for, written in one way or another."""
    some = random.choice
    details = {"dealValue": some([1000] * 20 + [*AMOUNTS]), "closingDateTime": some([DAYS[0]] * 9 + [*DAYS])}
    more: dict[str, Any] = {"currency": "EUR", "notes": some([""] * 20 + [*NAMES])}
    return referral(
        n,
        name=some(["Deal"] * 20 + [*NAMES]),
        status=some(("Active", "Active", "Active", "New")),
        organizationName=some(["Contoso"] * 9 + ["contoso", ""]),
        details=some([details | more] * 12 + [details, {}, [], None]),
    )


def row(random: Random, n: int) -> dict[str, str]:
    """A row: most of its cells are the usual ones."""
    some = random.choice
    return {
        "Id": guid(n),
        "Stage": some(["", "", "", "", "Active", "Open", "Won"]),
        "Deal": some(["Deal"] * 12 + [*NAMES]),
        "Amount": some(["1000"] * 12 + ["01000", "1000.5", "1000.50", "0", "", "12k"]),
        "Close": some(("", "2026-03-31")),
        "Notes": some([""] * 20 + [*NAMES]),
        "Partner": some(["Contoso"] * 20 + [" ", "other"]),
    }


def nights(seed: int, *, brief: bool) -> tuple[list[list[bytes]], list[Any], int]:
    """The lines of each night's plan, all that was written, and how many rows were settled at a glance."""
    random = Random(seed)
    complete, verify = random.random() < 0.5, random.random() < 0.5
    rows = [row(random, n) for n in ROWS]
    again = [one if random.random() < 0.7 else row(random, n) for n, one in zip(ROWS, rows, strict=True)]
    match = {"by": "id", "column": "Id"}
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(
            Path(folder),
            [document(random, n) for n in ROWS],
            remote={"list_complete": complete},
            limits={"reads_max": 0},
            sections={
                "fields": FIELDS,
                "match": match | ({"verify": {"column": "Partner", "field": "organizationName"}} if verify else {}),
            },
        )
        glanced, look, short = 0, observing._Glancing.line, Plain.brief

        def counted(*args: Any) -> Any:
            nonlocal glanced
            found = look(*args)
            glanced += found is not None
            return found

        with (
            patch.object(observing._Glancing, "line", counted),
            patch.object(Plain, "brief", short if brief else lambda *_: None),
        ):
            lines = [[line.text for line in scene.night(night).plan.lines()] for night in (rows, again, again)]
        return lines, [(one.writer, one.operations) for one in scene.sandbox.store.writes], glanced


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(6, 60))])
def test_rows_in_brief_end_as_whole_rows_do(seed: int) -> None:
    """To the letter, whatever row and remote hold; and on the nights after, when both are remembered."""
    told, written, glanced = nights(seed, brief=True)
    assert (told, written, 0) == nights(seed, brief=False)
    assert glanced > 0
