"""The invariants of R4 as rules on JSON objects: a few wholly native, most by their boolean skeleton, the rest by FHIRPath.

`ele-1` and `ref-1` are not here: `objects` and `references` see to them as they walk. `txt-1` and `txt-2` are the check of xhtml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

from xinglin.fhir.definitions import Invariant, choice_key, invariants, type_table
from xinglin.fhir.fhirpath import PathError
from xinglin.fhir.validation.expressions import truth_at
from xinglin.fhir.validation.findings import Finding, Found, Scope
from xinglin.fhir.validation.native import NATIVE
from xinglin.fhir.validation.objects import Rule
from xinglin.fhir.validation.skeleton import Ask, compile_skeleton

SEEN_TO = frozenset(("ele-1", "ref-1", "txt-1", "txt-2"))
EXTENSION = Invariant("ext-1", "error", "extension.exists() != value.exists()", "Must have either extensions or value[x], not both")


def rules_of(at: str, rules: Iterable[Invariant]) -> tuple[Rule, ...]:
    """The rules on an object of a type or backbone, or of an element (`Patient.contact`)."""
    own = [EXTENSION, *rules] if at == "Extension" else list(rules)
    return tuple(rule_of(at, invariant) for invariant in own if invariant.key not in SEEN_TO)


def rule_of(at: str, invariant: Invariant) -> Rule:
    """One invariant as a rule; an expression that yields nothing is not broken: it says nothing of the object."""
    type = _type_at(at)
    native = NATIVE.get(invariant.key) if invariant in _of_r4() else None
    ask = native or compile_skeleton(invariant.expression, _keys_of(type), partial(truth_at, type))
    broken = [Finding(invariant.severity, "invariant", f"{invariant.key}: {invariant.human}")]
    return _rule(invariant.key, ask, broken)


@cache
def _of_r4() -> frozenset[Invariant]:
    """A profile may name a rule of its own as R4 names another."""
    return frozenset((EXTENSION, *invariants()))


def _rule(key: str, ask: Ask, broken: list[Finding]) -> Rule:
    def rule(value: Any, scope: Scope) -> Found:
        try:
            return broken if ask(value, scope) is False else None
        except PathError as refused:
            return [Finding("warning", "not-supported", f"{key} cannot be asked here: {refused}")]

    return rule


def _keys_of(type: str) -> Callable[[str], tuple[str, ...]]:
    """The JSON keys of an element of a type, by its name."""
    keys = _type_keys(type)
    return lambda name: keys.get(name, ())


def _type_at(at: str) -> str:
    """The type that stands at a type, backbone path or `Type.element`."""
    if type_table(at) is not None:
        return at
    parent, _, name = at.rpartition(".")
    table = type_table(parent)
    element = next((e for e in table.elements if e.name == name), None) if table else None
    return (element.types[0] if element.types else element.content) if element else ""


@cache
def _type_keys(type: str) -> dict[str, tuple[str, ...]]:
    table = type_table(type)
    return {
        e.name: tuple(choice_key(e.name, kind) for kind in e.types) if e.choice else (e.name,)
        for e in (table.elements if table else ())
    }  # fmt: skip
