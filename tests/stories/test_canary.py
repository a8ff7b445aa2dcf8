"""Planted values that must stay where they belong: in the rows that a person asked for, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from desk import COLUMNS, Desk, Said, crm, referral, sheet

from syncjob.sandbox.messages import Meeting, Request
from syncjob.sandbox.refusals import RefusedError

TOKEN = "canary-token-5b1f"
MAIL, PHONE, NOTE = "canary.mail@contoso.example", "+420 777 0CANARY0", "canary note in a cell"
THEIRS = ("canary.theirs@fabrikam.example", "0CANARYTHEIRS", "canary note of the remote")
PRIVATE = (MAIL, PHONE, NOTE, *THEIRS)


@pytest.fixture
def planted(desk: Desk) -> Desk:
    """A night with private values on both sides: applied, conflicted, unmatched, invalid, twins, rejected."""
    mail, phone, note = THEIRS
    person = {"firstName": "Jane", "lastName": "Doe", "phoneNumber": phone, "email": mail}
    details = {"dealValue": 1, "currency": "EUR", "notes": note, "closingDateTime": None}
    desk.box.empty(referral(n, team=[person], details=details) for n in range(1, 8))
    desk.box._require_token = True
    desk.environ["DESK_TOKEN"] = TOKEN
    desk.configure(remote={"auth": {"token_env": "DESK_TOKEN"}})
    team = f"Ann,Lee,{PHONE},{MAIL}"
    private = {"Notes": NOTE, "Team": team}
    desk.rows(
        {"CRM Id": crm(1), **private},
        {"CRM Id": crm(404), **private},
        {"CRM Id": crm(2), **private, "Amount": "x"},
        {"CRM Id": crm(3), "Notes": f"{NOTE} •••", "Team": f"{MAIL},{PHONE}"},
        {"CRM Id": crm(4), **private},
        {"CRM Id": crm(4), "Notes": NOTE + "!", "Team": team},
        {"CRM Id": crm(5), **private},
        {"CRM Id": crm(6), "Team": f"Jane,Doe,{PHONE},{mail}"},
    )
    return desk


def _night(desk: Desk) -> Said:
    assert desk.run("plan", "-o", "tonight.plan", "--log-file", "run.log").code == 3
    desk.box.edit(5, details__notes="canary note of the remote, moved")
    files = [f"--report={name}" for name in ("run.txt", "run.csv", "run.json")]
    said = desk.run("apply", "tonight.plan", "--yes", "--log-file", "run.log", *files)
    assert said.code == 3
    return said


def test_private_values_stay_out_of_terminal_and_log(planted: Desk) -> None:
    """E-mail, phone and notes of rows and remote appear in no text report, no log and not on stderr."""
    said = _night(planted)
    assert "•••" in said.out
    seen = {
        "stdout": said.out,
        "stderr": said.err,
        "log": (planted.folder / "run.log").read_text(),
        "text": (planted.folder / "run.txt").read_text(),
    }
    found = [(name, canary) for name, text in seen.items() for canary in PRIVATE if canary in text]
    assert found == []


def test_private_values_stand_in_the_reports_for_machines(planted: Desk) -> None:
    """CSV and JSON are unmasked, so that a row can be mended and fed back in."""
    _night(planted)
    csv, document = ((planted.folder / name).read_text("utf-8-sig") for name in ("run.csv", "run.json"))
    assert all(canary in document for canary in PRIVATE)
    assert all(canary in csv for canary in (MAIL, NOTE))


def test_the_token_stands_in_no_artefact(planted: Desk) -> None:
    """Plan, ledger, reports, log and streams: the token is in none of them."""
    said = _night(planted)
    assert {f"Bearer {TOKEN}"} == set(planted.box.tokens)
    assert TOKEN not in said.out + said.err
    assert [path.name for path in planted.folder.iterdir() if TOKEN.encode() in path.read_bytes()] == []


def test_every_artefact_is_its_owners(planted: Desk) -> None:
    """Plan, ledger, log and reports hold customers' data: 0600."""
    _night(planted)
    made = [path for path in planted.folder.iterdir() if path.name not in ("rows.csv", "syncjob.yaml")]
    assert {path.name for path in made} >= {"tonight.plan", "desk.ledger", "run.log", "run.txt", "run.csv", "run.json"}
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


