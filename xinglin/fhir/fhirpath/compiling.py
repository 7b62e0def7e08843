"""A tree -> closures. A closure takes the context (`$this`, a collection) and the surroundings, and gives a collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xinglin.fhir.fhirpath import functions, lambdas
from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.operators import OPERATORS, negate, united
from xinglin.fhir.fhirpath.syntax import (
    Binary,
    Call,
    Dollar,
    Indexed,
    Literal,
    Member,
    Name,
    Node,
    Nothing,
    OfType,
    Signed,
    Variable,
)  # fmt: skip
from xinglin.fhir.fhirpath.types import SYSTEM_TYPES, is_fhir
from xinglin.fhir.fhirpath.values import (
    FALSE,
    NONE,
    TRUE,
    Item,
    Items,
    Json,
    equal,
    integer_of,
    listed,
    read_field,
    resource_item,
    truth,
)

Closure = Callable[[Items, Env], Items]
_FIXED = {"sct": "http://snomed.info/sct", "loinc": "http://loinc.org", "ucum": "http://unitsofmeasure.org"}
_NAMED = {"vs-": "http://hl7.org/fhir/ValueSet/", "ext-": "http://hl7.org/fhir/StructureDefinition/"}


def compile_node(node: Node, strict: bool) -> Closure:
    """`strict`: as N1 says where R4's own expressions need less (`as` on several items is an error); raises `PathError`."""
    match node:
        case Member():
            return _member(compile_node(node.source, strict), node.name)
        case Name():
            return _name(node.name)
        case Binary():
            return _binary(node, strict)
        case Call():
            return _call(node, strict)
        case Literal():
            constant: Items = [node.value]
            return lambda _this, _env: constant
        case Dollar():
            return _DOLLARS[node.name]
        case Variable():
            return _variable(node.name)
        case OfType():
            return _of_type(node, strict)
        case Indexed():
            return _indexed(compile_node(node.source, strict), compile_node(node.index, strict))
        case Signed():
            operand = compile_node(node.operand, strict)
            return (lambda this, env: negate(operand(this, env))) if node.sign == "-" else operand
        case Nothing():
            return lambda _this, _env: NONE


# --- paths ---


def step(items: Items, name: str) -> Items:
    """The children of this name of every item."""
    out: Items = []
    for item in items:
        if type(item) is not tuple:
            continue
        holder, owner, beside = item
        field = owner.fields.get(name)
        if field is None:
            continue
        if type(holder) is not dict:
            if type(beside) is not dict:
                continue
            holder = beside
        kind = field.type
        if kind is None or field.under in holder:
            read_field(field, holder, out)
            continue
        found: Json = holder.get(field.key)
        if found is None:
            continue
        if type(found) is list:
            out += [(one, kind, None) for one in found]
        else:
            out.append((found, kind, None))
    return out


def _member(source: Closure, name: str) -> Closure:
    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        return step(items, name) if items else items

    return run


def _name(name: str) -> Closure:
    if not is_fhir(name):
        return lambda this, _env: step(this, name)

    def run(this: Items, _env: Env) -> Items:
        if len(this) == 1 and type(this[0]) is tuple and name in this[0][1].ancestors:
            return this
        own: Items = [item for item in this if type(item) is tuple and name in item[1].ancestors]
        return own or step(this, name)

    return run


def _indexed(source: Closure, index: Closure) -> Closure:
    def run(this: Items, env: Env) -> Items:
        items, place = source(this, env), integer_of(index(this, env))
        return [items[place]] if place is not None and 0 <= place < len(items) else NONE

    return run


_DOLLARS: dict[str, Closure] = {
    "this": lambda this, _env: this,
    "index": lambda _this, env: [env.index],
    "total": lambda _this, env: env.total,
}


def _variable(name: str) -> Closure:
    if name in _FIXED:
        constant: Items = [_FIXED[name]]
        return lambda _this, _env: constant
    for start, base in _NAMED.items():
        if name.startswith(start):
            url: Items = [base + name.removeprefix(start)]
            return lambda _this, _env: url
    if name in ("resource", "rootResource", "context"):
        return _SURROUNDINGS[name]
    return lambda _this, env: _given(name, env)


_SURROUNDINGS: dict[str, Closure] = {
    "resource": lambda _this, env: env.resource,
    "rootResource": lambda _this, env: env.root,
    "context": lambda _this, env: env.context,
}


def _given(name: str, env: Env) -> Items:
    if name not in env.world.variables:
        raise PathError("The FHIRPath expression uses %{name}, which is not given.", name=name)
    value = env.world.variables[name]
    return [_as_item(one) for one in listed(value) if one is not None]


def _as_item(value: Any) -> Item:
    return resource_item(value) or value


# --- operators ---


def _binary(node: Binary, strict: bool) -> Closure:
    if node.operator == "|":
        return _union([compile_node(part, strict) for part in _alternatives(node)])
    left, right = compile_node(node.left, strict), compile_node(node.right, strict)
    if node.operator in _LOGIC:
        return _LOGIC[node.operator](left, right)
    if node.operator == "=" and isinstance(node.right, Literal) and type(node.right.value) is str:
        return _equals_text(left, node.right.value)
    operate = OPERATORS[node.operator]
    return lambda this, env: operate(env, left(this, env), right(this, env))


