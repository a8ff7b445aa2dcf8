from __future__ import annotations

import random
import stat
from pathlib import Path

from desk import Desk, Said, crm, guid, referral, renamed

PROMISED = {"row", "key", "id", "outcome", "reason", "warnings", "patch", "before", "after", "attempts", "request_ids"}
BESIDES = {"columns", "n", "cause", "fields", "etag"}
MIXED = [
    {"CRM Id": crm(1), "Deal": "Renamed"},
    {"CRM Id": crm(2), "Deal": "Deal 2"},
    {"CRM Id": crm(3), "Amount": "12k"},
    {"CRM Id": crm(404), "Deal": "Nobody's"},
    {"CRM Id": crm(5), "Deal": "Too late"},
    {"CRM Id": crm(6), "Stage": "Won"},
    {"CRM Id": crm(7), "Action": "Call"},
    {"CRM Id": crm(7), "Action": "Call"},
    {"CRM Id": crm(8), "Amount": "5", "Currency": "EUR"},
    {"CRM Id": crm(8), "Amount": "6", "Currency": "EUR"},
    {"CRM Id": crm(9), "Amount": "4", "Currency": "USD"},
]


def _mixed(desk: Desk) -> Path:
    closed = referral(5, status="Closed", substatus="Won")
    desk.box.empty([*(referral(n) for n in (1, 2, 3, 4, 6, 7, 8, 9)), closed])
    return desk.rows(*MIXED)


def _planned(desk: Desk, *args: str | Path) -> Said:
    said = desk.run("plan", "--json", *args)
    assert desk.box.methods.keys() <= {"GET"}
    return said


def test_plan_settles_every_row_once_and_only_reads(desk: Desk) -> None:
    """Every row ends in the outcome that its trouble deserves; the remote sees GET and nothing else."""
    _mixed(desk)
    said = _planned(desk)
    assert said.code == 3, said.err
    causes = [row["cause"] for row in said.report["rows"]]
    assert causes == [
        "to_send",
        "in_step",
        "bad_cell",
        "not_found",
        "closed_referral",
        "to_send",
        "to_send",
        "twin_agrees",
        "twins_disagree",
        "twins_disagree",
        "other_currency",
    ]
    assert desk.box.store.writes == []


def test_plan_text_opens_with_the_words_that_nothing_was_sent(desk: Desk) -> None:
    """Nobody mistakes a plan for a run: the first line says so, and the last counts no PATCH."""
    _mixed(desk)
    said = desk.run("plan")
    lines = said.out.splitlines()
    assert said.code == 3
    assert lines[0].startswith("=== PLAN ")
    assert lines[0].endswith("of job desk: nothing was sent ===")
    assert lines[-1].endswith("0 PATCH")
    assert "'12k' is not a plain number" in said.out
    assert "rows.csv:10 and rows.csv:11 name one referral and disagree on dealValue; keep one of them" in said.out
    assert f"no referral has the externalReferenceId '{crm(404)}'" in said.out
    assert "! CLOSES the referral: cannot be undone" in said.out


def test_plan_in_json_has_its_promised_shape(desk: Desk) -> None:
    """Scripts rely on the names; totals add up, and money is text whatever the remote sent."""
    _mixed(desk)
    desk.rows(*MIXED, {"CRM Id": crm(4), "Amount": "1234.50", "Currency": "EUR"})
    report = _planned(desk).report
    assert list(report) == ["run", "totals", "requests", "guards", "rows"]
    assert report["run"]["id"]
    assert report["run"]["kind"] == "plan"
    assert report["requests"] == {"GET": desk.box.methods["GET"], "PATCH": 0}
    totals = report["totals"]
    assert totals.pop("rows") == sum(totals.values()) == len(report["rows"]) == 12
    assert all(set(row) == PROMISED | BESIDES for row in report["rows"])
    assert all(row["row"]["source"] == "rows.csv" for row in report["rows"])
    assert [row["row"]["line"] for row in report["rows"]] == list(range(2, 14))
    money = report["rows"][-1]
    assert (money["id"], money["key"]) == (guid(4), crm(4))
    assert money["before"] == {"/details/dealValue": "4000"}
    assert money["after"] == {"/details/dealValue": "1234.5"}
    assert money["patch"] == [{"op": "replace", "path": "/details/dealValue", "value": "1234.5"}]
    assert money["columns"]["Amount"] == "1234.50"
    assert report["guards"][0]["guard"] == "closes"


def test_plan_made_twice_is_the_same_plan(desk: Desk) -> None:
    """Nothing of chance or time is in the rows of a plan."""
    _mixed(desk)
    first, second = (_planned(desk).report for _ in range(2))
    assert first["rows"] == second["rows"]
    assert first["totals"] == second["totals"]


def test_order_of_rows_decides_nothing(desk: Desk) -> None:
    """A shuffled export has the same outcome for every row."""
    _mixed(desk)

    def outcomes() -> list[tuple[str, str, str]]:
        rows = _planned(desk).report["rows"]
        return sorted((row["key"], row["outcome"], str(row["patch"])) for row in rows)

    straight = outcomes()
    shuffled = list(MIXED)
    random.Random(7).shuffle(shuffled)
    desk.rows(*shuffled)
    assert outcomes() == straight


