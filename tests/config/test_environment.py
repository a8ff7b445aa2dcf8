"""The environment lays itself over the file: what counts, what it may not say, and where a value comes from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from desk import Desk, crm, renamed

from syncjob import config
from syncjob.errors import UsageRefused

TEXT = """
job: nightly
remote:
  url: http://localhost:8080
limits:
  concurrency: 5
match: {by: id, column: Id}
fields: {Deal: name}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "syncjob.yaml"
    path.write_text(TEXT)
    return path


def test_what_the_environment_says_counts_before_the_file(file: Path) -> None:
    """Sections that the file lacks are begun; paths are the file's folder's."""
    said = {
        "SYNCJOB_LIMITS__CONCURRENCY": "7",
        "SYNCJOB_LEDGER__FILE": "state/x.ledger",
        "SYNCJOB_PLAN__AGE_MAX": "2h",
        "SYNCJOB_TOLERATE": "[unmatched, rejected]",
        "SYNCJOB_GUARDS__VALUE": "{EUR: 500}",
        "SYNCJOB_GUARDS__VALUE__USD": "700",
        "SYNCJOB_GUARDS__CLOSES": "null",
        "SYNCJOB_JOB": "other",
        "SYNCJOB_TOKEN": "secret",
        "SYNCJOB_CONFIG": "x",
        "SYNCJOB_REMOTE_TOKEN": "a variable of somebody's own",
        "SYNCJOB_PLAN": "tonight.plan",
        "OTHER_LIMITS__CONCURRENCY": "9",
    }
    read = config.load(file, said)
    assert (read.limits.concurrency, read.ledger.file) == (7, file.parent / "state" / "x.ledger")
    assert (read.plan.age_max, read.tolerate, read.job) == (timedelta(hours=2), ("unmatched", "rejected"), "other")
    assert (read.guards.value, read.guards.closes) == ({"EUR": 500.0, "USD": 700.0}, None)
    assert config.load(file).limits.concurrency == 5


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SYNCJOB_LIMITS__CONCURENCY", "1", "limits.concurency: unknown key; did you mean 'concurrency'?"),
        ("SYNCJOB_LIMITS__CONCURRENCY", "many", "limits.concurrency: must be a whole number; got 'many'"),
        ("SYNCJOB_FIELDS__DEAL", "name", "names no setting; columns and their fields stand in the file"),
        ("SYNCJOB_LIMITS__", "1", "names no setting"),
        ("SYNCJOB_LIMITS_CONCURRENCY", "1", "two underscores part the steps"),
        ("SYNCJOB_GUARDS", "{closes: 5}", "two underscores part the steps"),
        ("SYNCJOB_Limits__concurrency", "1", "write it in capitals"),
        ("SYNCJOB_GUARDS__CHANGES", "", "is empty; take it away"),
        ("SYNCJOB_TOLERATE", "[unmatched]\nfoo: bar", "holds more than one line"),
        ("SYNCJOB_TOLERATE", "[unmatched", "not valid YAML"),
        ("SYNCJOB_TOLERATE", "[&a x]", "an anchor (&) has no place here"),
        ("SYNCJOB_REMOTE__AUTH__CLIENT_SECRET", "canary", "'client_secret' must not stand in a file"),
    ],
)
def test_what_it_cannot_mean_is_told_with_the_variable(file: Path, name: str, value: str, words: str) -> None:
    """By its name, as a line of the file is; a secret is never shown."""
    with pytest.raises(UsageRefused) as told:
        config.load(file, {name: value})
    problem = told.value.problems[0]
    assert problem.startswith(f"environment variable {name}: ")
    assert words in problem
    assert "canary" not in problem


def test_every_setting_tells_where_it_comes_from(file: Path) -> None:
    """The file's line, a variable, the preset, or a default."""
    file.write_text(TEXT + "preset: salesforce\n")
    found = {name: where for name, _, where in config.explained(file, {"SYNCJOB_REMOTE__PAGE_ROWS": "50"})}
    assert found["job"] == "syncjob.yaml:2"
    assert found["limits.concurrency"] == "syncjob.yaml:6"
    assert found["remote.page_rows"] == "SYNCJOB_REMOTE__PAGE_ROWS"
    assert found["limits.answer_s"] == "default"
    assert found["fields.Deal"] == "syncjob.yaml:8"
    assert found["fields.Amount"] == "preset salesforce"


def test_settings_are_shown_as_they_count(desk: Desk) -> None:
    """As text and as JSON lines; a span of time as one writes it."""
    desk.environ["SYNCJOB_LIMITS__CONCURRENCY"] = "2"
    said = desk.run("config", "show", "--origin")
    assert said.code == 0, said.err
    assert "limits.concurrency: 2  # SYNCJOB_LIMITS__CONCURRENCY\n" in said.out
    assert 'plan.age_max: "24h"  # default\n' in said.out
    assert '"setting": "job", "value": "desk"' in desk.run("config", "show", "--json").out


def test_a_flag_counts_before_the_environment(desk: Desk) -> None:
    """As the environment does before the file."""
    desk.environ["SYNCJOB_LIMITS__ERRORS_MAX"] = "many"
    desk.rows(*renamed(1))
    assert desk.run("plan").code == 2
    desk.environ["SYNCJOB_LIMITS__DURATION_MAX"] = "1s"
    desk.environ["SYNCJOB_LIMITS__ERRORS_MAX"] = "3"
    desk.environ["SYNCJOB_GUARDS__CLOSES"] = "null"
    desk.rows({"CRM Id": crm(1), "Stage": "Won"})
    said = desk.run("apply", "--yes", "--json", "--max-duration", "10m")
    assert (said.code, said.causes) == (0, {crm(1): "confirmed"})
