"""Where a sign-in is kept: whole or not at all, its owner's alone, and never in a place that nobody has chosen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError

from syncjob.errors import RemoteUnavailable, SignInNeeded, StorageRefused, UsageRefused
from syncjob.remote.auth.kept import Kept
from syncjob.remote.auth.stores import FileStore, KeyringStore, store_of
from syncjob.remote.auth.vault import VaultStore
from syncjob.settings.auth import Auth

KEPT = Kept("now " * 3_000, "before", 2.0, 1.0)
CLIENT = "11111111-2222-4333-8444-555555555555"
SAVING = """
import sys
from pathlib import Path
from syncjob.remote.auth.kept import Kept
from syncjob.remote.auth.stores import FileStore
store, n = FileStore(Path(sys.argv[1])), 0
print("ready", flush=True)
while True:
    n += 1
    store.save(Kept(f"{n} " * 20_000, f"{n - 1}", float(n), 0.0))
"""


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory that takes no long secret, as that of Windows; `locked` refuses everything."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        """Give a secret."""
        self._check()
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""
        self._check()
        assert len(password.encode("utf-16-le")) <= 2_560, "Windows refuses it"
        self.held[service, username] = password

    def _check(self) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")


@pytest.fixture
def ring() -> Any:
    """A keyring of the test's own."""
    before, ours = keyring.get_keyring(), Ring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


def test_a_file_gives_back_what_was_kept(tmp_path: Path) -> None:
    """In a folder that is made for it; nothing yet is None."""
    store = FileStore(tmp_path / "job.sign-in" / "token")
    assert store.load() is None
    for kept in (KEPT, Kept("again", "now", 3.0, 1.0)):
        store.save(kept)
        assert store.load() == kept
    assert [one.name for one in (tmp_path / "job.sign-in").iterdir()] == ["token"]
    assert "now" not in repr(KEPT), "a traceback shows no sign-in"


def test_a_file_that_is_no_sign_in_is_told(tmp_path: Path) -> None:
    """By its place, not by what it holds."""
    path = tmp_path / "token"
    store = FileStore(path)
    for odd in (b"", b"{", b"[1]", b'{"current": 1}', b'{"secret": "canary"}', b"\xff"):
        path.write_bytes(odd)
        path.chmod(0o600)
        with pytest.raises(SignInNeeded, match="holds no sign-in of syncjob's") as told:
            store.load()
        assert "canary" not in str(told.value)


