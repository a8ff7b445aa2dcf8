"""What a checked configuration says, one class a section; it reads nothing and decides nothing.

`Settings.model_json_schema()` is what `syncjob schema` prints. Field names are wire names of the referral
(`dealValue`, `customerProfile.team`); whether they exist is for `core.fields` to say.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from syncjob.model import dumps
from syncjob.settings.auth import Auth
from syncjob.settings.guards import Guards
from syncjob.settings.kinds import (
    MICROSOFT,
    Age,
    Blank,
    Columns,
    Currency,
    DateFormat,
    Proxy,
    Seconds,
    Translation,
    Url,
    Zone,
    is_known,
)
from syncjob.settings.notices import Notices
from syncjob.settings.reports import Reports
from syncjob.settings.section import Section


class Remote(Section):
    """The Referrals API to keep in step."""

    url: Annotated[Url, Field(description="https://HOST; http for localhost only")]
    other_host: Annotated[
        bool, Field(description="true: url is another host than Microsoft's on purpose, a gateway of your own")
    ] = False
    tenant: Annotated[str | None, Field(description="the partner's tenant; a plan is pinned to it")] = None
    auth: Auth | None = None
    filter: Annotated[str | None, Field(description="an OData $filter for the listing")] = None
    page_rows: Annotated[int, Field(ge=1, le=1000, description="$top of the listing")] = 100
    pages_ahead: Annotated[
        int,
        Field(
            ge=1,
            le=16,
            description="pages asked for at once, by $skip, each repeating one referral; 1: in order",
        ),
    ] = 1
    list_complete: Annotated[
        bool, Field(description="list items carry eTags and every field: believe them without a read by id")
    ] = False
    money_as: Annotated[
        Literal["string", "number"], Field(description="how a deal value goes over the wire; documents show a string")
    ] = "string"
    clear_as: Annotated[
        Literal["null", "empty"], Field(description="what clears a text: null or ''; both occur in answers")
    ] = "null"
    ca_bundle: Annotated[Path | None, Field(description="a PEM file of further authorities to trust")] = None
    proxy: Annotated[
        Proxy | None,
        Field(description="http://HOST:PORT, or env: what HTTPS_PROXY and NO_PROXY say; null: straight to the remote"),
    ] = None


class Rows(Section):
    """The file of desired states and how to read it."""

    file: Annotated[Path | None, Field(description="relative to this file; the command line may name another")] = None
    format: Annotated[
        Literal["auto", "csv", "yaml", "xlsx", "json", "jsonl"], Field(description="auto: by the file's name")
    ] = "auto"
    sheet: Annotated[str | None, Field(description="of a workbook; needed where more than one sheet is visible")] = None
    workbook_s: Annotated[Seconds, Field(description="seconds in which a workbook must be read")] = 120
    encoding: Annotated[
        str, Field(description="auto: by BOM, else strict UTF-8; or a name such as cp1252. Never guessed")
    ] = "auto"
    delimiter: Annotated[
        Literal["auto", ",", ";", "\t", "tab"], Field(description="auto: the one that shows the configured columns")
    ] = "auto"
    final_newline: Annotated[
        Literal["warn", "required"], Field(description="what a file cut at a line's end looks like: warn or refuse")
    ] = "warn"
    rows_min: Annotated[int, Field(ge=0, description="fewer rows than this refuse the file")] = 0
    done_marker: Annotated[
        str | None, Field(description="a suffix: rows.csv is read only once rows.csv.done exists")
    ] = None
    strict_columns: Annotated[bool, Field(description="refuse columns that no field is mapped to")] = False


class Verify(Section):
    """A second column that must agree with the referral that the key found."""

    column: str
    field: str


class Match(Section):
    """How a row finds its referral."""

    by: Literal["id", "externalReferenceId"]
    column: Annotated[
        Columns,
        Field(min_length=1, description="the column that holds the key; of several names the one that is there"),
    ]
    verify: Annotated[
        str | Verify | None, Field(description="a mapped column or field that must agree with the referral found")
    ] = None
    numeric: Annotated[
        bool, Field(description="keys are plain numbers: take a workbook's number for its digits, else refuse it")
    ] = False
    like: Annotated[
        dict[str, str], Field(description="by column: the field that `syncjob link` compares it with, never written")
    ] = {}
    links: Annotated[
        Path | None, Field(description="the workbook of `syncjob link`, ticked: rows whose referral lacks their key")
    ] = None


class Reading(Section):
    """How cells are to be read where a column does not say otherwise; nothing is guessed."""

    locale: Annotated[str | None, Field(description="of numbers, for example de_DE; default: plain 1234.56")] = None
    date_format: Annotated[DateFormat | None, Field(description="as strptime takes it, for example %d.%m.%Y")] = None
    time_zone: Annotated[Zone | None, Field(description="in which a date begins, for example Europe/Berlin")] = None
    currency: Annotated[Currency | None, Field(description="of money without a mapped currency column")] = None
    excel_serial: Annotated[
        bool | Literal["1900", "1904"] | None,
        Field(description="a bare number in a date column counts days: true, a workbook's; 1900 or 1904, a text's too"),
    ] = None
    blank: Annotated[Blank | None, Field(description="what an empty cell means; default: ignore")] = None


class Target(Reading):
    """One field that a column feeds."""

    field: str
    translate: Annotated[Translation, Field(description="the CRM's words in the remote's")] = {}
    list: Annotated[
        Literal["append", "whole"] | None,
        Field(description="append who is missing (default), or replace the whole list"),
    ] = None
    optional: Annotated[bool, Field(description="the file may lack this column")] = False


class Merge(Section):
    """Whose word counts when the remote moved."""

    drift: Annotated[
        Literal["keep", "overwrite"], Field(description="only the remote moved since row and remote last agreed")
    ] = "keep"
    conflict: Annotated[Literal["hold", "mine", "theirs"], Field(description="both moved since they last agreed")] = (
        "hold"
    )


class Limits(Section):
    """Bounds, each with its unit."""

    concurrency: Annotated[int, Field(ge=1, le=64, description="requests in flight")] = 8
    attempts_max: Annotated[int, Field(ge=1, le=20, description="sends of one row's patch")] = 5
    reads_max: Annotated[int, Field(ge=0, description="up to so many rows are read by id, more by listing")] = 100
    connect_s: Annotated[Seconds, Field(description="seconds until a connection stands")] = 10
    answer_s: Annotated[Seconds, Field(description="seconds for one whole request and its answer")] = 60
    wait_initial_s: Annotated[Seconds, Field(description="the first pause before a retry, at most")] = 1
    wait_max_s: Annotated[Seconds, Field(description="the longest pause between tries")] = 60
    retry_after_max_s: Annotated[Seconds, Field(description="a longer Retry-After ends the run")] = 600
    retries_min: Annotated[int, Field(ge=0, description="the run's budget of retries to start with")] = 20
    retries_share: Annotated[float, Field(ge=0, le=1, description="more budget: so much for each row")] = 0.2
    duration_max: Annotated[
        Age | None, Field(description="when so much time has passed, rows that were not sent wait for the next run")
    ] = None
    errors_max: Annotated[
        int | None, Field(ge=0, description="when more rows than this have failed or were rejected, the run ends")
    ] = None
    stop_s: Annotated[Seconds, Field(description="seconds in which a stop must be over")] = 8
    pages_max: Annotated[int, Field(ge=1, description="pages of one listing")] = 100_000
    input_mb_max: Annotated[int, Field(ge=1, description="size of the input, in MB")] = 200
    cell_chars_max: Annotated[int, Field(ge=1, description="characters in a cell")] = 32_767


class PlanFile(Section):
    """The plan file."""

    age_max: Annotated[Age, Field(description="an older plan is refused")] = timedelta(hours=24)


class Ledger(Section):
    """What is remembered across runs."""

    file: Annotated[Path | None, Field(description="relative to this file; default: JOB.ledger beside it")] = None
    keep: Annotated[
        Age | None, Field(description="apply forgets runs that are older, as purge does; null: it forgets nothing")
    ] = None


def _targets(value: Any) -> Any:
    """A bare field name, one mapping, or a list of either: always a list of mappings."""
    many = value if isinstance(value, list) else [value]
    return [{"field": one} if isinstance(one, str) else one for one in many]


Targets = Annotated[
    tuple[Target, ...], BeforeValidator(_targets, json_schema_input_type=str | Target | list[str | Target])
]


class Settings(Section):
    """The whole configuration of one job."""

    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="the job's name")]
    remote: Remote
    preset: Annotated[
        Literal["salesforce", "hubspot", "dynamics", "partner-center"] | None,
        Field(description="a ready match, fields and defaults; whatever stands here as well counts in its place"),
    ] = None
    rows: Rows = Rows()
    match: Match | None = None
    fields: Annotated[
        dict[str, Targets],
        Field(description="by column: the field or fields it feeds; `Team member {n}` stands for 1, 2, 3 …"),
    ] = {}
    ignore: Annotated[
        dict[str, str], Field(description="by column: why it feeds no field; told as such, and no extra column")
    ] = {}
    defaults: Reading = Reading()
    merge: Merge = Merge()
    limits: Limits = Limits()
    guards: Guards = Guards()
    plan: PlanFile = PlanFile()
    ledger: Ledger = Ledger()
    notices: Notices = Notices()
    reports: Reports = Reports()
    tolerate: Annotated[
        tuple[str, ...], Field(description="outcomes or causes that need no person: unmatched, remote_refused, …")
    ] = ()

    @model_validator(mode="after")
    def _known_host(self) -> Settings:
        if not self.remote.other_host and not is_known(self.remote.url):
            raise ValueError(
                f"remote.url: {urlsplit(self.remote.url).hostname} is neither {MICROSOFT} nor this machine; if it is"
                " meant, a gateway of your own, say so: remote.other_host: true"
            )
        return self

    @model_validator(mode="after")
    def _token_for_a_real_remote(self) -> Settings:
        if self.remote.url.startswith("https://") and self.remote.auth is None:
            raise ValueError(
                "remote.auth is missing: sign in (client_id and store), or name the variable with the token (token_env)"
            )
        return self

    def deciding(self) -> str:
        """Give the digest of all that decides what would be sent: not paths, not sign-in, not pace."""
        said = self.model_dump(
            mode="json",
            include={"job", "match", "fields", "defaults", "merge", "guards"},
            exclude={"match": {"links", "like"}},
        )
        said["remote"] = self.remote.model_dump(
            mode="json", include={"url", "tenant", "filter", "list_complete", "money_as", "clear_as"}
        )
        said["strict_columns"] = self.rows.strict_columns
        return hashlib.sha256(dumps(said).encode()).hexdigest()
