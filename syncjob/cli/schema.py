"""`syncjob schema`: the configuration's JSON Schema, for editors."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> int:
    """Print the JSON Schema of the configuration."""
    from syncjob import config
    from syncjob.cli.terminal import emit

    emit([json.dumps(config.schema(), indent=2, ensure_ascii=False), "\n"])
    return 0
