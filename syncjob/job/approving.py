"""The workbook of a plan that a person has ticked goes in; out come the rows that may be sent, and who approved.

What is sent is the plan, never the workbook: rows are found by the number that the report gave them, and a workbook of
another plan, with cells that say something else than the plan, or a tick that nobody can understand is refused. Rows
may be sorted, filtered out or deleted: a row that is not ticked is not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from syncjob.core.cells import MASK
from syncjob.errors import InputRefused
from syncjob.job.context import Job
from syncjob.job.reading import from_file
from syncjob.model import Cause, Number, Outcome, Settled, SourceRow
from syncjob.model.own import BLANKS, MADE_BY, OWN, SEND, TICKS, N
from syncjob.planfile import PlanFile
from syncjob.sources import saved_by

TOLD_MAX = 50
N_DIGITS_MAX = 9


class Approval(Struct, frozen=True):
    """The rows that were ticked, by number; the workbook and its digest; who saved it last, '' when it does not say."""

    rows: frozenset[int]
    source: str
    digest: str
    by: str

    def of(self, planned: Settled) -> Settled:
        """Give a row of the plan as it may be sent: one that was not ticked is held."""
        if planned.outcome is not Outcome.PLANNED or planned.n in self.rows:
            return planned
        return Settled.of_change(
            planned.change(),
            Cause.NOT_APPROVED,
            f"nobody has ticked it in {self.source}; the next run over the file proposes it again",
        )

    def facts(self) -> dict[str, str]:
        """Give what the record says of who approved."""
        return {"approved_by": self.by, "approved_in": self.source, "approved_digest": self.digest}


def approved(job: Job, file: Path, plan: PlanFile, folder: Path) -> Approval:
    """Hold a ticked workbook against its plan; InputRefused names all that is wrong with it."""
    given = from_file(job, file, folder)
    problems: list[str] = []
    ticked: set[int] = set()
    seen: dict[int, SourceRow] = {}
    for row in given.table:
        n = _number(row, plan, problems)
        if n is not None and n in seen:
            problems.append(f"{row.place}: stands twice, here and at {seen[n].place}; keep one of them")
        elif n is not None:
            seen[n] = row
            word = row.own.get(SEND, "").strip().casefold()
            if word in TICKS:
                ticked.add(n)
            elif word not in BLANKS:
                problems.append(f"{row.place}: {OWN}{SEND} says {word!r}; write yes, or leave it blank")
    problems += _edited(plan, seen)
    if not problems and not ticked:
        problems.append(
            f"{given.source}: no row is ticked; write yes in {OWN}{SEND} and save the file. Nothing was sent, "
            "and the plan stays as good as it was"
        )
    if problems:
        raise InputRefused(*_told(problems))
    return Approval(frozenset(ticked), given.source, given.digest, saved_by(file))


def _told(problems: Sequence[str]) -> Iterator[str]:
    """Give each problem once with the first of its places, and not more of them than anybody reads."""
    places: dict[str, list[str]] = {}
    for problem in problems:
        place, _, said = problem.partition(": ")
        places.setdefault(said, []).append(place)
    for said, many in list(places.items())[:TOLD_MAX]:
        yield f"{many[0]}: {said}" + (f" (and so {len(many) - 1} rows more)" if len(many) > 1 else "")
    if len(places) > TOLD_MAX:
        yield f"… and {len(places) - TOLD_MAX} more"


def _number(row: SourceRow, plan: PlanFile, problems: list[str]) -> int | None:
    """Give the number that the plan's report gave a row."""
    if row.fault:
        problems.append(f"{row.place}: {row.fault}")
        return None
    number, made_by = row.own.get(N, "").strip(), row.own.get(MADE_BY, "").strip()
    if made_by != plan.header.id:
        what = f"was made from plan {made_by}" if made_by else "is no row of a plan's report"
        problems.append(f"{row.place}: {what}, this is plan {plan.header.id}; tick the report of this very plan")
        return None
    if not number.isdecimal() or len(number) > N_DIGITS_MAX:
        problems.append(f"{row.place}: {OWN}{N} was changed to {number!r}; make the report of the plan again")
        return None
    return int(number)


def _edited(plan: PlanFile, seen: dict[int, SourceRow]) -> Iterator[str]:
    """Say where a person wrote something into the workbook that the plan would not send."""
    known = 0
    for planned in plan.rows():
        row = seen.get(planned.n)
        if row is None:
            continue
        known += 1
        for column, cell in planned.columns.items():
            if (
                column in row.columns
                and not row.columns[column].startswith(MASK)
                and not _same(row.columns[column], cell)
            ):
                at = f"{row.place.source} {row.at(column)}" if row.letters else f"{row.place} {column}"
                yield f"{at}: differs from the plan, and what is sent is the plan; plan the edited file anew"
    if known < len(seen):
        more = len(seen) - known
        yield f"{plan.header.source}: {more} rows of the report are not in plan {plan.header.id}; make it again"


def _same(one: str, other: str) -> bool:
    """Tell whether a workbook's cell is the plan's: a workbook may write a number in fewer digits."""
    if isinstance(one, Number) and isinstance(other, Number):
        return Decimal(one) == Decimal(other)
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
