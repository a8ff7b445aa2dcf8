"""What a guard has held is sent once a person has approved it: that, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from desk import Desk, Said, crm, guid, referral, renamed


def close(*numbers: int, **more: str) -> list[dict[str, str]]:
    """Give rows that close deals."""
    return [{"CRM Id": crm(n), "Stage": "Won", **more} for n in numbers]


def statuses(desk: Desk) -> dict[str, str]:
    """Give the status of every referral now."""
    found = {document["externalReferenceId"]: document["status"] for document in desk.box.store.documents()}
    return {key: status for key, status in found.items() if key in (crm(1), crm(2), crm(3), crm(400))}


@pytest.fixture
def held(desk: Desk) -> Desk:
    """A night in which two closes were held, and another row went."""
    desk.rows(*close(1, 2), *renamed(3))
    assert desk.run("apply", "--yes").code == 3
    desk.box.records.clear()
    return desk


def test_held_rows_are_sent_and_who_approved_is_kept(held: Desk) -> None:
    """Read and diffed again, under their eTags of now; the next night finds them in step."""
    said = held.run("approve", "last", "--yes", "--reason", "signed on Friday", "--json")
    assert (said.code, said.causes) == (0, {crm(1): "confirmed", crm(2): "confirmed"})
    assert len(held.box.patches) == 2
    assert statuses(held) == {crm(1): "Closed", crm(2): "Closed", crm(3): "Active"}
    assert said.report["run"]["approves"]
    told = held.run("history", "--deal", crm(1)).out
    assert "approved by " in told
    assert "because: signed on Friday" in told
    assert held.run("apply", "--yes", "--json").report["totals"] == {"rows": 3, "unchanged": 3}
    assert "nothing waits for a person" in held.run("status").out


def test_one_of_399_and_one_is_approved(desk: Desk) -> None:
    """399 of 400 rows go, the close is held with exit 3, and `approve` sends it (F-128)."""
    desk.box.empty(referral(n) for n in range(1, 401))
    desk.configure(guards={"changes": None})
    desk.rows(*renamed(*range(1, 400)), *close(400))
    said = desk.run("apply", "--yes", "--json")
    assert (said.code, said.report["totals"]) == (3, {"rows": 400, "applied": 399, "held": 1})
    said = desk.run("approve", "last", "--yes", "--json")
    assert (said.code, said.report["totals"]) == (0, {"rows": 1, "applied": 1})
    assert statuses(desk)[crm(400)] == "Closed"


def test_only_what_is_selected_goes(held: Desk) -> None:
    """By key; the other stays held, and can be approved later from the same run."""
    run = json.loads(held.run("show", "last", "--json").out)["run"]["id"]
    assert held.run("approve", run, "--select", crm(2), "--yes").code == 0
    assert statuses(held) == {crm(1): "Active", crm(2): "Closed", crm(3): "Active"}
    said = held.run("approve", run, "--yes", "--json")
    assert said.causes == {crm(1): "confirmed"}


def test_a_key_that_is_not_held_is_no_slip_to_pass_over(held: Desk) -> None:
    """Two are approved and one of them is misspelt: neither goes (exit 2)."""
    known = next(row["key"] for row in held.run("show", "last", "--json").report["rows"] if row["outcome"] == "held")
    before = len(held.box.patches)
    said = held.run("approve", "last", "--yes", "--select", f"{known},CRM-0001")
    assert (said.code, len(held.box.patches)) == (2, before)
    assert "holds no row CRM-0001; nothing was sent" in said.err


def test_a_person_is_shown_and_asked(held: Desk) -> None:
    """At a terminal a no sends nothing; without one --yes is wanted."""
    said = held.at_terminal("approve", "last", answers="n\n")
    assert (said.code, "Send 2 changes" in said.err, held.box.patches) == (2, True, [])
    assert "status: Active -> Closed" in said.err
    assert held.run("approve", "last").code == 2
    assert held.box.patches == []


def test_what_needs_more_by_now_is_not_sent(desk: Desk) -> None:
    """By now the name would go too, which nobody has seen: the row is conflicted, and nothing of it is sent."""
    desk.rows(*close(1, Deal="Deal 1"), *close(2))
    assert desk.run("apply", "--yes").code == 3
    desk.box.edit(1, name="Elsewhere")
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        database.execute("DELETE FROM bases")
    desk.box.records.clear()
    said = desk.run("approve", "last", "--yes", "--json")
    assert (said.code, said.causes) == (3, {crm(1): "plan_stale", crm(2): "confirmed"})
    assert [record.path[-36:] for record in desk.box.patches] == [guid(2)]
    assert "run the job once more and look" in said.report["rows"][0]["reason"]


def test_a_row_that_was_held_for_another_reason_does_not_close_on_the_way(desk: Desk) -> None:
    """Held by first-run for its name; by now its stage would close it too, and that was not shown."""
    desk.configure(guards={"first_run": 0})
    desk.box.empty([referral(1, status="Closed", substatus="Won"), referral(2)])
    desk.rows({"CRM Id": crm(2), "Deal": "New name"})
    assert desk.run("apply", "--yes").code == 3
    desk.box.edit(2, name="Old name")
    desk.box.records.clear()
    said = desk.run("approve", "last", "--yes", "--json")
    assert (said.code, said.causes) == (0, {crm(2): "confirmed"})
    assert [one["value"] for record in desk.box.patches for one in record.operations] == ["New name"]


def test_other_guards_act_on_what_is_approved(held: Desk) -> None:
    """Closes are lifted, since they held these rows; too many changes are not."""
    held.configure(guards={"changes": 1})
    said = held.run("approve", "last", "--yes")
    assert (said.code, held.box.patches) == (6, [])
    assert "--allow changes" in said.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("approve", "last", "--select", crm(3), "--yes"), 4, "no guard has held a row that is selected"),
        (("approve", "last", "--select", "field=name", "--yes"), 2, "a row is approved as a whole"),
        (("approve", "nowhere", "--yes"), 4, "is no run of job desk"),
        (("approve", "last", "--select", "", "--yes"), 2, "selects nothing"),
    ],
)
def test_what_cannot_be_approved_is_refused(held: Desk, words: tuple[str, ...], code: int, told: str) -> None:
    """With what to do; nothing is sent."""
    said = held.run(*words)
    assert (said.code, told in said.err, held.box.patches) == (code, True, []), said.err


def test_a_run_that_held_nothing_has_nothing_to_approve(desk: Desk) -> None:
    """Exit 4."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    said: Said = desk.run("approve", "last", "--yes")
    assert (said.code, "nothing is to be approved" in said.err) == (4, True)


