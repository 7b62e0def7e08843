"""The files a job leaves: gzipped NDJSON in `exports/<job>/` of the home folder, so written that a killed job goes on at its place.

Each append ends with a full flush, so a file cut back to a stored size is still the beginning of one gzip stream, and
what is appended later continues it. No two attempts write to one file: a later one goes on in a copy.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from xinglin.base.settings import Settings

EXPORTS, IMPORTS = "exports", "import"
FILE_RESOURCES_MAX = 200_000
FILE_BYTES_MAX = 1024 * 1024 * 1024
"""Largest file before compression; the next page begins a new one."""
_HEADER = bytes.fromhex("1f8b08000000000000ff")
_LEVEL = 3


def folder_of(settings: Settings, job: str) -> Path:
    """Where a job's files lie."""
    return settings.home_path / EXPORTS / job


def remove_folder(settings: Settings, job: str) -> None:
    """Delete a job's files."""
    shutil.rmtree(folder_of(settings, job), ignore_errors=True)


def remove_uploads(settings: Settings, names: Iterable[str]) -> None:
    """Delete bodies that were put into the import folder for a job; names without a folder, as the door made them."""
    for name in names:
        (settings.home_path / IMPORTS / Path(name).name).unlink(missing_ok=True)


@dataclass(slots=True)
class _Writing:
    """The file being written: what must be known to go on, or to close it."""

    type: str
    name: str
    handle: BinaryIO
    size: int = 0
    crc: int = 0
    plain: int = 0
    count: int = 0

    @property
    def full(self) -> bool:
        return self.count >= FILE_RESOURCES_MAX or self.plain >= FILE_BYTES_MAX

    def append(self, content: bytes) -> None:
        self.handle.write(content)
        self.size += len(content)

    def durable(self) -> None:
        self.handle.flush()
        os.fsync(self.handle.fileno())


@dataclass(slots=True)
class Output:
    """One series of files (of the result, of deletions, of errors) of one attempt. All methods block: call them in a thread."""

    folder: Path
    attempt: int
    label: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    open: _Writing | None = None

    @classmethod
    def resumed(cls, folder: Path, attempt: int, label: str, state: Mapping[str, Any]) -> Output:
        """The series as it stood when `state` was stored; {} for a new one."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        output = cls(folder, attempt, label, list(state.get("parts", ())))
        if was := state.get("open"):
            output.open = output._taken_over(was)
        return output

    def _taken_over(self, was: Mapping[str, Any]) -> _Writing:
        writing = self._begun(was["type"])
        with (self.folder / was["name"]).open("rb") as before:
            left = was["size"]
            while left and (block := before.read(min(left, 1 << 20))):
                writing.handle.write(block)
                left -= len(block)
        if left:
            raise EOFError(f"{was['name']} is shorter than when it was written")
        writing.size, writing.crc, writing.plain, writing.count = was["size"], was["crc"], was["plain"], was["count"]
        return writing

    def state(self) -> dict[str, Any]:
        """What `resumed` needs: everything written until now is in it, and durable."""
        writing = self.open
        held = {name: getattr(writing, name) for name in ("type", "name", "size", "crc", "plain", "count")} if writing else None
        return {"parts": list(self.parts), "open": held}

    def write(self, type_: str, lines: bytes, count: int) -> None:
        """Append resources of one type, each line ended."""
        if self.open is not None and (self.open.type != type_ or self.open.full):
            self.close()
        if not count:
            return
        writing = self.open
        if writing is None:
            writing = self.open = self._begun(type_)
            writing.append(_HEADER)
        press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        writing.append(press.compress(lines) + press.flush(zlib.Z_FULL_FLUSH))
        writing.crc = zlib.crc32(lines, writing.crc)
        writing.plain += len(lines)
        writing.count += count
        writing.durable()

    def close(self) -> None:
        """End the file being written."""
        writing = self.open
        if writing is None:
            return
        writing.append(b"\x03\x00" + writing.crc.to_bytes(4, "little") + (writing.plain & 0xFFFFFFFF).to_bytes(4, "little"))
        writing.durable()
        writing.handle.close()
        self.parts.append({"type": writing.type, "file": writing.name, "count": writing.count})
        self.open = None

    def abandon(self) -> None:
        """Let go of the file being written, as it is."""
        if self.open is not None:
            self.open.handle.close()
            self.open = None

    def _begun(self, type_: str) -> _Writing:
        name = f"{self.label}{type_}.{len(self.parts) + 1}.{self.attempt}.ndjson.gz"
        return _Writing(type_, name, os.fdopen(os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"))


def remove_others(folder: Path, *outputs: Output) -> None:
    """Delete what earlier attempts left and no output counts."""
    kept = {part["file"] for output in outputs for part in output.parts}
    for file in folder.iterdir():
        if file.name not in kept:
            file.unlink()
