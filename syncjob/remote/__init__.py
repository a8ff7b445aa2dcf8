"""The Referrals API over HTTP: one request in, one `Answer` out; the only floor that knows how.

Nothing here tries again, waits or decides: that is for `exchange`. The token leaves only for the configured
origin; a redirect is never followed; a nextLink contributes its query and nothing else.
"""

from syncjob.remote.auth import (
    UNUSED_DAYS_MAX,
    UNUSED_DAYS_WARN,
    Credential,
    claims_of,
    credential_of,
    kept_sign_in,
    multi_factor,
)
from syncjob.remote.client import Access, Reader, Writer, opened
from syncjob.remote.listing import Item, Pages, Sight

__all__ = [
    "UNUSED_DAYS_MAX",
    "UNUSED_DAYS_WARN",
    "Access",
    "Credential",
    "Item",
    "Pages",
    "Reader",
    "Sight",
    "Writer",
    "claims_of",
    "credential_of",
    "kept_sign_in",
    "multi_factor",
    "opened",
]
