"""What the database remembers of its data keys: a mark of each, so that a lost or wrong key is found at the start and named."""

from __future__ import annotations

import hmac

from asyncpg import Connection

from xinglin.base.crypto import Keys, keyed_digest
from xinglin.base.crypto.digests import SUITES
from xinglin.base.errors import Unavailable

_MAKER_LOCK = 7305
_MARK_BYTES = 16


async def install(connection: Connection) -> None:
    """Make the table of marks where there is none."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MAKER_LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS xinglin.data_key (n smallint PRIMARY KEY, mark bytea NOT NULL,"
            " seen_at timestamptz NOT NULL DEFAULT now(), retired_at timestamptz)"
        )


async def agree(connection: Connection, keys: Keys, cipher: str) -> None:
    """Check the keys at hand against the marks, and mark those that are new. Raises `Unavailable` naming the key that is lost or wrong."""
    for number, mark, retired_at in await connection.fetch("SELECT n, mark, retired_at FROM xinglin.data_key ORDER BY n"):
        key = keys.data.get(number)
        if key is not None:
            _compare(number, key, mark, cipher)
        elif retired_at is None:
            raise Unavailable(
                "Data key {number}, with which this database is sealed, is not in the key file; bring back the newest copy of the file.",
                number=number,
            )
    rows = [(number, mark_of(number, key, cipher)) for number, key in keys.data.items()]
    await connection.executemany("INSERT INTO xinglin.data_key (n, mark) VALUES ($1, $2) ON CONFLICT DO NOTHING", rows)


async def retire(connection: Connection, number: int) -> None:
    """From now on the database needs this key no more."""
    await connection.execute("UPDATE xinglin.data_key SET retired_at = now() WHERE n = $1 AND retired_at IS NULL", number)


def mark_of(number: int, key: bytes, cipher: str) -> bytes:
    """What is remembered of a key; it tells nothing of it."""
    return keyed_digest(key, f"xinglin data key {number} {cipher}".encode(), cipher)[:_MARK_BYTES]


def _compare(number: int, key: bytes, mark: bytes, cipher: str) -> None:
    for suite in SUITES:
        if hmac.compare_digest(mark_of(number, key, suite), mark):
            if suite == cipher:
                return
            raise Unavailable("This database is sealed with {there}; the setting cipher says {cipher}.", there=suite, cipher=cipher)
    raise Unavailable("Data key {number} of the key file is not the one this database is sealed with.", number=number)
