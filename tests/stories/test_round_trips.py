"""What we wrote can be handed in again: pulled files and reports plan to nothing, whatever stands in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from desk import COLUMNS, Desk, crm, guid, referral
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from syncjob.sandbox import seeds

pytestmark = pytest.mark.long

# What stands in a name, a note or a reference somewhere: each has broken some program's file.
TEXTS = (
    "=1+1",
    "+49 30 1",
    "-12",
    "@SUM(A1)",
    "'quoted",
    "''twice",
    "<clear>",
    "<remove> a@b.example",
    "•••",
    "#N/A",
    "#REF!",
    "00123",
    "1E+17",
    "12,345",
    "1.234",
    "31.12.2026",
    "2027-03-31",
    "TRUE",
    "no",
    "null",
    "~",
    "- item",
    "key: value",
    "a\tb",
    "line\nbreak",
    "line\r\nbreak",
    "lone\rreturn",
    "bell\x07",
    "nul\x00",
    "half\ud800",
    "\ufeffmark",
    "\ufffe",
    " outer ",
    "\u00a0hard\u00a0space\u00a0",
    "A &amp; B",
    "&lt;b&gt;",
    "Cafe\u0301",
    "Caf\u00e9",
    "JosÃ© García",
    "\u202eevil",
    "_x000D_",
    "_x0041_",
    "http://contoso.example",
    "mailto:a@b.example",
    "<r>rich</r>",
    "{=1}",
    '"both"',
    "`tick`",
    "%d",
    "\\n",
    "\\",
    "🙂",
    "\u2028par\u2029",
    "\x85next",
    "日本語",
    "x" * 32_767,
    "y" * 40_000,
    ";",
    "a;b,c",
)
MOMENTS = (
    "2022-03-24T18:30:00Z",
    "2020-12-01T00:00:00Z",
    "2020-10-30T21:03:00.0000000Z",
    "2021-07-05T09:12:43.1234567Z",
    "2027-03-30T22:00:00Z",
    "2027-03-30T22:00:00.5Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z",
    "soon",
    "",
)
AMOUNTS = (
    0,
    10000,
    10000.10,
    0.1 + 0.2,
    99999999999.99,
    123456789012345678,
    -5,
    "10000",
    "10000.50",
    "",
    None,
    "1e3",
    True,
)
SPECIALS = ("Active", "", None, "Paused", "active", "Active ")


def odd(documents: list[dict[str, Any]], random: Random) -> Iterator[dict[str, Any]]:
    """Spoil every third referral in one field or several, as other programs and people have."""
    for n, document in enumerate(documents):
        if n % 3 == 0:
            for _ in range(random.randint(1, 4)):
                _spoil(document, random, n)
        yield document


def _spoil(document: dict[str, Any], random: Random, n: int) -> None:
    text = random.choice(TEXTS)
    details = document.setdefault("details", {}) or {}
    person = {
        "email": random.choice(("a@b.example", text, None, "")),
        "firstName": text,
        "lastName": "x, y",
        "age": 1.50,
    }
    spoils: tuple[Callable[[], Any], ...] = (
        lambda: document.update(
            {random.choice(("name", "statusReason", "campaignId", "salesStage", "qualification")): text}
        ),
        lambda: document.update(externalReferenceId=f"{text[:40]} {n}"),
        lambda: details.update({random.choice(("notes", "customerAction")): text}),
        lambda: details.update(closingDateTime=random.choice(MOMENTS)),
        lambda: details.update(
            dealValue=random.choice(AMOUNTS), currency=random.choice(("EUR", "", None, "eur", "BTC2"))
        ),
        lambda: document.update(status=random.choice(SPECIALS)),
        lambda: document.update(substatus=random.choice(("", None, "Error", "Accepted"))),
        lambda: document.update(
            team=random.choice(([person], [person, person], None, [], [{}], ["text"], "text", [None]))
        ),
        lambda: details.update(requirements={"solutions": [{"id": text[:20], "price": 1.50, "more": {"deep": [1.0]}}]}),
        lambda: document.update(favorite=random.choice((True, False, "yes", None, 1))),
        lambda: document.update(
            consent=random.choice(({}, None, {"consentToShareReferralWithMicrosoftSellers": None}))
        ),
        lambda: document.update(
            customerProfile=random.choice((None, {"name": text, "team": [person]}, {"team": None}))
        ),
        lambda: document.pop("details", None),
    )
    random.choice(spoils)()


@pytest.mark.parametrize(
    ("name", "zone", "count"),
    [
        ("p.xlsx", "Europe/Berlin", 600),
        ("p.xlsx", None, 200),
        ("p.csv", "Asia/Kolkata", 200),
        ("p.yaml", "America/New_York", 200),
    ],
)
def test_untouched_referrals_plan_to_nothing(desk: Desk, name: str, zone: str | None, count: int) -> None:
    """Every odd value that was ever seen, in every form, with days or instants: no change, no conflict, no fault."""
    random = Random(7)
    desk.box.empty(odd(seeds.seed(count, random, datetime(2026, 11, 1, tzinfo=UTC)), random))
    desk.configure(
        remote={"url": desk.box.url, "list_complete": count > 500},
        defaults={"time_zone": zone},
        limits={"reads_max": 0},
    )
    said = desk.run("pull", "-o", name)
    assert said.code == 0, said.err
    planned = desk.run("plan", name, "--json", "--detailed-exitcode")
    others = [row for row in planned.report["rows"] if row["outcome"] != "unchanged"]
    assert not others, (len(others), others[0])
    assert (planned.code, len(planned.report["rows"])) == (0, count)
    assert set(desk.box.methods) == {"GET"}


SHORT = tuple(text for text in TEXTS if len(text) < 1_000)
CELLS = {
    "Deal": st.sampled_from(SHORT) | st.text(max_size=30),
    "Stage": st.sampled_from(("", "Working")),
    "Amount": st.sampled_from(("", "0", "1500.50", "99", "12k", "<clear>")),
    "Currency": st.sampled_from(("", "EUR")),
    "Close Date": st.sampled_from(("", "2027-04-01", "soon", "2027-04-01T10:00:00Z")),
    "Action": st.sampled_from(SHORT),
    "Team": st.sampled_from(("", "jo@contoso.example", "Jo,Ek,+46 8 1,jo@contoso.example\nmax@contoso.example")),
}


@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],  # an example is a second of real work: to shrink one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=9))
def test_every_report_that_can_be_read_back_plans_to_nothing(desk: Desk, rows: list[dict[str, str]]) -> None:
    """Whatever was sent, and whatever could not be: the report of the run asks for nothing more.

    Rows that are invalid stay so; their cells come back as they were.
    """
    desk.box.empty(referral(n) for n in range(1, 10))
    desk.configure(fields={column: COLUMNS[column] for column in CELLS})
    named = [{"CRM Id": crm(n), **row} for n, row in enumerate(rows, start=1)]
    (desk.folder / "rows.json").write_text(json.dumps(named), encoding="utf-8")
    reports = ("r.csv", "r.xlsx")
    ran = desk.run("apply", "rows.json", "--yes", "--json", *(part for one in reports for part in ("--report", one)))
    assert ran.code in (0, 3), ran.err
    sent = len(desk.box.patches)
    for report in reports:
        said = desk.run("plan", report, "--json")
        assert said.code == ran.code, (report, said.err)
        again = said.outcomes
        for key, outcome in ran.outcomes.items():
            assert again[key] == ("unchanged" if outcome == "applied" else outcome), (report, key, said.report["rows"])
    assert len(desk.box.patches) == sent


def test_typed_cells_come_back_typed(desk: Desk, tmp_path: Path) -> None:
    """Numbers, dates and truth values of a workbook are so in its report; texts that look like them are texts."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["CRM Id", "Deal", "Amount", "Currency", "Close Date", "Share", "Mine"])
    book.active.append([crm(1), "00123", 1500.5, "EUR", datetime(2027, 4, 1), True, 7])  # noqa: DTZ001  # cells have no zone
    book.save(tmp_path / "rows.xlsx")
    desk.configure(fields={name: COLUMNS[name] for name in ("Deal", "Amount", "Currency", "Close Date", "Share")})
    said = desk.run("apply", tmp_path / "rows.xlsx", "--yes", "--report", "r.xlsx", "--allow", "consent")
    assert said.code == 0, said.err
    line = [cell.value for cell in openpyxl.load_workbook(desk.folder / "r.xlsx").worksheets[0][2]][:7]
    assert line == [crm(1), "00123", 1500.5, "EUR", datetime(2027, 4, 1), True, 7]  # noqa: DTZ001  # as above
    assert desk.box.store.get(guid(1))["name"] == "00123"
    assert desk.run("plan", "r.xlsx", "--json").report["totals"] == {"rows": 1, "unchanged": 1}
