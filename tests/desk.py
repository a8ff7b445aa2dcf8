"""A desk to tell stories at: a folder, a configuration, a file of rows and a real sandbox on loopback.

`run` goes through the command line in this process, because that is fast; `spawn` starts a real process where being
one matters. A folder and the sandbox's store are fresh for every story; the socket stays, because opening one is slow.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO, Any
from unittest import mock

import canary
import pytest
import yaml

from syncjob.cli.main import main
from syncjob.sandbox import server
from syncjob.sandbox.faults import Misfortunes, Rates
from syncjob.sandbox.messages import Meeting, Record, Request
from syncjob.sandbox.service import Sandbox
from syncjob.sandbox.store import Store

COLUMNS = {
    "CRM Id": "",
    "Deal": "name",
    "Stage": {
        "field": "status",
        "translate": {"Working": "Active/Accepted", "Won": "Closed/Won", "Prospect": "New/Received"},
    },
    "Amount": "dealValue",
    "Currency": "currency",
    "Close Date": "closingDateTime",
    "Action": "customerAction",
    "Notes": "notes",
    "Share": "consent.consentToShareReferralWithMicrosoftSellers",
    "Team": "team",
}
PROGRAM = (sys.executable, "-m", "syncjob")
PATIENCE_S = 120.0


class Box(Sandbox):
    """A sandbox that is emptied between stories.

    `slow_s` delays the answers to PATCHes, `watch` sees every request once it was judged, `taken` counts the PATCHes
    that have arrived and can be waited for: no story sleeps.
    """

    def __init__(self) -> None:
        super().__init__(Store(()), random=Random(0), clock=lambda: datetime.now(UTC))
        self.url = ""
        self.empty(())

    def empty(self, documents: Iterable[dict[str, Any]], *, list_etags: bool = True) -> None:
        """Start anew with these referrals, in a calm."""
        self.store = Store(documents, list_etags=list_etags)
        self.records = []
        self._misfortunes = Misfortunes(Rates(), Random(0))
        self._require_token = False
        self.entra = None
        self.slow_s = 0.0
        self.watch: Callable[[Request], None] | None = None
        self.tokens: list[str] = []
        self.arrived = threading.Condition()
        self.taken = 0

    def meet(self, request: Request) -> Meeting:
        """Meet a request, note its token, and answer a PATCH as slowly as asked."""
        meeting = super().meet(request)
        self.tokens.append(request.headers.get("authorization", ""))
        if self.watch is not None:
            self.watch(request)
        if request.method != "PATCH":
            return meeting
        with self.arrived:
            self.taken += 1
            self.arrived.notify_all()
        return Meeting(meeting.reply, meeting.delay_s + self.slow_s, meeting.later)

    def wait_for_patches(self, count: int) -> None:
        """Wait until so many PATCHes have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.taken >= count, PATIENCE_S), "no PATCH arrived"

    @property
    def secrets(self) -> set[str]:
        """Every token that its Entra ID has given away."""
        return set() if self.entra is None else {*self.entra.tokens, *self.entra.refreshing}

    @property
    def patches(self) -> list[Record]:
        """Every PATCH that arrived."""
        return [record for record in self.records if record.method == "PATCH"]

    @property
    def methods(self) -> Counter[str]:
        """How many requests of each method arrived."""
        return Counter(record.method for record in self.records)

    def edit(self, n: int, **values: Any) -> None:
        """Let somebody else edit referral `n`; `/` in a path is written `__`."""
        from syncjob.sandbox.patches import Operation

        operations = tuple(Operation("add", f"/{name.replace('__', '/')}", value) for name, value in values.items())
        self.store.patch(guid(n), operations, if_match=None, now=datetime.now(UTC), writer="elsewhere")


@dataclass(frozen=True, slots=True)
class Said:
    """What a run of the program left: its exit code, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each row of the JSON report, by key."""
        return {row["key"]: row["outcome"] for row in self.report["rows"]}

    @property
    def causes(self) -> dict[str, str]:
        """The cause of each row of the JSON report, by key."""
        return {row["key"]: row["cause"] for row in self.report["rows"]}


