"""An interaction's answer before it is put on the wire, so that a bundle entry and an HTTP response are made from the same value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from xinglin.base.clock import instant, moment_of

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """`body`: JSON bytes of a resource (b"" = none). `version`, `tick`: of the resource. `location`: relative to the base.

    `media` set: `body` is not a FHIR resource and is sent as it is, or `file` is streamed.
    """

    status: int
    body: bytes = b""
    version: int | None = None
    tick: int | None = None
    location: str = ""
    headers: tuple[Header, ...] = ()
    media: bytes = b""
    file: Path | None = None
    outcome: bool = False


def etag(version: int) -> str:
    """The weak ETag of a version (R4 http.html#versioning)."""
    return f'W/"{version}"'


@lru_cache(maxsize=4096)
def http_time(second: int) -> bytes:
    """Seconds since 1970 as an HTTP date (IMF-fixdate)."""
    return moment_of(second * 1_000_000).strftime("%a, %d %b %Y %H:%M:%S GMT").encode()


def head_of(reply: Reply, base: str) -> list[Header]:
    """The header fields an answer carries beyond its body's."""
    fields = list(reply.headers)
    if reply.version is not None:
        fields.append((b"etag", b'W/"%d"' % reply.version))
    if reply.tick is not None:
        fields.append((b"last-modified", http_time(reply.tick // 1_000_000)))
    if reply.location:
        fields.append((b"location", f"{base}/{reply.location}".encode()))
    return fields


def version_location(type_: str, id_: str, version: int) -> str:
    """The address of one version, relative to the base."""
    return f"{type_}/{id_}/_history/{version}"


def last_modified(reply: Reply) -> str | None:
    """The instant a bundle's `response.lastModified` holds."""
    return None if reply.tick is None else instant(reply.tick)
