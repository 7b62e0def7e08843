"""Existence, filtering, subsetting and combining (N1, 5.1 to 5.4), and boolean sums."""

from __future__ import annotations

from collections.abc import Callable

from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.functions.signature import Plain
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.operators import united
from xinglin.fhir.fhirpath.values import FALSE, NONE, TRUE, Items, children, integer_of, key_of, plain, truth


def _empty(items: Items) -> Items:
    return FALSE if items else TRUE


def _exists(items: Items) -> Items:
    return TRUE if items else FALSE


def _not(items: Items) -> Items:
    value = truth(items)
    return NONE if value is None else FALSE if value else TRUE


def _single(items: Items) -> Items:
    if len(items) > 1:
        raise PathError("single() needs one item, and there are {count}.", count=len(items))
    return items


def _count(items: Items) -> Items:
    return [len(items)]


def _first(items: Items) -> Items:
    return items[:1]


def _last(items: Items) -> Items:
    return items[-1:]


def _tail(items: Items) -> Items:
    return items[1:]


def _is_distinct(items: Items) -> Items:
    return TRUE if len({key_of(item) for item in items}) == len(items) else FALSE


def _answers(items: Items) -> list[bool]:
    found = [plain(item) for item in items]
    if any(type(value) is not bool for value in found):
        raise PathError("The FHIRPath expression sums up true and false, and there is something else.")
    return found


def _all_true(items: Items) -> Items:
    return TRUE if all(_answers(items)) else FALSE


def _any_true(items: Items) -> Items:
    return TRUE if any(_answers(items)) else FALSE


def _all_false(items: Items) -> Items:
    return FALSE if any(_answers(items)) else TRUE


def _any_false(items: Items) -> Items:
    return FALSE if all(_answers(items)) else TRUE


def descendants(env: Env, items: Items) -> Items:
    """All elements below; what is below the resource itself is walked once in an evaluation."""
    start = items[0] if len(items) == 1 else None
    if env.walked is not None and start is not None and env.walked[0] is start:
        env.spend(len(env.walked[1]))
        return env.walked[1]
    out: Items = []
    level = children(items)
    while level:
        env.spend(len(level))
        out += level
        level = children(level)
    if start is not None:
        env.walked = (start, out)
    return out


def _skip(_env: Env, items: Items, count: Items) -> Items:
    number = integer_of(count)
    return NONE if number is None else items[max(number, 0) :]


def _take(_env: Env, items: Items, count: Items) -> Items:
    number = integer_of(count)
    return NONE if number is None else items[: max(number, 0)]


def _subset_of(env: Env, items: Items, other: Items) -> Items:
    env.spend(len(items) + len(other))
    keys = {key_of(item) for item in other}
    return TRUE if all(key_of(item) in keys for item in items) else FALSE


def _superset_of(env: Env, items: Items, other: Items) -> Items:
    return _subset_of(env, other, items)


def _intersect(env: Env, items: Items, other: Items) -> Items:
    keys = {key_of(item) for item in other}
    return [item for item in united(env, items) if key_of(item) in keys]


def _exclude(env: Env, items: Items, other: Items) -> Items:
    env.spend(len(items) + len(other))
    keys = {key_of(item) for item in other}
    return [item for item in items if key_of(item) not in keys]


def _combine(env: Env, items: Items, other: Items) -> Items:
    env.spend(len(items) + len(other))
    return items + other


DIRECT: dict[str, Callable[[Items], Items]] = {
    "empty": _empty,
    "exists": _exists,
    "not": _not,
    "single": _single,
    "count": _count,
    "first": _first,
    "last": _last,
    "tail": _tail,
    "isDistinct": _is_distinct,
    "allTrue": _all_true,
    "anyTrue": _any_true,
    "allFalse": _all_false,
    "anyFalse": _any_false,
    "children": children,
}
PLAIN: dict[str, Plain] = {
    "descendants": Plain(descendants, 0, 0),
    "distinct": Plain(united, 0, 0),
    "skip": Plain(_skip, 1, 1),
    "take": Plain(_take, 1, 1),
    "subsetOf": Plain(_subset_of, 1, 1),
    "supersetOf": Plain(_superset_of, 1, 1),
    "intersect": Plain(_intersect, 1, 1),
    "exclude": Plain(_exclude, 1, 1),
    "union": Plain(united, 1, 1),
    "combine": Plain(_combine, 1, 1),
}
