"""Where the reports of runs are kept by themselves, for people who look at a folder or a web server in the morning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from syncjob.settings.section import Section

Form = Literal["html", "xlsx", "csv", "json", "md", "txt"]


class Reports(Section):
    """A folder with a report of each run of `apply` and `approve`, and the last one as `latest`."""

    dir: Annotated[Path | None, Field(description="the folder, relative to this file; null: none is kept")] = None
    forms: Annotated[tuple[Form, ...], Field(min_length=1, description="html, xlsx, csv, json, md, txt")] = ("html",)
    mode: Annotated[
        Literal["0600", "0640"], Field(description="of each file; 0640 where a group, a web server's, may read them")
    ] = "0600"
    keep: Annotated[int, Field(ge=1, description="so many runs' reports stay; older ones are taken away")] = 60
    url: Annotated[
        str | None, Field(description="where the folder is served, for notices; {run} stands for the run's id")
    ] = None
