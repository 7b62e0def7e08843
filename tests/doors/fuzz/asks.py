"""Malformed requests to every address there is: made from the route tables of the FHIR door, the capabilities' pages and the endpoints."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from starlette.routing import Route

from tests.doors.fuzz import hostile
from tests.doors.fuzz.wire import Ask, Header
from tests.doors.web.drawn import ZHANG, world
from xinglin.access.actor import ROLES
from xinglin.app.discovery import discover, folder_of
from xinglin.doors.fhir_api.built_in import BUILT_IN
from xinglin.doors.smart import PATHS
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params

EXAMPLES = Path(__file__).parents[3] / "node_modules" / "hl7.fhir.r4.examples"
MEDIA = (
    b"application/fhir+json", b"application/json", b"application/fhir+xml", b"application/json-patch+json", b"application/merge-patch+json",
    b"application/x-www-form-urlencoded", b"application/fhir+ndjson", b"text/plain", b"", b"application/fhir+json; charset=utf-16", b"*/*",
    b"multipart/form-data", b"\xff", b"application/fhir+json; fhirVersion=9",
)  # fmt: skip
METHODS = (b"GET", b"GET", b"GET", b"POST", b"POST", b"PUT", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE")
NAMES = tuple(
    "_id _count _cursor _sort _since _at _type _include _revinclude _include:iterate _has:Observation:patient:code _elements _summary _total "
    "_format _pretty _filter _lastUpdated _typeFilter _outputFormat _tag _security _profile _source _list _text _content _contained "
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


def asks(world: World, number: int) -> Iterator[Ask]:
    """So many requests, of every kind in turn."""
    kinds: tuple[Callable[[World], Ask], ...] = (
        _search,
        _write,
        _web,
        _path,
        _bundle,
        _web,
        _operation,
        _smart,
        _search,
        _web,
        _write,
        _wire,
    )
    for n in range(number):
        yield kinds[n % len(kinds)](world)


# --- the FHIR door ---


def _who(world: World) -> str:
    return world.chance.choice(("system",) * 20 + ("doctor", "doctor", "", "", *sorted(ROLES)))


def _headers(world: World, media: bytes | None = None) -> tuple[Header, ...]:
    chance = world.chance
    found: list[Header] = [] if media is None else [(b"Content-Type", media)]
    for _ in range(chance.choice((0, 0, 0, 0, 1, 2))):
        found.append(chance.choice((
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
        )))  # fmt: skip
    return tuple((name, value.replace(b"\r", b"").replace(b"\n", b"")) for name, value in found)


def _type(world: World) -> str:
    chance = world.chance
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(("Patient", "Observation", "Encounter", "Condition", "Organization", "AllergyIntolerance", "Group", "Binary"))
    return chance.choice(RESOURCE_TYPES) if kind < 0.95 else hostile.text(chance)


def _segment(world: World) -> bytes:
    chance = world.chance
    return chance.choice(IDS).encode() if chance.random() < 0.5 else hostile.in_address(chance)


def _query(world: World, type_: str) -> bytes:
    chance = world.chance
    own = tuple(search_params(type_)) or NAMES
    parts: list[bytes] = []
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        name = chance.choice(own) + chance.choice(MODIFIERS) if chance.random() < 0.65 else chance.choice(NAMES)
        if chance.random() < 0.04:
            name = hostile.text(chance)
        value = _cursor(world) if name == "_cursor" else None
        parts.append(
            hostile.in_address(chance, name) + chance.choice((b"=", b"=", b"=", b"=", b"", b"==")) + hostile.in_address(chance, value)
        )
    return chance.choice((b"&", b"&", b"&", b";", b"&&")).join(parts)


def _cursor(world: World) -> str:
    """A page mark: one we were given, one of those with a letter changed, or one made up of other marks."""
    chance = world.chance
    if world.cursors and chance.random() < 0.5:
        given = chance.choice(world.cursors)
        at = chance.randrange(len(given))
        return given[:at] + chance.choice("Aa0_-Zz~") + given[at + 1 :] if chance.random() < 0.7 else given
    marks = [
        chance.choice((None, 0, -1, 2**62, 2**64 - 1, "x", "' OR 1=1", b"\x00" * 16, 1.5, True, [1], {"a": 1}))
        for _ in range(chance.randint(0, 5))
    ]
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(marks)).decode().rstrip("=")


def _search(world: World) -> Ask:
    chance = world.chance
    type_ = _type(world)
    where = b"/fhir/" + hostile.in_address(chance, type_)
    query = _query(world, type_)
    match chance.randint(0, 9):
        case 0:
            return Ask("fhir", b"POST", where + b"/_search", _headers(world, MEDIA[5]), query, _who(world))
        case 1:
            return Ask(
                "fhir", b"GET", b"/fhir/Patient/" + _segment(world) + b"/" + where[6:] + b"?" + query, _headers(world), b"", _who(world)
            )
        case 2:
            return Ask("fhir", b"GET", where + b"/_history?" + query, _headers(world), b"", _who(world))
        case 3:
            return Ask("fhir", b"GET", b"/fhir?" + query, _headers(world), b"", _who(world))
        case 4:
            return Ask("fhir", chance.choice((b"DELETE", b"PUT", b"PATCH")), where + b"?" + query, _headers(world), b"", _who(world))
        case _:
            return Ask("fhir", b"GET", where + b"?" + query, _headers(world), b"", _who(world))


def _path(world: World) -> Ask:
    chance = world.chance
    known = (
        b"metadata",
        b"_history",
        b"_search",
        b"_jobs",
        b"$export",
        b"$import",
        b"Patient",
        b"Observation",
        b"..",
        b".",
        b"*",
        b".well-known",
        b"AuditEvent",
    )
    parts = [chance.choice(known) if chance.random() < 0.6 else _segment(world) for _ in range(chance.choice((1, 2, 2, 3, 3, 4, 9)))]
    query = b"?" + _query(world, "Patient") if chance.random() < 0.3 else b""
    return Ask("fhir", chance.choice(METHODS), b"/fhir/" + b"/".join(parts) + query, _headers(world), b"", _who(world))


def _resource(world: World, type_: str = "") -> Any:
    chance = world.chance
    return chance.choice(world.resources.get(type_) or world.resources[chance.choice(sorted(world.resources))])


def _write(world: World) -> Ask:
    chance = world.chance
    type_ = _type(world)
    resource = _resource(world, type_)
    resource = hostile.spoilt(chance, resource) if chance.random() < 0.7 else resource
    body, media = hostile.written(chance, resource), chance.choice((MEDIA[0], MEDIA[0], MEDIA[0], MEDIA[1], *MEDIA))
    where = b"/fhir/" + hostile.in_address(chance, str(resource.get("resourceType", type_)) if chance.random() < 0.8 else type_)
    match chance.randint(0, 9):
        case 0 | 1 | 2:
            method, id_ = b"POST", b""
        case 3 | 4 | 5:
            method, id_ = (
                b"PUT",
                b"/" + (hostile.in_address(chance, str(resource.get("id", "x"))) if chance.random() < 0.6 else _segment(world)),
            )
        case 6:
            method, id_, body = b"PATCH", b"/" + _segment(world), _patch(world)
            media = chance.choice((MEDIA[3], MEDIA[3], MEDIA[4], MEDIA[0]))
        case 7:
            method, id_ = b"POST", b"/$validate"
        case 8:
            method, id_, body, media = b"POST", b"", _xml(world, resource), MEDIA[2]
        case _:
            method, id_ = chance.choice((b"PUT", b"PATCH", b"DELETE")), b"?" + _query(world, type_)
    return Ask("fhir", method, where + id_, _headers(world, media), body, _who(world))


def _xml(world: World, resource: Any) -> bytes:
    """An XML document of some text, names and nesting like the resource's, spoilt as bytes."""
    chance = world.chance

    def element(name: str, value: Any) -> str:
        if isinstance(value, dict):
            return f"<{name}>" + "".join(element(str(one), inner) for one, inner in value.items() if one != "resourceType") + f"</{name}>"
        if isinstance(value, list):
            return "".join(element(name, one) for one in value)
        return f'<{name} value="{str(value).replace("<", "&lt;").replace(chr(34), "&quot;")}"/>'

    made = element(str(resource.get("resourceType", "Patient")), resource).replace(">", ' xmlns="http://hl7.org/fhir">', 1)
    if chance.random() < 0.5:
        at = chance.randrange(len(made))
        made = (
            made[:at] + chance.choice(("<", ">", "&x;", "&#0;", "\x00", "<!DOCTYPE a>", "<?x?>", "<![CDATA[a]]>", "</a>", "é")) + made[at:]
        )
    return made.encode("utf-8", "replace")


