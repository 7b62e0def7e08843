"""Following the change feed: every consumer sees every change once, in one order, and what it writes commits with its place.

A feed row carries the number of the transaction that wrote it (`xact`). Rows are read in the order (xact, tick), and only
those below the oldest transaction still running: what commits late is waited for, never passed over. So one transaction
that stays open anywhere in the cluster holds all consumers back until it ends.

Transaction numbers start over when a dump is restored into another cluster. `rebasing`, run at every start, sees that the
feed is ahead of the cluster and from then on adds an offset to the numbers of new rows; consumers keep their places exactly.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncpg import Connection

from xinglin.base.errors import Conflict
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.changes import Stored
from xinglin.store.content import UnknownDictionary, load_dictionaries
from xinglin.store.layout import TYPE_NUMBER, layout
from xinglin.store.past import changes_of, opened, versions_at
from xinglin.store.records import Store
from xinglin.store.searching.scope import Scope
from xinglin.store.within import within

_ROWS_AT_ONCE = 32
_END_OF_XACT = 2**62
_SETTLED = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (SELECT xact_offset FROM xinglin.installation)"
_READ = f"""SELECT xact, tick, types FROM xinglin.feed
WHERE xact >= $1 AND (xact > $1 OR tick + 32 * (octet_length(types) / 2 - 1) > $2) AND xact < {_SETTLED}
ORDER BY xact, tick LIMIT {_ROWS_AT_ONCE}"""


class Overtaken(Conflict):
    """Another process moved this consumer; take again."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the feed: everything up to this change of this transaction is done."""

    xact: int
    tick: int


@dataclass(frozen=True, slots=True)
class Followed:
    """One change of the feed: what was stored, though it may be superseded by now, and the place after it."""

    place: Place
    stored: Stored


@dataclass(frozen=True, slots=True)
class Batch:
    """The next changes of a consumer's types, the place after all that was looked at to find them, and whether to look on at once."""

    changes: Sequence[Followed]
    upto: Place
    more: bool


class Follower:
    """One consumer. Several processes may hold the same one: a change is done by whichever commits it first."""

    def __init__(self, store: Store, name: str, types: Collection[str] = RESOURCE_TYPES) -> None:
        self._store = store
        self._types = frozenset(TYPE_NUMBER[type_] for type_ in types)
        self.name = name
        self.place = Place(0, 0)

    async def start(self, *, from_the_beginning: bool = False) -> None:
        """Find the consumer's place; a new one starts now, or with the first change there ever was."""
        place = "0, 0" if from_the_beginning else f"{_SETTLED} - 1, {_END_OF_XACT}"
        async with self._store.ground.pool.connection() as connection:
            await connection.execute(f"INSERT INTO xinglin.consumer SELECT $1, {place} ON CONFLICT DO NOTHING", self.name)
            row = await connection.fetchrow("SELECT xact, tick FROM xinglin.consumer WHERE name = $1", self.name)
        self.place = Place(row["xact"], row["tick"])

    async def take(self, limit: int = 100) -> Batch:
        """At most `limit` changes beyond the place, oldest first. Nothing is claimed by it, only by `step`."""
        try:
            return await self._take(limit)
        except UnknownDictionary:  # another process has learnt one
            async with self._store.ground.side.connection() as connection:
                await load_dictionaries(connection, self._store.ground.contents)
            return await self._take(limit)

    async def _take(self, limit: int) -> Batch:
        async with self._store.ground.pool.connection() as connection:
            rows = await connection.fetch(_READ, self.place.xact, self.place.tick)
            marks: dict[int, tuple[Place, int]] = {}
            upto = self.place
            for row in rows:
                for tick, number in changes_of(row):
                    place = Place(row["xact"], tick)
                    if place <= self.place:
                        continue
                    if number in self._types:
                        if len(marks) == limit:
                            return Batch(await self._opened(connection, marks), upto, True)
                        marks[tick] = place, number
                    upto = place
            return Batch(await self._opened(connection, marks), upto, len(rows) == _ROWS_AT_ONCE)

    async def waits(self) -> bool:
        """Whether changes are committed that cannot be taken yet, since a transaction that began before them is still open."""
        async with self._store.ground.pool.connection() as connection:
            return await connection.fetchval(f"SELECT EXISTS (SELECT FROM xinglin.feed WHERE xact >= {_SETTLED})")

    async def _opened(self, connection: Connection, marks: dict[int, tuple[Place, int]]) -> list[Followed]:
        if not marks:
            return []
        found = await versions_at(self._store.ground, connection, Scope.everyone(), [(tick, number) for tick, (_, number) in marks.items()])
        return [Followed(marks[stored.tick][0], await _named(self._store, connection, stored)) for stored in found]

    @asynccontextmanager
    async def step(self, to: Place) -> AsyncGenerator[Store]:
        """Do what follows from the changes up to `to` with this store: its writes and the new place commit together.

        Raises `Overtaken` before the block when another process has done it; then the place is read anew.
        """
        try:
            async with within(self._store) as (inside, connection):
                await self._move(connection, to)
                yield inside
        except Overtaken:
            await self.start()
            raise
        self.place = to

    async def pass_over(self, change: Followed, why: str) -> None:
        """Give a change up and go on; it is written down in `xinglin.missed`."""
        stored = change.stored
        async with within(self._store) as (_, connection):
            await self._move(connection, change.place)
            await connection.execute(
                "INSERT INTO xinglin.missed (consumer, tick, type, why) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                self.name, stored.tick, TYPE_NUMBER[stored.type], why[:2000],
            )  # fmt: skip
        self.place = change.place

    async def _move(self, connection: Connection, to: Place) -> None:
        moved = await connection.execute(
            "UPDATE xinglin.consumer SET xact = $2, tick = $3, moved_at = now() WHERE name = $1 AND xact = $4 AND tick = $5",
            self.name, to.xact, to.tick, self.place.xact, self.place.tick,
        )  # fmt: skip
        if moved != "UPDATE 1":
            raise Overtaken("Another process moved the consumer {name}.", name=self.name)


async def _named(store: Store, connection: Connection, stored: Stored) -> Stored:
    """The change with its logical id: a deletion has no content to tell it, the version before has."""
    if stored.content:
        return stored
    id_ = await id_before(store, connection, stored)
    return Stored(stored.type, id_, stored.version, stored.tick, b"", stored.method)


async def id_before(store: Store, connection: Connection, deletion: Stored) -> str:
    """The logical id of a deletion whose `id` is the stored form."""
    ground, spot = store.ground, layout(deletion.type)
    key = ground.hashes.id(deletion.id)
    version = deletion.version - 1
    row = await connection.fetchrow(f"SELECT tick, content FROM {spot.history} WHERE id = $1 AND version = $2", key, version)
    return opened(ground, spot, key, version, row["tick"], row["content"]).id if row else deletion.id
