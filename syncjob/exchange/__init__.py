"""Asking the remote, patiently: the gate, the width, the budget and the waits stand here and nowhere else.

Below `apply` and beside nothing: reading before a plan and looking again during an apply are the same act, so both
floors above share this one. Transports never try again; this is the one layer that does. An `Exchange` is made of
`Reader`s and has no way to write; a `Sender` adds the one call that can.
"""

from syncjob.exchange.asking import Exchange, Miss, Sender
from syncjob.exchange.gate import Over, said
from syncjob.exchange.world import Log, World

__all__ = ["Exchange", "Log", "Miss", "Over", "Sender", "World", "said"]
