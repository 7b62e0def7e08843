"""`xinglin backup` and `xinglin restore`: sealed copies of an installation, made while it serves, and brought back."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from xinglin.base.clock import tick_of, utc_now
from xinglin.base.crypto import FileKeys, Keys
from xinglin.base.crypto.private_file import read_private, write_private
from xinglin.base.errors import Conflict, NotFound
from xinglin.base.settings import Settings
from xinglin.doors.cli.installation import claimed, database
from xinglin.doors.cli.telling import say, step
from xinglin.store.backups import Manifest, make, restore
from xinglin.store.backups.making import FOLDERS
from xinglin.store.backups.restoring import usable
from xinglin.store.backups.tools import tools_of
from xinglin.store.postgres import Embedded

SUFFIX = ".xinglin-backup"


def back_up(settings: Settings, target: Path) -> Path:
    """Write a backup to a new file, or into a folder under a name of its own; the file. Raises `NotFound`, `Conflict`, `Unavailable`."""
    now = utc_now()
    keys = _keys_at(settings.key_path, settings.cipher)
    _require_database(settings)
    path = target / _name(now) if target.is_dir() else target
    with database(settings) as record, step(f"Backup {path}"), _draft(path) as file:
        tools = tools_of(record.embedded) if record.embedded else None
        manifest = asyncio.run(make(file, record.dsn, settings.home_path, keys, settings.cipher, tick_of(now), tools))
    _tell(manifest, path)
    say(f"Not in it: the key file {settings.key_path}. Without that file no one can open the backup: keep a copy in another place.")
    return path


def verify(settings: Settings, file: Path) -> Manifest:
    """Read a backup to its end and tell what it holds; nothing is restored. Raises `Malformed`, `Unavailable`, `NotFound`."""
    keys = _keys_at(settings.key_path, settings.cipher)
    with step(f"Read {file}"), _open(file) as source:
        manifest = usable(source, keys)
    _tell(manifest, file)
    return manifest


def bring_back(settings: Settings, file: Path, key_file: Path | None) -> None:
    """Restore a backup into an empty home. What is wrong with the file, the keys or the home is found before anything is touched."""
    keys = _keys_at(key_file or settings.key_path, settings.cipher)
    with _open(file) as source:
        with step(f"Read {file}"):
            manifest = usable(source, keys)
        _refuse_filled(settings, key_file)
        source.seek(0)
        with claimed(settings), _emptied_on_failure(settings):
            with database(settings) as record, step("Restore, compare, make ready"):
                tools = tools_of(record.embedded) if record.embedded else None
                ready = replace(settings, database_url=record.dsn)
                asyncio.run(restore(source, record.dsn, ready, keys, tools))
            if key_file is not None:
                _copy_keys(key_file, settings.key_path)
    _tell(manifest, settings.home_path)
    say(f"Start it with: xinglin up --no-demo --home {settings.home_path}")


def _keys_at(path: Path, cipher: str) -> Keys:
    """The keys of a file that must be there: a new one would open nothing."""
    if not path.is_file():
        raise NotFound("There is no key file {path}: put the one that belongs to the data there, or name it with --keys.", path=str(path))
    return FileKeys(path, cipher).keys()


def _require_database(settings: Settings) -> None:
    if not settings.database_url and not (settings.home_path / "postgres" / "data").exists():
        raise NotFound("There is no database in {home}: is --home right?", home=str(settings.home_path))


def _name(now: datetime) -> str:
    return now.strftime("xinglin-%Y%m%dT%H%M%SZ") + SUFFIX


@contextmanager
def _draft(path: Path) -> Generator[BinaryIO]:
    """The file as it is written, under another name until it is whole and on the disk: what has its name is a backup."""
    draft = path.with_name(path.name + ".part")
    _refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("Another backup is being written to {path}.", path=str(path)) from None
        os.truncate(handle, 0)
        try:
            yield file
            file.flush()
            os.fsync(handle)
            _refuse_existing(path)
            draft.rename(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise Conflict("{path} exists already: a backup never replaces a file.", path=str(path))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _open(file: Path) -> Generator[BinaryIO]:
    try:
        source = file.open("rb")
    except OSError as missing:
        raise NotFound("The backup {file} cannot be read: {why}.", file=str(file), why=missing.strerror or "") from missing
    with source:
        yield source


def _refuse_filled(settings: Settings, key_file: Path | None) -> None:
    home, own = settings.home_path, settings.key_path
    if key_file is not None and own.exists() and not own.samefile(key_file):
        raise Conflict("{path} is there already: restore with it, or take it away.", path=str(own))
    kept = {*_key_files(own), home / "running"}
    found = [] if not home.exists() else sorted(entry.name for entry in home.iterdir() if entry not in kept)
    if found:
        raise Conflict("{home} is not empty ({found}): restore into a new folder.", home=str(home), found=", ".join(found[:5]))


def _key_files(path: Path) -> tuple[Path, Path]:
    """A key file, and the file of its master key beside it (which there may not be)."""
    return path, path.with_name(path.name + ".master")


@contextmanager
def _emptied_on_failure(settings: Settings) -> Generator[None]:
    """A restore that fails leaves the home as empty as it found it; its keys stay."""
    try:
        yield
    except BaseException:
        if not settings.database_url:
            Embedded(settings.home_path).remove()
        for folder in FOLDERS:
            shutil.rmtree(settings.home_path / folder, ignore_errors=True)
        raise


def _copy_keys(source: Path, target: Path) -> None:
    if target.exists():  # the same file, as was seen before anything was touched
        return
    for found, place in reversed(list(zip(_key_files(source), _key_files(target), strict=True))):
        if found.exists():
            write_private(place, read_private(found))


def _tell(manifest: Manifest, where: Path) -> None:
    present = sum(rows for table, rows in manifest.tables.items() if table.startswith("record."))
    past = sum(rows for table, rows in manifest.tables.items() if table.startswith("history."))
    held = f"{present} resources, {past} earlier versions, {manifest.audit['rows']} audit rows, {len(manifest.members) - 1} files"
    say(f"{where}: as of {manifest.made_at}, {held}.")
