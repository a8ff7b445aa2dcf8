"""`syncjob config show`: the settings as they count, and where each comes from."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from syncjob.cli.options import looking


@click.group()
def config() -> None:
    """Show the settings, and where each comes from.

    A flag of a command counts before the environment, the environment before the file, the
    file before the defaults.
    """


@config.command()
@click.option("--origin", is_flag=True, help="Say where each value comes from: the file's line, a variable, a default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@looking
def show(config: str | None, *, origin: bool, as_json: bool) -> int:
    """Show every setting as it counts.

    Paths are shown as they are written; they are taken relative to the file's folder.
    """
    import os

    from syncjob import config as configuration
    from syncjob.cli.terminal import emit

    path = configuration.find(config, os.environ, Path.cwd())
    for name, value, where in configuration.explained(path, os.environ):
        if as_json:
            emit([_json({"setting": name, "value": value, "origin": where}), "\n"])
        else:
            emit([f"{name}: {_json(value)}", f"  # {where}" if origin else "", "\n"])
    return 0


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    """Write a span of time as a configuration does, and a path as a text."""
    if not isinstance(value, timedelta):
        return str(value)
    seconds = int(value.total_seconds())
    unit, size = next(one for one in (("h", 3_600), ("m", 60), ("s", 1)) if seconds % one[1] == 0)
    return f"{seconds // size}{unit}"
