"""What a person states of a configuration: it can stand, or is told to be wrong with the option that said it."""

from __future__ import annotations

import pytest

from syncjob.core.stating import fault, faults
from syncjob.model.proposal import Part


@pytest.mark.parametrize("part", Part)
def test_a_blank_answer_can_always_stand(part: Part) -> None:
    """It says that none is wanted: a preset is declined so, and so is a currency."""
    assert fault(part, "") == ""


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (Part.LOCALE, "de_DE"),
        (Part.CURRENCY, "EUR"),
        (Part.TIME_ZONE, "Europe/Berlin"),
        (Part.REMOTE, "http://localhost:8080"),
        (Part.DATE_FORMAT, "%d.%m.%Y"),
        (Part.DATE_FORMAT, "%d %B %y %H:%M"),
        (Part.KEY, "Any column"),
    ],
)
def test_what_is_sound_stands(part: Part, said: str) -> None:
    """Whether a column is there, the file tells."""
    assert fault(part, said) == ""


@pytest.mark.parametrize(
    ("part", "said", "told"),
    [
        (Part.LOCALE, "xx_YY", "'xx_YY'"),
        (Part.CURRENCY, "euros", "'euros' is no ISO 4217 code; write for example EUR"),
        (Part.TIME_ZONE, "Mars/Olympus", "'Mars/Olympus' is no IANA time zone; write for example Europe/Berlin"),
        (Part.REMOTE, "http://contoso.example", "must start with https://"),
        (Part.DATE_FORMAT, "%d.%m", "'%d.%m' names no day, month and year; write it like \"%d.%m.%Y\""),
        (Part.DATE_FORMAT, "%d.%m.%Y %Q", "names no day, month and year"),
        (Part.DATE_FORMAT, "DD.MM.YYYY", "names no day, month and year"),
    ],
)
def test_what_cannot_stand_is_told_with_what_to_write(part: Part, said: str, told: str) -> None:
    """In words of ours: nothing of the library that checked it."""
    found = fault(part, said)
    assert told in found
    assert "Value error" not in found


def test_all_that_is_wrong_is_told_at_once_by_its_option() -> None:
    """Who states three things and errs in two corrects both."""
    stated = {Part.CURRENCY: "euros", Part.LOCALE: "de_DE", Part.DATE_FORMAT: "%d.%m"}
    assert [one.partition(":")[0] for one in faults(stated)] == ["--currency", "--date-format"]
