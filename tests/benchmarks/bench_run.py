"""How fast a run is beside the script that one would write, and how much of it is requests: ratios of one run.

    python bench_run.py [ROWS]      10,000 unless said otherwise

The remote is `server.c`, built here with gcc, which answers some ten thousand requests a second and is not what is
measured. Every number is of whole processes, from their start to their end: what starting costs is in it. What was
measured is kept in out/bench/run.json. Run by `make bench`.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "out" / "bench"
ROWS = 10_000
SYNCJOB = (sys.executable, "-m", "syncjob")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost: `requests` by method, `work_s` is its CPU, `peak_mb` its memory."""

    rows: int
    seconds: float
    work_s: float
    peak_mb: float
    requests: dict[str, int]

    @property
    def per_s(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def asked(self) -> int:
        """All requests."""
        return self.requests["GET"] + self.requests["PATCH"]

    @property
    def us(self) -> float:
        """Microseconds of CPU a row."""
        return self.work_s / self.rows * 1e6


def built(folder: Path) -> Path:
    """Build the server."""
    program = folder / "server"
    subprocess.run(["gcc", "-O2", "-o", program, HERE / "server.c"], check=True)
    return program


def guid(n: int) -> str:
    """Give the id of referral `n`, from 1."""
    return f"2500ec5a-0000-4000-8000-{n:012d}"


def referrals(path: Path, rows: int) -> Path:
    """Write what the server holds, with the fields of a real deal around those that change."""
    known: dict[str, Any] = {
        "organizationName": "Contoso LLP",
        "createdDateTime": "2026-08-14T21:33:22Z",
        "updatedDateTime": "2026-09-14T21:33:22Z",
        "status": "Active",
        "substatus": "Accepted",
        "qualification": "SalesQualified",
        "type": "Shared",
        "direction": "Outgoing",
        "customerProfile": {"name": "Fabrikam", "address": {"city": "Redmond", "country": "US"}, "team": []},
        "consent": {"consentToContact": True},
        "team": [{"firstName": "Jane", "lastName": "Doe", "email": "jane@contoso.example", "phoneNumber": "1"}],
        "salesStage": "50",
        "tags": [],
        "target": [{"type": "SolutionProfile", "id": "SOL-34104-EBB"}],
        "links": {"self": {"uri": "/v1.0/engagements/referrals/x", "method": "GET"}},
    }
    with path.open("w", encoding="ascii") as file:
        for n in range(1, rows + 1):
            one = {"id": guid(n), **known, "externalReferenceId": f"CRM-{n:06d}"}
            text = json.dumps(one, separators=(",", ":"))[:-1]
            day = "2027-03-31T00:00:00Z"
            details = f'"details": {{"notes": "", "dealValue": \2, "currency": "EUR", "closingDateTime": "{day}"}}'
            file.write(f'{text}, "name": "\1", {details}, "eTag": \3}}\n')
    return path


def export(path: Path, rows: int, every: int) -> Path:
    """Write what the CRM says: every so manieth deal has another name; 0 for none."""
    with path.open("w", newline="", encoding="ascii") as file:
        lines = csv.writer(file)
        lines.writerow(["Id", "Deal", "Amount"])
        for n in range(1, rows + 1):
            lines.writerow([guid(n), f"Deal {n}" + (" renamed" if every and n % every == 0 else ""), 1000 + n])
    return path


@contextmanager
def served(program: Path, held: Path, *, latency_ms: int = 0, quota: int = 0, etags: bool = True) -> Iterator[str]:
    """Run the server; give its address."""
    words = [str(program), str(held), str(latency_ms), str(quota), str(int(etags))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def stats(url: str) -> dict[str, int]:
    """Ask what was asked for."""
    with urllib.request.urlopen(f"{url}/stats", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
        return found


def costs(url: str, words: list[str], rows: int, folder: Path) -> Cost:
    """Run a program to its end and say what it cost."""
    with (folder / "said").open("w+b") as said:
        began = time.perf_counter()
        process = subprocess.Popen(words, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{words} ended {process.returncode}: {said.read()[-2000:].decode()}")
    return Cost(rows, took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3, stats(url))


def configured(folder: Path, url: str, rows: Path, **remote: Any) -> list[str]:
    """Write a configuration with a fresh ledger; give the command that sends what differs."""
    shutil.rmtree(folder / "job", ignore_errors=True)
    (folder / "job").mkdir()
    config = folder / "job" / "syncjob.json"
    known = {
        "job": "bench",
        "remote": {"url": url, "page_rows": 1000, **remote},
        "rows": {"file": str(rows)},
        "match": {"by": "id", "column": "Id"},
        "fields": {"Deal": "name", "Amount": "dealValue"},
        "defaults": {"currency": "EUR"},
        "guards": {"first_run": None, "changes": None, "column": None},
        "limits": {"concurrency": 16},
    }
    config.write_text(json.dumps(known), encoding="utf-8")
    return [*SYNCJOB, "apply", "--yes", "-c", str(config), "--report", str(folder / "job" / "report.json")]


def told(name: str, cost: Cost) -> None:
    """Print a line."""
    print(  # noqa: T201
        f"{name:28} {cost.per_s:9,.0f} rows/s {cost.us:8,.0f} µs of CPU a row {cost.asked:8,} requests"
        f" ({cost.requests['PATCH']:,} PATCH) {cost.peak_mb:6,.0f} MB"
    )


def main() -> int:
    """Measure, print and keep."""
    rows = int(sys.argv[1]) if sys.argv[1:] else ROWS
    found: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, held = built(folder), referrals(folder / "referrals", rows)
        for every, share in ((10, "10 % changed"), (0, "unchanged")):
            file = export(folder / f"rows-{every}.csv", rows, every)
            with served(program, held) as url:
                found[f"naive, {share}"] = costs(
                    url, [sys.executable, str(HERE / "naive.py"), url, str(file)], rows, folder
                )
            for complete, what in ((False, "job"), (True, "job, list_complete")):
                with served(program, held) as url:
                    words = configured(folder, url, file, list_complete=complete)
                    found[f"{what}, {share}"] = costs(url, words, rows, folder)
    for name, cost in found.items():
        told(name, cost)
    for share in ("10 % changed", "unchanged"):
        naive = found[f"naive, {share}"]
        for what in ("job", "job, list_complete"):
            cost = found[f"{what}, {share}"]
            print(  # noqa: T201
                f"{what}, {share}: {cost.per_s / naive.per_s:.1f} x the rows/s, 1/{naive.asked / cost.asked:.1f} of the"
                f" requests, 1/{naive.us / cost.us:.1f} of the CPU a row"
            )
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "run.json").write_text(json.dumps({name: asdict(cost) for name, cost in found.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
