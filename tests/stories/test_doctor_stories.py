"""The doctor says in the evening what would fail at night: one line a thing, one remedy, the night's exit code."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from desk import Desk, Said, crm, guid, renamed

from syncjob.ledger import Lock, held
from syncjob.sandbox.entra import Entra
from syncjob.sandbox.faults import Rates

pytestmark = pytest.mark.long

CLIENT = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def _not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """As somebody who is not root, whoever runs the tests; and without the machine's proxies."""
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def well(desk: Desk) -> Desk:
    """A desk whose last night went well."""
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes").code == 0
    return desk


def checks(said: Said) -> dict[str, dict[str, Any]]:
    """Give what was found, by check; of several under one name the worst."""
    found: dict[str, dict[str, Any]] = {}
    for one in json.loads(said.out):
        if found.get(one["check"], {}).get("health") != "fail":
            found[one["check"]] = one
    return found


def test_all_is_well(well: Desk) -> None:
    """Green lines only, exit 0, and nothing but GET."""
    well.box.records.clear()
    said = well.run("doctor")
    assert said.code == 0, said.out
    assert "FAIL" not in said.out
    assert "warn" not in said.out
    for name in (
        "configuration",
        "input",
        "disk",
        "ledger",
        "last run",
        "lock",
        "proxy",
        "sign-in",
        "listing",
        "clock",
    ):
        assert f"ok    {name} " in said.out
    assert set(well.box.methods) == {"GET"}
    assert sorted(one.name for one in well.folder.iterdir()) == sorted(
        {one.name for one in well.folder.iterdir() if "doctor" not in one.name}
    )


def _proxied(desk: Desk) -> None:
    desk.environ["HTTPS_PROXY"] = "http://somebody:canary@proxy.example:3128"
    desk.environ["NO_PROXY"] = "127.0.0.1"


def _out_of_order(desk: Desk) -> None:
    desk.box.rates = Rates(unavailable=1)
    desk.configure(limits={"attempts_max": 1})


def _proxied_by_env(desk: Desk) -> None:
    _proxied(desk)
    desk.configure(remote={"proxy": "env"})


def _old(desk: Desk) -> None:
    desk.configure(guards={"age": "26h"})
    os.utime(desk.folder / "rows.csv", (1_700_000_000, 1_700_000_000))


def _harm(desk: Desk, words: str) -> None:
    with closing(sqlite3.connect(desk.ledger)) as database, database:
        database.execute(words)


LATE = f"UPDATE runs SET began = {(datetime.now(UTC) - timedelta(days=3)).timestamp()}"
HARMS: dict[str, Callable[[Desk], object]] = {
    "no input": lambda desk: (desk.folder / "rows.csv").unlink(),
    "old input": _old,
    "no marker": lambda desk: desk.configure(rows={"done_marker": ".done"}),
    "damaged ledger": lambda desk: desk.ledger.write_bytes(b"no database" * 1_000),
    "dead remote": lambda desk: desk.configure(remote={"url": "http://127.0.0.1:9"}, limits={"attempts_max": 1}),
    "broke off": lambda desk: _harm(desk, "UPDATE runs SET ended = NULL, exit_code = NULL"),
    "not lately": lambda desk: _harm(desk, LATE),
    "proxy unused": _proxied,
    "proxy by env": _proxied_by_env,
    "out of order": _out_of_order,
}


def test_a_first_night_has_nothing_to_look_back_at(desk: Desk) -> None:
    """No ledger is no fault; what it means is said."""
    desk.rows(*renamed(1))
    said = desk.run("doctor", "--json")
    assert (said.code, "none yet; the first run begins it" in checks(said)["ledger"]["said"]) == (0, True)


