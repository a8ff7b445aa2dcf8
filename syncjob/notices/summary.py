"""How a run ended, for the page of a GitHub workflow: a few lines of Markdown are appended to its summary."""

from __future__ import annotations

from pathlib import Path

from syncjob.model.told import Told


def append(path: Path, told: Told, title: str) -> str:
    """Append them; give why they could not be, '' where they were."""
    rows = "".join(f"| {name} | {count} |\n" for name, count in told.totals.items())
    table = f"\n| outcome | rows |\n|---|---|\n{rows}" if rows else ""
    link = f"\n[report]({told.url})\n" if told.url else ""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"### {title}\n{table}\nrun {told.run or 'none'}, exit code {told.code}\n{link}")
    except OSError as error:
        return f"{path}: cannot be written: {error.strerror}"
    return ""
