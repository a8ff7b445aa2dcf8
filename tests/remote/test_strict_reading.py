"""Reading strictly, by two ways: what the quick one takes it reads as the slow one does, to the last digit and name."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncjob.remote.decoding import fraction, strictly

NUMBERS = ["0", "-0", "7", "18446744073709551616", "1.50", "-0.0", "1E5", "1e400", "0.0000001", "NaN", "Infinity", "01"]
WORDS = ['""', '"a"', '"\\u0061"', '"b"', '"\\":"', '"\\u0022:"', '"\\ud800"', '"\\/"', '" :"', '"ä"', "null", "true"]
NAMES = ['"a"', '"\\u0061"', '"b"', '"\\":"', '""']
SPACES = st.sampled_from(["", "", "", " ", "\n\t"])


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write lists and objects as a server may: spaced or not, and with a name twice now and then."""
    pairs = st.builds("{}{}:{}{}".format, st.sampled_from(NAMES), SPACES, SPACES, inner)
    objects = st.lists(pairs, max_size=3).map(lambda many: f"{{{','.join(many)}}}")
    return objects | st.lists(inner, max_size=3).map(lambda many: f"[{','.join(many)}]")


DOCUMENTS = st.recursive(st.sampled_from(NUMBERS + WORDS), _nested, max_leaves=8)


def _by_name(content: bytes) -> Any:
    """Read the slow way: each object by its names, each fraction by its digits."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError
        return found

    def refused(_: str) -> Any:
        raise ValueError

    try:
        return json.loads(content, parse_float=fraction, parse_constant=refused, object_pairs_hook=once)
    except ValueError:
        return None


@given(DOCUMENTS)
@example('{"a":1,"a":1}')
@example('{"a" :1,"a":2}')
@example('{"a":{"\\":":1,"a" :2,"a":3}}')
@example('{"a":0.10,"\\u0061":0.1}')
def test_both_ways_read_the_same(text: str) -> None:
    """Whatever a server writes: names that stand twice, in any spelling and spacing, numbers of any kind."""
    found, wanted = strictly(text.encode()), _by_name(text.encode())
    assert found == wanted
    assert repr(found) == repr(wanted)  # 1 is True, and 1.0 is 1, by `==` alone


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"a":1,"b":{"c":1,"c":2}}', '[{"a":1,"\\u0061":1}]', '{"a":NaN}', '{"a":1} x', "", "\xff"],
)
def test_what_cannot_be_believed_is_nothing(text: str) -> None:
    """A name twice, no number, more than one document, no text."""
    assert strictly(text.encode("latin-1")) is None


def test_fractions_are_exact() -> None:
    """To the digit, however it is written; what no amount can be stays text."""
    found = strictly(b'{"a":0.10,"b":1E+2,"c":1e400,"d":123456789012345678901234567890.123}')
    assert found == {
        "a": Decimal("0.10"),
        "b": Decimal(100),
        "c": "1e400",
        "d": Decimal("123456789012345678901234567890.123"),
    }
    assert str(found["a"]) == "0.10"
