"""A sign-in kept in Azure Key Vault, by whatever identity this machine has (azure-identity's own chain)."""

from __future__ import annotations

from typing import Any

from syncjob.errors import RemoteUnavailable, StorageRefused, UsageRefused
from syncjob.remote.auth.kept import Kept, read


class VaultStore:
    """One secret of a vault; the vault keeps its earlier versions."""

    def __init__(self, url: str, name: str, client: Any = None) -> None:
        """Keep it there; `client` is the SDK's, made here where none is given."""
        self._name, self.place = name, f"key vault {url}, secret {name}"
        self._client = client or _client(url)

    def load(self) -> Kept | None:
        """Give what is kept (the contract of `Store`)."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            found = self._client.get_secret(self._name)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise RemoteUnavailable(
                f"{self.place}: cannot be read ({type(error).__name__}); is the vault right?"
            ) from None
        return read(found.value or "", self.place)

    def save(self, kept: Kept) -> None:
        """Keep it (the contract of `Store`)."""
        from azure.core.exceptions import AzureError

        try:
            self._client.set_secret(self._name, kept.text())
        except AzureError as error:
            raise StorageRefused(
                f"{self.place}: cannot be written ({type(error).__name__}); the identity needs the right to set secrets"
            ) from None


def _client(url: str) -> Any:
    try:
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient
    except ImportError:
        raise UsageRefused("remote.auth.store: keyvault needs more packages: pip install 'syncjob[keyvault]'") from None
    return SecretClient(url, DefaultAzureCredential())