@pytest.mark.parametrize("moment", range(6))
def test_a_process_that_dies_while_it_saves_leaves_a_whole_one(tmp_path: Path, moment: int) -> None:
    """Killed at any moment: what is there is one of those that were kept, to its end (F-41)."""
    path = tmp_path / "token"
    with subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, text=True) as saving:
        assert saving.stdout is not None
        assert saving.stdout.readline() == "ready\n"
        while not path.exists():
            pass
        with pytest.raises(subprocess.TimeoutExpired):
            saving.wait(0.01 * moment)
        saving.send_signal(signal.SIGKILL)
    kept = FileStore(path).load()
    assert kept is not None
    assert kept.current == f"{int(kept.used_at)} " * 20_000


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    """Exit 8, with the place."""
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(StorageRefused, match="taken"):
        FileStore(tmp_path / "taken" / "token").save(KEPT)


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it could have put another sign-in there."""
    store = FileStore(tmp_path / "own" / "token")
    store.save(KEPT)
    os.chown(tmp_path / "own" / "token", 12_345, -1) if os.geteuid() == 0 else monkeypatch.setattr(
        os, "geteuid", lambda: 12_345
    )
    with pytest.raises(UsageRefused, match="belongs to somebody else"):
        store.load()


def test_the_keyring_keeps_it_in_parts(ring: Ring) -> None:
    """Windows takes no long secret; of two writings the one whose head stands counts."""
    store = KeyringStore("job")
    assert store.load() is None
    for kept in (KEPT, Kept("again", "now", 3.0, 1.0), KEPT):
        store.save(kept)
        assert KeyringStore("job").load() == kept
    assert KeyringStore("other").load() is None
    ring.locked = True
    with pytest.raises(StorageRefused, match="unlock it"):
        store.load()


def test_a_write_to_the_keyring_that_breaks_off_leaves_what_was_there(ring: Ring) -> None:
    """The head is written last."""
    store = KeyringStore("job")
    store.save(KEPT)
    head = ring.held["syncjob job", "head"]
    store.save(Kept("half", "", 9.0, 9.0))
    ring.held["syncjob job", "head"] = head
    assert store.load() == KEPT


def test_a_machine_without_a_keyring_is_told_and_nothing_else_is_chosen() -> None:
    """Never a plain file in its place (F-42)."""
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    try:
        with pytest.raises(UsageRefused, match="no keyring that keeps a secret; name another store"):
            KeyringStore("job")
    finally:
        keyring.set_keyring(before)


class Vault:
    """A key vault's client as far as it is used."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.refuses = False

    def get_secret(self, name: str) -> Any:
        """Give a secret, or raise as the SDK does."""
        if self.refuses:
            raise ClientAuthenticationError("canary")
        if name not in self.held:
            raise ResourceNotFoundError("canary")
        return type("Secret", (), {"value": self.held[name]})()

    def set_secret(self, name: str, value: str) -> None:
        """Keep a secret."""
        if self.refuses:
            raise ClientAuthenticationError("canary")
        self.held[name] = value


def test_a_vault_keeps_it() -> None:
    """What it refuses is told by its kind, without what the service said."""
    vault = Vault()
    store = VaultStore("https://x.vault.azure.net", "syncjob-job", vault)
    assert store.load() is None
    store.save(KEPT)
    assert store.load() == KEPT
    vault.refuses = True
    with pytest.raises(RemoteUnavailable, match="cannot be read") as told:
        store.load()
    assert "canary" not in str(told.value)
    with pytest.raises(StorageRefused, match="needs the right to set secrets"):
        store.save(KEPT)


def test_the_configuration_names_the_store(ring: Ring, tmp_path: Path) -> None:
    """Each by its name; the vault's secret is called after the job."""
    del ring
    auth = {"client_id": CLIENT, "store": "file", "store_file": tmp_path / "token"}
    assert isinstance(store_of(Auth.model_validate(auth), "job"), FileStore)
    assert isinstance(store_of(Auth.model_validate(auth | {"store": "keyring"}), "job"), KeyringStore)
    vault = {"store": "keyvault", "vault_url": "https://X.vault.azure.net/"}
    named = store_of(Auth.model_validate(auth | vault), "my.job_1")
    assert named.place == "key vault https://x.vault.azure.net, secret syncjob-my-job-1"


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({}, "none stands there"),
        ({"token_env": "A", "client_id": CLIENT}, "token_env and client_id stands there"),
        ({"client_id": CLIENT}, "store is missing"),
        ({"client_id": CLIENT, "store": "keyvault"}, "vault_url is missing"),
        ({"client_id": "x", "store": "file"}, "should match"),
        ({"client_id": CLIENT, "store": "file", "authority": "https://login.evil.example"}, "not where Entra ID is"),
        ({"client_id": CLIENT, "store": "file", "authority": "http://login.microsoftonline.com"}, "not where"),
        ({"client_id": CLIENT, "store": "file", "authority": "https://login.microsoftonline.com/x"}, "nothing else"),
        ({"client_id": CLIENT, "store": "keyvault", "vault_url": "http://x"}, "no key vault"),
        ({"client_id": CLIENT, "store": "file", "client_secret_env": "A", "certificate_file": "b"}, "takes one of"),
    ],
)
def test_what_cannot_be_is_refused_by_the_settings(auth: dict[str, Any], words: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=words):
        Auth.model_validate(auth)
