"""Signing in once, and the nights after it: Entra ID is the sandbox's, over real HTTP."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import tls
import yaml
from desk import Desk, crm, referral, renamed

from syncjob.sandbox.entra import TENANT, USER, Entra
from syncjob.sandbox.messages import Request

pytestmark = pytest.mark.long

CLIENT = "11111111-2222-4333-8444-555555555555"
ANOTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def entra(desk: Desk) -> Entra:
    """The tenant that the desk's sandbox believes."""
    desk.box.entra = Entra(lambda: datetime.now(UTC), Random(0))
    return desk.box.entra


def configured(desk: Desk, **auth: Any) -> None:
    """Let the job sign in."""
    usual = {"client_id": CLIENT, "authority": desk.box.url, "store": "file"}
    desk.configure(remote={"url": desk.box.url, "auth": usual | auth})


@pytest.fixture
def signed_in(desk: Desk, entra: Entra) -> Desk:
    """A desk at which somebody has signed in."""
    configured(desk)
    said = desk.run("login")
    assert said.code == 0, said.err
    entra.seen.clear()
    return desk


def settings_of(desk: Desk) -> dict[str, Any]:
    """The configuration's remote, as it stands in the file."""
    found: dict[str, Any] = yaml.safe_load(desk.config.read_text(encoding="utf-8"))["remote"]
    return found


def test_who_signs_in_by_a_code_is_pinned_and_kept(desk: Desk, entra: Entra) -> None:
    """The page and the code are shown; tenant and user stand in the configuration, the sign-in in a file of 0600."""
    entra.pending = 1
    configured(desk)
    said = desk.run("login")
    assert said.code == 0, said.err
    assert "/device and enter the code " in said.err
    remote = settings_of(desk)
    assert (remote["tenant"], remote["auth"]["user"]) == (TENANT, USER)
    kept = desk.folder / "desk.sign-in" / "token"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (kept, kept.parent)] == [0o600, 0o700]
    assert not any(token in kept.read_text() for token in entra.tokens), "no access token is kept"


def test_the_nights_after_it_ask_nobody(signed_in: Desk, entra: Entra) -> None:
    """Each run refreshes once, keeps what came with it, and sends."""
    for night in range(3):
        signed_in.rows(*renamed(1, name=f"Night {night}"))
        assert signed_in.run("apply", "--yes", "--json").outcomes == {crm(1): "applied"}
    assert entra.seen == ["refresh_token"] * 3
    facts = json.loads(signed_in.run("show", "last", "--json").out)["run"]
    assert "signed_in" not in facts
    assert f"signed in as {USER}" in signed_in.run("history", "--deal", crm(1)).out
    assert "last used 0 days ago, and good for 90 days" in signed_in.run("status").out


def test_a_token_that_runs_out_in_the_middle_is_renewed_once(desk: Desk, entra: Entra) -> None:
    """200 rows, 8 workers: all tokens end after 90 patches; one refresh serves every worker, and no row fails."""
    desk.box.empty(referral(n) for n in range(1, 201))
    desk.box.entra = entra
    usual = {"client_id": CLIENT, "authority": desk.box.url, "store": "file"}
    desk.configure(remote={"url": desk.box.url, "auth": usual}, limits={"concurrency": 8}, guards={"changes": None})
    assert desk.run("login").code == 0
    entra.seen.clear()

    def ending(_: Request) -> None:
        if desk.box.taken == 90:
            entra.forget_tokens()

    desk.box.watch = ending
    desk.rows(*renamed(*range(1, 201)))
    said = desk.run("apply", "--yes", "--json")
    assert (said.code, said.report["totals"]) == (0, {"rows": 200, "applied": 200})
    assert entra.seen == ["refresh_token"] * 2, "one at the beginning, one in the middle"
    refused = [record for record in desk.box.records if record.status == 401]
    assert 1 <= len(refused) <= 8
    assert len(desk.box.patches) == 200 + sum(record.method == "PATCH" for record in refused)


