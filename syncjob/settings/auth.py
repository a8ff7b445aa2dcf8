"""Where the access token comes from: a variable, a command, or a sign-in that `syncjob login` has begun.

No secret ever stands in a configuration: it names the variable, file, keyring or vault that holds one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from syncjob.settings.kinds import Authority, Guid, Seconds, Variable, VaultUrl
from syncjob.settings.section import Section

WAYS = ("token_env", "token_command", "client_id")


class Auth(Section):
    """The way to an access token; the token itself never stands in a file."""

    token_env: Annotated[Variable | None, Field(description="the environment variable that holds the access token")] = (
        None
    )
    token_command: Annotated[
        tuple[str, ...],
        Field(description="a program and its arguments, run without a shell; the token is all that it prints"),
    ] = ()
    command_s: Annotated[Seconds, Field(description="seconds in which token_command must be done")] = 30
    client_id: Annotated[
        Guid | None, Field(description="the app registration in Entra ID with which syncjob login signs in")
    ] = None
    authority: Annotated[Authority, Field(description="where Entra ID is; another one for national clouds")] = (
        "https://login.microsoftonline.com"
    )
    user: Annotated[
        str | None, Field(description="who signs in; login pins it, and a token of anybody else is refused")
    ] = None
    client_secret_env: Annotated[
        Variable | None, Field(description="the variable that holds the client secret, where the app has one")
    ] = None
    client_secret_file: Annotated[
        Path | None, Field(description="or the file that holds it, for example a systemd credential")
    ] = None
    certificate_file: Annotated[
        Path | None, Field(description="or a PEM file with the app's private key and certificate")
    ] = None
    store: Annotated[
        Literal["file", "keyring", "keyvault"] | None,
        Field(description="where the refresh token is kept; required with client_id, and never chosen for you"),
    ] = None
    store_file: Annotated[Path | None, Field(description="of store: file; default: JOB.sign-in/token beside it")] = None
    vault_url: Annotated[VaultUrl | None, Field(description="of store: keyvault, https://NAME.vault.azure.net")] = None
    vault_name: Annotated[str | None, Field(description="the name in the vault; default: syncjob-JOB")] = None

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        said = [way for way in WAYS if getattr(self, way)]
        if len(said) != 1:
            raise ValueError(f"takes one of {', '.join(WAYS)}; {' and '.join(said) or 'none'} stands there")
        if self.client_id and self.store is None:
            raise ValueError("store is missing: file, keyring or keyvault; it is never chosen for you")
        if self.store == "keyvault" and self.vault_url is None:
            raise ValueError("vault_url is missing: store: keyvault needs https://NAME.vault.azure.net")
        proofs = ("client_secret_env", "client_secret_file", "certificate_file")
        if sum(getattr(self, one) is not None for one in proofs) > 1:
            raise ValueError(f"takes one of {', '.join(proofs)}")
        return self