def test_what_the_crm_has_taken_back_since_is_not_approved(held: Desk) -> None:
    """A later night looked at the row and held nothing: the old one is no longer to be sent."""
    first = json.loads(held.run("show", "last", "--json").out)["run"]["id"]
    held.rows({"CRM Id": crm(1), "Stage": "Working"}, *close(2), *renamed(3))
    assert held.run("apply", "--yes").code == 3
    held.box.records.clear()
    said = held.run("approve", first, "--select", crm(1), "--yes")
    assert (said.code, "may be another thing by now" in said.err, held.box.patches) == (4, True, [])
    assert held.run("approve", "last", "--yes", "--json").causes == {crm(2): "confirmed"}
    assert statuses(held)[crm(1)] == "Active"


def test_what_was_approved_is_agreed_on(desk: Desk) -> None:
    """Somebody sets it back in Partner Center: the next night keeps their edit; the CRM's own next change goes."""
    desk.configure(guards={"first_run": 0})
    desk.rows(*renamed(1, name="X"))
    assert desk.run("apply", "--yes").code == 3
    assert desk.run("approve", "last", "--yes").code == 0
    desk.box.edit(1, name="Theirs")
    assert desk.run("apply", "--yes", "--json").causes == {crm(1): "remote_moved"}
    desk.box.edit(1, name="X")
    desk.rows(*renamed(1, name="Back"))
    assert desk.run("apply", "--yes", "--json").causes == {crm(1): "confirmed"}


def test_the_last_run_is_the_last_that_has_held_something(held: Desk) -> None:
    """An approval of one row in between is not in the way of the other."""
    assert held.run("approve", "last", "--select", crm(1), "--yes").code == 0
    assert held.run("approve", "last", "--select", crm(2), "--yes").code == 0
    assert set(statuses(held).values()) == {"Closed", "Active"}
