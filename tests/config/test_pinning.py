"""Values are pinned into a configuration's text: every other line stays; what cannot be pinned surely is refused."""

from __future__ import annotations

import pytest

from syncjob.config.nodes import parse
from syncjob.config.pinning import pinned

WHO = {("remote", "tenant"): "t-1", ("remote", "auth", "user"): "ada@x.example"}


@pytest.mark.parametrize(
    "text",
    [
        "job: a\nremote:\n  url: x # ours\n  auth:\n    client_id: c\nrows: {}\n",
        "job: a\r\nremote:\r\n  url: x\r\n  auth: {client_id: c}\r\n",
        "remote: {url: x, auth: {client_id: c}}\n",
        "remote:\n  tenant:\n  url: x\n  auth:\n    user: null\n    client_id: c\n",
        'remote:\n  "tenant": ~   # pinned by login\n  url: x\n  auth: {user: "", client_id: c}\n',
    ],
)
def test_the_values_stand_where_they_belong(text: str) -> None:
    """And everything else is as it was."""
    new = pinned(text, WHO)
    tree = parse(new)[0].plain()
    assert (tree["remote"]["tenant"], tree["remote"]["auth"]["user"]) == ("t-1", "ada@x.example")
    kept = [line for line in text.splitlines() if "tenant" not in line and "user" not in line and "{" not in line]
    assert [line for line in kept if line not in new.splitlines()] == []


@pytest.mark.parametrize(
    "text",
    [
        "job: a\nremote:\n  url: x\n",
        "remote:\n  tenant: |\n\n  url: x\n  auth: {client_id: c}\n",
        "remote:\n  ? url\n  : x\n  auth: {client_id: c}\n",
        "remote: {tenant, url: x, auth: {client_id: c}}\n",
        "remote:\n  url:\tx\t# c\n  auth: {client_id: c}\n  *a : b\n",
    ],
)
def test_what_cannot_be_pinned_surely_is_refused(text: str) -> None:
    """A configuration is never left broken, and never says something else than it did."""
    try:
        new = pinned(text, WHO)
    except ValueError:
        return
    tree = parse(new)[0].plain()
    assert (tree["remote"]["tenant"], tree["remote"]["url"]) == ("t-1", "x")
