"""Mathematics (N1, 5.7), boundaries and precision (FHIRPath 2.0, utility functions)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Any

from xinglin.fhir.fhirpath import quantity, temporal
from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.functions.signature import Plain
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.operators import ARITHMETIC, logical, number
from xinglin.fhir.fhirpath.quantity import Quantity
from xinglin.fhir.fhirpath.temporal import Temporal
from xinglin.fhir.fhirpath.values import NONE, Items, integer_of, single, type_word

_PLACES_MAX = 28


def _number(items: Items) -> int | Decimal | None:
    value = single(items, "one number")
    if value is None or type(value) in (int, Decimal):
        return value
    raise PathError("The FHIRPath expression gives {seen} where a number is needed.", seen=type_word(value))


def _decimals(work: Callable[[Decimal], Decimal | None]) -> Callable[[Items], Items]:
    def run(items: Items) -> Items:
        value = _number(items)
        return NONE if value is None else number(work(Decimal(value)))

    return run


def _whole(rounding: str) -> Callable[[Items], Items]:
    def run(items: Items) -> Items:
        value = _number(items)
        return NONE if value is None else number(int(Decimal(value).to_integral_value(rounding)))

    return run


def _abs(items: Items) -> Items:
    value = single(items)
    if isinstance(value, Quantity):
        return [Quantity(abs(value.value), value.unit, value.calendar)]
    found = _number(items)
    return NONE if found is None else number(abs(found))


def _log(_env: Env, items: Items, base: Items) -> Items:
    value, root = _number(items), _number(base)
    if value is None or root is None or value <= 0 or root <= 0 or root == 1:
        return NONE
    found = ARITHMETIC.divide(ARITHMETIC.ln(Decimal(value)), ARITHMETIC.ln(Decimal(root)))
    return number(found.quantize(Decimal("1e-20")).normalize() if abs(found) < 10**6 else found)


def _power(_env: Env, items: Items, exponent: Items) -> Items:
    base, power = _number(items), _number(exponent)
    if base is None or power is None:
        return NONE
    found = ARITHMETIC.power(Decimal(base), Decimal(power))
    if not found.is_finite():
        return NONE
    return number(int(found) if type(base) is int and type(power) is int and power >= 0 and found.adjusted() < 25 else found)


def _round(_env: Env, items: Items, places: Items = NONE) -> Items:
    value, digits = _number(items), integer_of(places) or 0
    if value is None:
        return NONE
    if not 0 <= digits <= _PLACES_MAX:
        raise PathError("round() needs a number of places from 0 to {most}.", most=_PLACES_MAX)
    if Decimal(value).adjusted() + digits >= _PLACES_MAX:
        return [value]
    return number(ARITHMETIC.quantize(Decimal(value), Decimal(1).scaleb(-digits)))


# --- boundaries ---


def _low(_env: Env, items: Items, digits: Items = NONE) -> Items:
    return _boundary(items, integer_of(digits), high=False)


def _high(_env: Env, items: Items, digits: Items = NONE) -> Items:
    return _boundary(items, integer_of(digits), high=True)


def _boundary(items: Items, digits: int | None, high: bool) -> Items:
    value = single(items)
    if isinstance(value, Temporal):
        edge = temporal.boundary(value, digits, high)
        return NONE if edge is None else [edge]
    if isinstance(value, Quantity):
        bound = _edge(value.value, digits, high)
        return NONE if bound is None else [Quantity(bound, value.unit, value.calendar)]
    if type(value) in (int, Decimal):
        return number(_edge(Decimal(value), digits, high))
    return NONE


def _edge(value: Decimal, digits: int | None, high: bool) -> Decimal | None:
    """The value half a last digit away, cut to `digits` places (8 when not said) away from the value; None beyond what can be written."""
    places = 8 if digits is None else digits
    if not 0 <= places <= _PLACES_MAX or value.adjusted() + places >= _PLACES_MAX:
        return None
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb(exponent - 1) if isinstance(exponent, int) else Decimal(0)
    edge, step = (value + half if high else value - half), Decimal(1).scaleb(-places)
    if abs(edge) * 2 < step:  # the whole interval is finer than the places asked for
        return edge.quantize(step, ROUND_DOWN)
    return edge.quantize(step, ROUND_CEILING if high else ROUND_FLOOR)


def _precision(items: Items) -> Items:
    value = single(items)
    if isinstance(value, Temporal):
        return [value.precision]
    if isinstance(value, Quantity):
        value = value.value
    if type(value) in (int, Decimal):
        exponent = Decimal(value).as_tuple().exponent
        return [max(-exponent, 0) if isinstance(exponent, int) else 0]
    return NONE


def _comparable(_env: Env, items: Items, other: Items) -> Items:
    one, two = _quantity(single(items)), _quantity(single(other))
    return NONE if one is None or two is None else logical(quantity.compare(one, two) is not None)


def _quantity(value: Any) -> Quantity | None:
    if type(value) in (int, Decimal):
        return Quantity(Decimal(value))
    return value if isinstance(value, Quantity) else None


DIRECT: dict[str, Callable[[Items], Items]] = {
    "abs": _abs,
    "ceiling": _whole(ROUND_CEILING),
    "floor": _whole(ROUND_FLOOR),
    "truncate": _whole(ROUND_DOWN),
    "exp": _decimals(ARITHMETIC.exp),
    "ln": _decimals(lambda value: ARITHMETIC.ln(value) if value > 0 else None),
    "sqrt": _decimals(lambda value: ARITHMETIC.sqrt(value) if value >= 0 else None),
    "precision": _precision,
}
PLAIN: dict[str, Plain] = {
    "log": Plain(_log, 1, 1),
    "power": Plain(_power, 1, 1),
    "round": Plain(_round, 0, 1),
    "lowBoundary": Plain(_low, 0, 1),
    "highBoundary": Plain(_high, 0, 1),
    "comparable": Plain(_comparable, 1, 1),
}
