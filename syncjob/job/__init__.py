"""The story of a job, as `syncjob` tells it: read, map, match, diff, guard, plan; then apply, record, report.

`planning` goes from a file to a plan, `applying` from a plan to a run whose rows have all ended, `showing` from
either to a report.
"""

from syncjob.job.applying import Confirm, apply
from syncjob.job.context import Job, Stop
from syncjob.job.planning import plan, plan_given
from syncjob.job.pulling import pull
from syncjob.job.reading import validate
from syncjob.job.showing import of_plan, of_refused, of_run

__all__ = [
    "Confirm",
    "Job",
    "Stop",
    "apply",
    "of_plan",
    "of_refused",
    "of_run",
    "plan",
    "plan_given",
    "pull",
    "validate",
]
