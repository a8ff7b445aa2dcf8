from __future__ import annotations

import pytest
from desk import Desk, Said, crm, guid, referral, renamed

from syncjob.core import guard

WON = {"Stage": "Won"}


def _close(*numbers: int) -> list[dict[str, str]]:
    return [{"CRM Id": crm(n), **WON} for n in numbers]


def _statuses(desk: Desk) -> dict[str, str]:
    return {document["externalReferenceId"]: document["status"] for document in desk.box.store.documents()}


def test_closes_are_held_and_the_others_go(desk: Desk) -> None:
    """A close cannot be undone: it waits for a person, exit 3; what else there is goes."""
    desk.rows(*_close(1, 2), *renamed(3))
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 3
    assert said.causes == {crm(1): "closes", crm(2): "closes", crm(3): "confirmed"}
    assert len(desk.box.patches) == 1
    assert set(_statuses(desk).values()) == {"Active"}
    reason = said.report["rows"][0]["reason"]
    assert "guard closes: 2 rows would close" in reason
    assert "--allow closes or --allow closes=2" in reason


def test_the_plan_says_which_guard_would_act(desk: Desk) -> None:
    """Guards act on apply, never on plan; the plan names them and their way out."""
    desk.rows(*_close(1), *renamed(2))
    said = desk.run("plan")
    assert said.code == 0
    assert "closes: 1 row would close a referral, 0 allowed" in said.out
    assert "2 rows: 2 planned" in said.out


@pytest.mark.parametrize(
    ("allow", "closed", "code"),
    [
        (["closes"], 2, 0),
        (["closes=2"], 2, 0),
        (["closes=1"], 0, 3),
        (["consent"], 0, 3),
        (["closes", "consent"], 2, 0),
    ],
)
def test_allow_lifts_one_guard_for_one_run(desk: Desk, allow: list[str], closed: int, code: int) -> None:
    """--allow NAME lifts it, --allow NAME=N gives it a limit, and the limit is for all rows together."""
    desk.rows(*_close(1, 2), *renamed(3))
    said = desk.run("apply", "--yes", *(f"--allow={word}" for word in allow))
    assert said.code == code, said.err
    assert list(_statuses(desk).values()).count("Closed") == closed
    assert desk.box.store.get(guid(3))["name"] == "Renamed 3"
    assert desk.run("apply", "--yes").code == code


def test_a_configured_limit_is_a_number_of_rows(desk: Desk) -> None:
    """guards.closes: 1 lets one close go and holds two; null never holds."""
    desk.configure(guards={"closes": 1})
    desk.rows(*_close(1))
    assert desk.run("apply", "--yes").code == 0
    desk.rows(*_close(2, 3))
    assert desk.run("apply", "--yes").code == 3
    desk.configure(guards={"closes": None})
    assert desk.run("apply", "--yes").code == 0


def test_consents_are_held(desk: Desk) -> None:
    """What cannot be taken back waits for a person, also where the whole parent is added."""
    bare = referral(2)
    del bare["consent"]
    desk.box.empty([referral(1), bare, referral(3)])
    desk.rows(*({"CRM Id": crm(n), "Share": "yes"} for n in (1, 2)), {"CRM Id": crm(3), "Share": "no"})
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 3
    assert {key: cause for key, cause in said.causes.items() if key != crm(3)} == {crm(1): "consent", crm(2): "consent"}
    assert not any(record.path.endswith(guid(n)) for record in desk.box.patches for n in (1, 2))
    again = desk.run("apply", "--yes", "--allow", "consent", "--json")
    assert (again.code, again.causes[crm(1)]) == (0, "confirmed")


def test_too_many_changes_refuse_the_run(desk: Desk) -> None:
    """From fifty rows up a share counts: 16 of 50 is more than 30 %, nothing is sent, exit 6, the plan is shown."""
    desk.box.empty(referral(n) for n in range(1, 51))
    same = [{"CRM Id": crm(n), "Deal": f"Deal {n}"} for n in range(17, 51)]
    desk.rows(*renamed(*range(1, 17)), *same)
    said = desk.run("apply", "--yes", "--report", "refused.json")
    assert (said.code, desk.box.patches) == (6, [])
    assert "16 of 50 rows would change (32%; name 16), 15 allowed: nothing is sent" in said.err
    assert "--allow changes or --allow changes=16" in said.err
    assert said.out.startswith("=== PLAN ")
    assert (desk.folder / "refused.json").exists()
    assert desk.run("apply", "--yes", "--allow", "changes=15").code == 6
    assert desk.run("apply", "--yes", "--allow", "changes=16").code == 0
    assert len(desk.box.patches) == 16


def test_a_share_counts_from_fifty_rows_up(desk: Desk) -> None:
    """Nine changes of nine rows are a small file, not a broken export; a stated count counts always."""
    desk.rows(*renamed(*range(1, 10)))
    assert desk.run("plan").code == 0
    desk.configure(guards={"changes": 8})
    assert desk.run("apply", "--yes").code == 6
    desk.configure(guards={"changes": "30%"})
    assert desk.run("apply", "--yes").code == 0


