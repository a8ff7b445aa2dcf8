"""Promises of the documents: they say what the code says, and what they show is what happens."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from desk import Box
from docs.manual import (
    PAGES,
    README,
    RENEW,
    ROOT,
    SAMPLES,
    Console,
    anchors,
    block,
    consoles,
    furnish,
    hold,
    links,
    play,
    prose,
    run,
    settle,
    table,
    text_of,
)
from pydantic import BaseModel

from syncjob import __version__, config
from syncjob.cli.logs import StderrLog
from syncjob.cli.main import COMMANDS
from syncjob.core import fields, guard
from syncjob.errors import Exit
from syncjob.exchange import World
from syncjob.job import Job
from syncjob.model import NEEDS_PERSON, Cause, Outcome
from syncjob.sandbox.faults import NAMES, Rates
from syncjob.settings import Settings, Target
from syncjob.settings.auth import Auth

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
STORIES = [(page, n) for page in (README, SAMPLES) for n in range(len(consoles(page)))]
BELOW = ("config show", "ledger export", "ledger import", "ledger check")
TABLES = ("fields", "kinds", "outcomes", "causes", "exits", "guards", "faults")
FOREIGN = re.compile(
    r"\b(records?|entry|entries|expected|current(ly)?|actual(ly)?|existing|updates?|updated|deltas?|push(es|ed)?"
    r"|execut(e|es|ed|ing)|sync|syncs|synced|synchroni\w+|(?<!list )items?)\b",
    re.IGNORECASE,
)


def _prosed(name: str, head: tuple[str, ...], known: list[str], tail: dict[str, list[str]] | None = None) -> None:
    """Hold a table whose first column is the code's and whose words are the manual's; `tail` is the code's again."""
    written = prose(README, name)
    width = len(head) - 1 - (len(next(iter(tail.values()))) if tail else 0)
    rows = [[f"`{one}`", *written.get(one, [""] * width)[:width], *(tail[one] if tail else ())] for one in known]
    hold(README, name, table(head, rows))
    assert all(all(row[:2]) for row in rows), f"{name}: a row says nothing"


def test_table_of_fields_is_the_code_s() -> None:
    """Every field that can be written is in the manual, with its kind and whether it is private."""
    writable = [one for one in fields.TABLE if not one.locked]
    rows = [[f"`{one.name}`", one.kind, "private" if one.private else ""] for one in writable]
    hold(README, "fields", table(("field", "kind", "private"), rows))


def test_every_kind_of_a_writable_field_is_explained() -> None:
    """No kind without the words on how to write its cells."""
    kinds = dict.fromkeys(str(one.kind) for one in fields.TABLE if not one.locked)
    _prosed("kinds", ("kind", "write"), list(kinds))


def test_table_of_outcomes_is_the_code_s() -> None:
    """Every outcome is explained; whether it needs a person is what the exit code goes by."""
    needs = {str(one): ["yes" if one in NEEDS_PERSON else "no"] for one in Outcome}
    _prosed("outcomes", ("outcome", "meaning", "needs a person?"), list(needs), needs)


def test_table_of_causes_is_the_code_s() -> None:
    """Every cause is there, in the code's own words."""
    rows = [[f"`{one}`", f"`{one.outcome}`", one.meaning] for one in Cause]
    hold(README, "causes", table(("cause", "outcome", "meaning"), rows))


def test_table_of_exit_codes_is_the_code_s() -> None:
    """Every exit code is explained, and none that is not there."""
    _prosed("exits", ("code", "meaning"), [str(int(one)) for one in Exit])


def test_table_of_guards_is_the_code_s() -> None:
    """Every guard stands in the manual as in `syncjob apply --help`, with its default."""
    written = prose(README, "guards")
    rows = [[f"`{name}`", words, written.get(name, ["", ""])[1]] for name, words in guard.NAMES.items()]
    hold(README, "guards", table(("guard", "it acts on", "setting and default"), rows))
    said, code = run(["apply", "--help"], ROOT)[::-1]
    assert code == 0
    assert all(re.search(rf"^ +{name} +{re.escape(words)}$", said, re.MULTILINE) for name, words in guard.NAMES.items())
    general = Settings.model_fields["guards"].default
    for name in guard.NAMES:
        default, (_, said) = getattr(general, name.replace("-", "_")), written[name]
        shown = "null" if default is None else f"{default:.0%}" if isinstance(default, float) else str(default)
        assert f"`guards.{name.replace('-', '_')}: {shown}`" in said, name


def test_table_of_faults_is_the_code_s() -> None:
    """Every fault that the sandbox can be asked for is there, in the code's own words."""
    said = inspect.getdoc(Rates) or ""
    words = dict(re.findall(r"^(\w+) {2,}(.+)$", said, re.MULTILINE))
    hold(README, "faults", table(("fault", "what happens"), [[f"`{name}`", words[name]] for name in NAMES]))


