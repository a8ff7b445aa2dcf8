"""What leaves the house: the request to the letter, and that a reader cannot write."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import HTML, Scene, page, refusal
from workbench import access_of

from syncjob.core.values import look, stands
from syncjob.errors import BrokenAssumption, RemoteUnavailable
from syncjob.model import Answer, Heard, Operation
from syncjob.remote import Pages, Reader, Sight, Writer, decoding, opened
from syncjob.settings import Remote

ETAG = '"2500ec5a-0000-0000-0000-5bf4967d0000"'


def _asked(folder: Path, act: Any, answer: httpx.Response | None = None, kind: type[Reader] = Writer) -> Any:
    """Do something with one connection; give what it gave and the request that left."""
    scene = Scene(folder, limits={"concurrency": 1})
    scene.wire.instead = lambda _: answer or page(200, {"id": "1"})

    async def within(_: Any) -> Any:
        async with opened(kind, access_of(scene, scene.wire)) as (client,):
            return await act(client)

    given_back = scene.virtually(within)
    return given_back, scene.wire.sent[-1][1]


def _answer(folder: Path, response: httpx.Response) -> Answer:
    answer, _ = _asked(folder, lambda client: client.get("1", "m"), response)
    assert isinstance(answer, Answer)
    return answer


def test_a_patch_carries_its_etag_verbatim(tmp_path: Path) -> None:
    """If-Match as it was read, quotes included; the referral is asked back; the body is the bare array."""
    operations = (Operation("replace", "/name", "Größe & more"), Operation("add", "/details/dealValue", "10000"))
    _, request = _asked(tmp_path, lambda client: client.patch("ab-1", ETAG, operations, "mark"))
    assert request.method == "PATCH"
    assert request.url.raw_path == b"/v1.0/engagements/referrals/ab-1"
    assert request.headers["If-Match"] == ETAG
    assert request.headers["Prefer"] == "return=representation"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["MS-RequestId"] == request.headers["client-request-id"] == "mark"
    assert request.headers["MS-CorrelationId"] == "correlation"
    assert json.loads(request.content) == [one.to_json() for one in operations]
    assert "Größe".encode() in request.content


def test_a_read_asks_for_plain_json(tmp_path: Path) -> None:
    """No compression, and a content type even on GET, which the connector's definition demands."""
    _, request = _asked(tmp_path, lambda client: client.get("1", "m"))
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Content-Type"] == "application/json"
    assert "If-Match" not in request.headers


@pytest.mark.parametrize("referral", ["a/b", "a?b", "a#b", "a b", "ä", "%2F", "a;b", "\\"])
def test_an_id_is_one_segment_of_the_path(tmp_path: Path, referral: str) -> None:
    """Whatever an id holds, it cannot become another path or a query."""
    _, request = _asked(tmp_path, lambda client: client.get(referral, "m"))
    path, _, query = request.url.raw_path.partition(b"?")
    assert path.startswith(b"/v1.0/engagements/referrals/")
    assert path.count(b"/") == 4
    assert query == b""
    assert request.url.path == f"/v1.0/engagements/referrals/{referral}"


def test_a_reader_has_no_way_to_write(tmp_path: Path) -> None:
    """Not by a method, nor through its connection."""
    assert not hasattr(Reader, "patch")

    async def smuggle(client: Reader) -> None:
        with pytest.raises(AssertionError, match="cannot send PATCH"):
            await client._connection.send("PATCH", "/1", headers={})
        await client.get("1", "m")

    _asked(tmp_path, smuggle, kind=Reader)


def test_a_writer_writes_nothing_without_an_etag(tmp_path: Path) -> None:
    """An empty eTag is a bug, not a request."""

    async def blind(client: Writer) -> None:
        with pytest.raises(AssertionError, match="no write without an eTag"):
            await client.patch("1", "", (Operation("add", "/name", "x"),), "m")
        await client.get("1", "m")

    _asked(tmp_path, blind)


