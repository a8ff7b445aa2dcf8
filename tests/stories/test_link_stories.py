"""From rows that match no referral to rows that do: propose, tick, plan, apply; and what a ticked file may not say."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Said, crm, guid, referral, sheet
from dirty import world

pytestmark = pytest.mark.long

COLUMNS = ("CRM Id", "Account", "Deal", "Amount", "Currency", "Close Date")
FIELDS = {
    "CRM Id": "externalReferenceId",
    "Deal": "name",
    "Amount": "dealValue",
    "Currency": "currency",
    "Close Date": "closingDateTime",
}
MATCH = {"by": "externalReferenceId", "column": "CRM Id", "like": {"Account": "customerProfile.name"}}
ROW = {"Account": "FABRIKAM", "Amount": "1000", "Currency": "EUR", "Close Date": "2027-03-31"}


def _rows(desk: Desk, *rows: dict[str, str], **match: Any) -> None:
    desk.configure(fields=FIELDS, match=MATCH | match)
    desk.put("rows.csv", sheet(rows, COLUMNS))


def _unlinked(n: int, **values: Any) -> dict[str, Any]:
    return referral(n, **({"externalReferenceId": ""} | values))


def _link(desk: Desk, name: str = "links.csv") -> Said:
    before = len(desk.box.records)
    said = desk.run("link", "-o", name, "--force")
    assert {record.method for record in desk.box.records[before:]} <= {"GET"}
    return said


def _lines(desk: Desk, name: str = "links.csv") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((desk.folder / name).read_text(encoding="utf-8-sig"))))


def _edited(desk: Desk, *edits: Callable[[list[dict[str, str]]], None]) -> Path:
    lines = _lines(desk)
    for edit in edits:
        edit(lines)
    return desk.put("links.csv", sheet(lines, tuple(lines[0])))


def _put(at: int, **cells: str) -> Callable[[list[dict[str, str]]], None]:
    """Edit one line."""
    names = {"tick": "syncjob link?", "shown": "referral id", "hidden": "syncjob referral", "key": "key"}
    return lambda lines: lines[at].update({names[name]: cell for name, cell in cells.items()})


def _two_rows(desk: Desk) -> None:
    """Lay two rows that are surely referrals 1 and 2."""
    desk.box.empty([_unlinked(1), _unlinked(2, name="Payroll workshop")])
    _rows(
        desk,
        {"CRM Id": "007", "Deal": "Deal 1"} | ROW,
        {"CRM Id": "008", "Deal": "Payroll workshop"} | ROW | {"Amount": "2000"},
    )
    assert _link(desk).code == 0
    assert [line["syncjob link?"] for line in _lines(desk)].count("yes") == 2


@pytest.mark.parametrize("seed", [1, 4, 9])
def test_a_dirty_export_finds_its_referrals(desk: Desk, seed: int) -> None:
    """95 of 100 stand in the first place, none is ticked wrongly, and the remote saw GET alone."""
    made = world(seed)
    desk.box.empty(made.referrals)
    _rows(desk, *made.rows)
    said = _link(desk)
    assert said.code == 0, said.err
    lines = _lines(desk)
    first = {line["key"]: line["referral id"] for line in reversed(lines)}
    ticked = {line["key"]: line["referral id"] for line in lines if line["syncjob link?"] == "yes"}
    assert sum(first[key] == known for key, known in made.right.items()) >= 95
    assert {key: known for key, known in ticked.items() if made.right.get(key) != known} == {}
    assert len(set(ticked.values())) == len(ticked) >= 50
    assert said.out.startswith(f"rows without a referral: {len(made.rows)}, ")
    assert f", ticked: {len(ticked)}\n" in said.out
    assert desk.box.store.writes == []


@pytest.mark.parametrize("name", ["links.csv", "links.xlsx", "links.yaml"])
def test_from_proposal_to_a_crm_id_at_the_remote(desk: Desk, name: str) -> None:
    """Linked rows are planned, the CRM id is written, and from then on the key alone finds the referral."""
    _two_rows(desk)
    assert desk.run("plan", "--json").causes == {"007": "not_found", "008": "not_found"}
    if name != "links.csv":
        _link(desk, name)
    _rows(desk, *csv.DictReader(io.StringIO((desk.folder / "rows.csv").read_text())), links=name)
    planned = desk.run("plan", "--json")
    assert planned.causes == {"007": "to_send", "008": "to_send"}, planned.err
    assert [row["id"] for row in planned.report["rows"]] == [guid(1), guid(2)]
    applied = desk.run("apply", "--yes")
    assert applied.code == 0, applied.err + applied.out
    assert [desk.box.store.get(guid(n))["externalReferenceId"] for n in (1, 2)] == ["007", "008"]
    _rows(desk, *csv.DictReader(io.StringIO((desk.folder / "rows.csv").read_text())))
    assert set(desk.run("plan", "--json").outcomes.values()) == {"unchanged"}
    again = _link(desk, "again.csv")
    assert again.out == "0 rows match no referral: there is nothing to link, and no file was written\n"
    assert not (desk.folder / "again.csv").exists()


def test_what_is_proposed_and_what_is_not(desk: Desk) -> None:
    """A referral of another row is no candidate; one with a foreign CRM id or a closed one is shown, never ticked."""
    desk.box.empty(
        [
            referral(1),
            _unlinked(2, name="Backup rollout", externalReferenceId="FOREIGN-1"),
            _unlinked(3, name="Payroll upgrade", status="Closed", substatus="Won"),
        ]
    )
    _rows(
        desk,
        {"CRM Id": crm(1), "Deal": "Deal 1"} | ROW,
        {"CRM Id": "B", "Deal": "Backup rollout"} | ROW | {"Amount": "2000"},
        {"CRM Id": "C", "Deal": "Payroll upgrade"} | ROW | {"Amount": "3000"},
        {"CRM Id": "D", "Account": "Quorx", "Deal": "Zzz"},
        {"CRM Id": "E", "Deal": "Payroll upgrade"} | ROW | {"Amount": "12k"},
    )
    said = _link(desk)
    lines = _lines(desk)
    first = {line["key"]: line for line in reversed(lines)}
    assert list(dict.fromkeys(line["key"] for line in lines)) == ["B", "C", "D"]
    assert (first["B"]["referral id"], first["B"]["referral CRM id"]) == (guid(2), "FOREIGN-1")
    assert (first["C"]["referral id"], first["C"]["referral status"]) == (guid(3), "Closed")
    assert first["B"]["customer"] == "FABRIKAM"
    assert first["B"]["referral close"] == first["B"]["close"] == "2027-03-31"
    assert first["B"]["why"] == "customer 100, name 100, value same, close same"
    assert first["D"]["referral id"] == ""
    assert guid(1) not in {line["referral id"] for line in lines}
    assert {line["syncjob link?"] for line in lines} == {""}
    assert said.out.startswith("rows without a referral: 3, with candidates: 2, ticked: 0\n")


def test_rows_that_are_linked_already_are_not_proposed_again(desk: Desk) -> None:
    """Their referrals are taken; the sheet that holds the ticks is not overwritten."""
    _two_rows(desk)
    _edited(desk, _put(0, tick=""))
    _rows(desk, *csv.DictReader(io.StringIO((desk.folder / "rows.csv").read_text())), links="links.csv")
    assert _link(desk).code == 2
    _link(desk, "more.csv")
    assert {(line["key"], line["referral id"]) for line in _lines(desk, "more.csv")} == {("007", guid(1))}


def test_a_key_that_stands_at_another_referral_links_nothing(desk: Desk) -> None:
    """Two referrals for one row are one too many: the person is asked."""
    _two_rows(desk)
    desk.box.empty([_unlinked(1), _unlinked(2, name="Payroll workshop"), referral(3, externalReferenceId="007")])
    rows = list(csv.DictReader(io.StringIO((desk.folder / "rows.csv").read_text())))
    _rows(desk, *rows, {"CRM Id": "009", "Deal": "X"}, links="links.csv")
    assert desk.run("plan", "--json").causes == {"007": "several_found", "008": "to_send", "009": "not_found"}


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([_put(0, shown=guid(2))], f"links.csv:2 referral id: says '{guid(2)}', the hidden column 'syncjob referral'"),
        ([_put(0, hidden="")], f"links.csv:2 referral id: says '{guid(1)}', the hidden column 'syncjob referral' ''"),
        ([_put(0, shown="1", hidden="1")], "links.csv:2 referral id: says '1'"),
        ([_put(0, key="7")], "links.csv:2 key: says '7', the hidden column 'syncjob key' 'key:007'"),
        ([_put(0, key="")], "links.csv:2 key: is blank"),
        ([_put(0, shown="", hidden="")], "links.csv:2 syncjob link?: is ticked, but the line proposes no referral"),
        ([_put(0, tick="maybe")], "links.csv:2 syncjob link?: 'maybe' is neither yes nor blank"),
        ([_put(1, tick="X")], f"links.csv:2 and links.csv:3: '007' is linked to '{guid(1)}' and to '{guid(2)}'"),
        (
            [_put(0, tick=""), _put(1, tick="TRUE")],
            f"links.csv:3 and links.csv:4: '{guid(2)}' is linked to '007' and to '008'",
        ),
        (
            [lambda lines: [line.pop("syncjob link?") for line in lines] and None],
            "links.csv: no line is ticked in a column 'syncjob link?'",
        ),
        (
            [lambda lines: [line.pop("syncjob key") for line in lines] and None],
            "links.csv:2: has no column 'syncjob key'",
        ),
    ],
)
def test_a_links_file_that_was_altered_is_refused(
    desk: Desk, edits: list[Callable[[list[dict[str, str]]], None]], said: str
) -> None:
    """What a person has decided is not guessed: the place is named, and nothing is planned."""
    _two_rows(desk)
    _edited(desk, *edits)
    _rows(desk, {"CRM Id": "007", "Deal": "Deal 1"} | ROW, links="links.csv")
    refused = desk.run("plan")
    assert (refused.code, refused.out) == (4, "")
    assert said in refused.err


def test_a_links_file_that_is_not_there_is_refused(desk: Desk) -> None:
    """A plan without the links would leave rows unmatched in silence."""
    _rows(desk, {"CRM Id": "007", "Deal": "Deal 1"} | ROW, links="links.csv")
    said = desk.run("plan")
    assert said.code == 4
    assert f"match.links: there is no file {desk.folder / 'links.csv'}; run `syncjob link`" in said.err


@pytest.mark.parametrize(
    ("match", "output", "code", "said"),
    [
        ({}, "links.txt", 2, "links.txt"),
        ({}, "rows.csv", 2, "rows.csv"),
        ({}, "nowhere/links.csv", 8, "nowhere"),
        ({"by": "id"}, "links.csv", 2, "match.by is id: its rows name their referrals"),
        ({"by": "id", "links": "links.csv"}, "more.csv", 2, "match.links: rows matched by id name their referrals"),
    ],
)
def test_what_cannot_be_linked_is_refused_before_anything_is_asked(
    desk: Desk, match: dict[str, str], output: str, code: int, said: str
) -> None:
    """A path that is taken or unknown, and rows that name their referrals themselves."""
    _rows(desk, {"CRM Id": guid(1), "Deal": "Deal 1"} | ROW, **match)
    refused = _link(desk, output)
    assert refused.code == code
    assert said in refused.err
    assert desk.box.records == []


def test_rows_that_cannot_be_sent_still_claim_what_is_theirs(desk: Desk) -> None:
    """The referral of a row with a bad cell is ticked for no near twin; a row written twice is no twin of itself."""
    desk.box.empty([_unlinked(1)])
    bad = {"CRM Id": "E", "Deal": "Deal 1"} | ROW | {"Amount": "12k"}
    one = {"CRM Id": "A", "Deal": "Deal 1"} | ROW
    _rows(desk, one, one)
    _link(desk)
    assert [line["syncjob link?"] for line in _lines(desk)] == ["yes"]
    _rows(desk, one, bad)
    _link(desk)
    assert [(line["key"], line["syncjob link?"]) for line in _lines(desk)] == [("A", "")]
    _rows(desk, bad)
    assert _link(desk, "none.csv").out.startswith("0 rows match no referral")


def test_a_pulled_file_has_nothing_to_link(desk: Desk) -> None:
    """Its rows name their referrals."""
    _rows(desk)
    desk.run("pull", "-o", "pulled.csv")
    said = desk.run("link", "pulled.csv", "-o", "links.csv")
    assert said.code == 4
    assert "pulled.csv: was pulled, so that its rows name their referrals: nothing to link" in said.err


def test_too_many_pairs_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row meets each referral: beyond a bound somebody must choose."""
    monkeypatch.setattr("syncjob.job.linking.PAIRS_MAX", 8)
    _rows(desk, {"CRM Id": "007", "Deal": "Deal 1"} | ROW)
    said = _link(desk)
    assert said.code == 4
    assert "1 rows match no referral, 9 referrals could be theirs: more pairs than the 8" in said.err


def test_a_remote_that_cannot_be_listed_leaves_no_file(desk: Desk) -> None:
    """Half a listing would propose the wrong half."""
    _rows(desk, {"CRM Id": "007", "Deal": "Deal 1"} | ROW)
    desk.configure(remote={"url": "http://localhost:9"}, fields=FIELDS, match=MATCH, limits={"attempts_max": 1})
    said = _link(desk)
    assert said.code == 7
    assert not (desk.folder / "links.csv").exists()
