"""A plan or a run goes in, its report comes out: page, workbook, text, Markdown, CSV or JSON.

One form a file: `render(report) -> Iterator[str]` for what is text, `fill(report, file)` for the workbook. A report of
any size streams in flat memory. What is a table and no report is written by `tables`.
"""

from syncjob.reports.files import SUFFIXES, prove_writable, write

__all__ = ["SUFFIXES", "prove_writable", "write"]