def _patch(world: World) -> bytes:
    chance = world.chance
    paths = (
        "/name/0/text",
        "/name",
        "",
        "/",
        "/-",
        "/name/-",
        "/name/99999999999",
        "/meta",
        "/id",
        "/resourceType",
        "/a~2",
        "/name/0/~01",
        hostile.text(chance),
    )
    values = (*hostile.NUMBERS, hostile.text(chance), None, [], {}, {"resourceType": "Patient"})
    steps: list[Any] = [
        {"op": chance.choice(("add", "remove", "replace", "move", "copy", "test", "x", 1)), "path": chance.choice(paths),
        "from": chance.choice(paths), "value": chance.choice(values)}
        for _ in range(chance.randint(0, 4))
    ]  # fmt: skip
    if chance.random() < 0.3:
        parts = [
            {"name": chance.choice(("type", "path", "name", "value", "index", "x")), "valueString": hostile.text(chance)} for _ in range(4)
        ]
        return hostile.written(chance, {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})
    return hostile.written(chance, steps if chance.random() < 0.7 else hostile.spoilt(chance, {"name": [{"text": "x"}], "id": None}))


def _bundle(world: World) -> Ask:
    chance = world.chance
    entries: list[Any] = []
    for _ in range(chance.choice((1, 2, 3, 8))):
        resource = _resource(world) if chance.random() < 0.5 else hostile.spoilt(chance, _resource(world))
        method = chance.choice(("POST", "POST", "PUT", "PUT", "GET", "DELETE", "PATCH", "x"))
        url = str(resource.get("resourceType")) + ("/" + str(resource.get("id")) if method != "POST" else "")
        if chance.random() < 0.25:
            url = hostile.text(chance)
        request = {"method": method, "url": url} | ({"ifNoneExist": hostile.text(chance)} if chance.random() < 0.2 else {})
        entries.append(
            {
                "fullUrl": chance.choice(("urn:uuid:1", f"urn:uuid:{len(entries)}", hostile.text(chance))),
                "resource": resource,
                "request": request,
            }
        )
    bundle = {
        "resourceType": "Bundle",
        "type": chance.choice(("transaction", "transaction", "batch", "batch", "document", "")),
        "entry": entries,
    }
    body = hostile.written(chance, hostile.spoilt(chance, bundle) if chance.random() < 0.4 else bundle)
    return Ask("fhir", b"POST", b"/fhir", _headers(world, MEDIA[0]), body, _who(world))


