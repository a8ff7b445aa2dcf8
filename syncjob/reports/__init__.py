"""A plan or a run goes in, its report comes out: as text for a person, as CSV for a sheet, as JSON for a script.

One renderer a file, each `render(report) -> Iterator[str]`: a report of any size streams in flat memory.
"""

from syncjob.reports.files import SUFFIXES, prove_writable, write

__all__ = ["SUFFIXES", "prove_writable", "write"]
