"""Bodies in and out: bounded, gunzipped within the same bound (a zip bomb is a 413), gzipped for who accepts it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from xinglin.base.errors import Malformed, TooLarge, UnsupportedMedia
from xinglin.doors.fhir_api.reply import Header

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_WAIT_S = 60
GZIP_FROM_BYTES = 1400
THREAD_FROM_BYTES = 256 * 1024
FILE_CHUNK_BYTES = 256 * 1024
GUNZIP_BYTES = 16 * 1024
GZIP_STREAMS_MAX = 4096
"""Most gzip streams one behind the other in a body; a block gzip of the largest body has a quarter of it."""


class ClientLeft(Exception):
    """The client closed the connection before its request was read; there is no one to answer."""


async def read_all(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes:
    """The whole body, unpacked; raises `TooLarge`, `UnsupportedMedia`, `Malformed`, `ClientLeft`."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise Malformed("Content-Length is not a number.")
    if len(length) > 15 or int(length) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            raw = await _received(receive, most)
    except TimeoutError:
        raise Malformed("The body did not arrive within {seconds} s.", seconds=BODY_WAIT_S) from None
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding in (b"identity", b""):
        return raw
    if encoding not in (b"gzip", b"x-gzip"):
        raise UnsupportedMedia("Content-Encoding {name} is not read here: send gzip or none.", name=encoding.decode("latin-1")[:40])
    return await asyncio.to_thread(gunzip, raw, most) if len(raw) > THREAD_FROM_BYTES else gunzip(raw, most)


async def _received(receive: Receive, most: int) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    if not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > most:
            raise _too_large(most)
        return body
    chunks = [message.get("body", b"")]
    size = len(chunks[0])
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > most:
            raise _too_large(most)
    return b"".join(chunks)


def gunzip(packed: bytes, most: int) -> bytes:
    """Unpacked bytes, never more than `most`; raises `TooLarge`, `Malformed` (not gzip, cut short, too many streams in one)."""
    parts: list[bytes] = []
    size, streams = 0, 1
    stream = zlib.decompressobj(wbits=31)
    for start in range(0, len(packed), GUNZIP_BYTES):  # in pieces: what a stream leaves over is copied, once for each stream
        rest = packed[start : start + GUNZIP_BYTES]
        while rest:
            if stream.eof and not (rest := rest.lstrip(b"\x00")):
                break
            if stream.eof:
                stream, streams = zlib.decompressobj(wbits=31), streams + 1
            if streams > GZIP_STREAMS_MAX:
                raise Malformed("The gzip body is made of more than {most} streams.", most=GZIP_STREAMS_MAX)
            try:
                part = stream.decompress(rest, most - size + 1)
            except zlib.error as broken:
                raise Malformed("The body is not gzip.") from broken
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
            rest = stream.unused_data
    if packed and not stream.eof:
        raise Malformed("The gzip body is cut short.")
    return b"".join(parts)


def _too_large(most: int) -> TooLarge:
    return TooLarge("The body is larger than {most} bytes: split it, or use $import.", most=most)


def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether Accept-Encoding lets us gzip."""
    for part in accept_encoding.split(b","):
        name, _, rest = part.strip().partition(b";")
        if name.strip().lower() == b"gzip":
            return rest.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


async def send_all(send: Send, status: int, headers: list[Header], body: bytes, *, gzip: bool, head: bool) -> None:
    """One response: start and body, gzipped when that pays."""
    if gzip and len(body) >= GZIP_FROM_BYTES:
        body = await asyncio.to_thread(_gzipped, body) if len(body) > THREAD_FROM_BYTES else _gzipped(body)
        headers.append((b"content-encoding", b"gzip"))
    if status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _gzipped(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


async def send_file(send: Send, headers: list[Header], file: Path, *, head: bool) -> None:
    """One response that streams a file in chunks."""
    size = (await asyncio.to_thread(file.stat)).st_size
    headers.append((b"content-length", str(size).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if head:
        await send({"type": "http.response.body", "body": b""})
        return
    source = await asyncio.to_thread(file.open, "rb")
    try:
        while chunk := await asyncio.to_thread(source.read, FILE_CHUNK_BYTES):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        source.close()
    await send({"type": "http.response.body", "body": b""})
