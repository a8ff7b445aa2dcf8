"""Where each setting comes from: checked settings and the trees they were read from in, one line a setting out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from syncjob.config.nodes import Node

DEFAULT = "default"
Origin = tuple[str, Any, str]


def origins(settings: BaseModel, root: Node, environ: list[str], file: str, preset: str | None) -> Iterator[Origin]:
    """Give every setting with its value and its origin: default, FILE:LINE, a variable's name, or the preset.

    `root` is the tree with all that was laid under and over it; nodes of a preset stand on the line of `preset`.
    """
    line = root.value["preset"].line if preset and isinstance(root.value, dict) and "preset" in root.value else None

    def said(node: Node | None, path: str) -> str:
        if node is None:
            return DEFAULT
        if node.line < 0:
            return environ[-node.line - 1]
        return f"preset {preset}" if node.line == line and path != "preset" else f"{file}:{node.line}"

    yield from _walked(settings.model_dump(), root, "", said)


def _walked(value: Any, node: Node | None, path: str, said: Any) -> Iterator[Origin]:
    below = node.value if node is not None and isinstance(node.value, dict) else None
    if isinstance(value, Mapping) and value and not (node is not None and below is None):
        for key, one in value.items():
            yield from _walked(one, (below or {}).get(key), f"{path}.{key}" if path else str(key), said)
        return
    yield path, value, said(node, path)
