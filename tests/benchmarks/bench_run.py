"""How fast a run is beside the script that one would write, and how much of it is requests: ratios of one run.

    python bench_run.py [ROWS] [PART …]     10,000 rows and all parts unless said otherwise

    beside    the naive script: one row in ten changed, none (on the first night and on the second), all of them
    latency   a remote that takes 50 ms for an answer, 16 in flight
    quota     a remote that takes 50 requests a second
    growth    a thousand, ten thousand and a hundred thousand rows, none changed
    listing   a listing of many pages at 50 ms each: in order, and several side by side
    rooms     where the CPU goes, by room of ours and by library, as a profiler sees it

Times swing by half on a busy machine. Where Linux's `perf` may count them (kernel.perf_event_paranoid below 3) the
instructions that a row takes are told as well: they are the same each time, within a hundredth.

The remote is `server.c`, built here with gcc, which answers some ten thousand requests a second and is not what is
measured. Every number is of whole processes, from their start to their end: what starting costs is in it. What was
measured is kept in out/bench/run.json. Run by `make bench`.
"""

from __future__ import annotations

import csv
import json
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "out" / "bench"
ROWS = 10_000
SYNCJOB = (sys.executable, "-m", "syncjob")
COUNTED = ("perf", "stat", "-x,", "-e", "instructions:u", "-o")
DEAL: dict[str, Any] = json.loads((HERE / "deal.json").read_text(encoding="ascii"))
"""A deal as the API's documents show one; NAME, VALUE and ETAG stand for what changes."""
LEAN = {name: DEAL[name] for name in ("id", "name", "eTag")} | {"details": {"dealValue": "VALUE", "currency": "EUR"}}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost: `requests` by method, `work_s` is its CPU, `peak_mb` its memory.

    `instructions` are those of the program itself, without the kernel's; 0 where nobody counts them.
    """

    rows: int
    seconds: float
    work_s: float
    peak_mb: float
    requests: dict[str, int]
    instructions: float = 0

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is measured: a folder, and the server's program."""

    folder: Path
    program: Path


def built(folder: Path) -> Path:
    """Build the server."""
    program = folder / "server"
    subprocess.run(["gcc", "-O2", "-o", program, HERE / "server.c"], check=True)
    return program


def guid(n: int) -> str:
    """Give the id of referral `n`, from 1."""
    return f"2500ec5a-0000-4000-8000-{n:012d}"


def referrals(path: Path, rows: int, deal: dict[str, Any] = DEAL) -> Path:
    """Write what the server holds: deals with all that the API's documents show of one, 3 KB each, or leaner ones."""
    with path.open("w", encoding="ascii") as file:
        for n in range(1, rows + 1):
            text = json.dumps({**deal, "id": guid(n), "externalReferenceId": f"CRM-{n:06d}"}, separators=(",", ":"))
            for mark, words in (("\1", "NAME"), ("\2", '"VALUE"'), ("\3", '"ETAG"')):
                text = text.replace(words, mark)
            file.write(f"{text}\n")
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


def costs(url: str, words: list[str], rows: int, folder: Path, counting: Sequence[str] = COUNTED) -> Cost:
    """Run a program of this tree to its end and say what it cost; `counting` are the words that count instructions.

    They are left out where the server makes it wait: while the processor counts, timers of a virtual machine were seen
    to be late by a tenth of a second.
    """
    environ, counts = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}, folder / "counts"
    counting = counting if can_count() else ()
    counted = [*counting, str(counts), "--", *words] if counting else words
    with (folder / "said").open("w+b") as said:
        weighed = [sys.executable, "-S", str(HERE / "weighed.py"), str(folder / "weight"), *counted]
        process = subprocess.run(weighed, stdout=said, stderr=said, env=environ, cwd=HERE.parents[1], check=False)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{words} ended {process.returncode}: {said.read()[-2000:].decode()}")
    weight = json.loads((folder / "weight").read_text(encoding="ascii"))
    instructions = float(counts.read_text().splitlines()[-1].split(",")[0]) if counting else 0
    return Cost(rows, **weight, requests=stats(url), instructions=instructions)