def _operation(world: World) -> Ask:
    chance = world.chance
    name = b"$" + chance.choice(world.operations).encode()
    where = chance.choice(
        (b"", hostile.in_address(chance, _type(world)) + b"/", hostile.in_address(chance, _type(world)) + b"/" + _segment(world) + b"/")
    )
    if chance.random() < 0.5:
        return Ask("fhir", b"GET", b"/fhir/" + where + name + b"?" + _query(world, "ValueSet"), _headers(world), b"", _who(world))
    names = (
        "url",
        "code",
        "system",
        "coding",
        "valueSet",
        "resource",
        "input",
        "meta",
        "filter",
        "count",
        "offset",
        "date",
        "x",
        "_type",
        "mode",
    )
    parameters = {"resourceType": "Parameters", "parameter": [_parameter(world, chance.choice(names)) for _ in range(chance.randint(0, 5))]}
    body = hostile.written(chance, hostile.spoilt(chance, parameters) if chance.random() < 0.5 else parameters)
    return Ask("fhir", b"POST", b"/fhir/" + where + name, _headers(world, chance.choice((MEDIA[0], MEDIA[0], *MEDIA))), body, _who(world))


def _parameter(world: World, name: str) -> Any:
    chance = world.chance
    match chance.randint(0, 3):
        case 0:
            return {"name": name, "resource": hostile.spoilt(chance, _resource(world))}
        case 1:
            return {"name": name, "part": [{"name": "url", "valueUrl": hostile.text(chance)}]}
        case 2:
            return {"name": name, "valueCoding": {"system": hostile.text(chance), "code": hostile.text(chance)}}
        case _:
            return {
                "name": name,
                chance.choice(("valueString", "valueUri", "valueInteger", "valueCode", "valueDateTime")): hostile.text(chance),
            }


# --- the other doors ---


def _web(world: World) -> Ask:
    chance = world.chance
    method, path, names, roles = chance.choice(world.addresses)
    filled = re.sub(rb"\{\w+(?::path)?\}", lambda _: _segment(world), path.encode())
    headers: list[Header] = [one for one in _headers(world) if one[0] not in (b"Host", b"Authorization")]
    headers += [(b"Sec-Fetch-Site", b"same-origin")] if chance.random() < 0.97 else []
    headers += [(b"HX-Request", b"true"), (b"HX-Target", hostile.in_address(chance)[:80])] if chance.random() < 0.2 else []
    headers += (
        [(b"Cookie", b"xinglin_language=" + hostile.in_address(chance)[:99] + b"; xinglin_workspace=hospital; xinglin_elder=1")]
        if chance.random() < 0.2
        else []
    )
    query, body = hostile.form(chance, names, _fitting(chance)), b""
    target = filled + (b"?" + query if chance.random() < 0.6 or method == "GET" else b"")
    if method == "POST":
        body, media = hostile.form(chance, names, _fitting(chance)), b"application/x-www-form-urlencoded"
        if chance.random() < 0.2:
            media, body = hostile.multipart(chance, names)
        headers.append((b"Content-Type", media))
    sent = method.encode() if chance.random() < 0.93 else chance.choice(METHODS)
    return Ask("web", sent, target, tuple(headers), body, chance.choice(roles if chance.random() < 0.8 else ("", *sorted(ROLES))))


