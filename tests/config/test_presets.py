"""Promises of presets: each is a sound configuration, and what the user says counts in its place."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from syncjob.config import load, presets
from syncjob.core.feeds import Feeds, compiled
from syncjob.core.fields import find
from syncjob.errors import UsageRefused
from syncjob.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HEAD = "job: nightly\nremote: {url: http://localhost:8080}\npreset: "
NEVER_PROPOSED = ("/details/notes", "/inviteContext/notes", "/customerProfile/team", "/details/customerAction")


def loaded(folder: Path, preset: str, content: str = "") -> Settings:
    """Load a configuration with this preset and these lines."""
    file = folder / "syncjob.yaml"
    file.write_text(f"{HEAD}{preset}\n{content}", encoding="utf-8")
    return load(file)


def feeding(feeds: Feeds, path: str) -> list[str]:
    """Give the columns that feed a field."""
    return [feed.column for feed in feeds.feeds if feed.field.path == path]


def written(name: str) -> str:
    """Give the text of a preset."""
    return (Path(presets.__file__).with_name("presets") / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_preset_is_a_sound_configuration(tmp_path: Path, name: str) -> None:
    """Alone it loads and compiles; every column may be missing but the key, and each that is left out says why."""
    settings = loaded(tmp_path, name)
    feeds = compiled(settings)
    assert settings.match is not None
    assert all(target.optional for targets in settings.fields.values() for target in targets)
    assert {feed.column for feed in feeds.feeds} <= feeds.optional
    assert all(len(why) > 10 for why in settings.ignore.values())
    assert not set(settings.ignore) & {*settings.fields, *settings.match.column, *settings.match.like}
    assert (tmp_path / "syncjob.yaml").read_text().count("\n") == 3, "the user's file is all that a user writes"


@pytest.mark.parametrize("name", presets.NAMES)
def test_a_preset_states_nothing_that_is_the_user_s(tmp_path: Path, name: str) -> None:
    """No currency, locale or zone; nothing that people read is proposed, and consent only by the remote's template."""
    settings = loaded(tmp_path, name)
    general = settings.defaults
    assert (general.currency, general.locale, general.time_zone, general.blank) == (None, None, None, None)
    fed = {feed.field.path for feed in compiled(settings).feeds}
    assert not fed & set(NEVER_PROPOSED)
    assert any(path.startswith("/consent") for path in fed) == (name == "partner-center")
    zones = {target.time_zone for targets in settings.fields.values() for target in targets}
    assert zones == ({None, "UTC"} if name == "partner-center" else {None})


@pytest.mark.parametrize("name", ["salesforce", "hubspot", "dynamics"])
def test_the_key_feeds_its_field_and_a_stage_only_ends(tmp_path: Path, name: str) -> None:
    """A linked referral is given its id; of the status a preset knows the ends alone."""
    settings = loaded(tmp_path, name)
    feeds = compiled(settings)
    assert feeding(feeds, "/externalReferenceId") == list(feeds.key_columns)
    for feed in feeds.feeds:
        if feed.field.path == "/status":
            assert set(feed.words.values()) == {"Closed/Won", "Closed/Lost", ""}
            assert {"new": "", "active": "", "closed": "", "*": ""}.items() <= feed.words.items()
        if feed.field.path == "/salesStage":
            assert {word for word in feed.words.values() if word} <= {str(n) for n in range(10, 101)}
    assert set(feeds.like.values()) == {"/customerProfile/name"}


@pytest.mark.parametrize("name", presets.NAMES)
def test_columns_of_a_preset_are_all_that_stand_in_it(name: str) -> None:
    """Whoever recognises a file by its header asks for these."""
    content = yaml.safe_load(written(name))
    match = content["match"]
    keys = match["column"] if isinstance(match["column"], list) else [match["column"]]
    known = {*keys, *match.get("like", ()), *content["fields"], *content["ignore"]}
    assert presets.columns_of(name) == known
    assert (set(keys) | {"Sales Stage"} if name == "partner-center" else set(keys)) <= presets.columns_of(name)


def test_the_names_are_those_of_the_settings() -> None:
    """What may be written is what there is."""
    assert set(presets.NAMES) == {path.stem for path in Path(presets.__file__).with_name("presets").iterdir()}
    assert all(f"'{name}'" in str(Settings.model_fields["preset"].annotation) for name in presets.NAMES)


def test_the_user_s_column_takes_the_place_of_the_preset_s(tmp_path: Path) -> None:
    """Whole, whatever it feeds; the other columns of its field give way as well, the other fields of theirs stay."""
    feeds = compiled(loaded(tmp_path, "salesforce", "fields: {Stage: details.closingDateTime, Worth: salesStage}\n"))
    assert feeding(feeds, "/salesStage") == ["Worth"]
    assert feeding(feeds, "/details/closingDateTime") == ["Stage"]
    assert feeding(feeds, "/status") == ["StageName", "STAGENAME"]
    assert feeding(feeds, "/name") == ["Opportunity Name", "Name", "NAME"]


