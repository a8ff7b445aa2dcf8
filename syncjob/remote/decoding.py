"""What an answer holds: bytes in, JSON out, or nothing where it is no JSON.

Read `strictly`, it has no NaN, no Infinity, no name twice in one object, and fractions are Decimal. A page of the
listing is taken apart no further than its items: most of them are looked at in a few fields only (see `listing`), and
of two fields with one name the last is then seen. What is sent is decided by a document that was read strictly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec

EXPONENT_MAX = 60


class Page(msgspec.Struct, frozen=True):
    """One answer of the listing: its referrals, as they are written there or read already, and how it goes on."""

    value: list[Any]
    link: Any = msgspec.field(name="@odata.nextLink", default=None)
    count: Any = msgspec.field(name="@odata.count", default=None)


class _Page(Page, frozen=True):
    value: list[msgspec.Raw]


class Glimpse(Page, frozen=True):
    """A page whose referrals were read in a few fields only; `content` is the whole as it came."""

    content: bytes = b""


class Wholes:
    """The referrals of one page, each read as a whole when somebody asks for it; of most of them nobody does."""

    def __init__(
        self,
        value: list[Any] | None,
        content: bytes = b"",
        shown: Sequence[Any] = (),
        look: Callable[[bytes], Any] = bytes,
    ) -> None:
        """Take the page's `value` as it was read, else the page as it came, what it shows, and how to look at one."""
        self._value, self._content, self._shown, self._look = value, content, shown, look
        self._place = self._start = 0

    def at(self, place: int) -> Any:
        """Give one of them; None where it is no JSON that can be relied on."""
        if self._value is None and (found := self._alone(place)) is not None:
            return found
        if self._value is None:
            self._value = _page.decode(self._content).value
        found = self._value[place]
        return strictly(bytes(found)) if isinstance(found, msgspec.Raw) else found

    def _alone(self, place: int) -> Any:
        """Read one without parting the whole page, which takes as long as to look at all of it; None where it fails.

        Where ids stand first, as they do in all that is known of the remote, it goes from its id to the next one. What
        is found so must look as the page has shown it: something inside of another may have its id.
        """
        start, end = self._begin(place), self._begin(place + 1)
        if not 0 <= start < end:
            return None
        alone = self._content[start : end - 1]
        try:
            return strictly(alone) if self._look(alone) == self._shown[place] else None
        except ValueError:
            return None

    def _begin(self, place: int) -> int:
        """Find where one begins, from the one that was found last, or the next would; -1 where that cannot be told."""
        if place >= len(self._shown):
            return self._content.rfind(b"}]") + len(b"}]")
        begins = b'{"id":%b' % _written(self._shown[place].id)
        start = self._content.find(begins, self._start if place >= self._place else 0)
        if start >= 0:
            self._place, self._start = place, start
        return start


def strictly(content: bytes) -> Any:
    """Read JSON; None where it is none.

    What reads back to the very bytes that came has lost nothing on the way: no name stood twice, no fraction was bent.
    So most documents are read in less than half the time; any other is read anew, name by name.
    """
    try:
        found = _read(content)
        if _written(found) == content:
            return found
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(content, parse_float=fraction, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def page(content: bytes) -> Any:
    """Read a page of the listing; what is none is read as anything else, for the error that it may be."""
    try:
        return _page.decode(content)
    except (ValueError, RecursionError):
        found = strictly(content)  # half a surrogate pair is JSON, but no text to others than Python
    if isinstance(found, dict) and isinstance(found.get("value"), list):
        return Page(found["value"], found.get("@odata.nextLink"), found.get("@odata.count"))
    return found


def fraction(digits: str) -> Decimal | str:
    """Read a fraction exactly; what no amount can be (1e400) stays the text that it is, and means no number."""
    try:
        amount = Decimal(digits)
    except InvalidOperation:
        return digits
    return Decimal(format(amount, "f")) if abs(amount.adjusted()) <= EXPONENT_MAX else digits


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


_page = msgspec.json.Decoder(_Page, float_hook=fraction)
_read = msgspec.json.Decoder(float_hook=fraction).decode
_written = msgspec.json.Encoder(decimal_format="number").encode
