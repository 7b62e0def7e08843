"""Everything of one type as it was at one tick, in pages of rising tick: what is there now, and what was superseded since.

Reading goes on while others write: a row changed or deleted meanwhile is found in the history with the tick it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Connection

from xinglin.base.clock import LANES, wall_us
from xinglin.store.applying import FEED_CHANGES_MAX
from xinglin.store.changes import Stored
from xinglin.store.ground import Ground
from xinglin.store.layout import Layout
from xinglin.store.past import opened
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.predicate import access_sql
from xinglin.store.searching.scope import Scope

_SETTLE_S = 0.5
_SETTLE_S_MAX = 60.0
_CALM_S = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """A version as it was; `patient` its patient's number now (0: none, None: deleted since); `present`: it is still the newest."""

    stored: Stored
    patient: int | None
    present: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Rows with ticks up to `upto`; `last` when no more follow."""

    rows: list[Row]
    upto: int
    last: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """Which rows: those a scope may see, and of these only those of these patients' numbers or with these ids. None: no such limit."""

    scope: Scope
    patients: Sequence[int] | None = None
    ids: Sequence[UUID] = ()


async def settled_tick(ground: Ground) -> int:
    """A tick above all that was acknowledged until now, once nothing can be committed below it any more."""
    async with ground.side.connection() as connection:
        newest = await connection.fetchval("SELECT coalesce(max(tick), 0) FROM xinglin.feed")
        upto = max(wall_us(), newest + FEED_CHANGES_MAX * LANES)
        await asyncio.sleep(_SETTLE_S)  # a writer that has its ticks and not yet its transaction number
        begun = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())")
        for _ in range(int(_SETTLE_S_MAX / _CALM_S)):
            if await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1", begun):
                break
            await asyncio.sleep(_CALM_S)
    return upto


async def page(ground: Ground, connection: Connection, spot: Layout, whose: Whose, after: int, upto: int, size: int) -> Page:
    """The next rows with ticks beyond `after`, at most `size`."""
    if not await ground.tables.there(connection, spot):
        return Page([], upto, True)
    arguments = Arguments([after, upto, size])
    limit = ""
    if whose.patients is not None:
        numbers, ids = arguments.add(list(whose.patients), "integer[]"), arguments.add(list(whose.ids), "uuid[]")
        limit = f" AND (r.patient = ANY({numbers}) OR r.id = ANY({ids}))"
    await ground.interning.catch_up(connection)
    limit += access_sql(ground, whose.scope, arguments, spot, "r")
    heads = (
        f"SELECT r.id, r.version, r.tick, r.content, r.patient, true AS present FROM {spot.table} r"
        f" WHERE r.tick > $1 AND r.tick <= $2{limit} ORDER BY r.tick LIMIT $3"
    )
    there = f" AND EXISTS (SELECT FROM {spot.table} r WHERE r.id = v.id{limit})" if limit else ""
    past = (
        f"SELECT v.id, v.version, v.tick, v.content, (SELECT r.patient FROM {spot.table} r WHERE r.id = v.id), false"
        f" FROM {spot.history} v"
        " WHERE v.tick > $1 AND v.tick <= (SELECT CASE WHEN count(*) = $3 THEN max(tick) ELSE $2 END FROM heads) AND v.content <> ''"
        f" AND (EXISTS (SELECT FROM {spot.history} n WHERE n.id = v.id AND n.version = v.version + 1 AND n.tick > $2)"
        f" OR EXISTS (SELECT FROM {spot.table} n WHERE n.id = v.id AND n.version = v.version + 1 AND n.tick > $2)){there}"
        " ORDER BY v.tick LIMIT $3"
    )
    found = await connection.fetch(f"WITH heads AS MATERIALIZED ({heads}) (SELECT * FROM heads) UNION ALL ({past})", *arguments.values)
    found.sort(key=lambda row: row["tick"])
    more = len(found) >= size
    rows = [_row(ground, spot, row) for row in found[:size]]
    return Page(rows, rows[-1].stored.tick if more else upto, not more)


def _row(ground: Ground, spot: Layout, row: Any) -> Row:
    return Row(opened(ground, spot, row["id"], row["version"], row["tick"], row["content"]), row["patient"], row["present"])


async def deletions(ground: Ground, connection: Connection, spot: Layout, after: int, upto: int, size: int) -> list[tuple[int, Stored]]:
    """(tick of the deletion, the version before it) of what was deleted beyond `after` and was so at `upto`, at most `size`, in order."""
    if not await ground.tables.there(connection, spot):
        return []
    rows = await connection.fetch(
        f"SELECT d.tick AS gone, v.id, v.version, v.tick, v.content FROM {spot.history} d"
        f" JOIN {spot.history} v ON v.id = d.id AND v.version = d.version - 1"
        " WHERE d.tick > $1 AND d.tick <= $2 AND d.content = ''"
        f" AND NOT EXISTS (SELECT FROM {spot.history} n WHERE n.id = d.id AND n.version > d.version AND n.tick <= $2)"
        f" AND NOT EXISTS (SELECT FROM {spot.table} n WHERE n.id = d.id AND n.tick <= $2) ORDER BY d.tick LIMIT $3",
        after, upto, size,
    )  # fmt: skip
    return [(row["gone"], opened(ground, spot, row["id"], row["version"], row["tick"], row["content"])) for row in rows]
