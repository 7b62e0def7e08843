"""The key file: every key of an installation, each wrapped under the master key. Made at the first start, rights 0600.

JSON: `cipher`, `master` (the id of the master key), `current`, `data` (number -> wrapped key, when made, whether retired), `index`,
`token`, `signing`. A wrapped key is bound to its name, so that none can stand in for another. Without this file and its master key
the record cannot be opened, by anyone. A plain file of an older program is wrapped where it lies when it is first read.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from xinglin.base.clock import utc_now
from xinglin.base.crypto import master
from xinglin.base.crypto.keys import Keys, MasterKey
from xinglin.base.crypto.private_file import alone_in, read_private, write_private
from xinglin.base.crypto.seal import Broken
from xinglin.base.crypto.signatures import signing_key
from xinglin.base.errors import Conflict, NotFound, Unavailable

FORMAT = 2
NUMBER_MAX = 255
"""A sealed value names its key in one byte."""
_LOG = logging.getLogger(__name__)


class _DataKey(msgspec.Struct, frozen=True):
    """One data key as it lies in the file; an empty `key` was destroyed, and its number is never given again."""

    key: str
    made: datetime
    retired: bool = False


class _Wrapped(msgspec.Struct, frozen=True):
    """The file."""

    format: int
    cipher: str
    master: str
    current: int
    data: dict[int, _DataKey]
    index: str
    token: str
    signing: str


class FileKeys:
    """The keys of a key file, generated on first use. Its master key: see `master.py`; `keys.json.master` beside it by default."""

    def __init__(self, path: Path, cipher: str = "sm4") -> None:
        self._path = path
        self._cipher = cipher
        self._beside = path.with_name(f"{path.name}.master")

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    def keys(self) -> Keys:
        """Read the file, or make it (never overwriting one that is there). Raises `Unavailable` when it cannot be opened."""
        if not self._path.exists():
            self._generate()
        text = read_private(self._path)
        return self._opened(self._file_of(text)) if _is_wrapped(text) else self._upgrade()

    def add(self) -> int:
        """Make a new data key, not yet the current one; its number."""
        with alone_in(self._path.parent):
            file, opener = self._present()
            number = max(file.data) + 1
            if number > NUMBER_MAX:
                raise Conflict("All {count} numbers of data keys have been used.", count=NUMBER_MAX)
            key = opener.wrap(secrets.token_bytes(16), _label("data", number)).hex()
            self._write(msgspec.structs.replace(file, data={**file.data, number: _DataKey(key, utc_now())}))
        return number

    def make_current(self, number: int) -> None:
        """Seal with this data key from now on; running processes take it up within seconds."""
        with alone_in(self._path.parent):
            file, _ = self._present()
            self._known(file, number)
            self._write(msgspec.structs.replace(file, current=number))

    def retire(self, number: int) -> None:
        """Mark a data key as one that only opens older backups. Who calls has made sure that nothing is sealed with it."""
        with alone_in(self._path.parent):
            file, _ = self._present()
            held = self._known(file, number)
            if number == file.current:
                raise Conflict("Data key {number} is the current one; rotate first.", number=number)
            self._write(_with(file, number, msgspec.structs.replace(held, retired=True)))

    def destroy(self, number: int) -> None:
        """Delete a retired data key for good; backups from its time cannot be opened any more."""
        with alone_in(self._path.parent):
            file, _ = self._present()
            held = self._known(file, number)
            if not held.retired:
                raise Conflict("Data key {number} is in use; retire it first.", number=number)
            self._write(_with(file, number, msgspec.structs.replace(held, key="")))

    def renew_master(self) -> str:
        """Wrap every key anew: under the master key of the environment or module when there is one, else under a new one in the file.

        Returns where it is kept. Cut off at any point, the file opens with the old master key or the new one, both still there.
        """
        with alone_in(self._path.parent):
            file, _ = self._present()
            keys = self._opened(file)
            if not master.outside():
                master.add_to_file(self._beside)
            newest = self._masters()[0]
            self._write(self._wrapped(keys, newest, file))
            if not master.outside():
                master.keep_newest(self._beside)
            elif self._beside.exists():
                self._beside.unlink()
        return newest.kept

    def master(self) -> MasterKey:
        """The master key the file is wrapped under. Raises `Unavailable`."""
        return self._opener(self._file_of(read_private(self._path)))

    # --- reading ---

    def _present(self) -> tuple[_Wrapped, MasterKey]:
        file = self._file_of(read_private(self._path))
        return file, self._opener(file)

    def _file_of(self, text: bytes) -> _Wrapped:
        try:
            file = msgspec.json.decode(text, type=_Wrapped)
        except msgspec.DecodeError as broken:
            raise self._damaged() from broken
        if file.format != FORMAT or file.current not in file.data:
            raise self._damaged()
        return file

    def _opener(self, file: _Wrapped) -> MasterKey:
        for one in self._masters(file.cipher):
            if one.id == file.master:
                return one
        told = "The master key {master} of the key file {path} is not at hand: bring back {beside}, or the environment that held it."
        raise Unavailable(told, master=file.master, path=str(self._path), beside=str(self._beside))

    def _masters(self, cipher: str = "") -> list[MasterKey]:
        return list(master.masters(self._beside, cipher or self._cipher))

    def _opened(self, file: _Wrapped) -> Keys:
        opener = self._opener(file)
        held = {number: one for number, one in file.data.items() if one.key}
        try:
            return Keys(
                data={number: opener.unwrap(bytes.fromhex(one.key), _label("data", number)) for number, one in held.items()},
                current=file.current,
                index=opener.unwrap(bytes.fromhex(file.index), _label("index")),
                token=opener.unwrap(bytes.fromhex(file.token), _label("token")),
                signing=opener.unwrap(bytes.fromhex(file.signing), _label("signing")),
                made={number: one.made for number, one in held.items()},
                retired=frozenset(number for number, one in held.items() if one.retired),
                signer=opener.signer(),
            )
        except (Broken, ValueError) as broken:
            raise self._damaged() from broken

    def _damaged(self) -> Unavailable:
        return Unavailable("The key file {path} is damaged; restore it from its backup.", path=str(self._path))

    def _known(self, file: _Wrapped, number: int) -> _DataKey:
        held = file.data.get(number)
        if held is None or not held.key:
            raise NotFound("There is no data key {number}.", number=number)
        return held

    # --- writing ---

    def _generate(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(self._path.parent):
            if self._path.exists():  # another process was first: its keys are the keys
                return
            made = {1: secrets.token_bytes(16)}
            keys = Keys(made, 1, *(secrets.token_bytes(32) for _ in range(3)), made={1: utc_now()})
            self._write(self._wrapped(keys, self._newest()))

    def _upgrade(self) -> Keys:
        """Wrap a plain file where it lies; where nothing can be written it is used as it is."""
        if not os.access(self._path.parent, os.W_OK):
            _LOG.warning("the key file %s is not wrapped under a master key, and cannot be: its folder is read-only", self._path)
            return self._plain(read_private(self._path))
        with alone_in(self._path.parent):
            text = read_private(self._path)
            if _is_wrapped(text):  # another process was first
                return self._opened(self._file_of(text))
            keys = self._plain(text)
            self._write(self._wrapped(keys, self._newest()))
        return keys

    def _plain(self, text: bytes) -> Keys:
        try:
            raw: dict[str, Any] = json.loads(text)
            data = {int(number): bytes.fromhex(key) for number, key in raw["data"].items()}
            keys = Keys(data, int(raw["current"]), bytes.fromhex(raw["index"]), bytes.fromhex(raw["token"]))
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            raise self._damaged() from broken
        made = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        return replace(keys, signing=signing_key(keys.token), made=dict.fromkeys(data, made))

    def _newest(self) -> MasterKey:
        if not master.outside() and not self._beside.exists():
            master.add_to_file(self._beside)
        return self._masters()[0]

    def _wrapped(self, keys: Keys, opener: MasterKey, before: _Wrapped | None = None) -> _Wrapped:
        gone = {number: one for number, one in before.data.items() if not one.key} if before else {}
        data = {
            number: _DataKey(opener.wrap(key, _label("data", number)).hex(), keys.made[number], number in keys.retired)
            for number, key in keys.data.items()
        }
        secret = {name: opener.wrap(getattr(keys, name), _label(name)).hex() for name in ("index", "token", "signing")}
        return _Wrapped(FORMAT, self._cipher, opener.id, keys.current, gone | data, **secret)

    def _write(self, file: _Wrapped) -> None:
        write_private(self._path, msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")


class KeyWatch:
    """Tells a running process of keys that came into its key file."""

    def __init__(self, path: Path, cipher: str) -> None:
        self._path = path
        self._source = FileKeys(path, cipher)
        self._seen: tuple[int, int] | None = None

    def news(self, keys: Keys) -> Keys | None:
        """The keys of the file when it has changed since the last look and belongs to the same installation as `keys`."""
        try:
            there = self._path.stat()
        except OSError:
            return None
        if (stamp := (there.st_mtime_ns, there.st_ino)) == self._seen:
            return None
        self._seen = stamp
        try:
            found = self._source.keys()
        except Unavailable as unreadable:
            _LOG.warning("the keys at hand are kept: %s", unreadable)
            return None
        return found if found.index == keys.index else None


def _label(name: str, number: int = 0) -> bytes:
    return f"xinglin {name} key {number}".encode()


def _is_wrapped(text: bytes) -> bool:
    return b'"format"' in text


def _with(file: _Wrapped, number: int, held: _DataKey) -> _Wrapped:
    return msgspec.structs.replace(file, data={**file.data, number: held})
