"""Files of secrets: for their owner alone, always whole on disk, and changed by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from xinglin.base.errors import Unavailable

RIGHTS = 0o600


def read_private(path: Path) -> bytes:
    """The bytes of a file. Raises `Unavailable` when others than its owner may read it, or nobody can."""
    try:
        if path.stat().st_mode & 0o077:
            raise Unavailable("The key file {path} is open to other users; set its rights to 0600.", path=str(path))
        return path.read_bytes()
    except OSError as lost:
        raise Unavailable("The key file {path} cannot be read: {why}.", path=str(path), why=lost.strerror) from lost


def write_private(path: Path, text: bytes) -> None:
    """Put a whole new file in place of the old one, rights 0600 and the old one's owner; durable on return."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, RIGHTS)
    with os.fdopen(handle, "wb") as file:
        if path.exists() and os.geteuid() == 0:  # root changes the keys of an installation that runs as someone else
            owner = path.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _settle(path.parent)


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Be the only process that changes keys in a folder, for the length of the block."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
