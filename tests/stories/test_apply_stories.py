from __future__ import annotations

import json

import pytest
from desk import Desk, crm, guid, renamed

from syncjob.sandbox.faults import Rates

DAY = [
    *renamed(1, 2),
    {"CRM Id": crm(3), "Deal": "Deal 3"},
    {"CRM Id": crm(4), "Amount": "99.90", "Currency": "EUR", "Team": "Jane,Doe,+420 1,jane@contoso.example"},
    {"CRM Id": crm(404), "Deal": "Nobody's"},
]


def test_a_file_is_planned_and_sent_in_one_go(desk: Desk) -> None:
    """Every planned row is applied by one PATCH under If-Match; the report counts what the sandbox saw."""
    desk.rows(*DAY)
    said = desk.run("apply", "--yes", "--json")
    report = said.report
    assert said.code == 3, said.err
    assert said.outcomes == {
        crm(1): "applied",
        crm(2): "applied",
        crm(3): "unchanged",
        crm(4): "applied",
        crm(404): "unmatched",
    }
    assert report["totals"] == {"rows": 5, "unchanged": 1, "applied": 3, "unmatched": 1}
    assert report["requests"] == dict(desk.box.methods)
    assert len(desk.box.patches) == len(desk.box.store.writes) == 3
    assert all(record.if_match for record in desk.box.patches)
    assert not any(write.blind for write in desk.box.store.writes)
    assert desk.box.store.get(guid(4))["team"][0]["email"] == "jane@contoso.example"
    applied = next(row for row in report["rows"] if row["key"] == crm(1))
    assert applied["attempts"] == 1
    assert applied["request_ids"][0] in [record.request_id for record in desk.box.patches]


def test_text_of_a_run_counts_what_was_applied(desk: Desk) -> None:
    """The first line tells it all; a new ledger is announced once."""
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes")
    assert said.code == 0
    assert said.out.splitlines()[0].endswith("of job desk: 1 row applied, 1 PATCH sent")
    assert "~ name: Deal 1 -> Renamed 1" in said.out
    assert f"a new ledger is begun: {desk.ledger}" in said.err
    assert "new ledger" not in desk.run("apply", "--yes").err


def test_the_second_run_sends_nothing(desk: Desk) -> None:
    """What was applied is unchanged tomorrow."""
    desk.rows(*DAY)
    desk.run("apply", "--yes")
    sent = len(desk.box.patches)
    said = desk.run("apply", "--yes", "--json")
    assert len(desk.box.patches) == sent
    assert said.report["totals"] == {"rows": 5, "unchanged": 4, "unmatched": 1}
    assert said.report["requests"]["PATCH"] == 0
    assert "nothing was sent" in desk.run("apply", "--yes").out.splitlines()[0]


def test_a_kept_plan_is_what_is_sent(desk: Desk) -> None:
    """Apply of a plan sends its operations under its eTags, unread, and counts no reading."""
    desk.rows(*DAY)
    planned = desk.run("plan", "--json", "-o", "tonight.plan").report
    desk.box.records.clear()
    said = desk.run("apply", "tonight.plan", "--yes", "--json")
    assert said.code == 3
    assert desk.box.methods == {"PATCH": 3}
    assert said.report["requests"] == {"GET": 0, "PATCH": 3}
    shown = {row["id"]: row["patch"] for row in planned["rows"] if row["patch"]}
    sent = {record.path.rpartition("/")[2]: record.operations for record in desk.box.patches}
    assert sent == shown
    etags = {row["id"]: row["etag"] for row in planned["rows"]}
    assert all(record.if_match == etags[record.path.rpartition("/")[2]] for record in desk.box.patches)
    assert said.report["run"]["plan"] == planned["run"]["id"]


def test_without_a_terminal_nobody_can_be_asked(desk: Desk) -> None:
    """No --yes and no terminal: exit 2 with the number and the way out; nothing is sent."""
    desk.rows(*renamed(1, 2))
    said = desk.run("apply")
    assert (said.code, desk.box.patches) == (2, [])
    assert "2 changes would be sent to http://127.0.0.1" in said.err
    assert "nobody is here to ask: add --yes" in said.err
    assert "=== PLAN" in said.err


def test_a_file_without_changes_asks_nobody(desk: Desk) -> None:
    """Where nothing would be sent, there is no question."""
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 1"})
    assert desk.run("apply").code == 0


