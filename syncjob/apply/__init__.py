"""The only room that writes to the remote: one change, sent until it settles; and a probe that changes nothing."""

from syncjob.apply.probing import probe
from syncjob.apply.run import Run, first_intent
from syncjob.apply.sending import Sending, settle

__all__ = ["Run", "Sending", "first_intent", "probe", "settle"]
