"""Learning dictionaries from the record itself: a dictionary trained on what this installation writes packs it about twice as small.

A dictionary holds pieces of its samples, so it is sealed like the record; it never leaves the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import zstandard
from asyncpg import Connection

from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.content import DICTIONARIES_MAX, LEVEL, add_dictionary, load_dictionaries, tail_of
from xinglin.store.ground import Ground
from xinglin.store.layout import layout

SAMPLES_MIN = 400
SAMPLES_MAX = 2_000
SIZE_BYTES = 48 * 1024
_WORTH = 0.85
_ROWS_MIN = 5_000
_SHIPPED = 1
"""The number of a dictionary that came with the program: a higher one was learnt here, and stays."""
_LEARNER_LOCK = 7307


async def learn(ground: Ground, connection: Connection, samples: Mapping[str, Sequence[bytes]]) -> list[str]:
    """Train and keep a dictionary for each type whose samples it packs clearly better than the present one. Returns those types.

    One learner at a time, in a transaction of its own; the caller loads the dictionaries once it has committed.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LEARNER_LOCK)
    await load_dictionaries(connection, ground.contents)
    learnt: list[str] = []
    for type_, held in sorted(samples.items()):
        if len(held) < SAMPLES_MIN:
            continue
        number = layout(type_).number
        trained = await asyncio.to_thread(_trained, ground, number, held[:SAMPLES_MAX])
        if trained is not None and ground.contents.newest(number) < DICTIONARIES_MAX:
            await add_dictionary(connection, ground.contents, number, trained)
            learnt.append(type_)
    return learnt


def _trained(ground: Ground, number: int, held: Sequence[bytes]) -> bytes | None:
    """A dictionary from every other sample, if it serves the rest clearly better than what is there."""
    size = min(SIZE_BYTES, sum(map(len, held)) // 10)
    try:
        trained = zstandard.train_dictionary(size, list(held[::2]), level=LEVEL).as_bytes()
    except zstandard.ZstdError:  # samples too alike or too short to learn from
        return None
    fresh = zstandard.ZstdCompressor(level=LEVEL, dict_data=zstandard.ZstdCompressionDict(trained), write_dict_id=False)
    tested = held[1::2]
    pack = ground.contents.packer(number)
    now, then = sum(len(pack(plain)) for plain in tested), sum(len(fresh.compress(plain)) for plain in tested)
    return trained if then < _WORTH * now else None


async def learn_from_record(ground: Ground) -> list[str]:
    """Look at the types that have grown large and were never learnt, and learn from a sample of their rows. For a quiet hour."""
    learnt: list[str] = []
    async with ground.side.connection() as connection:
        await load_dictionaries(connection, ground.contents)
        for type_ in RESOURCE_TYPES:
            spot = layout(type_)
            if ground.contents.newest(spot.number) > _SHIPPED or not await ground.tables.there(connection, spot):
                continue
            rows = await connection.fetchval("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = $1::text::regclass", spot.table)
            if rows < _ROWS_MIN:
                continue
            share = min(100.0, 130.0 * SAMPLES_MAX / rows)
            found = await connection.fetch(
                f"SELECT id, version, tick, content FROM {spot.table} TABLESAMPLE BERNOULLI ($1) LIMIT $2", share, SAMPLES_MAX
            )
            held = [ground.contents.unpack(spot.number, row["id"], row["version"], row["tick"], row["content"]) for row in found]
            async with connection.transaction():
                learnt += await learn(ground, connection, {type_: [tail_of(plain) for plain in held]})
        await load_dictionaries(connection, ground.contents)
    return learnt
