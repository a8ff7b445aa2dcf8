"""Promises of which configuration file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncjob.config import find
from syncjob.errors import UsageRefused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with three configurations and a folder in it."""
    for name in ("syncjob.yaml", "given.yaml", "named.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "jobs").mkdir()
    return tmp_path


def test_what_is_given_comes_first_then_the_variable_then_the_folder(folder: Path) -> None:
    """The nearest word counts; relative names start at the folder."""
    environ = {"SYNCJOB_CONFIG": "named.yaml"}
    assert find("given.yaml", environ, folder) == folder / "given.yaml"
    assert find(str(folder / "given.yaml"), environ, folder / "jobs") == folder / "given.yaml"
    assert find(None, environ, folder) == folder / "named.yaml"
    assert find(None, {"SYNCJOB_CONFIG": ""}, folder) == folder / "syncjob.yaml"


@pytest.mark.parametrize(
    ("given", "environ", "inside", "said"),
    [
        ("lost.yaml", {}, "", "lost.yaml; check --config"),
        (None, {"SYNCJOB_CONFIG": "lost.yaml"}, "", "lost.yaml; check the environment variable SYNCJOB_CONFIG"),
        (None, {}, "jobs", "syncjob.yaml; name one with --config FILE or in the environment variable"),
        ("jobs", {}, "", "configuration is a directory"),
    ],
)
def test_what_is_not_there_is_refused(
    folder: Path, given: str | None, environ: dict[str, str], inside: str, said: str
) -> None:
    """Another file never takes the place of a named one; the way out is told."""
    with pytest.raises(UsageRefused) as refused:
        find(given, environ, folder / inside)
    assert said in str(refused.value)
