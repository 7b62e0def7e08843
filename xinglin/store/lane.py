"""A writer's place among the writers of a database: the lane of its ticks, held by a session lock that ends with the process."""

from __future__ import annotations

import asyncio

from asyncpg import Connection

from xinglin.base.clock import LANES, Ticks
from xinglin.base.errors import Unavailable
from xinglin.store.pool import Pool

_LANE_LOCK = 7400


class Lane:
    """Makes this process's ticks; a lane is its own as long as the connection lives that holds it."""

    def __init__(self, pool: Pool, holder: Connection, ticks: Ticks) -> None:
        self._pool = pool
        self._holder = holder
        self._ticks = ticks
        self._turn = asyncio.Lock()

    def take(self, count: int = 1) -> int:
        """The first of `count` ticks (see `Ticks`)."""
        return self._ticks.take(count)

    def raise_to(self, floor: int) -> None:
        """Every later tick is above `floor`."""
        self._ticks.raise_to(floor)

    async def keep(self) -> None:
        """Before ticks are taken: take another lane if this one was lost with its connection (the database was restarted)."""
        if not self._holder.is_closed():
            return
        async with self._turn:
            if self._holder.is_closed():
                holder = await self._pool.open()
                lane = await free_lane(holder)
                self._ticks = Ticks(lane, max(await _floor(holder), self._ticks.take()))
                self._holder = holder

    async def close(self) -> None:
        """Leave the lane to others."""
        await self._holder.close()


async def take_lane(pool: Pool) -> Lane:
    """A lane whose ticks are above all that are stored. Raises `Unavailable` when every lane is taken."""
    holder = await pool.open()
    lane = await free_lane(holder)
    return Lane(pool, holder, Ticks(lane, await _floor(holder)))


async def _floor(holder: Connection) -> int:
    """Above all that is stored: a feed row tells the first tick of its set."""
    return await holder.fetchval("SELECT coalesce(max(tick), 0) FROM xinglin.feed") + LANES * 4096


async def free_lane(holder: Connection) -> int:
    """A lane no other live process has, from now on held by this connection."""
    for _ in range(20):
        for lane in range(LANES):
            if await holder.fetchval("SELECT pg_try_advisory_lock($1, $2)", _LANE_LOCK, lane):
                return lane
        await asyncio.sleep(0.25)
    raise Unavailable("All {lanes} writers' places of this database are taken.", lanes=LANES)
