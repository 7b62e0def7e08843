"""Bundles written by joining bytes: stored content goes from the store to the socket unparsed.

Sources: R4 bundle.html, search.html#return.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from xinglin.base.clock import instant
from xinglin.doors.fhir_api.asked import Pairs
from xinglin.doors.fhir_api.reply import Reply, etag, last_modified
from xinglin.doors.fhir_api.subset import Subset, shown
from xinglin.fhir.codec import encode
from xinglin.store import Stored

Links = Sequence[tuple[str, str]]


def bundle(kind: str, entries: Iterable[bytes], *, links: Links = (), total: int | None = None, at: int | None = None) -> bytes:
    """A Bundle's bytes from its entries' bytes. `at`: the tick for `meta.lastUpdated`; `links`: (relation, absolute url)."""
    parts = [b'{"resourceType":"Bundle"']
    if at is not None:
        parts.append(b',"meta":{"lastUpdated":"%s"}' % instant(at).encode())
    parts.append(b',"type":"%s"' % kind.encode())
    if total is not None:
        parts.append(b',"total":%d' % total)
    if links:
        parts.append(b',"link":' + encode([{"relation": relation, "url": url} for relation, url in links]))
    listed = b",".join(entries)
    if listed:
        parts.append(b',"entry":[' + listed + b"]")
    parts.append(b"}")
    return b"".join(parts)


def match_entry(base: bytes, stored: Stored, mode: bytes, part: Subset | None = None) -> bytes:
    """One entry of a searchset; `mode`: match or include."""
    content = stored.content if part is None else shown(stored.content, part)
    where = f"{stored.type}/{stored.id}".encode()
    return b'{"fullUrl":"%s/%s","resource":%s,"search":{"mode":"%s"}}' % (base, where, content, mode)


def outcome_entry(body: bytes) -> bytes:
    """The OperationOutcome entry of a searchset."""
    return b'{"resource":%s,"search":{"mode":"outcome"}}' % body


_STATUS = {"POST": "201 Created", "PUT": "200 OK", "DELETE": "204 No Content"}


def version_entry(base: bytes, stored: Stored, part: Subset | None = None) -> bytes:
    """One entry of a history: the version, and the request that made it; a deletion has no resource (R4 http.html#history)."""
    url = stored.type if stored.method == "POST" else f"{stored.type}/{stored.id}"
    status = "201 Created" if stored.version == 1 and stored.method != "DELETE" else _STATUS[stored.method]
    response = {"status": status, "etag": etag(stored.version), "lastModified": instant(stored.tick)}
    content = stored.content if part is None or not stored.content else shown(stored.content, part)
    return b'{"fullUrl":"%s/%s",%s"request":%s,"response":%s}' % (
        base,
        f"{stored.type}/{stored.id}".encode(),
        b'"resource":%s,' % content if content else b"",
        encode({"method": stored.method, "url": url}),
        encode(response),
    )


_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 304: "Not Modified"}


def response_entry(reply: Reply) -> bytes:
    """One entry of a batch-response or transaction-response (R4 bundle.html, Bundle.entry.response)."""
    response: dict[str, object] = {"status": f"{reply.status} {_REASONS.get(reply.status, '')}".strip()}
    if reply.location:
        response["location"] = reply.location
    if reply.version is not None:
        response["etag"] = etag(reply.version)
    if moment := last_modified(reply):
        response["lastModified"] = moment
    head = encode(response)
    if not reply.body:
        return b'{"response":%s}' % head
    if reply.outcome:
        return b'{"response":%s,"outcome":%s}}' % (head[:-1], reply.body)
    return b'{"resource":%s,"response":%s}' % (reply.body, head)


def url_of(base: str, path: str, pairs: Pairs, *more: tuple[str, str]) -> str:
    """An absolute url below the base, its parameters percent-encoded."""
    query = "&".join(f"{quote(name, safe=':-._~$')}={quote(value, safe=':,|/$-._~')}" for name, value in (*pairs, *more))
    address = f"{base}/{path}" if path else base
    return f"{address}?{query}" if query else address
