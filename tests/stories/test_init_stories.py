from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from desk import Desk, crm, sheet

from syncjob.errors import BrokenAssumption
from syncjob.job import proposing

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
KINDS = (".csv", ".yaml", ".yml", ".json", ".jsonl", ".xlsx")
FILES = sorted(
    path.relative_to(SAMPLES)
    for path in SAMPLES.rglob("*")
    if path.suffix in KINDS and not path.name.startswith("referrals")
)
BY_HAND = {
    "nightly.csv": "sandbox.yaml",
    "deals.yaml": "sandbox.yaml",
    "twins.csv": "sandbox.yaml",
    "bad-rows.csv": "sandbox.yaml",
    "deals-semicolon.csv": "sandbox-de.yaml",
    "dynamics.csv": "preset-dynamics.yaml",
    "hubspot.csv": "preset-hubspot.yaml",
    "partner-center.csv": "preset-partner-center.yaml",
    "salesforce.csv": "preset-salesforce.yaml",
    "salesforce-dataloader.csv": "preset-salesforce.yaml",
}
IN_STEP = ("bad-rows.csv",)  # its sound rows change nothing that is compared
COMPARED = ("/details/dealValue", "/details/closingDateTime", "/status", "/substatus")
GERMAN = "CRM-Nummer;Projekt;Wert;Abschluss\n{};Größe;1.250,00;31.03.2027\n"


def _init(desk: Desk, file: object, *args: str, code: int = 0) -> str:
    desk.config.unlink(missing_ok=True)
    said = desk.run("init", "--from", str(file), "--remote", desk.box.url, "--yes", *args)
    assert said.code == code, said
    return said.err if code else said.out


def _config(desk: Desk) -> Any:
    return yaml.safe_load(desk.config.read_text("utf-8"))


def _planned(desk: Desk, config: Path) -> dict[str, dict[str, Any]]:
    """What a plan would do to the fields that are compared, by the line of the row."""
    said = desk.run("plan", "-c", config, "--json")
    assert said.code == 0 or said.report["rows"], said
    found = {}
    for row in said.report["rows"]:
        asked = {one["path"]: one["value"] for one in row["patch"] if one["path"] in COMPARED}
        if asked:
            found[f"{row['row']['line']} {row['key']}"] = asked
    return found


@pytest.mark.parametrize("name", FILES, ids=str)
def test_a_sample_is_proposed_as_a_person_would_configure_it(desk: Desk, name: Path) -> None:
    """Without an edit: key, value, stage and close date are planned as under the configuration written by hand."""
    desk.box.empty(
        one for seed in sorted(SAMPLES.glob("referrals*.json")) for one in json.loads(seed.read_text("utf-8"))
    )
    _init(desk, SAMPLES / name, "--time-zone", "Europe/Berlin")
    proposed = _config(desk)
    mapped = {
        column: to if isinstance(to, str) else to["field"] for column, to in (proposed.get("fields") or {}).items()
    }
    assert "preset" in proposed or {"dealValue", "closingDateTime"} <= set(mapped.values())
    if name.name not in BY_HAND:
        assert desk.run("plan").code in (0, 3)
        return
    text = (ROOT / "configs" / BY_HAND[name.name]).read_text("utf-8")
    by_hand = yaml.safe_load(text)
    by_hand["remote"]["url"], by_hand["rows"]["file"] = desk.box.url, str(SAMPLES / name)
    by_hand["ledger"] = {"file": "by-hand.ledger"}
    path = desk.put("by-hand.yaml", yaml.safe_dump(by_hand, allow_unicode=True))
    planned = _planned(desk, path)
    assert planned or name.name in IN_STEP
    assert _planned(desk, desk.config) == planned


def test_what_is_written_validates_at_once_and_is_its_owners(desk: Desk) -> None:
    """The first line names a schema that is there; nothing needs an edit; nobody else may read it."""
    desk.put("deals.csv", sheet([{"CRM Id": crm(1), "Deal": "One", "Amount": "10.50", "Currency": "EUR"}]))
    out = _init(desk, "deals.csv")
    first = desk.config.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=syncjob.schema.json"
    assert json.loads((desk.folder / "syncjob.schema.json").read_text())["title"] == "syncjob configuration"
    assert stat.S_IMODE(desk.config.stat().st_mode) == 0o600
    assert desk.run("validate").code == 0
    assert "deals.csv:2  CRM-00001\n  name: One\n  dealValue: 10.5\n  currency: EUR\n" in out
    assert out.endswith("next:\n  syncjob validate\n  syncjob plan\n")


