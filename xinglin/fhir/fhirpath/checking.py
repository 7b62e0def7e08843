"""Reads a tree against the types of R4 before it runs, as N1's strict mode wants: names that no type has, and order where there is none."""

from __future__ import annotations

from dataclasses import dataclass

from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.syntax import Binary, Call, Dollar, Indexed, Literal, Member, Name, Node, Nothing, OfType, Signed, Variable
from xinglin.fhir.fhirpath.types import Field, Type, fhir_type, is_fhir

_SAME = frozenset({"where", "single", "distinct", "trace", "exclude", "intersect", "checkModifiers", "sort"})
_ORDERED = frozenset({"first", "last", "tail", "skip", "take"})
_INSIDE = frozenset({"where", "select", "all", "exists", "repeat", "aggregate", "iif", "sort", "trace"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a part may give: `types` (None: anything), and whether in a known order."""

    types: frozenset[Type] | None = None
    ordered: bool = True


_ANYTHING = Shape()


def check(tree: Node, type: str | None) -> None:
    """Raises `PathError` for an expression that cannot be meant, on a context of this type (None: unknown)."""
    start = fhir_type(type) if type else None
    _shape(tree, Shape(frozenset({start})) if start else _ANYTHING)


def _shape(node: Node, this: Shape) -> Shape:
    match node:
        case Name():
            return _named(node.name, this)
        case Member():
            return _member(_shape(node.source, this), node.name)
        case Call():
            return _call(node, this)
        case Indexed():
            _shape(node.index, this)
            return _needs_order(_shape(node.source, this), "[ ]")
        case OfType():
            _shape(node.operand, this)
            return _cast(node.name) if node.operator == "as" else _ANYTHING
        case Binary():
            left, right = _shape(node.left, this), _shape(node.right, this)
            return _either(left, right) if node.operator == "|" else _ANYTHING
        case Signed():
            _shape(node.operand, this)
            return _ANYTHING
        case Dollar():
            return this if node.name == "this" else _ANYTHING
        case Literal() | Nothing() | Variable():
            return _ANYTHING


def _named(name: str, this: Shape) -> Shape:
    if is_fhir(name):
        if this.types is None:
            return _cast(name)
        own = frozenset(kind for kind in this.types if name in kind.ancestors)
        if own:
            return Shape(own, this.ordered)
    return _member(this, name)


def _member(source: Shape, name: str) -> Shape:
    if source.types is None:
        return Shape(None, source.ordered)
    found = [kind.fields[name] for kind in source.types if name in kind.fields]
    if source.types and not found:
        raise PathError("{types} has no element {name}.", types=" or ".join(sorted(kind.name for kind in source.types)[:5]), name=name)
    shape = Shape(frozenset(), source.ordered)
    for field in found:
        shape = _either(shape, _of_field(field))
    return shape


def _of_field(field: Field) -> Shape:
    kinds = [option.type for option in field.options] or [field.type]
    known = frozenset(kind for kind in kinds if kind is not None)
    return Shape(known) if len(known) == len(kinds) else _ANYTHING


def _either(one: Shape, other: Shape) -> Shape:
    types = None if one.types is None or other.types is None else one.types | other.types
    return Shape(types, one.ordered and other.ordered)


def _cast(name: str) -> Shape:
    kind = fhir_type(name)
    return Shape(frozenset({kind})) if kind and name not in ("Resource", "DomainResource", "Element", "BackboneElement") else _ANYTHING


def _needs_order(source: Shape, what: str) -> Shape:
    if not source.ordered:
        raise PathError("{what} needs an order, and children and descendants have none.", what=what)
    return source


def _call(call: Call, this: Shape) -> Shape:
    source = this if call.source is None else _shape(call.source, this)
    if call.name in ("is", "as", "ofType"):
        last = call.arguments[0] if len(call.arguments) == 1 else None
        return _cast(last.name) if call.name != "is" and isinstance(last, (Name, Member)) else _ANYTHING
    inner = source if call.name in _INSIDE else this
    shapes = [_shape(argument, inner) for argument in call.arguments]
    if call.name in _ORDERED:
        return _needs_order(source, call.name + "()")
    if call.name in ("children", "descendants"):
        return Shape(None, ordered=False)
    if call.name in _SAME:
        return Shape(source.types, source.ordered or call.name == "sort")
    if call.name in ("select", "repeat"):
        return Shape(shapes[0].types if shapes and call.name == "select" else None, source.ordered)
    if call.name in ("union", "combine") and shapes:
        return _either(source, shapes[0])
    return _cast("Extension") if call.name == "extension" else _ANYTHING
