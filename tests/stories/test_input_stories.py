from __future__ import annotations

import os
from pathlib import Path

import pytest
from desk import COLUMNS, Desk, Said, crm, guid, referral, renamed, sheet

pytestmark = pytest.mark.long

HEADER = ",".join(COLUMNS)


def _refused(desk: Desk, *args: str | Path, words: tuple[str, ...], code: int = 4) -> Said:
    """Apply is refused as a whole: the words are said, and the remote was asked nothing."""
    said = desk.run("apply", "--yes", *args)
    assert (said.code, desk.box.records) == (code, []), said
    for word in words:
        assert word in said.err, said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    return said


def test_a_missing_file_is_refused(desk: Desk) -> None:
    """The message names the path and the working folder."""
    _refused(desk, "gone.csv", words=("input not found: gone.csv (working folder ",))
    _refused(desk, words=(f"input not found: {desk.folder / 'rows.csv'}",))


def test_a_folder_is_no_file(desk: Desk) -> None:
    """A directory is refused by name."""
    (desk.folder / "rows.csv").mkdir()
    _refused(desk, words=("input is a directory: ", "name the file in it"))


def test_no_input_at_all_is_refused(desk: Desk) -> None:
    """Neither the command line nor the configuration names a file."""
    text = desk.config.read_text().replace("rows:\n  file: rows.csv\n", "")
    desk.config.write_text(text)
    _refused(desk, words=("no input: name a file, or set rows.file",))


@pytest.mark.parametrize("content", ["", f"{HEADER}\n", f"\ufeff{HEADER}\n\n\n"])
def test_a_file_without_rows_is_a_broken_export(desk: Desk, content: str) -> None:
    """Zero bytes or a header alone: exit 4, unless a person says that it is meant."""
    desk.put("rows.csv", content)
    _refused(desk, words=("rows.csv: 0 data rows: is last night's export broken? --allow rows takes it",))
    said = desk.run("apply", "--yes", "--allow", "rows", "--json")
    assert said.code == 0
    assert said.report["totals"] == {"rows": 0}
    assert desk.run("plan", "--allow", "rows", "-o", "empty.plan").code == 0


def test_too_few_rows_are_refused(desk: Desk) -> None:
    """rows.rows_min says what a whole export has at least."""
    desk.configure(rows={"file": "rows.csv", "rows_min": 3})
    desk.rows(*renamed(1, 2))
    _refused(desk, words=("2 data rows, rows.rows_min is 3",))
    assert desk.run("apply", "--yes", "--allow", "rows").code == 0


def test_everything_wrong_with_the_columns_is_told_at_once(desk: Desk) -> None:
    """Missing, renamed and unmapped columns in one go, with what is meant and what there is."""
    columns = [name for name in COLUMNS if name not in ("Amount", "Notes")] + ["Amonut", "Region"]
    desk.put("rows.csv", sheet(renamed(1), columns))
    said = _refused(
        desk,
        words=("no column 'Amount'; did you mean 'Amonut'?", "no column 'Notes'", "the file's columns: CRM Id, Deal"),
    )
    assert "Region" in said.err
    strict = _refused(desk, "--strict", words=("no column 'Amount'", "'Region'"))
    assert len(strict.err.splitlines()) > len(said.err.splitlines())


def test_a_repeated_or_nameless_column_is_refused(desk: Desk) -> None:
    """A cell that would not know its column."""
    desk.put("rows.csv", f"{HEADER},Deal,\n")
    _refused(desk, words=("column 'Deal' stands 2 times (at 2, 11); keep one of them", "column 12 has no name"))


def test_an_unmapped_column_is_noted_and_strictly_refused(desk: Desk) -> None:
    """A column more is no error, but it is told; with --strict, or strict_columns, it is one."""
    desk.put("rows.csv", sheet(renamed(1), [*COLUMNS, "Region"]))
    said = desk.run("plan")
    assert said.code == 0
    assert "note: column 'Region' is mapped to no field" in said.err
    _strict = desk.run("plan", "--strict")
    assert _strict.code == 4
    desk.configure(rows={"file": "rows.csv", "strict_columns": True})
    assert desk.run("plan").code == 4


def test_unknown_fields_are_an_error_of_the_configuration(desk: Desk) -> None:
    """All that cannot be mapped is told at once, with what is meant and why it cannot be written."""
    desk.rows(*renamed(1))
    desk.configure(fields={"Deal": "nmae", "Amount": "dealvalue", "Customer": "customerProfile.name", "Stage": "eTag"})
    _refused(
        desk,
        code=2,
        words=(
            "fields.Deal: no field is called 'nmae'; did you mean 'name'?",
            "fields.Amount: no field is called 'dealvalue'; did you mean 'dealValue'?",
            "fields.Customer: customerProfile.name cannot be written: it is locked once the referral is created",
            "fields.Stage: eTag cannot be written: it is the remote's own",
        ),
    )


