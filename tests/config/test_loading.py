"""Promises of reading a configuration: the words as written, and everything wrong at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from syncjob.config import load, schema
from syncjob.errors import UsageRefused
from syncjob.settings import Settings

PLAIN = """\
job: nightly
remote:
  url: http://localhost:8080
match:
  by: id
  column: Deal ID
fields:
  Name: name
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for all tests here."""
    return tmp_path_factory.mktemp("config")


def loaded(folder: Path, content: str | bytes) -> Settings:
    """Load a file of this content."""
    file = folder / "syncjob.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(file)


def problems(folder: Path, content: str | bytes) -> list[str]:
    """Give what is wrong with a file, each `LINE: words`."""
    with pytest.raises(UsageRefused) as refused:
        loaded(folder, content)
    start = f"{folder / 'syncjob.yaml'}:"
    assert all(problem.startswith(start) for problem in refused.value.problems)
    return [problem.removeprefix(start) for problem in refused.value.problems]


def test_a_sound_file_is_read(folder: Path) -> None:
    """What stands there is what comes out, the rest are defaults."""
    read = loaded(folder, PLAIN + "limits: {concurrency: 4, answer_s: 2.5}\nguards: {changes: 30%, closes: ~}\n")
    assert read.match is not None
    assert (read.job, read.match.column, read.fields["Name"][0].field) == ("nightly", ("Deal ID",), "name")
    assert (read.limits.concurrency, read.limits.answer_s, read.limits.attempts_max) == (4, 2.5, 5)
    assert (read.guards.changes, read.guards.closes) == (0.3, None)
    assert loaded(folder, b"\xef\xbb\xbf" + PLAIN.encode()).job == "nightly"


@pytest.mark.parametrize("word", ["NO", "yes", "01234", "1.10", "12:30:45", "null", "0x1F", "2024-01-31"])
def test_words_survive_as_they_are_written(folder: Path, word: str) -> None:
    """A CRM's words are not YAML's truth values, numbers or dates."""
    target = f"{{field: status, translate: {{{word}: '{word}'}}}}"
    read = loaded(folder, PLAIN + f"  {word}: {target}\n  Other: '{word}'\n")
    assert read.fields[word][0].translate == {word: word}
    assert read.fields["Other"][0].field == word


@settings(max_examples=60, deadline=None)
@given(words=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_any_quoted_words_survive(folder: Path, words: dict[str, str]) -> None:
    """Whatever text PyYAML writes is read as that text, as key and as value."""
    content = yaml.safe_load(PLAIN)
    content["fields"]["Stage"] = {"field": "status", "translate": words}
    written = yaml.dump(content, Dumper=yaml.SafeDumper, default_style='"')
    assert loaded(folder, written).fields["Stage"][0].translate == words


def test_paths_are_resolved_beside_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, another one under cron, has no say."""
    content = PLAIN.replace("8080\n", "8080\n  ca_bundle: certs/ca.pem\n") + "rows: {file: deals.csv}\n"
    read = loaded(folder, content)
    assert read.rows.file == folder / "deals.csv"
    assert read.ledger.file == folder / "nightly.ledger"
    assert read.remote.ca_bundle == folder / "certs" / "ca.pem"
    monkeypatch.chdir(folder)
    assert load(Path("syncjob.yaml")) == read
    other = loaded(folder, PLAIN + f"ledger: {{file: state/x.db}}\nrows: {{file: {folder}/a.csv}}\n")
    assert (other.ledger.file, other.rows.file) == (folder / "state" / "x.db", folder / "a.csv")
    assert other.remote.ca_bundle is None


def test_a_section_of_comments_only_is_empty(folder: Path) -> None:
    """`limits:` with every line commented out means the defaults."""
    assert loaded(folder, PLAIN + "limits:\n  # concurrency: 4\nrows:\n").limits.concurrency == 8


