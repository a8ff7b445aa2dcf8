"""Counts and sums go in; small drawings come out as SVG that needs no style sheet, no colour vision and no network.

Every part has a pattern besides its colour and its number beside it. Colours are those of Okabe and Ito, light
enough for dark patterns, so that they hold on a dark page too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from markupsafe import Markup
from msgspec import Struct

from syncjob.model import Outcome
from syncjob.reports.gist import grouped

WIDTH, BAR_HEIGHT, LINE_HEIGHT = 480, 28, 28
LABEL_WIDTH, NUMBER_WIDTH = 100, 140
PART_MIN = 4.0
CURRENCY_CHARS = 3
#                       colour     pattern
LOOKS: dict[str, tuple[str, str]] = {
    Outcome.APPLIED: ("#009e73", ""),
    Outcome.PLANNED: ("#0072b2", ""),
    Outcome.UNCHANGED: ("#9aa0a6", ""),
    Outcome.DRIFTED: ("#56b4e9", "M0 8L8 0"),
    Outcome.REFUSED: ("#b9bdc2", "M0 4H8"),
    Outcome.HELD: ("#e69f00", "M0 8L8 0M4 0V8"),
    Outcome.CONFLICTED: ("#d55e00", "M0 0L8 8"),
    Outcome.INVALID: ("#cc79a7", "M4 0V8"),
    Outcome.UNMATCHED: ("#cc79a7", "M0 4H8"),
    Outcome.REJECTED: ("#d55e00", "M4 0V8"),
    Outcome.FAILED: ("#d55e00", "M0 4H8M4 0V8"),
    Outcome.UNSETTLED: ("#f0e442", "M0 8L8 0"),
    Outcome.DEFERRED: ("#f0e442", "M0 0L8 8"),
}


class Part(Struct, frozen=True):
    """One part of a bar: what it is called, what it looks like, how much it is."""

    name: str
    look: str
    amount: float
    shown: str


def patterns() -> Markup:
    """Give the patterns that every drawing of a page refers to."""
    drawn = [
        Markup(
            '<pattern id="look-{}" width="8" height="8" patternUnits="userSpaceOnUse">'
            '<rect width="8" height="8" fill="{}"/>{}</pattern>'
        ).format(name, colour, Markup('<path d="{}" stroke="#1b1b1b" stroke-width="1.2"/>').format(d) if d else "")
        for name, (colour, d) in LOOKS.items()
    ]
    return Markup('<svg class="looks" width="0" height="0" aria-hidden="true"><defs>{}</defs></svg>').format(
        Markup("").join(drawn)
    )


def swatch(look: str) -> Markup:
    """Give the small square that stands for a part beside its name."""
    return Markup(
        '<svg class="swatch" width="12" height="12" aria-hidden="true" focusable="false">'
        '<rect width="12" height="12" rx="2" fill="url(#look-{})"/></svg>'
    ).format(look)


def bar(counts: Mapping[str, int]) -> Markup:
    """Give one bar of all rows by outcome; what is there is seen, however few it is."""
    total = sum(counts.values())
    if not total:
        return Markup("")
    wide = {name: max(PART_MIN, WIDTH * count / total) for name, count in counts.items() if count}
    scale = WIDTH / sum(wide.values())
    drawn, at = [], 0.0
    for name, width in wide.items():
        drawn.append(
            Markup(
                '<rect x="{:.1f}" y="0" width="{:.1f}" height="{}" fill="url(#look-{})"><title>{}</title></rect>'
            ).format(at, width * scale - 1, BAR_HEIGHT, name, f"{name}: {grouped(counts[name])}")
        )
        at += width * scale
    said = ", ".join(f"{grouped(count)} {name}" for name, count in counts.items() if count)
    return Markup(
        '<svg class="bar" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="Rows by outcome: {}">'
        "{}</svg>"
    ).format(WIDTH, BAR_HEIGHT, said, Markup("").join(drawn))


def chart(title: str, parts: Sequence[Part]) -> Markup:
    """Give lying bars, one a line, each with its name before and its number behind it."""
    most = max((one.amount for one in parts), default=0) or 1
    room = WIDTH - LABEL_WIDTH - NUMBER_WIDTH
    lines = []
    for n, one in enumerate(parts):
        y, width = n * LINE_HEIGHT, max(2.0, room * one.amount / most)
        lines.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
                '<rect x="{}" y="{}" width="{:.1f}" height="16" rx="2" fill="url(#look-{})"/>'
                '<text x="{:.1f}" y="{}">{}</text>'
            ).format(
                LABEL_WIDTH - 8,
                y + 17,
                one.name,
                LABEL_WIDTH,
                y + 5,
                width,
                one.look,
                LABEL_WIDTH + width + 6,
                y + 17,
                one.shown,
            )
        )
    said = "; ".join(f"{one.name} {one.shown}" for one in parts)
    return Markup(
        '<figure><figcaption>{}</figcaption><svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
        "</figure>"
    ).format(title, WIDTH, max(1, len(parts)) * LINE_HEIGHT, f"{title}: {said}", Markup("").join(lines))


def of_values(currency: str, values: Mapping[Outcome, Decimal]) -> Markup:
    """Draw how far deal values move, by outcome."""
    parts = [Part(str(one), one, float(values[one]), _money(values[one], currency)) for one in Outcome if one in values]
    return chart(f"By outcome, {currency}", parts)


def of_months(currency: str, months: Mapping[str, Decimal], most: int) -> Markup:
    """Draw how far deal values move, by the month in which they are to close; later ones add up in one line."""
    ordered = sorted(months.items())
    first, rest = ordered[:most], ordered[most:]
    parts = [Part(month, Outcome.PLANNED, float(sum_), _money(sum_, currency)) for month, sum_ in first]
    if rest:
        later = sum((sum_ for _, sum_ in rest), Decimal(0))
        parts.append(Part(f"{len(rest)} more", Outcome.UNCHANGED, float(later), _money(later, currency)))
    return chart(f"To be sent or sent, by month of closing, {currency}", parts)


def _money(amount: Decimal, currency: str) -> str:
    return f"{grouped(amount)} {currency}" if len(currency) <= CURRENCY_CHARS else grouped(amount)
