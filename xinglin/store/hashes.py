"""Search values as keyed 64-bit hashes: an index that shows no name and no number to who reads the file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b, sha256
from uuid import UUID

from xinglin.base.ids import uuid_of

_CACHE = 65_536


class Hashes:
    """The hashes of one index key. Same text, same parameter, same key: same hash, in every process."""

    __slots__ = ("_key", "id", "link", "link_secret", "of")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.of = lru_cache(_CACHE)(self._of)
        self.id = lru_cache(_CACHE)(self._id)
        self.link = lru_cache(_CACHE)(self._link)
        self.link_secret = lru_cache(4096)(self._link_secret)

    def _of(self, text: str) -> int:
        """The hash of a text such as `status|final`: a signed 64-bit number."""
        return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=8).digest(), "big", signed=True)

    def _id(self, text: str) -> UUID:
        """The 128-bit id of a logical id: the UUID it is, or a keyed hash of it."""
        return uuid_of(text) or UUID(bytes=blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest())

    def _link_secret(self, param: str, type_: str) -> bytes:
        """What is mixed into the tokens of one parameter's references to one type."""
        return blake2b(f"{param}>{type_}".encode(), key=self._key, digest_size=16).digest()

    def _link(self, param: str, type_: str, id_: str) -> int:
        """The token of a reference of one parameter to `type_/id_`."""
        return self.link_to(param, type_, self.id(id_))

    def link_to(self, param: str, type_: str, id_: UUID) -> int:
        """The same, of an id in its stored form: 64 bits of SHA-256 over id and secret."""
        return int.from_bytes(sha256(id_.bytes + self.link_secret(param, type_)).digest()[:8], "big", signed=True)

    def mark(self, about: bytes, data: bytes) -> bytes:
        """16 bytes that stand for data nobody may guess from them; not remembered."""
        return blake2b(about + b"\x00" + data, key=self._key, digest_size=16).digest()

    def all(self, texts: Iterable[str]) -> list[int]:
        """The hashes of several texts."""
        return [self.of(text) for text in texts]
