"""Who is to be told of a run, and whether at all: how it ended in, audiences and words out. Counts alone, no values.

people     rows wait for a person
sign_in    somebody must sign in
run        the run itself came to nothing: refused, unreachable, out of disk, broken

What a person does (`approve`) concerns the people, however it ends: whoever does it sits there.
"""

from __future__ import annotations

from typing import Literal

from syncjob.errors import Exit
from syncjob.model.told import Told
from syncjob.settings.notices import When

Audience = Literal["people", "sign_in", "run"]
OF_EXIT: dict[Exit, Audience] = {Exit.OK: "people", Exit.NEEDS_PERSON: "people", Exit.SIGN_IN: "sign_in"}
VERDICTS = {
    Exit.OK: "all is well",
    Exit.NEEDS_PERSON: "rows need a person",
    Exit.SIGN_IN: "somebody must sign in: syncjob login",
    Exit.GUARD: "a guard refused the run; nothing was sent",
    Exit.REMOTE: "the remote could not be reached, or time or budget was up; safe to run again",
    Exit.STORAGE: "the disk or the ledger refused",
    Exit.LOCKED: "another run was at work",
    Exit.INPUT: "the file of rows, or the plan, was refused; nothing was sent",
    Exit.USAGE: "the configuration or the command cannot be followed, or a person called it off; nothing was sent",
}
STOP, BROKEN = "stopped by a signal", "an assumption broke; somebody has to look into it"
STOPPED = (Exit.INTERRUPTED, Exit.TERMINATED)


def audience(told: Told) -> Audience:
    """Say whom an ending concerns."""
    if told.by_hand:
        return "people"
    return OF_EXIT.get(_exit(told), "run")


def wanted(told: Told, when: When) -> bool:
    """Tell whether a notice is to go out."""
    failed, finished = told.code != Exit.OK, told.code in (Exit.OK, Exit.NEEDS_PERSON)
    if told.side:  # of the other rows it knows nothing: only that it came to nothing is news
        return when != "never" and not finished
    match when:
        case "never":
            return False
        case "always":
            return True
        case "failure":
            return failed
        case "change":
            return failed or told.totals.get("applied", 0) > 0
        case _:  # new: rows that were told of are not told again; a night that came to nothing is one of its own
            return (
                not finished or bool(told.fresh) or (told.code != told.before and (failed or told.before is not None))
            )


def title(told: Told) -> str:
    """Give the one line that is read at a glance."""
    code = _exit(told)
    if code in STOPPED:
        return f"syncjob {told.job}: {STOP}"
    if code is Exit.NEEDS_PERSON:
        fresh = f", {told.fresh} of them new" if told.fresh else ""
        rows = "1 row needs" if told.waiting == 1 else f"{told.waiting} rows need"
        return f"syncjob {told.job}: {rows} a person{fresh}"
    return f"syncjob {told.job}: {VERDICTS.get(code, BROKEN)}"


def sentence(told: Told) -> str:
    """Say how an act ended that came to no run, guards by name and number; no value of a row."""
    code = _exit(told)
    return ": ".join(filter(None, (STOP if code in STOPPED else VERDICTS.get(code, BROKEN), " and ".join(told.guards))))


def body(told: Told) -> str:
    """Give what stands below it: counts, the run, where to look."""
    counts = ", ".join(f"{count} {name}" for name, count in told.totals.items() if name != "rows")
    lines = [
        f"{told.totals['rows']} rows: {counts}" if told.totals else "",
        f"run {told.run}, exit code {told.code}" if told.run else f"exit code {told.code}",
        *(f"refused by {guard}" for guard in told.guards),
        told.url or (f"look: syncjob show {told.run}" if told.run else ""),
    ]
    return "\n".join(filter(None, lines))


def _exit(told: Told) -> Exit:
    try:
        return Exit(told.code)
    except ValueError:
        return Exit.BROKEN