def test_a_header_that_cannot_be_sent_is_a_lost_answer(tmp_path: Path) -> None:
    """What the protocol refuses to put on the wire raises nothing."""

    async def odd(client: Writer) -> Answer:
        return await client.patch("1", '"a"', (Operation("add", "/name", "x"),), "m")

    scene = Scene(tmp_path, limits={"concurrency": 1})

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("Illegal header value")

    scene.wire.instead = refuse

    async def within(_: Any) -> Answer:
        async with opened(Writer, access_of(scene, scene.wire)) as (client,):
            return await odd(client)

    assert scene.virtually(within).heard is Heard.LOST


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (httpx.ConnectError("refused"), Heard.UNSENT),
        (httpx.ConnectTimeout(""), Heard.UNSENT),
        (httpx.PoolTimeout(""), Heard.UNSENT),
        (httpx.ReadError(""), Heard.LOST),
        (httpx.ReadTimeout(""), Heard.LOST),
        (httpx.WriteError(""), Heard.LOST),
        (httpx.WriteTimeout(""), Heard.LOST),
        (httpx.RemoteProtocolError("closed"), Heard.LOST),
        (httpx.CloseError(""), Heard.LOST),
        (TimeoutError(), Heard.LOST),
    ],
)
def test_only_a_failed_connect_is_unsent(tmp_path: Path, error: Exception, heard: Heard) -> None:
    """After a connection stood, some byte may have left."""
    scene = Scene(tmp_path, limits={"concurrency": 1})

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    scene.wire.instead = fail

    async def within(_: Any) -> Answer:
        async with opened(Writer, access_of(scene, scene.wire)) as (client,):
            return await client.get("1", "m")

    answer = scene.virtually(within)
    assert answer.heard is heard
    assert "127.0.0.1" in answer.note


ERRORS: tuple[tuple[Any, str, str], ...] = (
    ({"error": {"code": "accessDenied", "message": "no"}}, "accessDenied", "no"),
    ({"statusCode": 429, "message": "slow down"}, "", "slow down"),
    ({"code": "invalidRequest", "description": "bad"}, "invalidRequest", "bad"),
    ({"error": {"code": "a", "innerError": {"code": "resourceModified"}}}, "resourceModified", ""),
    ({"error": {"code": "a", "innererror": {"code": "b", "message": "deep"}}}, "a", "deep"),
    ({"error": {"code": 900421, "message": None}}, "900421", ""),
    ({"error": "words"}, "", ""),
    ({"error": None}, "", ""),
    ([1], "", ""),
    ("text", "", ""),
)


@pytest.mark.parametrize(("body", "code", "message"), ERRORS)
def test_an_error_is_read_in_each_of_its_shapes(tmp_path: Path, body: Any, code: str, message: str) -> None:
    """Nested or flat, in either spelling; of nested codes the one that decides counts."""
    answer = _answer(tmp_path, page(400, json.dumps(body).encode()))
    assert (answer.status, answer.code, answer.message) == (400, code, message)


def test_an_error_without_end_is_read_only_so_deep(tmp_path: Path) -> None:
    """Nesting is bounded, and so is what is kept of a message."""
    nested: dict[str, Any] = {"code": "resourceModified"}
    for _ in range(50):
        nested = {"code": "x", "message": "m" * 5000, "innerError": nested}
    answer = _answer(tmp_path, page(400, {"error": nested}))
    assert (answer.code, len(answer.message)) == ("x", 1000)


def test_a_request_id_is_kept_short(tmp_path: Path) -> None:
    """It is the server's own and may be anything."""
    assert len(_answer(tmp_path, page(200, {"id": "1"}, request_id="r" * 999)).request_id) == 100


def test_fractions_keep_their_digits(tmp_path: Path) -> None:
    """0.1 is read as it stands, without the detour over floats."""
    body = _answer(tmp_path, page(200, b'{"id":"1","v":10000.10,"w":0.1}')).body
    assert (str(body["v"]), str(body["w"])) == ("10000.10", "0.1")


def test_an_answer_without_kind_is_read_as_json(tmp_path: Path) -> None:
    """A missing content type is no reason to doubt good JSON."""
    response = httpx.Response(200, stream=httpx.ByteStream(b'{"id":"1"}'))
    assert _answer(tmp_path, response).body == {"id": "1"}


@pytest.mark.parametrize("status", [401, 403, 408, 412, 423, 425, 428, 429, 499, 500, 503])
def test_a_status_that_a_gateway_may_say_counts_in_html_too(tmp_path: Path, status: int) -> None:
    """These mean the same whoever says them."""
    answer = _answer(tmp_path, page(status, HTML))
    assert (answer.heard, answer.status) == (Heard.ANSWERED, status)


def test_connections_are_closed_at_the_end_even_after_an_error(tmp_path: Path) -> None:
    """As many as may be in flight are opened, and none stays open."""
    scene = Scene(tmp_path, limits={"concurrency": 3})

    async def within(_: Any) -> list[Reader]:
        kept: list[Reader] = []
        with contextlib.suppress(ZeroDivisionError):
            async with opened(Reader, access_of(scene, scene.wire)) as clients:
                kept += clients
                raise ZeroDivisionError
        return kept

    clients = scene.virtually(within)
    assert len(clients) == 3
    assert all(client._connection._wire._client.is_closed for client in clients)  # type: ignore[attr-defined]


def _page(**more: Any) -> Any:
    return decoding.page(json.dumps({"value": [{"id": "1"}], **more}).encode())


