"""Re-sealing: after a rotation, everything sealed with an older data key is sealed with the current one, while the system serves.

Each sealed column is walked in the order it lies on the disk, a thousand rows at a time. What a value was sealed with stands in its
first byte, so the walk can be cut off and done again at any point. Nobody waits for it and it waits for nobody: a row that is locked,
or was changed between the look and the write (its nonce tells), is left for the next pass. A pass that finds nothing is the last one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from asyncpg import Connection, Record

from xinglin.base.errors import Conflict, Unavailable
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store import data_keys
from xinglin.store.applying import AUDIT_BOUND
from xinglin.store.content import KEYS_LOOKED_AT_S, Contents, dictionary_bound
from xinglin.store.ground import Ground
from xinglin.store.jobs import Jobs, JobStatus, Run, job_bound
from xinglin.store.layout import Layout, layout
from xinglin.store.papers import paper_bound

KIND = "reseal"
PAGES = 32
ROWS_MAX = 1_000
BYTES_MAX = 8 * 1024 * 1024
"""Of one batch: rows of so many pages of the disk, split where they are more or larger."""
PAUSE_SHARE = 0.5
"""After a batch it rests for this part of the time the batch took, so that who is at work hardly notices."""
VACUUMED_ROWS = 10_000
"""After so many rows of a column their old versions are cleared away."""
_HEAD_BYTES = 14
"""Of a value, what tells it from every other: key, dictionary and nonce of a content; key and nonce of anything else."""
_NEXT_PASS_S, _NEXT_PASS_S_MAX = 1.0, 60.0
_OUTLIVED_EVERY_S, _OUTLIVED_TRIES = 0.2, 300
_LOG = logging.getLogger(__name__)

Row = Record
Anew = Callable[[Contents, Row, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of sealed values. `keys`: the columns that tell what a value is bound to; `anew` seals one under the current key."""

    table: str
    name: str
    keys: str
    anew: Anew

    @property
    def old(self) -> str:
        """The SQL condition: sealed with another key than $1 (a byte)."""
        return f"substr({self.name}, 1, 1) NOT IN ('', $1::bytea)"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a walk is. `found`: values of older keys met in this pass; `damaged`: those of them that do not open."""

    column: int = 0
    page: int = 0
    found: int = 0
    damaged: int = 0
    done: int = 0


Told = Callable[[Connection, Place, Column], Awaitable[None]]


async def reseal(run: Run) -> Mapping[str, Any]:
    """The job: walk until a pass finds nothing but what does not open. Resumes where the attempt before stored its place."""
    ground = run.ground

    async def told(connection: Connection, place: Place, column: Column) -> None:
        words = f"{place.done} sealed anew, now at {column.table}"
        await run.save_in(connection, asdict(place), words)

    if not run.progress:
        await _settle(ground)
    place, wait_s = Place(**run.progress) if run.progress else Place(), _NEXT_PASS_S
    while True:
        key = _newest_key(ground, run)
        place = await walk(ground, place, told, run.go_on)
        if place.found == place.damaged and ground.contents.current == key:
            return {"key": key, "resealed": place.done, "damaged": place.damaged}
        place = Place(done=place.done)
        await _pause(run, wait_s)
        wait_s = min(wait_s * 2, _NEXT_PASS_S_MAX)


async def begin(ground: Ground) -> str:
    """Have the worker seal everything anew; the job's id."""
    ground.contents.renew()
    return await Jobs(ground).start(KIND, {"owner": "system", "key": ground.contents.current})


def _newest_key(ground: Ground, run: Run) -> int:
    """The key to seal with. Raises `Unavailable` while the key file of this machine is older than the one the job was begun with."""
    ground.contents.renew()
    key = ground.contents.current
    if key < run.parameters["key"]:
        raise Unavailable(
            "The key file here does not name data key {number} as the current one; bring its newest copy.", number=run.parameters["key"]
        )
    return key


