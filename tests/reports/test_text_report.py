import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.model import Cause, Operation, Report, Settled, Triple
from syncjob.reports.text import render

NIGHT = """\
RUN r-7 of job nightly: 1 row applied, 2 PATCH sent

invalid, needs a person: 1 row
  deals.csv:4  CRM-00003  deals.csv:4 has 2 cells, the header 3

held, needs a person: 1 row
  deals.csv:5  CRM-00004  would close the referral; see it, then syncjob approve
    ~ status: Active -> Closed
    ~ substatus: Accepted -> Won
    ! CLOSES the referral: cannot be undone

conflicted, needs a person: 1 row
  deals.csv:6  CRM-00005  row and remote both moved
    ? dealValue: base 10000, remote 11000.50, row 12000

applied, sent and verified: 1 row
  deals.csv:2  CRM-00001
    ~ dealValue: 10000 -> 12000
    ~ notes: ••• -> •••
    + team: •••
    warning: team: the phone number differs

Private values are masked as •••; they stand unmasked in reports as workbook, CSV or JSON.
closes: 1 row closes its referral (limit 0); --allow closes
5 rows: 1 applied, 1 unchanged, 1 held, 1 invalid, 1 conflicted
requests: 4 GET, 2 PATCH
"""

EMPTY_PLAN = """\
=== PLAN: nothing was sent ===

0 rows
requests: 0 GET, 0 PATCH
"""

CUT = """\
=== PLAN r-7 of job nightly: nothing was sent ===

planned, ready to be sent: 5 rows
  deals.csv:2  CRM-00001
  deals.csv:3  CRM-00002
  … and 3 more; all are in the report

5 rows: 5 planned
requests: 0 GET, 0 PATCH
"""

DRIFT = """\
DRIFT r-7 of job nightly: 0 rows applied, nothing was sent

drifted, only the remote moved; its value is kept: 1 row
  deals.csv:2  CRM-00001  kept
    ? notes: base •••, remote •••, row (blank)

unchanged, with warnings: 1 row
  deals.csv:3  CRM-00002
    warning: team: the phone number differs

Private values are masked as •••; they stand unmasked in reports as workbook, CSV or JSON.
3 rows: 2 unchanged, 1 drifted
requests: 0 GET, 0 PATCH
"""


def test_what_needs_a_person_comes_first(night: Report) -> None:
    """The whole form of a night, by equality; cut or uncut it is the same where nothing is cut."""
    assert "".join(render(night)) == NIGHT
    assert "".join(render(night, rows_max=None)) == NIGHT


def test_plan_says_first_that_nothing_was_sent(report_of: Callable[..., Report]) -> None:
    """A plan cannot be mistaken for a run, also when it is empty and nameless."""
    assert "".join(render(report_of(kind="plan", run={}))) == EMPTY_PLAN


def test_plan_that_sent_something_is_a_bug(report_of: Callable[..., Report]) -> None:
    """The banner is a promise: a plan that counts a PATCH is not shown as one."""
    with pytest.raises(AssertionError, match="a plan sends nothing"):
        list(render(report_of(kind="plan", requests={"PATCH": 1})))


