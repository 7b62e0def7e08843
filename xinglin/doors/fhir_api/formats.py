"""Which format comes in and goes out: JSON or XML, pretty or compact.

Source: R4 http.html#mime-type, #parameters (`_format`, `_pretty`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from xinglin.base.errors import NotAcceptable, UnsupportedMedia
from xinglin.doors.fhir_api.asked import Pairs
from xinglin.fhir.codec import Resource, decode, decode_resource
from xinglin.fhir.xml import from_xml, to_xml

FHIR_JSON = b"application/fhir+json"
FHIR_XML = b"application/fhir+xml"
NDJSON = "application/fhir+ndjson"
FORM = "application/x-www-form-urlencoded"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

_JSON = frozenset({"json", "application/json", "application/fhir+json", "application/fhir json", "text/json", "application/json+fhir"})
_XML = frozenset({"xml", "application/xml", "application/fhir+xml", "application/fhir xml", "text/xml", "application/xml+fhir"})


@dataclass(frozen=True, slots=True)
class Format:
    """How answers are written. `media`: the content type without charset."""

    media: bytes
    xml: bool = False
    pretty: bool = False


PLAIN = Format(FHIR_JSON)


def format_of(query: Pairs, accept: bytes) -> Format:
    """The format `_format` or else Accept asks for; raises `NotAcceptable`."""
    asked = {name: value for name, value in query if name in ("_format", "_pretty")} if query else {}
    if not asked and accept in (b"", b"*/*", FHIR_JSON, b"application/json"):
        return PLAIN if accept != b"application/json" else Format(accept)
    media = _named(asked["_format"]) if "_format" in asked else _accepted(accept.decode("latin-1"))
    return Format(media, media in (FHIR_XML, b"application/xml"), asked.get("_pretty") == "true")


def _named(text: str) -> bytes:
    name = text.partition(";")[0].strip().lower()
    if name in _JSON:
        return FHIR_JSON
    if name in _XML:
        return FHIR_XML
    raise NotAcceptable("_format={format} cannot be made: ask for json or xml.", format=text[:80])


@lru_cache(maxsize=256)
def _accepted(accept: str) -> bytes:
    ranked: list[tuple[float, int, bytes]] = []
    for place, part in enumerate(accept.split(",")):
        media, _, rest = part.strip().lower().partition(";")
        quality = _quality(rest)
        chosen = _offered(media.strip())
        if chosen and quality > 0:
            ranked.append((-quality, place, chosen))
    if not accept.strip():
        return FHIR_JSON
    if not ranked:
        text = "Nothing in Accept: {accept} can be made: ask for application/fhir+json or application/fhir+xml."
        raise NotAcceptable(text, accept=accept[:200])
    return min(ranked)[2]


def _offered(media: str) -> bytes:
    if media in ("application/json", "application/xml"):
        return media.encode()
    if media in _JSON or media in ("*/*", "application/*", NDJSON):
        return FHIR_JSON
    return FHIR_XML if media in _XML else b""


def _quality(parameters: str) -> float:
    for part in parameters.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def media_of(content_type: bytes) -> str:
    """The media type of a Content-Type header, lower case, without parameters."""
    return content_type.split(b";", 1)[0].strip().lower().decode("latin-1")


def read_body(body: bytes, media: str) -> Resource:
    """A resource from a body in JSON or XML (no type given = JSON); raises `UnsupportedMedia`, `Malformed`."""
    if not media or media in _JSON:
        return decode_resource(body)
    if media in _XML:
        return from_xml(body)
    raise UnsupportedMedia("A body of type {media} cannot be read: send application/fhir+json or application/fhir+xml.", media=media[:80])


def write_body(body: bytes, form: Format) -> bytes:
    """JSON bytes of a resource in the format asked for."""
    if form.xml:
        return to_xml(decode(body))
    return msgspec.json.format(body, indent=2) if form.pretty else body
