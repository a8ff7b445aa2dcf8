"""The state machine of a referral, one table; everything that knows it lives in this file.

Source: the API's `status` and `substatus` enumerations. Quoted:

    New      may become New, Active, Closed     substatus Pending, Received
    Active   may become Active, Closed          substatus Accepted
    Closed   is terminal                        substatus Won, Lost, Declined, Expired

Status and substatus travel together in one patch. Partners' bulk file knows a substatus `Error` besides; the
API's enumeration does not, so it is no word of ours.
"""

from __future__ import annotations

MOVES = {
    "New": ("New", "Active", "Closed"),
    "Active": ("Active", "Closed"),
    "Closed": ("Closed",),
}
SUBSTATUSES = {
    "New": ("Pending", "Received"),
    "Active": ("Accepted",),
    "Closed": ("Won", "Lost", "Declined", "Expired"),
}
STATUS_OF = {substatus: status for status, many in SUBSTATUSES.items() for substatus in many}


def complete(status: str | None, substatus: str | None) -> tuple[str, str]:
    """Give both words where the row says one or both; ValueError when they contradict or leave a choice."""
    if substatus is not None and status is None:
        return STATUS_OF[substatus], substatus
    assert status is not None, "one of the two is said"
    fitting = SUBSTATUSES[status]
    if substatus is None:
        if len(fitting) > 1:
            raise ValueError(
                f"status {status} needs a substatus, one of {', '.join(fitting)}; write {status}/{fitting[0]}"
            )
        return status, fitting[0]
    if substatus not in fitting:
        raise ValueError(f"{status}/{substatus} does not exist; with {status} goes {' or '.join(fitting)}")
    return status, substatus


def refusal(observed: str | None, desired: str) -> str:
    """Say why the move is not allowed; nothing when it is, or when the remote's word is none that we know."""
    allowed = MOVES.get(observed or "")
    if allowed is None or desired in allowed:
        return ""
    return f"status may not move from {observed} to {desired}; from {observed} it may become {' or '.join(allowed)}"
