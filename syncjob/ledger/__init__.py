"""What is remembered across runs: intents before their PATCH leaves, how every row ended, what was agreed on last."""

from syncjob.ledger.fencing import at_work, signed
from syncjob.ledger.lock import Lock, held, held_alone
from syncjob.ledger.migrating import is_older
from syncjob.ledger.quiet import Quiet
from syncjob.ledger.recall import OpenIntent
from syncjob.ledger.recorder import Recorder
from syncjob.ledger.sights import Agreed, Base, Kept, Remembered, Sighting
from syncjob.ledger.store import Begun, Intent, Ledger

__all__ = [
    "Agreed",
    "Base",
    "Begun",
    "Intent",
    "Kept",
    "Ledger",
    "Lock",
    "OpenIntent",
    "Quiet",
    "Recorder",
    "Remembered",
    "Sighting",
    "at_work",
    "held",
    "held_alone",
    "is_older",
    "signed",
]
