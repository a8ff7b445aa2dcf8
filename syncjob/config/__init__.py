"""A configuration file goes in; out comes one checked `Settings`, or all that is wrong with the file at once.

`find` says which file it is, `load` reads it, `explained` says where each setting comes from, `schema` describes what
may stand in it.
"""

from syncjob.config.finding import find
from syncjob.config.loading import explained, load, schema

__all__ = ["explained", "find", "load", "schema"]
