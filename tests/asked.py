"""Rows, referrals and what is asked of them: builders and Hypothesis strategies for the tests of deciding.

`means` and `applied` are told apart from the code on purpose: what a value means is said here a second time.
"""

from __future__ import annotations

import copy
import html
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import jsonpatch
from hypothesis import strategies as st

from syncjob.core.merge import Rules
from syncjob.model import Change, Desired, Observed, Operation, Pair, Place, SourceRow, Wish
from syncjob.settings import Settings

GUID = "2500ec5a-0000-0000-0000-5bf4967d0000"
ETAG = '"2500ec5a-0000-0000-0000-5bf4967d0001"'
BERLIN = "Europe/Berlin"
STATUS, SUBSTATUS = "/status", "/substatus"
AMOUNT, CURRENCY = "/details/dealValue", "/details/currency"
CLOSING, NOTES = "/details/closingDateTime", "/details/notes"
SOLUTIONS, TEAM, CONTACTS = "/details/requirements/solutions", "/team", "/customerProfile/team"
CONSENT = "/consent/consentToShareReferralWithMicrosoftSellers"
INVITED = "/inviteContext/notes"
TEXTS = (
    "/name",
    "/externalReferenceId",
    "/statusReason",
    "/salesStage",
    "/campaignId",
    "/referralProgram",
    "/qualification",
    NOTES,
    "/details/customerAction",
    "/details/customerRequestedContact",
    INVITED,
)
BOOLEANS = ("/favorite", CONSENT)
LISTS = (SOLUTIONS, TEAM, CONTACTS)


# ── Builders ────────────────────────────────────────────────────────────────────────────────────


def row(n: int = 1, **cells: str) -> SourceRow:
    """Give line n + 1 of deals.csv; `Close_Date` stands for the column `Close Date`."""
    return SourceRow(n, Place("deals.csv", n + 1), {name.replace("_", " "): cell for name, cell in cells.items()})


def wish(path: str, desired: Any, zone: str | None = None) -> Wish:
    """Give a wish; its column is called after its path."""
    return Wish(path, desired, f"column {path}", zone)


def desired(*wishes: Wish, n: int = 1, verify: str | None = None) -> Desired:
    """Give a row that could be read."""
    return Desired(row(n), "CRM-1", wishes, verify)


def observed(body: Mapping[str, Any], etag: str | None = ETAG) -> Observed:
    """Give a referral as the remote showed it."""
    return Observed(GUID, etag, body)


def paired(body: Mapping[str, Any], *wishes: Wish, base: Mapping[str, Any] | None = None) -> Pair:
    """Join a referral and what is asked of it."""
    return Pair(desired(*wishes), observed(body), base or {})


def configured(fields: Mapping[str, Any], **sections: Any) -> Settings:
    """Give the settings of a job over these columns, matching by the column `Key`."""
    usual: dict[str, Any] = {
        "job": "desk",
        "remote": {"url": "http://localhost:8080"},
        "match": {"by": "externalReferenceId", "column": "Key"},
        "fields": fields,
    }
    return Settings.model_validate(usual | sections)


def applied(body: Mapping[str, Any], operations: Sequence[Operation]) -> Any:
    """Give the referral after a patch, as RFC 6902 says."""
    patch: list[Any] = [one.to_json() for one in operations]
    return jsonpatch.apply_patch(copy.deepcopy(dict(body)), patch)


# ── What a value means, said a second time ──────────────────────────────────────────────────────


def at(body: Any, path: str) -> Any:
    """Give what stands at a pointer; None where nothing does."""
    for step in path[1:].split("/"):
        body = body.get(step) if isinstance(body, Mapping) else None
    return body


def plain(value: Any) -> str:
    """Give a text without what is no difference."""
    return "" if value is None else unicodedata.normalize("NFC", html.unescape(str(value))).strip()


def amount(value: Any) -> Decimal | str | None:
    """Give a number however it is spelt."""
    try:
        return None if value in (None, "") else Decimal(str(value))
    except InvalidOperation:
        return str(value)


def day(value: Any, zone: str | None) -> Any:
    """Give the day in a zone, else the instant with its fraction."""
    if value in (None, ""):
        return None
    clock, _, rest = str(value).rstrip("Z").partition(".")
    instant = datetime.fromisoformat(clock).replace(tzinfo=UTC)
    return instant.astimezone(ZoneInfo(zone)).date() if zone else (instant, rest.rstrip("0"))


def members(value: Any, path: str) -> dict[str, Any]:
    """Give a list's members by e-mail or id."""
    key = "id" if path == SOLUTIONS else "email"
    return {plain(one.get(key)).casefold(): one for one in value or []}


