"""A row of the audit trail as the ledger sees it: all its columns in one order, as bytes, and the hash of those."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from sys import byteorder
from typing import Any

import msgspec

from xinglin.base.crypto.merkle import Digest
from xinglin.base.errors import Unavailable
from xinglin.store.applying import AUDIT_BOUND, AUDIT_COLUMNS
from xinglin.store.ground import Ground
from xinglin.store.pool import Row

COLUMNS = ("n", *AUDIT_COLUMNS, "xact")
"""Every column of `xinglin.audit`, in the order in which it is hashed."""
SELECTED = ", ".join(COLUMNS)
QUERY = COLUMNS.index("query")
HASH_BYTES = 32
_UNREADABLE = b"unreadable"
_encode = msgspec.msgpack.Encoder().encode


def told(ground: Ground, row: Row) -> tuple[Any, ...]:
    """A row as it is hashed: in place of the sealed query, its keyed hash, so that sealing it anew under another key changes nothing.

    A query that does not open is hashed as it lies there.
    """
    sealed = row[QUERY]
    if sealed is None:
        return tuple(row)
    if not sealed:  # emptied by someone
        return (*row[:QUERY], _UNREADABLE, *row[QUERY + 1 :])
    try:
        mark = ground.hashes.mark(b"audit query", ground.contents.open_loose(sealed, AUDIT_BOUND))
    except Unavailable:
        mark = _UNREADABLE + sealed
    return (*row[:QUERY], mark, *row[QUERY + 1 :])


def leaf(digest: Digest, told: Sequence[Any]) -> bytes:
    """The Merkle leaf of a row as `told` gives it: of a MessagePack array, each number in its shortest form (RFC 9162, 2.1.1)."""
    return digest(b"\x00" + _encode(told))


def packed_numbers(numbers: Sequence[int]) -> bytes:
    """Numbers as 8 bytes each, the largest byte first."""
    packed = array("q", numbers)
    if byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def numbers_of(packed: bytes) -> array[int]:
    """The numbers again. Raises `ValueError` when the length is not that of whole numbers."""
    numbers = array("q")
    numbers.frombytes(packed)
    if byteorder == "little":
        numbers.byteswap()
    return numbers


def hashes_of(packed: bytes) -> list[bytes]:
    """Hashes that lie one after the other; the last may be too short when the bytes were tampered with."""
    return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
