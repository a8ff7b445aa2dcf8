"""A file goes in; its rows come out as text, each with its place, or the file is refused as a whole.

`snapshot` copies the file first, so that what is read cannot move; `read` opens the copy. Nothing is
guessed here: encoding, delimiter and format are seen for certain or must be stated.
"""

from syncjob.sources.author import is_ours, saved_by
from syncjob.sources.snapshot import Snapshot, snapshot
from syncjob.sources.table import Table, read

__all__ = ["Snapshot", "Table", "is_ours", "read", "saved_by", "snapshot"]
