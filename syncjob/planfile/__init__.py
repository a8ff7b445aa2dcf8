"""The plan: drafted row by row on disk, written as one file, read back only when it is whole."""

from syncjob.planfile.draft import Draft
from syncjob.planfile.file import Footer, Header, PlanFile, is_plan, write
from syncjob.planfile.line import Line, Still

__all__ = ["Draft", "Footer", "Header", "Line", "PlanFile", "Still", "is_plan", "write"]