def test_long_group_is_cut_and_says_so(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """Cut rows are counted; nothing is cut when all are asked for."""
    plan = report_of(*(row_of(n, Cause.TO_SEND, "") for n in range(1, 6)), kind="plan")
    assert "".join(render(plan, rows_max=2)) == CUT
    assert "more; all are" not in "".join(render(plan, rows_max=5))
    assert "".join(render(plan, rows_max=None)) == "".join(render(plan, rows_max=5))


def test_drift_shows_three_values(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """What the remote moved is shown with what was agreed; unchanged rows appear only with a warning."""
    triples = (
        Triple("/details/notes", "theirs", None, base="ours"),
        Triple("/salesStage", "40", "50"),
        Triple("/name", None, ""),
    )
    drifted = row_of(1, Cause.REMOTE_MOVED, "kept", triples=triples)
    warned = row_of(2, Cause.IN_STEP, warnings=("team: the phone number differs",))
    for rows_max in (50, None):
        shown = render(report_of(drifted, warned, row_of(3, Cause.IN_STEP), kind="drift"), rows_max=rows_max)
        assert "".join(shown) == DRIFT


def test_field_without_a_base_is_shown_as_such(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Where no field is known to have moved on both sides, all that differ are shown, and no base is made up."""
    row = row_of(1, Cause.PLAN_STALE, "stale", triples=(Triple("/salesStage", "40", "50"), Triple("/name", "", None)))
    lines = list(render(report_of(row)))
    assert [line for line in lines if "?" in line] == ["    ? salesStage: base unknown, remote 40, row 50\n"]


def masked(path: str, report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> bool:
    """Show a change of that path; say whether both its values were masked, and never one of the two."""
    operation = Operation("replace", path, "hidden")
    row = row_of(1, Cause.TO_SEND, triples=(Triple(path, "secret", "hidden"),), operations=(operation,))
    text = "".join(render(report_of(row, kind="plan")))
    assert ("secret" in text) == ("hidden" in text) == ("masked" not in text)
    return "masked" in text


@pytest.mark.parametrize(
    "path", ["/details/notes", "/team", "/team/0/email", "/customerProfile", "/customerProfile/team"]
)
def test_private_paths_are_masked(report_of: Callable[..., Report], row_of: Callable[..., Settled], path: str) -> None:
    """A value is masked when its path is private, lies below a private one, or holds one."""
    assert masked(path, report_of, row_of)


@pytest.mark.parametrize("path", ["/customerProfile/name", "/teams", "/details/notesToo"])
def test_neighbours_of_private_paths_are_shown(
    report_of: Callable[..., Report], row_of: Callable[..., Settled], path: str
) -> None:
    """Masking goes by whole names: what only begins alike is shown."""
    assert not masked(path, report_of, row_of)


def test_very_long_value_is_cut(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """A cell of a megabyte fills one line, not the screen; 120 characters are shown whole."""
    row = row_of(
        1,
        Cause.TO_SEND,
        triples=(Triple("/name", "a" * 120, "b" * 1_000_000),),
        operations=(Operation("replace", "/name", "b" * 1_000_000),),
    )
    text = "".join(render(report_of(row, kind="plan")))
    assert f"    ~ name: {'a' * 120} -> {'b' * 119}…\n" in text


def test_control_characters_are_shown_as_text(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """Escapes, line breaks, bidi controls, zero-width characters and fillers are spelt out; letters stay."""
    reason = "\x1b[2J\r\n\t\u202eevil\u200b \ufeff\u3164\ud800 Zoë 東京"
    text = "".join(render(report_of(row_of(1, Cause.REMOTE_REFUSED, reason))))
    assert r"  \x1b[2J\r\n\t\u202eevil\u200b \ufeff\u3164\ud800 Zoë 東京" in text.splitlines()[3]


TEXTS = st.text(max_size=9)
VALUES = st.none() | st.booleans() | st.decimals(-9, 9, places=2) | TEXTS | st.lists(TEXTS, max_size=1)


@given(text=TEXTS, cause=st.sampled_from(list(Cause)), before=VALUES, after=VALUES, rows_max=st.none() | st.just(1))
def test_no_value_can_move_the_cursor(
    report_of: Callable[..., Report],
    row_of: Callable[..., Settled],
    text: str,
    cause: Cause,
    before: Any,
    after: Any,
    rows_max: int | None,
) -> None:
    """Whatever a cell, a name or the server holds: no control, format or line character but our own line ends."""
    row = row_of(
        1,
        cause,
        text,
        warnings=(text,),
        triples=(Triple(f"/{text}", before, after, base=text), Triple("/list", [], [])),
        operations=(Operation("replace", f"/{text}", after), Operation("add", "/list/-", after)),
    )
    row = replace(row, key=text, place=replace(row.place, source=text))
    given_report = report_of(row, row, run={"id": text, "job": text}, requests={text: 1})
    shown = "".join(render(given_report, rows_max=rows_max))
    assert not {unicodedata.category(one) for one in shown.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_what_changes_behind_a_long_beginning_is_seen(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Three hundred equal characters do not hide the one that differs."""
    row = row_of(
        1,
        Cause.TO_SEND,
        triples=(Triple("/name", "a" * 300 + "X", "a" * 300 + "Y"),),
        operations=(Operation("replace", "/name", "a" * 300 + "Y"),),
    )
    text = "".join(render(report_of(row, kind="plan")))
    assert f"    ~ name: …{'a' * 20}X -> …{'a' * 20}Y\n" in text


def test_a_list_that_begins_is_added_to(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """Nobody is replaced where nobody was: a `+` for each who joins."""
    row = row_of(
        1,
        Cause.TO_SEND,
        triples=(Triple("/details/requirements/solutions", [], [{"id": "SOL-1"}]),),
        operations=(Operation("replace", "/details/requirements/solutions", [{"id": "SOL-1"}]),),
    )
    text = "".join(render(report_of(row, kind="plan")))
    assert "    + requirements.solutions: SOL-1\n" in text