def test_ragged_lines_are_invalid_and_the_others_go(desk: Desk) -> None:
    """A line with a cell more or less is told by its number; no cell of it reaches the remote."""
    short, long = f"{crm(2)},Shifted", f"{crm(3)}," + "x," * 20
    desk.put("rows.csv", f"{sheet(renamed(1))}{short}\n{long}\n")
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 3
    assert [row["cause"] for row in said.report["rows"]] == ["confirmed", "ragged_line", "ragged_line"]
    assert said.report["rows"][1]["reason"] == "has 2 cells, the header has 10"
    assert len(desk.box.patches) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{header}\n{id},"open', "a quote is opened and never closed"),
        ('{header}\n{id},"a" b,,,,,,,,\n', "text follows a closing quote"),
    ],
)
def test_quotes_that_do_not_match_refuse_the_file(desk: Desk, content: str, words: str) -> None:
    """A quote that never closes would swallow the rest of the file: exit 4, with the line."""
    desk.put("rows.csv", content.format(header=HEADER, id=crm(1)))
    _refused(desk, words=(f"rows.csv:2: {words}",))


def test_twins_that_agree_go_once(desk: Desk) -> None:
    """The first stays, the other is refused by name; one PATCH leaves."""
    desk.rows(*renamed(1, 2), *renamed(1))
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 0
    rows = said.report["rows"]
    assert [row["cause"] for row in rows] == ["confirmed", "confirmed", "twin_agrees"]
    assert rows[2]["reason"] == "asks the same of the same referral as rows.csv:2"
    assert len(desk.box.patches) == 2


def test_twins_that_disagree_are_all_invalid(desk: Desk) -> None:
    """Nobody guesses which of them is right: none is sent, and the places are named."""
    desk.rows(
        *renamed(1), {"CRM Id": crm(1), "Deal": "Another"}, {"CRM Id": crm(1), "Action": "x", "Deal": "Renamed 1"}
    )
    said = desk.run("apply", "--yes", "--json")
    assert (said.code, desk.box.patches) == (3, [])
    assert {row["cause"] for row in said.report["rows"]} == {"twins_disagree"}
    assert "rows.csv:2" in said.report["rows"][0]["reason"]


@pytest.mark.parametrize(
    "key", ["../x", "a/b", "?$filter=x", "2500ec5a-0000-4000-8000-00000000000", f"{guid(1)}/..", "%2e%2e", "1.23E+17"]
)
def test_what_is_no_guid_is_never_asked_for(desk: Desk, key: str) -> None:
    """A key that is no referral's id makes its row invalid; no URL is built from it."""
    desk.configure(match={"by": "id", "column": "CRM Id"})
    desk.rows({"CRM Id": key, "Deal": "x"}, {"CRM Id": "", "Deal": "x"})
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 3
    assert [row["cause"] for row in said.report["rows"]] == ["bad_key", "bad_key"]
    assert desk.box.records == []


@pytest.mark.parametrize("key", ["../x", "?$filter=name eq 'x'&", "a'b", "CRM/00001", "<script>"])
def test_an_odd_crm_id_never_reaches_a_url(desk: Desk, key: str) -> None:
    """A CRM id may be anything; it is looked for in the listing and finds nothing."""
    desk.rows({"CRM Id": key, "Deal": "x"})
    assert desk.run("plan", "--json").causes == {key: "not_found"}
    assert {record.path.rpartition("/")[2] for record in desk.box.records} == {"referrals"}
    assert all("x" not in record.query.replace("$count=true", "") for record in desk.box.records)


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ";"), ("utf-8", "\t"), ("utf-8-sig", ","), ("utf-8-sig", ";"), ("utf-16", "\t")],
)
def test_marks_and_delimiters_are_seen(desk: Desk, encoding: str, delimiter: str) -> None:
    """A byte order mark does not cling to the first column, and the header shows its delimiter."""
    text = sheet([{"CRM Id": crm(1), "Deal": "Größere Lizenz"}]).replace(",", delimiter)
    desk.put("rows.csv", text.encode(encoding))
    assert desk.run("apply", "--yes").code == 0
    assert desk.box.store.get(guid(1))["name"] == "Größere Lizenz"


