"""Whom TLS trusts: what the operating system trusts and the configured bundle besides; never nobody."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from syncjob.errors import UsageRefused
from syncjob.settings import Remote


def trust(remote: Remote) -> ssl.SSLContext:
    """Trust what the operating system trusts and the configured bundle besides; TLS 1.2 or later, names checked."""
    return _trusting(remote.ca_bundle)


@lru_cache(maxsize=1)  # a run opens its connections twice, to plan and to send: reading all certificates takes long
def _trusting(ca_bundle: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle is not None:
        try:
            context.load_verify_locations(ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise UsageRefused(f"remote.ca_bundle: {ca_bundle} cannot be read as PEM: {error}") from error
    return context
