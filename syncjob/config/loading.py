"""A path goes in; out comes the `Settings` that stand there, its paths resolved, or every problem with its line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from syncjob.config.environment import laid_over, named
from syncjob.config.nodes import Node, Problem, Unreadable, parse
from syncjob.config.origins import Origin, origins
from syncjob.config.presets import laid_under
from syncjob.config.secrets import without_secrets
from syncjob.config.wording import section_of, worded
from syncjob.errors import UsageRefused
from syncjob.settings import Settings
from syncjob.settings.auth import Auth

BYTES_MAX = 4_000_000


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check a configuration; what the environment says of a setting counts before the file.

    Paths (`rows.file`, `ledger.file` and so on) come out absolute, resolved against the file's folder and never the
    working folder: under cron that is another one, and a ledger elsewhere would be an empty one.
    Raises UsageRefused with all problems, a line each; none of them shows a secret.
    """
    settings, _ = _checked(path, environ or {})
    return _resolved(settings, path.absolute().parent)


def explained(path: Path, environ: Mapping[str, str]) -> Iterator[Origin]:
    """Read and check as `load` does, and give every setting with its value as it stands there, and where from."""
    settings, root = _checked(path, environ)
    return origins(settings, root, named(environ), path.name, settings.preset)


def _checked(path: Path, environ: Mapping[str, str]) -> tuple[Settings, Node]:
    variables = named(environ)
    try:
        root, problems = parse(_text(path))
    except Unreadable as error:
        raise _refused(path, [error.problem], variables) from None
    root, more = laid_over(root, environ)
    root, secrets = without_secrets(root)
    problems += (*more, *secrets)
    root = laid_under(root)
    try:
        settings = Settings.model_validate(_filled(root).plain())
    except ValidationError as error:
        raise _refused(path, problems + worded(error, root), variables) from None
    if problems:
        raise _refused(path, problems, variables)
    return settings, root


def schema() -> dict[str, Any]:
    """Give the JSON Schema of a configuration, for editors that complete and check while one types."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(),
        "title": "syncjob configuration",
    }


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise UsageRefused(f"{path}: the configuration cannot be read: {error.strerror}") from None
    if len(raw) > BYTES_MAX:
        raise UsageRefused(f"{path}: larger than {BYTES_MAX // 1_000_000} MB: is it the file of rows?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(Problem(raw.count(b"\n", 0, error.start) + 1, "not UTF-8; save it as UTF-8")) from None


def _filled(root: Node) -> Node:
    """A section whose every line is commented out is an empty section, not the value null."""
    assert isinstance(root.value, dict), "a document's root is a mapping"
    return Node(
        root.line,
        {
            key: Node(node.line, {}) if node.value is None and section_of(key) else node
            for key, node in root.value.items()
        },
    )


def _resolved(settings: Settings, folder: Path) -> Settings:
    """Give the same settings with absolute paths."""
    rows, ledger, remote, match = settings.rows, settings.ledger, settings.remote, settings.match
    return settings.model_copy(
        update={
            "rows": rows.model_copy(update={"file": _at(folder, rows.file)}),
            "ledger": ledger.model_copy(update={"file": _at(folder, ledger.file or Path(f"{settings.job}.ledger"))}),
            "remote": remote.model_copy(
                update={"ca_bundle": _at(folder, remote.ca_bundle), "auth": remote.auth and _signing(settings, folder)}
            ),
            "reports": settings.reports.model_copy(update={"dir": _at(folder, settings.reports.dir)}),
            "notices": settings.notices.model_copy(update={"metrics_file": _at(folder, settings.notices.metrics_file)}),
            "match": match and match.model_copy(update={"links": _at(folder, match.links)}),
        }
    )


def _signing(settings: Settings, folder: Path) -> Auth:
    """Give the sign-in with absolute paths; its own file has a folder of its own."""
    auth = settings.remote.auth
    assert auth is not None, "there is something to sign in with"
    kept = auth.store_file or Path(f"{settings.job}.sign-in") / "token"
    paths = {name: _at(folder, getattr(auth, name)) for name in ("client_secret_file", "certificate_file")}
    return auth.model_copy(update={**paths, "store_file": _at(folder, kept)})


def _at(folder: Path, path: Path | None) -> Path | None:
    return path and Path(os.path.normpath(folder / path))


def _refused(path: Path, problems: list[Problem], variables: list[str]) -> UsageRefused:
    """Tell all at once: the environment's, then from the top of the file to its end."""

    def at(line: int) -> str:
        return f"{path}:{line}" if line >= 0 else f"environment variable {variables[-line - 1]}"

    return UsageRefused(*(f"{at(one.line)}: {one.said}" for one in sorted(problems, key=lambda one: one.line)))
