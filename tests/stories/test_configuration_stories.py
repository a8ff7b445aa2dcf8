from __future__ import annotations

import shutil
import stat

import pytest
from desk import Desk, guid, renamed

CANARY = "eyJ0eXAi.canary-token-9f3a.c2ln"


def _refused(desk: Desk, *words: str, code: int = 2) -> str:
    said = desk.run("apply", "--yes")
    assert (said.code, desk.box.records) == (code, []), said
    for word in words:
        assert word in said.err, said.err
    assert CANARY not in said.err + said.out
    return said.err


def test_a_typo_is_told_with_its_line_and_what_is_meant(desk: Desk) -> None:
    """Unknown keys at any depth are refused, all of them at once."""
    desk.rows(*renamed(1))
    desk.config.write_text(desk.config.read_text() + "garuds:\n  closes: 1\nmerge:\n  dirft: keep\n")
    lines = desk.config.read_text().splitlines()
    _refused(
        desk,
        f"syncjob.yaml:{lines.index('garuds:') + 1}: garuds: unknown key; did you mean 'guards'?",
        f"syncjob.yaml:{lines.index('  dirft: keep') + 1}: merge.dirft: unknown key; did you mean 'drift'?",
    )


@pytest.mark.parametrize(
    "auth", [{"token": CANARY}, {"client_secret": CANARY}, {"token_env": CANARY}, CANARY, {"password": CANARY}]
)
def test_a_secret_in_the_file_is_refused_and_not_shown(desk: Desk, auth: object) -> None:
    """Whatever a person tries, the token is not echoed on any stream."""
    desk.rows(*renamed(1))
    desk.configure(remote={"auth": auth})
    _refused(desk)


def test_the_token_comes_from_the_environment_and_is_never_shown(desk: Desk) -> None:
    """It leaves on every request to the remote and appears nowhere else."""
    desk.box._require_token = True
    desk.configure(remote={"auth": {"token_env": "DESK_TOKEN"}})
    desk.environ["DESK_TOKEN"] = f" {CANARY}\n"
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes", "--log-file", "run.log", "--report", "run.json", "--json")
    assert said.code == 0, said.err
    assert set(desk.box.tokens) == {f"Bearer {CANARY}"}
    kept = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    assert CANARY not in said.out + said.err
    assert CANARY.encode() not in kept


@pytest.mark.parametrize("token", [None, "", "  ", "two words", "ümlaut"])
def test_without_a_token_a_person_must_sign_in(desk: Desk, token: str | None) -> None:
    """Exit 5 before any request; the variable is named, its value is not shown."""
    desk.bare()
    desk.configure(remote={"auth": {"token_env": "DESK_TOKEN"}})
    if token is not None:
        desk.environ["DESK_TOKEN"] = token
    desk.rows(*renamed(1))
    said = _refused(desk, "the environment variable DESK_TOKEN", code=5)
    assert not (token and token.strip() and token in said)
    assert desk.run("plan").code == 5


@pytest.mark.parametrize(
    "url",
    [
        "http://api.partner.microsoft.com",
        "http://169.254.169.254",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "https://user:pass@example.com",
        "https://example.com/?x=1",
        "ftp://localhost",
        "https://",
    ],
)
def test_plain_http_stays_on_this_machine(desk: Desk, url: str) -> None:
    """Only https leaves the house; what could hide another host is refused."""
    desk.rows(*renamed(1))
    desk.configure(remote={"url": url, "auth": {"token_env": "X"}})
    said = _refused(desk, "remote.url")
    assert "pass@" not in said


def test_a_real_remote_needs_a_token(desk: Desk) -> None:
    """HTTPS without remote.auth is a mistake in the configuration, told before anything happens."""
    desk.bare()
    desk.rows(*renamed(1))
    desk.configure(remote={"url": "https://api.partner.microsoft.com"})
    _refused(desk, "remote.auth is missing")


def test_the_configuration_is_found_where_it_was_said_to_be(desk: Desk) -> None:
    """--config, else SYNCJOB_CONFIG, else ./syncjob.yaml; its paths count from its own folder."""
    desk.rows(*renamed(1))
    elsewhere = desk.folder / "elsewhere"
    elsewhere.mkdir()
    assert desk.run("plan", cwd=elsewhere).code == 2
    assert desk.run("plan", "-c", desk.config, cwd=elsewhere).code == 0
    desk.environ["SYNCJOB_CONFIG"] = str(desk.config)
    assert desk.run("apply", "--yes", cwd=elsewhere).code == 0
    assert desk.ledger.exists()
    assert list(elsewhere.iterdir()) == []
    assert "check --config" in desk.run("plan", "-c", "gone.yaml").err
    desk.environ["SYNCJOB_CONFIG"] = "gone.yaml"
    assert "SYNCJOB_CONFIG" in _refused_by_name(desk)


def _refused_by_name(desk: Desk) -> str:
    said = desk.run("plan")
    assert said.code == 2
    return said.err


def test_the_ledger_is_its_owners_and_stays_where_it_is(desk: Desk) -> None:
    """0600, beside the configuration, under the job's name."""
    desk.rows(*renamed(1))
    desk.run("apply", "--yes")
    assert stat.S_IMODE(desk.ledger.stat().st_mode) == 0o600


@pytest.mark.parametrize("place", ["rows.csv/desk.ledger", "."])
def test_a_ledger_that_cannot_be_written_ends_the_run_before_any_write(desk: Desk, place: str) -> None:
    """Exit 8, and no PATCH leaves: nothing is sent that cannot be recorded first."""
    desk.rows(*renamed(1))
    desk.configure(ledger={"file": place})
    said = desk.run("apply", "--yes")
    assert (said.code, desk.box.patches) == (8, []), said
    assert said.err.splitlines()[-1].startswith(f"syncjob: ledger {desk.folder}")


def test_the_folder_of_a_ledger_is_made(desk: Desk) -> None:
    """It is the program's own file: where it stands is made, and the file is announced."""
    desk.rows(*renamed(1))
    desk.configure(ledger={"file": "state/desk.ledger"})
    said = desk.run("apply", "--yes")
    assert said.code == 0
    assert f"a new ledger is begun: {desk.folder / 'state' / 'desk.ledger'}" in said.err


def test_a_damaged_ledger_ends_the_run_before_any_write(desk: Desk) -> None:
    """Bytes that are no ledger are left as they are: 8."""
    desk.rows(*renamed(1))
    desk.ledger.write_bytes(b"not a ledger" * 100)
    for command in (("apply", "--yes"), ("plan",)):
        said = desk.run(*command)
        assert (said.code, desk.box.patches) == (8, []), said
        assert "file is not a database" in said.err
    assert desk.ledger.read_bytes() == b"not a ledger" * 100


def test_a_log_that_cannot_be_written_ends_the_run_at_once(desk: Desk) -> None:
    """Exit 8 before anything is read or asked."""
    desk.rows(*renamed(1))
    said = desk.run("apply", "--yes", "--log-file", "rows.csv/run.log")
    assert (said.code, desk.box.records) == (8, [])
    assert "log rows.csv/run.log: cannot be written" in said.err


def test_another_copy_of_the_folder_is_the_same_job(desk: Desk) -> None:
    """A plan made here goes from a copied folder: only what decides is pinned."""
    desk.rows(*renamed(1))
    desk.run("plan", "-o", "tonight.plan")
    copy = desk.folder.with_name(f"{desk.folder.name}-copy")
    shutil.copytree(desk.folder, copy)
    assert desk.run("apply", "tonight.plan", "--yes", cwd=copy).code == 0
    assert desk.box.store.get(guid(1))["name"] == "Renamed 1"
