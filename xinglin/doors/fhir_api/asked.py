"""What one HTTP request asks: its path, query and headers, read once. Sources: R4 http.html#general, RFC 9110, RFC 7240 (Prefer)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, unquote_plus

from xinglin.base.errors import Malformed, Stale, TooLarge

QUERY_BYTES_MAX = 64 * 1024
FORM_BYTES_MAX = 1024 * 1024
PARAMETERS_MAX = 1000
HEADER_CHARS_MAX = 16 * 1024

Pairs = tuple[tuple[str, str], ...]

_HOST = re.compile(r"[A-Za-z0-9.\-_\[\]:]{1,255}\Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{1,64}\Z")
_ETAG = re.compile(r'(?:W/)?"?([^"]*)"?\Z')
_ONE = frozenset({b"authorization", b"content-type", b"content-encoding", b"content-length", b"host", b"if-match", b"if-none-exist"})


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header fields by lower-case name; repeated list fields are joined, a repeated single field is `Malformed` (RFC 9110 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in raw:
        if name not in fields:
            fields[name] = value
        elif name in _ONE:
            raise Malformed("The header {name} may be given once.", name=name.decode("latin-1"))
        else:
            fields[name] += b", " + value
        if len(value) > HEADER_CHARS_MAX:
            raise TooLarge("The header {name} is too long.", name=name.decode("latin-1"))
    return fields


def pairs_of(query: bytes, most: int = QUERY_BYTES_MAX) -> Pairs:
    """The parameters of a query string or form body in order; raises `Malformed` (not UTF-8), `TooLarge`."""
    if not query:
        return ()
    if len(query) > most:
        raise TooLarge("The query is longer than {most} bytes: send it as a form to _search, or ask for less.", most=most)
    try:
        text = query.decode("utf-8")
        parts = [part for part in text.split("&") if part]
        pairs = tuple((_plain(name), _plain(value)) for name, _, value in (part.partition("=") for part in parts))
    except UnicodeDecodeError as broken:
        raise Malformed("The query is not UTF-8.") from broken
    if len(pairs) > PARAMETERS_MAX:
        raise TooLarge("The query has more than {most} parameters.", most=PARAMETERS_MAX)
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise Malformed("The query holds a NUL character.")
    return pairs


def _plain(text: str) -> str:
    return unquote_plus(text, errors="strict")


def path_of(scope: dict[str, Any], base: str) -> tuple[str, ...]:
    """The path's segments below the base; raises `Malformed` (not UTF-8, an empty or dotted segment)."""
    raw: bytes = scope.get("raw_path") or b""
    if raw and b"%" not in raw and b"?" not in raw and raw.isascii():
        return segments_of(raw.decode("ascii").removeprefix(base))
    try:
        path = unquote(raw.split(b"?", 1)[0].decode("ascii"), errors="strict") if raw else scope["path"]
        path.encode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError) as broken:
        raise Malformed("The address is not UTF-8.") from broken
    return segments_of(path.removeprefix(base))


def segments_of(path: str) -> tuple[str, ...]:
    """`/Patient/1` -> ("Patient", "1"); a trailing slash is dropped. Raises `Malformed`."""
    trimmed = path.strip("/")
    if not trimmed:
        return ()
    segments = tuple(trimmed.split("/"))
    if "" in segments or "." in segments or ".." in segments or "\x00" in path or len(segments) > 8:
        raise Malformed("The address {path} cannot be read.", path=path[:200])
    return segments


def base_url(scope: dict[str, Any], headers: dict[bytes, bytes], public_url: str, base: str) -> str:
    """Where clients see this door, without a trailing slash."""
    if public_url:
        return public_url.rstrip("/") + base
    return _seen_at(scope.get("scheme", "http"), headers.get(b"host", b""), scope.get("server") or ("localhost", 80), base)


@lru_cache(maxsize=64)
def _seen_at(scheme: str, given: bytes, server: tuple[str, int | None], base: str) -> str:
    host = given.decode("latin-1")
    return f"{scheme}://{host if _HOST.match(host) else f'{server[0]}:{server[1]}'}{base}"


def request_id_of(headers: dict[bytes, bytes], fresh: Callable[[], str]) -> str:
    """The client's X-Request-Id when it is harmless, otherwise a fresh one."""
    given = headers.get(b"x-request-id")
    if given is not None:
        text = given.decode("latin-1")
        if _REQUEST_ID.match(text):
            return text
    return fresh()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What makes the interaction conditional, and what the client prefers to get back.

    `back`: minimal, representation, OperationOutcome or "" (not said). `if_match` None: not given. `if_none_match` as written.
    """

    if_match: int | None = None
    if_none_match: str = ""
    if_modified_since: datetime | None = None
    if_none_exist: str | None = None
    back: str = ""
    strict: bool = False
    respond_async: bool = False


NONE = Conditions()
_CONDITIONAL = frozenset({b"if-match", b"if-none-match", b"if-modified-since", b"if-none-exist", b"prefer"})


def conditions_of(headers: dict[bytes, bytes]) -> Conditions:
    """The conditional headers and Prefer (R4 http.html#versions, #ops)."""
    if _CONDITIONAL.isdisjoint(headers):
        return NONE
    text = {name: headers[name].decode("latin-1") for name in _CONDITIONAL if name in headers}
    prefer = preferences_of(text.get(b"prefer", ""))
    exist = headers.get(b"if-none-exist")
    return Conditions(
        if_match=version_of(text[b"if-match"]) if b"if-match" in text else None,
        if_none_match=text.get(b"if-none-match", ""),
        if_modified_since=http_date(text.get(b"if-modified-since", "")),
        if_none_exist=None if exist is None else exist.decode("utf-8", errors="replace"),
        back=prefer.get("return", ""),
        strict=prefer.get("handling") == "strict",
        respond_async="respond-async" in prefer,
    )


def preferences_of(text: str) -> dict[str, str]:
    """`Prefer: return=minimal, handling=strict; x=y` -> {"return": "minimal", "handling": "strict", "x": "y"}; the first of each counts."""
    found: dict[str, str] = {}
    for part in text.replace(";", ",").split(","):
        name, _, value = part.strip().partition("=")
        if name:
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def version_of(etag: str) -> int:
    """The version a `W/"3"` names; raises `Stale` when it cannot be one of ours (it never matches)."""
    match = _ETAG.match(etag.strip())
    if match is None or not match[1].isascii() or not match[1].isdecimal() or len(match[1]) > 9:
        raise Stale("If-Match names {etag}, which is no version of this server: read the resource again.", etag=etag[:80])
    return int(match[1])


def http_date(text: str) -> datetime | None:
    """An HTTP date, or None when it is none (RFC 9110 13.1.3: an invalid date is ignored)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def matches_etag(text: str, version: int) -> bool:
    """Whether an If-None-Match list holds this version or `*`."""
    return any(part.strip().removeprefix("W/").strip('"') in ("*", str(version)) for part in text.split(","))
