"""PostgreSQL's own pg_dump and pg_restore, run so that nothing of a dump ever touches the disk and no password shows in a process list."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, cast
from urllib.parse import unquote, urlsplit

from xinglin.base.errors import Unavailable
from xinglin.store.postgres.embedded import Embedded

BLOCK_BYTES = 256 * 1024
_SAID_BYTES_MAX = 2000


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the two programs are."""

    dump: Path
    restore: Path


def tools_for(server: int, home: Path) -> Tools:
    """Those of the machine when they are as new as the server (its major version), else those that come with the platform."""
    found = Tools(Path(shutil.which("pg_dump") or ""), Path(shutil.which("pg_restore") or ""))
    if all(_major(program) >= server for program in (found.dump, found.restore)):
        return found
    own = tools_of(Embedded(home))
    if _major(own.dump) < server:
        raise Unavailable("No pg_dump for PostgreSQL {version} is on this machine: install its client programs.", version=server)
    return own


def tools_of(embedded: Embedded) -> Tools:
    """Those that come with the embedded server."""
    return Tools(embedded.program("pg_dump"), embedded.program("pg_restore"))


def dumped(tools: Tools, dsn: str, snapshot: str) -> Generator[bytes]:
    """The dump of a snapshot that a connection of the caller holds open, in blocks; raises `Unavailable` when pg_dump fails."""
    words = ["--format=custom", "--compress=none", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s", f"--snapshot={snapshot}"]
    with _running(tools.dump, dsn, words, reads=False) as process:
        source = cast(IO[bytes], process.stdout)
        while block := source.read(BLOCK_BYTES):
            yield block


def restored(tools: Tools, dsn: str, blocks: Iterator[bytes]) -> None:
    """Put a dump into an empty database, all of it or nothing; raises `Unavailable` when pg_restore fails."""
    words = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    with _running(tools.restore, dsn, words, reads=True) as process:
        target = cast(IO[bytes], process.stdin)
        try:
            for block in blocks:
                target.write(block)
            target.close()
        except BrokenPipeError:  # it ended before its input did: its exit code and its words tell why
            return


@contextmanager
def _running(program: Path, dsn: str, words: list[str], *, reads: bool) -> Generator[subprocess.Popen[bytes]]:
    """A program at work on a database. An error in the block kills it, a failure of its own is told in its own words."""
    address, password = _split(dsn)
    environment = {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}
    process = subprocess.Popen(
        [program, *words, "--no-password", f"--dbname={address}"],
        stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    said: list[bytes] = []
    listening = Thread(target=_listen, args=(cast(IO[bytes], process.stderr), said))
    listening.start()
    try:
        yield process
    except BaseException:
        process.kill()
        raise
    finally:
        code = process.wait()
        listening.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            _close(pipe)
    if code:
        why = b"".join(said)[-_SAID_BYTES_MAX:].decode(errors="replace").strip()
        raise Unavailable("{program} failed: {why}", program=program.name, why=why)


def _listen(source: IO[bytes], said: list[bytes]) -> None:
    for line in source:
        said.append(line)
        del said[:-50]


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with suppress(BrokenPipeError):  # what it no longer takes is nothing to it
            pipe.close()


def _split(dsn: str) -> tuple[str, str]:
    """The address without its password, and the password."""
    parts = urlsplit(dsn)
    if not parts.password:
        return dsn, ""
    account, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{account.partition(':')[0]}@{host}").geturl(), unquote(parts.password)


def _major(program: Path) -> int:
    """The major version of a program; 0 when it is not there."""
    if not program.is_file():
        return 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    found = re.search(r"(\d+)(\.\d+)?", said)
    return int(found[1]) if found else 0
