"""`syncjob login`: a person signs in once; from then on the job refreshes that sign-in by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from syncjob.cli.options import looking

if TYPE_CHECKING:  # the rooms behind these names are heavy; `--help` must not pay for them
    from syncjob.settings import Settings

WAIT_S = 300.0
PAGE = b"<!DOCTYPE html><title>syncjob</title><p>Signed in. This window may be closed."


@click.command()
@click.option("--browser", is_flag=True, help="In a browser on this machine, in place of a code for any device.")
@click.option("--paste", is_flag=True, help="With --browser: it is elsewhere; paste the address it ends at.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Of the address to come back to; default: a free one."
)
@looking
def login(config: str | None, *, browser: bool, paste: bool, port: int) -> int:
    """Sign in to Partner Center.

    Shows a code to enter at Microsoft's page, on this device or any other. Who signed in,
    and in which tenant, is written into the configuration (remote.tenant, remote.auth.user);
    a token of anybody else is refused from then on. The sign-in is kept in remote.auth.store
    and lasts as long as it is used once in 90 days.
    """
    import os

    from syncjob import config as configuration
    from syncjob.cli.terminal import say
    from syncjob.errors import UsageRefused
    from syncjob.remote.auth.entra import SignIn

    path = configuration.find(config, os.environ, Path.cwd())
    settings = configuration.load(path, os.environ)
    if settings.remote.auth is None or settings.remote.auth.client_id is None:
        raise UsageRefused(
            f"{path}: remote.auth.client_id is missing: the id of the app registration in Entra ID; the README says how"
            " to make one"
        )
    auth = settings.remote.auth
    if not browser and (auth.client_secret_env or auth.client_secret_file or auth.certificate_file):
        raise UsageRefused(
            "an app with a secret or a certificate cannot sign in by a code: syncjob login --browser, and --paste where"
            " this machine has none"
        )
    sign_in = SignIn(settings.remote, settings.job, os.environ)
    if browser:
        come_back = _Paste(port) if paste else _Listener(port)
        who = sign_in.by_browser(come_back.address, come_back.visit)
    else:
        who = sign_in.by_device(lambda page, code: say(f"To sign in, open {page} and enter the code {code}"))
    say(f"signed in as {who.user}, tenant {who.tenant}; kept in {sign_in.store.place}")
    _pin(path, settings, {("remote", "tenant"): who.tenant, ("remote", "auth", "user"): who.user})
    return 0


def _pin(path: Path, settings: Settings, who: Mapping[tuple[str, ...], str]) -> None:
    """Write who signed in into the configuration, where it does not say so yet."""
    from syncjob.cli.terminal import say
    from syncjob.errors import StorageRefused

    remote = settings.remote
    known = {("remote", "tenant"): remote.tenant, ("remote", "auth", "user"): remote.auth and remote.auth.user}
    new = {place: value for place, value in who.items() if value and not known[place]}
    if not new:
        return
    lines = ", ".join(f"{'.'.join(place)}: {value}" for place, value in new.items())
    try:
        _replace(path, new)
    except (OSError, ValueError, AssertionError) as error:
        words = getattr(error, "strerror", None) or "it is written in a way that is left to you"
        raise StorageRefused(f"{path}: cannot be written ({words}); add yourself: {lines}") from None
    say(f"{path}: {', '.join('.'.join(place) for place in new)} pinned")


def _replace(path: Path, new: Mapping[tuple[str, ...], str]) -> None:
    """Pin the values in the file itself, wherever a link leads; its mode and its owner stay."""
    import os
    import stat
    from contextlib import suppress

    from syncjob.config.pinning import pinned
    from syncjob.whole import written

    place = path.resolve()
    raw, before = place.read_bytes(), place.stat()
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    text = pinned(raw.removeprefix(mark).decode(), new)

    def put(temporary: Path, target: Path) -> Path:
        temporary.chmod(stat.S_IMODE(before.st_mode))
        if hasattr(os, "chown"):
            with suppress(PermissionError):  # only root may give it away
                os.chown(temporary, before.st_uid, before.st_gid)
        return temporary.replace(target)

    written(place, lambda file: _put(file, mark + text.encode()), put)


def _put(file: BinaryIO, content: bytes) -> None:
    file.write(content)


class _Listener:
    """Waits on this machine for the browser to come back, once."""

    def __init__(self, port: int) -> None:
        from http.server import BaseHTTPRequestHandler, HTTPServer

        came: dict[str, str] = {}

        class Answer(BaseHTTPRequestHandler):
            """Takes what the browser brings along."""

            def do_GET(self) -> None:
                came.update(_query(self.path))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, *_: object) -> None:
                """Say nothing: the address holds the code."""

        self._server, self._came = HTTPServer(("127.0.0.1", port), Answer), came
        self._server.timeout = WAIT_S
        self.address = f"http://localhost:{self._server.server_port}"

    def visit(self, page: str) -> Mapping[str, str]:
        """Send the browser there and wait for it to come back."""
        import webbrowser

        from syncjob.cli.terminal import say
        from syncjob.errors import SignInNeeded

        say(f"Open this page in a browser on this machine, if it does not open by itself:\n{page}")
        with self._server:
            webbrowser.open(page)
            self._server.handle_request()
        if not self._came:
            raise SignInNeeded(
                f"nobody came back from the page within {WAIT_S / 60:.0f} minutes; run syncjob login again"
            )
        return self._came


class _Paste:
    """Asks for the address at which a browser elsewhere has ended."""

    def __init__(self, port: int) -> None:
        self.address = f"http://localhost:{port}" if port else "http://localhost"

    def visit(self, page: str) -> Mapping[str, str]:
        """Show the page and ask."""
        from syncjob.cli.terminal import say

        say(f"Open this page in any browser:\n{page}")
        return _query(click.prompt("Then paste the address that it ends at (it need not load)", err=True))


def _query(address: str) -> dict[str, Any]:
    from urllib.parse import parse_qsl, urlsplit

    return dict(parse_qsl(urlsplit(address).query))
