"""Creates of real Observations over HTTP: validated, indexed, durable when answered."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from bench.bare import CREATE_TABLE, PAGE_TABLE, bare
from bench.client import cycle, request
from bench.home import Server, execute, say
from bench.rounds import Side, against
from bench.table import Report

CONNECTIONS = 16
BODIES = 500
BAR = 2_000


def measure(report: Report, server: Server, seconds: float) -> None:
    """Put the row in the report. The record must have Observations."""
    say("create: Observations, against a bare handler with one INSERT")
    bodies = [json.dumps(one, ensure_ascii=False).encode() for one in _observations(server)]
    execute(
        server.dsn,
        f"DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare; CREATE TABLE {CREATE_TABLE} (LIKE {PAGE_TABLE} INCLUDING ALL);"
        f"INSERT INTO {CREATE_TABLE} SELECT * FROM {PAGE_TABLE}; ANALYZE {CREATE_TABLE}",
    )
    with bare("create", server.dsn) as other:
        ours = Side(
            server.host, server.port, cycle([("create", request("POST", "/fhir/Observation", server.token, body)) for body in bodies])
        )
        theirs = Side(other.host, other.port, cycle([("create", request("POST", "/", body=body)) for body in bodies]))
        found, least = against(ours, theirs, CONNECTIONS, seconds)
    execute(server.dsn, "DROP SCHEMA bare CASCADE")
    note = f"{CONNECTIONS} clients; p50 {found.p(0.5):.1f} ms, p99 {found.p(0.99):.1f} ms; {found.spread}"
    report.add(
        part="create",
        what="create, validated, durable",
        figure=found.rate,
        unit="/s",
        bar=f">= {BAR:,}",
        met=found.rate >= BAR,
        baseline="bare handler, one INSERT, same indexes",
        baseline_figure=least.rate,
        ratio=found.rate / least.rate,
        note=note,
    )


def _observations(server: Server) -> list[dict[str, Any]]:
    asked = urllib.request.Request(
        f"http://{server.host}:{server.port}/fhir/Observation?_count={BODIES}", headers={"Authorization": f"Bearer {server.token}"}
    )
    with urllib.request.urlopen(asked) as answer:
        found = [entry["resource"] for entry in json.load(answer)["entry"]]
    return [
        {name: value for name, value in one.items() if name not in ("id", "meta")} for one in found if one["resourceType"] == "Observation"
    ]
