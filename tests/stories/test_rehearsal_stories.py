"""The first night, harmless: read from the remote, sent to a sandbox that holds the same."""

from __future__ import annotations

from decimal import Decimal

from desk import Desk, crm, guid, referral, renamed


def test_a_rehearsal_only_reads_and_tells_what_would_happen(desk: Desk) -> None:
    """The remote sees GET only, holds what it held, and the ledger is not begun."""
    desk.rows(*renamed(1, 2), {"CRM Id": crm(3), "Stage": "Won"}, {"CRM Id": crm(404), "Deal": "x"})
    before = desk.box.store.documents()
    said = desk.run("rehearse", "--report", "run.csv")
    assert said.code == 3
    assert "3 referrals were read; the rest happens in a sandbox" in said.err
    assert f"nothing was sent to {desk.box.url}/v1.0/engagements/referrals; 2 PATCH went to a sandbox ===" in said.out
    assert said.out.startswith("=== REHEARSAL ")
    assert "4 rows: 2 applied, 1 held, 1 unmatched" in said.out
    assert set(desk.box.methods) == {"GET"}
    assert desk.box.store.documents() == before
    assert not desk.ledger.exists()
    assert "confirmed" in (desk.folder / "run.csv").read_text("utf-8-sig")


def test_what_is_rehearsed_is_what_happens(desk: Desk) -> None:
    """The real run ends every row as the rehearsal did, to the very values."""
    documents = [referral(n, details={"dealValue": 1000.25 * n, "currency": "EUR"}) for n in range(1, 10)]
    desk.box.empty(documents, list_etags=False)
    rows = [{"CRM Id": crm(n), "Deal": f"Renamed {n}", "Amount": str(Decimal("1000.25") * n)} for n in (1, 2, 3)]
    desk.rows(*({**row, "Currency": "EUR"} for row in rows))
    said = desk.run("rehearse", "--json")
    assert said.report["run"]["kind"] == "rehearsal"
    assert desk.box.patches == []
    real = desk.run("apply", "--yes", "--json")
    assert said.causes == real.causes
    assert [row["patch"] for row in said.report["rows"]] == [row["patch"] for row in real.report["rows"]]


def test_the_first_night_is_rehearsed_with_its_guards(desk: Desk) -> None:
    """What has no history is held there too, until somebody says whose word counts."""
    desk.configure(guards={"first_run": 0})
    desk.rows(*renamed(1))
    assert desk.run("rehearse", "--json").causes == {crm(1): "first_run"}
    assert desk.run("rehearse", "--json", "--allow", "first-run").causes == {crm(1): "confirmed"}
    assert desk.run("rehearse", "--json", "--adopt", "remote").causes == {crm(1): "remote_moved"}
    assert desk.run("rehearse", "--json", "--adopt", "row").causes == {crm(1): "confirmed"}


def test_a_rehearsal_knows_what_the_ledger_knows_and_leaves_it_alone(desk: Desk) -> None:
    """Bases are taken along as a copy: drift is drift, and nothing is remembered of what did not happen."""
    desk.rows({"CRM Id": crm(1), "Deal": "Deal 1"})
    assert desk.run("apply", "--yes").code == 0
    desk.box.edit(1, name="Theirs")
    assert desk.run("rehearse", "--json").causes == {crm(1): "remote_moved"}
    desk.rows(*renamed(2))
    desk.run("rehearse")
    assert desk.run("status").out.count("1 runs since") == 1
    assert desk.box.store.get(guid(2))["name"] == "Deal 2"


def test_a_guard_that_refuses_refuses_there_too(desk: Desk) -> None:
    """Exit 6, the plan is shown, and the remote was only read."""
    desk.configure(guards={"changes": 1})
    desk.rows(*renamed(1, 2))
    said = desk.run("rehearse")
    assert (said.code, desk.box.patches) == (6, [])
    assert "2 of 2 rows would change" in said.err


def test_a_dead_remote_is_not_rehearsed_as_one_without_referrals(desk: Desk) -> None:
    """Exit 7 and why: a referral that could not be read is not one that is missing."""
    desk.configure(remote={"url": "http://127.0.0.1:1"}, limits={"attempts_max": 1})
    desk.rows(*renamed(1))
    said = desk.run("rehearse")
    assert (said.code, said.out) == (7, "")
    assert "the referrals cannot be read, so that there is nothing to rehearse with" in said.err
