"""The process that reads a workbook: one line of JSON comes in, the cells of a sheet go to a file, one line goes out.

It is a process of its own because the reader may end it: calamine aborts where the memory does not suffice, and no
`except` catches that. Here, and nowhere else, pandas is imported. The limits are set before that, so that the
import itself runs under them.

    python -m syncjob.sources.workbook_child MEMORY_MB CPU_S
    {"path": "…", "sheet": "Pipeline", "spool": "…", "spool_mb_max": 500}
    {"rows": 812, "last": [812, 812, 0, 640]}                                 or {"refused": "why it cannot be read"}
                                                                              or {"unwritten": "why no disk took it"}

The spool has a line for each row from the first: a list of its cells up to the last that holds something. A text is
a string, a number and a truth value are what JSON has for them, a day is a list of one: `["007", 12000.5, true,
["2026-03-31"]]`. They are written by hand, which takes a third of the time of building them first. `last` are the
rows of the last cell in each column that holds something, from 1; 0 for a column without.
"""

from __future__ import annotations

import gc
import json
import math
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

DIGITS = ".15g"  # what Excel keeps of a number, and shows of it
EXACT_BELOW = 10**15
NOISE = timedelta(milliseconds=1)  # a time of day is a fraction of one; calamine rounds it to this
MB_BYTES = 1_000_000
SAID_CHARS_MAX = 160
BLANK = '""'
NO_NUMBER = '"#NUM!"'  # Excel's own word for it: no field takes it
DAYS_KEPT = 4096


def main(arguments: list[str]) -> int:
    """Wait for what is asked, read it, and answer."""
    memory_mb, cpu_s = map(int, arguments)
    limit(memory_mb, cpu_s)
    import pandas as pd
    import python_calamine  # noqa: F401  # its import, too, is done while the parent still looks at the sheet

    line = sys.stdin.readline()
    if not line:
        return 0  # the parent has refused the file
    asked = json.loads(line)
    gc.disable()  # a million cells make no cycles, and would be walked again and again
    try:
        frame = pd.read_excel(
            asked["path"],
            sheet_name=asked["sheet"],
            engine="calamine",
            header=None,
            dtype=object,
            na_filter=False,
            keep_default_na=False,
        )
        answer = written(frame.itertuples(index=False, name=None), Path(asked["spool"]), asked["spool_mb_max"])
    except MemoryError:
        answer = {"refused": f"needs more than {memory_mb} MB of memory"}
    except Exception as error:  # noqa: BLE001  # whatever the reader stumbles over, the file is to blame
        answer = {"refused": f"{type(error).__name__}: {' '.join(str(error).split())[:SAID_CHARS_MAX]}"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def limit(memory_mb: int, cpu_s: int) -> None:
    """Bound memory and time where the platform can: a parent that is killed then leaves nothing running behind."""
    try:
        import resource
    except ImportError:  # Windows: the limits on the file's size and cells have to do
        return
    for what, most in ((resource.RLIMIT_AS, memory_mb * MB_BYTES), (resource.RLIMIT_CPU, cpu_s)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold customers


def written(rows: Iterable[tuple[Any, ...]], spool: Path, mb_max: int) -> dict[str, Any]:
    """Write the rows; a disk that does not take them is not the file's fault."""
    try:
        return spooled(rows, spool, mb_max)
    except OSError as error:
        return {"unwritten": error.strerror}


def spooled(rows: Iterable[tuple[Any, ...]], spool: Path, mb_max: int) -> dict[str, Any]:
    """Write the rows; a few texts that thousands of cells share could make gigabytes of them."""
    left, n = mb_max * MB_BYTES, 0
    last: list[int] = []
    by_kind = Written()
    with spool.open("w", encoding="ascii", newline="\n") as out:
        for n, row in enumerate(rows, start=1):
            cells = [by_kind[type(value)](value) for value in row]
            while cells and cells[-1] == BLANK:
                cells.pop()
            last += [0] * (len(cells) - len(last))
            for column, cell in enumerate(cells):
                if cell != BLANK:
                    last[column] = n
            line = f"[{','.join(cells)}]\n"
            left -= len(line)
            if left < 0:
                return {"refused": f"its cells hold more than {mb_max} MB of text"}
            out.write(line)
    return {"rows": n, "last": last}


class Written(dict[type, Callable[[Any], str]]):
    """By a value's class, how it is written: as the cell that a person sees in Excel."""

    def __init__(self) -> None:
        super().__init__(
            {
                str: encode_basestring_ascii,
                bool: lambda value: "true" if value else "false",
                int: plain,
                float: lambda value: plain(value) if math.isfinite(value) else NO_NUMBER,
                datetime: lru_cache(DAYS_KEPT)(_day),
                date: lambda value: f'["{value.isoformat()}"]',
                time: lambda value: f'"{value.isoformat("seconds")}"',
                timedelta: _duration,
            }
        )

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        return lambda value: encode_basestring_ascii(str(value))


def plain(number: float) -> str:
    """Give a number's fifteen digits as Excel shows them, without an exponent."""
    if type(number) is int and -EXACT_BELOW < number < EXACT_BELOW:
        return str(number)
    digits = format(float(number), DIGITS)
    return format(Decimal(digits), "f") if "e" in digits else digits


def _day(value: datetime) -> str:
    text = (value if not value.microsecond else (value + NOISE).replace(microsecond=0)).isoformat()
    return f'["{text.removesuffix("T00:00:00")}"]'


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(abs(round(value.total_seconds())), 60)
    return f'"{"-" if value < timedelta() else ""}{minutes // 60}:{minutes % 60:02}:{seconds:02}"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
