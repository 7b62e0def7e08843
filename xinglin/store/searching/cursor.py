"""The mark of where a page ended: opaque to clients, refused when it is not ours."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from xinglin.base.errors import Malformed


def write_cursor(*marks: Any) -> str:
    """A URL-safe text of numbers and texts."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(marks)).decode().rstrip("=")


def read_cursor(text: str, *kinds: type) -> tuple[Any, ...]:
    """The marks, each of one of its kinds (None always allowed); raises `Malformed`."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        marks = msgspec.msgpack.decode(raw, type=list[Any])
    except (binascii.Error, msgspec.DecodeError, ValueError, UnicodeError) as broken:
        raise Malformed("The page mark is not one of ours; start the search again.") from broken
    fits = len(marks) == len(kinds) and all(mark is None or type(mark) is kind for mark, kind in zip(marks, kinds, strict=True))
    if not fits or any(isinstance(mark, int) and not -(2**63) <= mark < 2**63 for mark in marks):
        raise Malformed("The page mark is not one of ours; start the search again.")
    return tuple(marks)
