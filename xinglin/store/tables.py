"""Which resource types have tables. A type's tables are made when its first resource is written; until then there is nothing of it."""

from __future__ import annotations

from collections.abc import Iterable

from asyncpg import Connection

from xinglin.store.layout import Layout
from xinglin.store.pool import Pool
from xinglin.store.schema import indexes, table_sql

_MAKER_LOCK = 7304


class Tables:
    """The types this process knows to have tables; a table is never dropped, so what is known stays true."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: set[Layout] = set()

    async def there(self, connection: Connection, spot: Layout) -> bool:
        """Whether the type has tables."""
        if spot not in self._known and await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", spot.history):
            self._known.add(spot)
        return spot in self._known

    async def ensure(self, spots: Iterable[Layout], *, bare: bool = False) -> None:
        """Make the tables of types that have none. `bare`: without the indexes a first load builds at its end."""
        missing = sorted({spot for spot in spots if spot not in self._known}, key=lambda spot: spot.number)
        if not missing:
            return
        async with self._pool.connection() as connection:
            for spot in missing:
                async with connection.transaction():
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", _MAKER_LOCK)
                    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", spot.history):
                        await connection.execute(_made(spot, bare=bare))
        self._known.update(missing)


def _made(spot: Layout, *, bare: bool) -> str:
    wanted = [sql for name, sql in indexes(spot) if not bare or name.endswith("_id")]
    return ";\n".join([table_sql(spot), *wanted])
