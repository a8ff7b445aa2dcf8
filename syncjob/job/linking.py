"""From a file to the referrals that its rows may mean: rows that match none are held against one listing. GET only.

Of a referral stay the few traits that it is compared by, of a row those and the cells that the person sees; what is
scored is bounded (`PAIRS_MAX`), because each row meets each referral.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from syncjob.core import linking, pulled, traits
from syncjob.core.linking import PAIRS_MAX, Proposal, Row
from syncjob.core.matching import remote_key
from syncjob.core.reading import Reading
from syncjob.core.traits import CLOSE, PATHS, Referral
from syncjob.core.values import look, moment, text
from syncjob.errors import InputRefused, UsageRefused
from syncjob.exchange import Exchange
from syncjob.job.context import Job
from syncjob.job.links import KEY, LINK, REFERRAL, SHOWN_ID, SHOWN_KEY, YES, kept
from syncjob.job.reading import from_file, read
from syncjob.model import Cause, Number, Settled
from syncjob.planfile import Draft
from syncjob.remote import Pages, Reader, opened
from syncjob.reports.workbook import Column, Sheet

COLUMNS = (
    #      name                width     as the row has it
    Column(SHOWN_KEY, 20),
    Column("customer", 28),
    Column("name", 28),
    Column("value", 12),
    Column("currency", 9),
    Column("close", 12),
    #                                    as the referral has it
    Column(SHOWN_ID, 38),
    Column("referral customer", 28),
    Column("referral name", 28),
    Column("referral value", 12),
    Column("referral currency", 9),
    Column("referral close", 12),
    Column("referral status", 10),
    Column("referral CRM id", 16),
    Column("score", 7),
    Column("why", 48),
    Column(LINK, 14, choices=(YES,)),
    Column(REFERRAL, hidden=True),
    Column(KEY, hidden=True),
)


class Links(Struct, frozen=True):
    """What is proposed, as a sheet to tick, in the rows' order; `notes` are those of the file."""

    sheet: Sheet
    unmatched: int
    proposed: int
    ticked: int
    notes: tuple[str, ...]


class _Rows(Struct, frozen=True):
    """All rows of the file: those that can be linked with what is shown of them, and every key and id that is taken."""

    rows: Sequence[Row]
    keys: Mapping[int, str]
    ids: Mapping[int, str]
    shown: Mapping[int, tuple[str, ...]]


class _Listed(Struct):
    """All referrals of the listing by id: their traits, what is shown of them, and the keys under which they stand."""

    referrals: dict[str, Referral]
    shown: dict[str, tuple[str, ...]]
    keys: dict[str, str]


async def link(job: Job, file: Path) -> Links:
    """Read the file and one listing; give the candidates of every row whose key no referral carries."""
    if job.feeds.by == "id":
        raise UsageRefused("match.by is id: its rows name their referrals; linking is for externalReferenceId")
    with tempfile.TemporaryDirectory(prefix="syncjob-") as name, Draft(Path(name)) as draft:
        read_in = read(job, from_file(job, file, Path(name)), draft)
        if pulled.is_pulled(read_in.columns):
            raise InputRefused(f"{read_in.source}: was pulled, so that its rows name their referrals: nothing to link")
        waiting = draft.count(waiting=True)
        known = _rows(job, draft)
    listed = _Listed({}, {}, {})
    if waiting:
        async with opened(Reader, job.access()) as clients:
            exchange = Exchange(clients, job.settings.limits, job.world, job.log, rows=waiting, until=job.until)
            listed = await _listed(job, exchange)
    found = _proposed(known, listed)
    proposed, ticked = sum(bool(one.candidates) for one in found), sum(one.ticked for one in found)
    job.log.info("links.proposed", unmatched=len(found), proposed=proposed, ticked=ticked)
    lines = [(line, "") for one in found for line in _lines(one, known, listed)]
    return Links(Sheet("links", COLUMNS, lines), len(found), proposed, ticked, read_in.notes)


