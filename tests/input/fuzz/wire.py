"""Requests as bytes on a connection of their own, so that nothing is put right on the way, and the answers read back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

ANSWER_S_MAX = 30
HUNG_UP = b"HTTP/1.1 499 hung up\r\n\r\n"
"""What stands for an answer that was lost because the rest of the request came after it: as proxies count it."""
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `who`: the role that asks, "" for nobody; `door`: fhir, web, smart or wire. `raw`: sent as it stands."""

    door: str
    method: bytes
    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    who: str = ""
    raw: bytes = b""

    def sent(self, more: tuple[Header, ...]) -> bytes:
        """Its bytes, with what stands for who asks."""
        if self.raw:
            return self.raw
        fields = [*self.headers, *more]
        names = {name.lower() for name, _ in fields}
        if b"host" not in names:
            fields.append((b"Host", b"county.test"))
        if (
            b"content-length" not in names
            and b"transfer-encoding" not in names
            and (self.body or self.method in (b"POST", b"PUT", b"PATCH"))
        ):
            fields.append((b"Content-Length", b"%d" % len(self.body)))
        fields.append((b"Connection", b"close"))
        head = b"%s %s HTTP/1.1\r\n" % (self.method, self.target) + b"".join(b"%s: %s\r\n" % one for one in fields)
        return head + b"\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: `status` 0 when the server hung up without one."""

    status: int
    headers: tuple[Header, ...] = field(default=())
    body: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """The first header of a name (lower-case)."""
        return next((value for one, value in self.headers if one == name), None)


async def exchange(port: int, sent: bytes) -> Told:
    """What is answered to some bytes; the answer's end is the connection's."""
    async with asyncio.timeout(ANSWER_S_MAX):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            come = b""
            try:
                writer.write(sent)
                await writer.drain()
                while piece := await reader.read(65536):
                    come += piece
            except (ConnectionResetError, BrokenPipeError):  # it answered, and hung up before it had read all
                come = come or HUNG_UP
            return read(come)
        finally:
            writer.close()


def read(content: bytes) -> Told:
    """The first answer in what came back."""
    head, _, body = content.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if not lines[0].startswith(b"HTTP/1.1 "):
        return Told(0, (), content)
    fields = tuple((name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines[1:]))
    return Told(int(lines[0].split(b" ")[1]), fields, body)
