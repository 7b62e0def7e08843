"""The search mix: every shape as often as another, operands from all over the record, eight connections; then each shape by itself."""

from __future__ import annotations

import random

import msgspec

from bench import questions, synthea
from bench.bare import PAGE_TABLE, bare
from bench.client import cycle, request
from bench.home import Server, say
from bench.reading import id_of, lines
from bench.rounds import Measured, Side, against, go
from bench.table import Report, Shape, Sized

CONNECTIONS = 8
OPERANDS = 500
RATE_BAR, P99_BAR_MS, GROWTH_BAR = 1_500, 40, 2
SHAPE_SHARE = 0.2
"""Seconds for each shape and each number of connections, as a share of those of the mix."""


def measure(report: Report, server: Server, copies: int, resources: int, seconds: float, *, barred: bool) -> Measured:
    """Measure the mix and its shapes at one size, put them in the report, and give the mix back."""
    say(f"search: the mix at {resources:,} resources")
    shapes = questions.shapes(*operands(copies))
    ours = Side(server.host, server.port, cycle(questions.maker(server.token, shapes, 1)))
    go(ours, CONNECTIONS, seconds / 2)
    with bare("page", server.dsn) as other:
        theirs = Side(other.host, other.port, cycle([("page", request("GET", f"/{page}")) for page in range(2_000)]))
        found, least = against(ours, theirs, CONNECTIONS, seconds)
    _rows(report, found, least, resources, barred)
    measured: list[Shape] = []
    for name, make in shapes.items():
        alone = Side(server.host, server.port, cycle(questions.maker(server.token, {name: make}, 1)))
        measured.append(_shape(name, alone, seconds * SHAPE_SHARE))
        say(f"search: {name}: p50 {measured[-1].p50_ms:.2f} ms, p99 {measured[-1].p99_ms:.2f} ms")
    report.sizes.append(Sized(resources=resources, shapes=measured))
    return found


def growth(report: Report, small: Measured, large: Measured, times: float) -> None:
    """Compare the mix at both sizes."""
    for share in (0.5, 0.99):
        before, after = small.p(share), large.p(share)
        report.add(
            part="growth",
            what=f"search mix p{share * 100:.0f} at {times:.0f} times the data",
            figure=after,
            unit="ms",
            bar=f"ratio <= {GROWTH_BAR}",
            met=after / before <= GROWTH_BAR,
            baseline="the small size, same run",
            baseline_figure=before,
            ratio=after / before,
        )


def _rows(report: Report, found: Measured, least: Measured, resources: int, barred: bool) -> None:
    worst = sorted(((found.all.percentile(0.99, shape), shape) for shape in found.all.latencies), reverse=True)[:3]
    note = f"{CONNECTIONS} connections; slowest by p99: " + ", ".join(f"{shape} {ms:.1f} ms" for ms, shape in worst)
    page = f"bare handler, 20 rows of {PAGE_TABLE.split('.')[1]} by id"
    rows = [
        ("rate", found.rate, "/s", f">= {RATE_BAR:,}", found.rate >= RATE_BAR, least.rate, f"{note}; {found.spread}"),
        ("p50", found.p(0.5), "ms", "", None, least.p(0.5), ""),
        ("p99", found.p(0.99), "ms", f"<= {P99_BAR_MS}", found.p(0.99) <= P99_BAR_MS, least.p(0.99), ""),
    ]
    for name, figure, unit, bar, met, base, said in rows:
        report.add(
            part="search" if barred else "growth",
            what=f"search mix {name}, {resources:,} resources",
            figure=figure,
            unit=unit,
            bar=bar if barred else "",
            met=met if barred else None,
            baseline=page,
            baseline_figure=base,
            ratio=figure / base,
            note=said,
        )


def _shape(name: str, side: Side, seconds: float) -> Shape:
    go(side, CONNECTIONS, seconds / 4)
    one, eight = go(side, 1, seconds), go(side, CONNECTIONS, seconds)
    return Shape(
        name=name,
        p50_ms=one.percentile(0.5),
        p99_ms=one.percentile(0.99),
        p50_8_ms=eight.percentile(0.5),
        p99_8_ms=eight.percentile(0.99),
        rate_8=eight.rate,
    )


def operands(copies: int) -> tuple[list[str], list[str], list[str]]:
    """Patients' ids, their identifiers and encounters' ids, of copies chosen by chance."""
    chance = random.Random(1)
    people = [line for line in lines() if b'"resourceType":"Patient"' in line[:60]]
    visits = [line for line in lines() if b'"resourceType":"Encounter"' in line[:60]]
    patients = [msgspec.json.decode(synthea.copy_of(chance.choice(people), chance.randrange(copies))) for _ in range(OPERANDS)]
    encounters = [id_of(synthea.copy_of(chance.choice(visits), chance.randrange(copies))) for _ in range(OPERANDS)]
    return [one["id"] for one in patients], [one["identifier"][0]["value"] for one in patients], encounters
