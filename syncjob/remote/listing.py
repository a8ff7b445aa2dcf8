"""Pages into items: which query comes next, and what a page holds; no request is made here.

Every document shows nextLink as `http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=…`: plain http, and a
path that does not exist. Followed as it stands it would carry the token over the wire in clear, so only its
query is taken. A link that comes twice, or pages beyond the limit, end the run: the remote walks in circles.

Page by page the listing takes as long as its pages are many. Where the configuration says that the remote takes
`$skip` (`remote.pages_ahead`), those after the first are asked for side by side. Each begins with the last referral of
the one before, and the last one has no link and counts no more than were seen. Where it is otherwise the listing has
moved meanwhile, or the remote counts in another way: it is read again from its start, in the order of its own links.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import UNSET, Raw, Struct, defstruct

from syncjob.errors import BrokenAssumption, RemoteUnavailable
from syncjob.remote.decoding import Glimpse, Page, Wholes, fraction, page, strictly
from syncjob.settings import Remote

NO_LIST = "the listing's answer holds no `value` list of referrals; is remote.url the Referrals API?"
NAMES = ("id", "eTag", "externalReferenceId")  # read of every item; what else is looked at is shown as it is written
NOTHING = Raw(b"")


_value = msgspec.json.Decoder(float_hook=fraction).decode


class Item(Struct, frozen=True, gc=False):
    """One referral of a listing: what the `Sight` has seen of it, and its place among the `wholes` of its page."""

    id: str
    etag: str | None
    crm_id: Any
    seen: Any
    wholes: Wholes
    place: int

    def fields(self) -> Mapping[str, Any]:
        """Read the fields that were looked at, each where it stands."""
        try:
            return _fields(self.seen) if isinstance(self.seen, Struct) else self.seen
        except ValueError:  # half a character: it is read in another way
            return self.whole()

    def whole(self) -> Mapping[str, Any]:
        """Read all of it; RemoteUnavailable where it is no JSON object that can be relied on."""
        found = self.wholes.at(self.place)
        if not isinstance(found, Mapping):
            raise RemoteUnavailable(NO_LIST)
        return found


class Sight:
    """What is read of every item of a listing: the fields that the job names, and of the rest no more than its end.

    Reading a whole referral costs many times as much, and of most of them nobody needs it. Nor are the fields read:
    each is shown as it is written (`at`). Where one stands in something that is neither object nor null, the whole is
    read, and its page item by item.
    """

    def __init__(self, paths: Collection[str]) -> None:
        """Look at these paths (JSON Pointers), its id, eTag and CRM id."""
        self._paths = frozenset(path for path in paths if path[1:] not in NAMES)
        shape = _shape("Referral", self._paths, NAMES)
        seen: type[Any] = defstruct("Seen", [("value", list[shape])], bases=(Page,), frozen=True)  # type: ignore[valid-type]  # as below
        self._one = msgspec.json.Decoder(shape, float_hook=fraction).decode
        self._all = msgspec.json.Decoder(seen, float_hook=fraction).decode

    def items(self, body: Any) -> list[Item] | None:
        """Look at the items of a page, given as it came or read as JSON; None where it is no list of referrals."""
        if not isinstance(body, Page):
            return None
        if isinstance(body, Glimpse):
            wholes, shown = Wholes(None, body.content, body.value, self._one), body.value
        else:
            wholes, shown = Wholes(body.value), [self._seen(one) for one in body.value]
        found = [_item(one, wholes, place) for place, one in enumerate(shown)]
        return found if all(one.id for one in found) else None

    def page(self, content: bytes) -> Any:
        """Read a page as far as its items are looked at, in one go; where that fails, as `decoding.page` reads it."""
        try:
            found = self._all(content)
        except (ValueError, RecursionError):
            return page(content)
        return Glimpse(found.value, found.link, found.count, content)

    def at(self, paths: Sequence[str], parting: bytes) -> Callable[[Item], bytes | None] | None:
        """Give what shows these fields of an item, each as the JSON that is written there after a `parting`.

        A field that is not there shows nothing; of an item that was not seen so it gives None. It is None itself where
        one of the fields is not looked at.
        """
        if not paths or not self._paths.issuperset(paths):
            return None
        steps = [path[1:].replace("/", ".") for path in paths]
        take, alone = attrgetter(*steps), len(steps) == 1

        def shown(item: Item) -> bytes | None:
            try:
                found = take(item.seen)
            except AttributeError:  # what it stands in is not there
                return None
            return parting + (bytes(found) if alone else parting.join(found))

        return shown

    def _seen(self, written: Any) -> Any:
        try:
            return self._one(written) if isinstance(written, Raw) else written
        except ValueError:
            return strictly(bytes(written))


def _item(seen: Any, wholes: Wholes, place: int) -> Item:
    """Name an item; '' where it is no referral."""
    if isinstance(seen, Struct):
        referral, etag, crm_id = seen.id, seen.eTag, seen.externalReferenceId  # type: ignore[attr-defined]  # NAMES
    else:
        referral, etag, crm_id = map(seen.get, NAMES) if isinstance(seen, dict) else (None, None, None)
    return Item(
        str(referral) if referral and referral is not UNSET else "",
        etag if isinstance(etag, str) else None,
        None if crm_id is UNSET else crm_id,
        seen,
        wholes,
        place,
    )


def _shape(name: str, paths: Collection[str], read: Collection[str] = ()) -> Any:
    """Give the type of an object that shows these paths and no others, and fields that are `read`."""
    below: dict[str, list[str]] = {}
    for path in paths:
        step, _, rest = path[1:].partition("/")
        below.setdefault(step, []).extend([f"/{rest}"] if rest else [])
    fields: list[tuple[str, Any, Any]] = [(field, Any, UNSET) for field in read]
    for field, deeper in below.items():
        fields.append((field, _shape(f"{name}_{field}", deeper) | None, UNSET) if deeper else (field, Raw, NOTHING))
    return defstruct(name, fields, frozen=True, gc=False)


def _fields(seen: Struct) -> dict[str, Any]:
    """Read what an object shows."""
    found: dict[str, Any] = {}
    for name in seen.__struct_fields__:
        value = getattr(seen, name)
        if isinstance(value, Struct):
            found[name] = _fields(value)
        elif not isinstance(value, Raw):
            found |= {} if value is UNSET else {name: value}
        elif value != NOTHING:
            found[name] = _value(value)
    return found


class Pages:
    """The way through one listing: `query` is the next to ask for, None at the end."""

    def __init__(self, remote: Remote, pages_max: int, sight: Sight | None = None) -> None:
        """Start at the first page, oldest referral first, so that what is created meanwhile comes last."""
        asked = {"$orderby": "createdDateTime", "$top": str(remote.page_rows), "$count": "true"}
        if remote.filter:
            asked["$filter"] = remote.filter
        self.query: str | None = urlencode(asked, safe="$/'")
        self._first, self._asked = self.query, asked
        self._seen: set[str] = set()
        self._ids: set[str] = set()
        self._last, self._whole = "", False
        self._pages_max = pages_max
        self._sight = sight or Sight(())
        self.ahead = remote.pages_ahead
        self.readings = 1

    def read(self, content: bytes) -> Any:
        """Read a page as it came; what is none is read as anything else, for the error that it may be."""
        return self._sight.page(content)

    def items(self, body: Any) -> list[Item]:
        """Take a page: give its items and set the next query."""
        found = self._read(body)
        query = self._next(body)
        if query in self._seen:
            raise BrokenAssumption("the listing's nextLink came a second time: the remote walks in circles")
        if len(self._seen) >= self._pages_max:
            raise BrokenAssumption(f"the listing has more than {self._pages_max} pages (limits.pages_max)")
        if query:
            self._seen.add(query)
        self.query = query or None
        return found

    def beside(self, first: Page) -> list[str]:
        """Give the queries of all pages after the first, which was taken; none where they come in order."""
        shown = len(first.value)
        if self.ahead == 1 or self.readings > 1 or self.query is None or not isinstance(first.count, int) or shown <= 1:
            return []
        skips = range(shown - 1, first.count - 1, shown - 1)
        return [urlencode(self._asked | {"$skip": str(skip)}, safe="$/'") for skip in skips[: self._pages_max]]

    def items_beside(self, body: Any) -> list[Item] | None:
        """Take the next of those pages; None where it does not begin with the last item of the page before."""
        before, self._whole = self._last, False
        found = [] if body is None else self._read(body)
        if not found or found[0].id != before:
            return None
        self._whole = not body.link and isinstance(body.count, int) and len(self._ids) >= body.count
        return found[1:]

    def end_beside(self) -> bool:
        """Tell whether those pages were all; else the listing begins anew, page by page, and that reading counts."""
        if self._whole:
            self.query = None
            return True
        self.query, self._ids, self._seen = self._first, set(), set()
        self.readings += 1
        return False

    def _read(self, body: Any) -> list[Item]:
        found = self._sight.items(body)
        if found is None:
            raise RemoteUnavailable(NO_LIST)
        self._ids.update(one.id for one in found)
        self._last = found[-1].id if found else ""
        return found

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
