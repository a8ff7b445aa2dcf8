import csv
import io
import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from syncjob.model import Cause, Operation, Report, Settled, Triple
from syncjob.reports.csv import COLUMNS, render

NIGHT = """\
\ufeffCRM id,Value,Notes,syncjob row,syncjob outcome,syncjob cause,syncjob reason,syncjob changes,\
syncjob warnings,syncjob id,syncjob attempts,syncjob request ids,syncjob conflict,syncjob decision,syncjob base,\
syncjob types,syncjob n,syncjob plan
CRM-00001,12000,,deals.csv:2,applied,confirmed,confirmed by the answer,\
dealValue: 10000 -> 12000; notes: old secret -> new secret; team: + Jane <jane@example.com>,\
team: the phone number differs,id-1,2,q-1 q-2,,,"{\"\"\"\":[""CRM-00001""],""/details/dealValue"":[10000]}",,1,r-7
CRM-00002,12000,,deals.csv:3,unchanged,in_step,,,,id-2,0,,,,,,2,r-7
,,,deals.csv:4,invalid,ragged_line,"deals.csv:4 has 2 cells, the header 3",,,,0,,,,,,3,r-7
CRM-00004,12000,,deals.csv:5,held,closes,"would close the referral; see it, then syncjob approve",\
CLOSES the referral: cannot be undone; status: Active -> Closed; substatus: Accepted -> Won,,id-4,0,,,,,,4,r-7
CRM-00005,12000,,deals.csv:6,conflicted,both_moved,row and remote both moved,,,id-5,0,,\
dealValue,,"{\"\"\"\":[""CRM-00005""],""/details/dealValue"":[10000,""11000.50""],""/salesStage"":[""40""]}",,5,r-7
""".replace("\n", "\r\n")

# What a cell may start with and what breaks readers, more often than chance would have it.
CELLS = st.text(st.one_of(st.sampled_from("'=+-@\t\r\n\x00\",;"), st.characters(exclude_categories=["Cs"])))


def undone(cell: str) -> str:
    """Take away the one apostrophe, as the reading side does."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r\x00]", cell) else cell


def test_own_columns_come_first_and_ours_after_them(night: Report) -> None:
    """The whole form, by equality; a ragged row is blank in the user's columns."""
    assert "".join(render(night)) == NIGHT


def test_empty_report_is_a_header(report_of: Callable[..., Report]) -> None:
    """Without rows the header still says what would stand there."""
    assert "".join(render(report_of(columns=()))) == "\ufeff" + ",".join(COLUMNS) + "\r\n"


def test_what_is_quoted_from_outside_stays_on_one_line(
    report_of: Callable[..., Report], row_of: Callable[..., Settled]
) -> None:
    """Our columns are for reading only: a server's line break or escape is shown, and a clear is called blank."""
    row = row_of(
        1,
        Cause.REMOTE_REFUSED,
        "=cmd|' /C calc'!A0\nsecond \x1b[31m",
        triples=(Triple("/customerProfile/name", "a\nb", None),),
        operations=(Operation("replace", "/customerProfile/name", None),),
    )
    text = "".join(render(report_of(row)))
    cells = dict(zip(*csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")), strict=True))
    assert cells["syncjob reason"] == r"'=cmd|' /C calc'!A0\nsecond \x1b[31m"
    assert cells["syncjob changes"] == r"customerProfile.name: a\nb -> (blank)"


@given(table=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1))
def test_reading_gives_back_the_very_cell(
    report_of: Callable[..., Report], row_of: Callable[..., Settled], table: list[tuple[str, str, str]]
) -> None:
    """Header or row, formula or not: no cell is alive in a sheet, and taking away one apostrophe undoes ours."""
    names = [f"{cell}{n}" for n, cell in enumerate(table[0])]
    rows = [row_of(n, Cause.IN_STEP, columns=dict(zip(names, cells, strict=True))) for n, cells in enumerate(table[1:])]
    text = "".join(render(report_of(*rows, columns=tuple(names))))
    shown = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
    assert not any(re.match(r"[=+\-@\t\r\x00]", cell) for line in shown for cell in line)
    assert [[undone(cell) for cell in line[:3]] for line in shown] == [names, *map(list, table[1:])]
