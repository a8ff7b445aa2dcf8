"""The kinds of value that a configuration holds: an address, a zone, a duration, a share; text in, the value out.

Each says in one sentence what is wrong and what to write instead.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

REFERRALS = "/engagements/referrals"
VERSION = "/v1.0"
MICROSOFT = "api.partner.microsoft.com"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
AUTHORITIES = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
PERCENT = re.compile(r"\d{1,3}(\.\d+)?%")
HOST = re.compile(r"[a-z0-9_.:-]+")
AGE = re.compile(r"(\d+)\s*(s|m|h|d)")


def _url(text: str) -> str:
    """Give the address of the referrals themselves: a bare host gains the API's path."""
    parts = urlsplit(text.strip())
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError(f"{text!r} must start with https:// (plain http only for localhost, the sandbox)")
    if not _can_be_reached(parts) or parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{text!r} must be https://HOST[/PATH] and nothing else")
    path = parts.path.rstrip("/")
    if not path.endswith(REFERRALS):
        path = (path or VERSION) + REFERRALS
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, "", ""))


def _can_be_reached(parts: SplitResult) -> bool:
    """Tell whether host, port and path are such as a connection can be made to; a foreign name comes as punycode."""
    host = parts.hostname or ""
    try:
        return bool(HOST.fullmatch(host) and host.encode("idna") and parts.port != 0 and parts.path.isprintable())
    except ValueError:
        return False


def is_known(url: str) -> bool:
    """Tell whether an address is Microsoft's or on this machine: a token must not go to whatever a typo names."""
    return urlsplit(url).hostname in (MICROSOFT, *LOOPBACK)


def known_zone(text: str) -> str:
    """Give the name of a time zone back, ValueError when there is none of that name."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{text!r} is no IANA time zone; write for example Europe/Berlin") from None
    return text


def date_format(text: str) -> str:
    """Give a form of dates back that can be written and read again; ValueError when it cannot."""
    day = datetime(2027, 12, 31)  # noqa: DTZ001  # only the form is of interest
    try:
        sound = datetime.strptime(day.strftime(text), text).date() == day.date()  # noqa: DTZ007  # as above
    except (ValueError, re.error):
        sound = False
    if not sound:
        raise ValueError(f'{text!r} names no day, month and year; write it like "%d.%m.%Y", which is 31.12.2026')
    return text


def duration(value: Any) -> timedelta:
    """Give a span of time, for example of 24h or 90m; ValueError when it is none."""
    found = AGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no duration; write a number and a unit, for example 24h or 90m")
    return timedelta(seconds=int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]])


def _limit(value: Any) -> Any:
    """`30%` becomes 0.3; a whole number stays a count of rows."""
    if not isinstance(value, str):
        return value
    if PERCENT.fullmatch(value.strip()):
        return float(value.strip()[:-1]) / 100
    if not value.strip().isdecimal():
        raise ValueError(f"{value!r} is neither a count of rows nor a share such as 30%")
    return int(value)


def _translation(value: Any) -> Any:
    """Words of the CRM may look like numbers; meanings are left for pydantic to check."""
    return {str(word): meaning for word, meaning in value.items()} if isinstance(value, dict) else value


def _authority(text: str) -> str:
    """Give the address of Entra ID: a host of Microsoft's, or the sandbox on this machine."""
    parts = urlsplit(text.strip())
    at_home = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not at_home and not (parts.scheme == "https" and parts.netloc.lower() in AUTHORITIES):
        raise ValueError(f"{text!r} is not where Entra ID is; known are https:// and {', '.join(AUTHORITIES)}")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{text!r} must be https://HOST and nothing else; the tenant is remote.tenant")
    return urlunsplit((parts.scheme, parts.netloc.lower(), "", "", ""))


def _vault(text: str) -> str:
    """Give the address of a key vault."""
    parts = urlsplit(text.strip())
    if parts.scheme != "https" or not HOST.fullmatch(parts.netloc.lower()) or parts.path.strip("/"):
        raise ValueError(f"{text!r} is no key vault; write https://NAME.vault.azure.net")
    return f"https://{parts.netloc.lower()}"


def _proxy(text: str) -> str:
    """Give the address of a proxy, or `env`; its password would be a secret in a file."""
    if text == "env":
        return text
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not _can_be_reached(parts) or parts.username is not None:
        raise ValueError("must be http://HOST:PORT without a user, or env: what HTTPS_PROXY says (it may name a user)")
    return text.strip()


Proxy = Annotated[str, AfterValidator(_proxy)]
Authority = Annotated[str, AfterValidator(_authority)]
VaultUrl = Annotated[str, AfterValidator(_vault)]
Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Url = Annotated[str, AfterValidator(_url)]
Zone = Annotated[str, AfterValidator(known_zone)]
DateFormat = Annotated[str, AfterValidator(date_format)]
Age = Annotated[timedelta, BeforeValidator(duration, json_schema_input_type=str)]
Count = Annotated[int, Field(ge=0)]
Portion = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[Count | Portion | None, BeforeValidator(_limit, json_schema_input_type=int | str | None)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="an ISO 4217 code, for example EUR")]
Blank = Literal["ignore", "clear", "error"]
Translation = Annotated[dict[str, str], BeforeValidator(_translation)]


def _columns(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Columns = Annotated[tuple[str, ...], BeforeValidator(_columns, json_schema_input_type=str | list[str])]
