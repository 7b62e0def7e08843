"""JSON bytes <-> resources. A resource is a plain dict; decimals are `Decimal`, so that 1.50 stays 1.50 (R4 datatypes, decimal)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from xinglin.base.errors import Malformed, TooLarge

Resource = dict[str, Any]
"""A FHIR resource or element as parsed JSON. The only place in the house where `Any` lives."""

PARTS_MAX = 4_000_000
"""Most values of one JSON text. A value takes up to a hundred times the room of its text once it is parsed: bytes alone are no limit."""
NUMBER_CHARS_MAX = 1000


def _decimal(text: str) -> Decimal:
    value = Decimal(text[:NUMBER_CHARS_MAX])
    if len(text) > NUMBER_CHARS_MAX or not -400 < value.adjusted() < 400:
        raise ValueError(f"number out of range: {text[:40]}")
    return value


_DECODER = msgspec.json.Decoder(float_hook=_decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(raw: bytes) -> Any:
    """Any JSON value; raises `Malformed` (not JSON, not UTF-8, nested too deep, a number out of range), `TooLarge` (too many parts)."""
    if len(raw) > PARTS_MAX and raw.count(b",") + raw.count(b"[") + raw.count(b"{") > PARTS_MAX:
        raise TooLarge("The body holds more than {most} values: split it, or use $import.", most=PARTS_MAX)
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, InvalidOperation) as broken:
        raise Malformed("The body is not valid JSON: {why}.", why=str(broken)) from broken
    except RecursionError as deep:
        raise Malformed("The body is nested too deep.") from deep


def decode_resource(raw: bytes) -> Resource:
    """A JSON object with a `resourceType`; raises `Malformed`."""
    value = decode(raw)
    if not isinstance(value, dict):
        raise Malformed("The body is not a FHIR resource: a JSON object is needed.")
    resource = cast("Resource", value)
    if not isinstance(resource.get("resourceType"), str):
        raise Malformed("The body is not a FHIR resource: resourceType is missing.")
    return resource


def encode(value: Any) -> bytes:
    """Compact JSON bytes, key order kept."""
    return _ENCODER.encode(value)
