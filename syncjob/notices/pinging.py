"""A dead man's switch is told that a run begins and how it ended (healthchecks.io's form): URL/start, URL/CODE."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

PING_S = 5.0


def ping(address: str, tail: str, proxy: str | None = None) -> str:
    """Tell it within a time; give why it could not be told, '' where it was. The address is never part of that."""
    said = [f"no whole answer within {PING_S:g} s"]
    way = {"trust_env": proxy == "env", "proxy": None if proxy == "env" else proxy}

    def tell() -> None:
        import httpx

        try:
            answer = httpx.get(f"{address.rstrip('/')}/{tail}", timeout=PING_S, **way)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told by its kind and changes nothing
            said.append(f"no answer ({type(error).__name__})")
        else:
            said.append("" if answer.is_success else f"status {answer.status_code}")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    thread.join(PING_S)
    return said[-1]


def is_address(address: str) -> bool:
    """Tell whether it is the address of a page."""
    try:
        found = urlsplit(address)
        return found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        return False