def means(path: str, asked: Any, held: Any, *, zone: str | None = None, whole: bool = True) -> bool:
    """Tell whether what is held is what was asked; of a list that is not named whole, whether all are in it."""
    if path in LISTS and asked is not None and not whole:
        return members(asked, path).keys() <= members(held, path).keys()
    if path in LISTS:
        wanted, there = members(asked, path), members(held, path)
        alike = all(
            plain(value).casefold() == plain(there[key].get(part)).casefold()
            for key, one in wanted.items()
            if key in there
            for part, value in one.items()
        )
        return wanted.keys() == there.keys() and alike and len(asked or []) == len(held or [])
    if path == AMOUNT:
        return amount(asked) == amount(held)
    if path == CLOSING:
        return bool(day(asked, zone) == day(held, zone))
    if path in BOOLEANS:
        return plain(asked).lower() == plain(held).lower()
    return plain(asked) == plain(held)


# ── Strategies ──────────────────────────────────────────────────────────────────────────────────

SPELLINGS = ("Café", "Cafe\u0301", " Caf&#233; ", "A&amp;B", "A&B", "A&B ", "x", "", "🙂", "0", "None", "Ünï\ncode")
AMOUNTS = ("0", "10000", "12000.5", "0.01", "99999999999.9999", "123456789012345")
MOMENTS = ("2026-03-30T22:00:00Z", "2022-03-24T18:30:00Z", "2026-10-24T22:00:00Z", "1999-12-31T23:00:00Z")
MAILS = ("jane.doe@contoso.example", "Max@Fabrikam.example", "zoë@contoso.example", "a@b.example")
IDS = ("3a2fead4-d3fa-4fe9-819f-000000000001", "4e0a923a-a5be-e911-a85f-000000000002", "SOL-3")
PAIRS = (
    ("New", "Pending"),
    ("New", "Received"),
    ("Active", "Accepted"),
    ("Closed", "Won"),
    ("Closed", "Lost"),
)

words = st.sampled_from(SPELLINGS) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
held_texts = st.none() | words | st.integers(0, 100) | st.sampled_from([Decimal("12.50"), True])
asked_texts = st.none() | words.filter(lambda text: bool(plain(text)))


@st.composite
def held_amounts(draw: st.DrawFn) -> Any:
    """Give an amount as int, Decimal, string, or one of the nothings."""
    digits = draw(st.sampled_from(AMOUNTS))
    spellings: list[Any] = [digits, Decimal(digits), Decimal(digits + ("0" if "." in digits else ".00")), None, ""]
    return draw(st.sampled_from([*spellings, int(Decimal(digits))]))


@st.composite
def held_moments(draw: st.DrawFn) -> Any:
    """Give a timestamp with 0 to 7 digits of fraction, or one of the nothings."""
    fraction = draw(st.text("0123456789", max_size=7))
    moment = draw(st.sampled_from(MOMENTS)).removesuffix("Z") + (f".{fraction}" if fraction else "") + "Z"
    return draw(st.sampled_from([moment, moment, None, ""]))


def cased(draw: st.DrawFn, word: str) -> str:
    """Give a word in its own case, in lower case or in upper case."""
    return draw(st.sampled_from([word, word.lower(), word.upper()]))


@st.composite
def people(draw: st.DrawFn) -> list[dict[str, str]]:
    """Give people with distinct e-mails, as a cell names them."""
    mails = draw(st.lists(st.sampled_from(MAILS), unique=True, min_size=1, max_size=4))
    names = st.sampled_from(["Zoë", "Zoe\u0308", "O'Neil ", "Doe"])
    parts = st.fixed_dictionaries({}, optional={"firstName": names, "lastName": names, "phoneNumber": names})
    return [{**draw(parts), "email": cased(draw, mail)} for mail in mails]


@st.composite
def solutions(draw: st.DrawFn) -> list[dict[str, str]]:
    """Give solutions with distinct ids, as a cell names them."""
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, min_size=1, max_size=3))
    numbers = st.sampled_from(["1", "12.5"])
    parts = st.fixed_dictionaries({}, optional={"price": numbers, "quantity": numbers})
    return [{"id": cased(draw, one), **draw(parts)} for one in ids]


def held_lists(named: st.SearchStrategy[list[dict[str, str]]]) -> st.SearchStrategy[Any]:
    """Give a list as the remote holds it: more parts than were asked, nulls, or no list at all."""
    more = named.map(lambda many: [{"title": None, "contactPreference": {"locale": "en-us"}, **one} for one in many])
    return st.none() | st.just([]) | named | more


