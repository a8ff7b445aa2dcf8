"""The demo: a sandbox on a free port, the sample export planned, sent, and planned again; reports in out/demo/.

It runs the very commands that it prints, and ends 0 only if the first run settles every row and the second one
sends nothing.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out" / "demo"
SYNCJOB = [sys.executable, "-m", "syncjob"]


def main() -> int:
    """Run the demo."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with sandbox() as url:
        config = configured(url)
        say("1. What would change? Nothing is sent.")
        run("plan", "-c", config, "-o", OUT / "nightly.syncplan", "--report", OUT / "plan.csv")
        say("2. Send that plan. It is the first run, and one deal is closed for good: two guards are lifted by name.")
        words = (
            "--yes",
            "--allow",
            "first-run",
            "--allow",
            "closes=1",
            "--report",
            OUT / "run.json",
            "--report",
            OUT / "run.csv",
        )
        run("apply", OUT / "nightly.syncplan", "-c", config, *words)
        first = patches(url)
        say("3. The same night again: nothing is left to do.")
        run("apply", "-c", config, "--yes", "--report", OUT / "again.json")
        second = patches(url) - first
    applied = Counter(row["outcome"] for row in json.loads((OUT / "run.json").read_text(encoding="utf-8"))["rows"])[
        "applied"
    ]
    say(f"The sandbox saw {first} PATCH for {applied} applied rows, {second} in the second run. Reports: {shown(OUT)}/")
    return 0 if first == applied and second == 0 else 1


@contextmanager
def sandbox() -> Iterator[str]:
    """Run the sandbox with the sample referrals, and stop it at the end."""
    command = [*SYNCJOB, "sandbox", "--port", "0", "--seed", str(ROOT / "samples" / "referrals.json")]
    with (
        (OUT / "sandbox.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None, "asked for"
            url = process.stdout.readline().strip()
            if not url:
                raise SystemExit(f"demo: the sandbox did not start; see {shown(OUT / 'sandbox.log')}")
            say(f"0. A sandbox with the sample referrals runs at {url}")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=10)


def configured(url: str) -> Path:
    """Write the sample configuration for this sandbox, with a fresh ledger."""
    text = (ROOT / "configs" / "sandbox.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("http://127.0.0.1:8080", url),
        ("../samples/nightly.csv", str(ROOT / "samples" / "nightly.csv")),
        ("../out/sandbox.ledger", "demo.ledger"),
    ):
        assert old in text, f"configs/sandbox.yaml names {old}"
        text = text.replace(old, new)
    config = OUT / "syncjob.yaml"
    config.write_text(text, encoding="utf-8")
    return config


def run(*words: object) -> None:
    """Print a command and run it; any exit code but 0 ends the demo."""
    known = [str(word) for word in words]
    print(
        f"$ syncjob {shlex.join(shown(Path(word)) if Path(word).is_absolute() else word for word in known)}", flush=True
    )
    done = subprocess.run([*SYNCJOB, *known], check=False)
    if done.returncode:
        raise SystemExit(f"demo: syncjob ended {done.returncode}")


def patches(url: str) -> int:
    """Count the PATCH that the sandbox has applied."""
    with urllib.request.urlopen(f"{url}/sandbox/requests", timeout=10) as answer:
        return sum(one["method"] == "PATCH" and one["effect"] == "applied" for one in json.load(answer))


def shown(path: Path) -> str:
    """Show a path as somebody in the project's folder would write it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def say(words: str) -> None:
    """Tell a step."""
    print(f"\n{words}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
