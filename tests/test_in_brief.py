"""A night whose rows wait in brief makes the plan, the record and the writes of one whose rows wait as a whole."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from desk import Desk, crm, guid, referral
from kit import Scene, page

from syncjob.core.plain import Plain
from syncjob.errors import StorageRefused
from syncjob.job import observing

ROWS = range(1, 16)
FIELDS = {
    "Stage": {"field": "status", "translate": {"Won": "Closed/Won", "Open": "Active"}},
    "Deal": "name",
    "Amount": {"field": "dealValue", "currency": "EUR"},
    "Close": {"field": "closingDateTime", "time_zone": "UTC"},
    "Notes": "notes",
    "Team": {"field": "team", "optional": True},
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
        team=some([[], [{"email": "a@b.example"}]]),
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
        "Team": some([""] * 9 + ["a@b.example"]),
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


TWICE = b'"team":[{"email":"z@z.example"}],"team":[{"email":"a@b.example"}]'


def test_a_list_is_never_settled_at_a_glance(tmp_path: Path) -> None:
    """Written to the letter as it was asked for: who is in it is compared by who they are, in a whole that is sound."""
    scene = Scene(tmp_path, [referral(1, team=[{"email": "a@b.example"}])], limits={"reads_max": 0})

    def twice(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        assert isinstance(response.stream, httpx.ByteStream)
        content = b"".join(response.stream)
        assert b'"team":[{"email":"a@b.example"}]' in content
        return page(200, content.replace(b'"team":[{"email":"a@b.example"}]', TWICE))

    row = {"Id": guid(1), "Team": "a@b.example"}
    assert scene.night([row]).causes == ["in_step"]
    scene.wire.after = twice
    assert scene.night([row]).causes == ["remote_unavailable"]


@pytest.mark.parametrize("how", ["agreed = CAST(agreed AS BLOB)", "agreed = ''", "at = 'x'"])
def test_a_damaged_base_is_told_whatever_the_row_asks(tmp_path: Path, how: str) -> None:
    """Also of a row that could be settled without reading it."""
    scene = Scene(tmp_path, [referral(1)], limits={"reads_max": 0})
    row = {"Id": guid(1), "Deal": "Deal 1"}
    assert scene.night([row]).causes == ["in_step"]
    with closing(sqlite3.connect(tmp_path / "scene.ledger")) as ledger, ledger:
        assert ledger.execute(f"UPDATE bases SET {how}").rowcount == 1  # words of this test
    with pytest.raises(StorageRefused, match="what is remembered of referral"):
        scene.night([row])


def test_a_file_whose_name_is_no_text_is_planned_all_the_same(desk: Desk) -> None:
    """Half a character in its name is no fault of its rows."""
    desk.configure()
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 1"})
    odd = Path(os.fsdecode(os.fsencode(desk.folder) + b"/r\xff.csv"))
    (desk.folder / "rows.csv").rename(odd)
    assert desk.run("validate", odd).code == 0
    assert desk.run("plan", odd).code == 0