def test_the_first_page_asks_for_the_oldest_first() -> None:
    """So that what is created meanwhile comes last; the filter goes along."""
    pages = Pages(Remote(url="http://localhost", filter="status eq 'New' & more", page_rows=7), 10)
    assert pages.query == "$orderby=createdDateTime&$top=7&$count=true&$filter=status+eq+'New'+%26+more"


@pytest.mark.parametrize("link", ["http://x/y", 5, {"a": 1}])
def test_a_link_that_leads_nowhere_is_no_end(link: Any) -> None:
    """A listing that breaks off must not pass for a whole one: a key of two referrals would be found once."""
    with pytest.raises(BrokenAssumption, match="no query"):
        Pages(Remote(url="http://localhost"), 10).items(_page(**{"@odata.nextLink": link}))


def test_a_listing_shorter_than_its_count_is_not_whole() -> None:
    """The remote counts two and shows one: exit 7, run again."""
    with pytest.raises(RemoteUnavailable, match="ended after 1 of 2 referrals"):
        Pages(Remote(url="http://localhost"), 10).items(_page(**{"@odata.count": 2}))


@pytest.mark.parametrize("link", [None, ""])
def test_a_page_without_a_link_is_the_last(link: Any) -> None:
    """Absent or empty."""
    pages = Pages(Remote(url="http://localhost"), 10)
    assert [one.whole() for one in pages.items(_page(**{"@odata.nextLink": link}))] == [{"id": "1"}]
    assert pages.query is None


def test_a_refusal_keeps_its_words(tmp_path: Path) -> None:
    """Status, code, sentence: as the server said them."""
    answer = _answer(tmp_path, refusal(422, "invalidRequest", "Nein."))
    assert (answer.status, answer.code, answer.message) == (422, "invalidRequest", "Nein.")


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(1.5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["notes", "dealValue", "x"]), inner),
    max_leaves=6,
)
NAMED = ("/name", "/details/notes", "/details/dealValue", "/consent/consentToContact")


@given(st.dictionaries(st.sampled_from(["name", "details", "consent", "eTag", "externalReferenceId", "y"]), JSONS))
def test_what_is_seen_of_an_item_is_what_stands_there(body: dict[str, Any]) -> None:
    """The named fields are read as they are in the whole, whatever stands in their place; so is their absence."""
    text = json.dumps({"value": [body | {"id": "1"}]}).encode()
    expected = decoding.strictly(json.dumps(body | {"id": "1"}).encode())
    pages = Pages(Remote(url="http://localhost"), 10, Sight(NAMED))
    for found in (decoding.page(text), pages.read(text)):
        (item,) = pages.items(found)
        assert item.whole() == expected
        for path in (*NAMED, "/eTag", "/externalReferenceId"):
            assert look(item.fields(), path) == look(expected, path)
            assert stands(item.fields(), path) == stands(expected, path)


def test_a_page_is_looked_at_in_one_go_where_nothing_stands_in_the_way() -> None:
    """An object that is missing or null is none of that; of an item that differs the whole is read after all."""
    text = b'{"value":[{"id":"1","x":[{}],"details":{"notes":"n","z":1.50}},{"id":"2","details":null,"name":"b"}]}'
    pages = Pages(Remote(url="http://localhost"), 10, Sight(NAMED))
    found = pages.read(text)
    assert isinstance(found, decoding.Glimpse)
    one, two = pages.items(found)
    assert one.fields() == {"id": "1", "details": {"notes": "n"}}
    assert two.fields() == {"id": "2", "details": None, "name": "b"}
    assert one.whole() == {"id": "1", "x": [{}], "details": {"notes": "n", "z": Decimal("1.50")}}
    assert pages.read(b'{"error":{"code":"no"}}') == {"error": {"code": "no"}}


@pytest.mark.parametrize("glimpsed", [False, True])
@pytest.mark.parametrize("value", ["[1]", '["x"]', "[{}]", '[{"id":""}]', '[{"id":"1"},null]', "{}", "null"])
def test_what_is_no_list_of_referrals_is_no_listing(value: str, *, glimpsed: bool) -> None:
    """It ends the run with exit 7 and the question whether the address is right."""
    pages = Pages(Remote(url="http://localhost"), 10)
    read = pages.read if glimpsed else decoding.page
    with pytest.raises(RemoteUnavailable, match="no `value` list of referrals"):
        pages.items(read(f'{{"value":{value}}}'.encode()))


def test_half_a_character_in_a_listing_is_read_all_the_same() -> None:
    """JSON may hold half a surrogate pair, which is no text to others than Python."""
    text = rb'{"value":[{"id":"1","name":"\ud800"},{"id":"2","name":"b"}],"@odata.count":2}'
    pages = Pages(Remote(url="http://localhost"), 10, Sight(NAMED))
    items = pages.items(pages.read(text))
    assert [one.whole()["name"] for one in items] == ["\ud800", "b"]