def test_the_real_remote_is_named_where_none_is(desk: Desk) -> None:
    """Microsoft's own over https, its token in a variable; both are told."""
    desk.put("deals.csv", "CRM Id,Deal\nA1,One\n")
    said = desk.run("init", "--from", "deals.csv", "-o", "new.yaml", "--yes", "--tenant", "contoso.example")
    assert said.code == 0, said
    remote = yaml.safe_load((desk.folder / "new.yaml").read_text())["remote"]
    assert remote == {
        "url": "https://api.partner.microsoft.com",
        "tenant": "contoso.example",
        "auth": {"token_env": "SYNCJOB_TOKEN"},
    }
    assert "SYNCJOB_TOKEN" in said.out
    assert desk.run("validate", "-c", "new.yaml").code == 0


@pytest.mark.parametrize(
    ("content", "option", "answer"),
    [
        ("CRM Id,Close Date\nA1,01/02/2027\nA2,03/04/2027\n", "--date-format", "%m/%d/%Y"),
        ('CRM Id,Amount,Currency\nA1,"1,250",EUR\nA2,"12,500",EUR\n', "--locale", "en_US"),
        ("CRM Id,Amount\nA1,12000\n", "--currency", "EUR"),
        ("Code,Deal\nA1,One\nA2,Two\n", "--key", "Code"),
        ("Deal ID,Record ID,Deal\nA1,B1,One\nA2,B2,Two\n", "--key", "Record ID"),
    ],
)
def test_what_is_open_is_refused_with_its_option_or_stated_by_it(
    desk: Desk, content: str, option: str, answer: str
) -> None:
    """Nothing is guessed: --yes ends with 2 and the option's name, and goes through once it is stated."""
    desk.put("deals.csv", content)
    assert option in _init(desk, "deals.csv", code=2)
    assert not desk.config.exists()
    _init(desk, "deals.csv", option, answer)
    assert answer in desk.config.read_text()
    assert desk.run("validate").code == 0


def test_a_person_at_a_terminal_is_asked_what_is_open(desk: Desk) -> None:
    """Each question has the proposal as its default; a wrong answer is told, and asked for anew."""
    desk.put("deals.csv", "CRM Id,Amount,Close Date\nA1,12000,01/02/2027\n")
    desk.config.unlink()
    desk.environ["TZ"] = "Europe/Vienna"
    args = ("init", "--from", "deals.csv", "--remote", desk.box.url)
    said = desk.at_terminal(*args, answers="%m/%d/%Y\neuros\nCHF\n\n\n")
    assert said.code == 0, said
    assert "'euros' is no ISO 4217 code" in said.err
    defaults = _config(desk)["defaults"]
    assert defaults == {"date_format": "%m/%d/%Y", "currency": "CHF", "time_zone": "Europe/Vienna"}
    assert "that of this machine" in desk.config.read_text()


def test_a_person_may_call_it_off(desk: Desk) -> None:
    """Nothing is written then, nor where nobody sits there."""
    desk.put("deals.csv", "CRM Id,Deal\nA1,One\n")
    desk.config.unlink()
    args = ("init", "--from", "deals.csv", "--remote", desk.box.url)
    assert desk.at_terminal(*args, answers="n\n").code == 2
    said = desk.run(*args)
    assert (said.code, "--yes" in said.err) == (2, True)
    assert sorted(path.name for path in desk.folder.iterdir()) == ["deals.csv"]


def test_what_is_there_stays_there(desk: Desk) -> None:
    """A configuration is replaced with --force alone, and the file that is looked at never."""
    desk.put("deals.csv", "CRM Id,Deal\nA1,One\n")
    before = desk.config.read_text()
    args = ("init", "--from", "deals.csv", "--remote", desk.box.url, "--yes")
    said = desk.run(*args)
    assert (said.code, desk.config.read_text()) == (2, before)
    assert "--force" in said.err
    assert desk.run(*args, "--force").code == 0
    assert desk.config.read_text() != before
    assert desk.run(*args, "--force", "-o", "deals.csv").code == 2


def test_an_old_encoding_is_proposed_and_shown(desk: Desk) -> None:
    """Only where the file decodes under it to its end, with the rows that it matters to shown first."""
    desk.put("deals.csv", (GERMAN.format("A1") + "A2;Straße;2.000,00;01.04.2027\n").encode("cp1252"))
    out = _init(desk, "deals.csv", "--currency", "EUR")
    assert "name: Größe" in out
    assert _config(desk)["rows"] == {"file": "deals.csv", "encoding": "cp1252"}
    assert desk.run("validate").code == 0
    desk.put("deals.csv", GERMAN.format("A1").encode("cp1252") + b"A2;\x81;2,00;01.04.2027\n")
    assert "UTF-8" in _init(desk, "deals.csv", "--currency", "EUR", code=4)


