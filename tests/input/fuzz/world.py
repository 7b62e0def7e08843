"""What malformed requests are made of: the published examples, the addresses there are with their fields, and values nobody should send."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from starlette.routing import Route

from tests.doors.web.drawn import ZHANG, world
from tests.input.fuzz import hostile
from tests.input.fuzz.wire import Header
from xinglin.app.discovery import discover, folder_of
from xinglin.doors.fhir_api.built_in import BUILT_IN
from xinglin.fhir.definitions import RESOURCE_TYPES

EXAMPLES = Path(__file__).parents[3] / "node_modules" / "hl7.fhir.r4.examples"
MEDIA = (
    b"application/fhir+json", b"application/json", b"application/fhir+xml", b"application/json-patch+json", b"application/merge-patch+json",
    b"application/x-www-form-urlencoded", b"application/fhir+ndjson", b"text/plain", b"", b"application/fhir+json; charset=utf-16", b"*/*",
    b"multipart/form-data", b"\xff", b"application/fhir+json; fhirVersion=9",
)  # fmt: skip
METHODS = (b"GET", b"GET", b"GET", b"POST", b"POST", b"PUT", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE")
NAMES = tuple(
    "_id _count _cursor _sort _since _at _type _include _revinclude _include:iterate _has:Observation:patient:code _elements _summary "
    "_total _format _pretty _filter _lastUpdated _typeFilter _outputFormat _tag _security _profile _source _list _text _content _contained "
    "_containedType subject:Patient.name patient.organization.name _query url mode profile start end code system id onlyInvalid".split()
)
MODIFIERS = (
    "",
    "",
    "",
    "",
    ":exact",
    ":contains",
    ":missing",
    ":not",
    ":in",
    ":below",
    ":above",
    ":text",
    ":of-type",
    ":identifier",
    ":Patient",
    ":x",
    ".name",
    ":" * 9,
)
FIELDS = re.compile(r"""name=["']([\w.\-]+)["']""")
READ_FIELDS = re.compile(r"""(?:form|query|query_params|texts|values)(?:\.get\(|\[)\s*"([\w.\-]+)\"""")
IDS = (ZHANG, "wang-jianguo", "smith", "village", "hospital", "nobody", "doctor-7", "resident-7", "xinglin-portal")


@dataclass(frozen=True, slots=True)
class World:
    """What requests are made of. `cursors`: page marks the platform gave; `addresses`: (method, path, fields, roles) of the web's pages."""

    chance: Random
    resources: Mapping[str, Sequence[Any]]
    addresses: Sequence[tuple[str, str, tuple[str, ...], tuple[str, ...]]]
    operations: tuple[str, ...]
    cursors: list[str] = field(default_factory=list[str])


def world_of(seed: int, routes: Sequence[Any]) -> World:
    """`routes`: those of the web application."""
    resources: dict[str, list[Any]] = {}
    for one in world():
        resources.setdefault(one["resourceType"], []).append(one)
    for one in _examples():
        resources.setdefault(one["resourceType"], []).append(one)
    operations = {operation.name for room in discover().values() for operation in room.operations}
    return World(Random(seed), resources, tuple(_addresses(routes)), (*sorted(operations | set(BUILT_IN)), "nothing"))


def _examples() -> Iterator[Any]:
    """The first published example of each type, the shortest there is of those read."""
    for type_ in RESOURCE_TYPES:
        files = sorted(EXAMPLES.glob(f"{type_}-*.json"), key=lambda file: (file.stat().st_size, file.name))[:2]
        for file in files:
            if file.stat().st_size < 40_000:
                yield json.loads(file.read_bytes())


def _addresses(routes: Sequence[Any]) -> Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    web = _fields(Path(__file__).parents[3] / "xinglin" / "doors" / "web")
    rooms = {page.path: (_fields(folder_of(name)), page.roles) for name, room in discover().items() for page in room.pages}
    for route in routes:
        if isinstance(route, Route):
            names, roles = rooms.get(route.path, (web, ()))
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield method, route.path, (*names, "next"), roles or ("doctor", "resident", "nurse")


def _fields(folder: Path) -> tuple[str, ...]:
    """The names of form fields and parameters a folder's templates and pages know."""
    found: set[str] = set()
    for file in sorted(folder.rglob("*.html")):
        found |= set(FIELDS.findall(file.read_text(encoding="utf-8")))
    for file in sorted(folder.rglob("*.py")):
        found |= set(READ_FIELDS.findall(file.read_text(encoding="utf-8")))
    return tuple(sorted(found))


def headers(world: World, media: bytes | None = None) -> tuple[Header, ...]:
    chance = world.chance
    found: list[Header] = [] if media is None else [(b"Content-Type", media)]
    found += [chance.choice(_odd_headers(chance)) for _ in range(chance.choice((0, 0, 0, 0, 1, 2)))]
    return tuple((name, value.replace(b"\r", b"").replace(b"\n", b"")) for name, value in found)


def _odd_headers(chance: Random) -> tuple[Header, ...]:
    return (
            (b"Accept", chance.choice((*MEDIA, b"text/html", b"q=;q,,", b"*/*;q=0"))), (b"Accept", b"application/fhir+xml"),
            (b"Prefer", chance.choice((b"return=minimal", b"return=OperationOutcome", b"handling=strict", b"respond-async", b"=;,=\xff"))),
            (b"If-Match", chance.choice((b'W/"1"', b'W/"99999999999999"', b"*", b"\xb2", b""))), (b"If-None-Match", b"*"),
            (b"If-Modified-Since", chance.choice((b"Fri, 31 Feb 2020 99:00:00 GMT", b"0", b"Mon, 01 Jan 99999 00:00:00 GMT"))),
            (b"If-None-Exist", hostile.form(chance, NAMES)[:3000] or b"="), (b"X-Request-Id", hostile.in_address(chance)[:200]),
            (b"Content-Encoding", chance.choice((b"gzip", b"br", b"identity, gzip"))), (b"Host", chance.choice((b"evil.test", b"a b",
            b"@", b"x:y"))),
            (b"X-Forwarded-For", b"' OR 1=1"), (b"X-Forwarded-Host", b"evil.test"), (b"X-HTTP-Method-Override", b"DELETE"),
            (b"Authorization", chance.choice((b"Bearer x", b"Basic eDp5", b"Bearer " + b"a." * 99, b"\xff", b"Bearer"))),
            (b"Origin", b"https://evil.test"), (b"Cookie", b"xinglin_session=" + hostile.in_address(chance)[:300]), (b"Range",
            b"bytes=0-,5-1"),
    )  # fmt: skip


def segment(world: World) -> bytes:
    chance = world.chance
    return chance.choice(IDS).encode() if chance.random() < 0.5 else hostile.in_address(chance)
