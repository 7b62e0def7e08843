"""The resources of a file, one after another, from wherever the last reading ended: NDJSON line by line, a JSON document entry by entry."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from xinglin.base.errors import Malformed, NotFound, TooLarge, XinglinError
from xinglin.fhir.codec import Resource, decode_resource, encode
from xinglin.store.links import rewritten

LINE_BYTES_MAX = 64 * 1024 * 1024
DOCUMENT_BYTES_MAX = 256 * 1024 * 1024
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One resource of a file: its number (from 1), its bytes, where to go on behind it, or why it cannot be read."""

    number: int
    content: bytes
    behind: int
    fault: XinglinError | None = None


Lines = Generator[Line]
IdOf = Callable[[str], str]
"""The id for a resource of a bundle that has none, by its fullUrl or place."""


def lines_of(path: Path, number: int, offset: int, id_of: IdOf) -> Lines:
    """The lines behind line `number`, which ended at `offset` (of the unpacked file; of the entries of a document)."""
    try:
        if path.name.endswith((".json", ".json.gz")):
            yield from _document(path, number, id_of)
        else:
            with _opened(path) as file:
                file.seek(offset)
                yield from _ndjson(file, number, offset)
    except FileNotFoundError:
        yield Line(number + 1, b"", offset, NotFound("The file {name} is not there any more.", name=path.name))
    except (EOFError, OSError, zlib.error):
        yield Line(number + 1, b"", offset, Malformed("The file {name} is cut short or damaged from here.", name=path.name))


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.name.endswith(".gz") else path.open("rb")


def _ndjson(file: BinaryIO, number: int, offset: int) -> Lines:
    while line := file.readline(LINE_BYTES_MAX):
        number += 1
        offset += len(line)
        fault = None
        if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
            fault = TooLarge("A line may have {most} bytes at most.", most=LINE_BYTES_MAX)
            while rest := file.readline(LINE_BYTES_MAX):
                offset += len(rest)
                if rest.endswith(b"\n"):
                    break
        content = line.removeprefix(_MARK).strip() if fault is None else b""
        if content or fault:
            yield Line(number, content, offset, fault)


def _document(path: Path, number: int, id_of: IdOf) -> Lines:
    with _opened(path) as file:
        content = file.read(DOCUMENT_BYTES_MAX + 1)
    try:
        if len(content) > DOCUMENT_BYTES_MAX:
            raise TooLarge("A JSON document may have {most} bytes at most; use NDJSON.", most=DOCUMENT_BYTES_MAX)
        resources = _entries(decode_resource(content.removeprefix(_MARK)), id_of)
    except XinglinError as fault:
        if not number:
            yield Line(1, b"", 1, fault)
        return
    for place, resource in enumerate(resources, 1):
        if place > number:
            yield Line(place, encode(resource), place)


def _entries(document: Resource, id_of: IdOf) -> list[Resource]:
    """The resources of a bundle, each with an id and with its links to the others by type and id; or the one resource."""
    if document["resourceType"] != "Bundle":
        return [document]
    entries: Any = document.get("entry", [])
    if not isinstance(entries, list) or not all(_holds_resource(entry) for entry in cast(list[Any], entries)):
        raise Malformed("The bundle's entries are not resources.")
    targets: dict[str, str] = {}
    resources: list[Resource] = []
    for place, entry in enumerate(cast(list[Resource], entries), 1):
        resource, url = entry["resource"], str(entry.get("fullUrl") or "")
        resource = {**resource, "id": resource.get("id") or id_of(url or str(place))}
        resources.append(resource)
        if url:
            targets[url] = f"{resource.get('resourceType')}/{resource['id']}"
    return [rewritten(resource, targets) for resource in resources]


def _holds_resource(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(cast(dict[str, Any], entry).get("resource"), dict)
