"""Sign-in: where access tokens come from, how they are renewed, and that they go nowhere but to the remote.

    tokens       a token, and what gives one: a variable, a command
    entra        what gives one for a sign-in that a person has begun (MSAL)
    kept         what is kept of that between runs, and `stores` where: a file, the keyring, a vault
    credential   the one token of a run: fetched once, renewed once for all workers, held against who was pinned
    bearer       puts it on requests to one origin

Nothing here decides what is asked or sent.
"""

from syncjob.remote.auth.bearer import Bearer
from syncjob.remote.auth.claims import claims_of, multi_factor, user_of
from syncjob.remote.auth.credential import Credential, credential_of
from syncjob.remote.auth.stores import UNUSED_DAYS_MAX, UNUSED_DAYS_WARN, kept_sign_in

__all__ = [
    "UNUSED_DAYS_MAX",
    "UNUSED_DAYS_WARN",
    "Bearer",
    "Credential",
    "claims_of",
    "credential_of",
    "kept_sign_in",
    "multi_factor",
    "user_of",
]
