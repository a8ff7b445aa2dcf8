"""Referrals to start from: a number, a seed and a moment in, documents in every odd shape that the API shows, out.

Names and addresses are placeholders. The shapes are what matters: `null`, `""` and absent for one and the same nothing,
entities and spaces left in names, the state kept in `region`, fractions of 0 to 7 digits, parents that are missing.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from syncjob.sandbox.patches import Document

_ORGANISATION = "7d23e5ca-19dc-4eaa-aac8-000000000001"
_CUSTOMERS = (
    "Fabrikam Inc",
    "FABRIKAM OIL &amp; GAS S.A.U.",
    "Northwind Traders ",
    "Müller & Söhne GmbH",
    "Cafe\u0301 Adventure",
    "アドベンチャー ワークス",
    'Tailspin Toys, "EMEA"',
    "Ελληνικά Δίκτυα",
)
_DEALS = ("Warehouse rollout", "Sensitive Data Workshop", "Migration — phase 2", "Pilot; 40 seats", "Größere Lizenz ")
_PLACES: tuple[dict[str, Any], ...] = (
    {"city": "Redmond", "state": "WA", "postalCode": "98052", "country": "US"},
    {"city": "Bellevue", "state": None, "postalCode": "98004", "country": "US", "region": "WA"},
    {"city": "Vicente López", "state": None, "postalCode": "B1638BEA", "country": "AR", "region": None},
    {"city": "Hyderabad", "state": "", "postalCode": "500095", "country": "IN", "region": None},
    {"city": "Zürich", "state": "ZH ", "postalCode": "08001", "country": "CH"},
)
_PEOPLE = (
    ("Jane", "Doe", "+41 44 000 00 01"),
    ("John", "Doe ", "0000000001"),
    ("Zoë", "Núñez", "+541100000001"),
    ("SUE", "SMITH", None),
    ("太郎", "山田", ""),
)
_NOTES = ("First call held; pilot for 40 seats under discussion.", "", None, "Zeile 1\nZeile 2", 'A &amp; B, "urgent" ')
_CURRENCIES = ("USD", "EUR", "INR", "JPY")
_VALUES = (0, 120, 10000, 30000, 50000, 10000.1, 99999.99, 1_250_000)
_LIVES = (  # shape, status, substatus, how many of 20 seeded referrals
    ("lead", "New", "Pending", 4),
    ("lead", "New", "Received", 3),
    ("deal", "Active", "Accepted", 9),
    ("deal", "Closed", "Won", 2),
    ("deal", "Closed", "Lost", 1),
    ("deal", "Closed", "Expired", 1),
)


def seed(n: int, random: Random, now: datetime) -> list[Document]:
    """`n` referrals, all created before `now`; most have a unique externalReferenceId such as CRM-00001."""
    return [_referral(i, random, now) for i in range(1, n + 1)]


def load(path: Path) -> list[Document]:
    """The documents of a JSON file: an array of referrals, or a list page as the API answers it; raises ValueError."""
    read = json.loads(Path(path).read_text(encoding="utf-8"))
    documents = read.get("value") if isinstance(read, dict) else read
    if not isinstance(documents, list):
        raise ValueError(f"{path}: write a JSON array of referrals, or an object whose `value` is one")  # noqa: TRY004 - the file is at fault
    for i, document in enumerate(documents):
        if not isinstance(document, dict) or not isinstance(document.get("id"), str):
            raise ValueError(f"{path}: referral {i + 1} has no id; every referral needs one, a string")  # noqa: TRY004
    return documents


def _referral(i: int, random: Random, now: datetime) -> Document:
    shape, status, substatus, _ = random.choices(_LIVES, weights=[life[3] for life in _LIVES])[0]
    created = now - timedelta(days=random.randrange(1, 400), microseconds=random.randrange(86_400_000_000))
    updated = created + (now - created) * random.random()
    document: Document = {
        "id": _guid(random),
        "engagementId": _guid(random),
        "name": random.choice(_DEALS),
        "organizationId": _ORGANISATION,
        "organizationName": "Contoso LLP",
        "createdDateTime": _moment(created, random),
        "updatedDateTime": _moment(updated, random),
        "status": status,
        "substatus": substatus,
        "qualification": "Direct" if shape == "lead" else "SalesQualified",
        "type": random.choice(("Independent", "Shared")),
        "direction": random.choice(("Incoming", "Outgoing")),
        "customerProfile": _customer(i, random),
        "consent": {"consentToToShareInfoWithOthers": True, "consentToContact": True},
        "details": _details(now, random),
    }
    if shape == "lead":
        document = {"@odata.context": "https://api.partner.microsoft.com/v1.0/$metadata#Referrals/$entity"} | document
    else:
        document |= _deal(created, updated, random, closed=status == "Closed")
    _put(document, "externalReferenceId", _or_nothing(random, f"CRM-{i:05d}", nothings=0.1))
    _put(document, "team", _or_absent(random, _team(i, random, "contoso.example"), absent=0.2))
    document["links"] = _links(document)
    return document


def _deal(created: datetime, updated: datetime, random: Random, *, closed: bool) -> Document:
    """What a co-sell deal has beyond a lead."""
    deal: Document = {
        "lastModifiedVia": None,
        "expirationDateTime": None,
        "statusReason": random.choice((None, "", "Signed after the pilot.")),
        "favorite": random.random() < 0.1,  # noqa: PLR2004 - a few
        "campaignId": random.choice((None, "", "SPRING-24")),
        "salesStage": random.choice((None, "10", "25", "50", "75", "100")),
        "quality": "Unknown",
        "isSpam": False,
        "mpnId": "1234567",
        "referralProgram": None,
        "tags": [],
        "acceptedDateTime": _moment(created, random),
        "closedDateTime": _moment(updated, random) if closed else None,
        "registrationStatus": "None",
        "target": [{"type": "SolutionProfile", "id": "SOL-34104-EBB"}],
        "inviteContext": {
            "notes": None,
            "assistanceRequestCode": "Unknown",
            "invitedMpnId": "1234567",
            "invitedBy": {"organizationId": "msft"},
        },
        "trackingInfo": {"microsoftMsxId": None},
        "registrations": [],
    }
    if random.random() < 0.2:  # noqa: PLR2004 - some lack it
        del deal["inviteContext"]
    return deal


def _details(now: datetime, random: Random) -> Document:
    closing = (now + timedelta(days=random.randrange(-30, 300))).strftime("%Y-%m-%d")
    hour = random.choice(("T00:00:00Z", "T18:30:00Z", "T03:00:00.0000000Z", "T00:00:00.5Z"))
    details: Document = {"dealValue": random.choice(_VALUES), "customerAction": None, "customerRequestedContact": None}
    _put(details, "notes", _or_absent(random, random.choice(_NOTES), absent=0.1))
    _put(details, "currency", _or_nothing(random, random.choice(_CURRENCIES), nothings=0.1))
    _put(details, "closingDateTime", _or_nothing(random, closing + hour, nothings=0.1))
    solution = {"id": "SOL-6115380-IPC", "name": None, "type": "Name", "price": None, "quantity": None}
    requirements: Document = {
        "industries": random.choice(([], [{"id": "Education"}])),
        "products": [{"id": "Microsoft365"}],
        "services": [],
        "solutions": random.choice(([], [solution])),
    }
    if random.random() < 0.5:  # noqa: PLR2004 - half have the key
        requirements["offers"] = []
    _put(details, "requirements", _or_absent(random, requirements, absent=0.2))
    return details


def _customer(i: int, random: Random) -> Document:
    address = {"addressLine1": f"{i} Example Road", "addressLine2": random.choice((None, "", "34"))}
    return {
        "name": random.choice(_CUSTOMERS),
        "size": random.choice((None, "", "10to50employees")),
        "address": address | random.choice(_PLACES),
        "team": _team(i, random, "fabrikam.example"),
        "ids": random.choice(
            ([], [{"profileType": "Duns", "id": "000000000"}], [{"profileType": "External", "id": ""}])
        ),
    }


def _team(i: int, random: Random, domain: str) -> list[Document]:
    return [
        {
            "firstName": first,
            "lastName": last,
            "phoneNumber": phone,
            "email": f"Person{i}.{k}@{domain}" if random.random() < 0.3 else f"person{i}.{k}@{domain}",  # noqa: PLR2004
            "title": None,
            "contactPreference": {"locale": random.choice((None, "en-us")), "disableNotifications": None},
        }
        for k, (first, last, phone) in enumerate(random.sample(_PEOPLE, random.randrange(3)))
    ]


def _links(document: Document) -> Document:
    root = "https://api.partner.microsoft.com/v1.0/engagements/referrals"
    return {
        "relatedReferrals": {"uri": f"{root}?$filter=engagementId eq {document['engagementId']}", "method": "GET"},
        "self": {"uri": f"{root}/{document['id']}", "method": "GET"},
    }


class _Absent:
    """The third spelling of nothing."""


def _or_absent(random: Random, value: Any, *, absent: float) -> Any:
    return _Absent if random.random() < absent else value


def _or_nothing(random: Random, value: Any, *, nothings: float) -> Any:
    return random.choice((None, "", _Absent)) if random.random() < nothings else value


def _put(document: Document, name: str, value: Any) -> None:
    if value is not _Absent:
        document[name] = value


def _moment(at: datetime, random: Random) -> str:
    """A timestamp with 0 to 7 digits behind the second."""
    digits = random.randrange(8)
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + str(random.randrange(1, 10))
    return (text[: 20 + digits] if digits else text[:19]) + "Z"


def _guid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