@pytest.mark.parametrize("nothing", ["", '""', "null", "~"])
def test_a_column_without_a_meaning_is_taken_out(tmp_path: Path, nothing: str) -> None:
    """Mapped or left out, the preset no longer knows it; one that it never knew is a mistake, told with its line."""
    settings = loaded(tmp_path, "hubspot", f"fields:\n  Amount: {nothing}\n  Pipeline: {nothing}\n")
    assert not {"Amount", "Pipeline"} & {*settings.fields, *settings.ignore}
    assert "Deal Name" in settings.fields
    with pytest.raises(UsageRefused) as refused:
        compiled(loaded(tmp_path, "hubspot", f"fields:\n  Amuont: {nothing}\n"))
    assert "fields.Amuont" in str(refused.value)


def test_ignore_and_fields_never_name_one_column(tmp_path: Path) -> None:
    """What the user maps, matches or verifies by is not left out; what the user leaves out feeds nothing."""
    content = """\
match: {verify: {column: Customer Name, field: customerProfile.name}}
fields: {Notes: notes}
ignore: {Sales Stage: the CRM keeps none, Extra: mine, Errors: ""}
"""
    settings = loaded(tmp_path, "partner-center", content)
    assert settings.fields["Notes"][0].field == "notes"
    assert not {"Notes", "Customer Name", "Errors"} & settings.ignore.keys()
    assert (settings.ignore["Sales Stage"], settings.ignore["Extra"]) == ("the CRM keeps none", "mine")
    assert "Sales Stage" not in settings.fields
    assert settings.ignore["Engagement ID"] == "the remote's own"
    with pytest.raises(UsageRefused, match=r"ignore.Topic: the column is used as well"):
        compiled(loaded(tmp_path, "dynamics", "fields: {Topic: name}\nignore: {Topic: no}\n"))


def test_sections_merge_key_by_key(tmp_path: Path) -> None:
    """The user's word counts, the rest of the section stays."""
    content = """\
match: {like: {Client: customerProfile.name, Associated Company: ""}}
defaults: {time_zone: Europe/Berlin}
"""
    settings = loaded(tmp_path, "hubspot", content)
    assert settings.match is not None
    assert (settings.match.by, settings.match.column) == ("externalReferenceId", ("Record ID",))
    assert settings.match.numeric
    assert settings.match.like == {"Client": "customerProfile.name"}
    assert (settings.defaults.time_zone, settings.defaults.date_format) == ("Europe/Berlin", "%Y-%m-%d %H:%M")
    assert loaded(tmp_path, "hubspot", "defaults: {date_format: null}\n").defaults.date_format is None
    assert loaded(tmp_path, "hubspot", "match:\ndefaults:\nfields:\nignore:\n") == loaded(tmp_path, "hubspot")


def test_the_key_that_the_user_names_gives_the_id(tmp_path: Path) -> None:
    """Otherwise the preset's column would write another id over the one that rows are matched by."""
    feeds = compiled(loaded(tmp_path, "salesforce", "match: {column: [Deal No, No]}\n"))
    assert feeds.key_columns == ("Deal No", "No")
    assert feeding(feeds, "/externalReferenceId") == ["Deal No", "No"]
    by_id = compiled(loaded(tmp_path, "salesforce", "match: {by: id, column: Referral}\n"))
    assert feeding(by_id, "/externalReferenceId") == ["Opportunity ID", "Id", "ID"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("match: {by: name}\n", "4: match.by: must be 'id' or 'externalReferenceId'"),
        ("fields:\n  Amount: {fieldd: dealValue}\n", "5: fields.Amount.fieldd: unknown key"),
        ("fields: [a]\n", "4: fields: must be a mapping"),
        ("match: Record ID\n", "4: match: must be a mapping"),
        ("ignore: {Heat: [a]}\n", "4: ignore.Heat: must be a text"),
        ("defaults: {currency: euro}\n", "4: defaults.currency: must match"),
        ("match: {like: x}\n", "4: match.like: must be a mapping"),
        ("match: {column: {a: b}}\n", "4: match.column"),
    ],
)
def test_mistakes_are_told_on_the_user_s_line(tmp_path: Path, content: str, said: str) -> None:
    """No message names a line of a file that the user has not written."""
    with pytest.raises(UsageRefused) as refused:
        loaded(tmp_path, "hubspot", content)
    start = f"{tmp_path / 'syncjob.yaml'}:"
    assert [one for one in refused.value.problems if one.startswith(start + said)], refused.value.problems
    assert len(refused.value.problems) == 1 or "fieldd" in content


@pytest.mark.parametrize("name", ["sugar", "[salesforce]", "Salesforce"])
def test_an_unknown_preset_is_refused(tmp_path: Path, name: str) -> None:
    """With its line and the names that there are."""
    with pytest.raises(
        UsageRefused, match="3: preset: must be 'salesforce', 'hubspot', 'dynamics' or 'partner-center'"
    ):
        loaded(tmp_path, name)


def test_without_a_preset_nothing_is_laid_under() -> None:
    """The reference configuration names none."""
    assert load(ROOT / "configs" / "example.yaml").preset is None


def test_every_field_of_a_preset_exists() -> None:
    """By its own name, and writable."""
    for name in presets.NAMES:
        for targets in yaml.safe_load(written(name))["fields"].values():
            for target in targets if isinstance(targets, list) else [targets]:
                field = find(target["field"])
                assert field is not None
                assert not field.locked


def test_presets_are_in_the_wheel(tmp_path: Path) -> None:
    """Who installs the package has them."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        assert {f"syncjob/config/presets/{name}.yaml" for name in presets.NAMES} <= set(package.namelist())
