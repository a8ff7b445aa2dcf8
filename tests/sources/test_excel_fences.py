"""Promises against workbooks that are none, or were made to do harm: the file's fault, and what to do."""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from books import HEADER, KNOWN, MAIN, SHEET, opened, packed, parts, refusal, table_book, text

from syncjob.errors import InputRefused, StorageRefused
from syncjob.model import SourceRow
from syncjob.settings import Rows
from syncjob.sources import apart, package, read, sheetscan, snapshot
from syncjob.sources.apart import Child

pytestmark = pytest.mark.long

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="speaks of signals and limits")
ONE_ROW = HEADER + f'<row r="2">{text("A2", "1")}</row>'


def taken(file: Path, *, rows: Rows | None = None) -> Iterator[SourceRow]:
    """Copy and read as a plan does."""
    settings = rows or Rows()
    copy = snapshot(file, into=file.parent / "run", rows=settings, input_mb_max=10, sleep=lambda _: None)
    return iter(read(copy, rows=settings, known=KNOWN))


def told(file: Path, content: bytes | None = None, *, rows: Rows | None = None) -> str:
    """Give the words with which a file of this content is refused."""
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        list(taken(file, rows=rows))
    return str(refused.value)


# ── What it is ──────────────────────────────────────────────────────────────────────────────────


def test_a_workbook_is_read_by_its_suffix_or_where_it_is_stated(tmp_path: Path) -> None:
    """Whatever it is called, rows.format: xlsx reads it; a workbook called .csv is refused without."""
    for name in ("a.xlsx", "a.XLSM"):
        assert len(list(taken(table_book(tmp_path / name, list(KNOWN), ["1", 2])))) == 1
    file = (tmp_path / "a.xlsx").rename(tmp_path / "a.csv")
    assert len(list(taken(file, rows=Rows(format="xlsx")))) == 1
    assert told(file) == "a.csv is an Excel workbook, whatever its name says; name it .xlsx or set rows.format: xlsx"


def test_a_workbook_may_come_through_standard_input(tmp_path: Path) -> None:
    """Its format must be stated, as of everything that comes there."""
    stdin = io.BytesIO(table_book(tmp_path / "a.xlsx", list(KNOWN), ["1", 2]).read_bytes())
    rows = Rows(format="xlsx")
    copy = snapshot(None, into=tmp_path / "run", rows=rows, input_mb_max=1, sleep=lambda _: None, stdin=stdin)
    (row,) = read(copy, rows=rows, known=KNOWN)
    assert str(row.place) == "stdin Pipeline!2"


def archive(*names: str) -> bytes:
    """Zip parts of these names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "a.xlsx is encrypted; save it without a password"),
        (OLE + bytes(600), "a.xlsx is an old Excel workbook (.xls), whatever its name says; save it in Excel as"),
        (archive("[Content_Types].xml", "xl/workbook.bin"), "an Excel workbook in binary (.xlsb)"),
        (archive("mimetype", "content.xml"), "an OpenDocument spreadsheet, whatever its name says; save it as an"),
        (archive("deals.csv"), "a.xlsx is a zip archive, whatever its name says; unpack it"),
        (b"Deal ID,Amount\n1,2\n", "a.xlsx is no workbook, whatever its name says; name it after what it is"),
        (b"", "a.xlsx is no workbook, whatever its name says"),
        (b"<html><table>", "a.xlsx is a web page, whatever its name says"),
        (b"%PDF-1.7", "a.xlsx is a PDF document"),
    ],
)
def test_what_is_no_workbook_is_called_by_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    """Nothing is believed of a suffix; the remedy comes with the name."""
    found = told(tmp_path / "a.xlsx", content)
    assert said in found
    assert "; " in found


def test_macros_are_passed_over_and_it_is_said(tmp_path: Path) -> None:
    """A workbook with macros is read, they are not."""
    made = packed(tmp_path / "m.xlsm", parts(ONE_ROW) | {"xl/vbaProject.bin": b"\0"})
    assert opened(made).notes == ("macros are ignored",)


def test_no_sheet_or_none_in_sight_is_refused(tmp_path: Path) -> None:
    """A workbook of charts, or one whose sheets are all hidden."""
    hidden = '<sheet name="Pipeline" sheetId="1" state="hidden" r:id="rId1"/>'
    said = refusal(packed(tmp_path / "h.xlsx", parts(ONE_ROW, sheets=hidden)))
    assert said == "h.xlsx: no sheet is visible; show one, or set rows.sheet to one of Pipeline"
    gone = '<sheet name="Pipeline" sheetId="1" r:id="rId9"/>'
    assert "names no sheet of cells" in refusal(packed(tmp_path / "g.xlsx", parts(ONE_ROW, sheets=gone)))


# ── The zip file ────────────────────────────────────────────────────────────────────────────────


def test_a_zip_bomb_is_measured_before_it_goes_off(tmp_path: Path) -> None:
    """The directory tells the sizes; nothing is unzipped to find out."""
    file = tmp_path / "bomb.xlsx"
    packed(file, parts(ONE_ROW))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as made, made.open("xl/media/a.xml", "w") as part:
        for _ in range(209):
            part.write(bytes(1_000_000))
    assert file.stat().st_size < 1_000_000
    assert refusal(file).startswith("bomb.xlsx: unzips to 209 MB (limit 200); ")


def declared(file: Path, name: str, size: int) -> None:
    """Let the directory declare another size of a part."""
    content = bytearray(file.read_bytes())
    at = content.rfind(name.encode()) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    content[at + 24 : at + 28] = struct.pack("<L", size)
    file.write_bytes(content)


def test_a_directory_that_lies_is_found_out(tmp_path: Path) -> None:
    """A part longer or shorter than declared refuses the file while it is unzipped."""
    for size, said in ((10, "is longer than declared"), (1_000_000, "is shorter than declared")):
        file = packed(tmp_path / "lie.xlsx", parts(ONE_ROW))
        declared(file, SHEET, size)
        assert f"{SHEET} {said}" in refusal(file)


def test_too_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs memory, be it empty."""
    file = packed(tmp_path / "many.xlsx", parts(ONE_ROW))
    monkeypatch.setattr(package, "PARTS_MAX", 4)
    assert "many.xlsx: holds 5 parts (limit 4)" in refusal(file)


