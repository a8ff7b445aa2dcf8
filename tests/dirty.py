"""Deals as two systems hold them: a seed in; referrals, and rows that mean some of them in other words, out.

`pairs` are rows whose referral is known, dirty as hands and exports make them; `strangers` are rows without any, near
enough to be taken for somebody; decoys are referrals without a row. Beside the pairs stand near twins: another deal of
the same customer, with its row or without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from desk import guid

CUSTOMERS = """
    Fabrikam Contoso Northwind Tailspin Woodgrove Litware Proseware Adatum Trey Wingtip Alpine Lucerne Humongous Coho
    Consolidated Blue-Yonder Wide-World Fourth Margies Relecloud Müller Søndergård Kowalski Peñafiel Gräfin Łódzkie
    Citroën Niño Ångström Bellows Nod VanArsdel Parnell Munson Liberty Lamna Fincher Datum Graphic Southridge
"""
TRADES = """
    Traders Oil-&-Gas Winery Airlines Logistics Insurance Pharmaceuticals International Manufacturing Foods Energy
    Brothers Publishing Importers Services Technologies Engineering Söhne Hospital Robotics Textiles Bank
"""
PRODUCTS = "Azure Microsoft-365 Dynamics Warehouse Security Data Backup Identity Power-BI Fabric Network Payroll"
WORKS = "migration rollout workshop assessment pilot renewal licence-extension managed-services upgrade"
FIRST, SECOND, WHAT, DOING = (
    tuple(word.replace("-", " ") for word in words.split()) for words in (CUSTOMERS, TRADES, PRODUCTS, WORKS)
)
FORMS = ("GmbH", "Inc.", "Ltd", "S.A.", "LLC", "AG", "B.V.", "GmbH & Co. KG", "S.p.A.", "Pty Ltd", "Corporation", "")
SHORT = {
    "International": "Intl",
    "Manufacturing": "Mfg",
    "Brothers": "Bros",
    "Services": "Svcs",
    "Technologies": "Technology",
    "Engineering": "Eng.",
}
PLAIN = str.maketrans("üöäéëñøåłóÅŁ", "uoaeenoaloAL")


@dataclass(frozen=True, slots=True)
class Deal:
    """What both systems mean."""

    customer: str
    form: str
    name: str
    value: int
    currency: str
    close: date


@dataclass(slots=True)
class World:
    """Referrals, rows, and which row means which referral."""

    referrals: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    right: dict[str, str] = field(default_factory=dict)


def world(seed: int, *, pairs: int = 100, decoys: int = 100, strangers: int = 20) -> World:
    """Make a world; of the pairs every eighth has a near twin beside it, of decoys a quarter, of strangers half."""
    random = Random(seed)
    made = World()
    deals = [_deal(random) for _ in range(pairs)]
    for at in range(0, pairs - 1, 8):
        deals[at + 1] = _twin(deals[at], random)
    for deal in deals:
        _pair(made, deal, random)
    for at in range(decoys):
        _referral(made, _twin(random.choice(deals), random) if at % 4 == 0 else _deal(random), random)
    for at in range(strangers):
        _row(made, _twin(random.choice(deals), random) if at % 2 else _deal(random), random)
    random.shuffle(made.referrals)
    random.shuffle(made.rows)
    return made


def _deal(random: Random) -> Deal:
    customer = f"{random.choice(FIRST)} {random.choice(SECOND)}"
    name = f"{random.choice(WHAT)} {random.choice(DOING)}"
    if random.random() < 0.3:
        name += random.choice((" 2027", " phase 2", " for 40 seats", " EMEA", " Q3"))
    value = random.choice((10_000, 25_000, 48_750, 120_000)) + random.randrange(0, 90_000, 130)
    close = date(2027, 1, 1) + timedelta(days=random.randrange(365))
    return Deal(customer, random.choice(FORMS), name, value, random.choice(("EUR", "EUR", "EUR", "USD")), close)


def _twin(deal: Deal, random: Random) -> Deal:
    """Another deal of the same customer: often with much in common."""
    other = _deal(random)
    name = f"{deal.name} phase 3" if random.random() < 0.3 else other.name
    value = deal.value if random.random() < 0.3 else other.value
    close = deal.close if random.random() < 0.3 else other.close
    return Deal(deal.customer, deal.form, name if name != deal.name else f"{name} II", value, deal.currency, close)


def _pair(made: World, deal: Deal, random: Random) -> None:
    made.right[_row(made, deal, random)] = _referral(made, deal, random)


def _referral(made: World, deal: Deal, random: Random) -> str:
    known = guid(len(made.referrals) + 1)
    details = {
        "dealValue": deal.value if random.random() < 0.9 else None,
        "currency": deal.currency,
        "closingDateTime": f"{deal.close}T00:00:00Z",
        "notes": "",
    }
    if random.random() < 0.1:
        del details["closingDateTime"]
    made.referrals.append(
        {
            "id": known,
            "name": deal.name,
            "createdDateTime": "2026-08-14T21:33:22Z",
            "status": "Active",
            "substatus": "Accepted",
            "customerProfile": {"name": f"{deal.customer} {deal.form}".strip(), "team": []},
            "details": details,
            "externalReferenceId": random.choice((None, "")),
            "team": [],
            "eTag": f'"{known}"',
        }
    )
    return known


def _row(made: World, deal: Deal, random: Random) -> str:
    key = f"OPP-{len(made.rows) + 1:05d}"
    shift = timedelta(days=random.choice((0, 0, 0, 1, -2, 5, 14, -30)))
    value = random.choice((deal.value, deal.value, round(deal.value, -3), round(deal.value * 1.03, 2), ""))
    made.rows.append(
        {
            "CRM Id": key,
            "Account": _dirty_customer(deal, random),
            "Deal": _dirty_name(deal, random),
            "Amount": str(value),
            "Currency": deal.currency if value else "",
            "Close Date": str(deal.close + shift) if random.random() < 0.85 else "",
        }
    )
    return key


def _dirty_customer(deal: Deal, random: Random) -> str:
    name = deal.customer
    if random.random() < 0.3:
        name = " ".join(SHORT.get(word, word) for word in name.split())
    if random.random() < 0.3:
        name = name.translate(PLAIN)
    if random.random() < 0.2:
        name = _typo(name, random)
    if random.random() < 0.1:
        name = ", ".join(reversed(name.split(" ", 1)))
    if random.random() < 0.2:
        name = name.replace("&", "and")
    form = deal.form if random.random() < 0.4 else random.choice(("", deal.form.replace(".", ""), "Inc"))
    name = f"{name} {form}".strip()
    return random.choice((name, name, name.upper(), f" {name} "))


def _dirty_name(deal: Deal, random: Random) -> str:
    name = deal.name
    chance = random.random()
    if chance < 0.1:
        return ""
    if chance < 0.3:
        name = f"{deal.customer} - {name}"
    elif chance < 0.4:
        name = _typo(name, random)
    elif chance < 0.5:
        words = name.split()
        random.shuffle(words)
        name = " ".join(words)
    elif chance < 0.6:
        name = name.replace("licence", "license").replace("Microsoft", "MS")
    return name


def _typo(name: str, random: Random) -> str:
    """Drop, double or swap a letter somewhere within."""
    at = random.randrange(1, len(name) - 2)
    before, here, after, rest = name[:at], name[at], name[at + 1], name[at + 2 :]
    return before + random.choice((after, here + here + after, after + here)) + rest
