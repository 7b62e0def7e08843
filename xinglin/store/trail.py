"""Audit rows of reads: gathered in the process, written in batches, none lost at an orderly end. Those of writes go with the write."""

from __future__ import annotations

import asyncio
import logging

import asyncpg

from xinglin.base.errors import Unavailable
from xinglin.store.applying import AUDIT_COLUMNS, AUDIT_SQL, audit_record
from xinglin.store.changes import AuditRow
from xinglin.store.ground import Ground

_EVERY_S = 0.5
_HELD_MAX = 100_000
_LOG = logging.getLogger(__name__)


class Trail:
    """One process's pen for the audit trail."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._held: list[tuple[int, AuditRow]] = []
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def note(self, tick: int, row: AuditRow) -> None:
        """Keep a row for the next batch. Raises `Unavailable` when the trail cannot be written: no look goes unseen."""
        if len(self._held) >= _HELD_MAX:
            raise Unavailable("The audit trail cannot be written now; try again in a moment.", retry_after_s=5)
        self._held.append((tick, row))
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.flush()
            except (Unavailable, asyncpg.PostgresError) as down:
                _LOG.warning("audit rows wait for the database: %s", down)

    async def flush(self) -> None:
        """Write what is held, each row once; rows stay held when the database fails."""
        async with self._turn:
            await self._write()

    async def _write(self) -> None:
        while self._held:
            batch = self._held[:5000]
            records = [audit_record(self._ground, tick, row) for tick, row in batch]
            async with self._ground.side.connection() as connection:
                if len(records) > 20:
                    await connection.copy_records_to_table("audit", schema_name="xinglin", records=records, columns=AUDIT_COLUMNS)
                else:
                    await connection.executemany(AUDIT_SQL, records)
            del self._held[: len(batch)]

    async def close(self) -> None:
        """Stop, writing everything held."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()
