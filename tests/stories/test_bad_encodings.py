from __future__ import annotations

import codecs

import pytest
from desk import Desk, crm, sheet
from verdicts import judged, refused

UMLAUT = sheet([{"CRM Id": crm(1), "Deal": "Größere Lizenz"}])
NO_MARK = "rows.csv:1: looks like UTF-16 without its byte order mark; save it as UTF-8, or set rows.encoding: utf-16-"
WINDOWS = "rows.csv:2: not UTF-8; looks like Windows-1252; set rows.encoding: cp1252, or save it as UTF-8"


@pytest.mark.parametrize(
    ("content", "stated", "message"),
    [
        (UMLAUT.encode("cp1252"), "auto", WINDOWS),
        (UMLAUT.encode("utf-16-le"), "auto", f"{NO_MARK}le"),
        (UMLAUT.encode("utf-16-be"), "auto", f"{NO_MARK}be"),
        (
            UMLAUT.replace("ö", "ü").encode("cp850"),
            "auto",
            "rows.csv:2: not UTF-8; save it as UTF-8, or state rows.encoding",
        ),
        (UMLAUT.encode("utf-8"), "ascii", "rows.csv:2: not ascii, which rows.encoding states; state another"),
        (
            UMLAUT.encode("utf-8") + UMLAUT.encode("cp1252"),
            "auto",
            (
                "rows.csv:4: not UTF-8; what stands above it is: was the file damaged, or pasted together from two "
                "encodings?"
            ),
        ),
        (
            codecs.BOM_UTF16_LE + UMLAUT.encode("utf-16-le")[:-1],
            "auto",
            "rows.csv:2: not UTF-16; the file ends inside a character: was it cut off?",
        ),
        (
            UMLAUT.encode("utf-8-sig"),
            "cp1252",
            "rows.csv: starts with the mark of UTF-8, but rows.encoding says cp1252; set rows.encoding: auto",
        ),
    ],
    ids=["cp1252", "utf-16-le", "utf-16-be", "cp850", "ascii stated", "two encodings", "cut", "mark"],
)
def test_an_encoding_is_never_guessed(desk: Desk, content: bytes, stated: str, message: str) -> None:
    """What is not certain is refused, with the line and the setting that would make it so."""
    desk.configure(rows={"encoding": stated})
    desk.put("rows.csv", content)
    refused(desk, message)


@pytest.mark.parametrize("encoding", ["cp850", "utf-16-le", "utf-16-be", "utf-32", "iso8859-15"])
def test_a_stated_encoding_is_read(desk: Desk, encoding: str) -> None:
    """Then every letter arrives."""
    desk.configure(rows={"encoding": encoding if encoding != "utf-32" else "auto"})
    desk.put("rows.csv", UMLAUT.encode(encoding))
    assert judged(desk, code=0)[0]["after"] == {"/name": "Größere Lizenz"}


def test_a_first_line_states_the_delimiter(desk: Desk) -> None:
    """Excel writes `sep=;`: commas in the header and the cells part nothing then, and lines keep their numbers."""
    desk.configure(fields={"Deal, name": "name"})
    desk.put("rows.csv", f"sep=;\nCRM Id;Deal, name\n{crm(1)};A,B\n{crm(2)};A;B\n")
    first, second = judged(desk)
    assert (first["row"]["line"], first["after"]) == (3, {"/name": "A,B"})
    assert (second["row"]["line"], second["reason"]) == (4, "has 3 cells, the header has 2")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "CRM Id,x;Deal",
            (
                "the header does not tell its delimiter (comma: 2 cells, with 'CRM Id'; semicolon: 2 cells, with "
                "'Deal'; tab: 1 cell, none configured); state rows.delimiter, or correct the column names"
            ),
        ),
        (
            "sep=|\nCRM Id|Deal",
            "'sep=|' states a delimiter that is neither comma, semicolon nor tab; export the file with one of these",
        ),
    ],
)
def test_a_delimiter_is_never_guessed(desk: Desk, head: str, message: str) -> None:
    """Two that could be meant, or one that is not known."""
    desk.put("rows.csv", f"{head}\n{crm(1)},x;y\n")
    refused(desk, f"rows.csv:1: {message}")
