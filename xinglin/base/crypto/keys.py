"""The keys of an installation, and where they come from: a `KeyProvider`. The default is the key file (`key_file.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from xinglin.base.crypto.signatures import Signer


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The keys a store needs: `data` by key id (16 bytes each), the id new rows are sealed with, and the index and token secrets.

    `index` (32 bytes) keys the search hashes; it cannot be exchanged without building the index again.
    `token` (32 bytes) signs bearer tokens. `signing` (32 bytes) makes the installation's signature key, and follows from `token`
    when it is empty; `signer` stands in its place where a hardware module signs. `made`: when each data key was made, where known.
    `retired`: the data keys nothing is sealed with any more, which only open older backups.
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
    """A source of keys: the key file, or something else through an adapter."""

    def keys(self) -> Keys:
        """The keys; raises `Unavailable` when they cannot be had."""
        ...


class MasterKey(Protocol):
    """Wraps the other keys, so that the key file alone opens nothing: a software key, or a hardware module that never shows its own."""

    @property
    def id(self) -> str:
        """Which master key it is: 16 hexadecimal digits or a name; no secret."""
        ...

    @property
    def kept(self) -> str:
        """Where it is kept, in words a person can act on."""
        ...

    def wrap(self, key: bytes, label: bytes) -> bytes:
        """The key sealed for its label."""
        ...

    def unwrap(self, wrapped: bytes, label: bytes) -> bytes:
        """The key again. Raises `Broken` when it was not wrapped by this master key for this label."""
        ...

    def signer(self) -> Signer | None:
        """Who signs inside the module; None when the signing key is wrapped like the others."""
        ...
