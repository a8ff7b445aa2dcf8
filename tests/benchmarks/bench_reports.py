"""How fast and how large: 50,000 rows of 20 columns into each form of a table, and a report's workbook.

Each is measured in a process of its own, so that its peak is its own. What tells whether memory is flat is the peak
beside that of a tenth of the rows. The bound is on the work, so that a busy machine breaks none. Run by `make bench`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROWS, TENTH = 50_000, 5_000
COLUMNS, EXPORTED = 20, 10  # of a table; of a CRM's export, to which a report adds its own
SECONDS_MAX, PEAK_MB_MAX, GROWTH_MB_MAX = 10.0, 500.0, 16.0
FORMS = (
    "table.xlsx",
    "table.csv",
    "table.yaml",
    "report.html",
    "report.xlsx",
    "report.csv",
    "report.json",
    "report.md",
    "report.txt",
)


def cells(row: int, columns: int = COLUMNS) -> list[str]:
    """Give texts, numbers and dates in turn, a third each; each tenth row's texts look like an escape of Excel's."""
    from syncjob.model import Day, Number

    kinds = (
        f"Contoso {row}{' = _x0041_' if row % 10 == 0 else ''}",
        Number(row * 100),
        Day(f"20{row % 90 + 10}-03-31"),
    )
    return [kinds[column % 3] for column in range(columns)]


def table(path: Path, rows: int) -> None:
    """Write a table."""
    from syncjob.reports import tables
    from syncjob.reports.workbook import Column, Sheet

    def given() -> Iterator[tuple[Sequence[str], str]]:
        return ((cells(row), "conflicted" if row % 2 else "") for row in range(rows))

    tables.write(path, Sheet("rows", tuple(Column(f"Column {n}") for n in range(COLUMNS)), given()))


def report(path: Path, rows: int) -> None:
    """Write a run's report, half of its rows in conflict."""
    from syncjob.model import Cause, Place, Report, Settled, Stand, Triple
    from syncjob.reports import write

    columns = tuple(f"Column {n}" for n in range(EXPORTED))
    name = Triple("/name", "theirs", "mine", base="old", stand=Stand.CONFLICT)
    triples = (name, Triple("/salesStage", "40", "50", base="40", stand=Stand.CHANGE))

    def given() -> Iterator[Settled]:
        for n in range(rows):
            cause = Cause.BOTH_MOVED if n % 2 else Cause.IN_STEP
            row = dict(zip(columns, cells(n, EXPORTED), strict=True))
            yield Settled(n, Place("deals.csv", n + 1), "key", row, cause, "both moved", id="id", triples=triples)

    totals = {"conflicted": rows // 2, "unchanged": rows // 2}
    write(Report("run", {"id": "r-1"}, totals, {}, columns, frozenset(), given), path)


def measure(name: str, rows: int) -> dict[str, float]:
    """Write in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        began, begun = time.perf_counter(), time.process_time()
        (table if name.startswith("table") else report)(path, rows)
        seconds, cpu = time.perf_counter() - began, time.process_time() - begun
        size = path.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {"seconds": seconds, "cpu": cpu, "mb": peak, "file_mb": size}


def measured(name: str, rows: int) -> dict[str, float]:
    """Write in another process, twice, and give the quicker one: what a neighbour costs is not ours."""
    words = [sys.executable, __file__, name, str(rows)]
    found = [json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout) for _ in range(2)]
    quicker: dict[str, float] = min(found, key=lambda one: one["cpu"])
    return quicker


def main() -> int:
    """Measure all forms and say whether the bounds hold."""
    held = True
    for name in FORMS:
        whole, tenth = measured(name, ROWS), measured(name, TENTH)
        growth = whole["mb"] - tenth["mb"]
        held = held and whole["cpu"] <= SECONDS_MAX and whole["mb"] <= PEAK_MB_MAX and growth <= GROWTH_MB_MAX
        print(  # noqa: T201
            f"{name:11} {ROWS:,} rows {whole['seconds']:6.2f} s ({whole['cpu']:.2f} of work)  {whole['mb']:.0f} MB, "
            f"{growth:+.1f} MB over {TENTH:,} rows  file {whole['file_mb']:.1f} MB"
        )
    bounds = f"{SECONDS_MAX:g} s of work, {PEAK_MB_MAX:g} MB, {GROWTH_MB_MAX:g} MB of growth"
    print(f"bounds: {bounds}: {'held' if held else 'BROKEN'}")  # noqa: T201
    return 0 if held else 1


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))  # noqa: T201
    else:
        sys.exit(main())