def test_plan_is_kept_for_its_owner_only(desk: Desk) -> None:
    """The file that -o keeps holds customers' data: nobody else may read it; stderr says how to send it."""
    desk.rows(*renamed(1))
    said = desk.run("plan", "-o", "tonight.plan")
    kept = desk.folder / "tonight.plan"
    assert said.code == 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "plan kept in tonight.plan; to send it: syncjob apply tonight.plan" in said.err
    assert not list(desk.folder.glob(".*"))


def test_plan_into_a_folder_that_is_not_there_is_refused_before_any_request(desk: Desk) -> None:
    """Exit 8 with the remedy, and the remote was not asked."""
    desk.rows(*renamed(1))
    said = desk.run("plan", "-o", "nowhere/tonight.plan")
    assert (said.code, desk.box.records) == (8, [])
    assert "the folder nowhere does not exist; make it first" in said.err


def test_pending_changes_are_an_exit_code_only_when_asked_for(desk: Desk) -> None:
    """`--detailed-exitcode` tells 10 from 0; a row that needs a person is still 3."""
    desk.rows(*renamed(1))
    assert desk.run("plan").code == 0
    assert desk.run("plan", "--detailed-exitcode").code == 10
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 1"})
    assert desk.run("plan", "--detailed-exitcode").code == 0
    _mixed(desk)
    assert desk.run("plan", "--detailed-exitcode").code == 3


def test_plan_never_makes_a_ledger(desk: Desk) -> None:
    """Planning leaves nothing behind but what was asked for."""
    desk.rows(*renamed(1))
    desk.run("plan")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["rows.csv", "syncjob.yaml"]


def test_few_rows_with_ids_are_read_one_by_one(desk: Desk) -> None:
    """Matching by id asks for just those referrals; what is not there is unmatched."""
    desk.configure(match={"by": "id", "column": "CRM Id"})
    desk.rows({"CRM Id": guid(2).upper(), "Deal": "Renamed"}, {"CRM Id": guid(404), "Deal": "x"})
    said = _planned(desk)
    assert said.code == 3
    assert said.causes == {guid(2): "to_send", guid(404): "not_found"}
    assert sorted(record.path.rpartition("/")[2] for record in desk.box.records) == [guid(2), guid(404)]
    assert f"the remote has no referral {guid(404)} (status 404)" in said.out


def test_many_rows_with_ids_are_held_against_one_listing(desk: Desk) -> None:
    """Beyond limits.reads_max the listing is read; who is not in it is asked for by id before it counts as missing."""
    desk.configure(match={"by": "id", "column": "CRM Id"}, limits={"reads_max": 1, "concurrency": 2})
    desk.rows({"CRM Id": guid(2), "Deal": "Deal 2"}, {"CRM Id": guid(404), "Deal": "x"})
    said = _planned(desk)
    assert said.causes == {guid(2): "in_step", guid(404): "not_found"}
    assert [record.path.rpartition("/")[2] for record in desk.box.records] == ["referrals", guid(404)]


def test_a_listing_said_to_be_complete_saves_the_second_read(desk: Desk) -> None:
    """With remote.list_complete an item with eTag decides alone; without its eTag it is read by id."""
    desk.configure(remote={"url": desk.box.url, "list_complete": True})
    desk.rows(*renamed(1), {"CRM Id": crm(2), "Share": "yes"})
    assert _planned(desk).causes == {crm(1): "to_send", crm(2): "to_send"}
    assert desk.box.methods["GET"] == 1
    desk.box.empty([referral(1), referral(2)], list_etags=False)
    assert _planned(desk).causes == {crm(1): "to_send", crm(2): "to_send"}
    assert desk.box.methods["GET"] == 3


def test_one_crm_id_on_two_referrals_is_unmatched_with_both_ids(desk: Desk) -> None:
    """Nobody guesses which of two referrals is meant."""
    desk.box.empty([referral(1), referral(2, externalReferenceId=crm(1))])
    desk.rows(*renamed(1))
    said = _planned(desk)
    assert said.causes == {crm(1): "several_found"}
    assert f"{guid(1)}, {guid(2)}; match by id" in said.out


def test_a_row_whose_verifying_column_disagrees_is_invalid(desk: Desk) -> None:
    """A sheet that was sorted by halves does not write one customer's deal into another's."""
    desk.configure(match={"by": "externalReferenceId", "column": "CRM Id", "verify": "Deal"})
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 2", "Action": "Call"}, {"CRM Id": crm(2), "Deal": "Deal 2"})
    assert _planned(desk).causes == {crm(1): "verify_failed", crm(2): "in_step"}


def test_a_remote_that_fails_defers_what_could_not_be_read(desk: Desk) -> None:
    """An outage in the middle of planning is exit 7; the rows say why, and nothing was sent."""
    desk.configure(limits={"attempts_max": 2, "wait_initial_s": 0.001, "wait_max_s": 0.001, "retries_min": 0})
    desk.rows(*renamed(1, 2))
    from syncjob.sandbox.faults import Rates

    desk.box.rates = Rates(gateway=1)
    said = _planned(desk)
    assert said.code == 7
    assert set(said.outcomes.values()) == {"deferred"}
    assert "warning: remote.failed cause=remote_unavailable" in said.err
