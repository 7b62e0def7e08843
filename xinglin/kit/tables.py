"""Tables as people fill them: columns with a heading in both languages, read the same way from a form and from a sheet.

A table says how a text becomes a value and why it cannot; what a row then means to the record is its capability's affair. So one
description serves the form, the import, the export and the template to fill in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from xinglin.kit.coding import Code, Names
from xinglin.kit.i18n import Phrase, in_language, t
from xinglin.kit.sheets import Sheet

Read = Callable[[str], str | Phrase]
"""A text that is not empty as a plain value, or the words that refuse it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `choices`: the codes it takes, by code or by name. `told`: written for people, passed over when it is read.

    `names`: further headings it is known by. `hint`: what to type; `kind`: how a form asks for it.
    """

    key: str
    title: Names
    read: Read = str
    required: bool = False
    choices: tuple[Code, ...] = ()
    told: bool = False
    names: Names = ()
    hint: Names = ()
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one kind of row. `name`: its noun in addresses."""

    name: str
    title: Names
    columns: tuple[Column, ...]

    def column(self, key: str) -> Column:
        """The column of a key."""
        return next(column for column in self.columns if column.key == key)

    @property
    def asked(self) -> tuple[Column, ...]:
        """The columns somebody fills in."""
        return tuple(column for column in self.columns if not column.told)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is refused, in words; `column` "" when it is about the whole row."""

    column: str
    why: Phrase


@dataclass(frozen=True, slots=True)
class Row:
    """What was typed (`cells`) and what it says (`values`, only of columns that were there and could be read)."""

    number: int
    cells: Mapping[str, str]
    values: Mapping[str, str]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Headings:
    """Which column of the table each column of a sheet is; those it does not know; those the table needs and are not there."""

    columns: tuple[Column | None, ...]
    unknown: tuple[str, ...]
    missing: tuple[Column, ...]


def match_headings(table: Table, header: Sequence[str], also_known: Sequence[str] = ()) -> Headings:
    """Headings in Chinese, in English or as keys; case and blanks do not count. `also_known`: headings to pass over in silence."""
    known = {_plain(name): column for column in table.columns for name in (column.key, *column.title, *column.names)}
    found = tuple(known.get(_plain(text)) for text in header)
    passed = {_plain(text) for text in also_known}
    unknown = tuple(text for text, column in zip(header, found, strict=True) if column is None and text and _plain(text) not in passed)
    missing = tuple(column for column in table.asked if column.required and column not in found)
    return Headings(found, unknown, missing)


def rows_of(table: Table, sheet: Sheet, headings: Headings) -> tuple[Row, ...]:
    """Each row of a sheet, read."""
    return tuple(
        read_row(table, {column.key: cell for column, cell in zip(headings.columns, cells, strict=True) if column is not None}, number)
        for number, cells in sheet.rows
    )


def read_row(table: Table, cells: Mapping[str, str], number: int = 0) -> Row:
    """One row, or one form. A column without a cell says nothing; an empty cell says that there is nothing."""
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for column in table.asked:
        text = cells.get(column.key)
        if text is None:
            continue
        value = read_cell(column, text)
        if isinstance(value, Phrase):
            faults.append(Fault(column.key, value))
        else:
            values[column.key] = value
    return Row(number, cells, values, tuple(faults))


def read_cell(column: Column, text: str) -> str | Phrase:
    """What one cell says, or why it is refused."""
    text = text.strip()
    if not text:
        return t("This is needed.") if column.required else ""
    if column.choices:
        wanted = _plain(text)
        found = next((code.code for code in column.choices if wanted in (_plain(code.code), _plain(code.en), _plain(code.zh))), None)
        if found is None:
            return t("\u201c{text}\u201d is not one of the choices: {choices}.", text=text, choices=_few(column))
        return found
    return column.read(text)


def _few(column: Column) -> str:
    named = [f"{code.zh} {code.en}" for code in column.choices[:6]]
    return "; ".join(named) + (" …" if len(column.choices) > len(named) else "")


def say_cell(column: Column, value: str, language: str) -> str:
    """A value as it stands in a sheet: the name of a choice, everything else as it is."""
    named = next((code for code in column.choices if code.code == value), None)
    return in_language(language, (named.zh, named.en)) if named else value


def headings_in(table: Table, language: str) -> tuple[str, ...]:
    """The headings of a sheet in one language."""
    return tuple(in_language(language, column.title) for column in table.columns)


def lines_in(table: Table, rows: Sequence[Mapping[str, str]], language: str) -> list[tuple[str, ...]]:
    """Rows of values as the lines of a sheet in one language."""
    return [tuple(say_cell(column, row.get(column.key, ""), language) for column in table.columns) for row in rows]


def read_day(text: str) -> str | Phrase:
    """A day as 2026-11-22; also 2026/11/22, 2026.11.22, 20261122 and 2026年11月22日."""
    plain = unicodedata.normalize("NFKC", text).strip()
    digits = plain if plain.isdigit() and len(plain) == 8 else ""
    parts = [digits[:4], digits[4:6], digits[6:]] if digits else _parts(plain)
    try:
        year, month, day = (int(part) for part in parts)
        return date(year, month, day).isoformat() if year >= 1880 else _NO_DAY
    except ValueError:
        return _NO_DAY


_NO_DAY = t("Write a day as 2026-11-22.")


def _parts(text: str) -> list[str]:
    for mark in "年月/.":
        text = text.replace(mark, "-")
    return text.removesuffix("日").split("T")[0].split(" ")[0].split("-")


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("*").replace("（", "(").replace("）", ")")
