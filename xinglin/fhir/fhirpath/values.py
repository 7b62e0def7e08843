"""Items of a collection. A FHIR element is a tuple (JSON value, its type, its `_` sibling); anything else is a system value.

System values: bool, int, Decimal, str, `Temporal`, `Quantity`. A collection is a list and is never changed once made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, TypeGuard, cast

from xinglin.fhir.fhirpath import quantity, temporal
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.quantity import Quantity
from xinglin.fhir.fhirpath.temporal import Temporal
from xinglin.fhir.fhirpath.types import Field, Type, fhir_type

Json = dict[str, Any] | list[Any] | str | bool | int | float | Decimal | None
Element = tuple[Json, Type, Json]
Item = Element | bool | int | Decimal | str | Temporal | Quantity
Items = list[Item]
NONE: Items = []
TRUE: Items = [True]
FALSE: Items = [False]
_SPACE = re.compile(r"\s+")


# --- elements ---


def resource_item(value: Json) -> Element | None:
    """A resource as an element of its own type; None when it names no type R4 has."""
    name: Any = value.get("resourceType") if isinstance(value, dict) else None
    kind = fhir_type(name) if isinstance(name, str) else None
    return None if kind is None else (value, kind, None)


def read_field(field: Field, value: dict[str, Any], out: Items) -> None:
    """Adds the children that one field of an element has."""
    if field.options:
        by_key = field.by_key
        if by_key is not None:
            for key in value:
                option = by_key.get(key[1:] if key[0] == "_" else key)
                if option is not None and (key[0] != "_" or option.key not in value):
                    read_field(option, value, out)
            return
        for option in field.options:
            if option.key in value or option.under in value:
                read_field(option, value, out)
        return
    found: Json = value.get(field.key)
    kind = field.type
    if field.under is not None:
        sibling: Json = value.get(field.under)
        if sibling is not None and kind is not None:
            _read_primitives(found, sibling, kind, out)
            return
    if found is None:
        return
    if kind is None:
        out.extend(item for one in listed(found) if (item := resource_item(one)) is not None)
    elif type(found) is list:
        out += [(one, kind, None) for one in found]
    else:
        out.append((found, kind, None))


def _read_primitives(found: Json, sibling: Json, kind: Type, out: Items) -> None:
    """Values with their `_` siblings beside them; either may lack the other."""
    values, siblings = listed(found), listed(sibling)
    for place in range(max(len(values), len(siblings))):
        value = values[place] if place < len(values) else None
        beside = siblings[place] if place < len(siblings) else None
        if value is not None or beside is not None:
            out.append((value, kind, beside))


def children(items: Iterable[Item]) -> Items:
    """All child elements, in the order of the JSON."""
    out: Items = []
    for item in items:
        if type(item) is tuple:
            holder = item[0] if type(item[0]) is dict else item[2]
            if type(holder) is dict:
                keys = item[1].keys
                for key in holder:
                    field = keys.get(key)
                    if field is not None and (key[0] != "_" or field.key not in holder):
                        read_field(field, holder, out)
    return out


def system(item: Item) -> Any:
    """The system value of an item: a date element becomes a Temporal; a complex element stays a dict; None: it has no value."""
    if type(item) is tuple:
        convert = item[1].convert
        return item[0] if convert is None or item[0] is None else convert(item[0])
    return item


def plain(item: Item) -> Any:
    """An item as JSON, or the system value it is."""
    return item[0] if type(item) is tuple else item


# --- one item, or an error ---


def single(items: Items, wanted: str = "one item") -> Any:
    """The only item; None when empty; raises `PathError` for more."""
    if len(items) > 1:
        raise PathError("The FHIRPath expression gives {count} items where {wanted} is needed.", count=len(items), wanted=wanted)
    return system(items[0]) if items else None


def truth(items: Items) -> bool | None:
    """A condition: None when empty; a single item that is no boolean counts as true (N1, 4.5)."""
    if not items:
        return None
    if len(items) > 1:
        raise PathError("The FHIRPath expression gives {count} items where true or false is needed.", count=len(items))
    value = items[0]
    if type(value) is tuple:
        value = value[0]
        if value is None:
            return None
    return value if type(value) is bool else True


def text_of(items: Items) -> str | None:
    """The only text; None when empty; raises `PathError` for what is no text."""
    value = single(items, "one text")
    if value is None:
        return None
    if type(value) is str:
        return value
    if items and type(items[0]) is tuple and type(items[0][0]) is str:
        return items[0][0]  # a date element, as written
    raise PathError("The FHIRPath expression gives {seen} where a text is needed.", seen=type_word(value))


def integer_of(items: Items) -> int | None:
    """The only whole number; None when empty; raises `PathError`."""
    value = single(items, "one whole number")
    if value is None or type(value) is int:
        return value
    raise PathError("The FHIRPath expression gives {seen} where a whole number is needed.", seen=type_word(value))


def type_word(value: Any) -> str:
    """What kind of value this is, in the words of FHIRPath."""
    if isinstance(value, (Temporal, Quantity)):
        return value.kind if isinstance(value, Temporal) else "Quantity"
    return {bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String"}.get(type(value), "an element")  # type: ignore[arg-type]


# --- equality (6.1), order (6.2), and keys for sets ---


def equal(one: Items, other: Items) -> bool | None:
    """`=`: same items in the same order; None when either is empty, or precision does not decide."""
    if not one or not other:
        return None
    if len(one) != len(other):
        return False
    answer: bool | None = True
    for left, right in zip(one, other, strict=True):
        same = equal_items(left, right)
        if same is False:
            return False
        answer = answer and same
    return answer


def equal_items(one: Item, other: Item) -> bool | None:
    """Whether two items are equal; None when precision or units do not decide."""
    left, right = system(one), system(other)
    if type(left) is str and type(right) is str:
        return left == right
    if isinstance(left, Temporal) or isinstance(right, Temporal):
        return _equal_times(one, other, left, right)
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return quantity.equal(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _equal_amounts(left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_number(left) and is_number(right):
        return left == right
    return isinstance(left, dict) and isinstance(right, dict) and bool(key_of(one) == key_of(other))


def _equal_times(one: Item, other: Item, left: Any, right: Any) -> bool | None:
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        if (left.kind == "Time") != (right.kind == "Time"):
            return False
        order = temporal.compare(left, right)
        return None if order is None else order == 0
    return bool(plain(one) == plain(other))  # a date element against a text: as written


def _equal_amounts(left: Any, right: Any) -> bool | None:
    amount, number = (left, right) if isinstance(left, Quantity) else (right, left)
    if type(number) in (int, Decimal):
        return quantity.equal(amount, Quantity(Decimal(number)))
    return False


def key_of(item: Item) -> Any:
    """What two equal items have in common, hashable: for distinct, union and membership."""
    value = system(item)
    if isinstance(value, Temporal):
        return ("T", value.kind == "Time", value.utc, value.fraction.rstrip("0"), value.offset_min is None)
    if isinstance(value, Quantity):
        return ("Q", *quantity.in_base(value))
    if type(value) is bool:
        return ("B", value)
    return _frozen(item[0] if value is None and type(item) is tuple else value)


def _frozen(value: Json) -> Any:
    if type(value) is dict:
        return frozenset([(key, _frozen(inner)) for key, inner in value.items()])
    if type(value) is list:
        return tuple([_frozen(inner) for inner in value])
    return ("B", value) if type(value) is bool else value


def order(one: Item, other: Item) -> int | None:
    """-1, 0 or 1; None when undecided; raises `PathError` for items that have no common order."""
    left, right = system(one), system(other)
    if left is None or right is None:
        return None
    if type(left) is str and type(right) is str:
        return (left > right) - (left < right)
    if isinstance(left, Temporal) and isinstance(right, Temporal) and (left.kind == "Time") == (right.kind == "Time"):
        return temporal.compare(left, right)
    left, right = _as_amounts(left, right)
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return quantity.compare(left, right)
    if type(left) in (int, Decimal) and type(right) in (int, Decimal):
        return (left > right) - (left < right)
    raise PathError("The FHIRPath expression compares {one} with {other}.", one=type_word(left), other=type_word(right))


def _as_amounts(left: Any, right: Any) -> tuple[Any, Any]:
    """A number beside a quantity is a quantity without unit."""
    if isinstance(left, Quantity) and is_number(right):
        return left, Quantity(Decimal(right))
    if isinstance(right, Quantity) and is_number(left):
        return Quantity(Decimal(left)), right
    return left, right


def is_number(value: Any) -> TypeGuard[int | Decimal]:
    """An Integer or Decimal; a Boolean is none."""
    return type(value) in (int, Decimal)


def equivalent(one: Items, other: Items) -> bool:
    """`~`: the same items in any order, texts without regard to case and spaces, numbers to the less precise."""
    if len(one) != len(other):
        return False
    rest = list(other)
    for left in one:
        place = next((n for n, right in enumerate(rest) if equivalent_items(left, right)), None)
        if place is None:
            return False
        rest.pop(place)
    return True


def equivalent_items(one: Item, other: Item) -> bool:
    """Whether two items are equivalent."""
    left, right = system(one), system(other)
    if type(left) is str and type(right) is str:
        return _SPACE.sub(" ", left).casefold() == _SPACE.sub(" ", right).casefold()
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        return (left.kind == "Time") == (right.kind == "Time") and temporal.compare(left, right) == 0
    left, right = _as_amounts(left, right)
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return quantity.equivalent(left, right)
    if is_number(left) and is_number(right):
        return _equivalent_numbers(Decimal(left), Decimal(right))
    if type(left) is dict and type(right) is dict:
        return _equivalent_elements(cast("dict[str, Any]", left), cast("dict[str, Any]", right))
    return type_word(left) == type_word(right) and bool(left == right)


def _equivalent_elements(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(equivalent(listed(one[key]), listed(other[key])) for key in one)


def listed(value: Json) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if type(value) is list else [value]


def _equivalent_numbers(left: Decimal, right: Decimal) -> bool:
    digits = min(_places(left), _places(right))
    try:
        return left.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) == right.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    except InvalidOperation:
        return left == right


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


Closure = Callable[[Items, Any], Items]
