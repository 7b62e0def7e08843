"""The form of a backup file: members, compressed and sealed in chunks, and at the end what must have been in it.

    head     magic, cipher, number of the data key, salt (32 bytes), mark of the key (16 bytes)
    frames   kind (1 byte), length (4 bytes), sealed; each sealed for its place: head, count of frames before it, kind
             N  name of the member that follows      D  a chunk of it (zstd)      E  the manifest, always last

The key of a file is derived from the data key and its salt (RFC 5869, HKDF with SM3, or SHA-256 for aes), so chunks of two backups never
fit each other. A frame changed, dropped, doubled or moved does not open; a file without its last frame is no backup.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO, BinaryIO, cast

import msgspec
import zstandard
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from xinglin.base.crypto import Keys
from xinglin.base.crypto.seal import NONCE_BYTES, TAG_BYTES, Broken, Sealer, sealer
from xinglin.base.errors import Malformed, Unavailable

CHUNK_BYTES = 1024 * 1024
_MAGIC = b"xinglin backup 1\n"
_CIPHERS = {1: "sm4", 2: "aes"}
_HEAD = struct.Struct(">17sBI32s16s")
_FRAME = struct.Struct(">cI")
_SEALED_BYTES_MAX = 16 * CHUNK_BYTES
_NAME, _DATA, _END = b"N", b"D", b"E"
_LEVEL = 3


class Member(msgspec.Struct, frozen=True):
    """One thing in a backup: its name, its size in bytes and its digest (hex; SM3, or SHA-256 for aes)."""

    name: str
    size: int
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. `made_at`: FHIR instant; `tables`: rows by table; `feed`: the last (xact, tick); `audit`: its end."""

    program: str
    schema: int
    postgres: str
    made_at: str
    key_mark: str
    tables: dict[str, int]
    feed: tuple[int, int]
    audit: dict[str, str]
    members: list[Member] = []


Take = Callable[[str, Iterator[bytes]], None]
"""What is done with a member: its name, its bytes in blocks. What it leaves unread is read, and checked, after it."""


class Writer:
    """Writes one backup into an open file: `add` each member, then `end`."""

    def __init__(self, file: BinaryIO, keys: Keys, cipher: str) -> None:
        salt = os.urandom(32)
        self._sealer, mark = _derived(keys.data[keys.current], salt, cipher)
        number = next(number for number, name in _CIPHERS.items() if name == cipher)
        self._file, self._cipher, self._count = file, cipher, 0
        self._head = _HEAD.pack(_MAGIC, number, keys.current, salt, mark)
        self._members: list[Member] = []
        file.write(self._head)

    def add(self, name: str, blocks: Iterable[bytes]) -> None:
        """One member, as its bytes come."""
        self._frame(_NAME, name.encode())
        digest, size = _digest(self._cipher), 0
        packer, held = zstandard.ZstdCompressor(_LEVEL).compressobj(), bytearray()
        for block in blocks:
            digest.update(block)
            size += len(block)
            held += packer.compress(block)
            while len(held) >= CHUNK_BYTES:
                self._frame(_DATA, bytes(held[:CHUNK_BYTES]))
                del held[:CHUNK_BYTES]
        held += packer.flush()
        self._frame(_DATA, bytes(held))
        self._members.append(Member(name, size, digest.finalize().hex()))

    def end(self, manifest: Manifest) -> Manifest:
        """Close with the manifest, the members written into it; the manifest as it stands in the file."""
        whole = msgspec.structs.replace(manifest, members=self._members)
        self._frame(_END, msgspec.json.encode(whole))
        return whole

    def _frame(self, kind: bytes, plain: bytes) -> None:
        sealed = self._sealer.seal(plain, _place(self._head, self._count, kind))
        self._count += 1
        self._file.write(_FRAME.pack(kind, len(sealed)))
        self._file.write(sealed)


def read(file: BinaryIO, keys: Keys, take: Take) -> Manifest:
    """Read a whole backup, handing each member to `take`. Raises `Unavailable` (other keys) and `Malformed` (changed, cut short)."""
    frames, cipher = _opened(file, keys)
    seen: list[Member] = []
    kind, plain = next(frames)
    while kind == _NAME:
        chunks = _Chunks(frames)
        counted = _Counted(zstandard.ZstdDecompressor().read_to_iter(cast(IO[bytes], chunks)), cipher)
        name = plain.decode()
        take(name, iter(counted))
        seen.append(counted.member(name))
        kind, plain = chunks.behind()
    if kind != _END or file.read(1):
        raise _changed()
    manifest = msgspec.json.decode(plain, type=Manifest)
    if manifest.members != seen:
        raise _changed()
    return manifest


