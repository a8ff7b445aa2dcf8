"""Telling people and machines how a run ended: whatever apprise reaches, a ping, a metric, a summary of a workflow.

Nothing here changes how a run ends, and none of it holds it up for long: what cannot be told is given back as words.
Addresses are secrets (a webhook lets whoever has it write), so that they are never part of those words.
"""

from syncjob.notices.apprising import can_notify, is_readable, notify
from syncjob.notices.metrics import write as write_metrics
from syncjob.notices.pinging import is_address, ping
from syncjob.notices.summary import append as append_summary

__all__ = ["append_summary", "can_notify", "is_address", "is_readable", "notify", "ping", "write_metrics"]
