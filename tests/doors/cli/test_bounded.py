"""Who speaks too slowly does not hold a place for ever; who pauses between requests, or answers in time, is left in peace."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from xinglin.doors.cli import bounded
from xinglin.doors.cli.bounded import Bounded

HUNG_UP = b"hung up"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, then answers with its length."""
    come, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        come, more = come + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": str(come % 10).encode()})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(bounded, "SECONDS_MAX", {"head": 0.3, "body": 0.6})
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(echo, http=Bounded, lifespan="off", log_config=None, log_level=logging.CRITICAL))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def told(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """What comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(-1), 20)
    except (ConnectionResetError, BrokenPipeError):  # while we were still dripping
        return HUNG_UP
    finally:
        writer.close()


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a"])
async def test_a_head_that_does_not_end_is_answered_with_408(port: int, begun: bytes) -> None:
    assert (await told(port, begun)).startswith(b"HTTP/1.1 408")


async def test_a_head_that_drips_is_not_kept_alive_by_its_drops(port: int) -> None:
    drops = [b"GET / HTTP/1.1\r\nHost: x\r\n", *(b"X-Drop: a\r\n" for _ in range(8))]
    assert (await told(port, *drops, pause_s=0.1)).startswith((b"HTTP/1.1 408", HUNG_UP))


async def test_a_body_that_does_not_come_ends_the_connection(port: int) -> None:
    assert await told(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab") == b""


async def test_who_sends_in_time_is_answered_however_many_pieces_it_comes_in(port: int) -> None:
    pieces = (b"POST / HT", b"TP/1.1\r\nHost: x\r\nConnection: close\r\n", b"Content-Length: 4\r\n\r\n", b"ab", b"cd")
    assert (await told(port, *pieces, pause_s=0.02)).endswith(b"\r\n\r\n4")


async def test_a_connection_may_rest_between_requests_longer_than_a_head_may_take(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(1) == b"0"
        await asyncio.sleep(0.5)
    writer.close()


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 4",
        b"Content-Length: 4\r\nContent-Length: 5",
        b"Content-Length: +4", b"Content-Length: 0x4", b"Content-Length: 4, 5", b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked", b"X: a\r\n folded", b"X: a\x00b", b"Content-Length : 4", b"Content-Length: -1",
    ],
)  # fmt: skip
async def test_a_request_whose_end_could_be_read_in_two_ways_is_refused(port: int, fields: bytes) -> None:
    """Request smuggling: no proxy before us may see another end than we do (RFC 9112 6.3)."""
    inner = b"4\r\nabcd\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await told(port, b"POST / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n\r\n" + inner)
    assert answer.startswith(b"HTTP/1.1 400"), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1
