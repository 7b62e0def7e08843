"""What is in the store, counted for those who protect it: rows, sensitivity, bytes on the disk, keys, relations. No content is opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.ground import Ground
from xinglin.store.layout import Layout, layout
from xinglin.store.ledger.heads import Exported, exported, head_of, ledger_of
from xinglin.store.rows import RESTRICTED_MARK

COUNTED_MAX = 100_000
"""More rows of a type than these are told by the database's estimate, and their sensitive ones by a sample of so many."""
SEALS_LOOKED_AT = 500
"""Newest rows of each table whose seal is looked at."""


@dataclass(frozen=True, slots=True)
class Held:
    """One type of resource: present rows (`exact` or an estimate), those labelled most sensitive, bytes with history and indexes."""

    type: str
    rows: int
    restricted: int
    bytes: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Sealed:
    """Of `looked` rows, how many begin with a key this database knows: all, unless somebody wrote past the platform."""

    looked: int
    sealed: int


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A data key: when this database first saw it, when it was retired; `current`: what is written now is sealed with it."""

    number: int
    seen: datetime
    retired: datetime | None
    current: bool


async def holdings(ground: Ground) -> list[Held]:
    """Every type there is anything of, the most rows first."""
    async with ground.side.connection() as connection:
        found = [await _held(connection, spot) for spot in await _spots(connection)]
    return sorted((one for one in found if one.rows), key=lambda one: -one.rows)


async def _spots(connection: Connection) -> list[Layout]:
    there = {row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'record'")}
    return [layout(type_) for type_ in RESOURCE_TYPES if type_.lower() in there]


async def _held(connection: Connection, spot: Layout) -> Held:
    size = await connection.fetchval(
        "SELECT pg_total_relation_size($1::text::regclass) + pg_total_relation_size($2::text::regclass)", spot.table, spot.history
    )
    estimate = await connection.fetchval("SELECT reltuples FROM pg_class WHERE oid = $1::text::regclass", spot.table)
    marks = f"SELECT n FROM xinglin.presence WHERE type = {spot.number} AND params LIKE '%{RESTRICTED_MARK}%'"
    exact = estimate < COUNTED_MAX
    sample = "" if exact else f" TABLESAMPLE SYSTEM ({100 * COUNTED_MAX / estimate})"
    sql = f"SELECT count(*), count(*) FILTER (WHERE presence IN ({marks})) FROM {spot.table}{sample}"
    rows, restricted = await connection.fetchrow(sql)
    if exact:
        return Held(spot.type, rows, restricted, size, exact=True)
    return Held(spot.type, int(estimate), round(restricted * estimate / max(rows, 1)), size, exact=False)


async def sealed_sample(ground: Ground) -> Sealed:
    """Whether what lies in the tables is sealed: the newest rows of each are looked at."""
    looked = sealed = 0
    async with ground.side.connection() as connection:
        known = [row[0] for row in await connection.fetch("SELECT n FROM xinglin.data_key")]
        for spot in await _spots(connection):
            row = await connection.fetchrow(
                "SELECT count(*), count(*) FILTER (WHERE get_byte(content, 0) = ANY($1::int[])) FROM"
                f" (SELECT content FROM {spot.table} WHERE octet_length(content) > 0 ORDER BY tick DESC LIMIT {SEALS_LOOKED_AT}) newest",
                known,
            )
            looked, sealed = looked + row[0], sealed + row[1]
    return Sealed(looked, sealed)


async def keys_seen(ground: Ground) -> list[KeySeen]:
    """The data keys this database was ever sealed with, oldest first."""
    async with ground.side.connection() as connection:
        rows = await connection.fetch("SELECT n, seen_at, retired_at FROM xinglin.data_key ORDER BY n")
    return [KeySeen(row["n"], row["seen_at"], row["retired_at"], row["n"] == ground.contents.current) for row in rows]


async def relations_now(ground: Ground, now_us: int) -> dict[str, tuple[int, int]]:
    """Kind -> (relations, residents they are about), of those that hold now."""
    sql = "SELECT kind, count(*), count(DISTINCT patient) FROM xinglin.relation WHERE starts <= $1 AND ends > $1 GROUP BY kind"
    async with ground.side.connection() as connection:
        return {row[0]: (row[1], row[2]) for row in await connection.fetch(sql, now_us)}


async def trail_began(ground: Ground) -> int | None:
    """When the oldest row of the trail is from, microseconds since 1970; None for an empty one."""
    async with ground.side.connection() as connection:
        return await connection.fetchval("SELECT min(at) FROM xinglin.audit")


async def bytes_of(ground: Ground) -> int:
    """The whole database on the disk."""
    async with ground.side.connection() as connection:
        return await connection.fetchval("SELECT pg_database_size(current_database())")


async def head_at(ground: Ground, number: int) -> Exported | None:
    """The ledger's own head after so many seals, from where a partial verification goes on; None when there is none."""
    async with ground.side.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM xinglin.seal WHERE n = $1", number)
        if row is None:
            return None
        public = await connection.fetchval("SELECT public FROM xinglin.seal_key WHERE key = $1", row["key"])
        return exported(head_of(row, await ledger_of(connection)), public)


async def ended_papers(ground: Ground, now_us: int) -> int:
    """Papers that have ended and wait for the sweep."""
    async with ground.side.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM xinglin.paper WHERE ends <= $1", now_us)
