"""What a run found, as values: the rows of the table, the shapes of the search mix, and how they are written as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from xinglin.base.clock import utc_now

PARTS = ("read", "create", "import", "load", "search", "scope", "audit", "growth", "disk", "memory")
"""The parts of the bench, in the order of the table."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure beside its bar and its baseline of the same run. `met` is None where no bar is set."""

    part: str
    what: str
    figure: float
    unit: str
    bar: str = ""
    met: bool | None = None
    baseline: str = ""
    baseline_figure: float | None = None
    ratio: float | None = None
    note: str = ""
    at: str = ""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One shape of search at one size: milliseconds over one connection and over eight, and answers per second over eight."""

    name: str
    p50_ms: float
    p99_ms: float
    p50_8_ms: float
    p99_8_ms: float
    rate_8: float


class Sized(msgspec.Struct, frozen=True, kw_only=True):
    """The shapes of the search mix at one size of the record."""

    resources: int
    shapes: list[Shape]


class Report(msgspec.Struct, kw_only=True):
    """A whole run."""

    facts: dict[str, str] = {}
    warnings: list[str] = []
    rows: list[Row] = []
    sizes: list[Sized] = []

    def add(self, **values: object) -> None:
        """Put a row in, with the time of day."""
        self.rows.append(msgspec.convert({**values, "at": f"{utc_now():%Y-%m-%d %H:%M}"}, Row))


def number(value: float | None) -> str:
    """A figure with three digits that matter."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def merged(former: Report, now: Report) -> Report:
    """A former report with the parts measured now in place of its own."""
    parts = {row.part for row in now.rows}
    rows = [row for row in former.rows if row.part not in parts] + now.rows
    rows.sort(key=lambda row: PARTS.index(row.part))
    return Report(facts=now.facts, warnings=now.warnings, rows=rows, sizes=now.sizes or former.sizes)


def write(report: Report, folder: Path) -> list[Path]:
    """Write `measurements.json` and `measurements.md`, keeping the former rows of parts that were not measured now; the files."""
    data, page = folder / "measurements.json", folder / "measurements.md"
    if data.exists():
        report = merged(msgspec.json.decode(data.read_bytes(), type=Report), report)
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    page.write_text(markdown(report), encoding="utf-8")
    return [data, page]


def text(report: Report) -> str:
    """The report for a terminal."""
    lines = [f"{name}: {value}" for name, value in report.facts.items()]
    lines += [f"WARNING: {warning}" for warning in report.warnings]
    lines += ["", *_aligned([_HEAD, *map(_cells, report.rows)])]
    lines += [f"  {row.what}: {row.note}" for row in report.rows if row.note]
    if report.sizes:
        lines += ["", _shapes_title(report), *_aligned(_shape_cells(report))]
    return "\n".join(lines)


def markdown(report: Report) -> str:
    """The report as a page."""
    lines = ["<!-- Made by `make bench ARGS=--write`; do not edit. -->", "# Measurements", ""]
    lines += ["Generator, server and database share the machine. Each figure stands beside a baseline measured in the same run.", ""]
    lines += [f"- {name}: {value}" for name, value in report.facts.items()]
    lines += [f"- **Warning: {warning}**" for warning in report.warnings]
    lines += ["", *_piped([(*_HEAD, "measured"), *((*_cells(row), row.at) for row in report.rows)]), ""]
    lines += [f"- {row.what}: {row.note}" for row in report.rows if row.note]
    if report.sizes:
        lines += ["", "## The shapes of the search mix", "", _shapes_title(report), "", *_piped(_shape_cells(report))]
    return "\n".join(lines) + "\n"


_HEAD = ("claim", "figure", "unit", "bar", "met", "baseline", "its figure", "ratio")


def _cells(row: Row) -> tuple[str, ...]:
    met = "" if row.met is None else "yes" if row.met else "NO"
    return row.what, number(row.figure), row.unit, row.bar, met, row.baseline, number(row.baseline_figure), number(row.ratio)


def _shapes_title(report: Report) -> str:
    sizes = " and ".join(f"{sized.resources:,}" for sized in report.sizes)
    grown = "; then the growth of each" if len(report.sizes) > 1 else ""
    return f"Milliseconds (p50 / p99) at {sizes} resources: over 1 connection, over 8 with answers per second{grown}."


def _shape_cells(report: Report) -> list[tuple[str, ...]]:
    head = ["shape"]
    for sized in report.sizes:
        size = f"{sized.resources:,}"
        head += [f"{size}: 1 conn", "8 conn", "per s"]
    small, large = report.sizes[0], report.sizes[-1]
    if grown := len(report.sizes) > 1:
        head += ["growth: 1 conn", "8 conn"]
    rows = [tuple(head)]
    tables = [{shape.name: shape for shape in sized.shapes} for sized in report.sizes]
    for first in small.shapes:
        cells = [first.name]
        for table in tables:
            shape = table[first.name]
            cells += [_pair(shape.p50_ms, shape.p99_ms), _pair(shape.p50_8_ms, shape.p99_8_ms), number(shape.rate_8)]
        if grown:
            cells += list(_growth(first, next(shape for shape in large.shapes if shape.name == first.name)))
        rows.append(tuple(cells))
    return rows


def _growth(small: Shape, large: Shape) -> Iterator[str]:
    fields: tuple[Callable[[Shape], tuple[float, float]], ...] = (lambda s: (s.p50_ms, s.p99_ms), lambda s: (s.p50_8_ms, s.p99_8_ms))
    for field in fields:
        (p50, p99), (p50_large, p99_large) = field(small), field(large)
        yield f"× {p50_large / p50:.2f} / {p99_large / p99:.2f}"


def _pair(p50: float, p99: float) -> str:
    return f"{number(p50)} / {number(p99)}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    ruled = [*rows[:1], tuple("-" * width for width in widths), *rows[1:]]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in ruled]


def _piped(rows: Sequence[tuple[str, ...]]) -> list[str]:
    ruled = [*rows[:1], ("---",) * len(rows[0]), *rows[1:]]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in ruled]
