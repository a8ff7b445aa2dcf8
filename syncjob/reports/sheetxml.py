"""What XlsxWriter does not do for us: texts that are read back as they were written, and lines as the XML they become.

A million cells by its own calls take three times as long. What is used of its inside is asserted when it is loaded,
and its version is pinned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
RUNS = re.compile(f"(?<=_)(?=x[0-9A-Fa-f]{{4}}_)|(?<={CONTROL.pattern})|(?={CONTROL.pattern})")
ODD = re.compile(f"[&<>\r]|{RUNS.pattern}")
# What makes a text more than a run of characters, with ESCAPE: most cells hold none of it.
SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPE = "_x"  # an escape of Excel's begins so
BEGUN, ENDED = ' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"


@cache
def page_class() -> Any:
    """Give XlsxWriter's worksheet with texts of our own; the class is made late, as the library is loaded late."""
    from xlsxwriter.worksheet import Worksheet

    class Page(Worksheet):  # type: ignore[misc]  # the library says nothing of its types
        """A sheet whose texts are read back as they were written."""

        def _xml_inline_string(self, string: str, _: Any, attributes: Sequence[tuple[str, Any]] = ()) -> None:
            self.fh.write(string_element(_opened(attributes), string))

        def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, Any]] = ()) -> None:
            self.fh.write(string_element(_opened(attributes), string))

        @staticmethod
        def _escape_control_characters(data: Any) -> Any:
            return data

        def begin_lines(self, columns: int) -> None:
            """Write what stands in the header; from now on lines come as XML."""
            self._check_dimensions(0, max(0, columns - 1))
            self._write_single_row()

        def write_line(self, row: int, cells: str) -> None:
            """Write a line of cells; an empty one is none."""
            if cells:
                self.dim_rowmax = row
                self.fh.write(f'<row r="{row + 1}">{cells}</row>')

        def look(self, shown: Any) -> int:
            """Give the number by which a cell refers to its format."""
            return int(shown._get_xf_index())  # noqa: SLF001  # as said above

        def abandon(self) -> None:
            """Close the file of rows, if a workbook that came to nothing has left it open."""
            self._opt_close()

    replaced = [name for name in vars(Page) if name.startswith("_") and not name.startswith("__")]
    used = ("_opt_close", "_check_dimensions", "_write_single_row")
    assert all(hasattr(Worksheet, name) for name in (*replaced, *used)), "XlsxWriter is not the one we know"
    return Page


def _opened(attributes: Sequence[tuple[str, Any]]) -> str:
    return "".join(["<c", *[f' {name}="{value}"' for name, value in attributes]])


def string_element(opened: str, text: str) -> str:
    """Give a cell that holds a text: in one run, or in several where it looks like an escape or needs one."""
    if not ODD.search(text):  # most texts
        return f"{opened}{BEGUN}{text}{ENDED}"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    runs = [CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", run) for run in RUNS.split(text) if run]
    held = [f'<t xml:space="preserve">{run}</t>' for run in runs]
    inner = held[0] if len(held) == 1 else "".join([f"<r>{run}</r>" for run in held])
    return f'{opened} t="inlineStr"><is>{inner}</is></c>'