def test_everything_wrong_is_told_at_once(folder: Path) -> None:
    """Structure, secrets, keys and values in one message, from top to bottom."""
    assert problems(
        folder,
        """\
job: a b
remote:
  urll: https://x
  auth: {client_secret: hunter2}
match:
  by: name
  column:
  verify: {column: Customer}
concurrency: 4
fields:
  A: {fieldd: name}
  B:
  C: [name, {field: status, blank: never}]
guards: {changes: many, closes: -1}
limits:
  concurrency: abc
  connect_s: 0
  concurrency: 5
  retries_share: 2
plan: {age_max: x}
rows: {delimiter: "|", strict_columns: perhaps, nothing_like_it: 1}
tolerate: unmatched
merge: [keep]
defaults: {locale: [de]}
""",
    ) == [
        "1: job: must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$; got 'a b'",
        "2: remote.url: is missing: https://HOST; http for localhost only",
        "3: remote.urll: unknown key; did you mean 'url'?",
        (
            "4: 'client_secret' must not stand in a file; put it in an environment variable and name that "
            "(remote.auth.token_env or client_secret_env)"
        ),
        "4: remote.auth: takes one of token_env, token_command, client_id; none stands there",
        "6: match.by: must be 'id' or 'externalReferenceId'; got 'name'",
        "7: match.column: must be a text; got nothing",
        "8: match.verify.field: is missing",
        "9: concurrency: unknown key; did you mean 'limits.concurrency'?",
        "11: fields.A.field: is missing",
        "11: fields.A.fieldd: unknown key; did you mean 'field'?",
        "12: fields.B: must be a field's name, or a mapping with 'field: …' in it",
        "13: fields.C.2.blank: must be 'ignore', 'clear' or 'error'; got 'never'",
        "14: guards.closes: must be at least 0; got '-1'",
        "14: guards.changes: 'many' is neither a count of rows nor a share such as 30%",
        "16: limits.concurrency: must be a whole number; got 'abc'",
        "17: limits.connect_s: must be greater than 0; got '0'",
        "18: the key 'concurrency' stands here and on line 16; keep one of them",
        "19: limits.retries_share: must be at most 1; got '2'",
        "20: plan.age_max: 'x' is no duration; write a number and a unit, for example 24h or 90m",
        "21: rows.delimiter: must be 'auto', ',', ';', '\\t' or 'tab'; got '|'",
        "21: rows.strict_columns: must be true or false; got 'perhaps'",
        (
            "21: rows.nothing_like_it: unknown key; known here: file, format, sheet, workbook_s, encoding, delimiter, "
            "final_newline, rows_min, done_marker, strict_columns"
        ),
        "22: tolerate: must be a list, '- value' lines below it; got 'unmatched'",
        "23: merge: must be a mapping, 'key: value' lines below it",
        "24: defaults.locale: must be a text",
    ]


@pytest.mark.parametrize("verify", ["[a]", "{column: a, field: [b]}"])
def test_a_value_of_either_kind_is_told_once(folder: Path, verify: str) -> None:
    """Where a text or a mapping may stand, the complaint is about what stands there."""
    (said,) = problems(folder, PLAIN.replace("Deal ID", f"Deal ID\n  verify: {verify}"))
    assert said.startswith("7: match.verify")


def test_a_missing_sign_in_is_told_at_the_remote(folder: Path) -> None:
    """A rule over several keys names the section that it speaks of."""
    (said,) = problems(folder, PLAIN.replace("http://localhost:8080", "https://api.partner.microsoft.com"))
    assert said.startswith("2: remote.auth is missing")


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "api.partner.microsoft.com.x.example"])
def test_a_host_that_is_not_the_remotes_is_refused_until_it_is_meant(folder: Path, host: str) -> None:
    """The token must not go to whatever a typo, or somebody with the file, names (F-115)."""
    text = PLAIN.replace("url: http://localhost:8080", f"url: https://{host}\n  auth: {{token_env: TOKEN}}")
    (said,) = problems(folder, text)
    assert f"remote.url: {host} is neither api.partner.microsoft.com nor this machine" in said
    assert loaded(folder, text.replace("auth:", "other_host: true\n  auth:")).remote.other_host


def test_long_values_are_shortened(folder: Path) -> None:
    """A message stays a message."""
    (said,) = problems(folder, PLAIN + f"rows: {{format: {'x' * 500}}}\n")
    assert said.endswith("; got '" + "x" * 60 + "…'")


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n"])
def test_an_empty_file_lacks_everything(folder: Path, content: str) -> None:
    """What must stand in a configuration is named."""
    assert [said.split(":")[1].strip() for said in problems(folder, content)] == ["job", "remote"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN + "rows: &a {format: csv}\n", "9: an anchor (&) has no place here"),
        (PLAIN + "tolerate: [*a]\n", "9: an alias (*) has no place here"),
        (PLAIN + "rows: {encoding: !!str auto}\n", "9: a tag (!) has no place here"),
        (PLAIN + "rows: !!python/object:os.system {}\n", "9: a tag (!) has no place here"),
        (PLAIN + "---\njob: other\n", "9: a second document begins"),
        (PLAIN + "? [a]\n: b\n", "9: a key must be a text"),
        (PLAIN + "rows: [\n", "10: not valid YAML"),
        (PLAIN + "rows: 'x\n", "10: not valid YAML"),
        (PLAIN + "x: a: b\n", "9: not valid YAML"),
        (PLAIN + "x: \x07\n", "9: the character U+0007 is not allowed"),
        (PLAIN + "x: " + "[" * 100_000, "9: nested deeper than 20 levels"),
        (PLAIN + "x: " + "[" * 30 + "]" * 30, "9: nested deeper than 20 levels"),
        (PLAIN + "Name: José\n".encode("cp1252").decode("latin-1"), "9: Name: unknown key"),
        ("- job: nightly\n", "1: a configuration is a mapping"),
        ("nightly\n", "1: a configuration is a mapping"),
    ],
)
def test_what_has_no_place_is_told_with_its_line(folder: Path, content: str, said: str) -> None:
    """Hidden, repeated, nested, broken: a line and words, never a traceback."""
    assert any(one.startswith(said) for one in problems(folder, content))