def test_a_delimiter_that_the_header_does_not_tell_is_stated(desk: Desk) -> None:
    """A comma in a name parts the header too; then the one that shows known columns is written down."""
    desk.put("deals.csv", "CRM Id;Deal;Remark, internal\nA1;One;x, y\n")
    _init(desk, "deals.csv")
    assert _config(desk)["rows"]["delimiter"] == ";"
    assert desk.run("validate").code == 0


def test_private_columns_are_never_proposed(desk: Desk) -> None:
    """Neither by their names nor by their cells; the configuration says so, and no value of theirs is shown."""
    content = (
        "CRM Id,Deal,Notes,Contact,Phone,E-Mail,Title\n"
        "A1,One,secret words,Jana N,+420 222 000 111,jana@contoso.example,jana@contoso.example\n"
    )
    desk.put("deals.csv", content)
    out = _init(desk, "deals.csv")
    text = desk.config.read_text()
    assert _config(desk)["fields"] == {"Deal": "name"}
    for column in ("Notes", "Contact", "Phone", "E-Mail", "Title"):
        assert f"# {column}: not mapped: private; map it deliberately" in text
    for value in ("secret", "jana", "222 000"):
        assert value not in out + text


def test_nothing_is_written_of_a_file_that_shows_nothing(desk: Desk) -> None:
    """No rows, or no column that is known: the file is refused with what there is."""
    desk.put("deals.csv", "CRM Id,Deal\n")
    assert "no row could be read" in _init(desk, "deals.csv", code=4)
    desk.put("deals.csv", "CRM Id,Colour\nA1,red\n")
    assert "'Colour'" in _init(desk, "deals.csv", code=2)
    assert "input not found" in _init(desk, "gone.csv", code=4)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--time-zone", "Mars/Olympus"),
        ("--currency", "euro"),
        ("--locale", "xx_YY"),
        ("--date-format", "%d.%m"),
        ("--key", "CRM"),
        ("--preset", "none-such"),
    ],
)
def test_what_cannot_be_is_refused_by_its_option(desk: Desk, option: str, value: str) -> None:
    """Before anything is written, with exit 2."""
    desk.put("deals.csv", "CRM Id,Deal\nA1,One\n")
    assert option in _init(desk, "deals.csv", option, value, code=2)
    assert not desk.config.exists()


def test_of_several_sheets_one_is_chosen_by_a_person(desk: Desk) -> None:
    """--yes refuses with their names; --sheet says which."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "Pipeline"
    book.active.append(["CRM Id", "Deal", "Amount", "Currency"])
    book.active.append(["A1", "One", 1200.5, "EUR"])
    book.create_sheet("Other").append(["x", "y"])
    book.save(desk.folder / "deals.xlsx")
    said = _init(desk, "deals.xlsx", code=2)
    assert "--sheet: Pipeline, Other" in said
    assert "dealValue: 1200.5" in _init(desk, "deals.xlsx", "--sheet", "Pipeline")
    assert desk.run("validate").code == 0


@pytest.mark.parametrize("remark", ["Remark, internal", "Remark,old,old"])
def test_an_old_encoding_and_an_unclear_delimiter_are_found_together(desk: Desk, remark: str) -> None:
    """What the first hides of the second comes to light once it is decoded; both are written down."""
    desk.put("deals.csv", f"CRM Id;Deal;{remark}\nA1;Größe;x\nA2;Straße;y\n".encode("cp1252"))
    assert "name: Größe" in _init(desk, "deals.csv")
    assert _config(desk)["rows"] == {"file": "deals.csv", "encoding": "cp1252", "delimiter": ";"}
    assert _config(desk)["fields"] == {"Deal": "name"}
    assert desk.run("validate").code == 0


@pytest.mark.parametrize(
    "header",
    [
        "Colour;Shape,Size",  # no column is known under either
        "Subject;Colour,Title",  # as many are known under both
    ],
)
def test_a_delimiter_that_nothing_tells_is_left_to_a_person(desk: Desk, header: str) -> None:
    """The file is refused in the words of its reader, which name the setting; nothing is written."""
    desk.put("deals.csv", f"{header}\nx;y,z\n")
    said = _init(desk, "deals.csv", code=4)
    assert "the header does not tell its delimiter" in said
    assert "state rows.delimiter" in said
    assert not desk.config.exists()


def test_a_proposal_that_does_not_load_is_our_mistake() -> None:
    """A person who let a file be looked at is not told to correct what they have not written."""
    with pytest.raises(BrokenAssumption, match="which is an error in syncjob itself") as broken:
        proposing.checked("job: deals\nremote: {url: 'http://localhost'}\nfields: {Deal: nam}\n")
    assert any("no field is called 'nam'" in one for one in broken.value.problems)
