"""Pages into items: which query comes next, and what a page holds; no request is made here.

Every document shows nextLink as `http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=…`: plain http, and a
path that does not exist. Followed as it stands it would carry the token over the wire in clear, so only its
query is taken. A link that comes twice, or pages beyond the limit, end the run: the remote walks in circles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from syncjob.errors import BrokenAssumption, RemoteUnavailable
from syncjob.settings import Remote


class Pages:
    """The way through one listing: `query` is the next to ask for, None at the end."""

    def __init__(self, remote: Remote, pages_max: int) -> None:
        """Start at the first page, oldest referral first, so that what is created meanwhile comes last."""
        asked = {"$orderby": "createdDateTime", "$top": str(remote.page_rows), "$count": "true"}
        if remote.filter:
            asked["$filter"] = remote.filter
        self.query: str | None = urlencode(asked, safe="$/'")
        self._seen: set[str] = set()
        self._ids: set[str] = set()
        self._pages_max = pages_max

    def items(self, body: Any) -> list[Mapping[str, Any]]:
        """Take a page: give its items and set the next query."""
        values = body.get("value") if isinstance(body, Mapping) else None
        if not isinstance(values, list) or not all(isinstance(one, Mapping) and one.get("id") for one in values):
            raise RemoteUnavailable(
                "the listing's answer holds no `value` list of referrals; is remote.url the Referrals API?"
            )
        self._ids |= {str(one["id"]) for one in values if one.get("id")}
        query = self._next(body)
        if query in self._seen:
            raise BrokenAssumption("the listing's nextLink came a second time: the remote walks in circles")
        if len(self._seen) >= self._pages_max:
            raise BrokenAssumption(f"the listing has more than {self._pages_max} pages (limits.pages_max)")
        if query:
            self._seen.add(query)
        self.query = query or None
        return values

    def _next(self, body: Mapping[str, Any]) -> str:
        """Give the next query; a listing that breaks off must not pass for a whole one."""
        link = body.get("@odata.nextLink")
        if link:
            query = urlsplit(link).query if isinstance(link, str) else ""
            if not query:
                raise BrokenAssumption("the listing's nextLink has no query; how the listing goes on is unknown")
            return query
        count = body.get("@odata.count")
        if isinstance(count, int) and len(self._ids) < count:
            raise RemoteUnavailable(f"the listing ended after {len(self._ids)} of {count} referrals; run again")
        return ""
