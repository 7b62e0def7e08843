"""The input of an operation: a Parameters resource or the pairs of a query string, and the Parameters that answer.

Source: FHIR R4, Operations (https://hl7.org/fhir/R4/operations.html#request).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xinglin.base.errors import Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_list, is_object

ARGUMENTS_MAX = 1000

Input = Resource | Sequence[tuple[str, str]]
"""Parameters resource, or (name, value) pairs of a GET."""


@dataclass(frozen=True, slots=True)
class Coding:
    """A code as asked. `text` stands for Coding.display."""

    system: str | None
    version: str | None
    code: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Arguments:
    """name -> its values, in order: text from a query string, typed values and resources from a Parameters resource."""

    values: Mapping[str, list[Any]]

    def one(self, name: str) -> Any:
        """The value, None when not given. Raises `Malformed` when given twice."""
        found = self.values.get(name)
        if found and len(found) > 1:
            raise Malformed("The parameter {name} was given {times} times.", name=name, times=len(found))
        return found[0] if found else None

    def text(self, name: str) -> str | None:
        """A text value; a canonical, uri, code or date is one."""
        value = self.one(name)
        if value is not None and not isinstance(value, str):
            raise Malformed("The parameter {name} must be a text.", name=name)
        return value or None

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value of a repeating text parameter."""
        found = self.values.get(name, [])
        if not all(isinstance(value, str) for value in found):
            raise Malformed("The parameter {name} must be a text.", name=name)
        return tuple(found)

    def flag(self, name: str) -> bool | None:
        """A boolean, None when not given."""
        value = self.one(name)
        if value is None or isinstance(value, bool):
            return value
        if value not in ("true", "false"):
            raise Malformed("The parameter {name} must be true or false.", name=name)
        return value == "true"

    def number(self, name: str) -> int | None:
        """A whole number, None when not given."""
        value = self.one(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if not (isinstance(value, str) and len(value) < 10 and value.removeprefix("-").isdecimal()):
            raise Malformed("The parameter {name} must be a whole number.", name=name)
        return int(value)

    def resource(self, name: str, type: str) -> Resource | None:
        """A resource given as a parameter; a body that is a lone resource counts as the parameter `resource`."""
        value = self.one(name) or self.one("resource")
        if value is not None and not (is_object(value) and value.get("resourceType") == type):
            raise Malformed("The parameter {name} must be a {type} resource.", name=name, type=type)
        return value

    def coding(self, name: str) -> Coding | None:
        """A Coding, or `system|code` from a query string."""
        value = self.one(name)
        if isinstance(value, str):
            system, bar, code = value.rpartition("|")
            value = {"system": system, "code": code} if bar else {"code": code}
        return None if value is None else coding_of(value, name)

    def codings(self, name: str) -> tuple[Coding, ...]:
        """The codings of a CodeableConcept that have a code; empty when not given."""
        value = self.one(name)
        if value is None:
            return ()
        if not is_object(value) or not is_list(value.get("coding", [])):
            raise Malformed("The parameter {name} must be a CodeableConcept.", name=name)
        return tuple(coding_of(coding, name) for coding in value.get("coding", []) if not is_object(coding) or "code" in coding)


def coding_of(value: Any, name: str) -> Coding:
    """A Coding element as asked; raises `Malformed` when it is not one or has no code."""
    if is_object(value):
        parts = [value.get(key) for key in ("system", "version", "code", "display")]
        if isinstance(parts[2], str) and all(part is None or isinstance(part, str) for part in parts):
            return Coding(parts[0] or None, parts[1], parts[2], parts[3])
    raise Malformed("The parameter {name} must be a Coding with a code.", name=name)


def read_arguments(given: Input) -> Arguments:
    """The arguments of an operation; raises `Malformed` when the input is not a Parameters resource."""
    pairs = list(_of_resource(given) if is_object(given) else given)
    if len(pairs) > ARGUMENTS_MAX:
        raise Malformed("More than {most} parameters.", most=ARGUMENTS_MAX)
    values: dict[str, list[Any]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return Arguments(values)


def _of_resource(given: Resource) -> Iterable[tuple[str, Any]]:
    listed = given.get("parameter", [])
    if given.get("resourceType") != "Parameters" or not is_list(listed):
        raise Malformed("The operation wants a Parameters resource.")
    for parameter in listed:
        if not is_object(parameter) or not isinstance(parameter.get("name"), str):
            raise Malformed("A parameter of the Parameters resource has no name.")
        yield parameter["name"], _value(parameter)


def _value(parameter: Resource) -> Any:
    if "resource" in parameter:
        return parameter["resource"]
    if is_list(parts := parameter.get("part")):
        return {part["name"]: _value(part) for part in parts if is_object(part) and isinstance(part.get("name"), str)}
    for key, value in parameter.items():
        if key.startswith("value"):
            return value
    raise Malformed("The parameter {name} has no value.", name=parameter["name"])


# --- the answer ---


def parameters(*given: Resource | None) -> Resource:
    """A Parameters resource of those parameters that are not None."""
    return {"resourceType": "Parameters", "parameter": [parameter for parameter in given if parameter is not None]}


def parameter(name: str, kind: str, value: Any) -> Resource | None:
    """One parameter, `kind` as in value[x] (`String`, `Boolean`, `Coding`); None when there is no value."""
    return None if value is None else {"name": name, "value" + kind: value}


def part(name: str, *parts: Resource | None) -> Resource:
    """A parameter of parts, those left out that are None."""
    return {"name": name, "part": [one for one in parts if one is not None]}
