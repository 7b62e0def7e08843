"""The little of DER (ITU-T X.690) that certificates and signed messages need: writing values, and walking through them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, UTF8 = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C
UTC_TIME, GENERAL_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31
_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its tag, its content, and all its bytes."""

    tag: int
    content: bytes
    whole: bytes


def value(tag: int, *parts: bytes) -> bytes:
    """A value of these contents, one after another."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE."""
    return value(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes]) -> bytes:
    """A SET OF, its values in the order DER wants."""
    return value(SET, *sorted(parts))


def tagged(number: int, *parts: bytes) -> bytes:
    """A context-specific constructed value `[number]`."""
    return value(0xA0 | number, *parts)


def integer(number: int) -> bytes:
    """An INTEGER, not negative."""
    return value(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(text: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = map(int, text.split("."))
    return value(OID, b"".join(_base128(number) for number in (first * 40 + second, *rest)))


def bits(content: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return value(BIT_STRING, b"\x00", content)


def moment(at: datetime) -> bytes:
    """A time, whole seconds: UTCTime to 2049, then GeneralizedTime (RFC 5280, 4.1.2.5)."""
    at = at.astimezone(UTC)
    if at.year < 2050:
        return value(UTC_TIME, f"{at:%y%m%d%H%M%S}Z".encode())
    return value(GENERAL_TIME, f"{at:%Y%m%d%H%M%S}Z".encode())


def read_moment(one: Value) -> datetime:
    """The time a value tells. Raises `ValueError`."""
    text = one.content.decode("ascii")
    if one.tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif one.tag != GENERAL_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def one(data: bytes) -> Value:
    """The single value these bytes are. Raises `ValueError` when they are not exactly one."""
    found = list(each(data))
    if len(found) != 1:
        raise ValueError("not one DER value")
    return found[0]


def each(data: bytes) -> Iterator[Value]:
    """The values in these bytes, one after another. Raises `ValueError`."""
    at = 0
    while at < len(data):
        tag, start, end = _bounds(data, at)
        yield Value(tag, data[start:end], data[at:end])
        at = end


def inside(whole: bytes, tag: int = SEQUENCE) -> list[Value]:
    """The values within one value of this tag. Raises `ValueError`."""
    outer = one(whole)
    if outer.tag != tag:
        raise ValueError("not the DER value that was expected")
    return list(each(outer.content))


def _bounds(data: bytes, at: int) -> tuple[int, int, int]:
    if at + 2 > len(data):
        raise ValueError("DER cut short")
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 4:
            raise ValueError("not a DER length")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if length > _BYTES_MAX or start + length > len(data):
        raise ValueError("DER cut short")
    return tag, start, start + length


def _base128(number: int) -> bytes:
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(0x80 | number & 0x7F)
    return bytes(reversed(parts))
