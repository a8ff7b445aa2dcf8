"""The nouns that the rooms hand to each other; values only: nothing here reads, decides or acts."""

from syncjob.model.brief import Ask, Brief, Shape, Shapes, is_brief
from syncjob.model.cell import Day, Number, Number1904, Truth, columns_from_json, columns_to_json
from syncjob.model.change import Change, Operation, Settled, Triple
from syncjob.model.desired import UNKNOWN, Desired, Observed, Pair, Place, SourceRow, Unknown, Wish
from syncjob.model.outcome import CAUSES, NEEDS_PERSON, Cause, Outcome
from syncjob.model.report import Report, Verdict
from syncjob.model.stand import Stand, Why
from syncjob.model.wire import Answer, Heard, coded, dumps

__all__ = [
    "CAUSES",
    "NEEDS_PERSON",
    "UNKNOWN",
    "Answer",
    "Ask",
    "Brief",
    "Cause",
    "Change",
    "Day",
    "Desired",
    "Heard",
    "Number",
    "Number1904",
    "Observed",
    "Operation",
    "Outcome",
    "Pair",
    "Place",
    "Report",
    "Settled",
    "Shape",
    "Shapes",
    "SourceRow",
    "Stand",
    "Triple",
    "Truth",
    "Unknown",
    "Verdict",
    "Why",
    "Wish",
    "coded",
    "columns_from_json",
    "columns_to_json",
    "dumps",
    "is_brief",
]
