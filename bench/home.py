"""The installations a run measures: a home folder, its database alone, or all of it, started by `xinglin up` as anyone starts it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec

from xinglin.base.settings import PREFIX, Settings, read_settings
from xinglin.doors.cli.installation import address_of_running
from xinglin.store.postgres import Embedded

XINGLIN = Path(sys.executable).parent / "xinglin"
WORKERS = 2
UP_S_MAX = 180
END_S_MAX = 40
READ_BYTES = 8 * 1024 * 1024


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What was bulk loaded into a home, and what it took; kept in it."""

    copies: int
    resources: int
    seconds: float
    json_bytes: int
    empty_bytes: int
    full_bytes: int
    made_at: str

    @property
    def rate(self) -> float:
        """Resources per second, all indexes searchable at the end."""
        return self.resources / self.seconds

    @property
    def disk_bytes(self) -> float:
        """Database bytes per resource, without what an empty database takes and without the audit trail."""
        return (self.full_bytes - self.empty_bytes) / self.resources


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process in MB (10^6 bytes): resident, and its proportional share."""

    rss_mb: float
    pss_mb: float


@dataclass(frozen=True, slots=True)
class Server:
    """A running platform: where it answers, a token that may do everything, its API processes, its database."""

    host: str
    port: int
    token: str
    dsn: str
    processes: tuple[int, ...]

    def memory(self) -> list[Memory]:
        """Memory of each API process now."""
        return [memory_of(pid) for pid in self.processes]


def say(words: str) -> None:
    """Progress, on standard error."""
    print(f"[{time.strftime('%H:%M:%S')}] {words}", file=sys.stderr, flush=True)


def settings_of(home: Path, dsn: str = "") -> Settings:
    """Default settings for a home, whatever the environment says."""
    return read_settings({}, home=str(home), database_url=dsn, statement_timeout_s=600)


def kept(home: Path) -> Contents | None:
    """What an earlier run loaded into this home, whole; None when there is nothing to use again."""
    try:
        return msgspec.json.decode((home / "bench.json").read_bytes(), type=Contents)
    except FileNotFoundError:
        return None


def keep(home: Path, contents: Contents) -> None:
    """Write down that a home is loaded."""
    (home / "bench.json").write_bytes(msgspec.json.encode(contents))


def remove(home: Path) -> None:
    """Delete a home, its database included."""
    if home.exists():
        Embedded(home).remove()
        shutil.rmtree(home)


@contextmanager
def database(home: Path) -> Generator[str]:
    """The home's PostgreSQL for the length of the block; its address."""
    embedded = Embedded(home)
    dsn = embedded.start()
    try:
        yield dsn
    finally:
        embedded.stop()


def postgres_version(home: Path) -> str:
    """The version of the server that homes get."""
    return Embedded(home).version()


@contextmanager
def serving(home: Path) -> Generator[Server]:
    """The platform started by `xinglin up --no-demo` with two API processes; every process of it has ended afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment[PREFIX + "REQUESTS_PER_MINUTE_ACCOUNT"] = "0"  # a bench of a doctor's searches asks as no doctor does
    words = [XINGLIN, "up", "--no-demo", "--home", home, "--port", "0", "--workers", str(WORKERS)]
    with (home / "bench.log").open("ab") as log, database(home) as dsn:
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            address = urlsplit(_address(home, process))
            token = subprocess.run(
                [XINGLIN, "token", "--role", "system", "--home", home], env=environment, capture_output=True, text=True, check=True
            )
            assert address.hostname
            assert address.port
            yield Server(address.hostname, address.port, token.stdout.strip(), dsn, tuple(_api_processes(process.pid)))
        finally:
            _end(process)


def warm_files(home: Path) -> None:
    """Read the database's files once, so that a record loaded on another day is as much in memory as one just loaded."""
    for file in sorted((Embedded(home).place / "data" / "base").rglob("*")):
        if file.is_file():
            with file.open("rb") as opened:
                while opened.read(READ_BYTES):
                    pass


def fetchval(dsn: str, sql: str) -> int:
    """One number from the database."""
    return int(asyncio.run(_fetchval(dsn, sql)))


def execute(dsn: str, sql: str) -> None:
    """Run statements that answer nothing."""
    asyncio.run(_execute(dsn, sql))


def database_bytes(dsn: str) -> int:
    """Size of the database after a checkpoint, the audit trail apart."""
    execute(dsn, "CHECKPOINT")
    return fetchval(dsn, "SELECT pg_database_size(current_database()) - pg_total_relation_size('xinglin.audit')")


def memory_of(pid: int) -> Memory:
    """Memory of a process, as the kernel counts it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return Memory(kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6)


def _address(home: Path, process: subprocess.Popen[bytes]) -> str:
    settings, limit = settings_of(home), time.monotonic() + UP_S_MAX
    while not (address := address_of_running(settings)):
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError("xinglin up did not start:\n" + (home / "bench.log").read_text(errors="replace")[-3000:])
        time.sleep(0.1)
    return address


def _api_processes(parent: int) -> Generator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            above = int((entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if above == parent and b"api" in words:
            yield int(entry.name)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def _fetchval(dsn: str, sql: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
