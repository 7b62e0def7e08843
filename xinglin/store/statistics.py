"""How common tokens are, from PostgreSQL's own statistics: which searches can use the token index outright and which must walk."""

from __future__ import annotations

import time
from dataclasses import dataclass

from asyncpg import Connection

from xinglin.store.layout import Layout
from xinglin.store.pool import Pool

_FRESH_S = 60.0
RARE_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class _Frequencies:
    rows: float
    common: dict[int, float]
    codes: dict[int, float]
    read_at_s: float


class Statistics:
    """Token frequencies per type, read again every minute. Wrong figures cost speed, never correctness."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[str, _Frequencies] = {}

    async def expected_rows(self, connection: Connection, spot: Layout, token: int) -> float:
        """About how many rows carry a token; 0 for one that is not among the common ones."""
        held = await self._held(connection, spot)
        return held.rows * held.common.get(token, 0.0)

    async def expected_of_code(self, connection: Connection, spot: Layout, code: int) -> float:
        """About how many rows have a concept; for one that is not among the common ones, as many as the least common of these."""
        held = await self._held(connection, spot)
        return held.rows * held.codes.get(code, min(held.codes.values(), default=0.0))

    async def rows(self, connection: Connection, spot: Layout) -> float:
        """About how many rows the type has."""
        return (await self._held(connection, spot)).rows

    async def _held(self, connection: Connection, spot: Layout) -> _Frequencies:
        held = self._known.get(spot.type)
        if held is None or time.monotonic() - held.read_at_s > _FRESH_S:
            held = self._known[spot.type] = await self._read(connection, spot)
        return held

    @staticmethod
    async def _read(connection: Connection, spot: Layout) -> _Frequencies:
        rows = await connection.fetchval("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = $1::text::regclass", spot.table)
        found = await connection.fetchrow(
            "SELECT most_common_elems::text::bigint[] AS elems, most_common_elem_freqs AS freqs FROM pg_stats"
            " WHERE schemaname = 'record' AND tablename = $1 AND attname = 'tokens'",
            spot.type.lower(),
        )
        common = dict(zip(found["elems"], found["freqs"], strict=False)) if found and found["elems"] else {}
        held = await connection.fetchrow(
            "SELECT most_common_vals::text::integer[] AS codes, most_common_freqs AS freqs FROM pg_stats"
            " WHERE schemaname = 'record' AND tablename = $1 AND attname = 'code'",
            spot.type.lower(),
        )
        codes = dict(zip(held["codes"], held["freqs"], strict=False)) if held and held["codes"] else {}
        return _Frequencies(float(rows), common, codes, time.monotonic())
