"""What the last run tells the next: how many rows the same input had."""

from __future__ import annotations

from syncjob.job.context import Job
from syncjob.ledger import Ledger


def rows_before(job: Job, source: str, ledger: Ledger) -> int:
    """Give the rows of the last run over the job's own input; 0 for any other file, which may be short."""
    file = job.settings.rows.file
    if file is None or file.name != source:
        return 0
    return ledger.rows_before(job.settings.job, job.address, source)