@pytest.mark.parametrize(
    ("harm", "check", "health", "code", "words"),
    [
        ("no input", "input", "fail", 4, "No such file"),
        ("old input", "input", "fail", 6, "guards.age is 26 hours"),
        ("no marker", "input", "fail", 4, ".done is not there"),
        ("damaged ledger", "ledger", "fail", 8, "is damaged"),
        ("dead remote", "listing", "fail", 7, "the listing cannot be read"),
        ("broke off", "last run", "warn", 0, "broke off"),
        ("not lately", "last run", "warn", 0, "3 days ago"),
        ("held", "lock", "warn", 0, "held: apply"),
        ("proxy unused", "proxy", "warn", 0, "HTTPS_PROXY is set and not used"),
        ("proxy by env", "proxy", "ok", 0, "by the environment: proxy.example"),
        ("out of order", "listing", "fail", 7, "the listing cannot be read"),
    ],
)
def test_what_would_fail_is_told_with_its_remedy(
    well: Desk, harm: str, check: str, health: str, code: int, words: str
) -> None:
    """Each by its check, with the exit code that the night would have ended with."""
    if harm in HARMS:
        HARMS[harm](well)
    if harm == "held":
        remote = f"{well.box.url}/v1.0/engagements/referrals"
        with held(Lock(well.ledger, "desk", remote), "apply"):
            said = well.run("doctor", "--json")
    else:
        said = well.run("doctor", "--json")
    found = checks(said)[check]
    assert (found["health"], said.code) == (health, code), said.out
    assert words in found["said"]
    assert bool(found["remedy"]) == (health != "ok")
    assert "canary" not in said.out + said.err