@dataclass(slots=True)
class Desk:
    """One story's folder and sandbox."""

    folder: Path
    box: Box
    environ: dict[str, str] = field(default_factory=lambda: dict(canary.ENVIRON))
    planted: bool = True

    def bare(self) -> None:
        """Do without canaries: no token is asked for, and rows have mapped columns only."""
        self.planted, self.environ = False, {}
        self.configure()

    @property
    def config(self) -> Path:
        """The configuration's path."""
        return self.folder / "syncjob.yaml"

    @property
    def ledger(self) -> Path:
        """The ledger's path."""
        return self.folder / "desk.ledger"

    def configure(self, **sections: Any) -> Path:
        """Write the configuration; what is named replaces or joins the usual sections."""
        usual: dict[str, Any] = {
            "job": "desk",
            "remote": {"url": self.box.url} | ({"auth": {"token_env": "DESK_TOKEN"}} if self.planted else {}),
            "rows": {"file": "rows.csv"},
            "match": {"by": "externalReferenceId", "column": "CRM Id"},
            "defaults": {"time_zone": "Europe/Berlin"},
            "fields": {column: target for column, target in COLUMNS.items() if target},
            "limits": {"concurrency": 4, "wait_initial_s": 0.01, "wait_max_s": 0.02},
            "guards": {"first_run": None, "column": None},
        }
        for name, section in sections.items():
            joined = isinstance(section, dict) and name != "fields" and isinstance(usual.get(name), dict)
            usual[name] = usual[name] | section if joined else section
        self.config.write_text(yaml.safe_dump(usual, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return self.config

    def put(self, name: str, content: str | bytes) -> Path:
        """Write a file as it is given."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def rows(self, *rows: Mapping[str, str], name: str = "rows.csv") -> Path:
        """Write a CSV file of rows; a column that a row does not name is blank."""
        if not self.planted:
            return self.put(name, sheet(rows))
        planted = [{canary.COLUMN: canary.CELL, **row} for row in rows]
        return self.put(name, sheet(planted, (*COLUMNS, canary.COLUMN)))

    def run(
        self,
        *args: str | Path,
        stdin: bytes | IO[str] = b"",
        out: IO[str] | None = None,
        err: IO[str] | None = None,
        cwd: Path | None = None,
    ) -> Said:
        """Run the command line in this process, in the desk's folder."""
        shown, talk = out or _Written(), err or _Written()
        entered = _text(stdin) if isinstance(stdin, bytes) else stdin
        mask, hangup = os.umask(0o022), signal.getsignal(signal.SIGHUP)
        kept = sys.stdout, sys.stderr, sys.stdin
        try:
            with contextlib.chdir(cwd or self.folder), mock.patch.dict(os.environ, self.environ):
                sys.stdout, sys.stderr, sys.stdin = shown, talk, entered
                try:
                    main([str(arg) for arg in args])
                except SystemExit as end:
                    code = end.code
                else:
                    code = None
        finally:
            sys.stdout, sys.stderr, sys.stdin = kept
            os.umask(mask)
            signal.signal(signal.SIGHUP, hangup)
        assert isinstance(code, int), "the program always leaves with a code"
        texts = (one.said() if isinstance(one, _Written) else "" for one in (shown, talk))
        return self._heard(args, Said(code, *texts))

    def at_terminal(self, *args: str | Path, answers: str) -> Said:
        """Run it where a person sits: stdin and stderr are a real terminal, at which the answers were typed ahead."""
        ours, theirs = pty.openpty()
        seen: list[bytes] = []
        watching = threading.Thread(target=_watch, args=(ours, seen))
        watching.start()
        try:
            os.write(ours, answers.encode())
            with os.fdopen(theirs, "r", closefd=False) as entered, os.fdopen(theirs, "w") as shown:
                said = self.run(*args, stdin=entered, err=shown)
        finally:
            watching.join(PATIENCE_S)
            os.close(ours)
        return self._heard(args, Said(said.code, said.out, b"".join(seen).decode().replace("\r\n", "\n")))

    def on_screen(self, *args: str | Path, both: bool = False) -> str:
        """Give what a person's terminal shows of stdout, or of both streams."""
        ours, theirs = pty.openpty()
        seen: list[bytes] = []
        watching = threading.Thread(target=_watch, args=(ours, seen))
        watching.start()
        try:
            with os.fdopen(theirs, "w", closefd=False) as shown, os.fdopen(theirs, "w") as talk:
                self.run(*args, out=shown, err=talk if both else None)
        finally:
            watching.join(PATIENCE_S)
            os.close(ours)
        return b"".join(seen).decode().replace("\r\n", "\n")

    def start(self, *args: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start a process of its own; who starts it ends it, by `with`."""
        usual: dict[str, Any] = {
            "cwd": self.folder,
            "env": {**os.environ, **self.environ},
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }
        return subprocess.Popen([*PROGRAM, *map(str, args)], **(usual | options))

    @contextlib.contextmanager
    def begun(self, *args: str, patches: int) -> Iterator[subprocess.Popen[str]]:
        """Start an apply and wait until so many PATCHes have arrived; in the end it is ended."""
        with self.start("apply", "--yes", "--json", *args) as process:
            try:
                self.box.wait_for_patches(patches)
                yield process
            finally:
                process.kill()
                for stream in (process.stdout, process.stderr):
                    if stream is not None and not stream.closed:
                        stream.read()

    def spawn(self, *args: str | Path, **options: Any) -> Said:
        """Run a process of its own to its end."""
        with self.start(*args, **options) as process:
            out, err = process.communicate(timeout=PATIENCE_S)
            return self._heard(args, Said(process.returncode, out or "", err or ""))

    def _heard(self, args: Sequence[str | Path], said: Said) -> Said:
        """Look for canaries in what was said: a story that lets one out fails, whatever it is about."""
        assert canary.heard([str(one) for one in args], said.out, said.err, self.box.secrets) == []
        return said


class _Written(io.TextIOWrapper):
    """A stream that remembers what was written, as a pipe would get it."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", newline="\n", write_through=True)

    def said(self) -> str:
        """Give what was written."""
        self.flush()
        return self._bytes.getvalue().decode()


def _watch(terminal: int, seen: list[bytes]) -> None:
    """Read what a terminal shows until its other side is closed."""
    with contextlib.suppress(OSError):
        while shown := os.read(terminal, 4096):
            seen.append(shown)


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def sheet(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """Give CSV text of rows; a column that a row does not name is blank."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def crm(n: int) -> str:
    """Give the CRM id of referral `n`."""
    return f"CRM-{n:05d}"


def guid(n: int) -> str:
    """Give the id of referral `n`."""
    return f"2500ec5a-0000-4000-8000-{n:012d}"


def referral(n: int, **values: Any) -> dict[str, Any]:
    """Give referral `n`; values replace top-level fields, None takes a field away."""
    usual: dict[str, Any] = {
        "id": guid(n),
        "name": f"Deal {n}",
        "createdDateTime": "2026-08-14T21:33:22Z",
        "status": "Active",
        "substatus": "Accepted",
        "customerProfile": {"name": "Fabrikam", "team": [canary.person()]},
        "consent": {"consentToContact": True},
        "details": {
            "dealValue": 1000 * n,
            "currency": "EUR",
            "closingDateTime": "2027-03-31T00:00:00Z",
            "customerAction": None,
            "notes": "",
        },
        "externalReferenceId": crm(n),
        "team": [],
    }
    return {name: value for name, value in (usual | values).items() if value is not None}


def renamed(*numbers: int, name: str = "Renamed {}") -> list[dict[str, str]]:
    """Give rows that each ask for another name."""
    return [{"CRM Id": crm(n), "Deal": name.format(n)} for n in numbers]


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    """Keep one socket open for all stories of this process."""
    box = Box()
    with server.running(box) as url:
        box.url = url
        yield box


@pytest.fixture
def desk(tmp_path: Path, box: Box) -> Iterator[Desk]:
    """Lay a desk: nine referrals, a configuration, and no rows yet. No canary is left where it must not be."""
    box.empty(referral(n) for n in range(1, 10))
    desk = Desk(tmp_path, box)
    desk.configure()
    yield desk
    assert canary.left(tmp_path, box.secrets) == []
