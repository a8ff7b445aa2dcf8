"""From waiting rows to settled ones: each is held against the referral it names, by listing or by id. GET only.

Few rows with ids are read one by one. Else one listing streams past the keys; an item decides *unchanged* only if
every named path is present in it. Whatever seems to differ, or lacks a path, is read by id before it becomes a
change: list items are "not exhaustive" and may lack eTags (`remote.list_complete` says that they do not). Only at
the listing's end is it known that a key names one referral and no second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct

from syncjob.core.closing import warned
from syncjob.core.diff import diff
from syncjob.core.fields import BY_PATH, LISTS
from syncjob.core.glancing import in_step, names_no_list
from syncjob.core.matching import TOLD_MAX, pair, part_twins, remote_key
from syncjob.core.merge import Rules
from syncjob.core.narrowing import with_company
from syncjob.core.values import stands
from syncjob.errors import Exit, StorageRefused, SyncjobError, UsageRefused, frames
from syncjob.exchange import Exchange, Miss
from syncjob.job.context import Job
from syncjob.job.remembering import Memory
from syncjob.job.sharing import share
from syncjob.model import Cause, Change, Desired, Observed, Pair, Settled, Shape, is_brief
from syncjob.model.brief import PARTING
from syncjob.planfile import Draft, Line
from syncjob.remote import Item, Pages, Sight

ROWS_AHEAD = 100
IN_STEP = Cause.IN_STEP  # looked up once: an enumeration takes its time
SAFE = "it is safe to run again"
Decide = Callable[[Pair, Rules], Change | Settled]
Shown = Callable[[Item], bytes | None]
_Match = tuple[int, str, Line | None]
CAUSE_OF = {Exit.SIGN_IN: Cause.SIGN_IN, Exit.REMOTE: Cause.REMOTE_UNAVAILABLE}


class Looking(Struct, frozen=True):
    """What observing needs: the job, its exchange, its draft, what is remembered of referrals, and how to decide.

    `witness` is shown every referral that a row is held against. Where all rows name theirs for certain, `by_id`, no
    listing is needed, however many they are.
    """

    job: Job
    exchange: Exchange
    draft: Draft
    memory: Memory
    decide: Decide = diff
    witness: Callable[[Observed], None] | None = None
    by_id: bool = False


async def observe(looking: Looking) -> tuple[str, ...]:
    """Settle every waiting row; rows that cannot be read any more are deferred, and why is given once for all."""
    job, draft = looking.job, looking.draft
    try:
        few = draft.count(waiting=True) <= job.settings.limits.reads_max
        if looking.by_id or (few and draft.named()):
            await _read_all(looking, ((desired, desired.id) for desired in draft.waiting()))
        else:
            await _list(looking)
            await _read_all(looking, _to_read(looking))
    except (UsageRefused, StorageRefused):
        raise
    except SyncjobError as error:
        cause = CAUSE_OF.get(error.exit_code, Cause.BROKEN)
        job.log.warning("remote.failed", cause=cause)
        for desired in draft.waiting():
            draft.settle(Settled.of_desired(desired, cause, str(error)))
        return (f"{error}. Is remote.url right ({job.settings.remote.url})? Nothing was sent; {SAFE}",)
    return ()


async def _list(looking: Looking) -> None:
    """Let the listing stream past the keys, noting what each item says of the rows that name it."""
    job, settings = looking.job, looking.job.settings
    named = with_company([feed.field.path for feed in job.feeds.feeds])
    sight = Sight({*named, *(job.feeds.verify or ())[1:]})
    pages = Pages(settings.remote, settings.limits.pages_max, sight)
    glancing = _Glancing(looking, sight, named)
    seen, readings = 0, pages.readings
    async for items in looking.exchange.listing(pages):
        if pages.readings > readings:
            looking.draft.unmatch()
            seen, readings = 0, pages.readings
        looking.draft.match(_matches(glancing, items))
        seen += len(items)
        job.progress("listing", seen, 0)
    job.log.info("listing.read", referrals=seen)
    for numbers in looking.draft.rivals():
        rows = [row for n in numbers if (row := looking.draft.row(n)) is not None]
        for settled in part_twins(rows) if len(rows) > 1 else ():
            if isinstance(settled, Settled):
                looking.draft.settle(settled)


class _Glancing:
    """What is looked at of the items of one listing: the `named` fields, which rows in brief need and no more."""

    def __init__(self, looking: Looking, sight: Sight, named: frozenset[str]) -> None:
        """Look for one act; where more is asked than whether rows are in step, none is settled at a glance."""
        self.looking, self.named = looking, named
        self.short = looking.witness is None and looking.decide is diff
        self._brief = self.short and looking.memory.is_simple
        self._sight, self._shapes = sight, looking.draft.shapes
        self._at: dict[bytes, tuple[Shape, Shown | None]] = {}

    def line(self, n: int, line: int, text: bytes, item: Item) -> Line | None:
        """Give the line of a row that asks to the letter what the item and the ledger say; None for a longer look."""
        if not self._brief or not is_brief(text):
            return None
        pieces = text.split(PARTING)
        shape, at = self._at[pieces[0]] if pieces[0] in self._at else self._shown(pieces)
        if at is None or (shown := at(item)) is None or not text.endswith(shown):
            return None
        known = self.looking.memory.alone(item.id)
        if known is None or (known and known.encode() != shape.agreed(pieces)):
            return None
        return Line(n, line, IN_STEP, shape.written(pieces, (n, line), item.id, item.etag, known=bool(known)))

    def _shown(self, pieces: Sequence[bytes]) -> tuple[Shape, Shown | None]:
        """Give what a row's shape is and what shows the fields of an item as the row's last pieces are written."""
        shape = self._shapes.of(pieces)
        lists = any(BY_PATH[path].kind in LISTS for path in shape.paths)  # whoever is in one is looked at by themselves
        self._at[pieces[0]] = shape, None if lists else self._sight.at(shape.paths, PARTING)
        return self._at[pieces[0]]


def _matches(glancing: _Glancing, items: Sequence[Item]) -> Iterator[_Match]:
    """Give, for the items of one page, the rows that name them, and how each would settle by it."""
    looking, by = glancing.looking, glancing.looking.job.feeds.by
    rows = looking.draft.find([(remote_key(by, item.crm_id), item.id.lower()) for item in items])
    wanted = [item for item, many in zip(items, rows, strict=True) if many]
    looking.memory.expect([item.id for item in wanted])
    for item, many in zip(items, rows, strict=True):
        for n, line, text in many:
            yield n, item.id, _seen(glancing, n, line, text, item)


def _seen(glancing: _Glancing, n: int, line: int, text: bytes, item: Item) -> Line | None:
    """Settle a row by a list item, at a glance or at length; an error of ours settles that row alone, as elsewhere."""
    try:
        if (settled := glancing.line(n, line, text, item)) is not None:
            return settled
    except SyncjobError:
        raise
    except Exception as error:  # noqa: BLE001  # see `_guarded`
        desired = glancing.looking.draft.shapes.desired(text, n, line)
        return Line.of(_broken(glancing.looking.job, desired, item.id, error))
    return _from_item(glancing, glancing.looking.draft.shapes.desired(text, n, line), item)


def _from_item(glancing: _Glancing, desired: Desired, item: Item) -> Line | None:
    """Settle a row by a list item alone, where that is enough; else None: it must be read by id.

    What is in step is so by the fields that the row names; to say anything else the whole item is read.
    """
    looking = glancing.looking
    complete, etag = looking.job.settings.remote.list_complete, item.etag
    in_sight = glancing.short and glancing.named.issuperset([wish.path for wish in desired.wishes])
    seen = item.fields() if in_sight else item.whole()
    if not complete and not all(stands(seen, wish.path) for wish in desired.wishes):
        return None
    if in_sight:
        if (settled := _guarded(looking, desired, Observed(item.id, etag, seen), _glance)) is not None:
            return Line.of(settled)
        if not complete and looking.memory.is_simple and not desired.base and names_no_list(desired):
            return None  # it differs, and no more of the item could say that it is in step
        seen = item.whole()
    settled = _decide(looking, desired, Observed(item.id, etag, seen))
    return Line.of(settled) if settled.cause is Cause.IN_STEP or (complete and etag) else None


def _to_read(looking: Looking) -> Iterator[tuple[Desired, str]]:
    """Give the rows that must be read by id, once those are settled of which the listing has said enough."""
    looking.draft.settle_matched()
    for desired in looking.draft.waiting():
        found = looking.draft.matches(desired.row.n)
        match found:
            case []:
                if desired.id:
                    yield desired, desired.id
                    continue
                reason = f"no referral has the externalReferenceId {desired.key!r}"
                looking.draft.settle(Settled.of_desired(desired, Cause.NOT_FOUND, reason))
            case [referral]:
                yield desired, referral
            case _:
                ids = ", ".join(found[:TOLD_MAX])
                reason = f"{len(found)} referrals have the externalReferenceId {desired.key!r}: {ids}; match by id"
                looking.draft.settle(Settled.of_desired(desired, Cause.SEVERAL_FOUND, reason))


async def _read_all(looking: Looking, rows: Iterable[tuple[Desired, str]]) -> None:
    """Read rows by id, as many at once as there are connections, and settle each."""
    done = 0

    async def settle(named: tuple[Desired, str]) -> None:
        nonlocal done
        desired, referral = named
        seen = await looking.exchange.read(referral)
        if isinstance(seen, Miss):
            ids = (seen.request_id,) if seen.request_id else ()
            settled = Settled.of_desired(desired, seen.cause, seen.reason, id=referral, request_ids=ids)
        else:
            settled = _decide(looking, desired, seen)
        looking.draft.settle(settled)
        done += 1
        looking.job.progress("reading by id", done, 0)

    await share(looking.exchange, _expected(looking, rows), settle)


def _expected(looking: Looking, rows: Iterable[tuple[Desired, str]]) -> Iterator[tuple[Desired, str]]:
    """Give the rows as they come, with what is remembered of them read ahead some at a time."""
    left = iter(rows)
    while group := list(islice(left, ROWS_AHEAD)):
        looking.memory.expect([referral for _, referral in group])
        yield from group


def _decide(looking: Looking, desired: Desired, observed: Observed) -> Settled:
    """Match and diff one row."""
    settled = _guarded(looking, desired, observed, _held)
    assert settled is not None, "a row that is held against its referral settles"
    return settled


def _glance(looking: Looking, desired: Desired, observed: Observed) -> Settled | None:
    """Settle a row that is in step by the fields that it names; None where there is more to it."""
    base = looking.memory.simply(observed.id)
    if base is None or desired.base or not isinstance(pair(desired, observed, looking.job.feeds.verify), Pair):
        return None
    return in_step(desired, observed, base)


def _held(looking: Looking, desired: Desired, observed: Observed) -> Settled:
    """Hold a row against the whole of its referral."""
    if looking.witness is not None:
        looking.witness(observed)
    paired = pair(desired, observed, looking.job.feeds.verify)
    if isinstance(paired, Settled):
        return paired
    found = looking.decide(looking.memory.known(paired), looking.job.rules)
    if isinstance(found, Settled):
        return found
    return warned(Settled.of_change(found, Cause.TO_SEND, ""), observed, looking.job.world.now())


def _guarded(
    looking: Looking,
    desired: Desired,
    observed: Observed,
    act: Callable[[Looking, Desired, Observed], Settled | None],
) -> Settled | None:
    """Do it; an error of ours settles that row alone, and is told."""
    try:
        return act(looking, desired, observed)
    except SyncjobError:
        raise
    except Exception as error:  # noqa: BLE001  # a bug in one row must not take the others down; it is told and counted
        return _broken(looking.job, desired, observed.id, error)


def _broken(job: Job, desired: Desired, referral: str, error: Exception) -> Settled:
    trace = job.world.mark()
    job.log.warning("row.broken", n=desired.row.n, trace=trace, error=type(error).__name__, frames=frames(error))
    reason = f"an error in syncjob itself ({type(error).__name__}, trace {trace} in the log)"
    return Settled.of_desired(desired, Cause.BUG, reason, id=referral)
