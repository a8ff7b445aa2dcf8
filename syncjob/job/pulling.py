"""From the remote's referrals to rows of a file that can be edited and planned again. GET only.

The listing is read page by page; an item that lacks one of the wanted fields is read by id, since list items are "not
exhaustive" (`remote.list_complete` says that they are). What the rows will hold waits on disk: a listing that breaks
off leaves no file behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from msgspec import Struct

from syncjob.core import pulled
from syncjob.core.fields import BY_NAME, TABLE, Field, Kind, did_you_mean, find
from syncjob.core.values import look, stands
from syncjob.errors import RemoteUnavailable, StorageRefused, UsageRefused
from syncjob.exchange import Exchange, Miss
from syncjob.job.context import Job
from syncjob.job.sharing import share
from syncjob.model import Cause, Observed, columns_from_json, columns_to_json, dumps
from syncjob.model.own import PULLED_ETAG, PULLED_ID, PULLED_VALUES, PULLED_ZONE
from syncjob.remote import Item, Pages, Reader, opened

HIDDEN = (PULLED_ID, PULLED_ETAG, PULLED_ZONE, PULLED_VALUES)
SHOWN_FIRST = ("customerProfile.name",)


class Pulled(Struct, frozen=True):
    """What was pulled: the columns in order, the rows on disk, how many there are, and what no cell can show."""

    columns: tuple[str, ...]
    path: Path
    count: int
    notes: tuple[str, ...]

    def rows(self) -> Iterator[Sequence[str]]:
        """Give the rows, cell by cell in the order of the columns."""
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                cells = columns_from_json(json.loads(line))
                yield [cells.get(column, "") for column in self.columns]


def wanted(names: Iterable[str]) -> tuple[Field, ...]:
    """Give the fields by name, without names all that can be written; UsageRefused names every unknown one."""
    asked = [name.strip() for name in names if name.strip()]
    unknown = [name for name in asked if find(name) is None]
    if unknown:
        raise UsageRefused(
            *(f"--fields: no field is called {one!r}{did_you_mean(one, list(BY_NAME))}" for one in unknown)
        )
    if not asked:
        asked = [*SHOWN_FIRST, *(field.name for field in TABLE if not field.locked)]
    # The customer is always shown: nobody may write it, so that a row that was sorted in part is found by it.
    found = dict.fromkeys(field for name in (*SHOWN_FIRST, *asked) if (field := find(name)) is not None)
    return tuple(field for field in found if field.name != pulled.ID)


async def pull(job: Job, fields: Sequence[Field], only: str | None, folder: Path) -> Pulled:
    """Read what the remote holds into a scratch file; `only` is an OData filter in place of the configured one."""
    remote = job.settings.remote
    pages = Pages(remote.model_copy(update={"filter": only}) if only else remote, job.settings.limits.pages_max)
    path, taken = folder / "pulled.jsonl", _Taken(fields, _zone(job))
    try:
        with path.open("x", encoding="utf-8", errors="surrogatepass") as file:
            async with opened(Reader, job.access()) as clients:
                exchange = Exchange(clients, job.settings.limits, job.world, job.log, rows=remote.page_rows)
                async for items in exchange.listing(pages):
                    await _take(job, exchange, items, taken, file)
    except OSError as error:
        raise StorageRefused(f"the scratch file for rows ({path}): {error.strerror}; is the disk full?") from error
    job.log.info("pull.ended", referrals=len(taken.ids), requests=dict(exchange.requests))
    return Pulled(taken.columns, path, len(taken.ids), tuple(taken.notes()))


class _Taken:
    """What was taken so far, and how a referral becomes a row."""

    def __init__(self, fields: Sequence[Field], zone: str | None) -> None:
        self.fields, self.zone = fields, zone
        self.columns = (pulled.ID, *(field.name for field in fields), *HIDDEN)
        self.ids: set[str] = set()
        self._unshown: dict[str, int] = {}

    def row(self, observed: Observed) -> dict[str, str]:
        """Give the cells of a referral by column; what a cell cannot show is counted."""
        self.ids.add(observed.id.lower())
        body = observed.body
        held = {field.path: look(body, field.path) for field in self.fields}  # nothing is a base too
        values = _fitting(held)
        cells = {pulled.ID: observed.id}
        for field in self.fields:
            cells[field.name] = pulled.cell_of(field, values.get(field.path), self.zone)
            if not cells[field.name] and held.get(field.path) not in (None, "", []):
                self._unshown[field.name] = self._unshown.get(field.name, 0) + 1
        left_out = {pulled.UNSHOWN: sorted(held.keys() - values.keys())} if len(values) < len(held) else {}
        own = (observed.id, observed.etag or "", self.zone or "", dumps(left_out | values))
        return cells | dict(zip(HIDDEN, own, strict=True))

    def notes(self) -> Iterator[str]:
        """Say what is not shown, or not as people would write it."""
        if self.zone is None and any(field.kind is Kind.DATE for field in self.fields):
            yield "dates are written as moments in UTC; set defaults.time_zone to see and write them as days"
        for name, count in self._unshown.items():
            yield f"{name}: {count} values cannot stand in a cell (control characters, or too long); left blank"


def _fitting(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out the longest values until the rest fits one cell; left out, they are not shown and have no opinion."""
    kept = dict(values)
    while len(dumps(kept)) > pulled.CELL_CHARS_MAX:
        del kept[max(kept, key=lambda path: len(dumps(kept[path])))]
    return kept


async def _take(job: Job, exchange: Exchange, items: Sequence[Item], taken: _Taken, file: TextIO) -> None:
    """Write the rows of one page, in its order; a referral that comes on two pages is taken once."""
    fresh = {one.id: (one.etag, one.whole()) for one in items if one.id.lower() not in taken.ids}
    lacking = (
        []
        if job.settings.remote.list_complete
        else [
            referral
            for referral, (_, body) in fresh.items()
            if not all(stands(body, field.path) for field in taken.fields)
        ]
    )
    read: dict[str, Observed | Miss] = {}

    async def look_at(referral: str) -> None:
        read[referral] = await exchange.read(referral)

    await share(exchange, lacking, look_at)
    for referral, (etag, body) in fresh.items():
        seen = read.get(referral)
        if isinstance(seen, Miss):
            if seen.cause is Cause.NOT_FOUND:  # deleted between the page and the read
                continue
            raise exchange.over.error if exchange.over else RemoteUnavailable(seen.reason)
        observed = seen or Observed(referral, etag, body)
        file.write(dumps(columns_to_json(taken.row(observed))) + "\n")
    job.progress("pulling", len(taken.ids), 0)


def _zone(job: Job) -> str | None:
    """Give the time zone in which the configuration reads dates."""
    zones = (feed.reading.time_zone for feed in job.feeds.feeds if feed.field.kind is Kind.DATE)
    return next(filter(None, zones), None) or job.settings.defaults.time_zone
