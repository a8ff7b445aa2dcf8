"""Who is told how a run ended, and when; an address lets whoever has it write, so that none stands in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from syncjob.settings.kinds import Variable
from syncjob.settings.section import Section

When = Literal["never", "failure", "new", "change", "always"]


class Notices(Section):
    """Who is told how a run of `apply` or `approve` ended; addresses are secrets and stand in variables.

    The dead man's switch and the metrics are of `apply` alone: `approve` is a person's act, and no sign of a night.
    """

    when: Annotated[
        When,
        Field(
            description="new: rows that did not wait before, and what came to nothing; change: what was sent or failed"
        ),
    ] = "new"
    people: Annotated[
        tuple[Variable, ...],
        Field(description="variables with apprise addresses: rows need a person, or all is well"),
    ] = ()
    sign_in: Annotated[tuple[Variable, ...], Field(description="the same: somebody must sign in")] = ()
    run: Annotated[tuple[Variable, ...], Field(description="the same: the run itself came to nothing")] = ()
    ping_env: Annotated[
        Variable | None, Field(description="a variable with the address of a dead man's switch (healthchecks)")
    ] = None
    metrics_file: Annotated[Path | None, Field(description="a text file for Prometheus' node exporter")] = None
