"""Malformed requests to every address there is: made from the route tables of the FHIR door, the capabilities' pages and the endpoints."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tests.input.fuzz import hostile
from tests.input.fuzz.pages import smart, web, wire
from tests.input.fuzz.wire import Ask
from tests.input.fuzz.world import MEDIA, METHODS, MODIFIERS, NAMES, World, headers, segment
from xinglin.access.actor import ROLES
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params


def asks(world: World, number: int) -> Iterator[Ask]:
    """So many requests, of every kind in turn."""
    kinds: tuple[Callable[[World], Ask], ...] = (
        _search,
        _write,
        web,
        _path,
        _bundle,
        web,
        _operation,
        smart,
        _search,
        web,
        _write,
        wire,
    )
    for n in range(number):
        yield kinds[n % len(kinds)](world)


# --- the FHIR door ---


def _who(world: World) -> str:
    return world.chance.choice(("system",) * 20 + ("doctor", "doctor", "", "", *sorted(ROLES)))


def _type(world: World) -> str:
    chance = world.chance
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(("Patient", "Observation", "Encounter", "Condition", "Organization", "AllergyIntolerance", "Group", "Binary"))
    return chance.choice(RESOURCE_TYPES) if kind < 0.95 else hostile.text(chance)


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
            return Ask("fhir", b"POST", where + b"/_search", headers(world, MEDIA[5]), query, _who(world))
        case 1:
            return Ask(
                "fhir", b"GET", b"/fhir/Patient/" + segment(world) + b"/" + where[6:] + b"?" + query, headers(world), b"", _who(world)
            )
        case 2:
            return Ask("fhir", b"GET", where + b"/_history?" + query, headers(world), b"", _who(world))
        case 3:
            return Ask("fhir", b"GET", b"/fhir?" + query, headers(world), b"", _who(world))
        case 4:
            return Ask("fhir", chance.choice((b"DELETE", b"PUT", b"PATCH")), where + b"?" + query, headers(world), b"", _who(world))
        case _:
            return Ask("fhir", b"GET", where + b"?" + query, headers(world), b"", _who(world))


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
    parts = [chance.choice(known) if chance.random() < 0.6 else segment(world) for _ in range(chance.choice((1, 2, 2, 3, 3, 4, 9)))]
    query = b"?" + _query(world, "Patient") if chance.random() < 0.3 else b""
    return Ask("fhir", chance.choice(METHODS), b"/fhir/" + b"/".join(parts) + query, headers(world), b"", _who(world))


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
                b"/" + (hostile.in_address(chance, str(resource.get("id", "x"))) if chance.random() < 0.6 else segment(world)),
            )
        case 6:
            method, id_, body = b"PATCH", b"/" + segment(world), _patch(world)
            media = chance.choice((MEDIA[3], MEDIA[3], MEDIA[4], MEDIA[0]))
        case 7:
            method, id_ = b"POST", b"/$validate"
        case 8:
            method, id_, body, media = b"POST", b"", _xml(world, resource), MEDIA[2]
        case _:
            method, id_ = chance.choice((b"PUT", b"PATCH", b"DELETE")), b"?" + _query(world, type_)
    return Ask("fhir", method, where + id_, headers(world, media), body, _who(world))


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
    return Ask("fhir", b"POST", b"/fhir", headers(world, MEDIA[0]), body, _who(world))


def _operation(world: World) -> Ask:
    chance = world.chance
    name = b"$" + chance.choice(world.operations).encode()
    where = chance.choice(
        (b"", hostile.in_address(chance, _type(world)) + b"/", hostile.in_address(chance, _type(world)) + b"/" + segment(world) + b"/")
    )
    if chance.random() < 0.5:
        return Ask("fhir", b"GET", b"/fhir/" + where + name + b"?" + _query(world, "ValueSet"), headers(world), b"", _who(world))
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
    return Ask("fhir", b"POST", b"/fhir/" + where + name, headers(world, chance.choice((MEDIA[0], MEDIA[0], *MEDIA))), body, _who(world))


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
