"""One installation on this machine: its home folder, its database (the embedded one or another), its keys, and who runs it now."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from xinglin.base.crypto import FileKeys, Keys
from xinglin.base.errors import Conflict, NotFound, Unavailable
from xinglin.base.settings import Settings
from xinglin.doors.cli.telling import say, step
from xinglin.store.exported import EXPORTS
from xinglin.store.importing import IMPORTS
from xinglin.store.postgres import Embedded

REVIVAL_S = 10
"""Wait between two attempts to start the embedded server again."""

_OURS = ("keys.json", "keys.json.master", "demo.json", "running", EXPORTS, IMPORTS)
"""What an installation keeps in its home beside the database."""


def keys_of(settings: Settings) -> Keys:
    """The installation's keys, made at the first call."""
    return FileKeys(settings.key_path, settings.cipher).keys()


@dataclass(slots=True)
class Database:
    """The database of an installation: its address for asyncpg, and the server behind it when it is the embedded one."""

    dsn: str
    embedded: Embedded | None = None
    again: float = 0.0

    def tend(self) -> None:
        """Start the embedded server again when it died: killed, or out of memory. To be called each second or so."""
        if self.embedded is None or self.embedded.running() or time.monotonic() < self.again:
            return
        say("  ! The database ended; it is started again")
        try:
            self.embedded.start()
        except Unavailable as refused:
            self.again = time.monotonic() + REVIVAL_S
            say(f"  ! {refused}; tried again in {REVIVAL_S} s")


@contextmanager
def database(settings: Settings) -> Generator[Database]:
    """The database, started when it is the embedded one; left, and ended by its last user, at the end."""
    if settings.database_url:
        yield Database(settings.database_url)
        return
    embedded = Embedded(settings.home_path)
    with step("Database" if (embedded.place / "data").exists() else "Database, made for the first time"):
        dsn = embedded.start()
    try:
        yield Database(dsn, embedded)
    finally:
        embedded.stop()


def run_program(settings: Settings, words: Sequence[str]) -> int:
    """Run a program that comes with the embedded server on our database; its exit code. Raises `NotFound` for a program there is not."""
    embedded = Embedded(settings.home_path)
    program = embedded.program(words[0])
    if not program.is_file():
        raise NotFound("PostgreSQL has no program {program}.", program=words[0])
    address = urlsplit(embedded.start())
    named = {"PGHOST": parse_qs(address.query)["host"][0], "PGUSER": address.username or "", "PGDATABASE": address.path.lstrip("/")}
    try:
        return subprocess.run([program, *words[1:]], env={**os.environ, **named}, check=False).returncode
    finally:
        embedded.stop()


@contextmanager
def claimed(settings: Settings) -> Generator[int]:
    """Be the one who runs this home; the handle takes the address. Raises `Conflict` with the other's address when it runs already."""
    settings.home_path.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.home_path / "running", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("The platform in {home} runs already: {address}", home=str(settings.home_path), address=_read(handle)) from None
        os.truncate(handle, 0)
        yield handle
        os.truncate(handle, 0)
    finally:
        os.close(handle)


def announce(handle: int, address: str) -> None:
    """Write down where the running platform answers."""
    os.pwrite(handle, address.encode(), 0)


def address_of_running(settings: Settings) -> str | None:
    """Where the platform of this home answers now; None when it does not run."""
    try:
        handle = os.open(settings.home_path / "running", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(handle) or None
    finally:
        os.close(handle)
    return None


def remove(settings: Settings) -> None:
    """Delete the database and everything else this installation keeps in its home, and nothing else that lies there."""
    with claimed(settings):
        if not settings.database_url:
            Embedded(settings.home_path).remove()
        for name in _OURS:
            _delete(settings.home_path / name)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _read(handle: int) -> str:
    return os.pread(handle, 400, 0).decode()
