from __future__ import annotations

import pytest
from desk import COLUMNS, Desk, crm, renamed, sheet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verdicts import judged

ON_A_DESK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("customers", [("Fabrikam", "Contoso"), ("Contoso", "Fabrikam")])
def test_twins_of_two_customers_disagree(desk: Desk, customers: tuple[str, str]) -> None:
    """One of them belongs to another deal: nobody guesses which, whichever comes first."""
    account = {"column": "Account", "field": "customerProfile.name"}
    desk.configure(match={"by": "externalReferenceId", "column": "CRM Id", "verify": account})
    rows = [{"CRM Id": crm(1), "Deal": "X", "Account": customer} for customer in customers]
    desk.put("rows.csv", sheet(rows, [*COLUMNS, "Account"]))
    assert [row["cause"] for row in judged(desk)] == ["twins_disagree"] * 2


def test_twins_of_two_spellings_give_one_plan_in_any_order(desk: Desk) -> None:
    """What is sent must not hang on how the export was sorted."""
    sent = set()
    for names in (("R&D", "R&amp;D"), ("R&amp;D", "R&D")):
        desk.rows(*({"CRM Id": crm(1), "Deal": name} for name in names))
        sent.add(str(sorted(str(row["after"]) for row in judged(desk, code=0))))
    assert len(sent) == 1


ROWS: list[dict[str, str]] = [
    *renamed(1, 2),
    {"CRM Id": crm(3), "Deal": "Deal 3"},
    {"CRM Id": crm(4), "Amount": "12k"},
    {"CRM Id": crm(404), "Deal": "Nobody's"},
    {"CRM Id": crm(5), "Stage": "Won"},
    {"CRM Id": crm(6), "Action": "Call"},
    {"CRM Id": crm(6), "Action": "Call"},
    {"CRM Id": crm(7), "Deal": "One"},
    {"CRM Id": crm(7), "Deal": "Two"},
    {"CRM Id": "1.23E+17", "Deal": "x"},
]


def plan_of(desk: Desk) -> list[str]:
    """Give all that a plan decides of its rows, without where they stand."""
    return sorted(
        str([row[part] for part in ("key", "id", "outcome", "cause", "before", "after", "patch", "warnings")])
        for row in judged(desk)
    )


@ON_A_DESK
@given(rows=st.permutations(ROWS), columns=st.permutations(list(COLUMNS)))
def test_order_decides_nothing(desk: Desk, rows: list[dict[str, str]], columns: list[str]) -> None:
    """However rows and columns are sorted: the same plan, to the last operation."""
    desk.rows(*ROWS)
    straight = plan_of(desk)
    desk.put("rows.csv", sheet(rows, columns))
    assert plan_of(desk) == straight