def test_windows_1252_is_refused_and_read_when_it_is_stated(desk: Desk) -> None:
    """Nothing is guessed: the message says what it looks like and what to set; then the umlaut arrives."""
    desk.put("rows.csv", sheet([{"CRM Id": crm(1), "Deal": "Größere Lizenz"}]).encode("cp1252"))
    _refused(desk, words=("rows.csv:2: not UTF-8; looks like Windows-1252; set rows.encoding: cp1252",))
    desk.configure(rows={"file": "rows.csv", "encoding": "cp1252"})
    assert desk.run("apply", "--yes").code == 0
    assert desk.box.store.get(guid(1))["name"] == "Größere Lizenz"


def test_rows_may_come_from_standard_input(desk: Desk) -> None:
    """`-` reads it; its places are called stdin; its format must be stated."""
    rows = sheet(renamed(1)).encode()
    assert "state rows.format" in desk.run("apply", "-", "--yes", stdin=rows).err
    desk.configure(rows={"format": "csv"})
    said = desk.run("apply", "-", "--yes", "--json", stdin=rows)
    assert said.code == 0
    assert said.report["rows"][0]["row"] == {"source": "stdin", "line": 2}


@pytest.mark.parametrize("head", ["", "rows:\n"])
def test_a_yaml_list_is_a_file_of_rows(desk: Desk, head: str) -> None:
    """A list, or one under `rows:`; a column that no row names is missed as in CSV."""
    desk.configure(fields={"Deal": "name", "Team": "team"})
    rows = f"- CRM Id: {crm(1)}\n  Deal: Yes\n  Team: [a@contoso.example, b@contoso.example]\n- CRM Id: {crm(2)}\n"
    desk.put("rows.yaml", head + rows)
    said = desk.run("apply", "rows.yaml", "--yes", "--json")
    assert said.code == 0, said.err
    assert desk.box.store.get(guid(1))["name"] == "Yes"
    assert [one["email"] for one in desk.box.store.get(guid(1))["team"]] == ["a@contoso.example", "b@contoso.example"]
    assert said.outcomes[crm(2)] == "unchanged"


def test_yaml_scalars_stay_what_was_written(desk: Desk) -> None:
    """NO is no false, 01234 no octal, 1.10 keeps its zero, 12:30:45 is no number of seconds."""
    traps = ["NO", "01234", "1.10", "12:30:45"]
    desk.configure(fields={"Deal": "name"})
    desk.put("rows.yaml", "".join(f"- CRM Id: {crm(n)}\n  Deal: {trap}\n" for n, trap in enumerate(traps, 1)))
    assert desk.run("apply", "rows.yaml", "--yes").code == 0
    assert [desk.box.store.get(guid(n))["name"] for n in range(1, 5)] == traps


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- CRM Id: a\n  CRM Id: b\n", "rows.yaml:2: the key 'CRM Id' stands twice"),
        ("- &a {CRM Id: x}\n- *a\n", "rows.yaml:1: an anchor (&a) has no place in rows"),
        ("- !!python/object:os.system {CRM Id: x}\n", "rows.yaml:1: a tag (!) has no place in rows"),
        ("- CRM Id: " + "[" * 500, "nested deeper than 20 levels"),
        ("{a: b}\n", "write a list of rows"),
        ("- CRM Id: 'x\n", "not valid YAML"),
        ("--- []\n---\n- CRM Id: x\n", "a second document begins"),
    ],
)
def test_yaml_that_is_no_list_of_rows_is_refused(desk: Desk, content: str, words: str) -> None:
    """Repeated keys, anchors, tags, depth and half a file: exit 4, with the line."""
    desk.put("rows.yaml", content)
    _refused(desk, "rows.yaml", words=(words,))


def test_a_file_without_a_final_newline_is_warned_of_or_refused(desk: Desk) -> None:
    """The last row says that the file may have been cut off; `final_newline: required` refuses it."""
    desk.put("rows.csv", sheet(renamed(1, 2)).rstrip("\n"))
    said = desk.run("plan", "--json")
    assert said.code == 0
    assert [row["warnings"] for row in said.report["rows"]] == [
        [],
        ["the file ends without a newline: was it cut off?"],
    ]
    desk.configure(rows={"file": "rows.csv", "final_newline": "required"})
    desk.box.records.clear()
    _refused(desk, words=("newline",))


def test_a_mask_is_no_value(desk: Desk) -> None:
    """What a masked report shows must not come back as a customer's note."""
    desk.rows({"CRM Id": crm(1), "Notes": "•••"}, {"CRM Id": crm(2), "Team": "•••"})
    said = desk.run("apply", "--yes", "--json")
    assert (said.code, desk.box.patches) == (3, [])
    assert set(said.causes.values()) == {"bad_cell"}
    assert "the mask of a report; take the value from the CSV or JSON report" in said.report["rows"][0]["reason"]


