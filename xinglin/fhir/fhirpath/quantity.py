"""Quantities of FHIRPath: a number and a UCUM code, or a calendar duration (`4 days`). N1, 2.1.5.6 and 6.1."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from xinglin.fhir.ucum import canonical, convert

UCUM = "http://unitsofmeasure.org"
CALENDAR = {"year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}
"""Calendar durations and the UCUM code nearest to each."""
_MONTHS = {"year": 12, "month": 1}
_STEPS = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
"""UCUM codes that may be added to a date: a year and a month of UCUM are of another length than the calendar's."""
_CONTEXT = Context(prec=28)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`unit`: a UCUM code ("1" for a bare number), or a calendar word in the singular when `calendar`."""

    value: Decimal
    unit: str = "1"
    calendar: bool = False

    @property
    def text(self) -> str:
        """As FHIRPath writes it."""
        if not self.calendar:
            return f"{self.value:f} '{self.unit}'"
        return f"{self.value:f} {self.unit}{'' if self.value == 1 else 's'}"


def of_element(element: dict[str, Any]) -> Quantity | None:
    """A FHIR Quantity (or Age, Duration …) as a number with unit; None: no value, or a value that is only a bound."""
    value = element.get("value")
    if value is None or isinstance(value, (str, bool, dict, list)) or element.get("comparator") is not None:
        return None
    code = element.get("code") if element.get("system") == UCUM else None
    unit = code or element.get("unit") or element.get("code") or "1"
    return Quantity(value if isinstance(value, Decimal) else Decimal(str(value)), str(unit))


def calendar_unit(word: str) -> str | None:
    """`days` -> `day`; None: not a calendar word."""
    singular = word.removesuffix("s")
    return singular if singular in CALENDAR else None


def step_unit(quantity: Quantity) -> str | None:
    """The calendar unit by which this quantity moves a date; None: it does not measure time in calendar units."""
    return quantity.unit if quantity.calendar else _STEPS.get(quantity.unit) or calendar_unit(quantity.unit)


def code_of(quantity: Quantity) -> str:
    """The UCUM code, or the nearest one to a calendar duration."""
    return CALENDAR[quantity.unit] if quantity.calendar else quantity.unit


def in_base(quantity: Quantity) -> tuple[Decimal, str]:
    """Amount and unit in base units; a unit that is not UCUM stands for itself."""
    unit = code_of(quantity)
    return canonical(quantity.value, unit) or (quantity.value, unit)


def equal(one: Quantity, other: Quantity) -> bool | None:
    """None: they do not measure the same thing, or a calendar month or year meets another unit of time."""
    if _calendar_clash(one, other):
        return None
    order = compare(one, other)
    return None if order is None else order == 0


def compare(one: Quantity, other: Quantity) -> int | None:
    """-1, 0 or 1; None: they do not measure the same thing."""
    if one.unit == other.unit and one.calendar == other.calendar:
        left, right = one.value, other.value
    elif one.calendar and other.calendar and one.unit in _MONTHS and other.unit in _MONTHS:
        left, right = one.value * _MONTHS[one.unit], other.value * _MONTHS[other.unit]
    else:
        (left, unit), (right, other_unit) = in_base(one), in_base(other)
        if unit != other_unit:
            return None
    return (left > right) - (left < right)


def _calendar_clash(one: Quantity, other: Quantity) -> bool:
    """A calendar year or month is no fixed number of seconds."""
    mine, theirs = one.calendar and one.unit in _MONTHS, other.calendar and other.unit in _MONTHS
    return mine != theirs


def equivalent(one: Quantity, other: Quantity) -> bool:
    """Equal to the precision of the less precise (`4 'g' ~ 4040 'mg'`); a calendar year is a UCUM year here."""
    left, right = in_base(one), in_base(other)
    if left[1] != right[1]:
        return False
    if not left[0] or not right[0]:
        return left[0] == right[0]
    digits = min(_significant(one.value), _significant(other.value))
    rounding = Context(prec=digits, rounding=ROUND_HALF_UP)
    return rounding.plus(left[0]) == rounding.plus(right[0])


def _significant(value: Decimal) -> int:
    return max(len(value.as_tuple().digits), 1)


def times(one: Quantity, other: Quantity) -> Quantity:
    """The product, in base units."""
    return _combined(_CONTEXT.multiply(in_base(one)[0], in_base(other)[0]), one, other, ".")


def divided(one: Quantity, other: Quantity) -> Quantity | None:
    """The quotient, in base units; None: division by zero."""
    if not other.value:
        return None
    return _combined(_CONTEXT.divide(in_base(one)[0], in_base(other)[0]), one, other, "/")


def _combined(value: Decimal, one: Quantity, other: Quantity, sign: str) -> Quantity:
    left, right = in_base(one)[1], in_base(other)[1]
    if right == "1" or (left == "1" and sign == "."):
        return Quantity(value, left if right == "1" else right)
    base = canonical(value, f"({left}){sign}({right})")
    return Quantity(*base) if base else Quantity(value, f"({left}){sign}({right})")


def plus(one: Quantity, other: Quantity, sign: int) -> Quantity | None:
    """The sum, in the smaller of the two units; None: they do not measure the same thing."""
    if one.unit == other.unit and one.calendar == other.calendar:
        return Quantity(one.value + sign * other.value, one.unit, one.calendar)
    size = convert(Decimal(1), code_of(other), code_of(one))
    finer = other if size is not None and size < 1 else one
    left, right = (convert(each.value, code_of(each), code_of(finer)) for each in (one, other))
    if left is None or right is None:
        return None
    return Quantity(left + sign * right, finer.unit, finer.calendar)
