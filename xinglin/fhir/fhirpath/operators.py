"""The operators of FHIRPath on collections already worked out (N1, section 6). `None` in, nothing out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from xinglin.fhir.fhirpath import quantity, temporal
from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.limits import TEXT_MAX, PathError
from xinglin.fhir.fhirpath.quantity import Quantity
from xinglin.fhir.fhirpath.temporal import Temporal
from xinglin.fhir.fhirpath.values import (
    FALSE,
    NONE,
    TRUE,
    Items,
    equal,
    equal_items,
    equivalent,
    key_of,
    order,
    single,
    text_of,
    type_word,
)  # fmt: skip

ARITHMETIC = Context(prec=28, Emin=-399, Emax=399, rounding=ROUND_HALF_UP, traps=[])
_INTEGER_MAX = 2**63


def number(value: Decimal | int | None) -> Items:
    """A result; nothing where it overflows (N1, 6.6)."""
    if value is None or (isinstance(value, Decimal) and not value.is_finite()):
        return NONE
    if isinstance(value, int) and abs(value) >= _INTEGER_MAX:
        return NONE
    return [value]


def logical(answer: bool | None) -> Items:
    """An answer that may be unknown."""
    return NONE if answer is None else TRUE if answer else FALSE


def text(value: str) -> Items:
    """A text of bearable length."""
    if len(value) > TEXT_MAX:
        raise PathError("The FHIRPath expression makes a text longer than {most} characters.", most=TEXT_MAX)
    return [value]


# --- arithmetic ---


def add(_env: Env, left: Items, right: Items) -> Items:
    """`+`: numbers, texts, quantities, and a date and a duration."""
    one, other = single(left), single(right)
    if one is None or other is None:
        return NONE
    if type(one) is str and type(other) is str:
        return text(one + other)
    return _plus(one, other, 1, "+")


def subtract(_env: Env, left: Items, right: Items) -> Items:
    """`-`."""
    one, other = single(left), single(right)
    return NONE if one is None or other is None else _plus(one, other, -1, "-")


def _plus(one: Any, other: Any, sign: int, operator: str) -> Items:
    if isinstance(one, Temporal) and isinstance(other, Quantity):
        unit = quantity.step_unit(other)
        if unit is None:
            raise PathError("A date cannot be moved by {amount}: write a calendar duration such as 3 months.", amount=other.text)
        moved = temporal.add(one, sign * other.value, unit)
        return NONE if moved is None else [moved]
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        total = quantity.plus(one, other, sign)
        return NONE if total is None else [total]
    left, right = _numbers(one, other, operator)
    if type(left) is int and type(right) is int:
        return number(left + sign * right)
    return number(ARITHMETIC.add(Decimal(left), sign * Decimal(right)))


def multiply(_env: Env, left: Items, right: Items) -> Items:
    """`*`."""
    one, other = single(left), single(right)
    if one is None or other is None:
        return NONE
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        return [quantity.times(_amount(one, "*"), _amount(other, "*"))]
    mine, theirs = _numbers(one, other, "*")
    if type(mine) is int and type(theirs) is int:
        return number(mine * theirs)
    return number(ARITHMETIC.multiply(Decimal(mine), Decimal(theirs)))


def divide(_env: Env, left: Items, right: Items) -> Items:
    """`/`: always a decimal; nothing for a division by zero."""
    one, other = single(left), single(right)
    if one is None or other is None:
        return NONE
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        quotient = quantity.divided(_amount(one, "/"), _amount(other, "/"))
        return NONE if quotient is None else [quotient]
    mine, theirs = _numbers(one, other, "/")
    return number(ARITHMETIC.divide(Decimal(mine), Decimal(theirs))) if theirs else NONE


def whole_divide(_env: Env, left: Items, right: Items) -> Items:
    """`div`: the quotient without its fraction."""
    one, other = single(left), single(right)
    if one is None or other is None:
        return NONE
    mine, theirs = _numbers(one, other, "div")
    quotient = ARITHMETIC.divide_int(Decimal(mine), Decimal(theirs)) if theirs else None
    return NONE if quotient is None or not quotient.is_finite() else number(int(quotient))


def modulo(_env: Env, left: Items, right: Items) -> Items:
    """`mod`: the rest, with the sign of the dividend."""
    one, other = single(left), single(right)
    if one is None or other is None:
        return NONE
    mine, theirs = _numbers(one, other, "mod")
    if not theirs:
        return NONE
    rest = ARITHMETIC.remainder(Decimal(mine), Decimal(theirs))
    return number(int(rest) if type(mine) is int and type(theirs) is int and rest.is_finite() else rest)


def _amount(value: Any, operator: str) -> Quantity:
    if isinstance(value, Quantity):
        return value
    return Quantity(Decimal(_numbers(value, 0, operator)[0]))


def _numbers(one: Any, other: Any, operator: str) -> tuple[int | Decimal, int | Decimal]:
    if type(one) not in (int, Decimal) or type(other) not in (int, Decimal):
        raise PathError("{one} {sign} {other} has no meaning in FHIRPath.", one=type_word(one), sign=operator, other=type_word(other))
    return one, other


def concatenate(_env: Env, left: Items, right: Items) -> Items:
    """`&`: texts put together; nothing counts as an empty text."""
    return text((text_of(left) or "") + (text_of(right) or ""))


def negate(items: Items) -> Items:
    """`-` before a number or quantity."""
    value = single(items)
    if value is None:
        return NONE
    if isinstance(value, Quantity):
        return [Quantity(-value.value, value.unit, value.calendar)]
    return [-_numbers(value, 0, "-")[0]]


# --- comparison ---


def _ordered(accepts: Callable[[int], bool]) -> Callable[[Env, Items, Items], Items]:
    def run(_env: Env, left: Items, right: Items) -> Items:
        if not left or not right:
            return NONE
        for side in (left, right):
            single(side)
        found = order(left[0], right[0])
        return NONE if found is None else TRUE if accepts(found) else FALSE

    return run


def _equals(_env: Env, left: Items, right: Items) -> Items:
    return logical(equal(left, right))


def _differs(_env: Env, left: Items, right: Items) -> Items:
    answer = equal(left, right)
    return NONE if answer is None else FALSE if answer else TRUE


def _equivalent(env: Env, left: Items, right: Items) -> Items:
    env.spend(len(left) * len(right))
    return TRUE if equivalent(left, right) else FALSE


def _not_equivalent(env: Env, left: Items, right: Items) -> Items:
    env.spend(len(left) * len(right))
    return FALSE if equivalent(left, right) else TRUE


# --- collections ---


def united(env: Env, *collections: Items) -> Items:
    """All items once, in the order they are met (`|`, union, distinct)."""
    seen: set[Any] = set()
    out: Items = []
    for items in collections:
        env.spend(len(items))
        for item in items:
            key = key_of(item)
            if key not in seen:
                seen.add(key)
                out.append(item)
    return out


def is_in(env: Env, left: Items, right: Items) -> Items:
    """`in`: nothing when the left side is empty."""
    if not left:
        return NONE
    single(left)
    env.spend(len(right))
    return TRUE if any(equal_items(left[0], item) for item in right) else FALSE


def _contains(env: Env, left: Items, right: Items) -> Items:
    return is_in(env, right, left)


OPERATORS: dict[str, Callable[[Env, Items, Items], Items]] = {
    "+": add, "-": subtract, "*": multiply, "/": divide, "div": whole_divide, "mod": modulo, "&": concatenate,
    "=": _equals, "!=": _differs, "~": _equivalent, "!~": _not_equivalent,
    "<": _ordered(lambda found: found < 0), ">": _ordered(lambda found: found > 0),
    "<=": _ordered(lambda found: found <= 0), ">=": _ordered(lambda found: found >= 0),
    "|": united, "in": is_in, "contains": _contains,
}  # fmt: skip