def verified(file: BinaryIO, keys: Keys) -> Manifest:
    """Read a whole backup and keep nothing of it; raises as `read`."""
    return read(file, keys, lambda _name, _blocks: None)


def _opened(file: BinaryIO, keys: Keys) -> tuple[Generator[tuple[bytes, bytes]], str]:
    """The frames of a file, opened one after another, and its cipher."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        raise Malformed("This is no backup of Xinglin, or its beginning is damaged.")
    _, number, key, salt, mark = _HEAD.unpack(head)
    if number not in _CIPHERS:
        raise Malformed("This is no backup of Xinglin, or its beginning is damaged.")
    if key not in keys.data:
        raise Unavailable("The backup was sealed with key {number}, which is not among these keys: bring its own key file.", number=key)
    sealer, own = _derived(keys.data[key], salt, _CIPHERS[number])
    if not hmac.compare_digest(mark, own):
        raise Unavailable("The backup was sealed with other keys, or its beginning is damaged: bring the key file that belongs to it.")
    return _frames(file, head, sealer), _CIPHERS[number]


def _frames(file: BinaryIO, head: bytes, sealer: Sealer) -> Generator[tuple[bytes, bytes]]:
    count = 0
    while True:
        before = file.read(_FRAME.size)
        if len(before) < _FRAME.size:
            raise Malformed("The backup is cut short: it was not finished, or not copied whole.")
        kind, length = _FRAME.unpack(before)
        if not NONCE_BYTES + TAG_BYTES <= length <= _SEALED_BYTES_MAX:
            raise _changed()
        sealed = file.read(length)
        if len(sealed) < length:
            raise Malformed("The backup is cut short: it was not finished, or not copied whole.")
        try:
            yield kind, sealer.open(sealed, _place(head, count, kind))
        except Broken:
            raise _changed() from None
        count += 1


class _Chunks:
    """The chunks of one member, as a file to read from; it ends at the frame behind them."""

    def __init__(self, frames: Iterator[tuple[bytes, bytes]]) -> None:
        self._frames = frames
        self._held = b""
        self._behind: tuple[bytes, bytes] | None = None

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end."""
        while not self._held and self._behind is None:
            kind, plain = next(self._frames)
            if kind == _DATA:
                self._held = plain
            else:
                self._behind = kind, plain
        part, self._held = self._held[:size], self._held[size:]
        return part

    def behind(self) -> tuple[bytes, bytes]:
        """The frame that follows the member's last chunk."""
        if self.read(1) or self._behind is None:
            raise _changed()
        return self._behind


class _Counted:
    """Blocks on their way, counted and digested."""

    def __init__(self, blocks: Iterator[bytes], cipher: str) -> None:
        self._blocks, self._digest, self._size = blocks, _digest(cipher), 0

    def __iter__(self) -> Generator[bytes]:
        for block in self._blocks:
            self._digest.update(block)
            self._size += len(block)
            yield block

    def member(self, name: str) -> Member:
        """What it all was, after reading what is left."""
        for _ in self:
            pass
        return Member(name, self._size, self._digest.finalize().hex())


def _derived(key: bytes, salt: bytes, cipher: str) -> tuple[Sealer, bytes]:
    """The sealer of one file, and the mark by which its key is known again."""
    made = HKDF(_algorithm(cipher), 32, salt, b"xinglin backup").derive(key)
    return sealer(cipher, made[:16]), made[16:]


def _algorithm(cipher: str) -> hashes.HashAlgorithm:
    return hashes.SM3() if cipher == "sm4" else hashes.SHA256()


def _digest(cipher: str) -> hashes.Hash:
    return hashes.Hash(_algorithm(cipher))


def _place(head: bytes, count: int, kind: bytes) -> bytes:
    return head + count.to_bytes(8, "big") + kind


def _changed() -> Malformed:
    return Malformed("The backup was changed or is damaged: a part of it does not open at its place. Take another copy.")
