"""Reads by id, many at once: what is asked while a query is under way is answered by the next one, together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any
from uuid import UUID

import asyncpg

from xinglin.base.errors import XinglinError
from xinglin.store.layout import Layout
from xinglin.store.pool import Pool
from xinglin.store.tables import Tables

_AT_ONCE = 1
_TOGETHER_MAX = 64
_COLUMNS = "version, tick, content, patient, presence"

Asked = tuple[UUID, "asyncio.Future[Any]"]


class Reading:
    """One process's desk for single reads."""

    def __init__(self, pool: Pool, tables: Tables) -> None:
        self._pool = pool
        self._tables = tables
        self._waiting: defaultdict[Layout, list[Asked]] = defaultdict(list)
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def row(self, spot: Layout, key: UUID) -> Any:
        """The row (version, tick, content, patient, presence) under an id, or None. Raises `Unavailable`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[spot].append((key, future))
        if self._running < _AT_ONCE:
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                spot = next(iter(self._waiting))
                held = self._waiting.pop(spot)
                if len(held) > _TOGETHER_MAX:
                    self._waiting[spot] = held[_TOGETHER_MAX:]
                await self._answer(spot, held[:_TOGETHER_MAX])
        finally:
            self._running -= 1

    async def _answer(self, spot: Layout, held: list[Asked]) -> None:
        try:
            rows = await self._fetch(spot, [key for key, _ in held])
        except (XinglinError, asyncpg.PostgresError) as failed:
            for _, future in held:
                if not future.done():
                    future.set_exception(failed)
            return
        for key, future in held:
            if not future.done():
                future.set_result(rows.get(key))

    async def _fetch(self, spot: Layout, keys: list[UUID]) -> dict[UUID, Any]:
        async with self._pool.connection() as connection:
            if not await self._tables.there(connection, spot):
                return {}
            if len(keys) == 1:
                row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM {spot.table} WHERE id = $1", keys[0])
                return {keys[0]: row} if row else {}
            rows = await connection.fetch(f"SELECT {_COLUMNS}, id FROM {spot.table} WHERE id = ANY($1)", keys)
            return {row["id"]: row for row in rows}