@cache
def can_count() -> bool:
    """Tell whether instructions can be counted here."""
    if shutil.which("perf") is None:
        return False
    return subprocess.run([*COUNTED, os.devnull, "--", "true"], capture_output=True, check=False).returncode == 0


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
    """Print what one process has cost."""
    say(
        f"{name:32} {cost.per_s:9,.0f} rows/s {cost.us:8,.0f} µs of CPU a row {cost.asked:8,} requests"
        f" ({cost.requests['PATCH']:,} PATCH) {cost.peak_mb:6,.0f} MB"
        + (f" {cost.instructions / cost.rows / 1e3:7,.0f} k instructions a row" if cost.instructions else "")
    )


def say(words: str) -> None:
    """Print a line."""
    print(words, flush=True)  # noqa: T201


def ran(place: Place, rows: int, every: int, *, nights: int = 1, **how: Any) -> Cost:
    """Let the job run over fresh referrals, and give the cost of the last night.

    `how` are the server's ways and settings of `remote`.
    """
    held, file = referrals(place.folder / "referrals", rows), export(place.folder / "rows.csv", rows, every)
    ways = {name: how.pop(name) for name in ("latency_ms", "quota") if name in how}
    counting = () if ways else COUNTED
    with served(place.program, held, **ways) as url:
        words = configured(place.folder, url, file, **how)
        cost = costs(url, words, rows, place.folder, counting)
        for _ in range(1, nights):
            before, cost = cost, costs(url, words, rows, place.folder, counting)
            asked = {name: count - before.requests[name] for name, count in cost.requests.items()}
            cost = replace(cost, requests=asked)
        return cost


def naive(place: Place, rows: int, every: int) -> Cost:
    """Let the naive script run once over the same."""
    held, file = referrals(place.folder / "referrals", rows), export(place.folder / "rows.csv", rows, every)
    with served(place.program, held) as url:
        return costs(url, [sys.executable, str(HERE / "naive.py"), url, str(file)], rows, place.folder)


def compared(cost: Cost, known: Cost) -> None:
    """Print how one stands beside the other."""
    by = f", 1/{known.instructions / cost.instructions:.1f} of the instructions" if cost.instructions else ""
    say(
        f"    {cost.per_s / known.per_s:.1f} x the rows/s, 1/{known.asked / cost.asked:.1f} of the requests,"
        f" 1/{known.us / cost.us:.1f} of the CPU a row{by}"
    )


def beside(place: Place, rows: int) -> dict[str, Cost]:
    """The job beside the naive script, and where all rows change beside a bare loop on the same wire."""
    from bench_wires import bare

    found: dict[str, Cost] = {}
    for every, share in ((10, "10 % changed"), (0, "unchanged"), (1, "all changed")):
        found[f"naive, {share}"] = known = naive(place, rows, every)
        told(f"naive, {share}", known)
        for complete, what in ((False, "job"), (True, "job, list_complete")):
            found[f"{what}, {share}"] = cost = ran(place, rows, every, list_complete=complete)
            told(f"{what}, {share}", cost)
            compared(cost, known)
        if not every:
            found["job, the night after"] = cost = ran(place, rows, every, nights=2, list_complete=True)
            told("job, the night after", cost)
            compared(cost, known)
    loop = bare(place.program, referrals(place.folder / "referrals", rows), rows, 16, reading=False)
    sent = found["job, list_complete, all changed"]
    patching = sent.requests["PATCH"] / (sent.requests["patching_ms"] / 1000)
    say(f"bare loop, PATCH, 16 in flight: {loop:,.0f} requests/s; the job while patching {patching / loop:.0%} of it")
    return found