@pytest.mark.parametrize(
    ("foreign", "outcome", "cause", "name"),
    [
        ({"details__notes": "seen"}, "applied", "confirmed", "Renamed 1"),
        ({"name": "Theirs"}, "conflicted", "both_moved", "Theirs"),
        ({"name": "Renamed 1"}, "unchanged", "same_edit", "Renamed 1"),
        ({"status": "Closed", "substatus": "Won"}, "refused", "closed_referral", "Deal 1"),
    ],
)
def test_what_others_did_since_the_plan_is_kept(
    desk: Desk, foreign: dict[str, str], outcome: str, cause: str, name: str
) -> None:
    """A disjoint edit lets the change go, the same field is a conflict, and nobody's edit is lost."""
    desk.rows(*renamed(1))
    desk.run("plan", "-o", "tonight.plan")
    desk.box.edit(1, **foreign)
    said = desk.run("apply", "tonight.plan", "--yes", "--json")
    row = said.report["rows"][0]
    assert (row["outcome"], row["cause"]) == (outcome, cause)
    assert said.code == (3 if outcome == "conflicted" else 0)
    assert desk.box.store.get(guid(1))["name"] == name
    if "details__notes" in foreign:
        assert desk.box.store.get(guid(1))["details"]["notes"] == "seen"


def test_a_conflict_is_told_with_its_three_values(desk: Desk) -> None:
    """Base, remote and row stand in the report, so that a person can decide."""
    desk.rows(*renamed(1))
    desk.run("plan", "-o", "tonight.plan")
    desk.box.edit(1, name="Theirs")
    said = desk.run("apply", "tonight.plan", "--yes")
    assert "? name: base Deal 1, remote Theirs, row Renamed 1" in said.out


def test_what_the_plan_did_not_show_does_not_go(desk: Desk) -> None:
    """When the referral now needs another operation than was approved, the row is conflicted: plan again."""
    desk.configure(fields={"Invitation": "inviteContext.notes"})
    desk.put("rows.csv", f"CRM Id,Invitation\n{crm(1)},Come\n")
    shown = desk.run("plan", "--json", "-o", "tonight.plan").report["rows"][0]["patch"]
    assert shown == [{"op": "add", "path": "/inviteContext", "value": {"notes": "Come"}}]
    desk.box.edit(1, inviteContext={"notes": ""})
    said = desk.run("apply", "tonight.plan", "--yes", "--json")
    assert (said.code, said.causes) == (3, {crm(1): "plan_stale"})
    assert "needs what the plan did not show (/inviteContext/notes); plan again" in said.report["rows"][0]["reason"]
    assert [write.writer for write in desk.box.store.writes] == ["elsewhere"]


def test_an_answer_that_was_lost_is_looked_up(desk: Desk) -> None:
    """Applied and unheard is applied, verified by reading; nothing is doubled."""
    desk.box.rates = Rates(lost=1)
    desk.rows(*renamed(1, 2))
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 0
    assert set(said.causes.values()) == {"read_back"}
    assert len(desk.box.store.writes) == len(desk.box.patches) == 2


def test_a_remote_that_keeps_another_form_is_told_once_and_left_alone(desk: Desk) -> None:
    """Accepted and altered is failed; the next run knows the remote's form and sends nothing."""
    desk.box.rates = Rates(altered=1)
    desk.rows({"CRM Id": crm(1), "Action": "A sentence that is cut"})
    said = desk.run("apply", "--yes", "--json")
    assert (said.code, said.causes) == (3, {crm(1): "accepted_altered"})
    desk.box.rates = Rates()
    again = desk.run("apply", "--yes", "--json")
    assert again.causes == {crm(1): "in_step"}
    assert len(desk.box.patches) == 1


def test_tolerated_rows_need_no_person(desk: Desk) -> None:
    """What `tolerate` names does not change the exit code; a typo in it is refused."""
    desk.configure(tolerate=["unmatched"])
    desk.rows(*renamed(1, 404))
    assert desk.run("apply", "--yes").code == 0
    desk.configure(tolerate=["unmached"])
    said = desk.run("apply", "--yes")
    assert said.code == 2
    assert "did you mean 'unmatched'?" in said.err


def test_a_forbidden_account_stops_the_run(desk: Desk) -> None:
    """A token that the remote does not take is exit 5, the rows are deferred and nothing is retried."""
    desk.bare()
    desk.box._require_token = True
    desk.rows(*renamed(1, 2))
    said = desk.run("plan", "--json")
    assert said.code == 5
    assert set(said.causes.values()) == {"sign_in"}
    assert len(desk.box.records) == 1
    sent = desk.run("apply", "--yes", "--json")
    assert (sent.code, set(sent.causes.values())) == (5, {"sign_in"})


def test_a_log_has_one_line_for_every_row(desk: Desk) -> None:
    """With --log-file every event is a JSON line, appended, and every row is settled once."""
    desk.rows(*DAY)
    for _ in range(2):
        desk.run("apply", "--yes", "--log-file", "run.log")
    lines = [json.loads(line) for line in (desk.folder / "run.log").read_text().splitlines()]
    events = [line["event"] for line in lines]
    assert events.count("run.begun") == events.count("run.ended") == 2
    settled = [line for line in lines if line["event"] == "row.settled"]
    assert {line["outcome"] for line in settled} >= {"applied", "unchanged", "unmatched"}
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (desk.folder / "run.log").stat().st_mode & 0o777 == 0o600
