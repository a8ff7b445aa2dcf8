"""Turn a row into what it asks for: `SourceRow` in, `Desired` or an invalid `Settled` out, all errors of a row at once.

A blank cell has no opinion unless `blank` says otherwise; `<clear>` clears one cell. What columns there are and how
they are read has been settled in `feeds`; a row of a pulled file describes itself (`pulled`).
"""

from __future__ import annotations

from syncjob.core import deciding, matching, pulled
from syncjob.core.feeds import Feeds
from syncjob.core.fields import find
from syncjob.core.saying import Said
from syncjob.model import Cause, Desired, Settled, SourceRow
from syncjob.model.own import OWN, is_own


def map_row(feeds: Feeds, row: SourceRow) -> Desired | Settled:
    """Read every mapped cell of a row; what cannot be read settles it as invalid with all its errors."""
    if row.fault:
        return Settled.of_row(row, Cause.RAGGED_LINE, row.fault)
    if told := _unreadable(row):
        return Settled.of_row(row, Cause.BAD_CELL, told)
    found = pulled.map_pulled(feeds, row) if pulled.is_pulled(row.columns) else _mapped(feeds, row)
    return deciding.decided(found, feeds) if isinstance(found, Desired) and row.own else found


def _mapped(feeds: Feeds, row: SourceRow) -> Desired | Settled:
    column = feeds.key_column(row.columns)
    key, fault = matching.key_of(feeds.by, row.columns.get(column, ""), numeric=feeds.numeric)
    if column in row.flaws:
        key, fault = "", row.flaws[column]
    if fault:
        return Settled.of_row(row, Cause.BAD_KEY, f"{row.at(column)}: {fault}", key=key)
    said = Said(row, feeds.cell_chars_max, feeds.strict)
    if row.flaws:
        verifying = feeds.verify[:1] if feeds.verify else ()
        mapped = dict.fromkeys((*(feed.column for feed in feeds.feeds), *verifying))
        said.problems += [f"{row.at(one)}: {row.flaws[one]}" for one in mapped if one in row.flaws]
    for feed in feeds.feeds:
        if feed.column in row.flaws:
            continue
        if feed.column in row.columns or feed.column not in feeds.optional:  # what may be absent is no blank cell
            said.read(feed, row.columns.get(feed.column, ""))
    said.complete()
    if not said.problems and not said.wishes and feeds.strict:
        said.problems.append("every mapped cell is blank")
    if said.problems:
        return Settled.of_row(row, Cause.BAD_CELL, "; ".join(said.problems), key=key)
    verify = row.columns.get(feeds.verify[0], "") if feeds.verify else None
    warnings = (*row.warnings, *said.warnings)
    return Desired(row, key, tuple(said.wishes.values()), verify, warnings, id=key if feeds.by == "id" else "")


def _unreadable(row: SourceRow) -> str:
    """Say which columns of ours, or of a file that describes itself, hold what is no cell; others are not mapped."""
    if not row.flaws:
        return ""
    described = pulled.is_pulled(row.columns)
    read = [one for one in row.flaws if is_own(one) or (described and (one.startswith(OWN) or find(one)))]
    return "; ".join(f"{row.at(one)}: {row.flaws[one]}" for one in read)
