"""The ticked file of `syncjob link` goes in; which referral each key is linked to comes out.

A link is a person's word, so nothing about it is guessed: the hidden columns repeat key and referral, so that a sheet
that was sorted or cut in part is seen, and a file that says two things is refused.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from syncjob import sources
from syncjob.core.matching import GUID, key_of
from syncjob.errors import InputRefused
from syncjob.job.context import Job
from syncjob.model import SourceRow
from syncjob.model.own import BLANKS, OWN, TICKS
from syncjob.settings import Rows

SHOWN_KEY, SHOWN_ID = "key", "referral id"
LINK, REFERRAL, KEY = f"{OWN}link?", f"{OWN}referral", f"{OWN}key"
YES = "yes"
SHOWN_CHARS_MAX = 60


def linked(job: Job) -> Mapping[str, str]:
    """Give the ids of referrals by the keys that a person has linked to them; nothing where `match.links` names none.

    Raises InputRefused where the file is missing, where a sheet was altered elsewhere than in the column to tick, or
    where a key goes to two referrals, or a referral to two keys.
    """
    file = job.settings.match.links if job.settings.match else None
    if file is None:
        return {}
    if not file.is_file():
        raise InputRefused(f"match.links: there is no file {file}; run `syncjob link`, or take match.links out")
    rows = Rows(workbook_s=job.settings.rows.workbook_s)
    with tempfile.TemporaryDirectory(prefix="syncjob-") as name:
        snapshot = sources.snapshot(
            file, into=Path(name), rows=rows, input_mb_max=job.settings.limits.input_mb_max, sleep=time.sleep
        )
        known = (SHOWN_KEY, SHOWN_ID, LINK, REFERRAL, KEY)
        table = sources.read(snapshot, rows=rows, known=known)
        found = _Links(numeric=job.feeds.numeric)
        for row in table:
            found.take(row)
    if not found.tickable:
        raise InputRefused(
            f"{snapshot.source}: no line is ticked in a column {LINK!r}; tick what belongs together, or take "
            "match.links out of the configuration"
        )
    job.log.info("links.read", source=snapshot.source, digest=snapshot.digest, linked=len(found.by_key))
    return found.by_key


def kept(key: str) -> str:
    """Give a key as the hidden column keeps it: no sheet takes it for a number or a date."""
    return f"key:{key}"


class _Links:
    """What the lines say so far, and where each link stands."""

    def __init__(self, *, numeric: bool) -> None:
        """Start with no line."""
        self.by_key: dict[str, str] = {}
        self.tickable = False
        self._keys: dict[str, tuple[str, str]] = {}
        self._referrals: dict[str, tuple[str, str]] = {}
        self._numeric = numeric

    def take(self, row: SourceRow) -> None:
        """Take one line; it counts where it is ticked."""
        if row.fault or KEY.removeprefix(OWN) not in row.own:
            said = row.fault or f"has no column {KEY!r}; match.links takes the file that `syncjob link` has written"
            raise InputRefused(f"{row.place}: {said}")
        tick = row.own.get(LINK.removeprefix(OWN))
        self.tickable = self.tickable or tick is not None
        if tick is None:  # YAML leaves out what is blank
            return
        if tick.strip().casefold() in BLANKS:
            return
        if tick.strip().casefold() not in TICKS:
            raise InputRefused(f"{row.place} {LINK}: {tick!r} is neither {YES} nor blank; write one of them")
        key, referral = self._key(row), self._referral(row)
        for known, one, other in ((self._keys, key, referral), (self._referrals, referral, key)):
            before, place = known.setdefault(one, (other, str(row.place)))
            if before != other:
                raise InputRefused(
                    f"{place} and {row.place}: {one!r} is linked to {before!r} and to {other!r}; keep one of the ticks"
                )
        self.by_key[key] = referral

    def _key(self, row: SourceRow) -> str:
        shown, hidden = row.columns.get(SHOWN_KEY, ""), row.own.get(KEY.removeprefix(OWN), "")
        key, fault = key_of("externalReferenceId", shown, numeric=self._numeric)
        if fault:
            raise InputRefused(f"{row.place} {row.at(SHOWN_KEY)}: {fault}")
        if hidden.strip() != kept(key):
            raise InputRefused(_altered(row, SHOWN_KEY, shown, KEY, hidden))
        return key

    def _referral(self, row: SourceRow) -> str:
        shown, hidden = row.columns.get(SHOWN_ID, "").strip(), row.own.get(REFERRAL.removeprefix(OWN), "").strip()
        if not shown and not hidden:
            raise InputRefused(f"{row.place} {LINK}: is ticked, but the line proposes no referral; take the tick away")
        if shown.lower() != hidden.lower() or not GUID.fullmatch(shown):
            raise InputRefused(_altered(row, SHOWN_ID, shown, REFERRAL, hidden))
        return shown.lower()


def _altered(row: SourceRow, column: str, shown: str, other: str, hidden: str) -> str:
    one, two = shown[:SHOWN_CHARS_MAX], hidden[:SHOWN_CHARS_MAX]
    return (
        f"{row.place} {row.at(column)}: says {one!r}, the hidden column {other!r} {two!r}; were columns sorted "
        "or cut in part? Run `syncjob link` again, and sort whole rows"
    )
