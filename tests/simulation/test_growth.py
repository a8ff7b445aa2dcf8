"""Whole processes over many rows, against the benchmarks' server: memory and open files do not grow with them."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest
from bench_run import LEAN, Cost, built, configured, costs, export, referrals, served

FIXED_MB, BYTES_A_ROW_MAX = 150, 600
PATCHED = 50_000
FLAT = 1.1
pytestmark = pytest.mark.soak


def _run(folder: Path, rows: int, every: int) -> Cost:
    held, file = referrals(folder / "referrals", rows, LEAN), export(folder / "rows.csv", rows, every)
    with served(built(folder), held) as url:
        return costs(url, configured(folder, url, file, list_complete=True), rows, folder)


@pytest.mark.parametrize("rows", [1_000, 10_000, 100_000, 1_000_000])
def test_a_row_takes_a_few_hundred_bytes(tmp_path: Path, rows: int) -> None:
    """600 bytes a row at most, on top of what any run takes, from a thousand rows to a million."""
    cost = _run(tmp_path, rows, 0)
    assert cost.requests["PATCH"] == 0
    assert cost.peak_mb <= FIXED_MB + rows * BYTES_A_ROW_MAX / 1e6


def test_open_files_and_memory_stay_flat_while_it_sends(tmp_path: Path) -> None:
    """Fifty thousand patches: from the first fifth on the same open files, and a tenth more memory at most."""
    held, file = referrals(tmp_path / "referrals", PATCHED, LEAN), export(tmp_path / "rows.csv", PATCHED, 1)
    seen: list[tuple[int, int]] = []
    with served(built(tmp_path), held) as url:
        words = configured(tmp_path, url, file, list_complete=True)
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            ended = threading.Event()
            watching = threading.Thread(target=_watch, args=(process.pid, ended, seen))
            watching.start()
            _, said = process.communicate()
            ended.set()
            watching.join()
    assert process.returncode == 0, said.decode()[-1000:]
    sending = [(files, kb) for files, kb in seen if files == max(files for files, _ in seen)]
    assert len(sending) > len(seen) / 2
    warm = sending[len(sending) // 5 :]
    assert max(kb for _, kb in warm) <= warm[0][1] * FLAT


def _watch(process: int, ended: threading.Event, seen: list[tuple[int, int]]) -> None:
    """Note, twice a second, how many files the process has open and how many kilobytes it holds."""
    place = Path(f"/proc/{process}")
    while not ended.wait(0.5):
        try:
            status = (place / "status").read_text(encoding="ascii")
            files = len(list((place / "fd").iterdir()))
        except OSError:
            return
        held = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
        seen += [(files, kb) for kb in held]
