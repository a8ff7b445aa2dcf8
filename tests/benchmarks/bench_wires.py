"""What a request costs on each of the wires, with nothing around it: bare loops over `server.c`, side by side.

    python bench_wires.py [REQUESTS]      4,000 a measurement unless said otherwise

Each loop reads a referral and patches it under its eTag, one connection a worker, as a run does. What was measured is
kept in out/bench/wires.json. Run by `make bench`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_run import OUT, built, guid, referrals, served

from syncjob.remote.direct import Direct
from syncjob.remote.roundabout import Roundabout
from syncjob.remote.wire import Wire

REQUESTS = 4_000
WIDTHS = (1, 8, 16, 64)
ASKING = {"Accept": "application/json", "Content-Type": "application/json", "Accept-Encoding": "identity"}
NEWS = json.dumps([{"op": "replace", "path": "/name", "value": "Deal"}]).encode()


def direct() -> Wire:
    """Straight to the remote."""
    return Direct(tls=None, connect_s=10)


def roundabout() -> Wire:
    """As through a proxy, but that there is none."""
    return Roundabout(tls=None, connect_s=10, answer_s=60, proxy=None)


async def loop(url: str, wires: list[Wire], requests: int, *, reading: bool = True) -> float:
    """Send so many requests, as many at once as there are wires; give requests a second. Without reading, PATCH alone.

    The server's eTags are numbers that begin with 1.
    """
    numbers = iter(range(1, requests // (2 if reading else 1) + 1))

    async def work(wire: Wire, left: Iterator[int]) -> None:
        for n in left:
            place, etag = f"{url}/v1.0/engagements/referrals/{guid(n)}", '"1"'
            if reading:
                etag = json.loads((await wire.send("GET", place, ASKING, None)).content)["eTag"]
            reply = await wire.send("PATCH", place, {**ASKING, "If-Match": etag}, NEWS)
            assert reply.status == 200, reply  # as HTTP has it
            json.loads(reply.content)

    began = time.perf_counter()
    await asyncio.gather(*(work(wire, numbers) for wire in wires))
    took = time.perf_counter() - began
    for wire in wires:
        await wire.close()
    return requests / took


def bare(program: Path, held: Path, requests: int, width: int, *, reading: bool = True) -> float:
    """Give the requests a second of a bare loop straight to the remote."""

    async def measured(url: str) -> float:
        return await loop(url, [direct() for _ in range(width)], requests, reading=reading)

    with served(program, held) as url:
        return asyncio.run(measured(url))


def able(url: str) -> str:
    """Say what the server itself can do, by a client that costs next to nothing."""
    if (wrk := shutil.which("wrk")) is None:
        return "what the server can do is not known: wrk is not there (on Debian: apt-get install wrk)"
    words = [wrk, "-t1", "-c16", "-d3s", f"{url}/v1.0/engagements/referrals/{guid(1)}"]
    found = re.search(
        r"Requests/sec:\s+([\d.]+)", subprocess.run(words, capture_output=True, text=True, check=True).stdout
    )
    assert found is not None, "wrk says how many"
    return f"the server, by wrk, 16 in flight: {float(found[1]):,.0f} GET a second"


def main() -> int:
    """Measure, print and keep."""
    requests = int(sys.argv[1]) if sys.argv[1:] else REQUESTS
    found: dict[str, dict[int, float]] = {"direct": {}, "roundabout": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, held = built(folder), referrals(folder / "referrals", requests)
        with served(program, held) as url:
            print(able(url))  # noqa: T201
        for width in WIDTHS:
            for what, make in (("direct", direct), ("roundabout", roundabout)):

                async def measured(url: str, make: type = make, width: int = width) -> float:  # type: ignore[assignment]
                    return await loop(url, [make() for _ in range(width)], requests)

                with served(program, held) as url:
                    found[what][width] = asyncio.run(measured(url))
            one, other = found["direct"][width], found["roundabout"][width]
            print(  # noqa: T201
                f"{width:3} in flight: direct {one:6,.0f} requests/s, roundabout {other:6,.0f}: {one / other:.1f} x"
            )
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "wires.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
