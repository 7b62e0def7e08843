"""Papers: small sealed documents that are no clinical record (accounts, sessions, applications, grants, notices).

A paper has a kind, a key and a version; it can be found by *handles*, keyed hashes of texts such as a login name, and may end by itself.
Nothing of it stands in clear but its kind, its hashes and when it ends. A process does not keep papers: each look asks the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from xinglin.base.errors import Conflict, NotFound
from xinglin.store.ground import Ground
from xinglin.store.pool import Pool

T = TypeVar("T")
NEVER_US = 2**62
"""The end of a paper that does not end."""
LISTED_MAX = 1000
_COLUMNS = "key, version, ends, sealed"


@dataclass(frozen=True, slots=True)
class Paper(Generic[T]):
    """One paper as it was read. `ends`: microseconds since 1970, `NEVER_US` for never."""

    key: str
    version: int
    ends: int
    value: T


class Papers(Generic[T]):
    """The papers of one kind, values of one msgspec Struct. `now_us` is given by who asks: what has ended is as if it were not there."""

    def __init__(self, ground: Ground, kind: str, type_: type[T]) -> None:
        self._ground, self._pool, self.kind = ground, ground.side, kind
        self._decoder = msgspec.json.Decoder(type_)

    async def get(self, key: str, now_us: int) -> Paper[T]:
        """The paper under a key; raises `NotFound`."""
        sql = f"SELECT {_COLUMNS} FROM xinglin.paper WHERE kind = $1 AND mark = $2 AND ends > $3"
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(sql, self.kind, self._mark(key), now_us)
        found = None if row is None else self._opened(row)
        if found is None or found.key != key:  # another key of the same hash
            raise NotFound("There is no such {kind}.", kind=self.kind)
        return found

    async def look(self, key: str, now_us: int) -> Paper[T] | None:
        """The paper under a key, or None."""
        try:
            return await self.get(key, now_us)
        except NotFound:
            return None

    async def find(self, handle: str, now_us: int, limit: int = LISTED_MAX) -> list[Paper[T]]:
        """The papers that carry a handle, oldest first."""
        most = min(limit, LISTED_MAX)
        sql = f"SELECT {_COLUMNS} FROM xinglin.paper WHERE kind = $1 AND handles @> $2 AND ends > $3 ORDER BY n LIMIT {most}"
        async with self._pool.connection() as connection:
            rows = await connection.fetch(sql, self.kind, [self._handle(handle)], now_us)
        return [self._opened(row) for row in rows]

    async def find_any(self, handles: Iterable[str], now_us: int, limit: int = LISTED_MAX) -> list[Paper[T]]:
        """The papers that carry any of the handles, newest first."""
        most = min(limit, LISTED_MAX)
        sql = f"SELECT {_COLUMNS} FROM xinglin.paper WHERE kind = $1 AND handles && $2 AND ends > $3 ORDER BY n DESC LIMIT {most}"
        async with self._pool.connection() as connection:
            rows = await connection.fetch(sql, self.kind, [self._handle(handle) for handle in handles], now_us)
        return [self._opened(row) for row in rows]

    async def all(self, now_us: int, after: str = "", limit: int = LISTED_MAX) -> list[Paper[T]]:
        """The papers of the kind in the order they were made, those after a key."""
        sql = (
            f"SELECT {_COLUMNS} FROM xinglin.paper WHERE kind = $1 AND ends > $2"
            " AND n > coalesce((SELECT n FROM xinglin.paper WHERE kind = $1 AND mark = $3), 0)"
            f" ORDER BY n LIMIT {min(limit, LISTED_MAX)}"
        )
        async with self._pool.connection() as connection:
            rows = await connection.fetch(sql, self.kind, now_us, self._mark(after))
        return [self._opened(row) for row in rows]

    async def count(self, now_us: int) -> int:
        """How many there are."""
        async with self._pool.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM xinglin.paper WHERE kind = $1 AND ends > $2", self.kind, now_us)

    async def add(self, key: str, value: T, handles: Iterable[str] = (), ends: int = NEVER_US, *, alone: Iterable[str] = ()) -> Paper[T]:
        """A new paper. Raises `Conflict` when the key is taken, or when another paper of the kind carries one of the handles `alone`."""
        marks = [self._handle(handle) for handle in handles]
        only = [self._handle(handle) for handle in alone]
        async with self._pool.connection() as connection, connection.transaction():
            if only:
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"paper {self.kind}")
                if await connection.fetchval("SELECT 1 FROM xinglin.paper WHERE kind = $1 AND handles && $2 LIMIT 1", self.kind, only):
                    raise Conflict("There is such a {kind} already.", kind=self.kind)
            done = await connection.execute(
                "INSERT INTO xinglin.paper (kind, mark, key, version, ends, handles, sealed) VALUES ($1, $2, $3, 1, $4, $5, $6)"
                " ON CONFLICT DO NOTHING",
                self.kind, self._mark(key), self._sealed(key.encode(), "key"), ends, [*marks, *only], self._seal(key, value),
            )  # fmt: skip
        if done != "INSERT 0 1":
            raise Conflict("There is such a {kind} already.", kind=self.kind)
        return Paper(key, 1, ends, value)

    async def put(self, paper: Paper[T], value: T, handles: Iterable[str] | None = None, ends: int | None = None) -> Paper[T]:
        """The paper with another value (and handles, and end) over the version that was read; raises `Conflict` when it has changed."""
        marks = None if handles is None else [self._handle(handle) for handle in handles]
        until = paper.ends if ends is None else ends
        sql = (
            "UPDATE xinglin.paper SET version = version + 1, sealed = $4, ends = $5, handles = coalesce($6, handles)"
            " WHERE kind = $1 AND mark = $2 AND version = $3"
        )
        async with self._pool.connection() as connection:
            done = await connection.execute(
                sql, self.kind, self._mark(paper.key), paper.version, self._seal(paper.key, value), until, marks
            )
        if done != "UPDATE 1":
            raise Conflict("This was changed meanwhile; look again.")
        return Paper(paper.key, paper.version + 1, until, value)

    async def remove(self, key: str) -> bool:
        """Take a paper away; whether there was one. Of two who remove the same paper only one hears True."""
        async with self._pool.connection() as connection:
            done = await connection.execute("DELETE FROM xinglin.paper WHERE kind = $1 AND mark = $2", self.kind, self._mark(key))
        return done == "DELETE 1"

    def _opened(self, row: Any) -> Paper[T]:
        key = self._ground.contents.open_loose(row[0], paper_bound(self.kind, "key")).decode()
        return Paper(key, row[1], row[2], self._decoder.decode(self._ground.contents.open_loose(row[3], paper_bound(self.kind, key))))

    def _seal(self, key: str, value: T) -> bytes:
        return self._sealed(msgspec.json.encode(value), key)

    def _sealed(self, plain: bytes, what: str) -> bytes:
        return self._ground.contents.seal_loose(plain, paper_bound(self.kind, what))

    def _mark(self, key: str) -> int:
        return self._ground.hashes.of(f"paper {self.kind} {key}")

    def _handle(self, handle: str) -> int:
        return self._ground.hashes.of(f"handle {self.kind} {handle}")


def paper_bound(kind: str, what: str) -> bytes:
    """What a part of a paper is sealed for: `what` is "key" for its key, and the key for its value."""
    return f"paper {kind} {what}".encode()


async def sweep(pool: Pool, now_us: int) -> int:
    """Delete the papers that have ended; how many."""
    async with pool.connection() as connection:
        return int((await connection.execute("DELETE FROM xinglin.paper WHERE ends <= $1", now_us)).split()[-1])
