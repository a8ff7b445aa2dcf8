"""The laws of a day, whatever the seed: 150 of them here, 5,000 in the soak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from days import Day, Run, live, overwritten

from syncjob.errors import Exit
from syncjob.model import Cause, Outcome, Settled
from syncjob.sandbox.store import Write

DAYS, PARCELS = 60, 10
SOAK_DAYS, SOAK_PARCELS = 5_000, 50
SENT = (Outcome.APPLIED, Outcome.CONFLICTED, Outcome.UNSETTLED, Outcome.DRIFTED, Outcome.REFUSED, Outcome.FAILED)


@pytest.mark.parametrize("parcel", range(PARCELS))
def test_every_bad_day_keeps_the_laws(parcel: int) -> None:
    """It ends; every row ends once; nothing is lost, doubled or overwritten; the calm after it writes nothing more."""
    for seed in range(parcel * DAYS // PARCELS, (parcel + 1) * DAYS // PARCELS):
        judge(live(seed))


@pytest.mark.soak
@pytest.mark.parametrize("parcel", range(SOAK_PARCELS))
def test_thousands_of_bad_days_keep_the_laws(parcel: int) -> None:
    """The same laws, over seeds that `make test` never sees."""
    for seed in range(DAYS + parcel * SOAK_DAYS // SOAK_PARCELS, DAYS + (parcel + 1) * SOAK_DAYS // SOAK_PARCELS):
        judge(live(seed))


def test_one_seed_replays_the_same_day() -> None:
    """Time, chance and sleep are arguments: the same seed makes the same requests and the same endings."""
    one, two = live(7), live(7)
    assert [(r.method, r.path, r.fault) for r in one.sandbox.records] == [
        (r.method, r.path, r.fault) for r in two.sandbox.records
    ]
    assert [run.rows for run in one.runs] == [run.rows for run in two.runs]


def judge(day: Day) -> None:
    """Hold a day against every law."""
    for run in day.runs:
        assert sum(Counter(row.cause for row in run.rows).values()) == run.rows_in, _at(day, "rows in = rows settled")
        assert len({row.n for row in run.rows}) == run.rows_in, _at(day, "one ending a row")
        _counts_add_up(day, run)
    _no_patch_without_if_match(day)
    _nobody_twice_in_a_team(day)
    _no_foreign_edit_lost(day)
    _calm_finishes(day)


def _counts_add_up(day: Day, run: Run) -> None:
    """Rows applied = writes the sandbox saw, but for rows whose answer is unknown or that were overtaken after it."""
    writes = Counter(write.referral_id for write in _client_writes(day, run))
    applied = Counter(
        row.id or "" for row in run.rows if row.outcome is Outcome.APPLIED and not _same_edit(day, run, row)
    )
    assert not applied - writes, _at(day, f"applied without a write: {applied - writes}")
    maybe = {row.id for row in run.rows if row.attempts and row.outcome in SENT}
    unclaimed = {one for one in writes - applied if one not in maybe}
    assert not unclaimed, _at(day, f"written and not said: {unclaimed}")
    assert max(writes.values(), default=1) == 1, _at(day, f"one change, several writes: {writes}")


def _same_edit(day: Day, run: Run, row: Settled) -> bool:
    """A send of ours was lost on the way, and somebody else wrote the very same: no client can tell that apart."""
    if row.cause is not Cause.READ_BACK:
        return False
    writes = day.sandbox.store.writes[run.began : run.ended]
    theirs = {
        edit.path
        for write in writes
        if write.writer == "elsewhere"
        for edit in write.edits
        if write.referral_id == row.id
    }
    return all(operation.path in theirs for operation in row.operations)


def _no_patch_without_if_match(day: Day) -> None:
    bare = [record for record in day.sandbox.records if record.method == "PATCH" and not record.if_match]
    assert not bare, _at(day, "a PATCH without If-Match")


def _nobody_twice_in_a_team(day: Day) -> None:
    for document in day.sandbox.store.documents():
        people = [str(one.get("email")).casefold() for one in document.get("team") or []]
        assert len(people) == len(set(people)), _at(day, f"somebody stands twice in the team of {document['id']}")


def _no_foreign_edit_lost(day: Day) -> None:
    """No client write goes over a foreign edit of the same path that came after the plan was read.

    Where every field had a history when the day began that holds over all runs: what somebody has edited in one night
    no later night writes over.
    """
    assert not [write for write in day.sandbox.store.writes if write.blind], _at(day, "a write over an unseen state")
    for run in day.runs:
        lost = overwritten(day.sandbox.store.writes[run.began : run.ended])
        assert not lost, _at(day, f"written over somebody else's edit: {lost}")
    if day.known:
        lost = overwritten(day.sandbox.store.writes)
        assert not lost, _at(day, f"written over somebody else's edit of an earlier run: {lost}")


def _calm_finishes(day: Day) -> None:
    last = day.runs[-1]
    assert last.began == last.ended, _at(day, "calm runs never come to rest")
    restless = [
        row
        for row in last.rows
        if row.outcome in (Outcome.APPLIED, Outcome.FAILED, Outcome.UNSETTLED, Outcome.DEFERRED)
    ]
    assert not restless, _at(day, f"left after the calm: {restless}")
    assert last.code in (Exit.OK, Exit.NEEDS_PERSON), _at(day, f"the calm ends {last.code}")


def _client_writes(day: Day, run: Run) -> Iterator[Write]:
    return (write for write in day.sandbox.store.writes[run.began : run.ended] if write.writer == "client")


def _at(day: Day, words: str) -> str:
    return f"seed {day.seed}: {words}"


def test_the_laws_can_fail() -> None:
    """A day with a forged ending does not pass: the judge is awake."""
    day = live(3)
    run = next(run for run in day.runs if run.rows)
    forged = Settled(99, run.rows[0].place, "", {}, Cause.CONFIRMED, "", id="nobody")
    run.rows.append(forged)
    run.rows_in += 1
    with pytest.raises(AssertionError, match="applied without a write"):
        judge(day)