def _fitting(chance: Random) -> Callable[[str], str | None]:
    """Values that come further than most."""
    fits = (
        "zhang-guilan",
        "village",
        "doctor",
        "2026-11-22",
        "on",
        "1",
        "permit",
        "Patient/zhang-guilan",
        "I have a reason to do this",
        "active",
    )
    return lambda _: chance.choice(fits)


def _smart(world: World) -> Ask:
    chance = world.chance
    path = chance.choice((*PATHS, "/oauth/authorize", "/oauth/authorize", "/oauth/nothing"))
    names = (
        "grant_type", "code", "client_id", "client_secret", "redirect_uri", "code_verifier", "refresh_token", "scope", "client_assertion",
        "client_assertion_type", "token", "token_type_hint", "response_type", "state", "aud", "code_challenge", "code_challenge_method",
        "nonce", "launch", "prompt", "max_age", "display", "id_token_hint", "request", "request_uri", "response_mode",
    )  # fmt: skip
    known = {
        "grant_type": chance.choice(("authorization_code", "refresh_token", "client_credentials")), "response_type": "code",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "code_challenge_method": "S256",
        "client_assertion": chance.choice(("a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4Iiwic3ViIjoieCJ9.", "e30.e30.e30", "." * 9)),
        "client_id": chance.choice(IDS), "redirect_uri": "https://app.example/cb", "scope": "openid launch/patient patient/*.rs",
    }  # fmt: skip
    form = hostile.form(chance, names, known.get)
    headers = [one for one in _headers(world) if one[0] != b"Content-Type"]
    if chance.random() < 0.2:
        headers.append((b"Authorization", b"Basic " + base64.b64encode(hostile.text(chance).encode("utf-8", "replace"))))
    method = b"GET" if "known" in path or path.endswith(("jwks", "userinfo", "authorize", "applications")) else b"POST"
    method = method if chance.random() < 0.9 else chance.choice(METHODS)
    who = chance.choice(("", "doctor", "resident")) if path.endswith("authorize") else ""
    door = "web" if path.endswith(("authorize", "nothing")) else "smart"
    if method == b"GET":
        return Ask(door, method, path.encode() + b"?" + form, tuple(headers), b"", who)
    return Ask(door, method, path.encode(), (*headers, (b"Content-Type", MEDIA[5])), form, who)


def _wire(world: World) -> Ask:
    """What breaks HTTP itself: the server's own parser answers, or hangs up."""
    chance = world.chance
    body = b'{"resourceType":"Patient"}'
    line = chance.choice(
        (b"GET /fhir/metadata HTTP/1.1", b"POST /fhir/Patient HTTP/1.1", b"GET /sign-in HTTP/1.1", b"POST /oauth/token HTTP/1.1")
    )
    lines = (
        b"GET /fhir/Patient HTTP/9.9", b"GET", b"", b"GET  /  HTTP/1.1", b"G\x00T / HTTP/1.1", b"GET /\x00 HTTP/1.1",
        b"GET http://evil.test/ HTTP/1.1",
        b"GET * HTTP/1.1", b"CONNECT evil.test:443 HTTP/1.1", b"PRI * HTTP/2.0", b"get /fhir/metadata HTTP/1.1",
        b"GET /fhir/\xff\xfe HTTP/1.1",
        b"GET /" + b"a" * chance.choice((10, 9000)) + b" HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /fhir/metadata#x HTTP/1.1", line, line, line,
    )  # fmt: skip
    fields = (
        (b"Content-Length: 26", b"Transfer-Encoding: chunked"), (b"Content-Length: 26", b"Content-Length: 27"), (b"Content-Length: -1",),
        (b"Content-Length: 1e3",), (b"Content-Length: 99999999999999999999999",), (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: x",),
        (b"Transfer-Encoding : chunked",), (b"X: a\r\n b",), (b": x",), (b"X-\xff: 1",), (b"X: \x00",), (b"Host: a", b"Host: b"),
        (b"Expect: 100-continue",),
        (b"Expect: x",), (b"Upgrade: websocket", b"Connection: upgrade"), (b"Upgrade: h2c",), (b"Authorization: Bearer a",
        b"Authorization: Bearer b"),
        (b"Content-Type: application/fhir+json", b"Content-Type: text/plain"), (b"Content-Length: 26",), (b"Content-Length: 5",),
        (b"X" * 9000 + b": 1",),
    )  # fmt: skip
    head = [chance.choice(lines), b"Host: county.test", *chance.choice(fields), b"Connection: close"]
    return Ask("wire", b"", b"", raw=b"\r\n".join(head) + b"\r\n\r\n" + body + b"\r\n0\r\n\r\n")
