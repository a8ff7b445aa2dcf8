"""What is remembered across runs: intents before their PATCH leaves, how every row ended, which plans were sent."""

from syncjob.ledger.lock import held
from syncjob.ledger.recorder import Recorder
from syncjob.ledger.store import Intent, Ledger, OpenIntent

__all__ = ["Intent", "Ledger", "OpenIntent", "Recorder", "held"]
