"""What was asked for goes in; out comes the path of the configuration file that is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from syncjob.errors import UsageRefused

VARIABLE = "SYNCJOB_CONFIG"
NAME = "syncjob.yaml"


def find(given: str | None, environ: Mapping[str, str], folder: Path) -> Path:
    """Give the file that was named, else that of SYNCJOB_CONFIG, else `syncjob.yaml` in the folder.

    What is named but not there is refused: another file in its place would be another job.
    """
    named = given or environ.get(VARIABLE)
    path = folder / (named or NAME)
    if path.is_file():
        return path
    if given:
        way_out = "check --config"
    elif named:
        way_out = f"check the environment variable {VARIABLE}"
    else:
        way_out = f"name one with --config FILE or in the environment variable {VARIABLE}"
    wrong = "configuration is a directory" if path.is_dir() else "configuration not found"
    raise UsageRefused(f"{wrong}: {path}; {way_out}")
