"""FHIR operations: those built in and those capabilities bring, called alike. Source: R4 operations.html#executing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from xinglin.base.errors import Malformed
from xinglin.doors.fhir_api.asked import Pairs
from xinglin.doors.fhir_api.call import Call, resource_of
from xinglin.doors.fhir_api.formats import FORM
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.search import pairs_of_form
from xinglin.fhir.codec import Resource, encode
from xinglin.kit.capability import Call as OperationCall
from xinglin.kit.capability import Operation


@dataclass(frozen=True, slots=True)
class Action:
    """An operation at some levels. `types` (): every type. `post_only`: it changes something, or cannot be asked by GET."""

    levels: tuple[str, ...]
    run: Callable[[Call], Awaitable[Reply]]
    types: tuple[str, ...] = ()
    post_only: bool = False
    writes: bool = False


def action_of(operation: Operation) -> tuple[Action, ...]:
    """A capability's operation as an action of this door."""

    async def run(call: Call) -> Reply:
        asked = OperationCall(call.type or None, call.id or None, parameters_of(call))
        answer = await operation.handle(call.means.unit(call.actor, call.records), asked)
        return Reply(200, encode(answer))

    return (Action(operation.levels, run, operation.types, operation.affects_state, operation.affects_state),)


def parameters_of(call: Call) -> Resource:
    """What an operation is given, as `Parameters`: the body (a lone resource becomes `resource`), then the query as strings."""
    parts: list[Resource] = []
    if call.given is not None or (call.body and call.media != FORM):
        body = resource_of(call)
        parts = _parts(body) if body["resourceType"] == "Parameters" else [{"name": "resource", "resource": body}]
    asked: Pairs = (*call.asked, *pairs_of_form(call))
    return {"resourceType": "Parameters", "parameter": [*parts, *({"name": name, "valueString": value} for name, value in asked)]}


def _parts(body: Resource) -> list[Resource]:
    parts = body.get("parameter", [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) and isinstance(part.get("name"), str) for part in parts):
        raise Malformed("Parameters.parameter is a list of objects with a name.")
    return parts


def values_of(parameters: Resource, name: str) -> list[Any]:
    """The values of a parameter, whatever their type."""
    found = []
    for part in parameters["parameter"]:
        if part["name"] == name:
            found += [value for key, value in part.items() if key.startswith("value")]
    return found


def texts_of(parameters: Resource, name: str) -> list[str]:
    """The values of a parameter that is text; raises `Malformed`."""
    values = values_of(parameters, name)
    if not all(isinstance(value, str) for value in values):
        raise Malformed("The parameter {name} is text.", name=name)
    return values


def text_of(parameters: Resource, name: str) -> str | None:
    """The first value of a parameter that is text, None when it is not given."""
    return next(iter(texts_of(parameters, name)), None)


def listed(parameters: Resource, name: str) -> tuple[str, ...]:
    """The values of a parameter that is a comma list, each once."""
    parts = (part.strip() for text in texts_of(parameters, name) for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def whole_of(parameters: Resource, name: str) -> int | None:
    """A whole number >= 0, None when it is not given; raises `Malformed`."""
    value = next(iter(values_of(parameters, name)), None)
    if value is None:
        return None
    text = str(value)
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Malformed("The parameter {name} is a whole number, not {value}.", name=name, value=text[:40])
    return int(text)


def resource_in(parameters: Resource, name: str) -> Resource | None:
    """The resource a parameter holds."""
    for part in parameters["parameter"]:
        if part["name"] == name and isinstance(part.get("resource"), dict):
            return part["resource"]
    return None
