"""Indexes that should be there: after a first load that was cut off, some are not."""

from __future__ import annotations

from asyncpg import Connection

from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.layout import Layout, layout
from xinglin.store.schema import indexes


async def missing_indexes(connection: Connection) -> list[tuple[Layout, str]]:
    """(type, definition) of the indexes that should be there and are not, the largest tables' first."""
    there = {row[0] for row in await connection.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'record'")}
    rows = await connection.fetch(
        "SELECT relname, pg_relation_size(c.oid) AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = 'record' AND relkind = 'r'"
    )
    sizes: dict[str, int] = {row["relname"]: row["bytes"] for row in rows}
    spots = sorted((layout(type_) for type_ in RESOURCE_TYPES if type_.lower() in sizes), key=lambda spot: -sizes[spot.type.lower()])
    return [(spot, sql) for spot in spots for name, sql in indexes(spot) if name not in there]


async def mend(connection: Connection) -> int:
    """Build what a load that was cut off left missing; how many indexes that were."""
    missing = await missing_indexes(connection)
    for _, sql in missing:
        await connection.execute(sql)
    return len(missing)