@pytest.mark.parametrize("command", ["", *COMMANDS, *BELOW])
def test_help_in_the_manual_is_the_real_one(command: str) -> None:
    """What `--help` says is what the manual prints."""
    name = f"syncjob {command}".strip()
    code, said = run([*command.split(), "--help"], ROOT)
    assert code == 0
    hold(README, f"help {name}", f"```text\n$ {name} --help\n{said}```\n")


def _name(story: Any) -> str:
    page, n = story
    return f"{page.parent.name if page is SAMPLES else 'readme'}-{n + 1}"


@pytest.mark.parametrize("story", STORIES, ids=_name)
def test_commands_in_the_documents_really_run(story: tuple[Path, int], tmp_path: Path, box: Box) -> None:
    """Each block ends with the exit code that the page promises and prints what the page shows."""
    page, n = story
    furnish(tmp_path, box)
    shown: list[Console] = consoles(page)[n]
    for console in shown:
        played, codes = play(console, tmp_path, box)
        assert codes == [0] * (len(codes) - 1) + [console.exit_code], played
        settle(console, played)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_loads_and_compiles(path: Path) -> None:
    """What we hand out as an example is one that works: sections, columns, fields, tolerated words."""
    world = World(lambda: datetime.now(UTC), lambda: 0.0, _no_sleep, Random(0))
    job = Job(settings=config.load(path), world=world, log=StderrLog())
    assert job.feeds.feeds


async def _no_sleep(_: float) -> None:
    raise AssertionError("nothing waits here")


def test_example_configuration_shows_every_setting_with_its_default() -> None:
    """The reference is complete, and what it says of defaults is so."""
    written = yaml.safe_load(text_of(ROOT / "configs" / "example.yaml"))
    known = config.load(ROOT / "configs" / "example.yaml")
    assert _missing(Settings, written) == []
    assert Target.model_fields.keys() == written["fields"]["Amount"].keys()
    assert Auth.model_fields.keys() == written["remote"]["auth"].keys()
    for place, default in _defaults(Settings):
        if place not in ("remote.auth", "ledger.file", "match", "fields"):
            found: Any = known
            for step in place.split("."):
                found = getattr(found, step)
            assert found == default, place


def _sections(model: type[BaseModel]) -> Iterator[tuple[str, Any, type[BaseModel] | None]]:
    for name, known in model.model_fields.items():
        kind = known.annotation
        yield name, known, kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _missing(model: type[BaseModel], written: dict[str, Any], place: str = "") -> list[str]:
    found = []
    for name, _, below in _sections(model):
        if name not in written:
            found.append(f"{place}{name}")
        elif below is not None:
            found += _missing(below, written[name], f"{place}{name}.")
    return found


def _defaults(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, known, below in _sections(model):
        if below is not None:
            yield from _defaults(below, f"{place}{name}.")
        elif not known.is_required():
            yield f"{place}{name}", known.default


def test_schema_beside_the_configurations_is_the_printed_one() -> None:
    """Editors check against what the program checks against."""
    path = ROOT / "configs" / "schema.json"
    code, said = run(["schema"], ROOT)
    assert code == 0
    if RENEW:
        path.write_text(said, encoding="utf-8")
    assert text_of(path) == said
    assert json.loads(said)["properties"].keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """No link to a file or a heading that is not there."""
    for target in links(page):
        file, _, anchor = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_every_file_that_the_documents_name_is_there() -> None:
    """Paths into the project's own folders are real."""
    folders = r"(?:configs|samples|tests|syncjob|\.github)"
    for page in PAGES:
        for name in re.findall(rf"(?<![\w/.-])({folders}/[\w./-]*\w/?)", text_of(page)):
            assert (ROOT / name).exists() or (page.parent / name).exists(), f"{page.name}: {name}"


def test_manual_and_help_keep_to_the_glossary() -> None:
    """One word for one thing: none of those that the glossary replaces stands in a table or a help text."""
    texts = [block(README, name) for name in TABLES]
    texts += [block(README, f"help {f'syncjob {command}'.strip()}") for command in ("", *COMMANDS, *BELOW)]
    for text in texts:
        strange = [found[0] for found in FOREIGN.finditer(re.sub(r"`[^`]*`", "", text))]
        assert strange == [], text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_prose_keeps_to_the_glossary(page: Path) -> None:
    """The same outside of code and what programs print."""
    plain = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", "", text_of(page), flags=re.DOTALL)
    assert [found[0] for found in FOREIGN.finditer(plain)] == []


def test_changelog_knows_the_version() -> None:
    """The version that the program prints has its paragraph."""
    assert f"## {__version__}" in text_of(ROOT / "CHANGELOG.md")
