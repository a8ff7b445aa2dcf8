"""Whom TLS trusts: what the operating system trusts and the configured bundle besides; never nobody."""

from __future__ import annotations

import ssl

from syncjob.errors import UsageRefused
from syncjob.settings import Remote


def trust(remote: Remote) -> ssl.SSLContext:
    """Trust what the operating system trusts and the configured bundle besides; TLS 1.2 or later, names checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if remote.ca_bundle is not None:
        try:
            context.load_verify_locations(remote.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise UsageRefused(f"remote.ca_bundle: {remote.ca_bundle} cannot be read as PEM: {error}") from error
    return context