def test_parts_that_the_end_does_not_count_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the file may declare fewer than its directory holds."""
    file = packed(tmp_path / "few.xlsx", parts(ONE_ROW))
    content = bytearray(file.read_bytes())
    at = content.rfind(package.END_MARK)
    content[at + 8 : at + 12] = struct.pack("<2H", 1, 1)
    file.write_bytes(content)
    monkeypatch.setattr(package, "PARTS_MAX", 4)
    assert "few.xlsx: holds 5 parts (limit 4)" in refusal(file)


def test_a_part_under_a_password_is_refused(tmp_path: Path) -> None:
    """Nothing is made of bytes that nobody can read; the way out is said."""
    file = packed(tmp_path / "locked.xlsx", parts(ONE_ROW))
    content = bytearray(file.read_bytes())
    at = content.rfind(SHEET.encode()) - 46
    content[at + 8] |= package.ENCRYPTED
    file.write_bytes(content)
    assert refusal(file) == "locked.xlsx: is encrypted; save it without a password"


def test_parts_that_are_stored_as_they_are_are_read(tmp_path: Path) -> None:
    """Some programs pack nothing."""
    file = tmp_path / "stored.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        for name, content in parts(ONE_ROW).items():
            made.writestr(name, content)
    assert len(list(opened(file))) == 1


def test_a_workbook_that_names_no_parts_is_refused(tmp_path: Path) -> None:
    """Without the parts that lead to its sheets it has none."""
    made = parts(ONE_ROW)
    del made["_rels/.rels"], made["xl/_rels/workbook.xml.rels"]
    assert "a.xlsx: the workbook names no sheet of cells" in refusal(packed(tmp_path / "a.xlsx", made))


def test_what_is_said_of_the_sheets_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is taken whole is bounded, whatever the workbook's own limit is."""
    monkeypatch.setattr(package, "PART_BYTES_MAX", 1_000_000)
    made = parts(ONE_ROW)
    made["xl/workbook.xml"] += " " * 1_000_000
    said = refusal(packed(tmp_path / "a.xlsx", made))
    assert said == "a.xlsx: xl/workbook.xml is larger than 1 MB; open it in Excel and save it anew"


@pytest.mark.parametrize("beyond", [0, 1, 100, 240, 1000])
def test_a_part_comes_out_to_its_last_byte(tmp_path: Path, beyond: int) -> None:
    """However tightly it is packed, and wherever a piece of it ends."""
    words = b"<a>" + b" " * (package.CHUNK_BYTES + beyond - 3)
    made = package.Package(packed(tmp_path / "a.xlsx", {**parts(ONE_ROW), "docProps/app.xml": words}), "a.xlsx")
    assert made.text("docProps/app.xml") == words