def test_a_token_that_is_refused_twice_needs_a_person(
    signed_in: Desk, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refresh, one more try; then exit 5, and the rows wait for the next run."""
    monkeypatch.setattr(Entra, "refusal", lambda *_: "unauthenticated")
    signed_in.rows(*renamed(1, 2))
    said = signed_in.run("apply", "--yes", "--json")
    assert (said.code, set(said.causes.values())) == (5, {"sign_in"})
    assert entra.seen == ["refresh_token"] * 2
    assert signed_in.box.patches == []


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        ("50076", 5, "a multi-factor sign-in is asked for"),
        ("50173", 5, "was revoked or the password changed"),
        ("53003", 5, "Conditional Access blocks this sign-in"),
        ("65001", 5, "nobody has consented"),
        ("70000", 5, "no longer good"),
        ("700082", 5, "was not used for 90 days"),
        ("700016", 5, "check remote.auth.client_id"),
        ("7000222", 5, "the client secret has expired; make a new one"),
        ("135010", 5, "no longer good; sign in again"),
        ("90033", 7, "out of order: try again later; the sign-in that is kept is as good as it was"),
    ],
)
def test_what_entra_id_refuses_is_told_with_what_helps(
    signed_in: Desk, entra: Entra, number: str, code: int, words: str
) -> None:
    """Nothing is asked of the remote, and Entra ID is asked once."""
    entra.deny = number
    signed_in.rows(*renamed(1))
    signed_in.box.records.clear()
    said = signed_in.run("apply", "--yes")
    assert (said.code, signed_in.box.records, entra.seen) == (code, [], ["refresh_token"]), said.err
    assert words in said.err
    assert f"AADSTS{number}" in said.err
    assert ("sign in again" in said.err) <= (code == 5)
    assert USER not in said.err


def test_status_does_not_call_a_sign_in_good_that_was_refused(signed_in: Desk, entra: Entra) -> None:
    """After AADSTS50173 a person must sign in, and once somebody has, it is good again."""
    signed_in.rows(*renamed(1))
    assert signed_in.run("apply", "--yes").code == 0
    entra.deny = "50173"
    assert signed_in.run("apply", "--yes").code == 5
    said = signed_in.run("status").out
    assert ("token   refused at " in said, "good for" in said) == (True, False)
    assert "exit code 5, before it was a run: somebody must sign in: syncjob login" in said
    assert "50173" not in json.dumps(json.loads(signed_in.run("status", "--json").out)["refused"])
    entra.deny = ""
    assert signed_in.run("login").code == 0
    assert "good for 90 days" in signed_in.run("status").out


def test_a_token_without_a_second_factor_is_told_and_not_tried_again(signed_in: Desk, entra: Entra) -> None:
    """401 with 900421: exit 5; another token of the same sign-in would be as useless."""
    entra.mfa = False
    signed_in.rows(*renamed(1))
    said = signed_in.run("plan")
    assert (said.code, "shows no multi-factor sign-in (900421)" in said.out + said.err) == (5, True)
    assert entra.seen == ["refresh_token"]


@pytest.mark.parametrize(("who", "words"), [({"tenant": ANOTHER}, "of tenant"), ({"user": "eve@x.example"}, "else's")])
def test_a_token_of_another_tenant_or_user_is_refused(
    signed_in: Desk, entra: Entra, who: dict[str, str], words: str
) -> None:
    """Whoever signed in is pinned: exit 5, nothing is asked, and nobody's name is shown."""
    for name, value in who.items():
        setattr(entra, name, value)
    signed_in.rows(*renamed(1))
    signed_in.box.records.clear()
    for command in ("apply --yes", "login"):
        said = signed_in.run(*command.split())
        assert (said.code, signed_in.box.records) == (5, []), said.err
        assert words in said.err
        assert "eve" not in said.err


def test_a_refresh_token_that_was_lost_on_its_way_is_no_loss(signed_in: Desk, entra: Entra) -> None:
    """Entra ID has answered, and the process dies before it could be kept: the one that was kept is still good."""
    kept = signed_in.folder / "desk.sign-in" / "token"
    before = kept.read_bytes()
    signed_in.rows(*renamed(1))
    assert signed_in.run("plan").code == 0
    kept.write_bytes(before)
    assert signed_in.run("plan").code == 0


def test_of_two_refresh_tokens_the_older_is_tried_once(signed_in: Desk, entra: Entra) -> None:
    """The newer is not taken: the one before it is, and what comes with it is kept."""
    signed_in.rows(*renamed(1))
    assert signed_in.run("plan").code == 0
    newest = list(entra.refreshing)[-1]
    del entra.refreshing[newest]
    entra.seen.clear()
    assert signed_in.run("plan").code == 0
    assert entra.seen == ["refresh_token", "refresh_token"]
    assert signed_in.run("plan").code == 0
    assert entra.seen == ["refresh_token"] * 3


def test_nobody_has_signed_in_yet(desk: Desk, entra: Entra) -> None:
    """Exit 5 with the command that helps; nothing is asked."""
    configured(desk)
    desk.rows(*renamed(1))
    said = desk.run("plan")
    assert (said.code, entra.seen, desk.box.records) == (5, [], [])
    assert "run: syncjob login" in said.err
    assert "missing: nobody has signed in yet" in desk.run("status").out


def test_a_browser_on_this_machine_signs_in_too(desk: Desk, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorization code with PKCE; the browser comes back to a port of ours."""
    import threading
    import webbrowser

    def visit(page: str) -> bool:
        address = urlsplit(page)._replace(scheme="http").geturl()
        threading.Thread(target=lambda: httpx.get(address, follow_redirects=True)).start()
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    configured(desk)
    said = desk.run("login", "--browser")
    assert said.code == 0, said.err
    assert entra.seen == ["authorization_code"]
    desk.rows(*renamed(1))
    assert desk.run("plan").code == 0


def test_a_browser_elsewhere_signs_in_by_the_address_it_ends_at(desk: Desk, entra: Entra) -> None:
    """For a server without a screen whose app takes no device codes; another sign-in's address is refused."""
    configured(desk)
    said = desk.run("login", "--browser", "--paste", stdin=b"http://localhost/?code=x&state=other\n")
    assert (said.code, "another sign-in" in said.err) == (5, True)
    assert entra.seen == []


SECRET = "canary-client-secret"


def _by_variable(desk: Desk) -> dict[str, Any]:
    desk.environ["APP_SECRET"] = SECRET
    return {"client_secret_env": "APP_SECRET"}


def _by_file(desk: Desk) -> dict[str, Any]:
    desk.put("secret.txt", SECRET + "\n").chmod(0o600)
    return {"client_secret_file": "secret.txt"}


@pytest.mark.parametrize("way", [_by_variable, _by_file])
def test_an_app_with_a_secret_proves_itself(desk: Desk, entra: Entra, way: Any) -> None:
    """The Secure Application Model; a wrong one is told, and neither is ever shown."""
    entra.secret = SECRET
    configured(desk, **way(desk))
    assert desk.run("login", "--browser", "--paste", stdin=b"nonsense\n").code == 5
    entra.grants["code"] = next(iter(entra.grants.values()), None)  # type: ignore[assignment]
    signed = _pasted(desk)
    assert signed.code == 0, signed.err
    desk.rows(*renamed(1))
    assert desk.run("plan").code == 0
    entra.secret = "another"
    said = desk.run("plan")
    assert (said.code, "the client secret is wrong" in said.err, SECRET in said.err) == (5, True, False)


@pytest.mark.skipif(tls.OPENSSL is None, reason=tls.WHY_NOT)
def test_an_app_with_a_certificate_proves_itself(desk: Desk, entra: Entra) -> None:
    """By an assertion that its key has signed; key and certificate stand in one PEM file, which is never shown."""
    entra.secret = SECRET
    path = tls.client_certificate(desk.folder, "app")
    configured(desk, certificate_file=path.name)
    signed = _pasted(desk)
    assert signed.code == 0, signed.err
    desk.rows(*renamed(1))
    said = desk.run("plan")
    assert said.code == 0, said.err
    assert entra.assertions, "it proved itself by its certificate"
    (header, claims), *_ = entra.assertions
    assert (header["alg"], claims["iss"]) in {("RS256", CLIENT), ("PS256", CLIENT)}
    elliptic = tls.certificate(desk.folder, "elliptic").read_text(encoding="ascii")
    key, _, certificate = path.read_text(encoding="ascii").partition("-----BEGIN CERTIFICATE")
    for bad in ("no certificate", key, f"-----BEGIN CERTIFICATE{certificate}", elliptic):
        path.write_text(bad, encoding="ascii")
        said = desk.run("plan")
        assert (said.code, "remote.auth.certificate_file: " in said.err) == (2, True), said.err
        assert "an RSA private key without a password and its certificate" in said.err


def test_a_disk_that_is_full_in_the_night_ends_no_run(
    signed_in: Desk, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal that cannot be kept goes on with the token that it got; the next run begins with what is kept."""
    from syncjob.errors import StorageRefused
    from syncjob.remote.auth.stores import FileStore

    save, saved = FileStore.save, []

    def once(store: FileStore, kept: Any) -> None:
        saved.append(kept)
        if len(saved) > 1:
            raise StorageRefused("sign-in: No space left on device")
        save(store, kept)

    monkeypatch.setattr(FileStore, "save", once)
    watched = iter(range(100))

    def forget(request: Request) -> None:
        if request.method == "PATCH" and next(watched) == 0:
            entra.forget_tokens()

    signed_in.box.watch = forget
    signed_in.rows(*renamed(1, 2, 3))
    said = signed_in.run("apply", "--yes")
    assert (said.code, len(saved)) == (0, 2), said.err
    monkeypatch.undo()
    assert signed_in.run("plan").code == 0


def _pasted(desk: Desk) -> Any:
    """Sign in as a person would who follows the page in a browser elsewhere and pastes where it ends."""
    import click

    def follow(question: str, **_: object) -> str:
        assert "paste the address" in question
        return ended[0]

    ended: list[str] = []
    from syncjob.cli import terminal

    real = terminal.say

    def heard(words: str) -> None:
        real(words)
        if "Open this page" in words:
            page = urlsplit(words.splitlines()[-1])._replace(scheme="http").geturl()
            ended.append(httpx.get(page).headers["location"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "say", heard)
        patch.setattr(click, "prompt", follow)
        return desk.run("login", "--browser", "--paste")


@pytest.mark.parametrize(("held", "words"), [(None, "holds no client secret"), (" ", "holds no client secret")])
def test_a_secret_that_is_missing_is_told_by_its_name(desk: Desk, entra: Entra, held: str | None, words: str) -> None:
    """The variable is named; exit 2."""
    del entra
    if held is not None:
        desk.environ["APP_SECRET"] = held
    configured(desk, client_secret_env="APP_SECRET")
    said = desk.run("login", "--browser", "--paste")
    assert (said.code, f"APP_SECRET {words}" in said.err) == (2, True)


def test_an_app_with_a_secret_signs_in_by_a_browser(desk: Desk, entra: Entra) -> None:
    """Microsoft gives codes to public apps alone: exit 2 and the way out, before anything is asked."""
    configured(desk, **_by_variable(desk))
    said = desk.run("login")
    assert (said.code, "syncjob login --browser" in said.err, entra.seen) == (2, True, [])


def test_a_secret_that_others_may_read_is_refused(desk: Desk, entra: Entra) -> None:
    """A file of 0644 in a folder of the configuration: exit 2, with the command that mends it (F-40)."""
    del entra
    configured(desk, **_by_file(desk))
    (desk.folder / "secret.txt").chmod(0o644)
    said = desk.run("login", "--browser", "--paste")
    assert (said.code, "client_secret_file" in said.err, "chmod 600" in said.err) == (2, True, True), said.err


def test_a_program_may_give_the_token(desk: Desk, entra: Entra) -> None:
    """`token_command`: run without a shell, asked again when the remote refuses; what it prints is never shown."""
    entra.tokens["canary-token"] = datetime.now(UTC).timestamp() + 600
    desk.configure(remote={"url": desk.box.url, "auth": {"token_command": ["echo", "canary-token"]}})
    desk.rows(*renamed(1))
    assert desk.run("apply", "--yes", "--json").outcomes == {crm(1): "applied"}
    assert "printed by echo" in desk.run("status").out
    entra.tokens.clear()
    said = desk.run("plan")
    assert (said.code, "canary" in said.err + said.out) == (5, False)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["false"], "ended with code 1"),
        (["/nowhere/at/all"], "cannot be run"),
        (["echo", "two words"], "printed something that is no token"),
        (["true"], "printed something that is no token"),
        (["sleep", "5"], "gave no token within 0.2 s"),
    ],
)
def test_a_program_that_gives_no_token_is_told(desk: Desk, command: list[str], words: str) -> None:
    """Exit 5 with its name and what went wrong, and nothing that it printed."""
    desk.configure(remote={"url": desk.box.url, "auth": {"token_command": command, "command_s": 0.2}})
    desk.rows(*renamed(1))
    said = desk.run("plan")
    assert (said.code, words in said.err, "two words" in said.err) == (5, True, False), said.err


def test_a_configuration_of_one_line_can_be_pinned(desk: Desk, entra: Entra) -> None:
    """What stands there stays as it was written, comments and all."""
    del entra
    text = (
        f"job: desk  # ours\nremote: {{url: '{desk.box.url}', auth: {{client_id: {CLIENT}, "
        f"authority: '{desk.box.url}', store: file}}}}\nrows: {{file: rows.csv}} # kept\n"
    )
    desk.config.write_text(text)
    assert desk.run("login").code == 0
    pinned = desk.config.read_text()
    assert settings_of(desk)["tenant"] == TENANT
    assert pinned.replace(f"tenant: {TENANT}, ", "").replace(f"user: {USER}, ", "") == text


@pytest.mark.parametrize("place", ["token", "desk.sign-in"])
def test_a_sign_in_that_others_may_read_or_swap_is_refused(signed_in: Desk, place: str) -> None:
    """Exit 2 with the command that mends it (F-40)."""
    kept = signed_in.folder / "desk.sign-in" / "token"
    path, mode = (kept, 0o640) if place == "token" else (kept.parent, 0o770)
    path.chmod(mode)
    signed_in.rows(*renamed(1))
    said = signed_in.run("plan")
    assert (said.code, f"chmod {'600' if place == 'token' else '700'} {path}" in said.err) == (2, True), said.err


def test_a_link_in_its_place_is_not_followed(signed_in: Desk, tmp_path: Path) -> None:
    """Neither read nor written through (F-41): a link may lead anywhere."""
    kept = signed_in.folder / "desk.sign-in" / "token"
    other = tmp_path / "elsewhere"
    kept.rename(other)
    kept.symlink_to(other)
    before = other.read_bytes()
    signed_in.rows(*renamed(1))
    said = signed_in.run("plan")
    assert (said.code, "is a link" in said.err) == (2, True)
    assert signed_in.run("login").code == 0
    assert (other.read_bytes() == before, kept.is_symlink()) == (True, False)


def test_no_secret_of_the_sign_in_is_seen_anywhere_else(desk: Desk, entra: Entra) -> None:
    """Client secret, refresh and access token, mail: in no output, log, report, plan or crash, well or not."""
    entra.secret, entra.user = SECRET, "canary.user@contoso.example"
    configured(desk, **_by_variable(desk))
    login = _pasted(desk)
    desk.rows(*renamed(1, 2))
    files = ["--report=r.json", "--report=r.csv", "--report=r.txt", "--log-file=run.log"]
    seen = [desk.run("plan", "-o", "kept.plan", *files), desk.run("apply", "kept.plan", "--yes", *files)]
    secrets = {SECRET, *entra.tokens, *entra.refreshing}
    entra.deny = "50173"
    seen += [desk.run("apply", "--yes", *files), desk.run("doctor"), desk.run("status"), desk.run("config", "show")]
    entra.deny, entra.secret = "", "another"
    seen += [desk.run("apply", "--yes", *files), desk.run("login", "--browser", "--paste", stdin=b"x\n")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncjob.remote.auth.entra.SignIn.get", _broken)
        seen.append(desk.run("plan", *files))
    assert [one.code for one in (login, *seen)] == [0, 0, 0, 5, 5, 0, 0, 5, 5, 1]
    own = ("token", desk.config.name)
    kept = [one for one in desk.folder.rglob("*") if one.is_file() and one.name not in own]
    texts = {one.name: one.read_bytes().decode("utf-8", "replace") for one in kept}
    texts |= {f"{n} {name}": getattr(one, name) for n, one in enumerate((login, *seen)) for name in ("out", "err")}
    assert [(name, secret[:20]) for name, text in texts.items() for secret in secrets if secret in text] == []
    named = {name for name, text in texts.items() if entra.user in text}
    assert named <= {"0 err", "5 out", "6 out", desk.ledger.name, f"{desk.ledger.name}-wal"}, (
        "login, status, config show, ledger"
    )


def _broken(sign_in: Any, **_: object) -> None:
    held = sign_in.store.load()
    raise RuntimeError(f"a bug that holds {held.current}")


@pytest.mark.parametrize("way", ["503", "429", "a page"])
def test_entra_id_out_of_order_is_no_reason_to_sign_in(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Exit 7: whatever stands in for an answer, it is safe to run again (a page is a gateway's)."""
    from syncjob.sandbox.messages import Reply

    status = {"503": 503, "429": 429, "a page": 403}[way]
    kind = "text/html" if way == "a page" else "application/json"
    monkeypatch.setattr(Entra, "answered", lambda *_: Reply(status, (("Content-Type", kind),), b"{}"))
    signed_in.rows(*renamed(1))
    said = signed_in.run("plan")
    assert (said.code, "is out of order" in said.err) == (7, True), said.err


def test_the_configuration_keeps_its_mode_and_its_link(desk: Desk, entra: Entra, tmp_path: Path) -> None:
    """The night's account must still be able to read it."""
    del entra
    configured(desk)
    real = tmp_path / "real.yaml"
    desk.config.rename(real)
    real.chmod(0o644)
    desk.config.symlink_to(real)
    assert desk.run("login").code == 0
    assert (desk.config.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == (True, 0o644)
    assert settings_of(desk)["tenant"] == TENANT


def test_what_cannot_be_pinned_is_told_to_be_added(desk: Desk, entra: Entra) -> None:
    """Where the environment says how to sign in, the file has no place for it: the words to add are given."""
    desk.bare()
    del entra
    desk.configure()
    auth = {"CLIENT_ID": CLIENT, "AUTHORITY": desk.box.url, "STORE": "file"}
    desk.environ |= {f"SYNCJOB_REMOTE__AUTH__{name}": value for name, value in auth.items()}
    said = desk.run("login")
    assert (said.code, f"add yourself: remote.tenant: {TENANT}, remote.auth.user: {USER}" in said.err) == (8, True)
