"""Making a backup while the system serves: one snapshot of the database, counted and dumped, and the files of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import asyncpg
from asyncpg import Connection

from xinglin import __version__
from xinglin.base.clock import instant
from xinglin.base.crypto import Keys
from xinglin.base.errors import NotFound, Unavailable
from xinglin.store.backups.sealed import Manifest, Writer
from xinglin.store.backups.tools import BLOCK_BYTES, Tools, dumped, tools_for
from xinglin.store.content import key_mark
from xinglin.store.exported import EXPORTS
from xinglin.store.importing import IMPORTS

DATABASE = "database.dump"
FOLDERS = (EXPORTS, IMPORTS)
"""Folders of the home that jobs go on with; the key file and the server's own files are not among them."""

_SESSION = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "search_path": "pg_catalog", "application_name": "backup"}
_PLATFORM_TABLES = (
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND n.nspname IN ('xinglin', 'record', 'history', 'queue') ORDER BY 1"
)

_TREE_HEAD = """SELECT n AS seal, size AS sealed, encode(tree, 'hex') AS tree, encode(chain, 'hex') AS chain
FROM xinglin.seal ORDER BY n DESC LIMIT 1"""


async def make(file: BinaryIO, dsn: str, home: Path, keys: Keys, cipher: str, now_us: int, tools: Tools | None = None) -> Manifest:
    """Write a backup of a database and its home into an open file. Raises `NotFound` (no record there), `Unavailable`."""
    connection = await connected(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            manifest = await _described(connection, keys, now_us)
            chosen = tools or await asyncio.to_thread(tools_for, major(connection), home)
            return await asyncio.to_thread(_write, Writer(file, keys, cipher), manifest, home, dumped(chosen, dsn, snapshot))
    finally:
        await connection.close()


async def connected(dsn: str) -> Connection:
    """A connection without limits of time. Raises `Unavailable`."""
    try:
        return await asyncpg.connect(dsn, server_settings=_SESSION)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as down:
        raise Unavailable("The database does not answer: {why}", why=str(down)) from down


def major(connection: Connection) -> int:
    """The major version of the server."""
    return int(connection.get_server_version().major)


async def counts(connection: Connection) -> dict[str, int]:
    """Rows of every table of ours."""
    names = [row[0] for row in await connection.fetch(_PLATFORM_TABLES)]
    return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names}


async def feed_place(connection: Connection) -> tuple[int, int]:
    """The newest (transaction, tick) of the change feed; zeros when nothing was ever written."""
    row = await connection.fetchrow("SELECT xact, tick FROM xinglin.feed ORDER BY xact DESC, tick DESC LIMIT 1")
    return (row[0], row[1]) if row else (0, 0)


async def audit_end(connection: Connection) -> dict[str, str]:
    """Where the audit trail ends: its rows, the last one's number, and the last head of the ledger that seals it."""
    row = await connection.fetchrow("SELECT count(*) AS rows, coalesce(max(n), 0) AS last FROM xinglin.audit")
    head = await connection.fetchrow(_TREE_HEAD) if await connection.fetchval("SELECT to_regclass('xinglin.seal')") else None
    found: list[tuple[str, object]] = [*row.items(), *(head.items() if head else ())]
    return {name: str(value) for name, value in found}


async def _described(connection: Connection, keys: Keys, now_us: int) -> Manifest:
    if not await connection.fetchval("SELECT to_regclass('xinglin.installation')"):
        raise NotFound("There is no record in this database yet: nothing to back up.")
    schema, mark = await connection.fetchrow("SELECT version, key_mark FROM xinglin.installation")
    if mark != key_mark(keys):
        raise Unavailable("This database was made with another key file; restore the key file that belongs to it.")
    server = str(await connection.fetchval("SHOW server_version"))
    return Manifest(
        program=__version__, schema=schema, postgres=server.split(maxsplit=1)[0], made_at=instant(now_us), key_mark=mark.hex(),
        tables=await counts(connection), feed=await feed_place(connection), audit=await audit_end(connection),
    )  # fmt: skip


def _write(writer: Writer, manifest: Manifest, home: Path, dump: Generator[bytes]) -> Manifest:
    """The dump first: what a file has more than the snapshot knows, a job cuts off when it goes on; what it had less would be lost."""
    with closing(dump):
        writer.add(DATABASE, dump)
    for name, path in _files(home):
        try:
            with path.open("rb") as source:
                writer.add(name, iter(lambda: source.read(BLOCK_BYTES), b""))
        except FileNotFoundError:  # its job was deleted while we wrote
            continue
    return writer.end(manifest)


def _files(home: Path) -> Iterable[tuple[str, Path]]:
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(home).as_posix(), path
