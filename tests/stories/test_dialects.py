"""The same two hundred rows, however they are written: every dialect and every preset gives the same plan."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import yaml
from desk import Desk, guid, referral

pytestmark = pytest.mark.long

COUNT = 200
ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Deal:
    """What one row asks for."""

    n: int
    name: str
    amount: int  # cents
    currency: str
    closes: date
    stage: str  # a sales stage, or Won


def deals() -> list[Deal]:
    """Give the rows: umlauts, quotes and line breaks in names, cents in amounts, three currencies."""
    random = Random(200)
    names = ("Größere Lizenz", 'Pilot, "40" seats', "Semicolon; and\nbreak", "=Formula", "Café naïve", "Plain")
    return [
        Deal(
            n,
            f"{random.choice(names)} {n}",
            random.choice((0, 50, 123_450, 1_234_500, 99_999_999_99)) + n,
            ("EUR", "USD", "GBP")[n % 3],
            date(2027, 1, 1) + timedelta(days=random.randrange(700)),
            random.choice(("20", "60", "Won")),
        )
        for n in range(1, COUNT + 1)
    ]


DEALS = deals()


def held(deal: Deal, key: str) -> dict[str, Any]:
    """Give the referral that a row is held against: some of it agrees already, nothing of it in the same spelling."""
    agrees = deal.n % 4 == 0
    return referral(
        deal.n,
        name=f" {deal.name.replace('&', '&amp;')} " if deal.n % 5 else "Old name",
        externalReferenceId=key,
        salesStage="100" if deal.stage == "Won" else "20",
        details={
            "dealValue": deal.amount / 100 if agrees else 1,
            "currency": deal.currency,
            "closingDateTime": "2027-06-30T22:00:00.000Z",
        },
    )


@dataclass(frozen=True)
class Dialect:
    """One way to write the rows: the file, what the configuration says of it, and the key that a referral carries."""

    name: str
    write: Callable[[], bytes]
    config: Mapping[str, Any]
    key: Callable[[Deal], str] = field(default=lambda deal: f"CRM-{deal.n:05d}")


def amount(deal: Deal, point: str = ".", group: str = "") -> str:
    """Write an amount in a locale."""
    whole = f"{deal.amount // 100:,}".replace(",", group)
    return f"{whole}{point}{deal.amount % 100:02d}"


def table(rows: Iterable[Mapping[str, str]], delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> bytes:
    """Write CSV."""
    listed = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(listed[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue().encode(encoding)


def book(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write a workbook whose cells have their types."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.append(list(rows[0]))
    for at, row in enumerate(rows, start=2):
        for column, value in enumerate(row.values(), start=1):
            cell = sheet.cell(at, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


STAGES = {"20": "Early", "60": "Late", "Won": "Won"}


def plain(deal: Deal, day: str, value: str) -> dict[str, str]:
    """Give a row of a CRM that nobody knows."""
    return {
        "CRM Id": f"CRM-{deal.n:05d}",
        "Deal": deal.name,
        "Stage": STAGES[deal.stage],
        "Amount": value,
        "Currency": deal.currency,
        "Close Date": deal.closes.strftime(day),
    }


def typed(deal: Deal) -> dict[str, Any]:
    """Give the same row with its types."""
    return plain(deal, "%d", "") | {"Amount": deal.amount / 100, "Close Date": deal.closes}


PLAIN: dict[str, Any] = {
    "fields": {
        "Deal": "name",
        "Stage": [
            {"field": "salesStage", "translate": {"Early": "20", "Late": "60", "*": ""}},
            {"field": "status", "translate": {"Won": "Closed/Won", "*": ""}},
        ],
        "Amount": "dealValue",
        "Currency": "currency",
        "Close Date": "closingDateTime",
    }
}
GERMAN = {"defaults": {"locale": "de_DE", "date_format": "%d.%m.%Y"}, "rows": {"encoding": "cp1252"}}
AMERICAN = {"defaults": {"locale": "en_US", "date_format": "%m/%d/%Y"}, "rows": {"delimiter": "tab"}}


def salesforce(deal: Deal) -> str:
    """Give an id of 15 characters."""
    return f"006Hs0000{deal.n:03d}aBc"


def long(short: str) -> str:
    """Give the same id in 18: the checksum tells which of its letters are capitals."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    parts = (short[at : at + 5] for at in (0, 5, 10))
    return short + "".join(letters[sum(1 << i for i, char in enumerate(part) if char.isupper())] for part in parts)


