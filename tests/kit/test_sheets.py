"""Sheets from outside are opened within limits and taken for nothing but text; sheets that go out cannot be taken for formulas."""

from __future__ import annotations

import io
import zipfile

import pytest
from openpyxl import Workbook, load_workbook

from xinglin.base.errors import Malformed, TooLarge
from xinglin.kit import sheets
from xinglin.kit.sheets import read_sheet, write_csv, write_xlsx

ROWS = [("580123199005061238", "王庄, 村\n卫生室"), ("=HYPERLINK(1)", "+86"), ("-1", "@x")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_any_usual_encoding_and_separator_is_read(encoding: str, mark: str) -> None:
    text = f"编号{mark}名称\r\n001{mark}王庄村卫生室\r\n\r\n002{mark}\r\n"
    sheet = read_sheet(text.encode(encoding))
    assert sheet.header == ("编号", "名称")
    assert sheet.rows == ((2, ("001", "王庄村卫生室")), (4, ("002", "")))


def test_what_goes_out_is_no_formula_and_comes_back_as_it_was() -> None:
    for file in (write_csv(("号", "名"), ROWS), write_xlsx("表", ("号", "名"), ROWS)):
        assert [cells for _, cells in read_sheet(file).rows] == ROWS
    assert b"'=HYPERLINK(1)" in write_csv(("号", "名"), ROWS)
    cells = list(load_workbook(io.BytesIO(write_xlsx("表", ("号", "名"), ROWS))).active.iter_rows(values_only=True))  # type: ignore[union-attr]
    assert cells[2] == ("'=HYPERLINK(1)", "'+86")


def test_numbers_and_days_of_a_workbook_are_read_as_people_see_them() -> None:
    from datetime import date, datetime

    assert read_sheet(_book([("a", "b", "c"), (7, 2.5, date(2026, 11, 22)), (True, None, datetime(2026, 11, 22, 8, 30))])).rows == (  # noqa: DTZ001
        (2, ("7", "2.5", "2026-11-22")),
        (3, ("True", "", "2026-11-22 08:30:00")),
    )


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (2 * 1024 * 1024))
    monkeypatch.setattr(sheets, "UNPACKED_BYTES_MAX", 1024 * 1024)
    assert len(bomb.getvalue()) < 10_000
    with pytest.raises(TooLarge):
        read_sheet(bomb.getvalue())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_workbook_with_entities_in_its_xml_is_refused(encoding: str) -> None:
    billion = '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(Malformed, match="declarations"):
        read_sheet(_changed(_book([("a",), ("b",)]), "xl/worksheets/sheet1.xml", billion.encode(encoding)))


def test_a_row_said_to_lie_a_million_rows_down_costs_nothing() -> None:
    far = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData>'
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>'
        b"</sheetData></worksheet>"
    )
    assert read_sheet(_changed(_book([("a",), ("b",)]), "xl/worksheets/sheet1.xml", far)).rows == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"\xd0\xcf\x11\xe0\xa1\xb1", b"PK\x03\x04nothing", b"\x00\x00\x00",
     b"a,b\n1,2,3\n", b"\x81\xff,\xff\xff\n", b'a\n"' + b"x" * 200_000],
)
def test_what_is_no_sheet_is_refused_in_words(content: bytes) -> None:
    with pytest.raises((Malformed, TooLarge)):
        read_sheet(content)


def test_more_rows_columns_or_characters_than_are_taken_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "ROWS_MAX", 3)
    assert len(read_sheet(b"a\n1\n2\n3\n").rows) == 3
    for content in (b"a\n1\n2\n3\n4\n", b",".join([b"a"] * 61), b"a\n" + b"x" * 2001):
        with pytest.raises(TooLarge):
            read_sheet(content)


def _book(rows: list[tuple[object, ...]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _changed(book: bytes, name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(file, "w") as new:
        for part in old.infolist():
            new.writestr(part.filename, content if part.filename == name else old.read(part))
    return file.getvalue()
