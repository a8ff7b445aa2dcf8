"""The options of a list and its pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjob.sandbox.queries import query
from syncjob.sandbox.refusals import RefusedError
from syncjob.sandbox.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _referrals(n: int) -> list[dict[str, Any]]:
    return [
        {
            "@odata.context": "c",
            "id": f"r{i:03d}",
            "engagementId": f"0ee9d55d-b7e9-4d3c-b76a-{i:012d}",
            "status": "New" if i % 2 else "Active",
            "qualification": "SalesQualified" if i % 3 else "Direct",
            "favorite": i == 1,
            "campaignId": None if i == 2 else "O'Neil",
            "createdDateTime": f"2026-01-{i % 28 + 1:02d}T00:00:00.{'5' * (i % 8)}Z".replace(".Z", "Z"),
            "updatedDateTime": f"2026-02-{i % 28 + 1:02d}T00:00:00Z",
            "customerProfile": {"address": {"country": "US" if i < 5 else "IN"}},
        }
        for i in range(n)
    ]


def _ids(store: Store, **options: str) -> list[str]:
    text = "&".join(f"${name}={quote(value)}" for name, value in options.items())
    return [document["id"] for document in store.page(query(text)).documents]


def _walk(store: Store, text: str) -> tuple[list[str], int]:
    ids: list[str] = []
    pages = 0
    while True:
        page = json.loads(store.page_body(query(text)))
        pages += 1
        ids += [item["id"] for item in page["value"]]
        if "@odata.nextLink" not in page:
            return ids, pages
        text = urlsplit(page["@odata.nextLink"]).query


@given(st.integers(0, 250), st.integers(1, 120), st.integers(0, 260))
def test_pages_show_each_referral_once(n: int, top: int, skip: int) -> None:
    """Whatever the size of a page, following the links shows every referral after `$skip` once and in order."""
    store = Store(_referrals(n))
    ids, pages = _walk(store, f"$top={top}&$skip={skip}")
    assert ids == [f"r{i:03d}" for i in range(skip, n)]
    assert pages == max(1, -(-max(n - skip, 0) // min(top, 100)))


def test_a_page_has_at_most_a_hundred_items_unless_told_less() -> None:
    """Neither silence nor a greater `$top` gives more than 100."""
    store = Store(_referrals(150))
    assert len(_ids(store)) == 100
    assert len(_ids(store, top="1000")) == 100
    assert len(_ids(store, top="7")) == 7


def test_the_next_link_is_spelt_as_documented_and_holds_all_options() -> None:
    """http, no /engagements; its token alone carries filter, order, selection, count, size and place."""
    store = Store(_referrals(40))
    first = store.page_body(
        query("$filter=status%20eq%20'New'&$orderby=createdDateTime%20desc&$select=id,status&$top=3&$count=true")
    )
    link = json.loads(first)["@odata.nextLink"]
    assert link.startswith("http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=")
    assert "=" not in link.partition("$skiptoken=")[2]
    second = json.loads(store.page_body(query(urlsplit(link).query)))
    assert second["@odata.count"] == 20
    assert [sorted(item) for item in second["value"]] == [["id", "status"]] * 3
    assert {item["status"] for item in second["value"]} == {"New"}
    assert not {item["id"] for item in second["value"]} & {item["id"] for item in json.loads(first)["value"]}


def test_the_envelope_is_as_documented() -> None:
    """Context and value always; a count only when asked for; a link only when there is more."""
    store = Store(_referrals(2))
    assert list(json.loads(store.page_body(query("")))) == ["@odata.context", "value"]
    page = json.loads(store.page_body(query("$count=true&$top=1")))
    assert list(page) == ["@odata.context", "@odata.count", "value", "@odata.nextLink"]
    assert json.loads(Store([]).page_body(query("")))["value"] == []


@pytest.mark.parametrize("list_etags", [True, False])
def test_items_carry_etags_as_the_store_was_told(list_etags: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """Documented samples lack the eTag, published arrays have it; nothing else is missing."""
    store = Store(_referrals(3), list_etags=list_etags)
    for _ in range(2):
        for item in json.loads(store.page_body(query("")))["value"]:
            whole = dict(store.get(item["id"]))
            del whole["@odata.context"]
            if not list_etags:
                del whole["eTag"]
            assert item == whole


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("engagementId eq '0ee9d55d-b7e9-4d3c-b76a-000000000004'", ["r004"]),
        ("engagementId eq 0ee9d55d-b7e9-4d3c-b76a-000000000004", ["r004"]),
        ("status eq 'New' and qualification eq 'Direct'", ["r003", "r009"]),
        ("customerProfile/address/country eq 'US'", ["r000", "r001", "r002", "r003", "r004"]),
        ("customerProfile/size/country eq 'US'", []),
        ("favorite eq true", ["r001"]),
        ("campaignId eq null", ["r002"]),
        ("campaignId eq 'O''Neil' and favorite eq true", ["r001"]),
        ("updatedDateTime ge 2026-02-09T00:00:00Z", ["r008", "r009"]),
        ("updatedDateTime ge 2026-02-09T00:00:00.0000000Z", ["r008", "r009"]),
        ("updatedDateTime gt 2026-02-09T00:00:00.000Z", ["r009"]),
        ("updatedDateTime le 2026-02-01T00:00:00Z", ["r000"]),
        ("updatedDateTime lt 2026-02-02T00:00:00Z", ["r000"]),
        ("closedDateTime lt 2026-02-02T00:00:00Z", []),
    ],
)
def test_filters_choose(text: str, ids: list[str]) -> None:
    """The seen forms: equality, joined by and, nested by slashes, and timestamps compared as moments."""
    assert _ids(Store(_referrals(10)), filter=text) == ids


def test_order_is_by_moment_whatever_the_digits() -> None:
    """Fractions of 0 to 7 digits sort as moments, both ways."""
    store = Store(
        [
            {"id": "b", "createdDateTime": "2026-01-01T00:00:00.5Z"},
            {"id": "a", "createdDateTime": "2026-01-01T00:00:00Z"},
            {"id": "c", "createdDateTime": "2026-01-01T00:00:00.5000001Z"},
            {"id": "0"},
        ]
    )
    assert _ids(store, orderby="createdDateTime") == ["0", "a", "b", "c"]
    assert _ids(store, orderby="createdDateTime  desc") == ["c", "b", "a", "0"]


@pytest.mark.parametrize(
    "text",
    [
        "$top=0",
        "$top=x",
        "$skip=-1",
        "$filter=",
        "$filter=status",
        "$filter=status%20ne%20'New'",
        "$filter=status%20eq%20'New'%20or%20status%20eq%20'Active'",
        "$filter=dealValue%20ge%205",
        "$orderby=name",
        "$orderby=createdDateTime%20up",
        "$expand=all",
        "top=5",
        "$skiptoken=k181pEdP0ykypkieJfcxX",
        "$skiptoken=WzFd",
        "$skiptoken=NQ",
    ],
)
def test_options_that_are_not_understood_are_refused(text: str) -> None:
    """An option, filter or token that the API does not know is invalidRequest."""
    with pytest.raises(RefusedError) as caught:
        query(text)
    assert caught.value.status == 400
