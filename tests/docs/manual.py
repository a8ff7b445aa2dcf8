"""A page of documentation as the tests see it: its marked blocks, its tables, its commands with what they print.

`GOLDEN=renew` in the environment makes `hold` write what the code says in place of comparing it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from desk import Box

from syncjob.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SAMPLES = ROOT / "samples" / "README.md"
PAGES = (README, SAMPLES, ROOT / ".github" / "CONTRIBUTING.md", ROOT / "CHANGELOG.md")
RENEW = os.environ.get("GOLDEN") == "renew"
WIDTH = 90
ADDRESS, FOLDER = "http://127.0.0.1:8080", "/home/ana/syncjob"
CONSOLE = re.compile(r"<!-- run( on)? exit=(\d+) -->\n```console\n(.*?)```\n", re.DOTALL)
FRESH = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?= of job)|\b\d{8}T\d{6}Z-[0-9a-f]{4}\b"
)


@dataclass(frozen=True, slots=True)
class Console:
    """One block of commands and what they print; one that goes `on` finds what the blocks before it left."""

    page: Path
    on: bool
    exit_code: int
    text: str

    @property
    def commands(self) -> list[str]:
        """The commands, without the prompt."""
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]


def text_of(page: Path) -> str:
    """Read a page."""
    return page.read_text(encoding="utf-8")


def block(page: Path, name: str) -> str:
    """Give what stands between `<!-- name -->` and `<!-- /name -->`."""
    _, _, rest = text_of(page).partition(f"<!-- {name} -->\n")
    found, end, _ = rest.partition(f"<!-- /{name} -->")
    assert end, f"{page.name} has no block {name}"
    return found


def hold(page: Path, name: str, made: str) -> None:
    """Hold a marked block against what the code makes of it."""
    written = block(page, name)
    if RENEW and written != made:
        mark = f"<!-- {name} -->\n"
        page.write_text(text_of(page).replace(f"{mark}{written}", f"{mark}{made}"), encoding="utf-8")
        written = made
    assert written == made, f"{page.name}, block {name}: renew it with GOLDEN=renew pytest -n 0 tests/docs"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [f"| {' | '.join(line)} |\n" for line in (head, *rows)]
    lines.insert(1, f"|{'---|' * len(head)}\n")
    return "".join(lines)


def prose(page: Path, name: str) -> dict[str, list[str]]:
    """Give the cells of a table's rows after the first, by the first without its quotes."""
    lines = [line.strip("| ").split("|") for line in block(page, name).splitlines()[2:]]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


def consoles(page: Path) -> list[list[Console]]:
    """Give the stories of a page: each begins in a fresh folder and ends before the next fresh one."""
    stories: list[list[Console]] = []
    for on, code, text in CONSOLE.findall(text_of(page)):
        console = Console(page, bool(on), int(code), text)
        if console.on:
            stories[-1].append(console)
        else:
            stories.append([console])
    return stories


def furnish(folder: Path, box: Box) -> None:
    """Lay a checkout's configurations and samples into a folder, and the samples' referrals into the sandbox."""
    for name in ("configs", "samples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for config in (folder / "configs").glob("*.yaml"):
        config.write_text(text_of(config).replace(ADDRESS, box.url), encoding="utf-8")
    (folder / "out").mkdir()
    box.empty(json.loads(text_of(ROOT / "samples" / "referrals.json")))


def play(console: Console, folder: Path, box: Box) -> tuple[str, list[int]]:
    """Run the commands of a block in a folder; give the block as it would be written today, and their exit codes."""
    said, codes = [], []
    for command in console.commands:
        program, *args = shlex.split(command)
        assert program == "syncjob", f"{command}: only syncjob is run here"
        code, printed = run(args, folder)
        said.append(f"$ {command}\n{printed.replace(str(folder), FOLDER).replace(box.url, ADDRESS)}")
        codes.append(code)
    return "".join(said), codes


def run(args: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run the command line in this process; give its exit code and all that it printed, in order."""
    printed = io.StringIO()
    mask, hangup = os.umask(0o022), signal.getsignal(signal.SIGHUP)
    try:
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, {"COLUMNS": str(WIDTH), **(environ or {})}),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            contextlib.suppress(SystemExit),
        ):
            code = -1
            try:
                main(list(args))
            except SystemExit as end:
                code = int(end.code or 0)
                raise
    finally:
        os.umask(mask)
        signal.signal(signal.SIGHUP, hangup)
    return code, printed.getvalue()


def settle(console: Console, played: str) -> None:
    """Hold a block against what its commands printed; ids that are new each time may differ."""
    if FRESH.sub("", console.text) == FRESH.sub("", played):
        return
    assert RENEW, f"{console.page.name}: the commands print otherwise now; renew with GOLDEN=renew\n{played}"
    page = text_of(console.page)
    console.page.write_text(page.replace(f"```console\n{console.text}```", f"```console\n{played}```"), "utf-8")


def links(page: Path) -> Iterator[str]:
    """Give what a page links to within the project."""
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if "://" not in target:
            yield target


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as they are made of their words."""
    heads = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}
