"""What the doctor found of one thing: whether it is well, what was seen, and what to do where it is not."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from syncjob.errors import Exit


class Health(StrEnum):
    """How it stands: `warn` is nothing that stops tonight's run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """One line of the doctor: `remedy` is one act, `exit` what a run would end with."""

    name: str
    health: Health
    said: str
    remedy: str = ""
    exit: Exit = Exit.OK

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object."""
        return {"check": self.name, "health": self.health, "said": self.said, "remedy": self.remedy}
