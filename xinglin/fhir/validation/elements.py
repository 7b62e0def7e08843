"""Each R4 type compiled once, on first use, to a closure that checks one JSON value of that type.

What is sound is walked through without a path or a list being made; see `findings`. `rules` tells whether invariants are checked.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

from xinglin.fhir.definitions import RESOURCE_TYPES, Element, TypeTable, choice_key, plain_type, type_table
from xinglin.fhir.narrowing import is_object
from xinglin.fhir.validation.bindings import bound
from xinglin.fhir.validation.findings import Check, Found, Scope, error, joined, kind_of, shown
from xinglin.fhir.validation.invariants import rules_of
from xinglin.fhir.validation.objects import Shape, array_check, object_check
from xinglin.fhir.validation.primitives import PRIMITIVES
from xinglin.fhir.validation.references import reference_to

_TYPES = frozenset(RESOURCE_TYPES)

_compiled: dict[tuple[str, bool], Check] = {}
_compiling: set[tuple[str, bool]] = set()
_lock = RLock()


def check_of(type: str, rules: bool) -> Check:
    """The check of a type, of a backbone path, or of "Resource" (any resource)."""
    known = _compiled.get((type, rules)) or PRIMITIVES.get(type)
    if known is not None:
        return known
    return _ANY[rules] if type == "Resource" else _compiled_now((type, rules))


def _compiled_now(key: tuple[str, bool]) -> Check:
    with _lock:
        if key in _compiling:
            return _later(key)
        if key not in _compiled:
            _compiling.add(key)
            try:
                _compiled[key] = _compile(*key)
            finally:
                _compiling.discard(key)
        return _compiled[key]


def _later(key: tuple[str, bool]) -> Check:
    """A type within itself (an extension's extension): looked up when it is met."""

    def check(value: Any, scope: Scope) -> Found:
        return _compiled[key](value, scope)

    return check


def _any_resource(rules: bool) -> Check:
    def check(value: Any, scope: Scope) -> Found:
        if not is_object(value):
            return error("structure", f"A resource is a JSON object, not {kind_of(value)}.")
        name = value.get("resourceType")
        if type(name) is not str or name not in _TYPES:
            return error("structure", f"{shown(name)} is not a resource type of R4.", ".resourceType")
        return check_of(name, rules)(value, scope)

    return check


_ANY = (_any_resource(False), _any_resource(True))


def _compile(type: str, rules: bool) -> Check:
    table = type_table(type)
    assert table is not None, f"R4 has no type {type}"
    placed = [(e, kind, choice_key(e.name, kind) if e.choice else e.name) for e in table.elements for kind in e.types or (e.content,)]
    single = {key: _one(table, e, kind, rules) for e, kind, key in placed}
    fields = {key: array_check(single[key]) if e.many else single[key] for e, _, key in placed}
    primitive = [(e, key) for e, kind, key in placed if kind in PRIMITIVES and kind != "xhtml"]
    shape = Shape(
        name=type,
        resource=table.kind == "resource",
        fields=fields | {"resourceType": _sound} if table.kind == "resource" else fields,
        segments={key: f".{e.name}.ofType({plain_type(kind)})" if e.choice else f".{e.name}" for e, kind, key in placed},
        choices={key: e.name for e, _, key in placed if e.choice},
        needs=tuple((f".{e.name}", frozenset(key for of, _, key in placed if of is e)) for e in table.elements if e.min),
        items={key: single[key] for _, key in primitive},
        many=frozenset(key for e, key in primitive if e.many),
        rules=rules_of(type, table.invariants) if rules else (),
        sibling=check_of("Element", rules) if type != "Element" else _sound,
    )
    return object_check(shape)


def _sound(_value: Any, _scope: Scope) -> Found:
    return None


def _one(table: TypeTable, element: Element, kind: str, rules: bool) -> Check:
    """The check of one value of an element, for one of its types."""
    check = _inner_resource(element.name, rules) if kind == "Resource" else check_of(kind, rules)
    if kind == "Reference":
        check = reference_to(element.targets, check)
    if element.strength == "required":
        check = bound(kind, element.value_set, check)
    return _ruled(check, table, element) if rules and element.rules else check


def _inner_resource(name: str, rules: bool) -> Check:
    """A resource within a resource: one contained shares the root, an entry of a bundle or a parameter is a root of its own."""
    anything = check_of("Resource", rules)

    def check(value: Any, scope: Scope) -> Found:
        if not is_object(value):
            return anything(value, scope)
        return anything(value, scope.inside(value) if name == "contained" else Scope(value))

    return check


def _ruled(check: Check, table: TypeTable, element: Element) -> Check:
    """The check and then the invariants that stand on this element alone."""
    rules = rules_of(f"{table.name}.{element.name}", element.invariants)

    def ruled(value: Any, scope: Scope) -> Found:
        found = check(value, scope)
        if found is None:
            for rule in rules:
                found = joined(found, rule(value, scope))
        return found

    return ruled if rules else check
