"""A pulled file describes itself: untouched it asks for nothing, edited it knows what was there before."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from asked import AMOUNT, BERLIN, CLOSING, GUID, NOTES, TEAM, bodies, configured
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core import pulled
from syncjob.core.diff import diff
from syncjob.core.feeds import Feeds, compiled
from syncjob.core.fields import BY_NAME, TABLE
from syncjob.core.mapping import map_row
from syncjob.core.merge import Rules
from syncjob.core.values import look
from syncjob.errors import InputRefused
from syncjob.model import Cause, Change, Day, Desired, Number, Observed, Pair, Place, Settled, SourceRow, Truth, dumps
from syncjob.model.own import PULLED_ID, PULLED_VALUES, PULLED_ZONE

FEEDS = compiled(configured({"Deal": "name"}))
FIELDS = (*(field for field in TABLE if not field.locked), BY_NAME["customerProfile.name"])
BODY: dict[str, Any] = {
    "id": GUID,
    "name": "Pilot",
    "externalReferenceId": "00123",
    "status": "Active",
    "substatus": "Accepted",
    "customerProfile": {"name": "Contoso"},
    "details": {"dealValue": 10000, "currency": "EUR", "closingDateTime": "2027-03-30T22:00:00Z", "notes": "call"},
    "team": [{"email": "anna@contoso.example", "firstName": "Anna", "title": "CTO"}, {"email": "bob@contoso.example"}],
}


def line(body: Any, zone: str | None = None, **edited: str) -> SourceRow:
    """Give the row that a referral is pulled as; `__` in an edited field's name is a dot."""
    values = {field.path: look(body, field.path) for field in FIELDS}
    known = {path: value for path, value in values.items() if value is not None}
    cells = {"id": body["id"]} | {one.name: pulled.cell_of(one, known.get(one.path), zone) for one in FIELDS}
    hidden = {PULLED_ID: body["id"], PULLED_ZONE: zone or "", PULLED_VALUES: dumps(known)}
    return SourceRow(
        1, Place("p.csv", 2), cells | hidden | {name.replace("__", "."): at for name, at in edited.items()}
    )


def asked(row: SourceRow, feeds: Feeds = FEEDS) -> Desired:
    """Give what a row asks for, as it comes out of the draft."""
    found = map_row(feeds, row)
    assert isinstance(found, Desired), found
    return Desired.unpacked(found.packed())


def refused(row: SourceRow) -> Settled:
    """Give why a row cannot be read."""
    found = map_row(FEEDS, row)
    assert isinstance(found, Settled)
    return found


def against(row: SourceRow, body: Any) -> Change | Settled:
    """Hold a row against the referral as it is now."""
    desired = asked(row)
    return diff(Pair(desired, Observed(body["id"], '"e"', body), desired.base), Rules())


@given(body=bodies(), zone=st.sampled_from([None, "UTC", BERLIN, "Asia/Kolkata"]))
def test_untouched_it_asks_for_nothing(body: dict[str, Any], zone: str | None) -> None:
    """However odd the values are, and in whatever zone its dates are shown."""
    body = body | {"id": GUID}
    found = against(line(body, zone), body)
    assert isinstance(found, Settled), found
    assert found.cause is Cause.IN_STEP
    assert not found.warnings


def test_an_edited_cell_is_one_change() -> None:
    """Nothing else of the row moves, odd as it may be."""
    found = against(line(BODY, dealValue=Number("12000")), BODY)
    assert isinstance(found, Change)
    assert [one.to_json() for one in found.operations] == [{"op": "replace", "path": AMOUNT, "value": "12000"}]


def test_what_somebody_else_edited_meanwhile_is_left_alone() -> None:
    """Drift of another field is told; the edit goes."""
    now = copy.deepcopy(BODY)
    now["name"] = "Renamed elsewhere"
    found = against(line(BODY, dealValue="12000"), now)
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == [AMOUNT]
    assert found.warnings == ("name: changed at the remote since row and remote agreed; kept",)


