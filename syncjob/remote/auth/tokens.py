"""An access token, and what gives one: an environment variable or a command. Neither is ever shown."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from syncjob.errors import SignInNeeded


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `life_s` counts from when it was given, None where nobody says how long it is good.

    `unkept` says why what came with it could not be kept for the nights to come; it is good all the same.
    """

    value: str = field(repr=False)
    life_s: float | None = None
    unkept: str = ""


class Tokens(Protocol):
    """What gives access tokens."""

    @property
    def renewable(self) -> bool:
        """Whether there is another token where one is refused."""

    def get(self, *, refused: bool) -> Token:
        """Give a token, another one where the last was `refused`; SignInNeeded or RemoteUnavailable."""


@dataclass(frozen=True, slots=True)
class FromVariable:
    """The token that somebody has put into the environment; there is no other one."""

    name: str
    environ: Mapping[str, str] = field(repr=False)
    renewable: bool = False

    def get(self, *, refused: bool) -> Token:
        """Give it (the contract of `Tokens`)."""
        del refused
        token = self.environ.get(self.name, "").strip()
        if not token:
            raise SignInNeeded(
                f"the environment variable {self.name} (remote.auth.token_env) holds no token; sign in and set it"
            )
        if not _bare(token):
            raise SignInNeeded(
                f"the environment variable {self.name} holds something that is no token; set the bare token"
            )
        return Token(token)


class FromCommand(Struct, frozen=True):
    """The token that a program prints; it is asked again when the remote takes it no more."""

    words: Sequence[str]
    wait_s: float
    renewable: bool = True

    def get(self, *, refused: bool) -> Token:
        """Run it (the contract of `Tokens`); what it says on stderr is the terminal's, and never ours to keep."""
        del refused
        name = f"token_command {self.words[0]}"
        try:
            done = subprocess.run(  # noqa: S603  # the configuration's own words, without a shell
                list(self.words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=self.wait_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise SignInNeeded(
                f"{name}: gave no token within {self.wait_s:g} s (remote.auth.command_s); run it by hand and look"
            ) from None
        except OSError as error:
            raise SignInNeeded(f"{name}: cannot be run: {error.strerror}; mend remote.auth.token_command") from None
        token = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode:
            raise SignInNeeded(f"{name}: ended with code {done.returncode} and gave no token; run it by hand and look")
        if not token or not _bare(token):
            raise SignInNeeded(f"{name}: printed something that is no token; it must print that and nothing else")
        return Token(token)


def _bare(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token