async def _pause(run: Run, seconds: float) -> None:
    """Wait before the next pass; raises `Stopping` when the worker ends meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await run.stopping.wait()
    except TimeoutError:
        return
    run.go_on()


async def newest(ground: Ground) -> JobStatus | None:
    """How the last re-sealing that is remembered stands."""
    async with ground.side.connection() as connection:
        id_ = await connection.fetchval("SELECT id FROM xinglin.job WHERE kind = $1 ORDER BY made_at DESC LIMIT 1", KIND)
    return await Jobs(ground).status(str(id_)) if id_ else None


async def _settle(ground: Ground) -> None:
    """Wait until every process has taken up the new key and what they wrote before is to be seen, within reason."""
    await asyncio.sleep(KEYS_LOOKED_AT_S)
    async with ground.side.connection() as connection:
        if not await _outlived(connection):
            _LOG.warning("a long write is under way; what it seals with an older key is found by the next re-sealing")


async def walk(ground: Ground, start: Place, told: Told, go_on: Callable[[], None] = lambda: None) -> Place:
    """One pass over every column from a place on; where it ended. `told` of each batch inside its transaction; `go_on` may raise."""
    place = start
    async with ground.side.connection() as connection:
        columns = await columns_of(connection)
    for number in range(start.column, len(columns)):
        place = replace(place, column=number, page=place.page if number == start.column else 0)
        before = place.done
        place = await _walk_column(ground, columns[number], place, told, go_on)
        if place.done - before >= VACUUMED_ROWS:
            await _clear(ground, columns[number])
    return place


async def _walk_column(ground: Ground, column: Column, place: Place, told: Told, go_on: Callable[[], None]) -> Place:
    """Range of pages after range of pages; what is re-sealed may be moved behind the last one, so the end is looked up again."""
    while place.page < await _pages(ground, column):
        go_on()
        began = time.monotonic()
        async with ground.pool.connection() as connection:
            for rows in await _old_rows(connection, column, ground.contents, place.page):
                async with connection.transaction():
                    found, done, damaged = await _batch(connection, column, ground.contents, rows)
                    place = replace(place, found=place.found + found, damaged=place.damaged + damaged, done=place.done + done)
                    await told(connection, place, column)
        place = replace(place, page=place.page + PAGES)
        await asyncio.sleep((time.monotonic() - began) * PAUSE_SHARE)
    return place


async def _pages(ground: Ground, column: Column) -> int:
    async with ground.pool.connection() as connection:
        return await connection.fetchval("SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::int", column.table)


async def _old_rows(connection: Connection, column: Column, contents: Contents, page: int) -> list[list[tuple[int, int]]]:
    """The places of the old values of a range of pages, in batches."""
    rows = await connection.fetch(
        f"SELECT ctid, octet_length({column.name}) AS bytes FROM {column.table}"
        f" WHERE ctid >= $2::tid AND ctid < $3::tid AND {column.old}",
        bytes((contents.current,)), (page, 0), (page + PAGES, 0),
    )  # fmt: skip
    return list(_batches([(row["ctid"], row["bytes"]) for row in rows]))


def _batches(rows: list[tuple[tuple[int, int], int]]) -> Iterator[list[tuple[int, int]]]:
    held: list[tuple[int, int]] = []
    size = 0
    for place, length in rows:
        if held and (len(held) == ROWS_MAX or size + length > BYTES_MAX):
            yield held
            held, size = [], 0
        held.append(place)
        size += length
    if held:
        yield held


async def _batch(connection: Connection, column: Column, contents: Contents, places: list[tuple[int, int]]) -> tuple[int, int, int]:
    """Seal the values at these places anew. Returns how many were found, sealed anew, and how many do not open."""
    wanted = ", ".join(["ctid", column.name, *filter(None, [column.keys])])
    rows = await connection.fetch(
        f"SELECT {wanted} FROM {column.table} WHERE ctid = ANY($2::tid[]) AND {column.old}", bytes((contents.current,)), places
    )
    made: list[tuple[tuple[int, int], bytes, bytes]] = []
    for row in rows:
        was = row[column.name]
        try:
            made.append((row["ctid"], was[:_HEAD_BYTES], column.anew(contents, row, was)))
        except Unavailable as closed:
            _LOG.error("%s of %s at %s is not sealed anew: %s", column.name, column.table, row["ctid"], closed)
    return len(rows), await write_anew(connection, column, made), len(rows) - len(made)


async def write_anew(connection: Connection, column: Column, made: list[tuple[tuple[int, int], bytes, bytes]]) -> int:
    """Put (place, beginning of what was there, the value sealed anew) where it is still so and nobody is at work; how many."""
    done = await connection.execute(
        "WITH free AS MATERIALIZED (SELECT held.ctid AS place, new.sealed"
        f" FROM unnest($1::tid[], $2::bytea[], $3::bytea[]) AS new (place, was, sealed) JOIN {column.table} held ON held.ctid = new.place"
        f" WHERE substr(held.{column.name}, 1, {_HEAD_BYTES}) = new.was FOR UPDATE OF held SKIP LOCKED)"
        f" UPDATE {column.table} held SET {column.name} = free.sealed FROM free WHERE held.ctid = free.place",
        [place for place, _, _ in made], [was for _, was, _ in made], [sealed for _, _, sealed in made],
    )  # fmt: skip
    return int(done.split()[-1])


async def _clear(ground: Ground, column: Column) -> None:
    """Make room again where the old versions of rows were."""
    connection = await ground.pool.open(statement_timeout="0", vacuum_cost_delay="2")
    try:
        await connection.execute(f"VACUUM {column.table}")
    finally:
        await connection.close()


# --- what is sealed ---


async def columns_of(connection: Connection) -> list[Column]:
    """Every sealed column of this database: the record first, so that what a writer moves into history meanwhile is found there."""
    there = {row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'history'")}
    spots = [layout(type_) for type_ in RESOURCE_TYPES if type_.lower() in there]
    records = [_of_record(spot, table) for spot in spots for table in (spot.table, spot.history)]
    return [*records, *_PLATFORM]


def _of_record(spot: Layout, table: str) -> Column:
    def anew(contents: Contents, row: Row, value: bytes) -> bytes:
        return contents.sealed_anew(spot.number, row["id"], row["version"], value)

    return Column(table, "content", "id, version", anew)


def _loose(bound: Callable[[Contents, Row], bytes]) -> Anew:
    def anew(contents: Contents, row: Row, value: bytes) -> bytes:
        what = bound(contents, row)
        return contents.seal_loose(contents.open_loose(value, what), what)

    return anew


def _paper_value(contents: Contents, row: Row) -> bytes:
    return paper_bound(row["kind"], contents.open_loose(row["key"], paper_bound(row["kind"], "key")).decode())


def _of_job(name: str) -> Column:
    return Column("xinglin.job", name, "id", _loose(lambda _, row: job_bound(row["id"], name)))


_PLATFORM = (
    Column("xinglin.dictionary", "sealed", "type, n", _loose(lambda _, row: dictionary_bound(row["type"], row["n"]))),
    *(_of_job(name) for name in ("parameters", "progress", "result")),
    Column("xinglin.paper", "sealed", "kind, key", _loose(_paper_value)),
    Column("xinglin.paper", "key", "kind", _loose(lambda _, row: paper_bound(row["kind"], "key"))),
    Column("xinglin.audit", "query", "", _loose(lambda _contents, _row: AUDIT_BOUND)),
)


# --- retiring ---


async def sealed_with(connection: Connection, key: int) -> dict[str, int]:
    """How many values each table holds that are sealed with a key; tables that hold none are left out."""
    counts: dict[str, int] = {}
    for column in await columns_of(connection):
        sql = f"SELECT count(*) FROM {column.table} WHERE substr({column.name}, 1, 1) = $1"
        if found := await connection.fetchval(sql, bytes((key,))):
            name = column.table.replace('"', "")
            counts[name] = counts.get(name, 0) + found
    return counts


async def retire(ground: Ground, key: int) -> None:
    """The database needs this key no more. Raises `Conflict` when anything is sealed with it, or may be by a write still under way."""
    async with ground.side.connection() as connection:
        await connection.execute("SET statement_timeout = 0")
        try:
            if not await _outlived(connection):
                raise Conflict("A long write is under way; try again when it has ended.")
            if counts := await sealed_with(connection, key):
                told = ", ".join(f"{table} {count}" for table, count in counts.items())
                raise Conflict("Data key {number} still seals: {told}. Let the re-sealing end first.", number=key, told=told)
            await data_keys.retire(connection, key)
        finally:
            await connection.execute("RESET statement_timeout")


async def _outlived(connection: Connection) -> bool:
    """Wait until every transaction that runs now has ended; False when one takes too long."""
    horizon = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    upto = cast("int", await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
    for _ in range(_OUTLIVED_TRIES):
        if await connection.fetchval(horizon) >= upto:
            return True
        await asyncio.sleep(_OUTLIVED_EVERY_S)
    return False
