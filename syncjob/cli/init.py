"""`syncjob init`: a file is looked at, a configuration is proposed, what is open is asked, and it is written.

Nothing is asked of the remote and nothing is sent. What is written has been loaded and compiled before.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:  # the rooms behind these names are heavy; `--help` must not pay for them
    from syncjob.job.proposing import Look
    from syncjob.model.proposal import Part, Proposal, Question, Sample

LOCALTIME = Path("/etc/localtime")
ZONES = "zoneinfo/"
NOBODY = "nobody is here to ask: add --yes to take what is proposed"


@click.command()
@click.option(
    "--from", "file", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The file to look at."
)
@click.option(
    "-o",
    "--output",
    metavar="CONFIG",
    type=click.Path(path_type=Path),
    default="syncjob.yaml",
    help="Where to write it.",
)
@click.option("--remote", metavar="URL", help="The remote; Microsoft's own where none is named.")
@click.option("--tenant", metavar="T", help="The partner's tenant.")
@click.option("--key", metavar="COLUMN", help="The column that names the referral of a row.")
@click.option("--by", type=click.Choice(["id", "externalReferenceId"]), help="What the key is an id of.")
@click.option("--preset", metavar="NAME", help="A ready mapping; '' takes none.")
@click.option("--sheet", metavar="NAME", help="Of a workbook with several.")
@click.option("--date-format", metavar="F", help="For example %d.%m.%Y, which is 31.12.2026.")
@click.option("--time-zone", metavar="Z", help="In which a date begins, for example Europe/Berlin.")
@click.option("--locale", metavar="L", help="Of amounts, for example de_DE.")
@click.option("--currency", metavar="C", help="Of amounts that name none, for example EUR.")
@click.option("--yes", is_flag=True, help="Do not ask; refuse what only a person can say.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
def init(file: Path, output: Path, **options: str | bool | None) -> int:
    """Look at a file and propose a configuration.

    Up to 2,000 rows are looked at. What they leave open is asked at a terminal, or
    stated by an option. Private columns (notes, contacts, phones) are never proposed.
    """
    from syncjob.cli.proposing import next_steps, shown, shown_rows
    from syncjob.cli.terminal import emit, say
    from syncjob.config.writing import written
    from syncjob.core.stating import faults
    from syncjob.errors import UsageRefused
    from syncjob.job import proposing
    from syncjob.model.proposal import Part

    yes, force = bool(options.pop("yes")), bool(options.pop("force"))
    stated = {Part(name): str(value) for name, value in options.items() if value is not None}
    if wrong := faults(stated):
        raise UsageRefused(*wrong)
    _check_place(file, output, force=force)
    with proposing.looking(file) as look:
        proposal, sample = _proposed(look, file, output, stated, yes=yes)
    text = written(proposal)
    compiled = proposing.checked(text)
    emit(shown(proposal, sample.source))
    emit(shown_rows(proposal, proposing.parsed(compiled, sample)))
    if not yes and not _somebody():
        raise UsageRefused(NOBODY)
    if not yes and not click.confirm(f"Write {output}?", default=True, err=True):
        raise UsageRefused("called off: nothing was written")
    schema = _write(output, text)
    for path in (output, *schema):
        say(f"written: {path}")
    emit(next_steps(proposal, output))
    return 0


def _proposed(look: Look, file: Path, output: Path, stated: dict[Part, str], *, yes: bool) -> tuple[Proposal, Sample]:
    """Propose, ask what is open, and propose again, until nothing is."""
    from msgspec.structs import replace

    from syncjob.core.proposing import propose
    from syncjob.job import proposing
    from syncjob.model.proposal import Question

    presets, zone, place = proposing.preset_settings(), machine_zone(), _relative(file, output)
    asked: set[Part] = set()
    while True:
        sample = look(stated)
        if isinstance(sample, Question):
            stated |= _answers((sample,), asked, yes=yes)
            continue
        proposal = propose(sample, place, stated, presets=presets, machine_zone=zone)
        questions = tuple(one for one in proposal.questions if one.part not in asked)
        if not questions:
            return replace(proposal, questions=()), sample
        stated |= _answers(questions, asked, yes=yes)


def _answers(questions: tuple[Question, ...], asked: set[Part], *, yes: bool) -> dict[Part, str]:
    """Give what was answered otherwise than proposed; UsageRefused where nobody may be asked what somebody must say."""
    from syncjob.errors import UsageRefused

    needed = [f"{one.words} State {one.part.option}{_among(one.choices)}" for one in questions if one.needed]
    if yes and needed:
        raise UsageRefused(*needed)
    if not yes and not _somebody():
        raise UsageRefused(*needed, NOBODY)
    found: dict[Part, str] = {}
    for one in questions:
        answer = one.default if yes else _answer(one)
        asked.add(one.part)
        if one.needed or answer != one.default:
            found[one.part] = answer
    return found


def _answer(question: Question) -> str:
    """Ask one question; its default is what is proposed."""
    from syncjob.core.stating import fault
    from syncjob.errors import UsageRefused
    from syncjob.reports.values import visible

    words = visible(question.words)
    if question.choices == (question.default,):
        if not click.confirm(words, default=True, err=True):
            raise UsageRefused("called off: nothing was written; save the file as UTF-8 and look at it again")
        return question.default

    def checked(said: str) -> str:
        answer = said.strip()
        wrong = fault(question.part, answer)
        if question.choices and answer not in question.choices:
            wrong = f"write one of{_among(question.choices)[1:]}"
        if question.needed and not answer:
            wrong = "somebody must say it"
        if wrong:
            raise click.UsageError(wrong)
        return answer

    among = _among(question.choices)
    answer: str = click.prompt(f"{words}{among}", default=question.default or None, value_proc=checked, err=True)
    return answer


def _among(choices: tuple[str, ...]) -> str:
    from syncjob.reports.values import visible

    return f": {', '.join(visible(one) or '(none)' for one in choices)}" if choices else ""


def _somebody() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _check_place(file: Path, output: Path, *, force: bool) -> None:
    """Refuse before anybody is asked anything to write over what is there."""
    from syncjob.errors import UsageRefused

    if output.is_dir() or not output.absolute().parent.is_dir():
        raise UsageRefused(f"-o {output}: is no place for a file; name one in a folder that is there")
    if output.exists() and file.exists() and output.samefile(file):
        raise UsageRefused(f"-o {output}: is the file to look at; name another")
    if output.exists() and not force:
        raise UsageRefused(f"{output} is there already; name another with -o, or replace it with --force")


def _relative(file: Path, output: Path) -> str:
    """Give the file's path as the configuration beside it will hold it; absolute on another drive of Windows."""
    try:
        return Path(os.path.relpath(file.absolute(), output.absolute().parent)).as_posix()
    except ValueError:
        return file.absolute().as_posix()


def _write(output: Path, text: str) -> tuple[Path, ...]:
    """Write the configuration, and the schema that its first line names where none is there."""
    import json

    from syncjob import config, whole
    from syncjob.config.writing import SCHEMA
    from syncjob.errors import StorageRefused

    beside = output.absolute().parent / SCHEMA
    new = () if beside.exists() else (output.parent / SCHEMA,)
    schema = json.dumps(config.schema(), indent=2, ensure_ascii=False) + "\n"
    try:
        for path, said in (*((path, schema) for path in new), (output, text)):
            whole.written(path, partial(_fill, said.encode()))
    except OSError as error:
        raise StorageRefused(
            f"{output}: cannot be written: {error.strerror}; make room there or name another"
        ) from None
    return new


def _fill(said: bytes, file: BinaryIO) -> None:
    file.write(said)


def machine_zone() -> str:
    """Give this machine's time zone: that of TZ, else what /etc/localtime leads to; nothing where neither tells."""
    from syncjob.core.stating import fault
    from syncjob.model.proposal import Part

    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and LOCALTIME.is_symlink():
        named = str(LOCALTIME.readlink()).partition(ZONES)[2]
    return named if named and not fault(Part.TIME_ZONE, named) else ""
