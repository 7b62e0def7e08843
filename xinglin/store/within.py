"""A store inside one open transaction: what is written through it becomes true when that commits, all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from asyncpg import Connection

from xinglin.store.reading import Reading
from xinglin.store.records import Store
from xinglin.store.writing import Writing


class _Pinned:
    """A pool of one connection, for one user at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        async with self._turn:
            yield self._connection


@asynccontextmanager
async def within(store: Store) -> AsyncGenerator[tuple[Store, Connection]]:
    """(the store inside, its connection); commits at the end of the block, rolls back when it raises.

    A write inside is a savepoint: it is acknowledged before it is durable, and one that is refused undoes itself alone.
    Its locks are held to the end, so keep the block short.
    """
    own: OSError | None = None
    async with store.ground.pool.connection() as connection:
        ground = replace(store.ground, pool=_Pinned(connection))
        inside = replace(store, ground=ground, reading=Reading(ground.pool, ground.tables), writing=Writing(ground))
        try:
            async with connection.transaction():
                try:
                    yield inside, connection
                finally:
                    await inside.writing.close()  # a cancelled block may have a write under way
        except OSError as raised:  # the block's own (a time-out, another server): the pool would take it for the database's
            if connection.is_closed():
                raise
            own = raised
    if own is not None:
        raise own
