"""Content: canonical JSON bytes, compressed with a dictionary of their type, then sealed for the row they belong to.

A stored content is two header bytes, then the sealed zstd frame. The first is the key number; the second the dictionary
number (six bits, 0 = none), whether the version was made by a PUT (or PATCH) rather than a POST, and whether the JSON is whole.
Usually it is not: its beginning (type, id, version, last update) is told by the row's own columns, and is put back on reading.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import UUID

import zstandard
from asyncpg import Connection

from xinglin.base.clock import instant
from xinglin.base.crypto import Keys, KeyWatch, Sealer, sealer
from xinglin.base.crypto.seal import Broken
from xinglin.base.errors import Unavailable
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.store.layout import TYPE_NUMBER

LEVEL = 3
_PUT = 0x80
_WHOLE = 0x40
_DICTIONARY = 0x3F
_HEAD = b'{"resourceType":"%s","id":"%s","meta":{"versionId":"%d","lastUpdated":"%s"'
_INSTANT_BYTES = len('"lastUpdated":"2026-01-01T00:00:00.000Z"')
_NAMES = [name.encode() for name in RESOURCE_TYPES]
DICTIONARIES_MAX = _DICTIONARY
"""Dictionaries one type may have had."""
PLAIN_BYTES_MAX = 256 * 1024 * 1024
SHIPPED = Path(__file__).parent / "dictionaries"
KEYS_LOOKED_AT_S = 1.0
"""How long a process may go on sealing with a key that is no longer the current one."""


class UnknownDictionary(Unavailable):
    """A row was packed with a dictionary another process learnt since this one last read them."""


class _Press:
    """Compressor and decompressor of one dictionary (or of none)."""

    __slots__ = ("_dictionary", "_pack", "_unpack")

    def __init__(self, dictionary: bytes | None) -> None:
        self._dictionary = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self._pack: zstandard.ZstdCompressor | None = None
        self._unpack: zstandard.ZstdDecompressor | None = None

    def copy(self) -> _Press:
        return _Press(self._dictionary.as_bytes() if self._dictionary else None)

    def pack(self, plain: bytes) -> bytes:
        if self._pack is None:
            if self._dictionary:
                self._dictionary.precompute_compress(level=LEVEL)  # pyright: ignore[reportUnknownMemberType]: its stub names no result
                self._pack = zstandard.ZstdCompressor(level=LEVEL, dict_data=self._dictionary, write_dict_id=False)
            else:
                self._pack = zstandard.ZstdCompressor(level=LEVEL)
        return self._pack.compress(plain)

    def unpack(self, packed: bytes) -> bytes:
        if self._unpack is None:
            self._unpack = zstandard.ZstdDecompressor(dict_data=self._dictionary) if self._dictionary else zstandard.ZstdDecompressor()
        return self._unpack.decompress(packed, max_output_size=PLAIN_BYTES_MAX)


class Contents:
    """Packs and seals, opens and unpacks. One per process; the dictionaries are loaded once and only ever added to.

    With a `watch` it takes up new keys while it runs: once a second, and when it meets a key number it does not know.
    """

    __slots__ = ("_cipher", "_keys", "_look_at", "_newest", "_presses", "_sealers", "_watch")

    def __init__(self, keys: Keys, cipher: str, watch: KeyWatch | None = None) -> None:
        self._keys = keys
        self._cipher = cipher
        self._watch = watch
        self._look_at = 0.0
        self._sealers: dict[int, Sealer] = {}
        self._presses: dict[tuple[int, int], _Press] = {}
        self._newest: dict[int, int] = {}

    def pack(self, type_number: int, id_: UUID, version: int, tick: int, plain: bytes, *, put: bool = False) -> bytes:
        """The bytes of a `content` column."""
        number, flags = self._newest.get(type_number, 0), _PUT if put else 0
        head = head_of(type_number, id_, version, tick)
        if plain.startswith(head):
            plain = plain[len(head) :]
        else:  # an id that is no UUID
            flags |= _WHOLE
        packed = self._press(type_number, number).pack(plain)
        key = self.current
        header = bytes((key, number | flags))
        return header + self._sealer(key).seal(packed, _bound(type_number, id_, version, header))

    def unpack(self, type_number: int, id_: UUID, version: int, tick: int, content: bytes) -> bytes:
        """The JSON bytes; raises `Unavailable` when the key at hand does not open them."""
        if not content:
            return b""
        packed = self._opened(type_number, id_, version, content)
        try:
            plain = self._press(type_number, content[1] & _DICTIONARY).unpack(packed)
        except zstandard.ZstdError as broken:
            raise Unavailable("A stored record is damaged; restore it from a backup.") from broken
        return plain if content[1] & _WHOLE else head_of(type_number, id_, version, tick) + plain

    def sealed_anew(self, type_number: int, id_: UUID, version: int, content: bytes) -> bytes:
        """The same content of the same version under the current key; raises as `unpack`."""
        packed = self._opened(type_number, id_, version, content)
        key = self.current
        header = bytes((key, content[1]))
        return header + self._sealer(key).seal(packed, _bound(type_number, id_, version, header))

    def add_dictionary(self, type_number: int, number: int, dictionary: bytes) -> None:
        """Know a dictionary; the highest number of a type packs what is written from now on."""
        self._presses[type_number, number] = _Press(dictionary)
        self._newest[type_number] = max(number, self._newest.get(type_number, 0))

    def knows(self, type_number: int, number: int) -> bool:
        """Whether a dictionary is known."""
        return (type_number, number) in self._presses

    def newest(self, type_number: int) -> int:
        """The number of the dictionary a type is packed with now."""
        return self._newest.get(type_number, 0)

    def packer(self, type_number: int) -> Callable[[bytes], bytes]:
        """What packs a type now, as a compressor of its own: one must not be used by two threads."""
        return self._press(type_number, self.newest(type_number)).copy().pack

    def seal_loose(self, plain: bytes, bound: bytes) -> bytes:
        """Seal something that is no resource (a dictionary, a job's parameters)."""
        key = self.current
        return bytes((key,)) + self._sealer(key).seal(plain, bound)

    def open_loose(self, sealed: bytes, bound: bytes) -> bytes:
        """Open what `seal_loose` made."""
        try:
            return self._sealer(sealed[0]).open(sealed[1:], bound)
        except Broken as broken:
            raise Unavailable("The keys at hand do not belong to this database.") from broken

    @property
    def keys(self) -> Keys:
        """The keys at hand."""
        return self._keys

    @property
    def current(self) -> int:
        """The number of the key that seals what is written now."""
        if self._watch is not None and time.monotonic() >= self._look_at:
            self.renew()
        return self._keys.current

    def renew(self) -> None:
        """Take up what has come into the key file."""
        self._look_at = time.monotonic() + KEYS_LOOKED_AT_S
        if self._watch is not None and (news := self._watch.news(self._keys)) is not None:
            self._keys = news

    def _opened(self, type_number: int, id_: UUID, version: int, content: bytes) -> bytes:
        try:
            return self._sealer(content[0]).open(content[2:], _bound(type_number, id_, version, content[:2]))
        except Broken as broken:
            raise Unavailable("A stored record does not open with the keys at hand.") from broken

    def _press(self, type_number: int, number: int) -> _Press:
        press = self._presses.get((type_number, number))
        if press is None:
            if number:
                raise UnknownDictionary("A compression dictionary is missing from the database.", retry_after_s=1)
            press = self._presses[type_number, 0] = _Press(None)
        return press

    def _sealer(self, key: int) -> Sealer:
        found = self._sealers.get(key)
        if found is None:
            if key not in self._keys.data:
                self.renew()  # another process may have made it a moment ago
            if key not in self._keys.data:
                raise Unavailable("This was sealed with data key {number}, which the key file does not hold; bring it back.", number=key)
            found = self._sealers[key] = sealer(self._cipher, self._keys.data[key])
        return found


def head_of(type_number: int, id_: UUID, version: int, tick: int) -> bytes:
    """How the JSON of a version begins, as `applying.stamped` orders it."""
    return _HEAD % (_NAMES[type_number], str(id_).encode(), version, instant(tick).encode())


def tail_of(plain: bytes) -> bytes:
    """What of a JSON text is packed: all after the last update."""
    return plain[plain.index(b'"lastUpdated":"') + _INSTANT_BYTES :]


def method_of(content: bytes) -> str:
    """The HTTP method that made a version: DELETE, PUT or POST (R4 http, history)."""
    if not content:
        return "DELETE"
    return "PUT" if content[1] & _PUT else "POST"


def key_mark(keys: Keys) -> bytes:
    """What the database remembers of its index key, so that a wrong key file is noticed at start."""
    return hashlib.blake2b(b"xinglin index key", key=keys.index, digest_size=16).digest()


def _bound(type_number: int, id_: UUID, version: int, header: bytes) -> bytes:
    return header + type_number.to_bytes(2, "big") + id_.bytes + version.to_bytes(4, "big")


def dictionary_bound(type_number: int, number: int) -> bytes:
    """What a dictionary is sealed for."""
    return b"dictionary" + type_number.to_bytes(2, "big") + bytes((number,))


def shipped() -> Iterable[tuple[int, bytes]]:
    """(type number, dictionary) of the dictionaries that come with the program."""
    for file in sorted(SHIPPED.glob("*.zdict")):
        yield TYPE_NUMBER[file.stem], file.read_bytes()


async def ship_dictionaries(connection: Connection, contents: Contents) -> None:
    """Put the shipped dictionaries into a new database, sealed: from then on the database carries all it needs."""
    rows = [(number, 1, contents.seal_loose(data, dictionary_bound(number, 1))) for number, data in shipped()]
    await connection.executemany("INSERT INTO xinglin.dictionary VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", rows)


async def add_dictionary(connection: Connection, contents: Contents, type_number: int, dictionary: bytes) -> None:
    """Keep a new dictionary. It packs once it is loaded: load it after this is committed, or what it packed could not be opened again."""
    number = await connection.fetchval("SELECT coalesce(max(n), 0) + 1 FROM xinglin.dictionary WHERE type = $1", type_number)
    sealed = contents.seal_loose(dictionary, dictionary_bound(type_number, number))
    await connection.execute("INSERT INTO xinglin.dictionary VALUES ($1, $2, $3)", type_number, number, sealed)


async def load_dictionaries(connection: Connection, contents: Contents) -> None:
    """Make every dictionary of the database known to this process."""
    for type_number, number, sealed in await connection.fetch("SELECT type, n, sealed FROM xinglin.dictionary"):
        if not contents.knows(type_number, number):
            contents.add_dictionary(type_number, number, contents.open_loose(sealed, dictionary_bound(type_number, number)))
