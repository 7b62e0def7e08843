"""JSON bytes <-> resources. A resource is a plain dict; decimals are `Decimal`, so that 1.50 stays 1.50 (R4 datatypes, decimal)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from xinglin.base.errors import Malformed

Resource = dict[str, Any]
"""A FHIR resource or element as parsed JSON. The only place in the house where `Any` lives."""



def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not -400 < value.adjusted() < 400:
        raise ValueError(f"number out of range: {text[:40]}")
    return value


_DECODER = msgspec.json.Decoder(float_hook=_decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(raw: bytes) -> Any:
    """Any JSON value; raises `Malformed` (not JSON, not UTF-8, nested too deep, a number out of range)."""
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
