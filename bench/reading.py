"""Reads by id of resources of about 3 kB, in random order over the whole record."""

from __future__ import annotations

import asyncio
import random
from functools import cache
from uuid import UUID

import asyncpg

from bench import synthea
from bench.bare import bare
from bench.client import cycle, request
from bench.home import Memory, Server, say
from bench.rounds import Side, against
from bench.table import Report

CONNECTIONS = 16
BYTES_MIN, BYTES_MAX = 2_700, 3_300
RESOURCES_MAX = 4_000
RATIO_BAR, RATE_BAR = 0.6, 4_000
TYPE = "ExplanationOfBenefit"


@cache
def lines() -> tuple[bytes, ...]:
    """The resources of Synthea, read once."""
    return tuple(synthea.resources())


def id_of(line: bytes) -> str:
    """The id of a resource, which in Synthea's is the first one of the text."""
    at = line.index(b'"id":"') + 6
    return line[at : at + 36].decode()


def _copied(chosen: list[bytes], copies: int) -> dict[str, bytes]:
    """The JSON of every copy by its id."""
    return {id_of(line): line for number in range(copies) for line in (synthea.copy_of(one, number) for one in chosen)}


async def _lay_plain(dsn: str, rows: list[tuple[UUID, bytes]]) -> None:
    """What the bare handler reads: the same resources as plain bytes of full length, neither packed nor sealed."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "CREATE SCHEMA IF NOT EXISTS bare; DROP TABLE IF EXISTS bare.plain; CREATE TABLE bare.plain (id uuid, content bytea)"
        )
        await connection.copy_records_to_table("plain", schema_name="bare", records=rows)
        await connection.execute("ALTER TABLE bare.plain ADD PRIMARY KEY (id)")
        await connection.execute("VACUUM (ANALYZE) bare.plain")
    finally:
        await connection.close()


def measure(report: Report, server: Server, copies: int, seconds: float) -> list[Memory]:
    """Put the row in the report; the memory of the bare handler's processes."""
    say("read: by id, against a bare handler")
    mark = f'"resourceType":"{TYPE}"'.encode()
    chosen = [line for line in lines() if mark in line[:60] and BYTES_MIN <= len(line) <= BYTES_MAX]
    chance = random.Random(1)
    ids = [id_of(synthea.copy_of(line, number)) for number in range(copies) for line in chosen]
    chance.shuffle(ids)
    ids = ids[:RESOURCES_MAX]
    plain = _copied(chosen, copies)
    asyncio.run(_lay_plain(server.dsn, [(UUID(id_), plain[id_]) for id_ in ids]))
    with bare("read", server.dsn) as other:
        ours = Side(server.host, server.port, cycle([("read", request("GET", f"/fhir/{TYPE}/{id_}", server.token)) for id_ in ids]))
        theirs = Side(other.host, other.port, cycle([("read", request("GET", f"/{id_}")) for id_ in ids]))
        found, least = against(ours, theirs, CONNECTIONS, seconds)
        memory = other.memory()
    ratio = found.rate / least.rate
    note = f"{CONNECTIONS} connections; p50 {found.p(0.5):.1f} ms, p99 {found.p(0.99):.1f} ms; {found.spread}"
    row = {"part": "read", "what": "read by id, 3 kB", "figure": found.rate, "unit": "/s", "ratio": ratio, "note": note}
    row |= {"baseline": "bare handler, one SELECT of the plain JSON", "baseline_figure": least.rate}
    report.add(**row, bar=f"ratio >= {RATIO_BAR}, >= {RATE_BAR:,}/s", met=ratio >= RATIO_BAR and found.rate >= RATE_BAR)
    return memory
