"""Conversions between system types (N1, 5.5): `toX` gives nothing where `convertsToX` says false."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from xinglin.fhir.fhirpath import quantity
from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.functions.signature import Plain
from xinglin.fhir.fhirpath.quantity import Quantity, calendar_unit
from xinglin.fhir.fhirpath.temporal import Temporal, read_moment, read_time, temporal
from xinglin.fhir.fhirpath.values import FALSE, NONE, TRUE, Item, Items, single, text_of
from xinglin.fhir.ucum import convert

_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_QUANTITY = re.compile(r"([+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?)\s*(?:'([^']+)'|([a-z]+))?")


def system_type(item: Item) -> str:
    """The name of a system value's type."""
    if isinstance(item, Temporal):
        return item.kind
    if isinstance(item, Quantity):
        return "Quantity"
    names: dict[type, str] = {bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String"}
    return names.get(type(item), "Any")


def _boolean(value: Any) -> bool | None:
    if type(value) is bool:
        return value
    word = value.lower() if type(value) is str else None
    if word in _TRUE or (type(value) in (int, Decimal) and value == 1):
        return True
    return False if word in _FALSE or (type(value) in (int, Decimal) and value == 0) else None


def _integer(value: Any) -> int | None:
    if type(value) in (int, bool):
        return int(value)
    return int(value) if type(value) is str and _INTEGER.fullmatch(value) else None


def _decimal(value: Any) -> Decimal | None:
    if type(value) in (int, bool, Decimal):
        return Decimal(value)
    return Decimal(value) if type(value) is str and _DECIMAL.fullmatch(value) else None


def _text(value: Any) -> str | None:
    if isinstance(value, (Temporal, Quantity)):
        return value.text
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is Decimal:
        return f"{value:f}"
    return str(value) if type(value) in (int, str) else None


def _date(value: Any) -> Temporal | None:
    if isinstance(value, Temporal):
        return None if value.kind == "Time" else temporal("Date", value.parts[:3])
    return read_moment(value, "Date") if type(value) is str else None


def _date_time(value: Any) -> Temporal | None:
    if isinstance(value, Temporal):
        return None if value.kind == "Time" else temporal("DateTime", value.parts, value.fraction, value.offset_min)
    return read_moment(value, "DateTime") if type(value) is str else None


def _time(value: Any) -> Temporal | None:
    if isinstance(value, Temporal):
        return value if value.kind == "Time" else None
    return read_time(value.removeprefix("T")) if type(value) is str else None


def _quantity(value: Any) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if type(value) in (int, bool, Decimal):
        return Quantity(Decimal(value))
    found = _QUANTITY.fullmatch(value) if type(value) is str else None
    if found is None:
        return None
    if found[3]:
        word = calendar_unit(found[3])
        return Quantity(Decimal(found[1]), word, calendar=True) if word else None
    return Quantity(Decimal(found[1]), found[2] or "1")


def _to(make: Callable[[Any], Any]) -> Callable[[Items], Items]:
    def run(items: Items) -> Items:
        value = single(items)
        made = None if value is None else make(value)
        return NONE if made is None else [made]

    return run


def _converts(make: Callable[[Any], Any]) -> Callable[[Items], Items]:
    def run(items: Items) -> Items:
        value = single(items)
        if value is None:
            return NONE
        return FALSE if make(value) is None else TRUE

    return run


def _to_unit(_env: Env, items: Items, unit: Items) -> Items:
    value, code = _quantity(single(items)), text_of(unit)
    if value is None or code is None:
        return NONE
    amount = convert(value.value, quantity.code_of(value), quantity.CALENDAR.get(code, code))
    return NONE if amount is None else [Quantity(amount, code)]


def _converts_to_unit(env: Env, items: Items, unit: Items) -> Items:
    return NONE if not items or not unit else TRUE if _to_unit(env, items, unit) else FALSE


_TYPES: dict[str, Callable[[Any], Any]] = {
    "Boolean": _boolean,
    "Integer": _integer,
    "Decimal": _decimal,
    "String": _text,
    "Date": _date,
    "DateTime": _date_time,
    "Time": _time,
    "Quantity": _quantity,
}
DIRECT: dict[str, Callable[[Items], Items]] = {
    **{f"to{name}": _to(make) for name, make in _TYPES.items()},
    **{f"convertsTo{name}": _converts(make) for name, make in _TYPES.items()},
}
PLAIN: dict[str, Plain] = {"toQuantity": Plain(_to_unit, 1, 1), "convertsToQuantity": Plain(_converts_to_unit, 1, 1)}
