"""Bulk load: many new resources by COPY, in batches that are each one transaction.

A batch is in the record whole, with its feed row, or not at all. A first load makes the tables it needs without indexes and
builds these at its end (`Loader.bare`, `end`); a load that is cut off leaves no index missing for long, since `mend` builds
what is missing at the next start.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg import Connection

from xinglin.base.clock import LANES, wall_us
from xinglin.base.errors import Unavailable
from xinglin.fhir.codec import Resource, encode
from xinglin.store.applying import FEED_CHANGES_MAX, insert, stamped, write_feed
from xinglin.store.content import load_dictionaries, tail_of
from xinglin.store.ground import Ground
from xinglin.store.interning import Wants
from xinglin.store.layout import Layout
from xinglin.store.learning import learn
from xinglin.store.mending import missing_indexes
from xinglin.store.pool import Pool
from xinglin.store.rows import Draft, draft, era_token, finish

_TRIES = 5
_AT_ONCE = 2
SAMPLES_WANTED = 1_200


@dataclass(slots=True)
class Loader:
    """Writes new resources, each with an id of its own choice; those that are there already are left as they are and counted.

    `bare`: new tables get their indexes at the `end` only; for a load nobody works beside.
    """

    ground: Ground
    bare: bool = False
    written: int = 0
    passed_over: int = 0
    samples: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    learnt: set[str] = field(default_factory=set[str])

    async def load_all(self, batches: Iterable[Sequence[Resource]], told: Callable[[int], None] = lambda _: None) -> None:
        """Batch after batch, two at once: one is taken apart while the database writes the other. `told`: how many of each were new."""
        waiting = iter(batches)

        async def work() -> None:
            for batch in waiting:
                told(await self.load(batch))

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    async def load(self, resources: Sequence[Resource]) -> int:
        """One batch, at most 4,096 resources (one feed row), each with `resourceType` and `id`; how many were new."""
        assert len(resources) <= FEED_CHANGES_MAX
        wants = Wants()
        ground = self.ground
        drafts = [(resource, draft(resource, resource["id"], ground.hashes, wants)) for resource in resources]
        await ground.tables.ensure({made.spot for _, made in drafts}, bare=self.bare)
        await ground.interning.provide(wants)
        await self._learn(resources)
        for _ in range(_TRIES):
            try:
                async with ground.pool.connection() as connection, connection.transaction():
                    await connection.execute("SET LOCAL statement_timeout = 0")
                    fresh = await self._fresh(connection, drafts)
                    await self._write(connection, fresh)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
                continue  # another loader brought the same resources at the same moment: now they are there
            self.written += len(fresh)
            self.passed_over += len(resources) - len(fresh)
            return len(fresh)
        raise Unavailable("Others keep loading the same records; try again in a moment.", retry_after_s=1)

    async def _learn(self, resources: Sequence[Resource]) -> None:
        """Gather samples of each type from the load itself, and learn a dictionary once there are enough."""
        tick = wall_us()
        for resource in resources:
            if (type_ := resource["resourceType"]) not in self.learnt:
                self.samples[type_].append(tail_of(encode(stamped(resource, resource["id"], 1, tick))))
        full = [type_ for type_, held in self.samples.items() if len(held) >= SAMPLES_WANTED]
        if not full:
            return
        self.learnt.update(full)
        ready = {type_: self.samples.pop(type_) for type_ in full}
        async with self.ground.side.connection() as connection:
            async with connection.transaction():
                await learn(self.ground, connection, ready)
            await load_dictionaries(connection, self.ground.contents)

    async def _fresh(self, connection: Connection, drafts: list[tuple[Resource, Draft]]) -> list[tuple[Resource, Draft]]:
        """Each resource once, without what is there already."""
        by_type: defaultdict[Layout, list[UUID]] = defaultdict(list)
        for _, made in drafts:
            by_type[made.spot].append(made.id)
        there: set[tuple[int, UUID]] = set()
        for spot, ids in by_type.items():
            found = await connection.fetch(
                f"SELECT id FROM {spot.table} WHERE id = ANY($1) UNION SELECT id FROM {spot.history} WHERE id = ANY($1)", ids
            )
            there |= {(spot.number, row["id"]) for row in found}
        firsts = {(made.spot.number, made.id): (resource, made) for resource, made in reversed(drafts)}
        return [pair for key, pair in reversed(firsts.items()) if key not in there]

    async def _write(self, connection: Connection, drafts: list[tuple[Resource, Draft]]) -> None:
        ground = self.ground
        await ground.eras.freshen()
        await ground.ticks.keep()
        first = ground.ticks.take(max(len(drafts), 1))
        rows: defaultdict[Layout, list[tuple[Any, ...]]] = defaultdict(list)
        for place, (resource, made) in enumerate(drafts):
            tick, spot = first + place * LANES, made.spot
            content = ground.contents.pack(spot.number, made.id, 1, tick, encode(stamped(resource, resource["id"], 1, tick)))
            era = era_token(ground.hashes, ground.eras.era_of(spot.number, tick))
            rows[spot].append(finish(made, ground.interning, tick=tick, version=1, era=era, content=content))
        for spot in sorted(rows, key=lambda spot: spot.number):
            await insert(connection, spot, rows[spot])
            ground.eras.count(spot.number, len(rows[spot]))
        await write_feed(connection, [made.spot.number for _, made in drafts], first)


async def end(pool: Pool, at_once: int = 2) -> None:
    """Build every missing index, pack the one that was kept meanwhile, then give the planner true statistics."""
    async with pool.connection() as connection:
        missing = await missing_indexes(connection)
        tables = [
            row[0]
            for row in await connection.fetch(
                "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'record' AND n_mod_since_analyze > 0"
            )
        ]
    packed = [f'REINDEX INDEX record."{name}_id"' for name in sorted({spot.type.lower() for spot, _ in missing})]
    await _in_turn(pool, [*(sql for _, sql in missing), *packed], at_once)
    vacuumed = [f'VACUUM (ANALYZE) record."{name}"' for name in tables]
    await _in_turn(pool, [*vacuumed, "VACUUM (ANALYZE) xinglin.person", "VACUUM (ANALYZE) xinglin.feed"], at_once)


async def _in_turn(pool: Pool, statements: list[str], at_once: int) -> None:
    waiting = list(reversed(statements))

    async def work() -> None:
        connection = await pool.open(statement_timeout="0", maintenance_work_mem="512MB", max_parallel_maintenance_workers="0")
        try:
            while waiting:
                await connection.execute(waiting.pop())
        finally:
            await connection.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