def test_an_item_that_says_two_things_is_not_believed() -> None:
    """A name twice in one object: nobody knows which counts, so nothing is decided by it."""
    (item,) = Pages(Remote(url="http://localhost"), 10).items(decoding.page(b'{"value":[{"id":"1","a":1,"a":2}]}'))
    with pytest.raises(RemoteUnavailable):
        item.whole()


def test_a_page_with_an_odd_count_is_read_alike_at_a_glance_and_whole() -> None:
    """A number that no float holds stands beside the referrals: they can be read all the same."""
    pages = Pages(Remote(url="http://localhost"), 10, Sight(NAMED))
    (item,) = pages.items(pages.read(b'{"value":[{"id":"1","name":"a"}],"@odata.count":1e400}'))
    assert item.whole() == {"id": "1", "name": "a"}


@pytest.mark.parametrize("before", [b"", b'"details":null,'])
def test_bytes_that_are_no_text_make_no_listing(before: bytes) -> None:
    """In a field that is looked at: exit 7, never an error of ours."""
    pages = Pages(Remote(url="http://localhost"), 10, Sight(NAMED))
    (item,) = pages.items(pages.read(b'{"value":[{"id":"1",' + before + b'"name":"\xff"}]}'))
    with pytest.raises(RemoteUnavailable):
        item.fields()


SHOWN = {
    '"n"': b'"n"',
    ' "n" ': b'"n"',
    "1.50": b"1.50",
    '"\\u006e"': b'"\\u006e"',
    '{"a": 1}': b'{"a": 1}',
    "null": b"null",
}


@pytest.mark.parametrize("written", SHOWN)
def test_a_field_is_shown_as_it_is_written(written: str) -> None:
    """Not as it is read: what is to the letter what was asked for needs no reading. What is not there is nothing."""
    sight = Sight(NAMED)
    pages, at = Pages(Remote(url="http://localhost"), 10, sight), sight.at(("/details/notes", "/name"), b"|")
    assert at is not None
    text = f'{{"value":[{{"id":"1","details":{{"notes":{written}}}}},{{"id":"2"}},{{"id":"3","details":null}}]}}'
    assert [at(item) for item in pages.items(pages.read(text.encode()))] == [b"|" + SHOWN[written] + b"|", None, None]
    one = sight.at(("/details/notes",), b"|")
    assert one is not None
    assert one(pages.items(pages.read(text.encode()))[0]) == b"|" + SHOWN[written]


def test_only_what_is_looked_at_is_shown() -> None:
    """Nor what is read of every item, nor anything of an item that had to be read whole."""
    sight = Sight(NAMED)
    pages = Pages(Remote(url="http://localhost"), 10, sight)
    assert [sight.at(paths, b"|") for paths in ((), ("/team",), ("/name", "/externalReferenceId"))] == [None] * 3
    at = sight.at(("/name",), b"|")
    assert at is not None
    assert [at(item) for item in pages.items(pages.read(b'{"value":[{"id":"1","name":"a","details":[]}]}'))] == [None]


DEAL = '{"id":"1","eTag":"a","name":"n","details":{"notes":"x"},"related":[{"id":"2"},{"id":"3"}]}'


@pytest.mark.parametrize(
    "others",
    [
        ['{"id":"2","name":"two"}', '{"id":"3","name":"three"}'],
        ['{"name":"two","id":"2"}', '{"id":"3","name":"three"}'],
        ['{"id":"2","name":"two"} ', ' {"id":"3","name":"three"}'],
        ['{ "id":"2"}', '{"id" :"3"}'],
        ['{"id":"1","name":"again"}', '{"id":"2","name":"\\u0032"}'],
        ['{"id":"2"}', '{"id":"3"}'],
        ['{"id":2,"name":"two"}', '{"id":22,"name":"three"}'],
        ['{"id":"\\u0032","name":"two"}', '{"id":"3","name":"three"}'],
    ],
)
@pytest.mark.parametrize("more", ["", ',"@odata.nextLink":null', ',"last":[{"id":"3"}]'])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 1), (2,), (0, 0, 2)])
def test_a_referral_is_read_whole_without_its_page(others: list[str], order: tuple[int, ...], more: str) -> None:
    """As it stands in the page, though others hold something with its id, or are written in another way."""
    text = f'{{"first":[{{"id":"1"}},{{"id":"2"}}],"value":[{",".join([DEAL, *others])}]{more}}}'.encode()
    pages = Pages(Remote(url="http://localhost"), 10, Sight(NAMED))
    items = pages.items(pages.read(text))
    expected = json.loads(text)["value"]
    assert [items[at].whole() for at in order] == [expected[at] for at in order]
