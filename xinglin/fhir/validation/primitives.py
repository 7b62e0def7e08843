"""The formats of R4 primitives (https://hl7.org/fhir/R4/datatypes.html#primitive), each a check on one JSON value."""

from __future__ import annotations

import binascii
import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from xinglin.fhir.validation.findings import Check, Found, Scope, error, kind_of, shown
from xinglin.fhir.validation.xhtml import narrative_fault

STRING_CHARS_MAX = 1024 * 1024
EXPONENT_MAX = 400
BITS_MAX = 1300
"""The largest decimal, as power of ten and as bits of a whole number: no measurement is near it, and arithmetic stays cheap."""

_YEAR = r"(?!0000)[0-9]{4}"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE = re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?\Z").match
_DATE_TIME = re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_ZONE})?)?)?\Z").match
_INSTANT = re.compile(rf"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}\Z").match
_TIME = re.compile(rf"{_CLOCK}\Z").match
_CODE = re.compile(r"[^ \t\r\n]+(?:[ \t\r\n][^ \t\r\n]+)*\Z").match
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z").match
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+\Z").match
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z").match
_URI = re.compile(r"[^ \t\r\n]+\Z").match
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]").search


def _refused(value: object, type: str, wanted: str) -> Found:
    return error("value", f"{shown(value)} is not a valid {type}: {wanted}.")


def _string(value: Any, _scope: Scope) -> Found:
    if type(value) is str and value and value.isprintable() and len(value) <= STRING_CHARS_MAX:
        return None
    return _text_fault(value, "string")


def _markdown(value: Any, _scope: Scope) -> Found:
    return None if type(value) is str and value and value.isprintable() else _text_fault(value, "markdown")


def _text_fault(value: Any, kind: str) -> Found:
    if type(value) is not str:
        return error("structure", f"A {kind} is a JSON string, not {kind_of(value)}.")
    if not value:
        return error("value", f"A {kind} is never empty: leave the element out.")
    if len(value) > STRING_CHARS_MAX:
        return error("too-long", "A string holds at most 1 MB.")
    if _FORBIDDEN(value):
        return _refused(value, kind, "it holds a control character or half of a surrogate pair")
    return None


def _uri(value: Any, _scope: Scope) -> Found:
    if type(value) is str:
        if value and " " not in value and value.isprintable():
            return None
        return None if _URI(value) and not _FORBIDDEN(value) else _refused(value, "uri", "it is empty or holds white space")
    return error("structure", f"A uri is a JSON string, not {kind_of(value)}.")


def _boolean(value: Any, _scope: Scope) -> Found:
    return None if value is True or value is False else error("structure", f"A boolean is true or false, not {kind_of(value)}.")


def _whole(type_name: str, low: int, high: int = 2**31 - 1) -> Check:
    def check(value: Any, _scope: Scope) -> Found:
        if type(value) is int and low <= value <= high:
            return None
        if isinstance(value, int | Decimal | float) and type(value) is not bool:
            return _refused(value, type_name, f"a whole number from {low} to {high} is needed")
        return error("structure", f"A {type_name} is a JSON number, not {kind_of(value)}.")

    return check


def _decimal(value: Any, _scope: Scope) -> Found:
    if isinstance(value, Decimal | int | float) and value is not True and value is not False:
        return None if _is_sized(value) else _refused(value, "decimal", "it is not finite, or far too large")
    return error("structure", f"A decimal is a JSON number, not {kind_of(value)}.")


def _is_sized(value: Decimal | float) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and abs(value.adjusted()) < EXPONENT_MAX
    return value.bit_length() < BITS_MAX if isinstance(value, int) else isfinite(value)


def _dated(type_name: str, form: Callable[[str], Any], wanted: str) -> Check:
    def check(value: Any, _scope: Scope) -> Found:
        if type(value) is not str:
            return error("structure", f"A {type_name} is a JSON string, not {kind_of(value)}.")
        if form(value) is None:
            return _refused(value, type_name, wanted)
        if value[8:10] > "28" and int(value[8:10]) > monthrange(int(value[:4]), int(value[5:7]))[1]:
            return _refused(value, type_name, "that month has no such day")
        return None

    return check


def _formed(type_name: str, form: Callable[[str], Any], wanted: str) -> Check:
    def check(value: Any, _scope: Scope) -> Found:
        if type(value) is not str:
            return error("structure", f"A {type_name} is a JSON string, not {kind_of(value)}.")
        return None if form(value) is not None and not _FORBIDDEN(value) else _refused(value, type_name, wanted)

    return check


def _base64(value: Any, _scope: Scope) -> Found:
    if type(value) is not str:
        return error("structure", f"A base64Binary is a JSON string, not {kind_of(value)}.")
    try:
        fine = binascii.a2b_base64("".join(value.split()), strict_mode=True)
    except ValueError:
        fine = b""
    return None if fine else _refused(value, "base64Binary", "it is not base64")


def _xhtml(value: Any, _scope: Scope) -> Found:
    if type(value) is not str:
        return error("structure", f"Narrative is a JSON string, not {kind_of(value)}.")
    fault = narrative_fault(value)
    return error("value", fault) if fault else None


PRIMITIVES: dict[str, Check] = {
    "base64Binary": _base64,
    "boolean": _boolean,
    "canonical": _uri,
    "code": _formed("code", _CODE, "no white space at its ends, nor two spaces together"),
    "date": _dated("date", _DATE, "YYYY, YYYY-MM or YYYY-MM-DD is needed"),
    "dateTime": _dated("dateTime", _DATE_TIME, "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz is needed"),
    "decimal": _decimal,
    "id": _formed("id", _ID, "1 to 64 letters, digits, '-' and '.' are needed"),
    "instant": _dated("instant", _INSTANT, "YYYY-MM-DDThh:mm:ss.sss+zz:zz is needed"),
    "integer": _whole("integer", -(2**31)),
    "markdown": _markdown,
    "oid": _formed("oid", _OID, "urn:oid:1.2.3 is needed"),
    "positiveInt": _whole("positiveInt", 1),
    "string": _string,
    "time": _formed("time", _TIME, "hh:mm:ss is needed"),
    "unsignedInt": _whole("unsignedInt", 0),
    "uri": _uri,
    "url": _uri,
    "uuid": _formed("uuid", _UUID, "urn:uuid: and a lower-case UUID is needed"),
    "xhtml": _xhtml,
}
"""The check of each primitive type."""