def _alternatives(node: Node) -> list[Node]:
    found: list[Node] = []
    while isinstance(node, Binary) and node.operator == "|":
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _union(parts: list[Closure]) -> Closure:
    def run(this: Items, env: Env) -> Items:
        found = [items for part in parts if (items := part(this, env))]
        if not found or (len(found) == 1 and len(found[0]) == 1):
            return found[0] if found else NONE
        return united(env, *found)

    return run


def _equals_text(left: Closure, text: str) -> Closure:
    constant: Items = [text]

    def run(this: Items, env: Env) -> Items:
        items = left(this, env)
        if not items:
            return NONE
        if len(items) == 1 and type(items[0]) is tuple:
            value = items[0][0]
            if type(value) is str:
                return TRUE if value == text else FALSE
            if type(value) is dict:
                return FALSE
        answer = equal(items, constant)
        return NONE if answer is None else TRUE if answer else FALSE

    return run


def _and(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Env) -> Items:
        one = truth(left(this, env))
        if one is False:
            return FALSE
        other = truth(right(this, env))
        return FALSE if other is False else NONE if one is None or other is None else TRUE

    return run


def _or(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Env) -> Items:
        one = truth(left(this, env))
        if one is True:
            return TRUE
        other = truth(right(this, env))
        return TRUE if other is True else NONE if one is None or other is None else FALSE

    return run


def _xor(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Env) -> Items:
        one, other = truth(left(this, env)), truth(right(this, env))
        return NONE if one is None or other is None else TRUE if one != other else FALSE

    return run


def _implies(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Env) -> Items:
        one = truth(left(this, env))
        if one is False:
            return TRUE
        other = truth(right(this, env))
        return TRUE if other is True else NONE if one is None or other is None else FALSE

    return run


_LOGIC: dict[str, Callable[[Closure, Closure], Closure]] = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}


# --- types ---


def matcher(namespace: str | None, name: str, exact: bool) -> Callable[[Item], bool]:
    """Whether an item is of a type. `exact`: a code is no string (`as`, `ofType`); `is` takes a type for what it derives from."""
    fhir = namespace in (None, "FHIR") and is_fhir(name)
    plain = namespace in (None, "System") and name in SYSTEM_TYPES
    if not fhir and not plain and namespace != "System":
        raise PathError("FHIR R4 has no type {name}.", name=name)

    def matches(item: Item) -> bool:
        if type(item) is not tuple:
            return plain and functions.system_type(item) == name
        kind = item[1]
        return fhir and (kind.name == name if exact and kind.primitive else name in kind.ancestors)

    return matches


def _of_type(node: OfType, strict: bool) -> Closure:
    return _is(compile_node(node.operand, strict), node) if node.operator == "is" else _as(compile_node(node.operand, strict), node)


def _is(source: Closure, kind: OfType) -> Closure:
    matches = matcher(kind.namespace, kind.name, exact=False)

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        if not items:
            return NONE
        if len(items) > 1:
            raise PathError("`is {name}` needs one item, and there are {count}.", name=kind.name, count=len(items))
        return TRUE if matches(items[0]) else FALSE

    return run


def _as(source: Closure, kind: OfType, only: bool = False) -> Closure:
    matches = matcher(kind.namespace, kind.name, exact=True)

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        if only and len(items) > 1:
            raise PathError("as({name}) needs one item, and there are {count}: write ofType.", name=kind.name, count=len(items))
        return [item for item in items if matches(item)]

    return run


def _type_argument(call: Call) -> OfType:
    """`is(FHIR.Patient)`: the argument is a type, not a path."""
    match call.arguments:
        case (Name(name),):
            return OfType(call.name, Dollar("this"), None, name)
        case (Member(Name(namespace), name),):
            return OfType(call.name, Dollar("this"), namespace, name)
        case _:
            raise PathError("{name}() needs the name of one type.", name=call.name)


# --- calls ---


def _call(call: Call, strict: bool) -> Closure:
    source: Closure = _DOLLARS["this"] if call.source is None else compile_node(call.source, strict)
    if call.name == "is":
        return _is(source, _type_argument(call))
    if call.name in ("as", "ofType"):
        return _as(source, _type_argument(call), only=strict and call.name == "as")
    written = [lambdas.sort_key(one) for one in call.arguments] if call.name == "sort" else call.arguments
    arguments = [compile_node(argument, strict) for argument in written]
    count = len(arguments)
    direct = functions.DIRECT.get(call.name)
    if direct is not None and count == 0:
        return lambda this, env: direct(source(this, env))
    inner = lambdas.LAMBDAS.get((call.name, count))
    if inner is not None:
        return inner(source, call.arguments, arguments)
    plain = functions.PLAIN.get(call.name)
    if plain is None or not plain.least <= count <= plain.most:
        raise PathError("FHIRPath has no function {name} with {count} arguments.", name=call.name, count=count)
    return _plain(source, plain.run, arguments)


def _plain(source: Closure, run: Callable[..., Items], arguments: list[Closure]) -> Closure:
    if len(arguments) == 1:
        only = arguments[0]
        return lambda this, env: run(env, source(this, env), only(this, env))
    return lambda this, env: run(env, source(this, env), *[argument(this, env) for argument in arguments])
