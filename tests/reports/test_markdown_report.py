"""Markdown for a pull request: what counts first, values that mean nothing to Markdown, and an honest end."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.model import Cause, Operation, Report, Settled, Triple
from syncjob.reports import markdown
from syncjob.reports.gist import grouped

TICKS = re.compile(r"(`+)(.+?)\1(?!`)", re.DOTALL)


def written(report: Report) -> str:
    """Give the whole."""
    return "".join(markdown.render(report))


def test_what_counts_comes_first(night: Report) -> None:
    """The verdict and the totals, then what a person must do; private values are masked."""
    said = written(night)
    assert said.startswith("## 🟡 Run of job `nightly`: 1 row changed and verified.\n\n- 3 rows need a person")
    assert "| applied | unchanged | held | invalid | conflicted | rows |" in said
    assert said.index("### Guards") < said.index("### Held") < said.index("### Conflicts") < said.index("### Sent")
    assert "agreed `10000`, Partner Center `11000.50`, row `12000`" in said
    assert "secret" not in said
    assert said.endswith("Private values are masked as •••.\n")


def test_rows_beyond_a_comment_s_size_are_counted(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """GitHub takes 65,536 characters; what is left out is said, by section."""

    def row(n: int) -> Settled:
        name = Triple("/name", "x" * 100, f"Renamed {n}", base="y")
        operation = Operation("replace", "/name", f"Renamed {n}")
        return row_of(n, Cause.CONFIRMED, triples=(name,), operations=(operation,))

    said = written(report_of(*map(row, range(1, 2_001))))
    assert len(said) < 65_536
    shown = said.count("\n- `CRM-")
    assert f"… and {grouped(2_000 - shown)} more; the report as page, workbook or CSV has them" in said


@pytest.mark.parametrize(
    "evil",
    ["<script>alert(1)</script>", "a|b", "`code`", "``", "@octocat #1", "[a](http://b)", "![i](x)", "x\n# head", "*b*"],
)
def test_nothing_from_outside_is_markup(
    report_of: Callable[..., Report], row_of: Callable[..., Settled], evil: str
) -> None:
    """Tags, tables, mentions, links, headings and fences are text, or stand in code spans."""
    triple = Triple("/name", evil, f"{evil}!", base="x")
    row = row_of(1, Cause.BOTH_MOVED, evil, triples=(triple,))
    said = written(report_of(row, run={"id": evil, "job": evil, "notes": [evil]}))
    outside = re.sub(r"\\.", "", TICKS.sub("", said))
    for mark in ("<script", "@octocat", "](http", "![i]", "\n# head", "*b*"):
        assert mark not in outside


@given(st.text(max_size=40))
def test_a_code_span_ends_where_it_should(value: str) -> None:
    """Whatever it holds, the fence is longer than any run of backticks within."""
    shown = value.replace("\n", " ").replace("\r", " ")
    spanned = markdown.code(shown)
    fence = re.match("`+", spanned)
    assert fence is not None
    assert f"{fence[0]}`" not in spanned.removeprefix(fence[0]) or len(fence[0]) > 1 or not shown
    longest = max(map(len, re.findall("`+", shown)), default=0)
    assert spanned.endswith("`" * (longest + 1))
