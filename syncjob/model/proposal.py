"""The nouns of `syncjob init`: what a file shows, each with its reason, and what only a person can say.

They stand here because three rooms share them: `core` proposes, `config` writes, `cli` asks and shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from syncjob.model.desired import SourceRow


class Part(StrEnum):
    """Where in the configuration a finding stands, and by which option of the command line it can be stated."""

    KEY = "key"
    BY = "by"
    PRESET = "preset"
    ENCODING = "encoding"
    SHEET = "sheet"
    DATE_FORMAT = "date_format"
    TIME_ZONE = "time_zone"
    LOCALE = "locale"
    CURRENCY = "currency"
    REMOTE = "remote"
    TENANT = "tenant"

    @property
    def option(self) -> str:
        """The option of `syncjob init` that states it."""
        return f"--{self.value.replace('_', '-')}"


Stated = Mapping[Part, str]
"""What a person has said, by option or as an answer; the empty text is the answer that none is wanted."""


class Sample(Struct, frozen=True):
    """The first rows of a file: `reading` is what of `rows` the file needs to be read so, `whole` that no row is left.

    `asked` are questions that came up while it was opened.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[SourceRow, ...]
    whole: bool = True
    reading: Mapping[str, Finding] = {}
    asked: tuple[Question, ...] = ()


class Finding(Struct, frozen=True):
    """One value of the configuration and why it is proposed."""

    value: str
    reason: str


class Question(Struct, frozen=True):
    """What the file leaves open; `needed` cannot be settled by its default, somebody must say it."""

    part: Part
    words: str
    default: str = ""
    choices: tuple[str, ...] = ()
    needed: bool = False


class Column(Struct, frozen=True):
    """One column of the file: the field that it feeds or none, and why; `undecided` words are translated to nothing.

    `by_preset`: the preset maps it, the configuration need not.
    """

    name: str
    field: str
    reason: str
    translate: Mapping[str, str] = {}
    by_preset: bool = False

    @property
    def undecided(self) -> tuple[str, ...]:
        """The words whose meaning a person has to decide."""
        return tuple(word for word, meaning in self.translate.items() if not meaning)


class Key(Struct, frozen=True):
    """What names the referral of a row; `numeric` keys are a workbook's numbers."""

    column: str
    by: str
    reason: str
    numeric: bool = False
    by_preset: bool = False


class Proposal(Struct, frozen=True):
    """A whole configuration, proposed. It can be written once no question is open.

    `file` is the path as the configuration will hold it; `defaults` are by name of the setting.
    """

    job: str
    file: str
    looked_at: int
    whole: bool
    key: Key | None
    columns: tuple[Column, ...]
    defaults: Mapping[str, Finding]
    reading: Mapping[str, Finding]
    remote: Finding
    tenant: str = ""
    preset: Finding | None = None
    verify: Column | None = None
    questions: tuple[Question, ...] = ()
