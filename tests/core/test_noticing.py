"""Who is told of an ending, whether at all, and in which words: counts alone."""

from __future__ import annotations

from typing import get_args

import pytest

from syncjob.core.noticing import audience, body, sentence, title, wanted
from syncjob.errors import Exit
from syncjob.model.told import Told
from syncjob.settings.notices import When


def told(code: int, **known: object) -> Told:
    """Give an ending of a job."""
    return Told("n", code, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [*map(int, Exit), 77])
def test_every_ending_has_a_line_and_somebody_whom_it_concerns(code: int) -> None:
    """One that nobody knows is a broken assumption, and the run's."""
    said = title(told(code))
    assert said.startswith("syncjob n: ")
    whom = {0: "people", 3: "people", 5: "sign_in"}.get(code, "run")
    assert audience(told(code)) == whom
    assert (said == "syncjob n: stopped by a signal") == (code in (130, 143))
    assert ("an assumption broke" in said) == (code in (1, 10, 77))


def test_rows_are_counted_as_one_says_it() -> None:
    """One row needs, two rows need; new ones are named as such."""
    assert title(told(3, waiting=1)) == "syncjob n: 1 row needs a person"
    assert title(told(3, waiting=2, fresh=1)) == "syncjob n: 2 rows need a person, 1 of them new"


def test_below_it_stand_counts_and_where_to_look() -> None:
    """The link where there is one, else the command."""
    totals = {"rows": 3, "applied": 2, "held": 1}
    assert (
        body(told(3, run="r", totals=totals)) == "3 rows: 2 applied, 1 held\nrun r, exit code 3\nlook: syncjob show r"
    )
    assert body(told(3, run="r", totals=totals, url="https://x")).endswith("\nhttps://x")
    assert body(told(4)) == "exit code 4"
    refused = told(6, guards=("guard changes (9, limit 4)", "guard clears (7, limit 2)"))
    assert body(refused) == "exit code 6\nrefused by guard changes (9, limit 4)\nrefused by guard clears (7, limit 2)"


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (told(4), "the file of rows, or the plan, was refused; nothing was sent"),
        (told(6, guards=("g (9, limit 4)",)), "a guard refused the run; nothing was sent: g (9, limit 4)"),
        (told(143), "stopped by a signal"),
        (told(77), "an assumption broke; somebody has to look into it"),
    ],
)
def test_what_came_to_no_run_is_one_sentence(ending: Told, said: str) -> None:
    """For `status`: no value of a row."""
    assert sentence(ending) == said


@pytest.mark.parametrize("code", [0, 3, 5, 7])
def test_what_a_person_does_concerns_the_people(code: int) -> None:
    """However it ends."""
    assert audience(told(code, by_hand=True)) == "people"


@pytest.mark.parametrize(
    ("ending", "goes"),
    [
        (told(0, before=0), {"always"}),
        (told(0, before=3), {"always", "new"}),
        (told(0), {"always"}),
        (told(0, before=0, totals={"rows": 1, "applied": 1}), {"always", "change"}),
        (told(3, before=3, waiting=1), {"always", "change", "failure"}),
        (told(3, before=3, waiting=1, fresh=1), {"always", "change", "failure", "new"}),
        (told(7, before=7), {"always", "change", "failure", "new"}),
        (told(5, before=5), {"always", "change", "failure", "new"}),
        (told(7, before=0), {"always", "change", "failure", "new"}),
        (told(7), {"always", "change", "failure", "new"}),
        (told(0, side=True), set()),
        (told(3, side=True, fresh=1), set()),
        (told(4, side=True), {"always", "change", "failure", "new"}),
    ],
)
def test_when_it_goes_out(ending: Told, goes: set[str]) -> None:
    """As the configuration says; an act about some rows is news only where it came to nothing."""
    assert {when for when in get_args(When) if wanted(ending, when)} == goes