def _rows(job: Job, draft: Draft) -> _Rows:
    """Take the traits of all rows; those that cannot be sent as they stand still claim what is theirs.

    A row that says what an earlier one says is no rival: both mean one referral.
    """
    general = _general(job)
    ids = {desired.row.n: desired.id.lower() for desired in draft.waiting() if desired.id}
    waiting = set()
    for desired in draft.waiting():
        waiting.add(desired.row.n)
        draft.settle(Settled.of_desired(desired, Cause.NOT_FOUND, ""))
    rows, keys, shown = [], {}, {}
    for line in draft.settled():
        settled = line.settled()
        n, columns = settled.n, settled.columns
        keys[n] = settled.key
        if settled.cause is not Cause.TWIN_AGREES:
            rows.append(Row(n, traits.traits_of(job.feeds, general, columns), rival=n not in waiting))
        if n in waiting:
            shown[n] = (
                settled.key,
                *(columns.get(traits.column_of(job.feeds, path, columns), "").strip() for path in PATHS),
            )
    return _Rows(rows, keys, ids, shown)


def _general(job: Job) -> Reading:
    stated = job.settings.defaults
    return Reading(stated.locale, stated.date_format, stated.time_zone, str(stated.excel_serial or "").lower())


async def _listed(job: Job, exchange: Exchange) -> _Listed:
    """Let the listing stream past, keeping of each referral what it is compared by and what is shown."""
    listed = _Listed({}, {}, {})
    zone = job.settings.defaults.time_zone
    pages, readings = Pages(job.settings.remote, job.settings.limits.pages_max), 1
    async for items in exchange.listing(pages):
        if pages.readings > readings:
            listed, readings = _Listed({}, {}, {}), pages.readings
        for item in items:
            known, body = item.id.lower(), item.whole()
            listed.referrals[known] = traits.referral_of(body)
            listed.shown[known] = _shown(body, zone)
            listed.keys[known] = remote_key(job.feeds.by, body.get("externalReferenceId"))
        job.progress("listing", len(listed.referrals), 0)
    return listed


def _shown(item: Mapping[str, Any], zone: str | None) -> tuple[str, ...]:
    """Give the cells of a referral; a date as the day that it is here."""
    cells = {path: "" if (value := look(item, path)) is None else str(value) for path in PATHS}
    cells[CLOSE] = str(moment(cells[CLOSE], zone)) if zone else cells[CLOSE]
    crm_id = text(item.get("externalReferenceId") or "") or ""
    return (str(item["id"]), *cells.values(), str(item.get("status") or ""), crm_id)


def _proposed(known: _Rows, listed: _Listed) -> list[Proposal]:
    """Score the rows that match no referral against the referrals that no row has; InputRefused beyond `PAIRS_MAX`."""
    held, asked = set(listed.keys.values()), set(known.keys.values())
    linked = {n for n, one in known.ids.items() if one in listed.referrals}
    taken = {known.ids[n] for n in linked}
    rows = [row for row in known.rows if known.keys[row.n] not in held and row.n not in linked]
    free = [
        referral
        for one, referral in listed.referrals.items()
        if one not in taken and not (listed.keys[one] and listed.keys[one] in asked)
    ]
    if len(rows) * len(free) > PAIRS_MAX:
        raise InputRefused(
            f"{len(rows)} rows match no referral, {len(free)} referrals could be theirs: more pairs than the "
            f"{PAIRS_MAX:,} that are compared at once; hand in fewer rows, or narrow the listing by remote.filter"
        )
    return linking.propose(rows, free)


def _lines(one: Proposal, known: _Rows, listed: _Listed) -> Iterator[tuple[str, ...]]:
    """Give a line a candidate; a row without any stands there alone."""
    shown = known.shown[one.row.n]
    if not one.candidates:
        nothing = ("",) * (len(COLUMNS) - len(shown) - 2)
        yield (*shown, *nothing, "", kept(shown[0]))
    for place, candidate in enumerate(one.candidates):
        referral = candidate.referral.id
        said = (Number(f"{candidate.score:.0f}"), candidate.why, YES if one.ticked and place == 0 else "")
        yield (*shown, *listed.shown[referral.lower()], *said, referral, kept(shown[0]))
