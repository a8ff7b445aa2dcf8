"""The referral's fields, one table: what each is called, where it stands, its kind, and whether it is ours to write.

Writable are the paths that Microsoft's certified connector offers, and those that no document refuses
(`name`, `qualification`, `favorite`, `customerAction`, `customerRequestedContact`, `inviteContext.notes`).
Deal registrations are no state of a cell and stay out. Everything else is here to be read: `match.verify` may
compare it, and a mapping to it is refused with the reason.

A field is called by its dotted wire name; what stands under `details` also by its last word alone.
"""

from __future__ import annotations

import difflib
from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """How a value is read, compared and written."""

    TEXT = "text"
    MONEY = "money"
    DATE = "date"
    TIMESTAMP = "timestamp"
    ENUM = "enum"
    BOOLEAN = "boolean"
    PEOPLE = "people"
    SOLUTIONS = "solutions"


LISTS = (Kind.PEOPLE, Kind.SOLUTIONS)


class Field(Struct, frozen=True):
    """One field; `locked` says why it may not be written, `words` are the values of an enum."""

    name: str
    path: str
    kind: Kind
    private: bool = False
    words: tuple[str, ...] = ()
    locked: str = ""

    @property
    def member_key(self) -> str:
        """What identifies a member of a list: people have no id, their e-mail is the only key."""
        return "email" if self.kind is Kind.PEOPLE else "id"


READ_ONLY = "it is the remote's own; nobody writes it"
CREATED = "it is locked once the referral is created"
NOT_OFFERED = "the API offers no way to write it"

STATUS, SUBSTATUS = "/status", "/substatus"
DEAL_VALUE, CURRENCY = "/details/dealValue", "/details/currency"
CRM_ID = "/externalReferenceId"
SALES_STAGE = "/salesStage"

TABLE = (
    #     name                      path                                   kind            private / words / locked
    Field("name", "/name", Kind.TEXT),
    Field("externalReferenceId", CRM_ID, Kind.TEXT),
    Field("status", STATUS, Kind.ENUM, words=("New", "Active", "Closed")),
    Field(
        "substatus",
        SUBSTATUS,
        Kind.ENUM,
        words=("Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired"),
    ),
    Field("statusReason", "/statusReason", Kind.TEXT),
    Field("salesStage", SALES_STAGE, Kind.TEXT),
    Field("campaignId", "/campaignId", Kind.TEXT),
    Field("referralProgram", "/referralProgram", Kind.TEXT),
    Field("qualification", "/qualification", Kind.TEXT),
    Field("favorite", "/favorite", Kind.BOOLEAN),
    Field("dealValue", DEAL_VALUE, Kind.MONEY),
    Field("currency", CURRENCY, Kind.TEXT),
    Field("closingDateTime", "/details/closingDateTime", Kind.DATE),
    Field("notes", "/details/notes", Kind.TEXT, private=True),
    Field("customerAction", "/details/customerAction", Kind.TEXT),
    Field("customerRequestedContact", "/details/customerRequestedContact", Kind.TEXT, private=True),
    Field("solutions", "/details/requirements/solutions", Kind.SOLUTIONS),
    Field("team", "/team", Kind.PEOPLE, private=True),
    Field("customerProfile.team", "/customerProfile/team", Kind.PEOPLE, private=True),
    Field(
        "consent.consentToShareReferralWithMicrosoftSellers",
        "/consent/consentToShareReferralWithMicrosoftSellers",
        Kind.BOOLEAN,
    ),
    Field("inviteContext.notes", "/inviteContext/notes", Kind.TEXT, private=True),
    Field("id", "/id", Kind.TEXT, locked=READ_ONLY),
    Field("engagementId", "/engagementId", Kind.TEXT, locked=READ_ONLY),
    Field("organizationId", "/organizationId", Kind.TEXT, locked=READ_ONLY),
    Field("organizationName", "/organizationName", Kind.TEXT, locked=READ_ONLY),
    Field("type", "/type", Kind.TEXT, locked=READ_ONLY),
    Field("direction", "/direction", Kind.TEXT, locked=READ_ONLY),
    Field("mpnId", "/mpnId", Kind.TEXT, locked=READ_ONLY),
    Field("createdDateTime", "/createdDateTime", Kind.TIMESTAMP, locked=READ_ONLY),
    Field("updatedDateTime", "/updatedDateTime", Kind.TIMESTAMP, locked=READ_ONLY),
    Field("acceptedDateTime", "/acceptedDateTime", Kind.TIMESTAMP, locked=READ_ONLY),
    Field("closedDateTime", "/closedDateTime", Kind.TIMESTAMP, locked=READ_ONLY),
    Field("expirationDateTime", "/expirationDateTime", Kind.TIMESTAMP, locked=READ_ONLY),
    Field("registrationStatus", "/registrationStatus", Kind.TEXT, locked=READ_ONLY),
    Field("eTag", "/eTag", Kind.TEXT, locked=READ_ONLY),
    Field("customerProfile.name", "/customerProfile/name", Kind.TEXT, locked=CREATED),
    Field("customerProfile.size", "/customerProfile/size", Kind.TEXT, locked=NOT_OFFERED),
    Field("customerProfile.address.addressLine1", "/customerProfile/address/addressLine1", Kind.TEXT, locked=CREATED),
    Field("customerProfile.address.addressLine2", "/customerProfile/address/addressLine2", Kind.TEXT, locked=CREATED),
    Field("customerProfile.address.city", "/customerProfile/address/city", Kind.TEXT, locked=CREATED),
    Field("customerProfile.address.state", "/customerProfile/address/state", Kind.TEXT, locked=CREATED),
    Field("customerProfile.address.region", "/customerProfile/address/region", Kind.TEXT, locked=CREATED),
    Field("customerProfile.address.postalCode", "/customerProfile/address/postalCode", Kind.TEXT, locked=CREATED),
    Field("customerProfile.address.country", "/customerProfile/address/country", Kind.TEXT, locked=CREATED),
    Field(
        "consent.consentToToShareInfoWithOthers",
        "/consent/consentToToShareInfoWithOthers",
        Kind.BOOLEAN,
        locked=CREATED,
    ),
    Field("consent.consentToContact", "/consent/consentToContact", Kind.BOOLEAN, locked=NOT_OFFERED),
    Field("inviteContext.assistanceRequestCode", "/inviteContext/assistanceRequestCode", Kind.TEXT, locked=NOT_OFFERED),
)

BY_PATH = {field.path: field for field in TABLE}
BY_NAME = {field.name: field for field in TABLE} | {field.path[1:].replace("/", "."): field for field in TABLE}
PRIVATE = frozenset(field.path for field in TABLE if field.private)


def find(name: str) -> Field | None:
    """Give the field of that name, short or dotted; None when there is none."""
    return BY_NAME.get(name)


def did_you_mean(word: str, known: list[str]) -> str:
    """Give `; did you mean 'dealValue'?`, or nothing when nothing is near."""
    by_fold = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.6)
    return f"; did you mean {by_fold[near[0]]!r}?" if near else ""
