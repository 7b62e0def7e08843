"""Connections of our own: kept open, handed out last-in first-out, never reset between uses.

asyncpg's pool resets each connection with a query after each use, which halves the rate of small reads; ours are only
ever left in the state they were found in (every transaction here ends where it began), so no reset is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg import Connection

from xinglin.base.errors import Unavailable

_WAIT_S = 10.0
_QUIET_S = 2.0
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class NoConnection(Unavailable):
    """No connection could be had, or it was lost: what was under way on it may or may not have been done."""


class Pool:
    """At most `size` connections, opened as they are needed."""

    def __init__(self, dsn: str, size: int, statement_timeout_s: int) -> None:
        self._dsn = dsn
        self._size = size
        self._free: list[Connection] = []
        self._slots = asyncio.Semaphore(size)
        self._settings = {
            "statement_timeout": str(statement_timeout_s * 1000),
            "plan_cache_mode": "force_generic_plan",
            "application_name": "xinglin",
            "idle_in_transaction_session_timeout": str(statement_timeout_s * 2000),
            "jit": "off",
            "synchronous_commit": "on",
            "max_parallel_workers_per_gather": "0",
            "search_path": "pg_catalog",
        }

    async def open(self, **settings: str) -> Connection:
        """A connection outside the pool; the caller closes it."""
        try:
            return await asyncpg.connect(
                self._dsn,
                server_settings=self._settings | settings,
                statement_cache_size=2000,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,
            )
        except (OSError, asyncpg.PostgresError, *_LOST) as down:
            raise NoConnection("The database does not answer; try again in a moment.", retry_after_s=2) from down

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """A connection for the length of the block; raises `Unavailable` after ten seconds of waiting."""
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._slots.acquire()
        except TimeoutError as busy:
            raise NoConnection("The server is busy; try again in a moment.", retry_after_s=2) from busy
        try:
            connection = self._take() or await self.open()
            try:
                yield connection
            except asyncio.CancelledError:
                await _quieten(connection)
                raise
            except asyncpg.QueryCanceledError as slow:
                raise Unavailable("The database took too long over this request; narrow it, or try again later.", retry_after_s=5) from slow
            except (*_LOST, OSError) as lost:
                if isinstance(lost, (OSError, ValueError)) and not connection.is_closed():
                    raise  # of the block, not of the database
                connection.terminate()
                raise NoConnection("The database closed the connection; try again in a moment.", retry_after_s=2) from lost
            finally:
                await self._give_back(connection)
        finally:
            self._slots.release()

    async def _give_back(self, connection: Connection) -> None:
        if connection.is_closed():
            return
        if connection.is_in_transaction():  # a cancelled request: what it began must not linger
            connection.terminate()
            return
        self._free.append(connection)

    def _take(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return None

    async def close(self) -> None:
        """Close every connection that is not in use."""
        for connection in self._free:
            await connection.close()
        self._free.clear()


async def _quieten(connection: Connection) -> None:
    """Wait for the end of a statement whose caller went away: a BEGIN may come true only now, and must not meet the next user."""
    quiet = False
    try:
        async with asyncio.timeout(_QUIET_S):
            await connection.execute("SELECT")
        quiet = True
    except (OSError, asyncpg.PostgresError, *_LOST):
        pass
    finally:
        if not quiet:
            connection.terminate()


Row = Any
"""One asyncpg record."""
