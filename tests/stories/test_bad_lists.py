from __future__ import annotations

import pytest
from desk import Desk, crm, referral
from verdicts import judged, refused
from weighing import peak_of


@pytest.mark.parametrize("opening", ["- CRM Id: x\n- ", ""])
def test_a_yaml_bomb_does_not_go_off(desk: Desk, opening: str) -> None:
    """Ten levels of ten aliases are ten gigabytes; the first anchor is refused, and nothing was expanded."""
    lines = ["a0: &a0 " + "x" * 100, *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    desk.put("a.yaml", opening + ("\n  " if opening else "\n").join(lines) + "\n")
    peak = peak_of(lambda: desk.run("plan", "a.yaml"), fine=100_000_000)
    said = desk.run("plan", "a.yaml")
    assert (said.code, desk.box.records) == (4, [])
    assert said.err.startswith(f"syncjob: a.yaml:{2 if opening else 1}: ")
    assert peak < 100_000_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "- a: &a x\n", "1: an anchor (&a) has no place in rows; delete it, or quote the text"),
        ("a.yaml", "- a: x\n- b: *a\n", "2: an alias (*a) has no place in rows; write the text out"),
        (
            "a.yaml",
            "- a: !!python/object/apply:os.system [id]\n",
            "1: a tag (!) has no place in rows: every cell is text; delete it, or quote the text",
        ),
        ("a.yaml", "- a: x\n  b: y\n  a: z\n", "3: the key 'a' stands twice in one row; keep one of them"),
        (
            "a.yaml",
            "- a: " + "{x: " * 100_000,
            (
                "1: nested deeper than 20 levels; write a list of rows, '- column: cell', "
                "or 'rows:' with that list under it"
            ),
        ),
        (
            "a.yaml",
            "- a: x\n- a: y\0\n",
            (
                "2: the character U+0000 is not allowed in YAML; delete it, "
                'or write it as an escape in double quotes: "\\u0000"'
            ),
        ),
        ("a.json", '[{"a": 1},\n {"a": 1, "a": 2}]', "2: the key 'a' stands twice in one row; keep one of them"),
        ("a.json", '[{"a": NaN}]', "1: NaN is no number of JSON's; write the number, or null"),
        (
            "a.json",
            '[{"a": 1},\n{"a": 2}\n',
            "3: not valid JSON: the file ends without its ']'; mend the line, or is the file cut off?",
        ),
        (
            "a.json",
            '[{"a": ' + "[" * 100_000,
            '1: nested too deeply; write one object a line, {"column": "cell"}, or a list of such objects',
        ),
        (
            "a.jsonl",
            '{"a": 1}\n{"a": "x',
            "2: not valid JSON: Unterminated string starting at; mend the line, or is the file cut off?",
        ),
        (
            "a.jsonl",
            '{"a": 1}\n["a", 1]\n',
            (
                '2: a row must be an object of columns and cells; write one object a line, {"column": "cell"}, '
                "or a list of such objects"
            ),
        ),
    ],
)
def test_a_broken_list_of_rows_is_refused_by_its_line(desk: Desk, name: str, content: str, message: str) -> None:
    """What is hidden, repeated, nested or cut off: no row of the file is planned."""
    desk.put(name, content)
    refused(desk, f"{name}:{message}", name)


def test_what_yaml_would_make_of_a_word_is_not_made(desk: Desk) -> None:
    """An amount keeps its digits, a date is no object, an id its zeros, and no word is a truth value."""
    desk.configure(
        fields={"Deal": "name", "Amount": {"field": "dealValue", "currency": "EUR"}, "End": "closingDateTime"}
    )
    desk.box.empty(referral(n, externalReferenceId=key) for n, key in enumerate(("01234", "1e3", "12:30:45"), 1))
    rows = "".join(
        f"- {{CRM Id: {key}, Deal: {deal}, Amount: {amount}, End: 2027-05-01}}\n"
        for key, deal, amount in (("01234", "NO", "1.10"), ("1e3", "0x1F", "12345678901.25"), ("12:30:45", "~", "010"))
    )
    desk.put("a.yaml", rows)
    after = [row["after"] for row in judged(desk, "a.yaml", code=0)]
    assert [one.get("/name") for one in after] == ["NO", "0x1F", None]
    assert [one["/details/dealValue"] for one in after] == ["1.1", "12345678901.25", "10"]
    assert {one["/details/closingDateTime"] for one in after} == {"2027-04-30T22:00:00Z"}