@pytest.mark.parametrize(
    ("harm", "health", "code", "words"),
    [
        ("", "ok", 0, "refreshed just now, by several factors"),
        ("no second factor", "fail", 5, "shows no multi-factor sign-in"),
        ("revoked", "fail", 5, "was revoked or the password changed"),
        ("nobody", "fail", 5, "nobody has signed in yet"),
        ("unused", "warn", 0, "was not used for 70 days; after 90 a person must sign in again"),
    ],
)
def test_the_sign_in_is_looked_at(desk: Desk, harm: str, health: str, code: int, words: str) -> None:
    """Whether it can be refreshed, its factors, and whether it is about to fall asleep."""
    desk.box.entra = entra = Entra(lambda: datetime.now(UTC), Random(0))
    auth = {"client_id": CLIENT, "authority": desk.box.url, "store": "file"}
    desk.configure(remote={"auth": auth})
    desk.rows(*renamed(1))
    if harm != "nobody":
        assert desk.run("login").code == 0
    if harm == "unused":
        path = desk.folder / "desk.sign-in" / "token"
        kept = json.loads(path.read_text())
        kept["used_at"] -= 70 * 86_400
        path.write_text(json.dumps(kept))
    entra.mfa = harm != "no second factor"
    entra.deny = "50173" if harm == "revoked" else ""
    said = desk.run("doctor", "--json")
    found = [one for one in json.loads(said.out) if one["check"] == "sign-in"]
    assert any(words in one["said"] and one["health"] == health for one in found), said.out
    assert said.code == code


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "the disk is full: make room on it"), (errno.EACCES, "let this account write")],
)
def test_a_disk_that_is_full_needs_room_and_no_rights(
    well: Desk, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    """The remedy is the one that helps."""

    def refused(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)
    found = checks(well.run("doctor", "--json"))["disk"]
    assert (found["health"], found["remedy"].startswith(remedy)) == ("fail", True)


def test_a_clock_that_is_wrong_is_told(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the Date of the server's answer (F-99)."""
    from syncjob.remote import transport

    monkeypatch.setattr(transport, "_date", lambda _: datetime.now(UTC) - timedelta(hours=3))
    said = well.run("doctor", "--json")
    found = checks(said)["clock"]
    assert (found["health"], said.code) == ("warn", 0)
    assert "s ahead of the server's" in found["said"]


@pytest.mark.parametrize(("ignored", "health", "code"), [(False, "ok", 0), (True, "fail", 1)])
def test_if_match_is_proven_by_a_patch_that_changes_nothing(
    well: Desk, *, ignored: bool, health: str, code: int
) -> None:
    """Under an eTag that never was: a server that takes it would lose other people's edits."""
    well.box.rates = Rates(ignored_if_match=1.0 if ignored else 0.0)
    before = next(one for one in well.box.store.documents() if one["id"] == guid(2))["name"]
    said = well.run("doctor", "--json", "--probe-if-match", guid(2))
    assert (checks(said)["If-Match"]["health"], said.code) == (health, code), said.out
    assert well.box.store.get(guid(2))["name"] == before
    assert well.box.patches[-1].if_match == '"00000000-0000-0000-0000-000000000000"'


def test_it_looks_as_cron_would(well: Desk) -> None:
    """With next to no environment and from elsewhere; what cron does not know is said."""
    well.bare()
    well.environ["SYNCJOB_CONFIG"] = str(well.config)
    well.environ["SYNCJOB_LIMITS__ATTEMPTS_MAX"] = "no number"
    assert well.run("doctor").code == 2
    said = well.run("doctor", "--as-cron")
    assert said.code == 0, said.out + said.err
    assert f"name the configuration there, -c {well.config}" in said.err
    assert "ok    listing" in said.out
    assert crm(1) not in said.out


NOTICES = {"people": ["PEOPLE"], "sign_in": ["ADMIN"], "run": ["ADMIN"], "ping_env": "PING", "metrics_file": "x.prom"}
ADDRESSES = {
    "PEOPLE": "json://localhost/canary",
    "ADMIN": "json://localhost/canary",
    "PING": "https://localhost/canary",
}


@pytest.mark.parametrize(
    ("harm", "check", "words", "remedy"),
    [
        ({}, "", "", ""),
        ({"ADMIN": ""}, "notices", "ADMIN: not set", "configs/deploy"),
        ({"PEOPLE": "canary", "ADMIN": "json://"}, "notices", "PEOPLE, ADMIN: no address that apprise can", "SERVICE"),
        ({"PEOPLE": "canary", "ADMIN": ""}, "notices", "ADMIN: not set; PEOPLE: no address that", "configs/deploy"),
        ({"PING": ""}, "ping", "PING: not set", "configs/deploy"),
        ({"PING": "ftp://canary"}, "ping", "PING: no address of a page", "https://"),
        ({"PING": "https://canary:x"}, "ping", "PING: no address of a page", "https://"),
    ],
)
def test_whether_anybody_could_be_told_is_looked_at(
    well: Desk, harm: dict[str, str], check: str, words: str, remedy: str
) -> None:
    """A line a kind, by the variable's name and never by what it holds; nothing is sent."""
    well.configure(notices=NOTICES)
    well.environ |= ADDRESSES | harm
    said = well.run("doctor", "--json")
    found = {name: checks(said)[name] for name in ("notices", "ping", "metrics")}
    assert {name for name, one in found.items() if one["health"] != "ok"} == ({check} if check else set())
    assert said.code == 0, "the night would go on, and nobody would hear of it"
    assert not check or (words in found[check]["said"], remedy in found[check]["remedy"]) == (True, True)
    assert "canary" not in said.out + said.err
    assert not (well.folder / "x.prom").exists()


def test_a_kind_of_notice_that_nobody_asks_for_has_no_line(well: Desk) -> None:
    """And of one that is switched off it is said."""
    assert not {"notices", "ping", "metrics"} & checks(well.run("doctor", "--json")).keys()
    well.configure(notices={"people": ["PEOPLE"], "when": "never"})
    assert checks(well.run("doctor", "--json"))["notices"]["said"] == "nobody is told: notices.when is never"


def test_metrics_that_have_no_folder_are_told(well: Desk) -> None:
    """With what to do."""
    well.configure(notices={"metrics_file": "nowhere/x.prom"})
    found = checks(well.run("doctor", "--json"))["metrics"]
    assert (found["health"], found["remedy"].startswith("make the folder")) == ("warn", True)
    assert found["said"].endswith("nowhere: No such file or directory")


def test_cron_knows_no_address_unless_its_line_reads_one(well: Desk) -> None:
    """What this shell holds is not what the night holds; the file that the crontab reads is looked at as it does."""
    well.bare()
    well.configure(notices=NOTICES)
    well.environ |= ADDRESSES
    assert "warn" not in well.run("doctor").out
    said = well.run("doctor", "--as-cron", "-c", well.config)
    assert ("warn  notices" in said.out, "warn  ping" in said.out) == (True, True)
    file = well.put("production.env", "".join(f"{name}='{value}'\n" for name, value in ADDRESSES.items()))
    said = well.run("doctor", "--as-cron", "-c", well.config, "--env-file", file.name)
    assert (said.code, "ok    notices" in said.out, "ok    ping" in said.out) == (0, True, True)
    assert f"chmod 600 {file.name}" in said.err
    assert "canary" not in said.out + said.err
    file.chmod(0o600)
    assert "chmod" not in well.run("doctor", "--as-cron", "-c", well.config, "--env-file", file).err


def test_a_file_of_variables_belongs_to_cron(well: Desk) -> None:
    """Alone it would mean nothing, and one that is not there is told."""
    assert well.run("doctor", "--env-file", "x.env").code == 2
    said = well.run("doctor", "--as-cron", "--env-file", "x.env")
    assert (said.code, "--env-file x.env: cannot be read: No such file" in said.err) == (2, True)