def test_the_same_field_edited_on_both_sides_is_a_conflict() -> None:
    """With the three values."""
    now = copy.deepcopy(BODY)
    now["details"]["dealValue"] = 11000
    found = against(line(BODY, dealValue="12000"), now)
    assert isinstance(found, Settled)
    assert found.cause is Cause.BOTH_MOVED
    assert found.reason == "dealValue: was 10000, the remote says 11000, the row says 12000"


def test_an_untouched_row_is_no_licence() -> None:
    """Only the remote moved."""
    now = copy.deepcopy(BODY)
    now["details"]["dealValue"] = 11000
    found = against(line(BODY), now)
    assert isinstance(found, Settled)
    assert found.cause is Cause.REMOTE_MOVED


def test_dates_are_shown_as_days_where_they_begin_one() -> None:
    """In the zone that the file names, whatever the configuration says by then."""
    row = line(BODY, BERLIN)
    assert row.columns["closingDateTime"] == "2027-03-31"
    assert isinstance(row.columns["closingDateTime"], Day)
    moved = asked(line(BODY, BERLIN, closingDateTime="2027-04-01"))
    assert {one.path: one.desired for one in moved.wishes}[CLOSING] == "2027-03-31T22:00:00Z"
    assert line(BODY, "UTC").columns["closingDateTime"] == "2027-03-30T22:00:00Z"


def test_a_row_that_was_sorted_in_part_is_invalid() -> None:
    """The visible id is another than the one that the values belong to."""
    other = "11111111-0000-4000-8000-000000000000"
    found = refused(line(BODY, id=other))
    assert found.cause is Cause.BAD_KEY
    assert found.reason == (
        f"id: says {other!r} where the row was pulled for {GUID!r}; were columns sorted or cut in part? "
        "Pull again, and sort whole rows"
    )


@pytest.mark.parametrize("cell", ["", "{", "[]", '{"/nowhere": 1}', "[" * 100_000])
def test_hidden_cells_that_were_changed_make_the_row_invalid(cell: str) -> None:
    """Without its base nobody can tell what was edited."""
    row = line(BODY)
    found = refused(SourceRow(1, row.place, dict(row.columns) | {PULLED_VALUES: cell}))
    assert found.cause is Cause.BAD_KEY
    assert found.reason.startswith(f"{PULLED_VALUES}: the hidden cell was changed or cut")
    found = refused(SourceRow(1, row.place, dict(row.columns) | {PULLED_ID: "none"}))
    assert found.reason.startswith(f"{PULLED_ID}: 'none' is no referral id")


def test_an_emptied_cell_is_warned_of() -> None:
    """A blank has no opinion; who wants it cleared writes so."""
    desired = asked(line(BODY, notes=" "))
    assert desired.warnings == ("notes: was emptied, and a blank cell has no opinion; write <clear> to clear it",)
    assert NOTES not in {one.path for one in desired.wishes}
    cleared = {one.path: one.desired for one in asked(line(BODY, notes="<clear>")).wishes}
    assert cleared[NOTES] is None


def test_what_cannot_be_written_must_stay() -> None:
    """An edit there would be lost without a word."""
    found = refused(line(BODY, customerProfile__name="Fabrikam"))
    assert found.cause is Cause.BAD_CELL
    assert found.reason == (
        "customerProfile.name: cannot be written: it is locked once the referral is created; put back what was pulled"
    )


def test_lost_zeros_are_no_edit() -> None:
    """A spreadsheet that opened the CSV has made a number of the id."""
    found = refused(line(BODY, externalReferenceId="123"))
    assert found.reason == (
        "externalReferenceId: a spreadsheet has made '123' of what was pulled; "
        "write it as text (a text column in Excel, quotes in JSON)"
    )


