"""Canaries: what every desk plants in its environment, cells and referrals, and looks for in all that the program says.

A token and a client secret may stand nowhere but where a story put them. Customers' mails and phones stand in what is
made for machines (JSON, CSV, workbooks, plans, the ledger: 0600) and in nothing that people pass on or look at in
passing: terminal, log, text, Markdown and HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

TOKEN = "canary-token-7d41c0"
SECRET = "canary-client-secret-2b6e"
REMOTE_MAIL, REMOTE_PHONE = "canary.remote@fabrikam.example", "0CANARY-REMOTE"
CELL_MAIL, CELL_PHONE = "canary.cell@contoso.example", "0CANARY-CELL"
PEOPLE = (REMOTE_MAIL, REMOTE_PHONE, CELL_MAIL, CELL_PHONE)
ENVIRON = {"DESK_TOKEN": TOKEN, "DESK_SECRET": SECRET}
COLUMN, CELL = "Contact (not mapped)", f"Canary, Cell, {CELL_PHONE}, {CELL_MAIL}"
MASKED = (".log", ".txt", ".md", ".html", ".prom")
STORES = ("token", "elsewhere")
BYTES_MAX = 5_000_000


def person() -> dict[str, str]:
    """Give somebody who is on every referral of a desk, at the customer's."""
    return {"firstName": "Canary", "lastName": "Remote", "phoneNumber": REMOTE_PHONE, "email": REMOTE_MAIL}


def heard(args: Sequence[str], out: str, err: str, secrets: Iterable[str] = ()) -> list[str]:
    """Give the canaries that a command let out; JSON is for machines."""
    hidden = {TOKEN, SECRET, *secrets}
    found = [
        f"{one[:20]} on {name}" for name, text in (("stdout", out), ("stderr", err)) for one in hidden if one in text
    ]
    shown = err if "--json" in args else out + err
    return found + [f"{one} at the terminal" for one in PEOPLE if one in shown]


def left(folder: Path, secrets: Iterable[str] = ()) -> list[str]:
    """Give the canaries in the files that a story leaves; the store of a sign-in is there to hold one."""
    hidden = [one.encode() for one in (TOKEN, *secrets)]
    people = [one.encode() for one in PEOPLE]
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.parent.name.endswith(".sign-in") or path.name in STORES:
            continue
        if path.stat().st_size > BYTES_MAX:
            continue
        content = path.read_bytes()
        found += [f"{one[:20]!r} in {path.name}" for one in hidden if one in content]
        if path.suffix in MASKED:
            found += [f"{one!r} in {path.name}" for one in people if one in content]
    return found
