"""The page in a real browser, from disk, with the network blocked: what people do with it, and who can read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, WHY_NOT, Opened, opened, started

from syncjob.model import Cause, Operation, Report, Settled, Triple
from syncjob.reports import html, write

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)]
SHOTS = Path(__file__).parents[2] / "out" / "page"
MANY = 3_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all pages."""
    with started() as browser:
        yield browser


@pytest.fixture
def page_of(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Hand out pages that stand open until the test ends; by then none may have asked for anything or complained."""
    held: list[tuple[Any, Opened]] = []

    def make(report: Report, **looks: Any) -> Opened:
        path = write(report, tmp_path / f"report-{len(held)}.html")
        context = opened(browser, path, **looks)
        held.append((context, context.__enter__()))
        return held[-1][1]

    yield make
    for context, one in held:
        context.__exit__(None, None, None)
        assert (one.asked, one.told) == ([], [])


@pytest.fixture
def many(report_of: Callable[..., Report], row_of: Callable[..., Settled]) -> Report:
    """A night of three thousand rows: every third is renamed, every hundredth in conflict."""

    def row(n: int) -> Settled:
        if n % 100 == 0:
            triple = Triple("/details/dealValue", 11_000.5, 12_000, base=10_000)
            return row_of(n, Cause.BOTH_MOVED, f"both moved {n}", id=f"id-{n}", triples=(triple,))
        if n % 3 == 0:
            name = Triple("/name", f"Deal {n}", f"Renamed {n}", base=f"Deal {n}")
            sent = (Operation("replace", "/name", f"Renamed {n}"),)
            return row_of(n, Cause.CONFIRMED, "", id=f"id-{n}", triples=(name,), operations=sent, etag=f'"e{n}"')
        return row_of(n, Cause.IN_STEP, "", id=f"id-{n}")

    return report_of(*(row(n) for n in range(1, MANY + 1)), requests={"GET": 3, "PATCH": 990})


def test_what_counts_is_seen_first(page_of: Callable[..., Opened], night: Report) -> None:
    """The verdict, what cannot be undone, what is held, who must decide what: before any table, and as text."""
    one = page_of(night)
    assert one.page.inner_text("h1") == "1 row changed and verified."
    assert "3 rows need a person" in one.page.inner_text("header")
    assert "CLOSES the referral: cannot be undone" in one.page.inner_text("#held")
    three = one.page.locator("#conflicted .three tbody tr").first
    assert three.locator("td").all_inner_texts() == ["10.000", "11.000,5", "12.000"], "as a German reader writes them"
    assert three.locator("td").nth(1).get_attribute("title") == "11000.50"
    assert one.page.title() == "Run of nightly: 1 row changed and verified."


def test_rows_are_filtered_searched_and_sorted(page_of: Callable[..., Opened], many: Report) -> None:
    """By outcome, by field, by what is written in them; and back to all."""
    one = page_of(many)
    assert one.shown == "3.000 of 3.000 rows"
    one.page.click("#chips button[data-outcome=conflicted]")
    assert one.shown == "30 of 3.000 rows"
    one.page.click("#chips button[data-outcome=applied]")
    assert one.shown == "1.020 of 3.000 rows"
    one.page.select_option("#field", "dealValue")
    assert one.shown == "30 of 3.000 rows"
    one.page.fill("#search", "both moved 1700")
    assert one.shown == "1 of 3.000 rows"
    assert "CRM-01700" in one.lines[0]
    one.page.click("#all")
    assert one.shown == "3.000 of 3.000 rows"
    one.page.click("button[data-sort=outcome]")
    assert "applied" in one.lines[0]
    one.page.click("button[data-sort=outcome]")
    assert "unchanged" in one.lines[0], "what needs nobody stands last"
    assert one.page.locator("th[aria-sort=descending]").inner_text().startswith("outcome")
    one.page.click("#all")
    assert "CRM-00001" in one.lines[0]
    one.page.fill("#search", "12.000")
    assert one.shown == "30 of 3.000 rows", "a number is found as it is written here"
    one.page.fill("#search", "nothing like this")
    assert (one.shown, one.page.is_visible("#none")) == ("0 of 3.000 rows", True)


def test_few_rows_are_drawn_however_many_there_are(page_of: Callable[..., Opened], many: Report) -> None:
    """A window of them; the last is reached by a key, and the scroll bar stands for all."""
    one = page_of(many)
    assert len(one.lines) < 80
    assert one.page.get_attribute("#table", "aria-rowcount") == str(MANY + 1)
    one.page.focus("#window")
    one.page.keyboard.press("End")
    one.page.wait_for_selector(f"#rows button:focus:has-text('CRM-0{MANY}')")
    assert len(one.lines) < 80
    assert one.page.evaluate("document.getElementById('window').scrollHeight") >= MANY * 40


def test_a_row_opens_and_closes(page_of: Callable[..., Opened], night: Report) -> None:
    """Its patch, eTag, request ids and attempts; one at a time, by mouse or key, and focus stays where it was."""
    one = page_of(night)
    one.page.click("#rows tr.line button >> nth=0")
    detail = one.page.inner_text("tr.detail")
    for words in (
        "replace /details/dealValue 12000",
        '"e1"',
        "q-1",
        "q-2",
        "attempts",
        "team: the phone number differs",
    ):
        assert words in detail
    assert one.page.locator("#rows button[aria-expanded=true]").count() == 1
    one.page.keyboard.press("Escape")
    assert one.page.locator("tr.detail").count() == 0
    one.page.keyboard.press("ArrowDown")
    one.page.keyboard.press("Enter")
    assert "CRM-00002" in one.page.inner_text("tr.line.on")
    assert one.page.evaluate("document.activeElement.textContent") == "CRM-00002"
    one.page.keyboard.press("/")
    assert one.page.evaluate("document.activeElement.id") == "search"


def test_what_is_shown_is_copied_as_csv(
    page_of: Callable[..., Opened], report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """What the filter leaves, quoted, and no cell a formula."""
    evil = row_of(1, Cause.BAD_CELL, "=cmd|' /C calc'!A0", id="id-1")
    other = row_of(2, Cause.BAD_CELL, 'a "quoted", word', id="id-2")
    one = page_of(report_of(evil, other, row_of(3, Cause.IN_STEP)))
    one.page.click("#chips button[data-outcome=invalid]")
    one.page.click("#copy")
    one.page.wait_for_selector("#shown >> text=copied")
    copied = list(csv.DictReader(io.StringIO(one.page.evaluate("navigator.clipboard.readText()"))))
    assert [row["key"] for row in copied] == ["CRM-00001", "CRM-00002"]
    assert [row["reason"] for row in copied] == ["'=cmd|' /C calc'!A0", 'a "quoted", word']


def test_it_prints_what_is_shown(page_of: Callable[..., Opened], many: Report) -> None:
    """What the filter leaves, two thousand rows at most; of all rows those that changed. No tools; then as before."""
    one = page_of(many)
    one.page.emulate_media(media="print")
    one.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(one.lines) == 1_020
    assert "… and 1.980 rows more (unchanged, or beyond 2.000), which are not printed" in one.page.inner_text("#rows")
    bottom = "e => e.getBoundingClientRect().bottom"
    table = one.page.locator("#table").evaluate(bottom)
    assert one.page.locator("#facts-title").evaluate(bottom) > table, "nothing is printed over the table"
    assert not one.page.is_visible("#tools")
    assert one.page.pdf()[:5] == b"%PDF-"
    one.page.emulate_media(media="screen")
    one.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(one.lines) < 80


EVIL = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u202egpj.exe",
    "<img src=x onerror=alert(2)>",
    "</script><b>",
)


@pytest.mark.parametrize("evil", EVIL)
def test_names_from_outside_are_text(
    page_of: Callable[..., Opened], report_of: Callable[..., Report], row_of: Callable[..., Settled], evil: str
) -> None:
    """In the table, in the sections, in the title and in what is opened: no markup, no script, no turned text."""
    triple = Triple("/name", evil, f"{evil}!", base="x")
    conflict = row_of(1, Cause.BOTH_MOVED, f"quoted: {evil}", id=evil, triples=(triple,), warnings=(evil,))
    sent = Operation("replace", "/name", f"{evil}!")
    held = row_of(2, Cause.CLOSES, evil, triples=(triple,), operations=(sent,), etag=evil, request_ids=(evil,))
    run = {"id": "r-1", "job": evil, "source": evil, "notes": [evil]}
    one = page_of(report_of(conflict, held, run=run))
    for n in range(2):
        one.page.click(f"#rows tr.line button >> nth={n}")
    seen = evil.replace("\u202e", "\\u202e")
    assert seen in one.page.inner_text("tr.detail")
    assert seen in one.page.inner_text("#conflicted")
    assert seen in one.page.title()
    assert one.page.locator("script").count() == 3
    assert one.page.locator("main img, main b >> text=!").count() == 0
    assert "\u202e" not in one.page.content()


def test_a_long_note_is_shown_whole_where_somebody_opens_it(
    page_of: Callable[..., Opened], report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Ten thousand characters, private ones, because that was asked for; the page says so, and stays in its place."""
    note = "".join(f"{n:04} " for n in range(2_000))
    triple = Triple("/details/notes", "", note, base="")
    row = row_of(1, Cause.CONFIRMED, triples=(triple,), operations=(Operation("replace", "/details/notes", note),))
    one = page_of(report_of(row, private=frozenset()))
    assert "Private values are shown" in one.page.inner_text("main")
    one.page.click("#rows tr.line button")
    assert note.strip() in one.page.inner_text("tr.detail")
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_private_values_are_masked_and_the_page_says_so(night: Report) -> None:
    """Not in the table, the sections or the data behind them."""
    page = "".join(html.render(night))
    assert "secret" not in page
    assert "jane@example.com" not in page
    assert "Private values are masked as •••" in page


@pytest.mark.parametrize(
    ("name", "looks"),
    [
        ("light", {"color_scheme": "light"}),
        ("dark", {"color_scheme": "dark"}),
        ("narrow", {"viewport": {"width": 390, "height": 844}}),
    ],
)
def test_everybody_can_read_it(page_of: Callable[..., Opened], night: Report, name: str, looks: dict[str, Any]) -> None:
    """Axe finds nothing against WCAG 2 A and AA, a row open or not; nothing is wider than the window."""
    one = page_of(night, **looks)
    one.page.click("#rows tr.line button >> nth=0")
    one.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    found = one.page.evaluate("rules => axe.run(document, rules)", rules)
    assert len(found["passes"]) > 20
    assert [(bad["id"], bad["impact"], [node["target"] for node in bad["nodes"]]) for bad in found["violations"]] == []
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    SHOTS.mkdir(parents=True, exist_ok=True)
    one.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_without_its_script_what_counts_is_there(browser: Any, tmp_path: Path, night: Report) -> None:
    """The verdict, the sections and the totals are text; the table says why it is not there."""
    path = write(night, tmp_path / "report.html")
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.is_visible("#held")
    assert "drawn by a script of this page" in page.inner_text("main")
    context.close()


def test_a_report_that_is_too_large_says_what_it_leaves_out(
    page_of: Callable[..., Opened], many: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later rows lose their details, then their values; every row is there, and the page says so."""
    for most, words in (
        (20_000, "the details (patch, eTag, request ids) of its later rows"),
        (60_000, "the values and"),
    ):
        monkeypatch.setattr(html, "DETAILS_BYTES_MAX", 20_000)
        monkeypatch.setattr(html, "VALUES_BYTES_MAX", 10**9 if most == 20_000 else most)
        one = page_of(many)
        assert words in one.page.inner_text("#cut")
        assert one.shown == "3.000 of 3.000 rows"
        one.page.fill("#search", "Renamed 2997")
        assert one.shown == ("1 of 3.000 rows" if most == 20_000 else "0 of 3.000 rows")
