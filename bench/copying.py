"""The baseline of every load: the very same rows, made beforehand, put by two connections' COPY into tables of the same make.

What is left out is all that is FHIR: parsing, validation, extraction, hashing, compression, sealing.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg

from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.layout import Layout, layout
from xinglin.store.schema import indexes, table_sql

AT_ONCE = 2
Step = Callable[[asyncpg.Connection, Layout], Coroutine[Any, Any, None]]


def copy_seconds(dsn: str, *, indexed: bool) -> float:
    """Seconds to COPY every current row of the record; `indexed`: into tables with their indexes, else these are built at the end."""
    return asyncio.run(_copy_seconds(dsn, indexed))


async def _copy_seconds(dsn: str, indexed: bool) -> float:
    connection: Any = await asyncpg.connect(dsn)
    try:
        spots = await _filled(connection)
        await connection.execute("DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare")
        for spot in spots:
            await connection.execute(_elsewhere(table_sql(spot).split(";")[0]))
            await connection.execute(f"ALTER TABLE {_elsewhere(spot.table)} ALTER content SET STORAGE EXTERNAL")
            if indexed:
                await _index(connection, spot)
        with tempfile.TemporaryDirectory() as folder:
            for spot in spots:
                await connection.copy_from_query(f"SELECT * FROM {spot.table}", output=_file(folder, spot), format="binary")
            await connection.execute("CHECKPOINT")
            began = time.perf_counter()
            await _in_turn(dsn, spots, lambda one, spot: _copy(one, spot, Path(folder)))
            if not indexed:
                await _in_turn(dsn, spots, _index)
                await _in_turn(dsn, spots, _vacuum)
            return time.perf_counter() - began
    finally:
        await connection.execute("DROP SCHEMA IF EXISTS bare CASCADE")
        await connection.close()


async def _filled(connection: asyncpg.Connection) -> list[Layout]:
    """The types that have rows, the largest tables first."""
    rows = await connection.fetch("SELECT relname, pg_relation_size(relid) FROM pg_stat_user_tables WHERE schemaname = 'record'")
    sizes = {row[0]: row[1] for row in rows}
    names = {type_.lower(): type_ for type_ in RESOURCE_TYPES}
    return [layout(names[name]) for name in sorted(sizes, key=lambda name: -sizes[name]) if sizes[name]]


async def _copy(connection: Any, spot: Layout, folder: Path) -> None:
    await connection.copy_to_table(spot.type.lower(), schema_name="bare", source=_file(folder, spot), format="binary")


async def _index(connection: asyncpg.Connection, spot: Layout) -> None:
    for _, sql in indexes(spot):
        await connection.execute(_elsewhere(sql))


async def _vacuum(connection: asyncpg.Connection, spot: Layout) -> None:
    await connection.execute(f"VACUUM (ANALYZE) {_elsewhere(spot.table)}")


async def _in_turn(dsn: str, spots: list[Layout], step: Step) -> None:
    waiting = list(reversed(spots))

    async def work() -> None:
        connection = await asyncpg.connect(dsn, server_settings={"maintenance_work_mem": "512MB", "max_parallel_maintenance_workers": "0"})
        try:
            while waiting:
                await step(connection, waiting.pop())
        finally:
            await connection.close()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def _elsewhere(sql: str) -> str:
    return sql.replace('record."', 'bare."')


def _file(folder: str | Path, spot: Layout) -> Path:
    return Path(folder) / spot.type.lower()
