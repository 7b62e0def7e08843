"""A leaf of an invariant asked of an element by FHIRPath."""

from __future__ import annotations

from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.fhirpath import NO_WORLD, compile_path
from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.types import fhir_type
from xinglin.fhir.fhirpath.values import Items, resource_item, truth
from xinglin.fhir.validation.findings import Scope
from xinglin.fhir.validation.skeleton import Ask, Truth


def truth_at(type: str, expression: str) -> Ask:
    """The expression as a question on elements of a FHIR type or backbone path; None when it yields nothing. It is read when first asked.

    `%resource` and `%rootResource` are the scope's. Nothing is resolved: a reference that would have to be is empty. The question raises
    `PathError`.
    """
    kind = fhir_type(type)
    assert kind is not None, f"R4 has no type {type}"

    def ask(value: Any, scope: Scope) -> Truth:
        run = compile_path(expression).run
        here: Items = [(value, kind, None)]
        around = _items(scope.resource)
        root = around if scope.root is scope.resource else _items(scope.root)
        return truth(run(here, Env(here, around, root, NO_WORLD)))

    return ask


def _items(resource: Resource) -> Items:
    item = resource_item(resource)
    return [] if item is None else [item]
