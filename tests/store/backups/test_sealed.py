"""A backup file that was changed in any way is refused, and opens with its own keys alone."""

from __future__ import annotations

import io
import itertools
import os
import random
from collections.abc import Iterator

import pytest

from xinglin.base.crypto import Keys
from xinglin.base.errors import Malformed, Unavailable
from xinglin.store.backups.sealed import CHUNK_BYTES, Manifest, Writer, read, verified

KEYS = Keys({1: b"0123456789abcdef", 2: b"fedcba9876543210"}, 2, bytes(32), b"t" * 32)
MANIFEST = Manifest("0.1.0", 2, "18.4", "2026-11-22T00:00:00.000Z", "00" * 16, {"record.patient": 3}, (7, 9), {"rows": "1", "last": "1"})
MEMBERS = {
    "database.dump": random.Random(7).randbytes(2 * CHUNK_BYTES + 17),
    "exports/j/a.ndjson.gz": b"{}\n" * 400_000,
    "import/empty": b"",
}


def backup(cipher: str = "sm4", keys: Keys = KEYS) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, keys, cipher)
    for name, content in MEMBERS.items():
        writer.add(name, (content[at : at + 60_000] for at in range(0, len(content), 60_000)))
    writer.end(MANIFEST)
    return file.getvalue()


def frames(file: bytes) -> list[bytes]:
    """The head and the frames of a backup, as they lie in the file."""
    parts, at = [file[:70]], 70
    while at < len(file):
        end = at + 5 + int.from_bytes(file[at + 1 : at + 5], "big")
        parts.append(file[at:end])
        at = end
    return parts


def ends(file: bytes) -> list[int]:
    """Where the head and each frame end."""
    return list(itertools.accumulate(len(part) for part in frames(file)))


def refused(file: bytes, keys: Keys = KEYS) -> Malformed | Unavailable:
    with pytest.raises((Malformed, Unavailable)) as told:
        verified(io.BytesIO(file), keys)
    return told.value


@pytest.mark.parametrize("cipher", ["sm4", "aes"])
def test_what_goes_in_comes_out(cipher: str) -> None:
    found: dict[str, bytes] = {}

    def take(name: str, blocks: Iterator[bytes]) -> None:
        found[name] = b"".join(blocks)

    manifest = read(io.BytesIO(backup(cipher)), KEYS, take)
    assert found == MEMBERS
    assert [(member.name, member.size) for member in manifest.members] == [(name, len(content)) for name, content in MEMBERS.items()]
    assert manifest.tables == MANIFEST.tables


def test_nothing_of_it_stands_in_clear() -> None:
    file = backup()
    for word in (b"database.dump", b"exports", b"record.patient", b"{}\n{}", MEMBERS["database.dump"][:40]):
        assert word not in file


def test_a_byte_changed_anywhere_is_found() -> None:
    file = backup()
    edges = {place for end in ends(file) for place in range(end - 3, min(end + 20, len(file)))}
    for place in sorted({*range(70), *edges, *range(0, len(file), len(file) // 40)}):
        refused(file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :])


def test_a_backup_that_is_cut_short_is_found() -> None:
    file = backup()
    for end in (0, 10, 69, 74, 75, 1000, *ends(file)[:-1], len(file) - 1):
        refused(file[:end])


def test_chunks_swapped_doubled_dropped_or_of_another_backup_are_found() -> None:
    parts, others = frames(backup()), frames(backup())
    assert len(parts) == len(others) >= 9
    refused(b"".join([*parts[:2], parts[3], parts[2], *parts[4:]]))
    refused(b"".join([*parts[:3], parts[2], *parts[3:]]))
    refused(b"".join([*parts[:3], *parts[4:]]))
    refused(b"".join([*parts[:3], others[3], *parts[4:]]))
    refused(b"".join([parts[0], *others[1:]]))
    refused(b"".join([*parts, parts[-1]]))
    refused(b"".join(parts) + b"\0")


def test_an_older_key_opens_its_backups_and_another_key_is_named() -> None:
    older = backup(keys=Keys(KEYS.data, 1, KEYS.index, KEYS.token))
    assert verified(io.BytesIO(older), KEYS).feed == (7, 9)
    assert "key 2" in str(refused(backup(), Keys({1: KEYS.data[1]}, 1, KEYS.index, KEYS.token)))
    assert "other keys" in str(refused(backup(), Keys({2: os.urandom(16)}, 2, KEYS.index, KEYS.token)))


def test_another_file_is_no_backup() -> None:
    assert "no backup" in str(refused(b"PGDMP" + bytes(500)))
    assert "no backup" in str(refused(b""))
