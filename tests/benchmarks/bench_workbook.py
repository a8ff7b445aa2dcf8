"""How fast and how large: 50,000 rows of 20 columns through ExcelTable, beside plain pandas and openpyxl.

Each is measured in a process of its own, so that its peak is its own. Run by `make bench`.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROWS, COLUMNS, TENTH = 50_000, 20, 5_000
SECONDS_MAX, MB_MAX = 5.0, 300.0
DAY = dt.datetime(2026, 3, 31)  # noqa: DTZ001  # a workbook's dates have no zone


def write(file: Path, rows: int) -> None:
    """Write texts, numbers and dates in turn, a third each."""
    import xlsxwriter

    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet, day = book.add_worksheet("Pipeline"), book.add_format({"num_format": "yyyy-mm-dd"})
        for column in range(COLUMNS):
            sheet.write_string(0, column, f"Column {column}")
        for row in range(1, rows + 1):
            for column in range(COLUMNS):
                match column % 3:
                    case 0:
                        sheet.write_string(row, column, f"Contoso {row} of {column}")
                    case 1:
                        sheet.write_number(row, column, row * 100 + column / 4)
                    case _:
                        sheet.write_datetime(row, column, DAY + dt.timedelta(days=row % 900), day)


def by_syncjob(file: Path) -> int:
    """Read as a plan does."""
    from syncjob.settings import Rows
    from syncjob.sources import Snapshot, read

    taken = Snapshot(file.name, file, "sha256:-", 0, "xlsx")
    return sum(1 for _ in read(taken, rows=Rows(), known=("Column 0",)))


def by_pandas(file: Path) -> int:
    """Read with what our child process stands on, and nothing else."""
    import pandas as pd

    return len(pd.read_excel(file, engine="calamine", header=None, dtype=object, na_filter=False)) - 1


def by_openpyxl(file: Path) -> int:
    """Read with the other reader, streaming."""
    import openpyxl

    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    rows = sum(1 for _ in book["Pipeline"].iter_rows(values_only=True)) - 1
    book.close()
    return rows


READERS: dict[str, Callable[[Path], int]] = {"syncjob": by_syncjob, "pandas": by_pandas, "openpyxl": by_openpyxl}


def measured(name: str, file: Path) -> dict[str, float]:
    """Give seconds, rows, and the peaks of a process that reads, and of the process that it starts, in MB."""
    said = subprocess.run([sys.executable, __file__, name, str(file)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(said.stdout)
    return found


def measure(name: str, file: Path) -> dict[str, float]:
    """Read in this process."""
    import resource

    began = time.perf_counter()
    rows = READERS[name](file)
    seconds = time.perf_counter() - began
    own, child = (
        resource.getrusage(whose).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"rows": rows, "seconds": seconds, "mb": own, "child_mb": child}


def main() -> int:
    """Measure all three and say whether the bounds hold."""
    with tempfile.TemporaryDirectory() as folder:
        whole, tenth = Path(folder) / "whole.xlsx", Path(folder) / "tenth.xlsx"
        write(whole, ROWS)
        write(tenth, TENTH)
        found = {name: measured(name, tenth if name == "openpyxl" else whole) for name in READERS}
    for name, one in found.items():
        child = f" + {one['child_mb']:.0f} MB in its child" if one["child_mb"] else ""
        print(f"{name:9} {one['rows']:>7,.0f} rows {one['seconds']:6.2f} s  peak {one['mb']:.0f} MB{child}")  # noqa: T201
    ours, plain, other = (found[name] for name in ("syncjob", "pandas", "openpyxl"))
    mb = ours["mb"] + ours["child_mb"]
    ratio = other["seconds"] / TENTH / (ours["seconds"] / ROWS)
    print(f"syncjob takes {ours['seconds'] / plain['seconds']:.2f} times as long as plain pandas")  # noqa: T201
    print(f"openpyxl takes {ratio:.1f} times as long as syncjob, by the row")  # noqa: T201
    print(f"bounds: {ours['seconds']:.2f} of {SECONDS_MAX:g} s, {mb:.0f} of {MB_MAX:g} MB")  # noqa: T201
    return 0 if ours["seconds"] <= SECONDS_MAX and mb <= MB_MAX else 1


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201
    else:
        sys.exit(main())