def test_what_no_cell_holds_is_its_rows_fault(desk: Desk) -> None:
    """An object in a cell, half a character, an endless number: told in its row, and the next is planned."""
    desk.configure(fields={"Deal": "name"})
    cells = ['{"a": 1}', '[["a"]]', '"\\ud800"', "1e999", '"\\u0000"', '"sound"']
    desk.put("a.jsonl", "".join(f'{{"CRM Id": "{crm(n)}", "Deal": {cell}}}\n' for n, cell in enumerate(cells, 1)))
    *bad, sound = judged(desk, "a.jsonl")
    assert {(row["outcome"], row["cause"]) for row in bad} == {("invalid", "bad_cell")}
    assert [row["reason"] for row in bad] == [
        *["Deal: is nested too deeply; write a text, or a list of texts"] * 2,
        "Deal: holds half a character, \\ud800 to \\udfff without its other half; write the text anew",
        "Deal: is 1e999, which has more digits than any number here; write it plainly",
        "Deal: holds the control character U+0000; delete it",
    ]
    assert sound["after"] == {"/name": "sound"}


def test_what_is_no_cell_is_told_beside_all_else_that_is_wrong(desk: Desk) -> None:
    """A nested value is one cell's fault among others; as the key it leaves the row without one."""
    desk.configure(fields={"Deal": "name", "Amount": {"field": "dealValue", "currency": "EUR"}})
    desk.put("a.yaml", f"- {{CRM Id: {crm(1)}, Deal: {{a: b}}, Amount: 12k}}\n- {{CRM Id: {{a: b}}, Deal: x}}\n")
    cell, key = judged(desk, "a.yaml")
    nested = "is nested too deeply; write a text, or a list of texts"
    assert (cell["cause"], cell["key"]) == ("bad_cell", crm(1))
    assert cell["reason"].startswith(f"Deal: {nested}; Amount: '12k' is ")
    assert (key["cause"], key["key"], key["reason"]) == ("bad_key", "", f"CRM Id: {nested}")


@pytest.mark.parametrize("cell", ['{"a": 1}', '"\\ud800"', "1e999"])
def test_what_stands_in_a_column_that_nobody_maps_spoils_no_row(desk: Desk, cell: str) -> None:
    """An export of a CRM has objects in many a column; nobody asks what they mean."""
    desk.configure(fields={"Deal": "name"})
    desk.put("a.jsonl", f'{{"CRM Id": "{crm(1)}", "Deal": "New", "Owner": {cell}}}\n')
    (row,) = judged(desk, "a.jsonl", code=0)
    assert (row["cause"], row["after"]) == ("to_send", {"/name": "New"})


def test_what_was_no_cell_is_none_when_its_report_comes_back(desk: Desk) -> None:
    """The row must not look whole there, with one field less."""
    desk.configure(fields={"Deal": "name", "Action": "customerAction"})
    desk.put("a.jsonl", f'{{"CRM Id": "{crm(1)}", "Deal": "New", "Action": {{"a": 1}}}}\n')
    for report in ("a.csv", "a.xlsx"):
        assert desk.run("plan", "a.jsonl", "--report", report).code == 3
        assert [row["cause"] for row in judged(desk, report)] == ["bad_cell"]


def test_a_word_of_ours_that_is_no_cell_decides_nothing(desk: Desk) -> None:
    """An object where a person was to write mine or theirs: the row is invalid, whatever else it says."""
    desk.configure(fields={"Deal": "name"})
    desk.put("a.yaml", f"- {{CRM Id: {crm(1)}, Deal: New, syncjob decision: {{mine: 1}}}}\n")
    (row,) = judged(desk, "a.yaml")
    assert (row["cause"], row["reason"][:37]) == ("bad_cell", "syncjob decision: is nested too deepl")


def test_a_typed_cell_of_json_is_told_with_what_to_do_in_json(desk: Desk) -> None:
    """No column can be formatted there: the id wants quotes, the amount is to be a number."""
    desk.configure(fields={"Amount": {"field": "dealValue", "currency": "EUR"}})
    desk.put("a.jsonl", f'{{"CRM Id": 123, "Amount": 1}}\n{{"CRM Id": "{crm(1)}", "Amount": true}}\n')
    one, two = (row["reason"] for row in judged(desk, "a.jsonl"))
    assert "'123' is a number: Excel changed this id, or JSON lacks its quotes; write it as text" in one
    assert two == "Amount: 'true' is no number; write the amount anew, in a workbook in a number's cell"
