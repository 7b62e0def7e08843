"""Where the keys come from: a `KeyProvider`. The default makes a key file at first start and keeps it at rights 0600."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Unavailable


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The keys a store needs: `data` by key id (16 bytes each), the id new rows are sealed with, and the index and token secrets.

    `index` (32 bytes) keys the search hashes; it cannot be exchanged without building the index again.
    `token` (32 bytes) signs bearer tokens. `signing` (32 bytes) makes the installation's signature key, and follows from `token`
    when it is empty; `signer` stands in its place where a hardware module signs. `made`: when each data key was made, where known.
    `retired`: the data keys that only open older backups.
    """

    data: dict[int, bytes]
    current: int
    index: bytes
    token: bytes
    signing: bytes = b""
    made: dict[int, datetime] = field(default_factory=dict[int, datetime])
    retired: frozenset[int] = frozenset()
    signer: Signer | None = None


class KeyProvider(Protocol):
    """A source of keys: the key file, or a hardware module through an adapter."""

    def keys(self) -> Keys:
        """The keys; raises `Unavailable` when they cannot be had."""
        ...


class FileKeys:
    """Keys in a JSON file, generated on first use. The file is the only copy: without it the record cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self) -> Keys:
        """Read the file, or make it (rights 0600, never overwriting one that is there)."""
        if not self._path.exists():
            self._generate()
        if self._path.stat().st_mode & 0o077:
            raise Unavailable("The key file {path} is open to other users; set its rights to 0600.", path=str(self._path))
        try:
            raw = json.loads(self._path.read_text())
            data = {int(number): bytes.fromhex(key) for number, key in raw["data"].items()}
            return Keys(data, int(raw["current"]), bytes.fromhex(raw["index"]), bytes.fromhex(raw["token"]))
        except (ValueError, KeyError, TypeError) as broken:
            raise Unavailable("The key file {path} is damaged; restore it from its backup.", path=str(self._path)) from broken

    def _generate(self) -> None:
        made = {"current": 1, "data": {"1": secrets.token_hex(16)}, "index": secrets.token_hex(32), "token": secrets.token_hex(32)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(f".{os.getpid()}.new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(made, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, self._path)  # fails if another process was first: then its keys are the keys
        except FileExistsError:
            pass
        finally:
            draft.unlink()