def asked_of(path: str) -> st.SearchStrategy[Any]:
    """Give what a row may ask of one field, clears included."""
    match path:
        case "/details/dealValue":
            return st.none() | st.sampled_from(AMOUNTS)
        case "/details/currency":
            return st.sampled_from(["EUR", "EUR", "EUR", "USD"])
        case "/details/closingDateTime":
            return st.none() | st.sampled_from(MOMENTS)
        case "/details/requirements/solutions":
            return st.none() | solutions()
        case "/team" | "/customerProfile/team":
            return st.none() | people()
        case "/favorite" | "/consent/consentToShareReferralWithMicrosoftSellers":
            return st.none() | st.booleans()
        case _:
            return asked_texts


def _object(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


def _parent(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.just("") | _object(**parts) | _object(**parts) | _object(**parts)


truths = st.sampled_from([None, "", True, False, "true", "False"])
requirements = _parent(solutions=held_lists(solutions()), industries=st.just([{"id": "i1"}]), offers=st.none())
details = _parent(
    dealValue=held_amounts(),
    currency=st.sampled_from(["EUR", "EUR", "USD", None, ""]),
    closingDateTime=held_moments(),
    notes=held_texts,
    customerAction=held_texts,
    requirements=requirements,
)
extras = st.dictionaries(st.sampled_from(["newField", "tags", "a/b", "x~y"]), st.sampled_from([None, [1], {"k": 0}]))


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Give a referral in one of the shapes that the remote is known to have."""
    body = draw(
        _object(
            name=held_texts,
            externalReferenceId=held_texts,
            statusReason=held_texts,
            salesStage=held_texts,
            favorite=truths,
            details=details,
            team=held_lists(people()),
            customerProfile=_parent(team=held_lists(people()), name=held_texts),
            consent=_parent(consentToShareReferralWithMicrosoftSellers=truths, consentToContact=truths),
            inviteContext=_parent(notes=held_texts, assistanceRequestCode=st.just("x")),
        )
    )
    status = draw(st.sampled_from([*PAIRS[:3], *PAIRS[:3], PAIRS[3], (None, ""), ("Paused", "Waiting")]))
    shown = draw(st.sampled_from([{}, {"status": status[0], "substatus": status[1]}, {"status": status[0]}]))
    return {"id": GUID, **body, **shown, **draw(extras)}


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Wish, ...]:
    """Give what a row asks, one wish a path, status and substatus together."""
    paths = draw(
        st.lists(st.sampled_from([*TEXTS, *BOOLEANS, *LISTS, AMOUNT, CLOSING, STATUS]), unique=True, min_size=1)
    )
    found = []
    for path in paths:
        if path == STATUS:
            status, substatus = draw(st.sampled_from(PAIRS))
            found += [wish(STATUS, status), wish(SUBSTATUS, substatus)]
            continue
        zone = draw(st.sampled_from([None, BERLIN, "Asia/Kolkata"])) if path == CLOSING else None
        found.append(wish(path, draw(asked_of(path)), zone))
        if path == AMOUNT:
            found.append(wish(CURRENCY, draw(asked_of(CURRENCY))))
    return tuple(found)


@st.composite
def bases(draw: st.DrawFn, body: Mapping[str, Any], asked: Sequence[Wish]) -> dict[str, Any]:
    """Give what was last agreed: unknown, what is observed, what is asked, or a third thing, field by field."""
    found = {}
    for one in asked:
        match draw(st.sampled_from(["unknown", "observed", "observed", "asked", "other"])):
            case "observed":
                found[one.path] = at(body, one.path)
            case "asked":
                found[one.path] = one.desired
            case "other" if one.path not in (STATUS, SUBSTATUS):
                found[one.path] = draw(asked_of(one.path))
            case _:
                pass
    return found


rules = st.builds(
    Rules,
    drift=st.sampled_from(["keep", "keep", "overwrite"]),
    conflict=st.sampled_from(["hold", "mine", "theirs"]),
    whole=st.frozensets(st.sampled_from(LISTS)),
    money_as=st.sampled_from(["string", "number"]),
    clear_as=st.sampled_from(["null", "empty"]),
)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Give a row and its referral, with and without a base."""
    body, asked = draw(bodies()), draw(wishes())
    base = draw(bases(body, asked)) if draw(st.booleans()) else {}
    return paired(body, *asked, base=base)


def touched(change: Change) -> list[Wish]:
    """Give the wishes whose fields the operations of a change write."""
    return [
        Wish(one.path, one.desired, zone=one.zone)
        for one in change.triples
        if any(_writes(operation, one.path) for operation in change.operations)
    ]


def _writes(operation: Operation, path: str) -> bool:
    """Tell whether an operation writes a path; what it hangs below a parent is looked up there."""
    if operation.path.removesuffix("/-") == path:
        return True
    holder, _, last = path.removeprefix(operation.path).rpartition("/")
    below = at({"": operation.value}, "/" + holder) if path.startswith(operation.path + "/") else None
    return isinstance(below, Mapping) and last in below
