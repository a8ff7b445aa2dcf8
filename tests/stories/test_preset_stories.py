"""The presets at work: each sample as its CRM exports it, planned against a sandbox that holds its referrals."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from desk import Desk, Said

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"

WON = {"/status": "Closed", "/substatus": "Won"}
LOST = {"/status": "Closed", "/substatus": "Lost"}
SALESFORCE = {
    "006Hs00001AbCdE": {"/details/dealValue": "18000", "/salesStage": "75"},
    "006Hs00001aBcDe": {},
    "006Hs00001XyZaB": {"/salesStage": "100", **WON},
    "006Hs00001qRsTu": LOST,
    "006Hs00001LmNoP": {"/salesStage": "10"},
    "006Hs00001ghIjK": {"/details/closingDateTime": "2027-07-14T22:00:00Z"},
    "006Hs00001ZzZzZ": None,
}
HUBSPOT = {
    "9000000001": {"/details/dealValue": "14500", "/salesStage": "60"},
    "9000000002": {},
    "9000000003": {"/salesStage": "100", **WON},
    "9000000004": {"/salesStage": "20"},
    "9000000005": {"/details/closingDateTime": "2027-06-29T22:00:00Z"},
    "9000000099": None,
}
DYNAMICS = {
    "3b1f0c52-4a1c-ef11-9f89-000d3aa1b2c3": {"/details/dealValue": "165000", "/salesStage": "60"},
    "3c1f0c52-4a1c-ef11-9f89-000d3aa1b2c4": {},
    "3d1f0c52-4a1c-ef11-9f89-000d3aa1b2c5": {"/salesStage": "80", **WON},
    "3e1f0c52-4a1c-ef11-9f89-000d3aa1b2c6": {"/salesStage": "20"},
    "3f1f0c52-4a1c-ef11-9f89-000d3aa1b2c7": LOST,
    "4a1f0c52-4a1c-ef11-9f89-000d3aa1b2c8": None,
}
CONSENT = "/consent/consentToShareReferralWithMicrosoftSellers"
JANA = {
    "firstName": "Jana",
    "lastName": "Nováková",
    "phoneNumber": "+420 222 000 111",
    "email": "jana.novakova@contoso.example",
}
PARTNER_CENTER = {
    "0ed90475-9531-485d-9d9d-c9f81818e811": {},
    "3f98e277-4cbd-47ad-9c90-a9587403e430": {"/details/dealValue": "60000"},
    "211c70cf-4995-4399-84aa-eac137dc76fb": {"/statusReason": "Customer has no budget", **LOST},
    "000f49c8-1a35-4ca0-8d75-985d99c94309": {CONSENT: True, "/team": [JANA]},
    "e883a1d4-5de0-4997-84b5-a81842d87208": {
        "/details/closingDateTime": "2027-06-30T00:00:00Z",
        "/campaignId": "spring-27",
    },
    "330698a1-c009-4492-b624-6771c8450070": None,
    "65d464fd-29e7-4b06-a72e-d5081755c6de": {},
}
PLANS = [
    ("salesforce", "salesforce.csv", SALESFORCE),
    ("salesforce", "salesforce-dataloader.csv", SALESFORCE),
    ("hubspot", "hubspot.csv", HUBSPOT),
    ("dynamics", "dynamics.csv", DYNAMICS),
    ("partner-center", "partner-center.csv", PARTNER_CENTER),
]


def _set(desk: Desk, preset: str, **sections: Any) -> None:
    """Lay the preset's configuration and its referrals; what is named joins the configuration."""
    seed = "referrals.json" if preset == "partner-center" else "referrals-crm.json"
    desk.box.empty(json.loads((SAMPLES / seed).read_text(encoding="utf-8")))
    handed_out = yaml.safe_load((ROOT / "configs" / f"preset-{preset}.yaml").read_text(encoding="utf-8"))
    whole = handed_out | {"job": "desk", "remote": {"url": desk.box.url}}
    del whole["rows"], whole["ledger"]
    for name, section in sections.items():
        whole[name] = whole.get(name, {}) | section
    desk.config.write_text(yaml.safe_dump(whole, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _planned(desk: Desk, file: str | Path) -> dict[str, Any]:
    """Plan a sample; give by key what would be changed, None for a row that needs a person."""
    said = desk.run("plan", "--json", SAMPLES / file)
    assert said.report["requests"]["PATCH"] == 0
    return _changes(said)


def _changes(said: Said) -> dict[str, Any]:
    rows = said.report["rows"]
    well = ("planned", "unchanged")
    return {row["key"]: (row["after"] or {}) if row["outcome"] in well else None for row in rows}


def _rows(file: str) -> list[dict[str, str]]:
    with (SAMPLES / file).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(("preset", "file", "plan"), PLANS, ids=[file for _, file, _ in PLANS])
def test_a_sample_is_planned_as_its_preset_reads_it(desk: Desk, preset: str, file: str, plan: dict[str, Any]) -> None:
    """Exactly these fields change; what is in step is, and what nobody can settle needs a person."""
    _set(desk, preset)
    said = desk.run("plan", "--json", SAMPLES / file)
    assert said.code == 3, said.err
    changes = _changes(said)
    if preset == "partner-center":
        team = changes["000f49c8-1a35-4ca0-8d75-985d99c94309"]["/team"]
        assert team[-1] == JANA
        changes["000f49c8-1a35-4ca0-8d75-985d99c94309"]["/team"] = team[-1:]
    assert changes == plan


@pytest.mark.parametrize(("preset", "file", "plan"), PLANS, ids=[file for _, file, _ in PLANS])
def test_only_what_was_planned_is_sent_and_tomorrow_nothing(
    desk: Desk, preset: str, file: str, plan: dict[str, Any]
) -> None:
    """Even with every guard open no other path is written, least of all one that is locked; then all is in step."""
    _set(desk, preset)
    allow = ("--yes", "--allow", "closes", "--allow", "consent", "--allow", "first-run")
    assert desk.run("apply", *allow, SAMPLES / file).code == 3
    written = {one["path"].removesuffix("/-") for record in desk.box.patches for one in record.operations}
    assert written <= {path for change in plan.values() for path in change or ()} | {"/consent"}
    assert len(desk.box.patches) == sum(bool(change) for change in plan.values())
    again = _planned(desk, file)
    assert {key for key, change in again.items() if change is None} == {k for k, v in plan.items() if v is None}
    assert not any(again.values())


@pytest.mark.parametrize(
    ("preset", "file", "told", "unknown"),
    [
        ("salesforce", "salesforce.csv", {"Opportunity Owner", "Probability (%)", "Next Step"}, {"Region Code"}),
        ("salesforce", "salesforce-dataloader.csv", {"OwnerId", "NextStep", "IsWon"}, set()),
        ("hubspot", "hubspot.csv", {"Pipeline", "Deal owner", "Associated Contact"}, {"Heat"}),
        ("dynamics", "dynamics.csv", {"(Do Not Modify) Row Checksum", "Status Reason", "Sales Stage"}, {"Territory"}),
        ("partner-center", "partner-center.csv", {"Errors", "Customer Name", "Notes", "Notes to Microsoft"}, set()),
    ],
)
def test_every_column_that_feeds_nothing_is_told(
    desk: Desk, preset: str, file: str, told: set[str], unknown: set[str]
) -> None:
    """What the preset leaves out is told with its reason, what it has never heard of as such; strict refuses those."""
    _set(desk, preset)
    said = desk.run("plan", SAMPLES / file)
    lines = said.err.splitlines()
    ignored = {line.split("'")[1] for line in lines if "' is ignored: " in line}
    assert told <= ignored
    assert {line.split("'")[1] for line in lines if "is mapped to no field" in line} == unknown
    strict = desk.run("plan", "--strict", SAMPLES / file)
    assert strict.code == (4 if unknown else 3), strict.err
    assert not ignored & {line.split("'")[1] for line in strict.err.splitlines() if "mapped to no field" in line}


def test_ids_of_15_and_18_characters_are_one_id_and_no_reason_to_write(desk: Desk) -> None:
    """Whichever form the CRM exports and the remote holds, the referral is found and its id is left as it is."""
    _set(desk, "salesforce")
    held = {body["externalReferenceId"] for body in json.loads((SAMPLES / "referrals-crm.json").read_text())[:6]}
    assert {len(key) for key in held} == {15, 18}
    for file, length in (("salesforce.csv", 15), ("salesforce-dataloader.csv", 18)):
        key = "Opportunity ID" if length == 15 else "Id"
        assert {len(row[key]) for row in _rows(file)} == {length}
        changes = _planned(desk, file)
        assert not any("/externalReferenceId" in (change or {}) for change in changes.values())


def test_a_column_of_the_user_s_takes_the_place_of_the_preset_s(desk: Desk) -> None:
    """Another reading of one column, another column for one field, one column out: all else stays as the preset."""
    _set(
        desk,
        "salesforce",
        fields={
            "Stage": {"field": "salesStage", "translate": {"Pilot running": "95", "*": ""}},
            "Region Code": "campaignId",
            "Next Step": "name",
            "Close Date": "",
        },
    )
    changes = _planned(desk, "salesforce.csv")
    assert changes["006Hs00001AbCdE"] == {
        "/name": "Send the offer",
        "/details/dealValue": "18000",
        "/campaignId": "EMEA",
    }
    assert changes["006Hs00001XyZaB"] == {"/campaignId": "EMEA"}, "the stage says nothing of the status any more"
    assert changes["006Hs00001ghIjK"] == {"/salesStage": "95", "/campaignId": "EMEA"}
    said = desk.run("plan", SAMPLES / "salesforce.csv")
    assert "column 'Opportunity Name' is mapped to no field" in said.err
    assert "column 'Close Date' is mapped to no field" in said.err
    assert "'Next Step' is ignored" not in said.err


@pytest.mark.parametrize("stage", ["New", "active", "Closed", "Accepted", "New/Received", "Prospecting"])
@pytest.mark.parametrize(
    ("preset", "key", "column"),
    [
        ("salesforce", ("Opportunity ID", "006Hs00001LmNoP"), "Stage"),
        ("hubspot", ("Record ID", "9000000004"), "Deal Stage"),
        ("dynamics", ("(Do Not Modify) Opportunity", "3e1f0c52-4a1c-ef11-9f89-000d3aa1b2c6"), "Status"),
    ],
)
def test_no_stage_but_an_ending_touches_the_status(
    desk: Desk, preset: str, key: tuple[str, str], column: str, stage: str
) -> None:
    """A stage of the CRM that is spelt like a status of the remote's accepts and opens nothing."""
    _set(desk, preset)
    file = desk.put("one.csv", f"{key[0]},{column}\n{key[1]},{stage}\n")
    said = desk.run("plan", "--json", file)
    assert said.code == 0, said.err
    assert not {"/status", "/substatus"} & set(_changes(said)[key[1]])


def test_a_column_that_an_export_lacks_clears_nothing(desk: Desk) -> None:
    """Not even where blank cells clear: a field is cleared by a cell, never by the absence of one."""
    _set(desk, "salesforce", defaults={"blank": "clear"})
    file = desk.put("one.csv", "Opportunity ID,Opportunity Name,Stage\n006Hs00001AbCdE,,\n")
    assert _planned(desk, file) == {"006Hs00001AbCdE": {"/name": None, "/salesStage": None}}


def test_a_workbook_of_dynamics_is_planned_like_its_text(desk: Desk) -> None:
    """Hidden id columns, numbers and dates as such, and the hidden sheet that Dynamics adds."""
    _set(desk, "dynamics")
    book = openpyxl.Workbook()
    sheet = book.active
    rows = _rows("dynamics.csv")
    sheet.append(list(rows[0]))
    for row in rows:
        row_ = dict[str, Any](row)
        row_["Est. Revenue"] = float(row["Est. Revenue"].replace(".", "").replace(",", "."))
        row_["Est. Close Date"] = datetime.strptime(row["Est. Close Date"], "%d.%m.%Y")  # noqa: DTZ007  # as a cell has it
        sheet.append(list(row_.values()))
    for letter in "ABC":
        sheet.column_dimensions[letter].hidden = True
    book.create_sheet("hiddenSheet").sheet_state = "veryHidden"
    book.save(desk.folder / "dynamics.xlsx")
    assert _planned(desk, desk.folder / "dynamics.xlsx") == DYNAMICS


def test_keys_of_hubspot_may_be_numbers(desk: Desk) -> None:
    """Record ids are plain numbers, which a workbook and JSON hold as such; no digit of them is lost."""
    _set(desk, "hubspot")
    rows = [row | {"Record ID": int(row["Record ID"]), "Amount": float(row["Amount"])} for row in _rows("hubspot.csv")]
    file = desk.put("hubspot.json", json.dumps(rows))
    assert _planned(desk, file) == HUBSPOT