def test_who_is_taken_out_of_a_cell_stays_in_the_list() -> None:
    """Being absent removes nobody; it is told how to."""
    row = line(BODY, team="anna@contoso.example\ncarl@contoso.example")
    (warning,) = asked(row).warnings
    assert warning == (
        "team: 1 of the pulled members are not named any more; they stay. "
        "Write <remove> and the e-mail on a line to drop a person"
    )
    found = against(row, BODY)
    assert isinstance(found, Change)
    assert [(one.op, one.path) for one in found.operations] == [("add", f"{TEAM}/-")]
    gone = against(line(BODY, team="anna@contoso.example\n<remove> bob@contoso.example"), BODY)
    assert isinstance(gone, Change)
    assert [one.value for one in gone.operations] == [[BODY["team"][0]]]


def test_status_is_edited_together_with_its_substatus() -> None:
    """Half an edit is told."""
    found = refused(line(BODY, status="Closed"))
    assert found.cause is Cause.BAD_CELL
    closed = asked(line(BODY, status="Closed", substatus="Won"))
    assert {one.desired for one in closed.wishes if "status" in one.path.lower()} == {"Closed", "Won"}


def test_an_amount_needs_its_currency_here_too() -> None:
    """Where the remote has none, the row must say."""
    bare = BODY | {"details": {"dealValue": 5}}
    assert "has no currency" in refused(line(bare, dealValue="6")).reason
    assert asked(line(bare, dealValue="6", currency="EUR"))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((PULLED_ID, "id"), "the file was pulled, but its column 'syncjob pulled values' is gone; pull it again"),
        ((PULLED_ID, PULLED_VALUES), "the file was pulled, but its column 'id' is gone; pull it again"),
    ],
)
def test_a_pulled_file_without_its_columns_is_refused(columns: tuple[str, ...], said: str) -> None:
    """Before anything is made of its rows."""
    with pytest.raises(InputRefused) as error:
        pulled.check_columns(columns)
    assert error.value.problems == (said,)


def test_a_column_of_somebody_s_own_is_told() -> None:
    """It feeds nothing; what it may have meant is said."""
    columns = (PULLED_ID, PULLED_VALUES, "id", "dealValu", "name")
    assert pulled.check_columns(columns) == ("column 'dealValu' is no field; did you mean 'dealValue'?",)


@pytest.mark.parametrize(
    ("zone", "moment"), [(BERLIN, "0001-01-01T00:00:00Z"), ("America/New_York", "0001-01-01T00:00:00Z")]
)
def test_a_date_that_was_never_set_is_shown_as_it_came(zone: str, moment: str) -> None:
    """.NET writes the first day of all time; no zone has a midnight before it, and untouched it asks for nothing."""
    body = copy.deepcopy(BODY)
    body["details"]["closingDateTime"] = moment
    row = line(body, zone)
    assert row.columns["closingDateTime"] == moment
    assert not isinstance(row.columns["closingDateTime"], Day)
    found = against(row, body)
    assert isinstance(found, Settled)
    assert found.cause is Cause.IN_STEP


def test_members_of_no_known_form_are_shown_and_untouched() -> None:
    """A list that holds a text among its members is pulled, held against the remote, and in step."""
    body = BODY | {"team": ["text", {"email": "bob@contoso.example"}]}
    row = line(body)
    assert row.columns["team"] == "text\nbob@contoso.example"
    found = against(row, body)
    assert isinstance(found, Settled)
    assert found.cause is Cause.IN_STEP


def test_a_list_that_is_cleared_is_meant_to_lose_everybody() -> None:
    """Who writes <clear> is not warned that members are missing from the cell."""
    row = line(BODY, team="<clear>")
    assert not asked(row).warnings
    found = against(row, BODY)
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == [TEAM]


def test_a_list_that_cannot_be_read_is_told_for_what_it_is() -> None:
    """Only its fault is said, and nothing of who would be missing."""
    found = refused(line(BODY, team="Anna Ek"))
    assert found.cause is Cause.BAD_CELL
    assert found.reason.startswith("team: member 1 is not")
    assert not found.warnings


