"""How a run ended, for Prometheus: its node exporter reads a text file, which is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from syncjob.model.told import Told
from syncjob.whole import written

MODE = 0o644  # counts alone, and the exporter is another account


def write(path: Path, told: Told) -> str:
    """Write it; give why it could not be, '' where it was."""
    text = "".join(_lines(told)).encode()

    def fill(file: BinaryIO) -> None:
        file.write(text)

    def place(temporary: Path, target: Path) -> Path:
        temporary.chmod(MODE)
        return temporary.replace(target)

    try:
        written(path, fill, place)
    except OSError as error:
        return f"{path}: cannot be written: {error.strerror}"
    return ""


def _lines(told: Told) -> Iterator[str]:
    job = told.job.replace("\\", "\\\\").replace('"', '\\"')
    for name, help_, value in (
        ("last_run_timestamp_seconds", "when the last run ended", told.at),
        ("last_run_exit_code", "how it ended", told.code),
        ("last_run_duration_seconds", "how long it took", round(told.took_s, 3)),
        ("rows_waiting", "rows that wait for a person", told.in_all),
    ):
        if value is None:
            continue
        yield f"# HELP syncjob_{name} {help_}\n# TYPE syncjob_{name} gauge\n"
        yield f'syncjob_{name}{{job="{job}"}} {value}\n'
    yield "# HELP syncjob_rows rows of the last run by outcome\n# TYPE syncjob_rows gauge\n"
    for outcome, count in told.totals.items():
        if outcome != "rows":
            yield f'syncjob_rows{{job="{job}",outcome="{outcome}"}} {count}\n'
    yield "# HELP syncjob_requests requests of the last run by method\n# TYPE syncjob_requests gauge\n"
    for method, count in told.requests.items():
        yield f'syncjob_requests{{job="{job}",method="{method}"}} {count}\n'
