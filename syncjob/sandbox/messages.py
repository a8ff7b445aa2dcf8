"""What passes between the sandbox and whoever carries it: a Request in, a Meeting out; and what is kept of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `path` decoded, `query` percent-encoded without its `?`, names of headers in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Later:
    """Something that happens `delay_s` seconds after the meeting, whether the caller still listens or not."""

    delay_s: float
    act: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Meeting:
    """What whoever carries the sandbox must do: wait, then answer, or cut the connection when there is no reply."""

    reply: Reply | None
    delay_s: float = 0.0
    later: Later | None = None


@dataclass(slots=True)
class Record:
    """What is kept of a request; `status` is None when the connection was cut, `fault` joins the faults met by `+`.

    A token is never kept, only whether one came along.
    """

    n: int
    at: datetime
    method: str
    path: str
    query: str
    if_match: str | None
    prefer: str | None
    content_type: str | None
    request_id: str
    ms_requestid: str | None
    ms_correlationid: str | None
    authorized: bool
    operations: Any = None
    status: int | None = None
    effect: Literal["none", "applied", "late"] = "none"
    fault: str = ""

    def as_json(self) -> dict[str, Any]:
        """The record as the introspection shows it."""
        return {**asdict(self), "at": self.at.isoformat()}