@pytest.mark.parametrize(
    ("value", "cell", "edited"), [(True, "true", "no"), (False, "false", "yes"), ("true", "true", "no")]
)
def test_yes_and_no_are_pulled_as_such(value: Any, cell: str, edited: str) -> None:
    """A workbook shows them in its own language and gives them back; only another answer is an edit."""
    body = BODY | {"favorite": value}
    row = line(body)
    assert row.columns["favorite"] == cell
    assert isinstance(row.columns["favorite"], Truth) is isinstance(value, bool)
    for spelt in (cell, cell.upper(), f" {cell.title()} "):
        untouched = against(line(body, favorite=spelt), body)
        assert isinstance(untouched, Settled), spelt
        assert untouched.cause is Cause.IN_STEP
    found = against(line(body, favorite=edited), body)
    assert isinstance(found, Change)
    assert [one.path for one in found.operations] == ["/favorite"]


@pytest.mark.parametrize("zone", ["Nowhere/Land", "Europe", "../../etc/passwd"])
def test_a_zone_that_was_altered_makes_the_row_invalid(zone: str) -> None:
    """Its dates would be other days."""
    found = refused(_with(PULLED_ZONE, zone))
    assert found.cause is Cause.BAD_KEY
    assert found.reason.startswith(f"{PULLED_ZONE}: the hidden cell was changed: {zone!r} is no IANA time zone")


def _with(column: str, cell: str, body: Any = BODY) -> SourceRow:
    row = line(body)
    return SourceRow(1, row.place, dict(row.columns) | {column: cell})


def test_what_could_not_be_shown_is_not_written_over() -> None:
    """Control characters, and what was too long for a cell: whoever fills the blank has not seen what was there."""
    odd = BODY | {"details": {"notes": "bell\x07"}}
    said = "notes: the remote holds a value here that no cell can show; edit it in Partner Center"
    assert refused(line(odd, notes="call back")).reason == said
    long = _with(PULLED_VALUES, '{"":["/details/notes"],"/name":"Pilot","/customerProfile/name":"Contoso"}')
    cells = {name: "" for name in long.columns if name not in ("id", "name", "customerProfile.name", PULLED_ID)}
    row = SourceRow(1, long.place, dict(long.columns) | cells | {PULLED_VALUES: long.columns[PULLED_VALUES]})
    assert not asked(row).base.get("")
    assert refused(SourceRow(1, row.place, dict(row.columns) | {"notes": "call back"})).reason == said


@pytest.mark.parametrize(
    ("pulled_as", "cell"),
    [
        ("123456789012345678", "1.23457E+17"),
        ("3-1", "01. Mrz"),
        ("3-1", "2026-03-01"),
        ("MAR1", "1-Mar"),
        ("1/2/26", "02.01.2026"),
    ],
)
def test_what_a_sheet_makes_of_a_text_is_no_edit(pulled_as: str, cell: str) -> None:
    """A CSV file was opened and saved: nobody has written that."""
    body = BODY | {"externalReferenceId": pulled_as}
    assert f"a spreadsheet has made {cell!r} of what was pulled" in refused(line(body, externalReferenceId=cell)).reason
    assert asked(line(body, externalReferenceId="CRM-9"))


def test_a_substatus_that_was_left_alone_follows_its_status() -> None:
    """Where it has no choice; where it has one, the person is asked."""
    new = BODY | {"status": "New", "substatus": "Received"}
    wishes = {one.path: one.desired for one in asked(line(new, status="Active")).wishes}
    assert (wishes["/status"], wishes["/substatus"]) == ("Active", "Accepted")
    assert refused(line(new, status="Closed")).cause is Cause.BAD_CELL


def test_a_pulled_row_is_decided_by_a_value_too() -> None:
    """Read as its column is: a day in the zone of the file."""
    row = line(BODY, BERLIN, closingDateTime="2027-04-01")
    memory = dumps({"": [GUID], CLOSING: ["2027-03-30T22:00:00Z", "2027-05-01T00:00:00Z"]})
    own = {"outcome": "conflicted", "base": memory, "decision": "2027-04-15"}
    found = asked(SourceRow(1, row.place, row.columns, own=own))
    assert {one.path: one.desired for one in found.wishes}[CLOSING] == "2027-04-14T22:00:00Z"
