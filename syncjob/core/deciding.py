"""A report that is handed in again: what it remembers of a row and what a person has decided there, Desired in and out.

The report's own columns hold, by path, the last agreed value and for what is in conflict also the value that the remote
held when the report was written. They are the row's base, so that a conflict nobody has decided is a conflict
again. `decision` settles it:

    mine       the row's value, if the remote still holds what the report showed; else it is a new conflict
    theirs     the remote's value: it is kept, until the row says something else than it does now
    a value    as mine, with that value in place of the row's; only where one field is in conflict

What reads like a misspelt or translated `mine` or `theirs`, or like a yes or no, is not taken for a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from msgspec.structs import replace

from syncjob.core import pulled
from syncjob.core.feeds import Feed, Feeds
from syncjob.core.fields import BY_PATH, STATUS, SUBSTATUS
from syncjob.core.saying import Said
from syncjob.model import Cause, Desired, Outcome, Settled, Why, Wish
from syncjob.model.own import DECISION, OUTCOME, OWN, REMEMBERED
from syncjob.model.remembering import remembered

MINE, THEIRS = "mine", "theirs"
LIKENESS = 0.75
WORDS = """
    y yes n no x ok okay true false j ja nein o oui non si sí sì não sim keep take accept reject apply send row remote
    crm ours us our my me their them they mein meine meins unser unsere unseres ihr ihre ihres deren mien mío mio sien
    suyo nostro loro partner center
"""
NO_VALUE = frozenset(WORDS.split())


def decided(desired: Desired, feeds: Feeds) -> Desired | Settled:
    """Give the row with its remembered base and its decision taken; invalid where neither can be understood."""
    own = desired.row.own
    known = _known(own.get(REMEMBERED, ""))
    decision = own.get(DECISION, "")
    if known and known.pop("", None) != [desired.key]:
        said = f"{OWN}{REMEMBERED}: belongs to another row; were columns sorted in part? Sort whole rows"
        return Settled.of_row(desired.row, Cause.BAD_CELL, said, key=desired.key)
    contested = {path: both[1] for path, both in (known or {}).items() if len(both) > 1}
    if known is None or (own.get(OUTCOME) == Outcome.CONFLICTED and not known):
        said = f"{OWN}{REMEMBERED}: was changed or taken out, so that nobody can tell who moved; plan the file itself"
        return Settled.of_row(desired.row, Cause.BAD_CELL, said, key=desired.key)
    base = dict(desired.base) | {path: both[0] for path, both in known.items()}
    if not decision.strip():
        return replace(desired, base=base)
    if not contested:
        said = f"{OWN}{DECISION}: settles nothing here: no field of this row was in conflict"
        return replace(desired, base=base, warnings=(*desired.warnings, said))
    decided = {*contested, *((STATUS, SUBSTATUS) if contested.keys() & {STATUS, SUBSTATUS} else ())}
    answers = dict.fromkeys(decided, Why.DECIDED)
    if decision.strip().casefold() == THEIRS and feeds.overwrites:
        said = (
            f"{OWN}{DECISION}: {THEIRS} would not last: merge.drift is overwrite, so that the next run sends the row's "
            "value all the same; mend the CRM, or set merge.drift to keep"
        )
        return Settled.of_row(desired.row, Cause.BAD_CELL, said, key=desired.key)
    if decision.strip().casefold() == THEIRS:
        # As if they had agreed on the row's value before the remote moved: then it is the remote's news that counts.
        agreed = {wish.path: wish.desired for wish in desired.wishes if wish.path in decided}
        return replace(desired, base=base | agreed, answers=answers)
    mine = replace(desired, base=base | contested, answers=answers)
    return mine if decision.strip().casefold() == MINE else _valued(mine, contested, decision, feeds)


def _valued(desired: Desired, contested: Mapping[str, Any], decision: str, feeds: Feeds) -> Desired | Settled:
    """Put a value in place of the row's; status and substatus are one field here."""
    paths = dict.fromkeys(STATUS if path == SUBSTATUS else path for path in contested)
    if len(paths) > 1:
        names = ", ".join(BY_PATH[path].name for path in paths)
        reason = f"{OWN}{DECISION}: {len(paths)} fields are in conflict ({names}); write mine or theirs"
        return Settled.of_row(desired.row, Cause.BAD_CELL, reason, key=desired.key)
    (path,) = paths
    word = decision.strip().casefold()
    if word in NO_VALUE or get_close_matches(word, (MINE, THEIRS), n=1, cutoff=LIKENESS):
        reason = (
            f"{OWN}{DECISION}: {decision.strip()!r} may mean {MINE} or {THEIRS}: write one of them."
            " To send it as a value, write that into the CRM or the row's own cell"
        )
        return Settled.of_row(desired.row, Cause.BAD_CELL, reason, key=desired.key)
    said = Said(desired.row, feeds.cell_chars_max, feeds.strict)
    said.read(_feed(desired, path, feeds), decision)
    if path == STATUS:
        said.complete_status()
    if said.problems:
        reason = f"{OWN}{DECISION}: {'; '.join(said.problems)}; or write mine or theirs"
        return Settled.of_row(desired.row, Cause.BAD_CELL, reason, key=desired.key)
    others: tuple[Wish, ...] = tuple(wish for wish in desired.wishes if wish.path not in said.wishes)
    return replace(desired, wishes=(*others, *said.wishes.values()))


def _feed(desired: Desired, path: str, feeds: Feeds) -> Feed:
    """Give how the value is to be read: as the column that feeds the field."""
    if pulled.is_pulled(desired.row.columns):
        return pulled.feed_of(feeds, BY_PATH[path], BY_PATH[path].name, pulled.zone_of(desired.row))
    return next(feed for feed in feeds.feeds if feed.field.path == path)


def _known(cell: str) -> dict[str, list[Any]] | None:
    """Give what the report remembers; None when it is not that."""
    known = remembered(cell)
    return dict(known) if known is not None and known.keys() <= {"", *BY_PATH} else None