def latency(place: Place, rows: int) -> dict[str, Cost]:
    """How near the bound of 16 requests in 50 ms it comes while it patches."""
    cost = ran(place, rows // 2, 1, latency_ms=50, list_complete=True)
    patching = cost.requests["PATCH"] / (cost.requests["patching_ms"] / 1000)
    say(f"50 ms latency, 16 in flight: {patching:.0f} requests/s while patching, {patching / 320:.1%} of 320")
    return {"latency": cost}


def quota(place: Place, rows: int) -> dict[str, Cost]:
    """How much of a quota it uses, and how often it is refused."""
    many = min(3_000, rows)
    cost = ran(place, many, 1, quota=50, list_complete=True)
    asked, refused = cost.requests["PATCH"], cost.requests["refused"]
    used = (asked - refused) / (cost.requests["patching_ms"] / 1000) / 50
    say(
        f"a quota of 50/s: {used:.1%} of it used while patching, {refused / asked:.2%} refused, "
        f"{cost.requests['inside_retry_after']} inside a Retry-After, on their way already when it was said"
    )
    return {"quota": cost}


def growth(place: Place, rows: int) -> dict[str, Cost]:
    """How time, requests and memory grow with the rows; what starting costs is taken away."""
    found = {str(many): ran(place, many, 0, list_complete=True) for many in (10, rows // 10, rows, rows * 10)}
    start = found.pop("10")
    for cost in found.values():
        took = (cost.work_s - start.work_s) / cost.rows * 1e6
        counted = (cost.instructions - start.instructions) / cost.rows / 1e3
        more = f"{counted:.0f} k instructions a row beyond it, " if cost.instructions else ""
        say(
            f"{cost.rows:9,} rows: {took:5.0f} µs of CPU a row beyond the start ({start.work_s:.2f} s), {more}"
            f"{cost.requests['GET'] / cost.rows * 1000:.1f} requests a thousand rows, {cost.peak_mb:.0f} MB, "
            f"{(cost.peak_mb - start.peak_mb) * 1e6 / cost.rows:,.0f} bytes a row"
        )
    return {f"growth {many}": cost for many, cost in found.items()}


def listing(place: Place, rows: int) -> dict[str, Cost]:
    """What pages side by side are worth where each takes its time."""
    how = {"latency_ms": 50, "page_rows": 100, "list_complete": True}
    in_order = ran(place, rows, 0, **how)
    found = {"pages in order": in_order}
    for ahead in (4, 8):
        found[f"{ahead} pages ahead"] = cost = ran(place, rows, 0, pages_ahead=ahead, **how)
        beside = f"{ahead} side by side {cost.seconds:.1f} s, in order {in_order.seconds:.1f} s"
        say(f"{rows:,} referrals in pages of 100, 50 ms each: {beside}")
    return found


def rooms(place: Place, rows: int) -> dict[str, Cost]:
    """Where the CPU goes, start included, one row in ten changed. A profiler makes calls dearer than they are."""
    held, file = referrals(place.folder / "referrals", rows), export(place.folder / "rows.csv", rows, 10)
    taken = place.folder / "profile"
    with served(place.program, held) as url:
        words = configured(place.folder, url, file, list_complete=True)
        cost = costs(url, [words[0], "-m", "cProfile", "-o", str(taken), *words[1:]], rows, place.folder)
    spent: Counter[str] = Counter()
    for (path, _, _), (_, _, own_s, _, _) in pstats.Stats(str(taken)).stats.items():  # type: ignore[attr-defined]
        spent[_room(path)] += own_s
    whole = sum(spent.values())
    for name, own_s in spent.most_common(16):
        say(f"    {name:24} {own_s / whole:6.1%}")
    return {"rooms": cost}


def _room(path: str) -> str:
    """Name the room of ours, or the library, that a file belongs to."""
    parts = Path(path).parts
    if "syncjob" in parts and "site-packages" not in parts:
        at = len(parts) - 1 - parts[::-1].index("syncjob")
        return "/".join(parts[at : at + 2]).removesuffix(".py")
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return "Python, in C" if path == "~" else "Python's library"


PARTS = {one.__name__: one for one in (beside, latency, quota, growth, listing, rooms)}


def main() -> int:
    """Measure, print and keep."""
    rows = int(sys.argv[1]) if sys.argv[1:] else ROWS
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), built(Path(name)))
        found: dict[str, Cost] = {}
        for part in sys.argv[2:] or PARTS:
            found |= PARTS[part](place, rows)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "run.json").write_text(json.dumps({name: asdict(cost) for name, cost in found.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
