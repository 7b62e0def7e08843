"""Functions whose arguments are worked out for each item, with `$this`, `$index` and `$total` (N1, section 5.1 and 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cmp_to_key
from typing import Any

from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.syntax import Binary, Call, Dollar, Indexed, Member, Node, Nothing, OfType, Signed
from xinglin.fhir.fhirpath.values import FALSE, NONE, TRUE, Item, Items, key_of, order, text_of, truth

Closure = Callable[[Items, Env], Items]
Build = Callable[[Closure, tuple[Node, ...], list[Closure]], Closure]


def _each(node: Node) -> Callable[[Items, Env], Iterator[Items]]:
    """Goes through the items, each as a context; keeps `$index` only for a body that mentions it."""
    if not mentions(node, "index"):
        return _plainly

    def indexed(items: Items, env: Env) -> Iterator[Items]:
        before = env.index
        env.spend(len(items))
        for place, item in enumerate(items):
            env.index = place
            yield [item]
        env.index = before

    return indexed


def _plainly(items: Items, env: Env) -> Iterator[Items]:
    env.spend(len(items))
    return ([item] for item in items)


def mentions(node: Node, name: str) -> bool:
    """Whether `$name` is anywhere in a tree."""
    match node:
        case Dollar():
            return node.name == name
        case Member():
            return mentions(node.source, name)
        case Indexed():
            return mentions(node.source, name) or mentions(node.index, name)
        case Call():
            return any(mentions(part, name) for part in (node.source or Nothing(), *node.arguments))
        case Binary():
            return mentions(node.left, name) or mentions(node.right, name)
        case Signed() | OfType():
            return mentions(node.operand, name)
        case _:
            return False


def _where(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    condition, each = arguments[0], _each(nodes[0])

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        return [one[0] for one in each(items, env) if truth(condition(one, env))] if items else NONE

    return run


def _select(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    projection, each = arguments[0], _each(nodes[0])

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        out: Items = []
        for one in each(items, env) if items else ():
            found = projection(one, env)
            env.spend(len(found))
            out += found
        return out

    return run


def _exists(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    condition, each = arguments[0], _each(nodes[0])

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        return TRUE if items and any(truth(condition(one, env)) for one in each(items, env)) else FALSE

    return run


def _all(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    condition, each = arguments[0], _each(nodes[0])

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        return TRUE if not items or all(truth(condition(one, env)) for one in each(items, env)) else FALSE

    return run


def _repeat(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    projection, each = arguments[0], _each(nodes[0])

    def run(this: Items, env: Env) -> Items:
        seen: set[Any] = set()
        out: Items = []
        items = source(this, env)
        while items:
            fresh: Items = []
            for one in each(items, env):
                for item in projection(one, env):
                    key = key_of(item)
                    if key not in seen:
                        seen.add(key)
                        fresh.append(item)
            env.spend(len(fresh))
            out += fresh
            items = fresh
        return out

    return run


def _aggregate(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    body, start, each = arguments[0], arguments[1:], _each(nodes[0])

    def run(this: Items, env: Env) -> Items:
        items, before = source(this, env), env.total
        env.total = start[0](this, env) if start else NONE
        for one in each(items, env):
            env.total = body(one, env)
        env.total, total = before, env.total
        return total

    return run


def _iif(source: Closure, _nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    condition, then, otherwise = arguments[0], arguments[1], arguments[2] if len(arguments) > 2 else None

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        if len(items) > 1:
            raise PathError("iif() needs one item, and there are {count}.", count=len(items))
        found = condition(items, env)
        answer = truth(found)
        if found and type(found[0][0] if type(found[0]) is tuple else found[0]) is not bool:
            raise PathError("The condition of iif() is neither true nor false.")
        if answer:
            return then(items, env)
        return otherwise(items, env) if otherwise else NONE

    return run


def _trace(source: Closure, _nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    name, projection = arguments[0], arguments[1] if len(arguments) > 1 else None

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        if env.world.trace is not None:
            shown = projection(items, env) if projection else items
            env.world.trace(text_of(name(this, env)) or "", [one[0] if type(one) is tuple else one for one in shown])
        return items

    return run


def _sort(source: Closure, nodes: tuple[Node, ...], arguments: list[Closure]) -> Closure:
    """By each key in turn, `-key` downwards; an item without the key comes first."""
    downward = [isinstance(node, Signed) and node.sign == "-" for node in nodes]

    def compare(one: list[Items], other: list[Items]) -> int:
        for left, right, turned in zip(one, other, downward, strict=False):
            both = bool(left and right)
            found = (order(left[0], right[0]) or 0) * (-1 if turned else 1) if both else bool(left) - bool(right)
            if found:
                return found
        return 0

    def run(this: Items, env: Env) -> Items:
        items = source(this, env)
        env.spend(len(items))
        keyed: list[tuple[list[Items], Item]] = [([body([item], env) for body in arguments] or [[item]], item) for item in items]
        rank = cmp_to_key(compare if arguments else lambda one, other: order(one[0][0], other[0][0]) or 0)
        return [item for _, item in sorted(keyed, key=lambda pair: rank(pair[0]))]

    return run


def sort_key(node: Node) -> Node:
    """What `-key` sorts by: the minus is for the order, as a text has none of its own."""
    return node.operand if isinstance(node, Signed) and node.sign == "-" else node


LAMBDAS: dict[tuple[str, int], Build] = {
    ("where", 1): _where,
    ("select", 1): _select,
    ("exists", 1): _exists,
    ("all", 1): _all,
    ("repeat", 1): _repeat,
    ("aggregate", 1): _aggregate,
    ("aggregate", 2): _aggregate,
    ("iif", 2): _iif,
    ("iif", 3): _iif,
    ("trace", 1): _trace,
    ("trace", 2): _trace,
    **{("sort", count): _sort for count in range(8)},
}