def test_cells_that_look_like_formulas_arrive_as_they_are(desk: Desk) -> None:
    """A note that begins with = is a note; only one apostrophe of our own escape is taken away."""
    notes = ["=1+1", "'+49 30 1", "''=x", "'quoted'", "-", "@home"]
    desk.rows(*({"CRM Id": crm(n), "Notes": note} for n, note in enumerate(notes, 1)))
    assert desk.run("apply", "--yes").code == 0
    arrived = [desk.box.store.get(guid(n))["details"]["notes"] for n in range(1, 7)]
    assert arrived == ["=1+1", "+49 30 1", "'=x", "'quoted'", "-", "@home"]


def test_a_report_fed_back_in_plans_to_nothing(desk: Desk) -> None:
    """The CSV report of a calm apply is a file of rows that all are unchanged, escapes and all."""
    desk.bare()
    notes = ["=1+1", "+49 30 1234", "'=apostrophe", "two\nlines", 'a "quoted", comma', "\ttab"]
    rows = [{"CRM Id": crm(n), "Notes": note, "Deal": f" {note}"} for n, note in enumerate(notes, 1)]
    desk.put("rows.csv", b"")
    desk.rows(*rows, {"CRM Id": crm(9), "Team": "Jane,Doe,+49 1,jane@contoso.example", "Close Date": "2027-01-31"})
    assert desk.run("apply", "--yes", "--report", "done.csv").code == 0
    done = (desk.folder / "done.csv").read_bytes()
    assert b"'=1+1" in done
    assert b"'+49 30 1234" in done
    desk.box.records.clear()
    said = desk.run("plan", "done.csv", "--json", "--strict")
    assert said.code == 0, said.err
    assert said.report["totals"] == {"rows": 7, "unchanged": 7}
    again = desk.run("plan", "done.csv", "--report", "again.csv")
    assert again.code == 0
    ours = [line.split(b",syncjob")[0] for line in (desk.folder / "again.csv").read_bytes().splitlines()[:1]]
    assert ours == [line.split(b",syncjob")[0] for line in done.splitlines()[:1]]


def test_every_fault_of_a_row_is_told_at_once(desk: Desk) -> None:
    """One round of mending is enough: all cells of a row are judged, each by its column."""
    desk.rows({"CRM Id": crm(1), "Amount": "1,5", "Close Date": "31/02", "Stage": "Wno", "Share": "maybe", "Team": "x"})
    said = desk.run("plan", "--json")
    reason = said.report["rows"][0]["reason"]
    assert said.code == 3
    assert [
        column for column in ("Amount", "Close Date", "Stage", "Share", "Team") if f"{column}: " not in reason
    ] == []
    assert "did you mean 'won'?" in reason.lower()


def test_blank_has_no_opinion_and_clear_clears(desk: Desk) -> None:
    """A blank cell leaves the field alone; `<clear>` empties it, and the plan shows that."""
    desk.box.empty([referral(1, details={"dealValue": 1, "currency": "EUR", "notes": "old", "customerAction": "x"})])
    desk.rows({"CRM Id": crm(1), "Notes": "<clear>"})
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 0
    assert said.report["rows"][0]["after"] == {"/details/notes": None}
    details = desk.box.store.get(guid(1))["details"]
    assert (details["notes"], details["customerAction"]) == (None, "x")


def test_suspicious_text_is_warned_of_and_strictly_refused(desk: Desk) -> None:
    """UTF-8 once read as Windows-1252, and invisible characters: a warning, with --strict an invalid row."""
    desk.bare()
    desk.rows({"CRM Id": crm(1), "Deal": "JosÃ©"}, {"CRM Id": crm(2), "Deal": "zero\u200bwidth"})
    said = desk.run("plan", "--json")
    assert all(row["warnings"] for row in said.report["rows"])
    assert set(desk.run("plan", "--json", "--strict").causes.values()) == {"bad_cell"}


@pytest.mark.parametrize("words", [("--report", "rows.csv"), ("-o", "rows.csv"), ("-o", "gone/tonight.plan")])
def test_a_plan_never_replaces_its_own_input(desk: Desk, words: tuple[str, str]) -> None:
    """What a person typed wrongly costs no export: refused before anything is asked."""
    file = desk.rows(*renamed(1))
    before = file.read_bytes()
    said = desk.run("plan", *words)
    assert said.code in (2, 8)
    assert (file.read_bytes(), desk.box.records) == (before, [])


