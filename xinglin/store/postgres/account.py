"""Who the database runs as, and where that account can reach. PostgreSQL refuses to run as root, so root hands over to a system account."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from xinglin.base.errors import Unavailable

NAME = "xinglin"
"""The system account made when the platform is started by root."""

SOCKET_PATH_MAX = 107
"""Longest path of a unix socket, bytes (sun_path of Linux is 108 with its closing zero)."""

_STATE = Path("/var/lib/xinglin")
_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine; `lent` when we are root and act as this one."""

    uid: int
    gid: int
    lent: bool

    def reaches(self, path: Path) -> bool:
        """Whether the account may walk down to `path` (every folder above it lets it pass)."""
        return not self.lent or all(self._passes(folder) for folder in path.resolve().parents)

    def owns(self, folder: Path) -> None:
        """Make `folder` with rights 0700 for this account alone; folders above it are left as they are."""
        folder.mkdir(parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid not in (self.uid, os.getuid()):
            raise Unavailable("The folder {folder} belongs to another user of this machine.", folder=str(folder))
        if self.lent and found.st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)
        if found.st_mode & 0o777 != 0o700:
            folder.chmod(0o700)

    def _passes(self, folder: Path) -> bool:
        found = folder.stat() if folder.exists() else None
        if found is None:
            return True  # to be made by us, with the usual rights
        bit = 0o100 if found.st_uid == self.uid else 0o010 if found.st_gid == self.gid else 0o001
        return bool(found.st_mode & bit)


def account() -> Account:
    """The account the database runs as: ourselves, or for root the system account `xinglin`, made when missing."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), lent=False)
    found = _entry() or _made()
    return Account(found.pw_uid, found.pw_gid, lent=True)


def place_for(home: Path, who: Account) -> Path:
    """The folder of the database: `home/postgres`, or when the account cannot reach that, one it can, linked from there."""
    link = home / "postgres"
    if link.exists() or link.is_symlink():
        return link.resolve()
    if who.reaches(link):
        return link.resolve()
    place = _STATE / _digest(home)
    place.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    link.symlink_to(place)
    return place


def socket_folder_for(place: Path, who: Account) -> Path:
    """A private folder whose socket path is short enough: in `place`, or in the machine's folder for temporary files."""
    folder = place / "socket"
    if len(os.fsencode(folder / f"{_SOCKET_NAME}.lock")) > SOCKET_PATH_MAX:
        folder = Path(tempfile.gettempdir()) / f"xinglin-{who.uid}-{_digest(place)}"
    if folder.is_symlink():
        raise Unavailable("The folder {folder} is a link; remove it.", folder=str(folder))
    who.owns(folder)
    return folder


def programs_for(found: Path, who: Account) -> Path:
    """The server's own files where the account can read them: as installed, or a copy when the environment is in a closed folder."""
    if who.reaches(found / "bin" / "postgres"):
        return found
    package = found.parent
    copy = _STATE / f"programs-{_digest(found)}-{int((found / 'bin' / 'postgres').stat().st_mtime)}"
    if not copy.exists():
        _STATE.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="programs-", dir=_STATE))
        shutil.copytree(found, draft / package.name / found.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # found by the programs through a path relative to themselves
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:  # another start made it first
            shutil.rmtree(draft)
    return copy / package.name / found.name


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _made() -> pwd.struct_passwd:
    command = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        NAME,
    ]
    if shutil.which(command[0]):
        subprocess.run(command, check=False, capture_output=True, timeout=30)  # a start beside us may have been first: the entry decides
    found = _entry()
    if found is None:
        raise Unavailable("PostgreSQL does not run as root and the system account xinglin cannot be made; start as an ordinary user.")
    return found