def test_a_refused_plan_may_be_allowed_later(desk: Desk) -> None:
    """A guard's refusal spends no plan: the very same file goes once a person allows it."""
    desk.configure(guards={"changes": 1})
    desk.rows(*renamed(1, 2))
    assert desk.run("plan", "-o", "big.plan").code == 0
    assert desk.run("apply", "big.plan", "--yes").code == 6
    assert desk.run("apply", "big.plan", "--yes", "--allow", "changes").code == 0
    assert len(desk.box.patches) == 2


def test_words_after_allow_are_checked(desk: Desk) -> None:
    """Every mistake is named at once, with the guards there are; nothing is read or sent."""
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes", "--allow", "close", "--allow", "closes=many", "--allow", "changes=")
    assert (said.code, desk.box.records) == (2, [])
    assert "no guard is called 'close'; did you mean 'closes'?" in said.err
    assert "--allow closes=many: the limit must be a whole number, as in closes=5" in said.err
    assert "--allow changes=: the limit must be a whole number" in said.err
    assert f"the guards are {', '.join(guard.NAMES)}" in said.err


def _at_terminal(desk: Desk, answers: str, *args: str) -> Said:
    return desk.at_terminal("apply", *args, answers=answers)


def test_at_a_terminal_the_question_names_what_it_lifts(desk: Desk) -> None:
    """First each guard by its name and numbers, then the whole; yes to both sends all."""
    desk.rows(*_close(1), *renamed(2))
    said = _at_terminal(desk, "y\ny\n")
    assert said.code == 0, said.err
    assert "Guard closes: 1 row would close a referral, 0 allowed" in said.err
    assert "Lift closes and send these rows too? [y/N]:" in said.err
    assert f"Send 2 changes to {desk.box.url}/v1.0/engagements/referrals? [y/N]:" in said.err
    assert said.err.index("=== PLAN") < said.err.index("Guard closes")
    assert len(desk.box.patches) == 2


def test_a_guard_that_is_not_lifted_holds_its_rows(desk: Desk) -> None:
    """No to the guard, yes to the rest: the close is held, the other goes."""
    desk.rows(*_close(1), *renamed(2))
    said = _at_terminal(desk, "n\ny\n")
    assert said.code == 3
    assert "Send 1 changes to" in said.err
    assert "(1 stay held)" in said.err
    assert [record.path.rpartition("/")[2] for record in desk.box.patches] == [guid(2)]


@pytest.mark.parametrize("answers", ["y\nn\n", "y\n\n", "n\nn\n"])
def test_a_no_at_the_end_sends_nothing(desk: Desk, answers: str) -> None:
    """Called off is exit 2, and the default is no."""
    desk.rows(*_close(1), *renamed(2))
    said = _at_terminal(desk, answers)
    assert (said.code, desk.box.patches) == (2, [])
    assert "called off: nothing was sent" in said.err


def test_end_of_input_at_the_question_sends_nothing(desk: Desk) -> None:
    """Ctrl-D is no answer."""
    desk.rows(*renamed(1))
    said = _at_terminal(desk, "\x04")
    assert (said.code, desk.box.patches) == (130, [])
    assert "stopped; nothing was sent" in said.err


def test_yes_asks_nothing_and_lifts_nothing_at_a_terminal(desk: Desk) -> None:
    """With --yes there is no question, and the close is still held."""
    desk.rows(*_close(1), *renamed(2))
    said = _at_terminal(desk, "y\ny\n", "--yes")
    assert said.code == 3
    assert "[y/N]" not in said.err
    assert _statuses(desk)[crm(1)] == "Active"


def test_a_row_under_two_guards_stays_held_once(desk: Desk) -> None:
    """It would close and give a consent: the question counts rows, not guards."""
    desk.rows({"CRM Id": crm(1), **WON, "Share": "yes"}, *renamed(2))
    said = _at_terminal(desk, "n\nn\ny\n")
    assert said.code == 3
    assert "Send 1 changes to" in said.err
    assert "(1 stay held)" in said.err
    assert len(desk.box.patches) == 1


def test_a_limit_given_for_rows_is_a_limit(desk: Desk) -> None:
    """`--allow rows=5` takes a file of five rows, and none of four; without a number any file is taken."""
    desk.configure(rows={"file": "rows.csv", "rows_min": 8})
    desk.rows(*renamed(1, 2, 3, 4))
    said = desk.run("apply", "--yes", "--allow", "rows=5")
    assert (said.code, desk.box.records) == (4, [])
    assert "rows.csv: 4 data rows" in said.err
    desk.rows(*renamed(1, 2, 3, 4, 5))
    assert desk.run("apply", "--yes", "--allow", "rows=5").code == 0
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes", "--allow", "rows").code == 0
