"""How a row may end, and why: two closed lists, an interface that the README prints and scripts rely on."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Outcome(StrEnum):
    """The one ending of a row."""

    UNCHANGED = "unchanged"
    PLANNED = "planned"
    APPLIED = "applied"
    DRIFTED = "drifted"
    HELD = "held"
    INVALID = "invalid"
    UNMATCHED = "unmatched"
    REFUSED = "refused"
    CONFLICTED = "conflicted"
    REJECTED = "rejected"
    FAILED = "failed"
    UNSETTLED = "unsettled"
    DEFERRED = "deferred"


class Cause(StrEnum):
    """Why a row ended as it did, in one stable word: for `tolerate`, logs and scripts. One outcome each."""

    outcome: Outcome
    meaning: str

    def __new__(cls, value: str, outcome: Outcome, meaning: str) -> Self:
        """Take a row of the table below: word, outcome, meaning (the README prints it)."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.outcome = outcome
        member.meaning = meaning
        return member

    IN_STEP = "in_step", Outcome.UNCHANGED, "every named field already means what was asked"
    SAME_EDIT = "same_edit", Outcome.UNCHANGED, "somebody made the same edit meanwhile"
    TO_SEND = "to_send", Outcome.PLANNED, "a patch is ready to be sent"
    CONFIRMED = "confirmed", Outcome.APPLIED, "the remote's answer shows what was asked"
    READ_BACK = "read_back", Outcome.APPLIED, "the answer was lost; reading again shows what was asked"
    REMOTE_MOVED = "remote_moved", Outcome.DRIFTED, "only the remote moved since row and remote last agreed; kept"
    CLOSES = "closes", Outcome.HELD, "the guard `closes`: it would close a referral, which cannot be undone"
    ACCEPTS = "accepts", Outcome.HELD, "the guard `accepts`: it would accept a lead, which cannot be taken back"
    CONSENT = "consent", Outcome.HELD, "the guard `consent`: it would give a consent that cannot be taken back"
    FIRST_RUN = "first_run", Outcome.HELD, "the guard `first-run`: row and referral differ, and nobody knows who moved"
    NOT_APPROVED = "not_approved", Outcome.HELD, "nobody has ticked it in the approved workbook"
    RAGGED_LINE = "ragged_line", Outcome.INVALID, "the line has more or fewer cells than the header"
    BAD_CELL = "bad_cell", Outcome.INVALID, "a cell cannot be read as its field's kind"
    BAD_KEY = "bad_key", Outcome.INVALID, "the key is blank or damaged"
    TWINS_DISAGREE = "twins_disagree", Outcome.INVALID, "two rows name one referral and disagree"
    VERIFY_FAILED = "verify_failed", Outcome.INVALID, "the column of `match.verify` does not fit the referral"
    LINKED_OTHERWISE = "linked_otherwise", Outcome.INVALID, "the linked referral carries another CRM id by now"
    OTHER_CURRENCY = "other_currency", Outcome.INVALID, "the remote holds another currency"
    NOT_FOUND = "not_found", Outcome.UNMATCHED, "no referral has this key"
    SEVERAL_FOUND = "several_found", Outcome.UNMATCHED, "several referrals have this key"
    TWIN_AGREES = "twin_agrees", Outcome.REFUSED, "an earlier row asks the same of the same referral"
    CLOSED_REFERRAL = "closed_referral", Outcome.REFUSED, "the referral is closed; closed is terminal"
    STATUS_MOVE = "status_move", Outcome.REFUSED, "the status may not move that way"
    MOVED_SINCE = "moved_since", Outcome.REFUSED, "undo: the remote no longer holds what the run had written"
    CANNOT_UNDO = "cannot_undo", Outcome.REFUSED, "undo: what the run did cannot be taken back"
    BOTH_MOVED = "both_moved", Outcome.CONFLICTED, "row and remote both moved and differ"
    PLAN_STALE = "plan_stale", Outcome.CONFLICTED, "what would be needed now is not what the plan showed"
    REMOTE_REFUSED = "remote_refused", Outcome.REJECTED, "the remote said no to this patch"
    FORBIDDEN = "forbidden", Outcome.REJECTED, "the account may not write this referral"
    NO_ETAG = "no_etag", Outcome.FAILED, "the remote gave no usable eTag; nothing is written without one"
    ODD_SHAPE = "odd_shape", Outcome.FAILED, "the remote holds something else where the API has an object or a list"
    ETAG_REFUSED = "etag_refused", Outcome.FAILED, "the remote refuses the eTag that it has just given"
    ACCEPTED_ALTERED = "accepted_altered", Outcome.FAILED, "accepted, but the remote holds something else now"
    ATTEMPTS_SPENT = "attempts_spent", Outcome.FAILED, "tried as often as allowed; the last look shows no change"
    BUG = "bug", Outcome.FAILED, "an error in syncjob itself; the log names the trace"
    ANSWER_UNKNOWN = "answer_unknown", Outcome.UNSETTLED, "sent, the answer unknown; the next run looks"
    REMOTE_UNAVAILABLE = "remote_unavailable", Outcome.DEFERRED, "the remote could not be reached"
    BUDGET_SPENT = "budget_spent", Outcome.DEFERRED, "the run's budget for retries is spent"
    STOPPED = "stopped", Outcome.DEFERRED, "the run was stopped before this row was sent"
    BROKEN = "broken", Outcome.DEFERRED, "an assumption broke and the run ended before this row"
    TIME_UP = "time_up", Outcome.DEFERRED, "the run's time was up before this row was sent"
    ERRORS_MAX = "errors_max", Outcome.DEFERRED, "too many rows had failed; the run ended before this row"
    NOT_SELECTED = "not_selected", Outcome.DEFERRED, "this run was about other rows (`--select`, `--exclude`)"
    LOCKED = "locked", Outcome.DEFERRED, "the remote has locked the referral for now"
    SIGN_IN = "sign_in", Outcome.DEFERRED, "a person must sign in first"


CAUSES = {str(cause): cause for cause in Cause}


NEEDS_PERSON = (
    Outcome.INVALID,
    Outcome.UNMATCHED,
    Outcome.HELD,
    Outcome.CONFLICTED,
    Outcome.REJECTED,
    Outcome.FAILED,
    Outcome.UNSETTLED,
    Outcome.DEFERRED,
)
"""The outcomes that need a person, or the next run; see `core.report.waits` for the one cause that does not."""
