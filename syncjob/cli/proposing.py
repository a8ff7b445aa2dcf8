"""A proposal goes in; out come the lines by which a person at a terminal can judge it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from syncjob.core.fields import PRIVATE
from syncjob.model import Desired, Settled
from syncjob.model.proposal import Proposal
from syncjob.reports.values import MASK, name_of, plain, shortened, visible

NAME_CHARS_MAX = 40
VALUE_CHARS_MAX = 60
ROWS_SHOWN = 3


def shown(proposal: Proposal, source: str) -> Iterator[str]:
    """Give the table: by column the field and why, then each setting and why."""
    key, verify = proposal.key, proposal.verify
    rows = f"{proposal.looked_at:,} row{'' if proposal.looked_at == 1 else 's'}"
    yield f"{visible(source)}: {rows} looked at{'' if proposal.whole else ', those that follow were not'}\n\n"
    lines: list[tuple[str, str, str]] = []
    for one in proposal.columns:
        feeds = one.field or "-"
        if key and one.name == key.column:
            feeds = f"(key: {key.by})"
        if verify and one.name == verify.name:
            feeds = "(match.verify)"
        why = one.reason if one.field or feeds != "-" else f"not mapped: {one.reason}"
        lines.append((one.name, feeds, why))
        lines += (("", f"  {word}", meaning or "? decide") for word, meaning in one.translate.items())
    yield from _table(("column", "feeds", "because"), lines)
    yield "\n"
    settings = [("remote.url", proposal.remote.value, proposal.remote.reason)]
    if proposal.preset:
        settings.append(("preset", proposal.preset.value, proposal.preset.reason))
    settings += ((f"rows.{name}", one.value, one.reason) for name, one in proposal.reading.items())
    settings += ((f"defaults.{name}", one.value, one.reason) for name, one in proposal.defaults.items())
    yield from _table(("setting", "value", "because"), settings)
    yield "\n"


def shown_rows(proposal: Proposal, read: Sequence[Desired | Settled]) -> Iterator[str]:
    """Give the first rows that can be planned, each field as it would be sent; private values are masked.

    Where an encoding is proposed, rows come first that it makes a difference to.
    """
    good = [one for one in read if isinstance(one, Desired)]
    if "encoding" in proposal.reading:
        good.sort(key=lambda one: all(cell.isascii() for cell in one.row.columns.values()))
    for one in good[:ROWS_SHOWN]:
        yield f"{visible(str(one.row.place))}  {shortened(one.key, NAME_CHARS_MAX)}\n"
        for wish in one.wishes:
            value = MASK if wish.path in PRIVATE else shortened(plain(wish.desired), VALUE_CHARS_MAX)
            yield f"  {name_of(wish.path)}: {value}\n"
    yield f"{len(good)} of {len(read)} rows looked at can be planned"
    yield "\n\n" if len(good) == len(read) else "; `syncjob validate` says why the others cannot\n\n"
    undecided = [(one.name, word) for one in proposal.columns for word in one.undecided]
    for column, word in undecided:
        yield f"decide what {shortened(word, NAME_CHARS_MAX)!r} in {visible(column)} means; till then: no opinion\n"


def next_steps(proposal: Proposal, output: Path) -> Iterator[str]:
    """Say what to run next."""
    config = "" if str(output) == "syncjob.yaml" else f" -c {shlex.quote(str(output))}"
    yield "next:\n"
    yield f"  syncjob validate{config}\n"
    if proposal.remote.value.strip().startswith("https://"):
        yield "  (put the access token into the environment variable SYNCJOB_TOKEN)\n"
    yield f"  syncjob plan{config}\n"


def _table(heads: tuple[str, str, str], lines: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Give three columns; the last may run on."""
    cells = [tuple(shortened(cell, NAME_CHARS_MAX) for cell in line[:2]) for line in (heads, *lines)]
    first, second = (max(len(line[at]) for line in cells) for at in (0, 1))
    for (one, two), line in zip(cells, (heads, *lines), strict=True):
        yield f"{one:<{first}}  {two:<{second}}  {visible(line[2])}".rstrip() + "\n"
