"""A title and a body go to addresses as apprise writes them: Teams, Slack, mail and some hundred others."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Mapping

NOTICE_S = 10.0


def notify(addresses: Mapping[str, str], title: str, body: str, *, wait_s: float = NOTICE_S) -> list[str]:
    """Tell all of them within a time; give the names of those that could not be told, and why.

    `addresses` are by the name of the variable that holds each. What takes longer is left behind: it dies with us.
    """
    try:
        import apprise
    except ImportError:
        return ["notices need the package apprise: pip install 'syncjob[notify]'"]
    left, failed = dict.fromkeys(addresses, True), list[str]()

    def tell(name: str, address: str) -> None:
        try:
            one = apprise.Apprise()
            good = one.add(address) and one.notify(title=title, body=body)
        except Exception as error:  # noqa: BLE001  # a plugin of another's must not take the run down; its kind is told
            failed.append(f"{name}: {type(error).__name__}")
        else:
            if not good:
                failed.append(f"{name}: was not taken; is it an address that apprise knows, and does it answer?")
        left.pop(name, None)

    threads = [threading.Thread(target=tell, args=one, daemon=True) for one in addresses.items()]
    for one in threads:
        one.start()
    end = time.monotonic() + wait_s
    for one in threads:
        one.join(max(0.0, end - time.monotonic()))
    return [*failed, *(f"{name}: took longer than {wait_s:g} s" for name in list(left))]


def can_notify() -> bool:
    """Tell whether apprise is there."""
    return importlib.util.find_spec("apprise") is not None


def is_readable(address: str) -> bool:
    """Tell whether apprise can read an address; whether somebody answers there only a notice shows."""
    import apprise

    try:
        return bool(apprise.Apprise().add(address))
    except Exception:  # noqa: BLE001  # a plugin of another's that breaks on it cannot read it
        return False