def opportunity(deal: Deal) -> dict[str, str]:
    """Give a row of a Salesforce report."""
    return {
        "Opportunity Owner": "Ana Torres",
        "Opportunity ID": salesforce(deal),
        "Opportunity Name": deal.name,
        "Stage": {"20": "Needs Analysis", "60": "Id. Decision Makers", "Won": "Closed Won"}[deal.stage],
        "Amount": amount(deal, ".", ","),
        "Amount Currency": deal.currency,
        "Close Date": deal.closes.strftime("%m/%d/%Y"),
    }


def loaded(deal: Deal) -> dict[str, str]:
    """Give a row of Salesforce's Data Loader."""
    told = opportunity(deal)
    return {
        "Id": long(salesforce(deal)),
        "Name": deal.name,
        "StageName": told["Stage"],
        "Amount": amount(deal),
        "CurrencyIsoCode": deal.currency,
        "CloseDate": deal.closes.isoformat(),
    }


def hubspot(deal: Deal) -> dict[str, str]:
    """Give a row of HubSpot's export."""
    return {
        "Record ID": str(9_000_000_000 + deal.n),
        "Deal Name": deal.name,
        "Deal Stage": {"20": "Appointment Scheduled", "60": "presentationscheduled", "Won": "Closed Won"}[deal.stage],
        "Close Date": f"{deal.closes} 00:00",
        "Amount": amount(deal),
        "Currency": deal.currency,
    }


def dynamics(deal: Deal) -> dict[str, Any]:
    """Give a row of a Dynamics view, as Excel holds it."""
    return {
        "(Do Not Modify) Opportunity": f"3b1f0c52-4a1c-ef11-9f89-{deal.n:012d}",
        "(Do Not Modify) Row Checksum": "Zm9v",
        "Topic": deal.name,
        "Est. Close Date": deal.closes,
        "Est. Revenue": deal.amount / 100,
        "Currency": {"EUR": "Euro", "USD": "US Dollar", "GBP": "Pound Sterling"}[deal.currency],
        "Pipeline Phase": {"20": "1-Qualify", "60": "3-Propose", "Won": None}[deal.stage],
        "Status": "Won" if deal.stage == "Won" else "Open",
    }


def bulk(deal: Deal) -> dict[str, str]:
    """Give a row of Partner Center's own template."""
    return {
        "Errors": "",
        "Referral ID": guid(deal.n),
        "Deal Name": deal.name,
        "Customer Name": "Fabrikam",
        "Partner Referral Status": "Closed" if deal.stage == "Won" else "",
        "Partner Referral Substatus": "Won" if deal.stage == "Won" else "",
        "Sales Stage": "" if deal.stage == "Won" else deal.stage,
        "Estimated Deal Value": amount(deal),
        "Currency": deal.currency,
        "Estimated Close Date": deal.closes.strftime("%m/%d/%Y"),
        "Notes": "never sent",
    }


def preset(name: str, **defaults: str) -> dict[str, Any]:
    """Give a configuration that maps nothing itself."""
    return {"preset": name, "match": None, "fields": None, "defaults": defaults}


def jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write JSON Lines."""
    return "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()


# The template's days are days in UTC; here they are those of everybody else.
BERLIN_DAYS = {"Estimated Close Date": {"field": "closingDateTime", "date_format": "%m/%d/%Y", "time_zone": ZONE}}
PLAIN_ROWS = [plain(deal, "%Y-%m-%d", amount(deal)) for deal in DEALS]
DIALECTS = (
    Dialect("rows.csv", lambda: table(PLAIN_ROWS), PLAIN),
    Dialect(
        "german.csv",
        lambda: table((plain(one, "%d.%m.%Y", amount(one, ",", ".")) for one in DEALS), ";", "cp1252", "\r\n"),
        PLAIN | GERMAN,
    ),
    Dialect(
        "unicode.txt",
        lambda: table((plain(one, "%m/%d/%Y", amount(one, ".", ",")) for one in DEALS), "\t", "utf-16", "\r\n"),
        PLAIN | AMERICAN,
    ),
    Dialect("rows.xlsx", lambda: book([typed(one) for one in DEALS]), PLAIN | {"defaults": GERMAN["defaults"]}),
    Dialect("rows.yaml", lambda: yaml.safe_dump(PLAIN_ROWS, allow_unicode=True).encode(), PLAIN),
    Dialect("rows.jsonl", lambda: jsonl(map(typed, DEALS)), PLAIN),
    Dialect("rows.json", lambda: json.dumps(PLAIN_ROWS, indent=1).encode(), PLAIN),
    Dialect(
        "report.csv",
        lambda: table(map(opportunity, DEALS)),
        preset("salesforce", locale="en_US", date_format="%m/%d/%Y"),
        lambda deal: long(salesforce(deal)),
    ),
    Dialect("loader.csv", lambda: table(map(loaded, DEALS)), preset("salesforce"), salesforce),
    Dialect(
        "hubspot.csv", lambda: table(map(hubspot, DEALS)), preset("hubspot"), lambda one: hubspot(one)["Record ID"]
    ),
    Dialect(
        "dynamics.xlsx",
        lambda: book([dynamics(one) for one in DEALS]),
        preset("dynamics"),
        lambda one: str(dynamics(one)["(Do Not Modify) Opportunity"]),
    ),
    Dialect("bulk.csv", lambda: table(map(bulk, DEALS)), preset("partner-center") | {"fields": BERLIN_DAYS}),
)


def planned(desk: Desk, dialect: Dialect) -> dict[str, Any]:
    """Plan a file and give, by referral, all that would be sent."""
    desk.box.empty(held(deal, dialect.key(deal)) for deal in DEALS)
    (desk.folder / dialect.name).write_bytes(dialect.write())
    desk.configure(**{**dialect.config, "defaults": {"time_zone": ZONE, **dialect.config.get("defaults", {})}})
    said = desk.run("plan", dialect.name, "--json")
    assert said.code in (0, 3), said.err
    return {
        row["id"]: (row["outcome"], {one["path"]: (one["op"], one["value"]) for one in row["patch"]})
        for row in said.report["rows"]
    }


@pytest.fixture(scope="module")
def asked() -> dict[str, Any]:
    """Say what the plan must be, from the rows themselves."""
    plan: dict[str, Any] = {}
    for deal in DEALS:
        patch: dict[str, Any] = {}
        if deal.n % 5 == 0:
            patch["/name"] = ("replace", deal.name)
        if deal.n % 4 and deal.amount != 100:
            digits = amount(deal)
            patch["/details/dealValue"] = ("replace", digits.rstrip("0").rstrip("."))
        if deal.stage == "Won":
            patch |= {"/status": ("replace", "Closed"), "/substatus": ("replace", "Won")}
        elif deal.stage == "60":
            patch["/salesStage"] = ("replace", "60")
        if deal.closes != date(2027, 7, 1):
            begins = datetime(deal.closes.year, deal.closes.month, deal.closes.day, tzinfo=ZoneInfo(ZONE)).astimezone(
                UTC
            )
            patch["/details/closingDateTime"] = ("replace", f"{begins:%Y-%m-%dT%H:%M:%SZ}")
        plan[guid(deal.n)] = ("planned", patch)
    return plan


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_the_same_rows_give_the_same_plan(desk: Desk, dialect: Dialect, asked: dict[str, Any]) -> None:
    """To the last operation, under whatever key the referrals are known."""
    assert planned(desk, dialect) == asked
