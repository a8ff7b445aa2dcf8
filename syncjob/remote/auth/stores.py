"""Where a sign-in is kept between runs: a `Kept` goes in and out of a file, the keyring or a key vault.

None is ever chosen for somebody: on a machine without a keyring a plain file in its place would be a surprise. The
file is its owner's alone and is never written in place: a process that dies in the middle leaves the old one. What
was kept before stays beside what is kept now, for one try more.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from syncjob.errors import StorageRefused, UsageRefused, mending
from syncjob.remote.auth.kept import Kept, read
from syncjob.settings import Remote
from syncjob.settings.auth import Auth
from syncjob.whole import written

BYTES_MAX = 1_000_000
PART_CHARS = 1_000  # Windows takes 2,560 bytes a secret
PARTS_MAX = 100
UNUSED_DAYS_MAX = 90  # a refresh token that nobody uses for so long is gone; each use begins anew
UNUSED_DAYS_WARN = 60
PLAIN = ("keyring.backends.null", "keyring.backends.fail", "keyrings.alt")


class Store(Protocol):
    """Keeps one sign-in; `place` says where, for people."""

    place: str

    def load(self) -> Kept | None:
        """Give what is kept, None where nothing is."""

    def save(self, kept: Kept) -> None:
        """Keep it; StorageRefused when that cannot be done."""


def store_of(auth: Auth, job: str) -> Store:
    """Give the store that a configuration names."""
    match auth.store:
        case "file":
            assert auth.store_file is not None, "loading fills it in"
            return FileStore(auth.store_file)
        case "keyring":
            return KeyringStore(job)
        case _:
            from syncjob.remote.auth.vault import VaultStore

            assert auth.vault_url is not None, "the settings ask for it"
            return VaultStore(auth.vault_url, auth.vault_name or f"syncjob-{job}".replace(".", "-").replace("_", "-"))


def kept_sign_in(remote: Remote, job: str) -> Kept | None:
    """Give the sign-in that is kept, None where there is none yet."""
    assert remote.auth is not None, "there is something to sign in with"
    return store_of(remote.auth, job).load()


class FileStore:
    """A file of 0600 that is no link, in a folder that nobody else may write; neither may be somebody else's."""

    def __init__(self, path: Path) -> None:
        """Keep it there."""
        self._path = path
        self.place = f"sign-in {path}"

    def load(self) -> Kept | None:
        """Give what is kept (the contract of `Store`); UsageRefused where others may read it."""
        try:
            number = os.open(self._path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            said = "is a link, which is not followed" if self._path.is_symlink() else error.strerror
            raise UsageRefused(f"{self.place}: {said}; put the file itself there, or sign in again") from None
        with os.fdopen(number, "rb") as file:
            _private(os.fstat(number), self._path, self.place)
            _private(self._path.parent.stat(), self._path.parent, f"sign-in folder {self._path.parent}")
            return read(file.read(BYTES_MAX).decode("utf-8", "replace"), self.place)

    def save(self, kept: Kept) -> None:
        """Keep it (the contract of `Store`): written beside, synced, and put in place in one step."""
        folder = self._path.parent
        with _stored(self.place):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _private(folder.stat(), folder, f"sign-in folder {folder}")
            written(self._path, lambda file: _put(file, kept.text()))


class KeyringStore:
    """The keyring of the operating system; in parts, since some take no long secret. The last part written counts."""

    def __init__(self, job: str) -> None:
        """Keep it under the job's name; UsageRefused where this machine has no keyring."""
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            raise UsageRefused(
                "remote.auth.store: keyring needs the package keyring: pip install 'syncjob[keyring]'"
            ) from None
        self._service, self.place = f"syncjob {job}", f"the keyring, syncjob {job}"
        self._ring, self._error = keyring.get_keyring(), KeyringError
        if type(self._ring).__module__.startswith(PLAIN):
            raise UsageRefused(
                "remote.auth.store: this machine has no keyring that keeps a secret; name another store: file, keyvault"
            )

    def load(self) -> Kept | None:
        """Give what is kept (the contract of `Store`)."""
        head = self._get("head")
        if head is None:
            return None
        generation, _, count = head.partition(" ")
        many = int(count) if count.isdecimal() else 0
        parts = [self._get(f"{generation}.{n}") or "" for n in range(min(PARTS_MAX, many))]
        return read("".join(parts), self.place)

    def save(self, kept: Kept) -> None:
        """Keep it (the contract of `Store`); the head that names the parts is written when they stand."""
        text, before = kept.text(), self._get("head") or ""
        parts = [text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS)]
        generation = "b" if before.startswith("a ") else "a"
        with self._told():
            for n, part in enumerate(parts):
                self._ring.set_password(self._service, f"{generation}.{n}", part)
            self._ring.set_password(self._service, "head", f"{generation} {len(parts)}")

    def _get(self, name: str) -> str | None:
        with self._told():
            found: str | None = self._ring.get_password(self._service, name)
            return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise StorageRefused(f"{self.place}: {type(error).__name__}; unlock it, or name another store") from None


def _put(file: BinaryIO, text: str) -> None:
    file.write(text.encode())


@contextmanager
def _stored(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = mending(error, "mend the disk or its rights")
        raise StorageRefused(f"{place}: cannot be written: {error.strerror}; {remedy}") from error


def private(path: Path, place: str) -> None:
    """Refuse a file with a secret that others may read or swap; UsageRefused says how to mend it."""
    with suppress(OSError):  # whoever reads it says what is wrong with it
        _private(path.stat(), path, place)


def _private(found: os.stat_result, path: Path, place: str) -> None:
    """Refuse what others may read or swap; on Windows the profile's own rights guard it."""
    if os.name != "posix":
        return
    if found.st_uid not in (os.geteuid(), 0):
        raise UsageRefused(f"{place}: belongs to somebody else; sign in as the account that runs the job")
    mode = stat.S_IMODE(found.st_mode)
    is_folder = stat.S_ISDIR(found.st_mode)
    if mode & (0o022 if is_folder else 0o077):
        wanted = "700" if is_folder else "600"
        raise UsageRefused(f"{place}: others may {'write' if is_folder else 'read'} it; chmod {wanted} {path}")
