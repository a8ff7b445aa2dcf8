"""What was written to referrals, and how a job stands, go in; lines for a terminal come out, private values masked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from syncjob.model import Settled, dumps
from syncjob.model.memory import Event, Refused, Standing
from syncjob.reports.values import masked, name_of, plain, shortened, visible

CHARS_MAX = 120
AS_ABOVE = "(for the same reason)"


def history(
    events: Iterable[Event],
    facts: Callable[[str], Mapping[str, Any]],
    private: frozenset[str],
    since: str = "",
    unanswered: Sequence[tuple[str, Settled]] = (),
) -> Iterator[str]:
    """Give a line a field that was written, under the referral that it was written to.

    `unanswered` are changes, with their runs, that may have been written: nobody knows yet.
    """
    last, count = None, 0
    for one in events:
        count += 1
        if one.row.id != last:
            last = one.row.id
            yield f"{visible(one.row.key or '-')}  referral {visible(last or '-')}\n"
        before, after = (shortened(masked(one.path, value, private), CHARS_MAX) for value in (one.before, one.after))
        what = f"{visible(name_of(one.path))}: {before} -> {after}"
        if one.after_run:
            yield f"  {one.at}  {what}\n    elsewhere, between run {one.after_run} ({one.after_at}) and run {one.run}\n"
            continue
        yield f"  {one.at}  {what}\n    run {one.run}, {_cell(one)}{_who(facts(one.run))}\n"
    for run, row in unanswered:
        names = ", ".join(name_of(path) for path in row.before())
        yield f"{visible(row.key or '-')}  referral {visible(row.id or '-')}\n"
        yield f"  {names}: perhaps written by run {run}, whose answer is not known; the next run looks\n"
    if not count and not unanswered:
        yield f"nothing was written, {f'since {since}' if since else 'as far back as the ledger goes'}\n"


def _cell(one: Event) -> str:
    return visible(f"{one.row.place}{f' {one.column}' if one.column else ''}")


def _who(facts: Mapping[str, Any]) -> str:
    parts = [
        f"by {facts['operator']}" if facts.get("operator") else "",
        f"signed in as {facts['signed_in']}" if facts.get("signed_in") else "",
        f"approved by {facts['approved_by']}" if facts.get("approved_by") else "",
        f"undoes {facts['undoes']}" if facts.get("undoes") else "",
        f"because: {facts['reason']}" if facts.get("reason") else "",
    ]
    return "".join(f", {visible(part)}" for part in parts if part)


def standing(one: Standing) -> Iterator[str]:
    """Give the page for whoever takes a job over."""
    yield f"job {visible(one.job)} over {visible(one.remote)}\n"
    yield f"token   {visible(one.token)}\n"
    yield f"lock    {visible(one.lock) if one.lock else 'free: no run is at work'}\n"
    if one.ledger is None:
        yield "ledger  none yet: the first run begins it, and holds what differs (guard first-run)\n"
        return
    kept = one.ledger
    since = f" since {kept.since}" if kept.since else ""
    yield f"ledger  {visible(str(kept.path))}, {kept.bytes / 1_000_000:.1f} MB, {kept.runs} runs{since}\n"
    yield f"        {kept.referrals} referrals with a known history, {kept.unanswered} sends without an answer\n"
    if one.last is None or one.totals is None:
        yield "run     none yet\n"
        yield from _refused(one.refused)
        return
    yield from _last(one.last, one.totals, alive=bool(one.lock))
    yield from _refused(one.refused)
    yield "\n"
    if not one.waiting:
        yield "nothing waits for a person\n"
        return
    rows = "1 row" if one.waiting_count == 1 else f"{one.waiting_count} rows"
    where = f"run {one.waiting_in[0]}" if len(one.waiting_in) == 1 else f"runs {', '.join(one.waiting_in)}"
    yield f"waits for a person: {rows} of {where}\n"
    said = ""
    for waiting in one.waiting:
        row = waiting.row
        again = row.reason == said and len(said) > len(AS_ABOVE)
        reason, said = AS_ABOVE if again else shortened(row.reason, CHARS_MAX * 2), row.reason
        yield f"  {visible(str(row.place))}  {visible(row.key or '-')}  {row.outcome} ({row.cause})\n"
        yield f"    since {waiting.since_at}, run {waiting.since_run}: {reason}\n"
    if one.waiting_count > len(one.waiting):
        yield f"  … and {one.waiting_count - len(one.waiting)} more: syncjob show {one.waiting_in[-1]}\n"


def _refused(one: Refused | None) -> Iterator[str]:
    """Say what came to no run since."""
    if one is not None:
        yield f"refused {_at(one)}, exit code {one.exit_code}, before it was a run: {visible(one.said)}\n"


def _at(one: Refused) -> str:
    return datetime.fromtimestamp(one.at, UTC).isoformat(timespec="seconds")


def _last(facts: Mapping[str, Any], totals: Mapping[str, int], *, alive: bool) -> Iterator[str]:
    if facts["ended_at"] is None:
        ended = "at work" if alive else "broke off: apply its plan again to take it up, or run the job once more"
    else:
        ended = f"ended {facts['ended_at']} with exit code {facts['exit_code']}"
    yield f"run     {facts['id']}, begun {facts['began_at']}, {ended}{_who(facts)}\n"
    counts = ", ".join(f"{count} {name}" for name, count in totals.items() if name != "rows")
    yield f"        {visible(plain(facts.get('source')))}: {totals['rows']} rows: {counts}\n"


def standing_json(one: Standing) -> Iterator[str]:
    """Give the same as one JSON object; reasons and people are left to `show` and `history`."""
    last = one.last and {
        name: one.last.get(name)
        for name in ("id", "began_at", "ended_at", "exit_code", "source", "plan", "undoes", "reason")
    }
    known = one.ledger and {
        "path": str(one.ledger.path),
        "bytes": one.ledger.bytes,
        "runs": one.ledger.runs,
        "since": one.ledger.since,
        "referrals": one.ledger.referrals,
        "unanswered": one.ledger.unanswered,
    }
    waiting = [
        {
            "row": waiting.row.place.to_json(),
            "key": waiting.row.key,
            "run": waiting.run,
            "outcome": waiting.row.outcome,
            "cause": waiting.row.cause,
            "since_run": waiting.since_run,
            "since_at": waiting.since_at,
        }
        for waiting in one.waiting
    ]
    whole = {
        "job": one.job,
        "remote": one.remote,
        "token": one.token,
        "lock": one.lock,
        "ledger": known,
        "last_run": last,
        "totals": one.totals,
        "refused": one.refused
        and {"at": _at(one.refused), "exit_code": one.refused.exit_code, "said": one.refused.said},
        "nightly": one.nightly,
        "waiting": waiting,
        "waiting_count": one.waiting_count,
    }
    yield f"{dumps(whole)}\n"
