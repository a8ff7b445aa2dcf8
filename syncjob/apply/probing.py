"""Does the remote honour If-Match? A referral in, the answer to a patch under an eTag that it never had out.

The patch replaces the name by the very name that the referral has, so that it changes nothing even where it is taken.
"""

from __future__ import annotations

from syncjob.core.fields import BY_NAME
from syncjob.core.values import look
from syncjob.exchange import Sender
from syncjob.model import Answer, Heard, Observed, Operation

NAME = BY_NAME["name"].path
NEVER = '"00000000-0000-0000-0000-000000000000"'


async def probe(sender: Sender, observed: Observed) -> Answer:
    """Send it once."""
    name = look(observed.body, NAME)
    if not isinstance(name, str) or not name:
        return Answer(Heard.UNSENT, note="the referral has no name that could be sent back; probe another one")
    operations = (Operation("replace", NAME, name),)
    return await sender.patch(observed.id, NEVER, operations, sender.world.mark(), leaving=lambda: None)
