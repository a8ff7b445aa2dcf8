"""Pages into items: which query comes next, and what a page holds; no request is made here.

Every document shows nextLink as `http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=…`: plain http, and a
path that does not exist. Followed as it stands it would carry the token over the wire in clear, so only its
query is taken. A link that comes twice, or pages beyond the limit, end the run: the remote walks in circles.

Page by page the listing takes as long as its pages are many. Where the configuration says that the remote takes
`$skip` (`remote.pages_ahead`), those after the first are asked for side by side. Each begins with the last referral of
the one before: where it does not, the listing has moved meanwhile, and is read again from its start, in the order of
its own links.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypedDict
from urllib.parse import urlencode, urlsplit

import msgspec

from syncjob.errors import BrokenAssumption, RemoteUnavailable
from syncjob.remote.decoding import Page, fraction, strictly
from syncjob.settings import Remote

NO_LIST = "the listing's answer holds no `value` list of referrals; is remote.url the Referrals API?"


class Item(msgspec.Struct, frozen=True):
    """One referral of a listing: what the `Sight` has read of it, and the whole as it came."""

    id: str
    seen: Mapping[str, Any]
    written: Any

    @property
    def etag(self) -> str | None:
        """Its eTag, verbatim; None where it has none."""
        found = self.seen.get("eTag")
        return found if isinstance(found, str) else None

    def whole(self) -> Mapping[str, Any]:
        """Read all of it; RemoteUnavailable where it is no JSON object that can be relied on."""
        found = strictly(bytes(self.written)) if isinstance(self.written, msgspec.Raw) else self.written
        if not isinstance(found, Mapping):
            raise RemoteUnavailable(NO_LIST)
        return found


class Sight:
    """What is read of every item of a listing: the fields that the job names, and of the rest no more than its end.

    Reading a whole referral costs many times as much, and of most of them nobody needs it. Where a field stands
    in something that is no object, the whole is read.
    """

    def __init__(self, paths: Collection[str]) -> None:
        """Look at these paths (JSON Pointers), its id, eTag and CRM id."""
        named = dict.fromkeys(("/id", "/eTag", "/externalReferenceId", *paths))
        self._decode = msgspec.json.Decoder(_shape("Referral", list(named)), float_hook=fraction).decode

    def of(self, written: Any) -> Item | None:
        """Read one item as it is written, unless it is read already; None where it is no referral."""
        try:
            seen = self._decode(written) if isinstance(written, msgspec.Raw) else written
        except msgspec.DecodeError:
            seen = strictly(bytes(written))
        if not isinstance(seen, Mapping) or not seen.get("id"):
            return None
        return Item(str(seen["id"]), seen, written)


def _shape(name: str, paths: Collection[str]) -> Any:
    """Give the type of an object that has these paths and no others, each of them if it is there."""
    below: dict[str, list[str]] = {}
    for path in paths:
        step, _, rest = path[1:].partition("/")
        below.setdefault(step, []).extend([f"/{rest}"] if rest else [])
    parts = {step: _shape(f"{name}_{step}", rest) if rest else Any for step, rest in below.items()}
    return TypedDict(name, parts, total=False)  # type: ignore[operator]  # made of the configuration


class Pages:
    """The way through one listing: `query` is the next to ask for, None at the end."""

    def __init__(self, remote: Remote, pages_max: int, sight: Sight | None = None) -> None:
        """Start at the first page, oldest referral first, so that what is created meanwhile comes last."""
        asked = {"$orderby": "createdDateTime", "$top": str(remote.page_rows), "$count": "true"}
        if remote.filter:
            asked["$filter"] = remote.filter
        self.query: str | None = urlencode(asked, safe="$/'")
        self._asked, self.ahead, self._first = asked, remote.pages_ahead, self.query
        self._seen: set[str] = set()
        self._ids: set[str] = set()
        self._earlier: set[str] = set()  # what was handed on before the listing was read again
        self._last = ""
        self._pages_max = pages_max
        self._sight = sight or Sight(())

    def items(self, body: Any) -> list[Item]:
        """Take a page: give those of its items that were not there before, and set the next query."""
        found = self._read(body)
        fresh = self._fresh(found)
        query = self._next(body)
        if query in self._seen:
            raise BrokenAssumption("the listing's nextLink came a second time: the remote walks in circles")
        if len(self._seen) >= self._pages_max:
            raise BrokenAssumption(f"the listing has more than {self._pages_max} pages (limits.pages_max)")
        if query:
            self._seen.add(query)
        self.query = query or None
        return fresh

    def beside(self, body: Any) -> list[str]:
        """Give the queries of all pages after the first, which was taken; none where they come in order."""
        count, shown = body.count, len(body.value)
        if self.ahead == 1 or self.query is None or not isinstance(count, int) or shown <= 1:
            return []
        skips = range(shown - 1, count - 1, shown - 1)
        return [urlencode(self._asked | {"$skip": str(skip)}, safe="$/'") for skip in skips[: self._pages_max]]

    def items_beside(self, body: Any) -> list[Item] | None:
        """Take the next of those pages; None where it does not begin with the last item of the page before."""
        found = self._read(body)
        return self._fresh(found) if found and found[0].id == self._last else None

    def end_beside(self, count: int) -> bool:
        """Tell whether those pages have shown the whole listing; else it is read again."""
        whole = len(self._ids) >= count
        self.query = None if whole else self._first
        self._earlier, self._ids, self._seen = self._ids, set(), set()
        return whole

    def _read(self, body: Any) -> list[Item]:
        items = [self._sight.of(one) for one in body.value] if isinstance(body, Page) else [None]
        found = [one for one in items if one is not None]
        if len(found) < len(items):
            raise RemoteUnavailable(NO_LIST)
        return found

    def _fresh(self, found: list[Item]) -> list[Item]:
        """Keep in mind what was seen; a referral that comes twice is the same one."""
        fresh: dict[str, Item] = {}
        for one in found:
            if one.id not in self._ids and one.id not in self._earlier:
                fresh.setdefault(one.id, one)
        self._ids.update(one.id for one in found)
        self._last = found[-1].id if found else ""
        return list(fresh.values())

    def _next(self, page: Page) -> str:
        """Give the next query; a listing that breaks off must not pass for a whole one."""
        link = page.link
        if link:
            query = urlsplit(link).query if isinstance(link, str) else ""
            if not query:
                raise BrokenAssumption("the listing's nextLink has no query; how the listing goes on is unknown")
            return query
        count = page.count
        if isinstance(count, int) and len(self._ids) < count:
            raise RemoteUnavailable(f"the listing ended after {len(self._ids)} of {count} referrals; run again")
        return ""
