"""A configuration's tree goes in; out comes the tree without its secrets, and where they stood.

They are found by the name of the key, before anything else looks at the values: no message may show one. Columns and
the CRM's words are not keys of ours and may be called what they like.
"""

from __future__ import annotations

import re

from syncjob.config.nodes import Node, Problem

SECRET = frozenset(
    (
        "access_token",
        "api_key",
        "apikey",
        "auth_token",
        "authorization",
        "bearer",
        "client_secret",
        "passphrase",
        "password",
        "private_key",
        "refresh_token",
        "secret",
        "token",
    )
)
THEIRS = ("fields", "translate", "ignore", "like")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def without_secrets(root: Node) -> tuple[Node, list[Problem]]:
    """Part the tree from its secrets."""
    problems: list[Problem] = []
    return _without(root, problems, theirs=False), problems


def _without(node: Node, problems: list[Problem], *, theirs: bool) -> Node:
    if isinstance(node.value, list):
        return Node(node.line, [_without(one, problems, theirs=theirs) for one in node.value])
    if not isinstance(node.value, dict):
        return node
    kept: dict[str, Node] = {}
    for key, below in node.value.items():
        if not theirs and _smells(key):
            problems.append(
                Problem(
                    below.line,
                    f"{key!r} must not stand in a file; put it in an environment variable and name that "
                    "(remote.auth.token_env or client_secret_env)",
                )
            )
        elif key == "token_env" and isinstance(below.value, str) and not VARIABLE.fullmatch(below.value):
            # A name stands in for it, lest the key be told to be missing as well.
            kept[key] = Node(below.line, "SYNCJOB_TOKEN")
            problems.append(
                Problem(
                    below.line,
                    "token_env must be the name of an environment variable, for example SYNCJOB_TOKEN; "
                    "the token itself must not stand in a file",
                )
            )
        else:
            kept[key] = _without(below, problems, theirs=not theirs and key in THEIRS)
    return Node(node.line, kept)


def _smells(key: str) -> bool:
    # clientSecret, client-secret and CLIENT_SECRET are one name.
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key.strip()).lower()
    return re.sub(r"[\s-]+", "_", snake) in SECRET