def test_a_file_in_another_encoding_is_refused(folder: Path) -> None:
    """A configuration is UTF-8."""
    assert problems(folder, PLAIN.encode() + "x: José\n".encode("cp1252")) == ["9: not UTF-8; save it as UTF-8"]


def test_a_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    """A folder, or the file of rows in its place, is named."""
    with pytest.raises(UsageRefused, match="cannot be read"):
        load(folder)
    (folder / "deals.yaml").write_text("x" * 4_000_001)
    with pytest.raises(UsageRefused, match="is it the file of rows"):
        load(folder / "deals.yaml")


@pytest.mark.parametrize(
    "key",
    [
        "client_secret",
        "secret",
        "password",
        "token",
        "refresh_token",
        "api_key",
        "authorization",
        "clientSecret",
        "Client-Secret",
        "API_KEY",
        "access token",
    ],
)
@pytest.mark.parametrize("shape", ["{}: hunter2", "remote_: {{{}: hunter2}}", "x: [{{{}: {{a: hunter2}}}}]"])
def test_no_secret_stands_in_a_file(folder: Path, key: str, shape: str) -> None:
    """Wherever a key smells of a secret it is refused, and the value appears nowhere."""
    said = problems(folder, PLAIN + shape.format(key) + "\n")
    assert any(one.startswith(f"9: {key!r} must not stand in a file") for one in said)
    assert "hunter2" not in "".join(said)


@pytest.mark.parametrize(
    "remote",
    [
        "{url: 'https://ann:hunter2@x.example'}",
        "{url: 'http://ann:hunter2@x.example'}",
        "{url: http://localhost, auth: Bearer hunter2}",
        "{url: http://localhost, auth: {token_env: ey.hunter2}}",
        "{url: http://localhost, auth: {token_env: [hunter2]}}",
        "Bearer hunter2",
        "{url: http://localhost, password: &hunter2 x}",
        "{url: http://localhost, password: *hunter2 }",
        "{url: http://localhost, password: !hunter2 x}",
        "{url: http://localhost, password: 'hunter2}",
    ],
)
def test_no_message_shows_a_secret(folder: Path, remote: str) -> None:
    """A token or password in the wrong place is refused without being repeated."""
    said = problems(folder, PLAIN.replace("\n  url: http://localhost:8080", f" {remote}"))
    assert said
    assert "hunter2" not in "".join(said)


def test_a_token_is_named_by_its_variable(folder: Path) -> None:
    """`token_env` holds a name; a column may be called Token and a word Secret."""
    fields = "  Token: {field: name, translate: {Secret: Password}}\n  password: name\n"
    read = loaded(folder, PLAIN.replace("8080", "8080\n  auth: {token_env: MY_TOKEN}") + fields)
    assert read.remote.auth is not None
    assert read.remote.auth.token_env == "MY_TOKEN"
    assert read.fields["Token"][0].translate == {"Secret": "Password"}


KEYS = st.sampled_from(["concurrency", "attempts_max", "reads_max", "answer_s", "wait_max_s", "input_mb_max"])


@settings(max_examples=60, deadline=None)
@given(key=KEYS, at=st.integers(1, 20), letter=st.sampled_from("xyzq"))
def test_a_misspelt_key_is_recognised(folder: Path, key: str, at: int, letter: str) -> None:
    """One wrong letter more: the line and the right key are told."""
    wrong = key[:at] + letter + key[at:]
    assert problems(folder, PLAIN + f"limits:\n  {wrong}: 1\n") == [
        f"10: limits.{wrong}: unknown key; did you mean {key!r}?"
    ]


@settings(max_examples=150, deadline=None)
@given(content=st.text(st.sampled_from("job: -[]{}&*!|>'\"\n\t#?,~\0x"), max_size=40))
def test_any_text_is_refused_with_words(folder: Path, content: str) -> None:
    """No content is a crash; each problem has a line."""
    assert all(int(said.split(":")[0]) >= 1 for said in problems(folder, content))


def test_the_schema_describes_a_configuration() -> None:
    """Editors get a schema with a title, closed sections and the required keys."""
    said = json.loads(json.dumps(schema()))
    assert said["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert said["title"] == "syncjob configuration"
    assert said["required"] == ["job", "remote"]
    assert said["additionalProperties"] is False


@pytest.mark.parametrize("form", ["%d.%m.", "DD.MM.YYYY", "%d%d %m %Y", "%d.%m.%Y%", "%Q"])
def test_a_form_of_dates_that_cannot_be_read_again_is_refused(folder: Path, form: str) -> None:
    """With its line, before any cell is blamed for it."""
    (said,) = problems(folder, PLAIN + f"defaults: {{date_format: '{form}'}}\n")
    assert 'names no day, month and year; write it like "%d.%m.%Y", which is 31.12.2026' in said
