"""Eras: stretches of about 65,536 rows of one type. Each row's tokens name its era, so that a search by token can walk newest era first.

An era begins at a tick set two seconds ahead when it is announced, and every process reads the announcements at least
once a second before it makes ticks: so all processes agree on the era of every tick, and eras never overlap.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import Counter

from xinglin.base.clock import wall_us
from xinglin.store.pool import Pool

ROWS = 65_536
_FRESH_S = 1.0
_AHEAD_US = 2_000_000


class Eras:
    """The eras of all types as this process last read them, and the rows it wrote since."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._starts: dict[int, list[int]] = {}
        self._written: Counter[int] = Counter()
        self._read_at_s = 0.0
        self._turn = asyncio.Lock()

    def era_of(self, type_number: int, tick: int) -> int:
        """The era of a tick; call `freshen` before taking the tick."""
        return bisect_right(self._starts.get(type_number, ()), tick)

    def newest(self, type_number: int) -> int:
        """The highest era announced."""
        return len(self._starts.get(type_number, ()))

    def count(self, type_number: int, rows: int) -> None:
        """Note rows written."""
        self._written[type_number] += rows

    async def freshen(self) -> None:
        """Before ticks are made and before rows are looked for: know the announcements of the last second, and announce what is due."""
        if time.monotonic() - self._read_at_s > _FRESH_S:
            async with self._turn:
                if time.monotonic() - self._read_at_s > _FRESH_S:
                    await self.flush()
                    await self.refresh()

    async def refresh(self) -> None:
        """Read all announcements."""
        before_s = time.monotonic()
        async with self._pool.connection() as connection:
            rows = await connection.fetch("SELECT type, from_tick FROM xinglin.era WHERE n > 0 ORDER BY type, n")
        starts: dict[int, list[int]] = {}
        for type_number, tick in rows:
            starts.setdefault(type_number, []).append(tick)
        self._starts, self._read_at_s = starts, before_s

    async def flush(self) -> None:
        """Add this process's rows to the count of each type's newest era, and announce the next where it is full."""
        written, self._written = self._written, Counter()
        if not written:
            return
        async with self._pool.connection() as connection:
            last = await connection.fetchval("SELECT coalesce(max(tick), 0) FROM xinglin.feed")
            now = max(wall_us(), last)  # a restored record may be ahead of the clock
            for type_number, rows in written.items():
                await connection.execute("INSERT INTO xinglin.era VALUES ($1, 0, 0, 0) ON CONFLICT DO NOTHING", type_number)
                held = await connection.fetchrow(
                    "UPDATE xinglin.era SET rows = rows + $2 WHERE type = $1 AND n = (SELECT max(n) FROM xinglin.era WHERE type = $1)"
                    " RETURNING n, rows, from_tick",
                    type_number,
                    rows,
                )
                if held["rows"] >= ROWS and held["from_tick"] < now:
                    await connection.execute(
                        "INSERT INTO xinglin.era VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING", type_number, held["n"] + 1, now + _AHEAD_US
                    )
