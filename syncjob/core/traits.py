"""What a row and a referral are compared by when a row matches none: cells or a referral's body in, `Traits` out.

A row's customer stands in a column of `match.like` or of `match.verify`, since nobody may write it; so may the others
where no column feeds them. What cannot be read is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from syncjob.core import cells
from syncjob.core.feeds import Feeds
from syncjob.core.fields import BY_PATH, CURRENCY, DEAL_VALUE
from syncjob.core.likeness import Words, company, deal
from syncjob.core.reading import CellError, Reading
from syncjob.core.values import look, moment, number, text

CUSTOMER, NAME, CLOSE = "/customerProfile/name", "/name", "/details/closingDateTime"
PATHS = (CUSTOMER, NAME, DEAL_VALUE, CURRENCY, CLOSE)
DAY_S = 86_400


class Traits(Struct, frozen=True):
    """What a row and a referral are compared by; an empty one is not compared. `close` is in days since 1970."""

    customer: Words = ()
    name: Words = ()
    value: float | None = None
    currency: str = ""
    close: float | None = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Traits:
        """Take the values at `PATHS` as they go over the wire; a deal value of 0 is one that nobody has entered."""
        customer = company(text(found.get(CUSTOMER)) or "") if found.get(CUSTOMER) else ()
        amount = number(found.get(DEAL_VALUE))
        at = moment(str(found.get(CLOSE)), None)
        return cls(
            customer=customer,
            name=deal(str(found[NAME]), customer) if found.get(NAME) else (),
            value=float(amount) if isinstance(amount, Decimal) and amount > 0 else None,
            currency=(text(found.get(CURRENCY) or "") or "").upper(),
            close=at[0].timestamp() / DAY_S if isinstance(at, tuple) else None,
        )


class Referral(Struct, frozen=True):
    """A referral that could be a row's; what is not `free` (closed, or with a CRM id of its own) is never ticked."""

    id: str
    traits: Traits
    free: bool = True


def traits_of(feeds: Feeds, general: Reading, columns: Mapping[str, str]) -> Traits:
    """Read a row's traits from its cells; what cannot be read is not compared, `validate` tells of it."""
    found: dict[str, Any] = {}
    for path in PATHS:
        column, reading = _source(feeds, general, path, columns)
        try:
            cell = columns.get(column, "").strip()
            found[path] = cells.parse(BY_PATH[path], _typed(columns.get(column, ""), cell), reading) if cell else None
        except (CellError, ValueError):
            continue
    if not found.get(CURRENCY):
        found[CURRENCY] = next((feed.currency for feed in feeds.feeds if feed.field.path == DEAL_VALUE), None)
    return Traits.of(found)


def column_of(feeds: Feeds, path: str, columns: Mapping[str, str]) -> str:
    """Give the column of a row in which a trait stands: one that feeds the field, is `like` it, or verifies it."""
    return _source(feeds, Reading(), path, columns)[0]


def _source(feeds: Feeds, general: Reading, path: str, columns: Mapping[str, str]) -> tuple[str, Reading]:
    named = [(feed.column, feed.reading) for feed in feeds.feeds if feed.field.path == path]
    named += [(column, general) for column, other in feeds.like.items() if other == path]
    named += [(feeds.verify[0], general)] if feeds.verify and feeds.verify[1] == path else []
    return next((one for one in named if columns.get(one[0], "").strip()), (*named, ("", general))[0])


def _typed(cell: str, trimmed: str) -> str:
    """A cell keeps the type that its workbook gave it; only a text has spaces around it."""
    return trimmed if type(cell) is str else cell


def referral_of(body: Mapping[str, Any]) -> Referral:
    """Take a referral's traits from its body."""
    closed = body.get("status") == "Closed"
    own_id = text(body.get("externalReferenceId") or "")
    return Referral(str(body["id"]), Traits.of({path: look(body, path) for path in PATHS}), not closed and not own_id)
