"""A `Proposal` goes in; out comes the text of a configuration that is written to be read by people.

Each line carries its reason. Every scalar is quoted by PyYAML, because a column may be called `no`, `#` or `a: b`;
what stands in a comment is a quoted scalar too, or a reason, neither of which can end its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import yaml

from syncjob.model.proposal import Column, Finding, Key, Proposal

SCHEMA = "syncjob.schema.json"
TOKEN = "SYNCJOB_TOKEN"  # noqa: S105  # the name of a variable
WIDTH_MAX = 1 << 30
COMMENT_AT = 34
KEY_CHARS_MAX = 1000  # what YAML takes as a key without further marks, with room for its quotes
DECIDE = "decide: say what it means, for example Active/Accepted; blank is no opinion"


def written(proposal: Proposal) -> str:
    """Give the file's text, to be kept beside a schema of that name; it loads as it stands."""
    assert not proposal.questions, "what is open is asked before anything is written"
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        f"# Proposed by `syncjob init` from {_looked_at(proposal)}.",
        "# What is not said here has its default; `syncjob schema` lists every setting.",
        f"job: {scalar(proposal.job)}",
        "",
        *_remote(proposal),
        "",
    ]
    if proposal.preset:
        lines += [_line(f"preset: {scalar(proposal.preset.value)}", proposal.preset.reason), ""]
    lines += ["rows:", f"  file: {scalar(proposal.file)}", *_findings(proposal.reading)]
    lines += ["", *_match(proposal)]
    if proposal.defaults:
        lines += ["defaults:", *_findings(proposal.defaults), ""]
    lines += _fields(proposal)
    return "\n".join(lines) + "\n"


def scalar(text: str) -> str:
    """Give a text as YAML on one line: plain where it reads back as it is, else quoted."""
    style = '"' if not text.isprintable() or text != text.strip() or not text else None
    shown: str = yaml.safe_dump(text, allow_unicode=True, width=WIDTH_MAX, default_style=style)
    shown = shown.removesuffix("\n").removesuffix("...").removesuffix("\n")
    return shown if "\n" not in shown else _escaped(text)


def _escaped(text: str) -> str:
    shown: str = yaml.safe_dump(text, allow_unicode=False, width=WIDTH_MAX, default_style='"')
    return shown.strip()


def _looked_at(proposal: Proposal) -> str:
    rows = "1 row" if proposal.looked_at == 1 else f"{proposal.looked_at:,} rows"
    return (
        f"all {rows} of the file" if proposal.whole else f"the first {rows} of the file; later ones were not looked at"
    )


def _remote(proposal: Proposal) -> Iterator[str]:
    yield "remote:"
    yield _line(f"  url: {scalar(proposal.remote.value)}", proposal.remote.reason)
    if proposal.tenant:
        yield f"  tenant: {scalar(proposal.tenant)}"
    if urlsplit(proposal.remote.value.strip()).scheme == "https":
        yield "  auth:"
        yield _line(f"    token_env: {TOKEN}", "the environment variable that holds the access token")


def _match(proposal: Proposal) -> Iterator[str]:
    key = proposal.key
    assert key is not None, "a proposal without a key is an open question"
    if key.by_preset:
        yield f"# match: by {key.by}, in {scalar(key.column)}, as the preset says"
        yield ""
        return
    yield from _matched(key, proposal.verify)
    yield ""


def _matched(key: Key, verify: Column | None) -> Iterator[str]:
    yield "match:"
    yield f"  by: {key.by}"
    yield _line(f"  column: {scalar(key.column)}", key.reason)
    if key.numeric:
        why = "the workbook holds the keys as numbers; where some begin with 0, format the column as text instead"
        yield _line("  numeric: true", why)
    if verify is not None:
        yield f"  # {_told(verify.reason)}"
        yield f"  verify: {{column: {_flow(verify.name)}, field: {verify.field}}}"


def _fields(proposal: Proposal) -> Iterator[str]:
    ours = [one for one in proposal.columns if one.field and not one.by_preset and one != proposal.verify]
    yield "fields:" if ours else ("fields: {}" if not proposal.preset else "# fields: the preset maps them")
    for one in ours:
        yield from _mapped(one)
    for one in proposal.columns:
        if one.by_preset and one.field:
            yield f"  # {_comment(one.name)}: {one.field}, {_told(one.reason)}"
    key, verify = proposal.key, proposal.verify
    for one in proposal.columns:
        if not one.field and not (key and one.name == key.column) and one != verify:
            yield f"  # {_comment(one.name)}: not mapped: {_told(one.reason)}"


def _mapped(one: Column) -> Iterator[str]:
    name = scalar(one.name)
    mark = f"  {name}" if len(name) <= KEY_CHARS_MAX else f"  ? {name}\n  "
    if not one.translate:
        yield _line(f"{mark}: {one.field}", one.reason)
        return
    yield _line(f"{mark}:", one.reason)
    yield f"    field: {one.field}"
    yield "    translate:"
    for word, meaning in one.translate.items():
        line = f"      {scalar(word)}: {scalar(meaning)}"
        yield line if meaning else _line(line, DECIDE)


def _findings(findings: Mapping[str, Finding]) -> Iterator[str]:
    for name, found in findings.items():
        yield _line(f"  {name}: {scalar(found.value)}", found.reason)


def _line(said: str, why: str) -> str:
    return f"{said:<{COMMENT_AT}}  # {_told(why)}"


def _flow(text: str) -> str:
    """In braces a comma or a bracket would end a plain scalar."""
    shown = scalar(text)
    return shown if shown[0] in "'\"" or not any(mark in shown for mark in ",[]{}") else _quoted(text)


def _quoted(text: str) -> str:
    shown: str = yaml.safe_dump(text, allow_unicode=True, width=WIDTH_MAX, default_style="'")
    return shown.strip()


def _comment(name: str) -> str:
    shown = scalar(name)
    return shown if len(shown) <= KEY_CHARS_MAX else f"{shown[:60]}…"


def _told(why: str) -> str:
    """A reason quotes cells and columns as Python does, which leaves no character that could end a comment."""
    return "".join(char if char.isprintable() else "?" for char in why)
