"""The ground every store module stands on: the connections, keys, hashes, dictionaries, numbers and ticks of one process."""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.base.crypto import Keys, KeyWatch
from xinglin.base.errors import Unavailable
from xinglin.base.settings import Settings
from xinglin.store import data_keys, job_queue, schema
from xinglin.store.content import Contents, key_mark, load_dictionaries, ship_dictionaries
from xinglin.store.eras import Eras
from xinglin.store.hashes import Hashes
from xinglin.store.interning import Interning
from xinglin.store.lane import Lane, take_lane
from xinglin.store.mending import mend
from xinglin.store.pool import Pool
from xinglin.store.rebasing import rebase
from xinglin.store.statistics import Statistics
from xinglin.store.tables import Tables


@dataclass(slots=True)
class Ground:
    """One process's hold on the store."""

    settings: Settings
    pool: Pool
    side: Pool
    hashes: Hashes
    contents: Contents
    interning: Interning
    eras: Eras
    tables: Tables
    statistics: Statistics
    ticks: Lane

    async def close(self) -> None:
        """Give everything back."""
        await self.eras.flush()
        await self.ticks.close()
        await self.side.close()
        await self.pool.close()


async def prepare(settings: Settings, dsn: str, keys: Keys) -> None:
    """Make the tables of a new database, or check that this one belongs to these keys. Safe to call at every start."""
    pool = Pool(dsn, 1, 600)
    connection = await pool.open(search_path="public")
    try:
        await schema.create(connection, key_mark(keys))
        version, mark = await connection.fetchrow("SELECT version, key_mark FROM xinglin.installation")
        if mark != key_mark(keys):
            raise Unavailable("This database was made with another key file; restore the key file that belongs to it.")
        if version != schema.VERSION:
            raise Unavailable("This database has version {found}; this program needs {wanted}.", found=version, wanted=schema.VERSION)
        await data_keys.install(connection)
        await data_keys.agree(connection, keys, settings.cipher)
        await ship_dictionaries(connection, Contents(keys, settings.cipher))
        await rebase(connection)
        await job_queue.install(connection)
        await mend(connection)
    finally:
        await connection.close()


async def stand(settings: Settings, dsn: str, keys: Keys) -> Ground:
    """Open a process's hold. Raises `Unavailable` when the database is down or every lane is taken."""
    pool = Pool(dsn, settings.database_connections, settings.statement_timeout_s)
    side = Pool(dsn, 2, settings.statement_timeout_s)
    hashes = Hashes(keys.index)
    contents = Contents(keys, settings.cipher, KeyWatch(settings.key_path, settings.cipher))
    interning = Interning(side, hashes)
    async with side.connection() as connection:
        await data_keys.agree(connection, keys, settings.cipher)
        await load_dictionaries(connection, contents)
        await interning.catch_up(connection)
    eras = Eras(side)
    await eras.refresh()
    return Ground(settings, pool, side, hashes, contents, interning, eras, Tables(side), Statistics(side), await take_lane(pool))