def test_a_part_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Two readers could take one each."""
    file = packed(tmp_path / "two.xlsx", parts(ONE_ROW))
    with zipfile.ZipFile(file, "a") as made:
        made.writestr(SHEET.upper(), "x")
    assert "holds two parts called 'XL/WORKSHEETS/SHEET1.XML'" in refusal(file)


@pytest.mark.parametrize("cut", [100, -60, -10])
def test_a_file_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    """The directory stands at the end."""
    file = packed(tmp_path / "cut.xlsx", parts(ONE_ROW))
    file.write_bytes(file.read_bytes()[:cut])
    assert refusal(file).startswith("cut.xlsx: the zip file ")


def test_a_file_damaged_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    """No damage is a crash of ours."""
    content = packed(tmp_path / "d.xlsx", parts(ONE_ROW)).read_bytes()
    made = tmp_path / "d.xlsx"
    for at in range(0, len(content), 5):
        made.write_bytes(content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :])
        try:
            found = package.Package(made, "d.xlsx")
            found.check_markup(but="")
        except InputRefused:
            continue


def test_names_of_parts_lead_nowhere(tmp_path: Path) -> None:
    """Nothing is written to the disk but the cells."""
    made = parts(ONE_ROW) | {"../../escaped.xml": "<x/>", "/tmp/absolute.xml": "<x/>"}
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert len(list(opened(packed(tmp_path / "a" / "b" / "c.xlsx", made)))) == 1
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert (left[0], left[1][:6], len(left)) == ("c.xlsx", "cells-", 2)


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/sharedStrings.xml"])
def test_a_document_type_is_refused_in_every_part(tmp_path: Path, part: str) -> None:
    """Entities grow to any size; no workbook has them."""
    made = parts(ONE_ROW)
    bomb = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    file = packed(tmp_path / "dtd.xlsx", made | {part: bomb + made.get(part, "<sst/>")})
    assert refusal(file).lower().startswith(f"dtd.xlsx: {part.lower()}: dtd not allowed; ")


def test_a_part_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """In UTF-16 a document type would not be seen."""
    made: dict[str, str | bytes] = {**parts(ONE_ROW)}
    made[SHEET] = parts(ONE_ROW)[SHEET].encode("utf-16")
    assert "is not UTF-8" in refusal(packed(tmp_path / "u.xlsx", made))


# ── The sheet ───────────────────────────────────────────────────────────────────────────────────


def test_one_cell_far_outside_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader would reserve room for the whole rectangle, and abort."""
    far = ONE_ROW + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    file = packed(tmp_path / "far.xlsx", parts(far))
    said = refusal(file)
    assert said.startswith("far.xlsx: sheet 'Pipeline': the cells reach to XFD1048576, a rectangle of 17,179,869,184")
    assert "delete what is out there" in said
    monkeypatch.setattr(sheetscan, "CELLS_MAX", 1 << 40)
    assert "far.xlsx: " in refusal(file), "and without the scan the child is stopped by its limit"


def test_formats_far_outside_are_no_cells(tmp_path: Path) -> None:
    """Borders down to the last row hold nothing."""
    far = ONE_ROW + '<row r="1048576" s="1"><c r="XFD1048576" s="1"/></row>'
    assert len(list(opened(packed(tmp_path / "borders.xlsx", parts(far))))) == 1


def test_too_many_flaws_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet of nothing but uncalculated formulas needs no list of them."""
    monkeypatch.setattr(sheetscan, "FLAWS_MAX", 1)
    rows = HEADER + '<row r="2"><c r="A2"><f>1</f></c><c r="B2"><f>1</f></c></row>'
    assert "more than 1 cells are errors or formulas without a saved value" in refusal(
        packed(tmp_path / "f.xlsx", parts(rows))
    )


def test_rows_and_merged_ranges_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would fill the memory is refused."""
    monkeypatch.setattr(sheetscan, "MERGED_MAX", 0)
    merged = '<mergeCells><mergeCell ref="A5:A6"/></mergeCells>'
    assert "unmerge the cells" in refusal(packed(tmp_path / "m.xlsx", parts(ONE_ROW, below=merged)))
    monkeypatch.setattr(sheetscan, "BLOCK_BYTES_MAX", 10)
    scan = sheetscan.SheetScan("x")
    with pytest.raises(InputRefused, match="one row is larger"):
        scan.feed(b"<worksheet><sheetData><row>")


