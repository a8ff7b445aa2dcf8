"""Columns and their cells go in; out comes, by column, the field that it feeds or why it feeds none.

A column claims a field by its name and proves the claim by its cells. Of several claims on one field the clearest name
wins, then the best proof. Columns that hold people or what was written about them claim nothing, whatever they are
called: sellers at Microsoft may read what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from syncjob.core import guessing, naming
from syncjob.core.status import SUBSTATUSES
from syncjob.model.proposal import Column, Key

Cells = Mapping[str, Sequence[str]]
"""By column, the cells that say something."""

WORDS_MAX = 40
WORD_CHARS_MAX = 80
SHARE_MIN = guessing.SHARE_MIN
TEAM_SAYS = "a member is `first, last, phone, email`, or an e-mail alone"
STATUSES = {word.casefold() for word in SUBSTATUSES}
SUBSTATUS_WORDS = {word.casefold() for many in SUBSTATUSES.values() for word in many}
PAIRS = {f"{status}/{substatus}".casefold() for status, many in SUBSTATUSES.items() for substatus in many}


class Claim(Struct, frozen=True):
    """One column's claim on a field: `rank` 0 is the clearest name, `share` the part of its cells that prove it."""

    field: str
    rank: int
    share: float
    reason: str
    translate: Mapping[str, str] = {}


def claims(
    cells: Cells, key: Key | None, ready: Mapping[str, tuple[str, ...]], left: Mapping[str, str]
) -> tuple[Column, ...]:
    """Give each column its field.

    `ready` are the columns that a preset maps already, with their fields; `left` those that it leaves out, and why.
    """
    taken = {name: column for column, names in ready.items() for name in names}
    made: dict[str, list[Claim]] = {}
    refused: dict[str, str] = {}
    for column, column_cells in cells.items():
        if column in ready or column in left or (key and column == key.column):
            continue
        made[column], refused[column] = _claims(column, column_cells, key)
    won: dict[str, Claim] = {}
    every = [(claim, column) for column, many in made.items() for claim in many]
    for claim, column in sorted(every, key=lambda one: (one[0].rank, -one[0].share)):
        if column not in won and claim.field not in taken:
            won[column], taken[claim.field] = claim, column
    won = _with_status(won, cells, made, refused)
    return tuple(_column(column, key, ready, left, won, made, taken, refused) for column in cells)


def second_look(cells: Cells, columns: Sequence[Column]) -> Column | None:
    """Give the column whose cells must name the referral's customer, where exactly one does."""
    free = {one.name for one in columns if not one.field}
    named = [column for column in cells if column in free and naming.is_customer(column) and cells[column]]
    if len(named) != 1 or guessing.people_are_named(cells[named[0]]):
        return None
    reason = (
        "a second look: a row goes only to a referral of this customer; take it out where the CRM spells them otherwise"
    )
    return Column(named[0], "customerProfile.name", reason)


def _column(
    column: str,
    key: Key | None,
    ready: Mapping[str, tuple[str, ...]],
    left: Mapping[str, str],
    won: Mapping[str, Claim],
    made: Mapping[str, Sequence[Claim]],
    taken: Mapping[str, str],
    refused: Mapping[str, str],
) -> Column:
    if column in ready:
        first, *more = ready[column]
        reason = f"by the preset, and {', '.join(more)} too" if more else "by the preset"
        return Column(column, first, reason, by_preset=True)
    if column in left:
        return Column(column, "", f"left out by the preset: {left[column]}", by_preset=True)
    if key and column == key.column:
        return Column(column, "", f"the key: {key.reason}")
    if column in won:
        claim = won[column]
        return Column(column, claim.field, claim.reason, claim.translate)
    rival = next((claim.field for claim in made[column]), None)
    if rival is not None:
        return Column(column, "", f"{taken[rival]!r} is mapped to {rival} already")
    return Column(column, "", refused[column])


def _claims(column: str, cells: Sequence[str], key: Key | None) -> tuple[list[Claim], str]:
    """Give what a column may feed, and why nothing where that is so."""
    if naming.is_team(column):
        return _team(cells)
    if naming.is_private(column) or guessing.people_are_named(cells):
        return [], "private; map it deliberately"
    if naming.is_customer(column):
        return [], "it names the customer, which is locked once the referral is created"
    named = {name: rank for name in naming.FIELDS if (rank := naming.names_field(column, name)) is not None}
    if not named:
        return [], "its name is that of no field"
    if not cells:
        return [], f"named like {' or '.join(named)}, but every cell looked at is blank"
    found = [claim for name, rank in named.items() if (claim := _proved(name, rank, cells, key)) is not None]
    return found, f"named like {' or '.join(named)}, but its cells cannot be read as that"


