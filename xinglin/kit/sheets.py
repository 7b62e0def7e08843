"""Sheets of rows that people bring and take: CSV in any usual encoding, Excel workbooks. Cells are texts; nothing in them is carried out.

What comes from outside is opened within limits: bytes, unpacked bytes, rows, columns, characters of a cell. A workbook with document
types or entities in its XML is refused, formulas are read as the value last shown. What goes out cannot be taken for a formula: a cell
that begins with `=`, `+`, `-` or `@` gets an apostrophe before it, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from xml.etree.ElementTree import ParseError

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from xinglin.base.errors import Malformed, TooLarge

ROWS_MAX = 20_000
COLUMNS_MAX = 60
CELL_CHARACTERS_MAX = 2000
UNPACKED_BYTES_MAX = 128 * 1024 * 1024
PARTS_MAX = 2000

CSV_MEDIA = "text/csv; charset=utf-8"
XLSX_MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_BOM = "\ufeff"
_PERILOUS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # spreadsheets read the wide forms too
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DECLARED = tuple(word.encode(how) for word in ("<!DOCTYPE", "<!ENTITY") for how in ("utf-8", "utf-16-le", "utf-16-be"))
_DECLARED_LENGTH_MAX = max(map(len, _DECLARED))


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first row, and the others with the number each has in its file; every row as long as the first, empty rows left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_sheet(content: bytes) -> Sheet:
    """A CSV file (UTF-8, UTF-16 or GB18030; comma, semicolon or tab) or an Excel workbook's first sheet; told apart by their bytes."""
    if content.startswith(_OLD_EXCEL):
        raise Malformed("This is a workbook of the old kind (.xls) or one with a password. Save it as .xlsx without a password.")
    rows = _of_workbook(content) if content.startswith(_ZIP) else _of_text(content)
    header: tuple[str, ...] | None = None
    kept: list[tuple[int, tuple[str, ...]]] = []
    for number, cells in enumerate(rows, 1):
        if not any(cells):
            continue
        if header is None:
            header = _header(cells)
            continue
        if len(kept) == ROWS_MAX:
            raise TooLarge("The file has more than {most} rows. Divide it.", most=ROWS_MAX)
        if any(cells[len(header) :]):
            raise Malformed("Row {row} has more cells than there are headings.", row=number)
        kept.append((number, (*cells[: len(header)], *("",) * (len(header) - len(cells)))))
    if header is None:
        raise Malformed("The file is empty.")
    return Sheet(header, tuple(kept))


def _header(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > COLUMNS_MAX:
        raise TooLarge("The file has more than {most} columns.", most=COLUMNS_MAX)
    return tuple(cells)


def _of_text(content: bytes) -> Iterator[list[str]]:
    text = _decoded(content)
    if "\x00" in text:
        raise Malformed("This is neither a CSV file nor an Excel workbook.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        for cells in reader:
            yield [_cell(cell) for cell in cells]
    except csv.Error:
        raise Malformed("The CSV file cannot be read beyond line {line}.", line=reader.line_num) from None


def _decoded(content: bytes) -> str:
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Malformed("The encoding of the file is not known. Save it as CSV UTF-8, or as .xlsx.")


def _delimiter(text: str) -> str:
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t", key=first.count)


def _of_workbook(content: bytes) -> Iterator[list[str]]:
    try:
        _require_harmless(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = next(iter(book.worksheets), None)
        if sheet is None:
            raise Malformed("The workbook has no sheet.")
        sheet.reset_dimensions()  # what the file says of its size is not believed
        for cells in islice(sheet.iter_rows(max_row=4 * ROWS_MAX, max_col=COLUMNS_MAX + 1, values_only=True), 4 * ROWS_MAX):
            yield [_cell(_text(cell)) for cell in cells]
    except (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError):
        raise Malformed("The workbook is damaged. Open it in Excel and save it again as .xlsx.") from None


def _require_harmless(content: bytes) -> None:
    """Refuses what unpacks to too much, and XML that declares types or entities. A part never unpacks to more than it declares."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
            raise TooLarge("The workbook unpacks to too much. Keep one sheet, as values only.")
        if any(part.flag_bits & 1 for part in parts):
            raise Malformed("This is a workbook of the old kind (.xls) or one with a password. Save it as .xlsx without a password.")
        for part in parts:
            if not part.filename.endswith((".xml", ".rels")):
                continue
            with archive.open(part) as opened:
                before = b""
                while block := opened.read(1 << 20):
                    if any(word in before + block for word in _DECLARED):
                        raise Malformed("The workbook holds declarations that no Excel writes. Save it again in Excel.")
                    before = block[-_DECLARED_LENGTH_MAX:]


def _text(value: object) -> str:
    """A cell of a workbook as a person sees it: whole numbers without a point, days as 2026-11-22."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _cell(text: str) -> str:
    """A cell without blanks around it, control characters in it, or the apostrophe of an export."""
    if len(text) > CELL_CHARACTERS_MAX:
        raise TooLarge("A cell has more than {most} characters.", most=CELL_CHARACTERS_MAX)
    plain = "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip().lstrip(_BOM)
    return plain[1:] if plain.startswith("'") and plain[1:].startswith(_PERILOUS) else plain


def _safe(text: str) -> str:
    plain = "".join(letter for letter in text if letter.isprintable() or letter == "\n")
    return f"'{plain}" if plain.startswith(_PERILOUS) else plain


def write_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file that Excel opens in the right encoding (UTF-8 with its mark)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_safe(cell) for cell in header])
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return (_BOM + text.getvalue()).encode()


def write_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A workbook of one sheet, every cell a text: long numbers keep their digits."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for cells in (header, *rows):
        sheet.append([_as_text(WriteOnlyCell(sheet, _safe(cell))) for cell in cells])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _as_text(cell: Cell) -> Cell:
    cell.number_format = "@"
    return cell
