"""What waits for a person: counts and shares beyond which rows are held, or a whole run is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syncjob.settings.kinds import Age, Currency, Share
from syncjob.settings.section import Section


class Guards(Section):
    """What is held or refused until a person says so; see `syncjob apply --help`."""

    closes: Annotated[int | None, Field(ge=0, description="more closes than this are held; null: never")] = 0
    accepts: Annotated[
        int | None, Field(ge=0, description="more leads accepted (New to Active) than this are held; null: never")
    ] = 10
    consent: Annotated[int | None, Field(ge=0, description="more consents given than this are held")] = 0
    first_run: Annotated[
        int | None, Field(ge=0, description="more changes without a known history than this are held; null: never")
    ] = 0
    changes: Annotated[
        Share, Field(description="more changed rows than this count or share (from 50 rows) refuse the run")
    ] = 0.3
    column: Annotated[
        Share, Field(description="one field changed in more rows than this count or share refuses the run")
    ] = 0.25
    clears: Annotated[Share, Field(description="more fields emptied than this count or share refuse the run")] = 10
    value: Annotated[
        dict[Currency, Annotated[float, Field(gt=0)]],
        Field(description="by currency: deal values that move by more than this in all refuse the run"),
    ] = {}
    unmatched: Annotated[
        Share, Field(description="more rows without a referral than this count or share refuse the run")
    ] = 0.2
    invalid: Annotated[
        Share, Field(description="more rows that cannot be read or fit no referral's currency than this refuse the run")
    ] = 0.2
    age: Annotated[
        Age | None,
        Field(description="a file older than this, for example 26h, refuses the run; one older than the last always"),
    ] = None
    rows: Annotated[
        Share, Field(description="fewer rows than this share of the last run's (from 50 rows) or count refuse the run")
    ] = 0.5