def _proved(name: str, rank: int, cells: Sequence[str], key: Key | None) -> Claim | None:
    """Hold a claim against the cells; None where they do not bear it out."""
    called = "named so" if rank == 0 else "its name ends so"
    match name:
        case "dealValue" | "closingDateTime":
            form = guessing.numbers(cells) if name == "dealValue" else guessing.dates(cells)
            what = "amounts" if name == "dealValue" else "dates"
            said = f"{called}, and {_counted(form.fits, form.of, what)}"
            return Claim(name, rank, form.share, said) if form.forms else None
        case "currency":
            share = guessing.fits(name, cells)
            return Claim(name, rank, share, f"{called}, and its cells are ISO codes") if share >= SHARE_MIN else None
        case "status" | "substatus":
            return _words(name, rank, cells, called)
        case "salesStage":
            numbers = guessing.steps(cells)
            said = f"{called}, and its cells are numbers" + (" with a percent sign" if numbers else "")
            return Claim(name, rank, 1.0, said, numbers) if numbers is not None else None
        case "externalReferenceId" if key is None or key.by != "id":
            return None
        case "name" if guessing.numbers(cells).forms or guessing.dates(cells).forms:
            return None
        case _:
            share = guessing.fits(name, cells)
            return Claim(name, rank, share, called) if share >= SHARE_MIN else None


def _team(cells: Sequence[str]) -> tuple[list[Claim], str]:
    if not cells:
        return [], "named like team, but every cell looked at is blank"
    if guessing.fits("team", cells) < SHARE_MIN:
        return [], f"named like team, but its cells are no members: {TEAM_SAYS}"
    return [Claim("team", 0, 1.0, "named so, and its cells are members: who is missing is added")], ""


def _words(name: str, rank: int, cells: Sequence[str], called: str) -> Claim | None:
    """A stage in words; where they are not the remote's own they are translated, the unknown ones to nothing."""
    words = list(dict.fromkeys(cells))
    if len(words) > WORDS_MAX or any(len(word) > WORD_CHARS_MAX or "\n" in word for word in words):
        return None
    if guessing.steps(cells) is not None or guessing.dates(cells).forms:
        return None
    if name == "substatus":
        share = guessing.fits(name, cells)
        return Claim(name, rank, share, f"{called}, in the remote's words") if share >= SHARE_MIN else None
    if all(word.casefold() in PAIRS for word in words):
        return Claim(name, rank, 1.0, f"{called}, in the remote's words")
    table = {word: naming.status_of(word) or _pair(word) for word in _once(words)}
    known = sum(bool(meaning) for meaning in table.values())
    own = sum(word.casefold() in STATUSES for word in table)
    said = f"{called}; {known} of its {len(table)} words are known" if table else called
    return Claim(name, rank, max(known, own) / len(table), said, table)


def _with_status(
    won: dict[str, Claim], cells: Cells, made: dict[str, list[Claim]], refused: dict[str, str]
) -> dict[str, Claim]:
    """Where a column has the substatus, the remote's words for the status stand as they are; else one column has both.

    Of a stage that is translated and a substatus beside it the two could contradict each other.
    """
    by_field = {claim.field: column for column, claim in won.items()}
    status, substatus = by_field.get("status"), by_field.get("substatus")
    if status is None or substatus is None:
        return won
    if all(word.casefold() in STATUSES for word in cells[status]):
        said = f"named so, in the remote's words; {substatus!r} says the substatus"
        return won | {status: Claim("status", 0, 1.0, said)}
    made[substatus], refused[substatus] = [], f"{status!r} says status and substatus both"
    return {column: claim for column, claim in won.items() if column != substatus}


def _once(words: Sequence[str]) -> list[str]:
    """Two spellings that differ in case are one word to the translation."""
    return list({word.casefold(): word for word in reversed(words)}.values())[::-1]


def _pair(word: str) -> str:
    return word if word.casefold() in PAIRS else ""


def _counted(fits: int, of: int, what: str) -> str:
    if of == 1:
        return f"its one cell reads as {what}"
    return f"all its {of} cells read as {what}" if fits == of else f"{fits} of its {of} cells read as {what}"
