"""Restoring a backup into an empty database and an empty home, and seeing that all of it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from asyncpg import Connection

from xinglin.base.crypto import Keys
from xinglin.base.errors import Conflict, Malformed, Unavailable
from xinglin.base.settings import Settings
from xinglin.store import schema
from xinglin.store.backups.making import DATABASE, FOLDERS, audit_end, connected, counts, feed_place, major
from xinglin.store.backups.sealed import Manifest, read, verified
from xinglin.store.backups.tools import Tools, restored, tools_for
from xinglin.store.content import key_mark
from xinglin.store.ground import prepare


def usable(file: BinaryIO, keys: Keys) -> Manifest:
    """Read a backup to its end and see that this program and these keys can use it. Raises `Unavailable`, `Malformed`."""
    manifest = verified(file, keys)
    if manifest.key_mark != key_mark(keys).hex():
        raise Unavailable("The backup belongs to another key file: its search indexes were made with other keys.")
    if manifest.schema > schema.VERSION:
        text = "The backup has database version {found}; this program knows {wanted}."
        raise Unavailable(text, found=manifest.schema, wanted=schema.VERSION)
    return manifest


async def restore(file: BinaryIO, dsn: str, settings: Settings, keys: Keys, tools: Tools | None = None) -> Manifest:
    """Put a backup into an empty database and `settings.home`, compare the counts and make it ready for a start.

    The database is restored in one transaction. Raises `Conflict` (not empty), `Unavailable`, `Malformed`.
    """
    connection = await connected(dsn)
    try:
        await _refuse_filled(connection)
        chosen = tools or await asyncio.to_thread(tools_for, major(connection), settings.home_path)
        manifest = await asyncio.to_thread(_unpack, file, keys, settings.home_path, dsn, chosen)
        await _compare(connection, manifest)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    await prepare(settings, dsn, keys)
    return manifest


async def _refuse_filled(connection: Connection) -> None:
    found = await connection.fetchval("SELECT nspname FROM pg_namespace WHERE nspname IN ('xinglin', 'record', 'history', 'queue') LIMIT 1")
    if found:
        raise Conflict("The database is not empty: restore into a new one.")


def _unpack(file: BinaryIO, keys: Keys, home: Path, dsn: str, tools: Tools) -> Manifest:
    def take(name: str, blocks: Iterator[bytes]) -> None:
        if name == DATABASE:
            restored(tools, dsn, blocks)
        else:
            _put(home, name, blocks)

    return read(file, keys, take)


def _put(home: Path, name: str, blocks: Iterator[bytes]) -> None:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or place.parts[0] not in FOLDERS:
        raise Malformed("The backup holds a file that belongs to no home: {name}.", name=name[:200])
    path = home / place
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("xb") as target:
        for block in blocks:
            target.write(block)


async def _compare(connection: Connection, manifest: Manifest) -> None:
    """Raise `Unavailable`, naming the first difference, when the restored database is not the one of the manifest."""
    found = await counts(connection)
    for table in sorted({*manifest.tables, *found}):
        if manifest.tables.get(table) != found.get(table):
            text = "The restored table {table} has {found} rows; the backup counted {wanted}."
            raise Unavailable(text, table=table, found=found.get(table), wanted=manifest.tables.get(table))
    if await feed_place(connection) != manifest.feed:
        raise Unavailable("The restored change feed ends elsewhere than the backup's.")
    if await audit_end(connection) != manifest.audit:
        raise Unavailable("The restored audit trail ends elsewhere than the backup's.")
