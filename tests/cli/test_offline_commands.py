from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from desk import PATIENCE_S, Desk, crm, referral, renamed, sheet

from syncjob import config
from syncjob.settings import Settings

CONFIGS = Path(__file__).parents[2] / "configs"


def test_validate_is_calm_about_a_good_file(desk: Desk) -> None:
    """Exit 0, one line, and the remote is asked nothing."""
    desk.rows(*renamed(1, 2))
    said = desk.run("validate")
    assert (said.code, said.out) == (0, "2 rows: 2 can be planned, 0 cannot\n")
    assert desk.box.records == []


def test_validate_names_every_fault_by_its_place(desk: Desk) -> None:
    """Exit 3; a line a row, at most fifty of them, and the count of the rest."""
    desk.rows(*renamed(1), *({"CRM Id": crm(n), "Amount": "x"} for n in range(2, 62)))
    said = desk.run("validate")
    lines = said.out.splitlines()
    assert said.code == 3
    assert lines[0].startswith("rows.csv:3 Amount: 'x' is not a plain number")
    assert lines[-2:] == ["… and 10 more", "61 rows: 1 can be planned, 60 cannot"]
    assert len(lines) == 52


def test_validate_tolerates_what_the_configuration_does(desk: Desk) -> None:
    """`tolerate` counts here too; twins are told without a remote."""
    desk.configure(tolerate=["ragged_line"])
    desk.put("rows.csv", sheet(renamed(1, 1)) + "ragged\n")
    said = desk.run("validate")
    assert said.code == 0
    assert "rows.csv:3 asks the same of the same referral as rows.csv:2" in said.out


@pytest.mark.parametrize(
    ("content", "words", "code"),
    [(b"", "0 data rows", 4), (b"CRM Id\nx\n", "has no column 'Deal'", 4), (b"CRM Id\n\xe4\n", "Windows-1252", 4)],
)
def test_validate_refuses_what_apply_would(desk: Desk, content: bytes, words: str, code: int) -> None:
    """The file as a whole: exit 4 in the same words."""
    desk.put("rows.csv", content)
    for command in ("validate", "plan"):
        said = desk.run(command)
        assert said.code == code
        assert words in said.err


def test_validate_notes_what_is_odd(desk: Desk) -> None:
    """Unmapped columns are noted, and refused with --strict."""
    desk.put("rows.csv", "CRM Id,Deal,Extra\nx,y,z\n")
    desk.configure(fields={"Deal": "name"})
    assert "note: column 'Extra' is mapped to no field" in desk.run("validate").err
    assert desk.run("validate", "--strict").code == 4


def test_validate_checks_the_configuration_first(desk: Desk) -> None:
    """A mistake there is exit 2."""
    desk.configure(match={"by": "name"})
    assert desk.run("validate").code == 2


def test_schema_is_a_json_schema_of_the_configuration(desk: Desk) -> None:
    """Every section and key stands in it, every reference leads somewhere, and what is unknown is refused."""
    said = desk.run("schema")
    schema = json.loads(said.out)
    assert (said.code, said.err) == (0, "")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == list(Settings.model_fields)
    assert schema["required"] == ["job", "remote"]
    assert schema["additionalProperties"] is False
    for reference in _references(schema):
        assert reference.startswith("#/$defs/")
        assert reference.rpartition("/")[2] in schema["$defs"]
    assert all(one["additionalProperties"] is False for one in schema["$defs"].values() if one.get("type") == "object")


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [one for below in value.values() for one in _references(below)]
    return [one for below in value for one in _references(below)] if isinstance(value, list) else []


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_example_configurations_load(path: Path) -> None:
    """What is shipped is right: the loader takes it, and every key of it stands in the schema."""
    config.load(path)
    assert yaml.safe_load(path.read_text()).keys() <= config.schema()["properties"].keys()


def test_the_sandbox_runs_until_it_is_stopped(desk: Desk) -> None:
    """It prints its address, answers as the API does with the faults it was asked for, and ends at a signal."""
    desk.put("seed.json", json.dumps([referral(1)]))
    words = ("--port", "0", "--seed", "seed.json", "--fault", "altered=1", "--no-list-etags", "--random-seed", "3")
    with desk.start("sandbox", *words) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert _asked(f"{url}/sandbox/faults")["altered"] == 1
            page = _asked(f"{url}/v1.0/engagements/referrals")
            assert [one["externalReferenceId"] for one in page["value"]] == [crm(1)]
            assert "eTag" not in page["value"][0]
            desk.configure(remote={"url": url})
            desk.rows({"CRM Id": crm(1), "Action": "A sentence that is cut"})
            assert desk.run("apply", "--yes", "--json").causes == {crm(1): "accepted_altered"}
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (out, "Traceback" in err) == ("", False)


def _asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "lots=1"], "there is no fault 'lots', did you mean lost?"),
        (["--fault", "lost"], "write a fault as NAME=RATE, such as lost=0.1"),
        (["--fault", "lost=2"], "a rate lies between 0 (never) and 1 (always)"),
        (["--fault", "lost=often"], "a rate is a number such as 0.1"),
        (["--seed", "gone.json"], "gone.json"),
        (["--port", "65536"], "65536 is not in the range 0<=x<=65535"),
        (["--seed", "syncjob.yaml"], "syncjob: "),
    ],
)
def test_the_sandbox_refuses_what_it_does_not_know(desk: Desk, words: list[str], said: str) -> None:
    """Bad faults and seeds are exit 2 with the way out, before a socket is opened."""
    found = desk.run("sandbox", "--port", "0", *words)
    assert (found.code, found.out) == (2, "")
    assert said in found.err


def test_a_port_that_is_taken_is_told(desk: Desk) -> None:
    """No traceback: a sentence with the port."""
    port = desk.box.url.rpartition(":")[2]
    said = desk.run("sandbox", "--port", port)
    assert said.code == 2
    assert port in said.err
