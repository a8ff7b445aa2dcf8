"""What a person should know before a deal is closed as won: a planned row and its referral in, warnings out.

A won deal can be registered with Microsoft only when it is worth USD 25,000 or more, is 72 hours old, and names a
solution; a close cannot be undone, so that it is too late to mend afterwards. Amounts in other currencies are not
compared: nobody knows Microsoft's rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from syncjob.core.fields import BY_NAME, CURRENCY, DEAL_VALUE, SUBSTATUS
from syncjob.core.values import look, moment, number
from syncjob.model import Observed, Settled

SOLUTIONS = BY_NAME["solutions"].path
CREATED = "/createdDateTime"
WON = "Won"
VALUE_MIN_USD = Decimal(25_000)
AGE_MIN = timedelta(hours=72)


def warned(row: Settled, observed: Observed, now: datetime) -> Settled:
    """Give the row with what stands in the way of a registration, where it closes a deal as won."""
    if not any(one.reaches(SUBSTATUS) for one in row.operations):
        return row
    after = row.after()
    if after.get(SUBSTATUS) != WON:
        return row
    return replace(row, warnings=(*row.warnings, *_told(after, observed.body, now)))


def _told(after: dict[str, Any], body: Any, now: datetime) -> Iterator[str]:
    def held(path: str) -> Any:
        return after[path] if path in after else look(body, path)

    amount = number(held(DEAL_VALUE))
    if not isinstance(amount, Decimal) or (held(CURRENCY) == "USD" and amount < VALUE_MIN_USD):
        yield "closes as won below USD 25,000: such a deal cannot be registered, and a close cannot be undone"
    created = moment(str(held(CREATED) or ""), None)
    if isinstance(created, tuple) and now - created[0] < AGE_MIN:
        yield "closes as won less than 72 hours after it was created: it cannot be registered yet"
    if not held(SOLUTIONS):
        yield "closes as won without a solution: such a deal cannot be registered, and a close cannot be undone"
