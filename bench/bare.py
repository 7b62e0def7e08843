"""The baseline of every figure over HTTP: a bare ASGI handler that runs one prepared statement and sends what it gets.

Same uvicorn, same loop and parser, same number of processes and of database connections as the platform; no token, no
parsing, no validation, no unsealing, no audit.

    python -m bench.bare read|create|page --dsn DSN --listen FD --ready FD
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from socket import socket
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvicorn

from bench.home import WORKERS, Memory, memory_of
from xinglin.doors.cli.supervisor import listen

HOST = "127.0.0.1"
CONNECTIONS = 8
PAGE_ROWS = 20
PAGES = 2_000
SAMPLES = 500
READ_TABLE = "bare.plain"
PAGE_TABLE = "record.observation"
CREATE_TABLE = "bare.observation"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Statement = Any
Work = Callable[[Statement, str, Receive], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Bare:
    """A running baseline."""

    host: str
    port: int
    processes: tuple[int, ...]

    def memory(self) -> list[Memory]:
        """Memory of each process now."""
        return [memory_of(pid) for pid in self.processes]


@contextmanager
def bare(kind: str, dsn: str) -> Generator[Bare]:
    """The baseline of a kind (`read`, `create`, `page`) for the length of the block."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(listening) for listening in listen(HOST, 0, WORKERS)]
        processes = [_launch(kind, dsn, listening) for listening in sockets]
        try:
            for process, ready in processes:
                if os.read(ready, 1) != b"1":
                    raise RuntimeError(f"the bare handler ended at its start, code {process.wait()}")
            yield Bare(HOST, sockets[0].getsockname()[1], tuple(process.pid for process, _ in processes))
        finally:
            for process, ready in processes:
                os.close(ready)
                process.terminate()
                process.wait()


def _launch(kind: str, dsn: str, listening: socket) -> tuple[subprocess.Popen[bytes], int]:
    ready, told = os.pipe()
    words = [sys.executable, "-m", "bench.bare", kind, "--dsn", dsn, "--listen", str(listening.fileno()), "--ready", str(told)]
    process = subprocess.Popen(words, pass_fds=(listening.fileno(), told), stdin=subprocess.DEVNULL, start_new_session=True)
    os.close(told)
    return process, ready


class Application:
    """ASGI: each request takes a connection's prepared statement, does its one thing with it, and gives it back."""

    def __init__(self, kind: str, dsn: str, ready: int) -> None:
        self._kind, self._dsn, self._ready = kind, dsn, ready
        self._statements: asyncio.LifoQueue[Statement] = asyncio.LifoQueue()
        self._work: Work = _read
        self._status = 201 if kind == "create" else 200

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or start."""
        if scope["type"] == "lifespan":
            await receive()
            await self._start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        statement = await self._statements.get()
        try:
            body = await self._work(statement, scope["path"], receive)
        finally:
            self._statements.put_nowait(statement)
        headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _start(self) -> None:
        connections = [
            await asyncpg.connect(self._dsn, server_settings={"plan_cache_mode": "force_generic_plan"}) for _ in range(CONNECTIONS)
        ]
        if self._kind == "read":
            sql = f"SELECT content FROM {READ_TABLE} WHERE id = $1"
        elif self._kind == "page":
            sql, self._work = f"SELECT content FROM {PAGE_TABLE} WHERE id = ANY($1)", await _pages(connections[0])
        else:
            sql, self._work = await _creation(connections[0])
        for connection in connections:
            self._statements.put_nowait(await connection.prepare(sql))
        os.write(self._ready, b"1")


async def _read(statement: Statement, path: str, _: Receive) -> bytes:
    """One row by id, its sealed content as it is."""
    return await statement.fetchval(UUID(path[1:]))


async def _pages(connection: asyncpg.Connection) -> Work:
    """Twenty rows by id, their sealed contents joined: what any page of a search costs at least."""
    ids = [row[0] for row in await connection.fetch(f"SELECT id FROM {PAGE_TABLE} TABLESAMPLE SYSTEM (20) LIMIT 20000")]
    ids = ids or [row[0] for row in await connection.fetch(f"SELECT id FROM {PAGE_TABLE} LIMIT 20000")]
    chance = random.Random(1)
    pages = [chance.sample(ids, PAGE_ROWS) for _ in range(PAGES)]

    async def page(statement: Statement, path: str, _: Receive) -> bytes:
        return b"".join([row[0] for row in await statement.fetch(pages[int(path[1:]) % PAGES])])

    return page


async def _creation(connection: asyncpg.Connection) -> tuple[str, Work]:
    """The body as it came, in one durable INSERT, with the columns of a real row for the indexes to work on."""
    found = await connection.fetch(f"SELECT * FROM {PAGE_TABLE} ORDER BY tick DESC LIMIT {SAMPLES}")
    names = list(found[0].keys())
    samples = [list(row.values()) for row in found]
    id_, tick, content = names.index("id"), names.index("tick"), names.index("content")
    chance, other = random.Random(1), os.getpid() % 2

    async def create(statement: Statement, _: str, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        values = list(chance.choice(samples))
        values[id_], values[tick], values[content] = uuid4(), time.time_ns() * 2 + other, bytes(body)
        await statement.fetch(*values)
        return bytes(body)

    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    return f"INSERT INTO {CREATE_TABLE} ({', '.join(names)}) VALUES ({places})", create


def main() -> None:
    """Serve one process of the baseline until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("read", "create", "page"))
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--ready", type=int, required=True)
    asked = parser.parse_args()
    config = uvicorn.Config(
        Application(asked.kind, asked.dsn, asked.ready),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
        backlog=2048,
    )
    with socket(fileno=asked.listen) as inherited:
        uvicorn.Server(config).run(sockets=[inherited])


if __name__ == "__main__":
    main()
