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
NESTING_MAX = 400
"""Lists and objects within each other: as much as XML's 200 elements, and less than what any reader of a resource can follow."""
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


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
    if _perhaps_deep(raw) and _nesting(resource) > NESTING_MAX:
        raise Malformed("The body is nested too deep.")
    return resource


def _perhaps_deep(raw: bytes) -> bool:
    """Whether a JSON text may be nested too deep: its brackets, those in texts among them, are taken away pair by pair from within."""
    if raw.count(b"[") + raw.count(b"{") <= NESTING_MAX:
        return False
    brackets = raw.translate(None, _NOT_BRACKETS)
    for _ in range(NESTING_MAX // 2):
        fewer = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return bool(brackets)


def _nesting(value: Any) -> int:
    """How many lists and objects stand within each other."""
    level: list[Any] = [value]
    deep = 0
    while held := [cast(Resource | list[Any], one) for one in level if isinstance(one, (dict, list))]:
        deep += 1
        level = [inner for one in held for inner in (one.values() if isinstance(one, dict) else one)]
    return deep


def encode(value: Any) -> bytes:
    """Compact JSON bytes, key order kept."""
    return _ENCODER.encode(value)
