import json
from collections.abc import Callable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from syncjob.model import Cause, Operation, Report, Settled, Triple
from syncjob.reports.json import render

EMPTY = """\
{"run":{"id":"r-7","job":"nightly","kind":"plan"},
"totals":{"rows":0},
"requests":{"GET":0,"PATCH":0},
"guards":[],
"rows":[
]}
"""

ONE = """\
{"run":{"id":"r-7","job":"nightly","kind":"run"},
"totals":{"rows":2,"applied":1,"unchanged":1},
"requests":{"GET":1,"PATCH":1},
"guards":[{"guard":"rows","count":2,"limit":9,"holds":false,"message":"2 rows"}],
"rows":[
{"row":{"source":"deals.csv","line":2},"n":1,"key":"CRM-00001","id":"id-1","outcome":"applied","cause":"confirmed",\
"reason":"as asked","warnings":["w"],"patch":[{"op":"replace","path":"/details/dealValue","value":"12000"}],\
"before":{"/details/dealValue":"10000.50"},"after":{"/details/dealValue":"12000"},\
"fields":[{"path":"/details/dealValue","observed":"10000.50","desired":"12000","base":10000}],\
"etag":"\\"e1\\"","attempts":1,"request_ids":["q-1"],\
"columns":{"CRM id":"CRM-00001","Value":"12000","Notes":""}},
{"row":{"source":"deals.csv","line":3},"n":2,"key":"CRM-00002","id":null,"outcome":"unchanged","cause":"in_step",\
"reason":"","warnings":[],"patch":[],"before":{},"after":{},"fields":[],"etag":null,"attempts":0,"request_ids":[],\
"columns":{"CRM id":"CRM-00002","Value":"12000","Notes":""}}
]}
"""


def test_plan_without_rows_is_whole_json(report_of: Callable[..., Report]) -> None:
    """Nothing to tell is told in the same form; both methods are counted even at nought."""
    assert "".join(render(report_of(kind="plan"))) == EMPTY
    assert json.loads(EMPTY)["rows"] == []


def test_each_row_stands_on_a_line_of_its_own(
    report_of: Callable[..., Report], row_of: Callable[..., Settled], night: Report
) -> None:
    """The whole form, by equality: scripts and grep rely on it."""
    changed = row_of(
        1,
        Cause.CONFIRMED,
        "as asked",
        id="id-1",
        etag='"e1"',
        warnings=("w",),
        triples=(Triple("/details/dealValue", Decimal("10000.50"), "12000", base=10000),),
        operations=(Operation("replace", "/details/dealValue", "12000"),),
        attempts=1,
        request_ids=("q-1",),
    )
    verdict = type(night.verdicts[0])("rows", 2, 9, False, "2 rows")
    given_report = report_of(changed, row_of(2, Cause.IN_STEP), requests={"PATCH": 1, "GET": 1}, verdicts=(verdict,))
    assert "".join(render(given_report)) == ONE


def test_money_is_text_on_both_sides(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> None:
    """A whole number from the remote and text on the wire come out alike, so that nobody's parser rounds."""
    row = row_of(
        1,
        Cause.TO_SEND,
        triples=(Triple("/details/dealValue", 10000, "12000"), Triple("/favorite", 1, 2)),
        operations=(Operation("replace", "/details/dealValue", "12000"), Operation("replace", "/favorite", 2)),
    )
    shown = json.loads("".join(render(report_of(row, kind="plan"))))["rows"][0]
    assert shown["before"] == {"/details/dealValue": "10000", "/favorite": 1}
    assert shown["after"] == {"/details/dealValue": "12000", "/favorite": 2}


def test_private_values_stand_unmasked(night: Report) -> None:
    """The JSON report is the complete one; its file is for its owner's eyes only."""
    assert "new secret" in "".join(render(night))


CELLS = st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=2)


@given(rows=st.lists(st.tuples(st.sampled_from(list(Cause)), st.text(max_size=9), CELLS), max_size=5))
def test_report_parses_and_adds_up(
    report_of: Callable[..., Report],
    row_of: Callable[..., Settled],
    rows: list[tuple[Cause, str, dict[str, str]]],
) -> None:
    """Whatever the cells hold: it is JSON, nothing is lost, and the totals are those of the rows."""
    settled = [row_of(n, cause, text, columns=cells) for n, (cause, text, cells) in enumerate(rows, 1)]
    text = "".join(render(report_of(*settled)))
    shown = json.loads(text)
    assert [row["reason"] for row in shown["rows"]] == [row.reason for row in settled]
    assert [row["columns"] for row in shown["rows"]] == [row.columns for row in settled]
    outcomes = [row["outcome"] for row in shown["rows"]]
    assert shown["totals"] == {"rows": len(rows)} | {one: outcomes.count(one) for one in outcomes}
    assert text.count("\n") == 5 + len(rows) + 1
