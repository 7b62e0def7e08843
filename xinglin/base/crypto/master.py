"""Master keys: in a file beside the key file (the default), in the environment, or in a hardware module through an adapter.

`XINGLIN_MASTER_MODULE=package.module:factory` names a function of no arguments that gives a `MasterKey`; `XINGLIN_MASTER_KEY` is a
master key of 32 hexadecimal digits. They are read here and not with the settings, so that no settings value ever holds a secret.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from xinglin.base.crypto.digests import keyed_digest
from xinglin.base.crypto.keys import MasterKey
from xinglin.base.crypto.private_file import read_private, write_private
from xinglin.base.crypto.seal import sealer
from xinglin.base.crypto.signatures import Signer
from xinglin.base.errors import Malformed, Unavailable

KEY_VARIABLE = "XINGLIN_MASTER_KEY"
MODULE_VARIABLE = "XINGLIN_MASTER_MODULE"
KEY_BYTES = 16


class SoftwareMaster:
    """A master key in this process; it seals by the suite's cipher."""

    __slots__ = ("_sealer", "id", "kept")

    def __init__(self, key: bytes, cipher: str, kept: str) -> None:
        self._sealer = sealer(cipher, key)
        self.id = keyed_digest(key, b"xinglin master key", cipher)[:8].hex()
        self.kept = kept

    def wrap(self, key: bytes, label: bytes) -> bytes:
        """The key sealed for its label."""
        return self._sealer.seal(key, label)

    def unwrap(self, wrapped: bytes, label: bytes) -> bytes:
        """The key again; raises `Broken`."""
        return self._sealer.open(wrapped, label)

    def signer(self) -> Signer | None:
        """None: the signing key is wrapped like the others."""
        return None


def masters(beside: Path, cipher: str, environment: Mapping[str, str] = os.environ) -> Iterator[MasterKey]:
    """Every master key at hand, the one to wrap with first: the module's, the environment's, those of the file, newest first."""
    if name := environment.get(MODULE_VARIABLE):
        yield _of_module(name)
    if text := environment.get(KEY_VARIABLE):
        yield SoftwareMaster(_read(text, KEY_VARIABLE), cipher, f"the environment ({KEY_VARIABLE})")
    if beside.exists():
        for line in reversed(read_private(beside).decode("ascii", "replace").split()):
            yield SoftwareMaster(_read(line, str(beside)), cipher, f"the file {beside}")


def outside(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the master key is kept by the environment or a module, and needs no file."""
    return bool(environment.get(MODULE_VARIABLE) or environment.get(KEY_VARIABLE))


def add_to_file(beside: Path) -> None:
    """Make a new software master key, the file's newest; the older ones stay until `keep_newest`."""
    held = read_private(beside) if beside.exists() else b""
    write_private(beside, held + secrets.token_hex(KEY_BYTES).encode() + b"\n")


def keep_newest(beside: Path) -> None:
    """Forget the older master keys of the file."""
    write_private(beside, read_private(beside).split()[-1] + b"\n")


def _read(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Malformed("{where} holds no master key: it wants 32 hexadecimal digits.", where=where)
    return key


def _of_module(name: str) -> MasterKey:
    module, _, factory = name.partition(":")
    try:
        return cast("MasterKey", getattr(import_module(module), factory)())
    except (ImportError, AttributeError, ValueError) as missing:
        raise Unavailable("{name} in {variable} names no master key module.", name=name, variable=MODULE_VARIABLE) from missing
