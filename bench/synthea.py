"""Synthea grown: the 100 patients of the shared set copied with new ids, years and values, as NDJSON files. Same input, same output."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path

import msgspec

ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "synthea-100.tar.gz"
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_YEAR = re.compile(rb'"(19[3-9]\d|20[01]\d)-')
_VALUE = re.compile(rb'("value":\d+\.\d\d)\d*')


def bundles() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each bundle, institutions first."""
    with tarfile.open(ARCHIVE) as archive:
        members = [member for member in archive.getmembers() if member.isfile() and member.name.endswith(".json")]
        members.sort(key=lambda member: ("hospital" not in member.name, "practitioner" not in member.name, member.name))
        for member in members:
            file = archive.extractfile(member)
            assert file is not None
            raw = file.read()
            if b'"entry"' in raw[:2000]:
                yield member.name, raw


def resources() -> list[bytes]:
    """Every resource once, as one JSON line, `urn:uuid:` references made relative. (Institutions stand in more than one bundle.)"""
    kinds: dict[str, str] = {}
    parsed = [msgspec.json.decode(raw) for _, raw in bundles()]
    for bundle in parsed:
        for entry in bundle["entry"]:
            kinds[entry["fullUrl"]] = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
    lines: dict[str, bytes] = {}
    urn = re.compile(rb"urn:uuid:[0-9a-f\-]{36}")
    for bundle in parsed:
        for entry in bundle["entry"]:
            line = msgspec.json.encode(entry["resource"])
            lines[kinds[entry["fullUrl"]]] = urn.sub(lambda found: kinds.get(found[0].decode(), found[0].decode()).encode(), line)
    return list(lines.values())


def copy_of(line: bytes, number: int) -> bytes:
    """One resource as its `number`th copy: ids changed alike in all of the copy, years shifted, values changed in their second decimal."""
    if number == 0:
        return line
    mask = int.from_bytes(blake2b(number.to_bytes(4, "big"), digest_size=16).digest(), "big")

    def other_id(found: re.Match[bytes]) -> bytes:
        text = f"{int(found[0].replace(b'-', b''), 16) ^ mask:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()

    shift = number % 5
    line = _UUID.sub(other_id, line)
    line = _YEAR.sub(lambda found: b'"%d-' % (int(found[1]) - shift), line)
    return _VALUE.sub(lambda found: found[1] + b"%d" % (number % 90 + 1), line)


def write_copies(folder: Path, copies: int, parts: int) -> list[Path]:
    """Files `part-N.ndjson` of equal length, whole copies and an equal share of those left over; kept when they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"part-{copies}-{part}-of-{parts}.ndjson" for part in range(parts)]
    if not all(file.exists() for file in files):
        with ProcessPoolExecutor(parts, get_context("spawn")) as processes:
            list(processes.map(_write_part, files, [copies] * parts, range(parts), [parts] * parts))
    return files


def _write_part(file: Path, copies: int, part: int, parts: int) -> None:
    lines, whole = resources(), copies - copies % parts
    share = lines[len(lines) * part // parts : len(lines) * (part + 1) // parts]
    draft = file.with_suffix(".new")
    with draft.open("wb") as out:
        for number in range(part, whole, parts):
            out.write(b"\n".join(copy_of(line, number) for line in lines) + b"\n")
        for number in range(whole, copies):
            out.write(b"\n".join(copy_of(line, number) for line in share) + b"\n")
    draft.replace(file)
