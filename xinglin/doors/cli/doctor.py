"""`xinglin check`: is this installation healthy, and if not, what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg

from xinglin.base.clock import utc_now
from xinglin.base.errors import XinglinError
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation
from xinglin.doors.cli.telling import say

GIB = 1024**3
DISK_GIB_MIN = 5
MEMORY_GIB_MIN = 2
POSTGRES_MIN = 15
COMMIT_MS_MAX = 50
CLOCK_S_MAX = 1
PARTS = ("asyncpg", "msgspec", "starlette", "uvicorn", "cryptography")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: fine or not, what was found, and what to do when it is not fine."""

    fine: bool
    what: str
    mend: str = ""


def examine(settings: Settings) -> bool:
    """Print every finding; True when all are fine."""
    fine = True
    for look in (_versions, _home, _keys, _running, _disk, _memory, _timezone, _frontend, _database):
        for finding in _seen(look, settings):
            fine &= finding.fine
            say(
                f"  {'✓' if finding.fine else '✗'} {finding.what}"
                + (f"\n      {finding.mend}" if finding.mend and not finding.fine else "")
            )
    return fine


def _seen(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except XinglinError as problem:
        yield Finding(False, str(problem))


def _versions(_: Settings) -> Iterator[Finding]:
    yield Finding(True, f"Xinglin {version('xinglin')}, " + ", ".join(f"{part} {version(part)}" for part in PARTS))
    python = platform.python_version()
    yield Finding(
        sys.version_info >= (3, 11), f"Python {python} on {platform.system()} {platform.machine()}", "Python 3.11 or newer is needed."
    )


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home_path
    exists = home.exists()
    writable = os.access(home if exists else _nearest(settings), os.W_OK)
    yield Finding(writable, f"Home {home}" + ("" if exists else " (made at the first start)"), "This user may not write there.")


def _keys(settings: Settings) -> Iterator[Finding]:
    if not settings.key_path.exists():
        yield Finding(True, f"Keys {settings.key_path} (made at the first start)")
        return
    installation.keys_of(settings)
    yield Finding(
        True,
        f"Keys {settings.key_path}, sealing with {settings.cipher}: back it up and its master key, without them no record opens",
    )


def _running(settings: Settings) -> Iterator[Finding]:
    address = installation.address_of_running(settings)
    yield Finding(True, f"Running: {address}" if address else "Not running")


def _disk(settings: Settings) -> Iterator[Finding]:
    usage = shutil.disk_usage(_nearest(settings))
    free = usage.free / GIB
    yield Finding(free >= DISK_GIB_MIN, f"Disk: {free:.0f} GiB free of {usage.total / GIB:.0f}", f"Free at least {DISK_GIB_MIN} GiB.")


def _memory(_: Settings) -> Iterator[Finding]:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    yield Finding(
        total >= MEMORY_GIB_MIN * 0.9, f"Memory: {total:.1f} GiB, {os.cpu_count()} processors", f"{MEMORY_GIB_MIN} GiB are needed."
    )


def _timezone(settings: Settings) -> Iterator[Finding]:
    try:
        now = utc_now().astimezone(ZoneInfo(settings.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        yield Finding(False, f"Time zone {settings.timezone} is not known here", "Correct XINGLIN_TIMEZONE, or install tzdata.")
        return
    yield Finding(True, f"Clock: {now:%Y-%m-%d %H:%M:%S} in {settings.timezone}")


def _frontend(_: Settings) -> Iterator[Finding]:
    from xinglin.doors import web  # late: only its place is wanted, and only here

    folder = Path(*web.__path__) / "static" / "lib"
    yield Finding(folder.is_dir() and any(folder.iterdir()), "Front-end libraries", "Run make setup.")


def _database(settings: Settings) -> Iterator[Finding]:
    with installation.database(settings) as record:
        yield from asyncio.run(_asked(record.dsn))


async def _asked(dsn: str) -> list[Finding]:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError) as down:
        return [Finding(False, f"Database does not answer: {down}", "Look at XINGLIN_DATABASE_URL, and whether the server runs.")]
    try:
        return [await _server(connection), await _durability(connection), await _clock(connection), await _commit(connection)]
    finally:
        await connection.close()


async def _server(connection: asyncpg.Connection) -> Finding:
    found = connection.get_server_version()
    size = int(await connection.fetchval("SELECT pg_database_size(current_database())") or 0)
    return Finding(
        found.major >= POSTGRES_MIN,
        f"PostgreSQL {await connection.fetchval('SHOW server_version')}, {size / GIB:.2f} GiB",
        f"PostgreSQL {POSTGRES_MIN} or newer is needed.",
    )


async def _durability(connection: asyncpg.Connection) -> Finding:
    off = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if await connection.fetchval(f"SHOW {name}") == "off"]
    return Finding(
        not off, "Durable: an acknowledged write survives a power cut" if not off else f"Not durable: {', '.join(off)} off", "Turn them on."
    )


async def _clock(connection: asyncpg.Connection) -> Finding:
    theirs = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    apart = abs(float(theirs or 0) - utc_now().timestamp())
    return Finding(apart <= CLOCK_S_MAX, f"Database clock: {apart:.3f} s from ours", "Set both machines by the same time server.")


async def _commit(connection: asyncpg.Connection) -> Finding:
    began = time.monotonic()
    await connection.execute("SELECT pg_logical_emit_message(true, 'xinglin', 'check')")  # the smallest write that waits for the disk
    took_ms = (time.monotonic() - began) * 1000
    return Finding(took_ms <= COMMIT_MS_MAX, f"A commit takes {took_ms:.1f} ms", "The disk is slow or busy.")


def _nearest(settings: Settings) -> str:
    """The home folder, or the nearest folder above it that exists."""
    path = settings.home_path
    while not path.exists():
        path = path.parent
    return str(path)
