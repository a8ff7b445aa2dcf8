"""What a person states of a configuration goes in; out comes why it cannot stand there, with its option."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from syncjob.core.cells import unknown_locale
from syncjob.model.proposal import Part, Stated
from syncjob.settings import Reading, Remote

PYDANTICS_OWN = "Value error, "


def faults(stated: Stated) -> tuple[str, ...]:
    """Tell everything that is wrong with what was stated, each with its option."""
    found = ((part, fault(part, said)) for part, said in stated.items())
    return tuple(f"{part.option}: {said}" for part, said in found if said)


def fault(part: Part, said: str) -> str:
    """Say what is wrong with one answer; nothing when it can stand, as a blank one always can."""
    if not said:
        return ""
    match part:
        case Part.LOCALE:
            return unknown_locale(said)
        case Part.CURRENCY:
            wrong = _refused(Reading, currency=said)
            return f"{said!r} is no ISO 4217 code; write for example EUR" if wrong else ""
        case Part.TIME_ZONE:
            return _refused(Reading, time_zone=said)
        case Part.REMOTE:
            return _refused(Remote, url=said)
        case Part.DATE_FORMAT:
            return _refused(Reading, date_format=said)
        case _:
            return ""


def _refused(section: type[Reading | Remote], **said: Any) -> str:
    try:
        section.model_validate(said)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix(PYDANTICS_OWN)
    return ""