def test_a_missing_input_begins_no_ledger(desk: Desk) -> None:
    """Nothing is left behind by a run that could not begin."""
    assert desk.run("apply", "--yes", "gone.csv").code == 4
    assert not desk.ledger.exists()


def test_many_rows_of_one_key_name_few_places(desk: Desk) -> None:
    """Five hundred rows disagree: each reason names five, and the plan does not grow with their square."""
    desk.rows(*({"CRM Id": crm(1), "Deal": f"Name {n}"} for n in range(500)))
    said = desk.run("plan", "--json", "-o", "twins.plan")
    assert said.report["totals"] == {"rows": 500, "invalid": 500}
    reasons = {row["reason"] for row in said.report["rows"]}
    (reason,) = reasons
    assert reason.count("rows.csv") == 5
    assert "and 495 more name one referral and disagree on name" in reason
    assert (desk.folder / "twins.plan").stat().st_size < 500 * 1000


def test_many_referrals_of_one_key_are_told_by_a_few(desk: Desk) -> None:
    """Twenty referrals share a CRM id: the reason counts them and names five."""
    desk.box.empty(referral(n, externalReferenceId=crm(1)) for n in range(1, 21))
    desk.rows(*renamed(1))
    (row,) = desk.run("plan", "--json").report["rows"]
    assert row["cause"] == "several_found"
    assert row["reason"].startswith("20 referrals have the externalReferenceId")
    assert row["reason"].count("2500ec5a-") == 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(desk: Desk) -> None:
    """`apply FIFO` ends at once with exit 4."""
    os.mkfifo(desk.folder / "fifo")
    with desk.start("apply", "fifo", "--yes") as process:
        try:
            _, talk = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, desk.box.records) == (4, []), talk
    assert "fifo" in talk
    assert "Traceback" not in talk


@pytest.mark.parametrize("held", ["eur", "EUR", " Eur "])
def test_a_currency_is_the_same_in_any_case(desk: Desk, held: str) -> None:
    """The remote writes `eur`: an amount in EUR is sent, and nothing is changed of the currency."""
    desk.box.empty([referral(1, details={"dealValue": 1, "currency": held})])
    desk.rows({"CRM Id": crm(1), "Amount": "500", "Currency": "EUR"})
    said = desk.run("apply", "--yes", "--json")
    assert (said.code, said.causes) == (0, {crm(1): "confirmed"})
    assert [one["path"] for one in desk.box.patches[0].operations] == ["/details/dealValue"]


@pytest.mark.parametrize("option", ["-o", "--report", "--log-file"])
@pytest.mark.parametrize("name", ["syncjob.yaml", "rows.csv", "desk.ledger"])
def test_what_a_run_writes_never_replaces_what_it_needs(desk: Desk, option: str, name: str) -> None:
    """A configuration, an export or a ledger is not lost to a name that was mistyped: exit 2, nothing touched."""
    desk.rows(*renamed(1))
    desk.run("apply", "--yes")
    before = {file.name: file.read_bytes() for file in desk.folder.iterdir()}
    assert desk.run("plan", option, name).code == 2
    assert {file.name: file.read_bytes() for file in desk.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("#REF!", "is an error of Excel"),
        ("########", "is an error of Excel"),
        ("<CLEAR>", "looks like <clear>"),
        ("< clear >", "looks like <clear>"),
    ],
)
def test_what_excel_or_haste_left_is_no_value(desk: Desk, cell: str, said: str) -> None:
    """It is refused by its place and never becomes the name of a deal."""
    desk.rows({"CRM Id": crm(1), "Deal": cell})
    planned = desk.run("plan")
    assert planned.code == 3
    assert said in planned.out


def test_blank_rows_are_passed_over_and_counted(desk: Desk) -> None:
    """The tail that Excel leaves below the last row needs nobody at night."""
    (desk.folder / "rows.csv").write_text(f"CRM Id,Deal\n{crm(1)},Deal 1\n,\n,\n")
    desk.configure(fields={"Deal": "name"})
    said = desk.run("plan")
    assert (said.code, "2 blank rows were passed over" in said.err) == (0, True), said


def test_a_dead_server_is_named_once(desk: Desk) -> None:
    """One line says what to look at: the address; exit 7."""
    desk.rows(*renamed(1, 2))
    desk.configure(
        remote={"url": "http://127.0.0.1:1"},
        limits={"attempts_max": 1, "wait_initial_s": 0.001, "reads_max": 0},
    )
    said = desk.run("plan", "-o", "tonight.plan")
    assert said.code == 7
    assert said.err.count("Is remote.url right (http://127.0.0.1:1") == 1
    assert "nothing can be sent from it" in said.err