def test_a_sheet_that_is_none_is_refused(tmp_path: Path) -> None:
    """Neither scan nor reader makes rows of it."""
    assert "the sheet is damaged" in refusal(packed(tmp_path / "n.xlsx", parts("") | {SHEET: "<html/>"}))
    broken = parts("") | {SHEET: f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1"></row>'}
    assert "n.xlsx: cannot be read: " in refusal(packed(tmp_path / "n.xlsx", broken))


# ── The other process ───────────────────────────────────────────────────────────────────────────


def failing(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Let the child be another program."""
    (folder / "impostor.py").write_text(code)
    monkeypatch.setattr(apart, "MODULE", "impostor")
    kept = apart._environment
    monkeypatch.setattr(apart, "_environment", lambda: kept() | {"PYTHONPATH": str(folder)})


@POSIX
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.abort()", "its reader was ended by SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its reader was ended by SIGKILL"),
        ("raise SystemExit(3)", "its reader ended with 3"),
        ("print('no')", "its reader ended without an answer"),
        ("print('[]')", "its reader ended without an answer"),
    ],
)
def test_a_reader_that_dies_is_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    """However it ends: a sentence, and the way out."""
    failing(monkeypatch, tmp_path, f"import sys; sys.stdin.readline()\n{code}\n")
    found = refusal(packed(tmp_path / "x.xlsx", parts(ONE_ROW)))
    assert said in found
    assert "open the file in Excel and save it anew, or export the rows as CSV" in found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all signals have names")
def test_a_signal_without_a_name_is_told_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ended the reader is said, and no error of ours in its place."""
    failing(monkeypatch, tmp_path, "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 40)\n")
    assert "its reader was ended by signal 40" in refusal(packed(tmp_path / "x.xlsx", parts(ONE_ROW)))


def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline it is killed, and nothing is left behind."""
    failing(monkeypatch, tmp_path, "import time; time.sleep(60)\n")
    said = refusal(packed(tmp_path / "slow.xlsx", parts(ONE_ROW)), rows=Rows(workbook_s=0.3))
    assert said.startswith("slow.xlsx: was not read in 0.3 s (rows.workbook_s); ")


@POSIX
def test_memory_is_bounded(tmp_path: Path) -> None:
    """A reader that needs more than its share is told so, or dies of it: the file's fault both times."""
    file = table_book(tmp_path / "a.xlsx", list(KNOWN), ["1", 2])
    with (
        Child("a.xlsx", folder=tmp_path, seconds=60, memory_mb=150) as child,
        pytest.raises(InputRefused, match=r"150 MB|cannot be read"),
    ):
        child.read(file, "Pipeline")


def test_texts_that_many_cells_share_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes of shared texts can be gigabytes of cells."""
    monkeypatch.setattr(apart, "SPOOL_MB_MAX", 0)
    file = table_book(tmp_path / "a.xlsx", list(KNOWN), ["1", 2])
    assert "cannot be read: its cells hold more than 0 MB of text" in refusal(file)


def test_the_reader_inherits_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in its environment is listed; a token is not."""
    monkeypatch.setenv("SYNCJOB_TOKEN", "secret")
    monkeypatch.setenv("LANG", "C")
    found = apart._environment()
    assert "SYNCJOB_TOKEN" not in found
    assert set(found) <= {*apart.KEPT, "PYTHONPATH", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}
    assert found["LANG"] == "C"


def test_the_reader_imports_nothing_from_where_the_file_stands(tmp_path: Path) -> None:
    """A pandas.py beside the copy is not run."""
    (tmp_path / "pandas.py").write_text("raise SystemExit(9)")
    assert len(list(opened(packed(tmp_path / "a.xlsx", parts(ONE_ROW))))) == 1


@POSIX
def test_a_refused_file_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process was started before the sheet was looked at; it goes with the refusal."""
    started: list[int] = []
    entered = Child.__enter__

    def noted(child: Child) -> Child:
        started.append(child._process.pid)
        return entered(child)

    monkeypatch.setattr(Child, "__enter__", noted)
    refusal(packed(tmp_path / "n.xlsx", parts("") | {SHEET: "<html/>"}))
    (pid,) = started
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_a_machine_without_room_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process, or no place for its cells: of the local machine."""
    file = packed(tmp_path / "a.xlsx", parts(ONE_ROW))
    with Child("a.xlsx", folder=tmp_path, seconds=1) as child:
        child._folder = tmp_path / "gone"
        with pytest.raises(StorageRefused, match="make room there"):
            child.read(file, "Pipeline")
    if Path("/dev/full").exists():
        monkeypatch.setattr(apart, "_new_file", lambda _: Path("/dev/full"))
        with pytest.raises(StorageRefused, match="No space left on device; make room there"):
            list(opened(file))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(StorageRefused, match="no process can be started"):
        list(opened(file))
