"""The columns that we write into people's files beside their own, by name: a report reads back what a report wrote.

Whatever begins with `syncjob ` is ours. A file of `syncjob pull` describes itself by those that begin with
`syncjob pulled `; they go wherever its rows go.
"""

from __future__ import annotations

from functools import lru_cache

OWN = "syncjob "
CATEGORY = "syncjob"  # of a workbook of ours, in its properties
TICKS = ("yes", "y", "x", "true", "1", "ja", "oui", "sí", "✓", "✔")
BLANKS = ("", "no", "n", "false", "0", "nein", "non", "-")

# of a report, without the prefix         shown to people               read back
ROW = "row"  #                            where the row stood           no
OUTCOME = "outcome"  #                    how it ended                  by retry
CAUSE = "cause"  #                        and why                       by retry
CONFLICT = "conflict"  #                  the fields that both moved    no
DECISION = "decision"  #                  blank: mine, theirs, a value  by every plan
SEND = "send?"  #                         blank: yes                    by apply --approved
REMEMBERED = (
    "base"  #                    hidden                        by every plan: {path: [base]} or [base, observed]
)
N = "n"  #                                hidden: the row's number      by apply --approved
MADE_BY = "plan"  #                       hidden: the plan's or run's id, by apply --approved
TYPES = "types"  #                        of CSV: what was typed          by every plan: {column: [kind, text]}

# of a pulled file
PULLED = "syncjob pulled "
PULLED_ID = "syncjob pulled id"
PULLED_ETAG = "syncjob pulled etag"
PULLED_ZONE = "syncjob pulled zone"
PULLED_VALUES = "syncjob pulled values"


@lru_cache(maxsize=4096)  # it is asked of every cell of every row
def is_own(column: str) -> bool:
    """Tell whether a column is a report's: no field may be mapped to it, and its cells are kept apart."""
    return column.startswith(OWN) and not column.startswith(PULLED)
