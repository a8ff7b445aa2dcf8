"""The guards that refuse a whole plan: counts and limits in, verdicts with their numbers and a way out out.

    changes     more rows change than a count, or than a share of all rows
    column      one field changes in more than a share of rows: a column that has slipped by a row changes everywhere
    clears      more fields are emptied
    value       deal values of one currency move by more in all
    rows        far fewer rows than the last run over the same input had
    unmatched   more rows name no referral: another tenant's, or another column's keys
    invalid     more rows are invalid: a column that has slipped leaves rows whose currency or kind does not fit
    age         the file is older than allowed, or older than the one that the last run has read

Shares count from 50 rows up. `--allow NAME` lifts one, `--allow NAME=N` gives it another limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from syncjob.core.fields import BY_PATH
from syncjob.core.tally import Tally
from syncjob.model import Verdict
from syncjob.settings.guards import Guards

SHARE_FROM_ROWS = 50
FIELDS_TOLD_MAX = 6
Allowed = Mapping[str, int | None]


def brakes(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    """Give the guards that would refuse the plan."""
    for brake in (_changes, _column, _clears, _value, _rows, _unmatched, _invalid, _age):
        yield from brake(tally, guards, allowed)


def _changes(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    limit = _limit("changes", guards.changes, tally.rows_of, allowed)
    if limit is not None and tally.changes > limit:
        whose = f"the {tally.rows_undone} rows of the run" if tally.rows_undone else f"{tally.rows_of} rows"
        fields = [f"{BY_PATH[path].name} {count}" for path, count in tally.changed.most_common(FIELDS_TOLD_MAX)]
        much = "; ".join(filter(None, (f"{tally.changes / tally.rows_of:.0%}", ", ".join(fields))))
        words = (
            f"{tally.changes} of {whose} would change ({much}), {limit} allowed: nothing is sent;"
            f" look at the plan, then --allow changes or --allow changes={tally.changes}"
        )
        yield Verdict("changes", tally.changes, limit, holds=False, message=words)


def _column(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    """A run that is undone changes what it had changed: that is no news."""
    limit = _limit("column", guards.column, tally.rows_of, allowed)
    if limit is None or tally.rows_undone:
        return
    over = [(path, count) for path, count in tally.changed.most_common() if count > limit]
    if over:
        most = over[0][1]
        named = ", ".join(f"{_called(tally, path)} in {count}" for path, count in over)
        words = (
            f"of {tally.rows_of} rows {named} would change, {limit} allowed: nothing is sent; has the column slipped,"
            f" or does it hold something else now? Look at the plan, then --allow column or --allow column={most}"
        )
        yield Verdict("column", most, limit, holds=False, message=words)


def _clears(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    limit = _limit("clears", guards.clears, tally.rows_of, allowed)
    if limit is not None and tally.clears > limit:
        fields = "1 field" if tally.clears == 1 else f"{tally.clears} fields"
        words = (
            f"{fields} would be emptied, {limit} allowed: nothing is sent; are the blanks meant? Look at the plan,"
            f" then --allow clears or --allow clears={tally.clears}"
        )
        yield Verdict("clears", tally.clears, limit, holds=False, message=words)


def _value(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    for currency, moved in sorted(tally.moved.items()):
        limit = allowed["value"] if "value" in allowed else guards.value.get(currency)
        if limit is not None and moved > limit:
            most = math.ceil(moved)
            words = (
                f"deal values in {currency} would move by {most:,} in all, {int(limit):,} allowed: nothing is sent; are"
                " the amounts whole, and of that currency? Look at the plan, then --allow value or"
                f" --allow value={most}"
            )
            yield Verdict("value", most, int(limit), holds=False, message=words)


def _rows(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    before = tally.earlier.rows
    if "rows" in allowed:
        least = allowed["rows"]
    elif isinstance(guards.rows, float):
        least = math.ceil(guards.rows * before) if before >= SHARE_FROM_ROWS else None
    else:
        least = guards.rows if before else None
    if least is not None and tally.rows < least:
        words = (
            f"{before:,} rows last time, {tally.rows:,} now: nothing is sent; is the export whole?"
            f" Then --allow rows or --allow rows={tally.rows}"
        )
        yield Verdict("rows", tally.rows, least, holds=False, message=words)


def _unmatched(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    limit = _limit("unmatched", guards.unmatched, tally.rows_of, allowed)
    if limit is not None and tally.unmatched > limit:
        share = tally.unmatched / tally.rows_of
        words = (
            f"{tally.unmatched} of {tally.rows_of} rows name no referral ({share:.0%}), {limit}"
            " allowed: nothing is sent; is it the right tenant, and the right column of keys? Then --allow unmatched or"
            f" --allow unmatched={tally.unmatched}"
        )
        yield Verdict("unmatched", tally.unmatched, limit, holds=False, message=words)


def _invalid(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    limit = _limit("invalid", guards.invalid, tally.rows_of, allowed)
    if limit is not None and tally.invalid > limit:
        words = (
            f"{tally.invalid} of {tally.rows_of} rows are invalid ({tally.invalid / tally.rows_of:.0%}), {limit}"
            " allowed: nothing is sent; has a column slipped, and are the others to be trusted? Look at the plan, then"
            f" --allow invalid or --allow invalid={tally.invalid}"
        )
        yield Verdict("invalid", tally.invalid, limit, holds=False, message=words)


def _age(tally: Tally, guards: Guards, allowed: Allowed) -> Iterator[Verdict]:
    written, read = tally.written, tally.read
    if written is None or read is None or ("age" in allowed and allowed["age"] is None):
        return
    hours = math.ceil((read - written) / timedelta(hours=1))
    limit = timedelta(hours=allowed["age"] or 0) if "age" in allowed else guards.age
    way_out = f"is it an old export? Then --allow age or --allow age={max(0, hours)} (hours)"
    if limit is not None and read - written > limit:
        words = f"the file was written at {_at(written)}, {hours} hours before it was read: nothing is sent; {way_out}"
        yield Verdict("age", hours, int(limit / timedelta(hours=1)), holds=False, message=words)
    elif "age" not in allowed and tally.earlier.written is not None and written < tally.earlier.written:
        words = (
            f"the file was written at {_at(written)}, and the one that the last run has read at"
            f" {_at(tally.earlier.written)}: nothing is sent; {way_out}"
        )
        yield Verdict("age", hours, 0, holds=False, message=words)


def _limit(name: str, configured: float | None, rows: int, allowed: Allowed) -> int | None:
    """Give the count beyond which a guard acts; None where it does not act."""
    if name in allowed:
        return allowed[name]
    if configured is None or isinstance(configured, int):
        return configured
    return int(round(configured * rows, 6)) if rows >= SHARE_FROM_ROWS else None


def _called(tally: Tally, path: str) -> str:
    column, name = tally.columns.get(path, ""), BY_PATH[path].name
    return f"column {column!r} ({name})" if column and column != name else name


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