def test_what_the_server_says_is_quoted_to_people_and_not_to_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that echoes a note is the server's own word: the report shows it, the log has only its cause."""
    meet = desk.box.meet

    def refuse(request: Request) -> Meeting:
        if request.method != "PATCH":
            return meet(request)
        body: dict[str, Any] = {"error": {"code": "badRequest", "message": f"cannot take {NOTE}"}}
        raised = RefusedError(400, "badRequest", "x")
        assert raised.status == 400
        met = meet(Request("GET", request.path, "", request.headers, b""))
        assert met.reply is not None
        reply = type(met.reply)(400, met.reply.headers, json.dumps(body).encode())
        return Meeting(reply)

    monkeypatch.setattr(desk.box, "meet", refuse)
    desk.rows({"CRM Id": crm(1), "Deal": "Renamed"})
    said = desk.run("apply", "--yes", "--log-file", "run.log")
    assert said.code == 3
    assert f"status 400, badRequest, cannot take {NOTE}" in said.out
    log = (desk.folder / "run.log").read_text()
    assert '"cause": "remote_refused"' in log
    assert NOTE not in log


@pytest.mark.parametrize(
    "evil",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "line\nSYNCJOB: all fine",
        "\u202egpj.exe",
        "\u2066isolate\u2069",
        "\rover",
        "\x9b2J",
        "tab\there",
        "\u2028line",
        "\x00nul",
        "zero\u200bwidth",
    ],
)
def test_nothing_from_outside_moves_a_terminal(desk: Desk, evil: str) -> None:
    """Names, notes and keys with escapes, bidi controls or line breaks are shown as what they are, on one line."""
    customer = {"name": evil, "team": []}
    document = referral(1, name=f"remote {evil}", customerProfile=customer, externalReferenceId=crm(1))
    desk.box.empty([document, referral(2), referral(3)])
    desk.configure(match={"by": "externalReferenceId", "column": "CRM Id", "verify": "Deal"})
    desk.rows(
        {"CRM Id": crm(1), "Deal": f"remote {evil}", "Action": evil},
        {"CRM Id": evil, "Deal": evil},
        {"CRM Id": crm(2), "Deal": evil, "Stage": evil, "Amount": evil, "Share": evil},
        {"CRM Id": crm(3), "Deal": "Deal 3", "Action": f"a{evil}b"},
    )
    streams = [desk.run(*args) for args in (("validate",), ("plan",), ("apply", "--yes", "--report", "run.txt"))]
    shown = [text for said in streams for text in (said.out, said.err)]
    shown.append((desk.folder / "run.txt").read_text())
    for text in shown:
        assert evil not in text
        moved = [char for char in text if char != "\n" and not char.isprintable()]
        assert moved == []
        assert not any(line.startswith("SYNCJOB") for line in text.splitlines())


def test_odd_names_move_no_terminal(desk: Desk) -> None:
    """The names of files and columns come from outside too; at a real terminal they are shown as what they are."""
    odd = "\x1b[31m\x1b]0;x\x07"
    name = f"rows{odd}.csv"
    desk.put(name, sheet([{"CRM Id": "x"}], [*COLUMNS, f"{odd}extra"]))
    desk.put("bad.csv", f"CRM Id,{odd}Deal,Amonut\nx,y,z\n")
    desk.put("broken.csv", f'CRM Id,{odd}\nx,"y')
    desk.put("odd.yaml", f'"jo{odd!r}b": x\n'.replace("'", "").replace("\\x1b", "\\e"))
    for args in (
        ("validate", name),
        ("validate", "bad.csv"),
        ("plan", name),
        ("plan", "bad.csv"),
        ("plan", "broken.csv"),
        ("plan", f"gone{odd}.csv"),
        ("plan", "-c", "odd.yaml"),
        ("plan", "-c", f"{odd}.yaml"),
        ("plan", "--allow", f"clo{odd}ses"),
        ("plan", f"--no{odd}pe"),
        (f"pl{odd}an",),
        ("plan", "--report", f"{odd}.exe"),
    ):
        said = desk.at_terminal(*args, answers="")
        assert "\x1b[31m" not in said.err + said.out, args
        assert "\x07" not in said.err + said.out, args
