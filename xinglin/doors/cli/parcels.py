"""Files of FHIR data cut into parcels, each of which is one request: Bundles as they are, other resources a few hundred at a time."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from xinglin.base.errors import Malformed

LINES_PER_PARCEL = 500
_NAMES = re.compile(r"(.+)\.(json|ndjson|jsonl)(\.gz)?\Z")
_ARCHIVE = re.compile(r".+\.(tar\.gz|tgz|tar)\Z")
_POINTS_OUT = re.compile(rb'"reference"\s*:\s*"[A-Z][A-Za-z]+\?')
_SENT_AS_THEY_ARE = ("transaction", "batch")
_CONTAINERS = ("collection", "searchset", "history")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its name, how to read it again, and how much of all input is behind us once it is read (bytes)."""

    name: str
    read: Callable[[], bytes]
    behind: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request body, how many resources it carries, and the file it is from."""

    name: str
    body: bytes
    resources: int


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


class _Outline(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType")
    id: str = ""
    type: str = ""
    entry: list[_Entry] = []


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Every file to load, folders walked in order of name. Raises `Malformed` when a file is of no known kind."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [file for file in sorted(path.rglob("*")) if file.is_file() and _known(file)]
        elif _known(path):
            found.append(path)
        else:
            raise Malformed("{file} is not .json, .ndjson, .gz of these, or .tar.gz.", file=str(path))
    return found


def sources_of(files: Iterable[Path]) -> Iterator[Source]:
    """The files, those of an archive one by one."""
    behind = 0
    for file in files:
        if _ARCHIVE.match(file.name):
            yield from _in_archive(file, behind)
        behind += file.stat().st_size
        if not _ARCHIVE.match(file.name):
            yield Source(str(file), lambda file=file: _plain(file.name, file.read_bytes()), behind)


def waits(content: bytes) -> bool:
    """Whether a file names records by a search (`Practitioner?identifier=…`), which must be there before it."""
    return _POINTS_OUT.search(content) is not None


def parcels_of(source: Source, content: bytes) -> Iterator[Parcel]:
    """The requests a file makes. Raises `Malformed` when it is not FHIR JSON."""
    try:
        if ".ndjson" in source.name or ".jsonl" in source.name:
            yield from _in_parts(source.name, [msgspec.Raw(line) for line in content.splitlines() if line.strip()])
            return
        outline = msgspec.json.decode(content, type=_Outline)
        if outline.resource_type == "Bundle" and outline.type in _SENT_AS_THEY_ARE:
            yield Parcel(source.name, content, len(outline.entry))
        elif outline.resource_type == "Bundle" and outline.type in _CONTAINERS:
            yield from _in_parts(source.name, [entry.resource for entry in outline.entry if entry.resource])
        else:
            yield from _in_parts(source.name, [msgspec.Raw(content)])
    except msgspec.DecodeError as broken:
        raise Malformed("{file}: not FHIR JSON ({why})", file=source.name, why=str(broken)) from broken


def _in_parts(name: str, resources: Sequence[msgspec.Raw]) -> Iterator[Parcel]:
    for start in range(0, len(resources), LINES_PER_PARCEL):
        part = resources[start : start + LINES_PER_PARCEL]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(resource) for resource in part]}
        yield Parcel(name, msgspec.json.encode(bundle), len(part))


def _entry(resource: msgspec.Raw) -> dict[str, Any]:
    outline = msgspec.json.decode(resource, type=_Outline)
    if outline.id:
        return {"resource": resource, "request": {"method": "PUT", "url": f"{outline.resource_type}/{outline.id}"}}
    return {"resource": resource, "request": {"method": "POST", "url": outline.resource_type}}


def _in_archive(file: Path, behind: int) -> Iterator[Source]:
    with file.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() and _NAMES.match(member.name) else None
            if content is not None:
                packed = zlib.compress(_plain(member.name, content.read()), 1)  # kept small: it may have to wait for its turn
                yield Source(f"{file}:{member.name}", lambda packed=packed: zlib.decompress(packed), behind + raw.tell())


def _plain(name: str, content: bytes) -> bytes:
    return gzip.decompress(content) if name.endswith(".gz") else content


def _known(file: Path) -> bool:
    return bool(_NAMES.match(file.name) or _ARCHIVE.match(file.name))
