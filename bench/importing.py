"""Synthea's own bundles, unmodified, posted as transactions: institutions first, then the patients over four connections."""

from __future__ import annotations

import msgspec

from bench import client, synthea
from bench.client import request
from bench.copying import copy_seconds
from bench.home import Server, fetchval, say
from bench.rounds import sound
from bench.table import Report

CONNECTIONS = 4
WARM_BUNDLES = 6
BAR = 4_000
IMPORT_S_MAX = 900


def bring(server: Server, patients: int | None) -> tuple[int, float, int, float]:
    """Post the bundles: (resources, seconds) of those after the warm-up, then (resources, seconds) of all."""
    requests: list[tuple[int, bytes]] = []
    institutions: list[tuple[int, bytes]] = []
    for name, raw in synthea.bundles():
        held = institutions if "hospital" in name or "practitioner" in name else requests
        held.append((len(msgspec.json.decode(raw)["entry"]), request("POST", "/fhir", server.token, raw)))
    requests = requests[:patients]
    first = _post(server, institutions, 1) + _post(server, requests[:WARM_BUNDLES], CONNECTIONS)
    rest = _post(server, requests[WARM_BUNDLES:], CONNECTIONS)
    timed = sum(count for count, _ in requests[WARM_BUNDLES:])
    return timed, rest, sum(count for count, _ in institutions + requests), first + rest


def measure(report: Report, server: Server, patients: int | None) -> None:
    """Fill an empty platform and put the row in the report."""
    say("import: Synthea's bundles as transactions")
    timed, seconds, all_, whole = bring(server, patients)
    say("import: the same rows by COPY")
    copied = fetchval(server.dsn, "SELECT sum(length(types) / 2) FROM xinglin.feed") / copy_seconds(server.dsn, indexed=True)
    rate = timed / seconds
    note = f"{timed:,} resources after a warm-up, {CONNECTIONS} connections; "
    note += f"cold, from the empty database: {all_:,} in {whole:.1f} s, {all_ / whole:,.0f}/s"
    report.add(
        part="import",
        what="transaction import of Synthea",
        figure=rate,
        unit="resources/s",
        bar=f">= {BAR:,}",
        met=rate >= BAR,
        baseline="same rows by COPY, indexes in place",
        baseline_figure=copied,
        ratio=rate / copied,
        note=note,
    )


def _post(server: Server, made: list[tuple[int, bytes]], connections: int) -> float:
    if not made:
        return 0.0
    result = client.run(server.host, server.port, iter([("bundle", raw) for _, raw in made]), connections, IMPORT_S_MAX)
    sound(result)
    assert result.answers == len(made), "the import took too long"
    return result.seconds
