"""A load generator that costs little: HTTP/1.1 requests made beforehand, sent over kept connections, answers read but not parsed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop


@dataclass(slots=True)
class Result:
    """What a run showed: answers per second, and latencies in milliseconds by the shape of the request."""

    seconds: float
    answers: int
    bad: list[bytes]
    latencies: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return (self.answers - len(self.bad)) / self.seconds

    def percentile(self, share: float, shape: str | None = None) -> float:
        """A latency percentile in milliseconds, of one shape or of all."""
        chosen = sorted(self.latencies.get(shape, []) if shape else [ms for held in self.latencies.values() for ms in held])
        return chosen[min(int(len(chosen) * share), len(chosen) - 1)] if chosen else float("nan")


class _Wire(asyncio.Protocol):
    """One connection: one request at a time, until the source of requests ends."""

    def __init__(self, source: Iterator[tuple[str, bytes]], until: float, result: Result, done: asyncio.Future[None]) -> None:
        self._source, self._until, self._result, self._done = source, until, result, done
        self._buffer = bytearray()
        self._began = 0.0
        self._shape = ""
        self._need = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        request = next(self._source, None) if time.perf_counter() < self._until else None
        if request is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._shape = request[0]
        self._began = time.perf_counter()
        self._transport.write(request[1])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._need:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            at = self._buffer.lower().find(b"content-length:", 0, head)
            length = int(self._buffer[at + 15 : self._buffer.index(b"\r", at)]) if at >= 0 else 0
            self._need = head + 4 + length
        if len(self._buffer) >= self._need:
            self._result.answers += 1
            self._result.latencies.setdefault(self._shape, []).append((time.perf_counter() - self._began) * 1000)
            if self._buffer[9:10] != b"2":
                self._result.bad.append(bytes(self._buffer[:2000]))
            self._buffer.clear()
            self._need = 0
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))


def run(host: str, port: int, requests: Iterator[tuple[str, bytes]], connections: int, seconds: float) -> Result:
    """Send requests (shape, bytes) over so many connections until they or the seconds end."""

    async def go() -> Result:
        result = Result(0.0, 0, [])
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        futures = [loop.create_future() for _ in range(connections)]
        for future in futures:
            await loop.create_connection(lambda done=future: _Wire(requests, began + seconds, result, done), host, port)
        await asyncio.gather(*futures)
        result.seconds = time.perf_counter() - began
        return result

    return uvloop.run(go())


def request(method: str, path: str, token: str = "", body: bytes = b"", **headers: str) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def cycle(made: Sequence[tuple[str, bytes]] | Callable[[], tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Requests without end: round and round, or made as they are asked for."""
    while True:
        if callable(made):
            yield made()
        else:
            yield from made
