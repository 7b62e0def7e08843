"""Conditions on dates and numbers: typed columns, exact for single values; the content decides where a row may hold several."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from xinglin.fhir.search.model import AmountAsked, SearchParam, SpanAsked, TokenAsked, TupleAsked
from xinglin.fhir.ucum import convert
from xinglin.store.layout import Layout
from xinglin.store.rows import BUCKETS, SECOND_US, is_measured, unit_text
from xinglin.store.searching.condition import Condition, any_of, never, unchecked
from xinglin.store.searching.reading import Reading

UCUM = "http://unitsofmeasure.org"


def tick_condition(reading: Reading, asked: SpanAsked) -> Condition:
    """`_lastUpdated`: a tick is a moment."""
    lo, hi = reading.arguments.add(asked.lo, "bigint"), reading.arguments.add(asked.hi, "bigint")
    tick = f"{reading.row}.tick"
    told = {
        "eq": f"{tick} >= {lo} AND {tick} < {hi}",
        "ne": f"({tick} < {lo} OR {tick} >= {hi})",
        "gt": f"{tick} >= {hi}",
        "sa": f"{tick} >= {hi}",
        "ge": f"{tick} >= {lo}",
        "lt": f"{tick} < {lo}",
        "eb": f"{tick} < {lo}",
        "le": f"{tick} < {hi}",
    }
    return Condition(told["eq" if asked.prefix == "ap" else asked.prefix])


def span_condition(reading: Reading, spot: Layout, param: SearchParam, asked: SpanAsked) -> Condition:
    """A date parameter: the row's span against the asked one (R4 search, prefixes)."""
    pair = spot.spans.get(param.name)
    if pair is None:
        return unchecked()
    if "many" in reading.ground.interning.traits(spot.number, param.name):
        return unchecked()
    low, high = f"{reading.row}.{pair[0]}", f"coalesce({reading.row}.{pair[1]}, {reading.row}.{pair[0]} + {SECOND_US})"
    a, b = reading.arguments.add(asked.lo, "bigint"), reading.arguments.add(asked.hi, "bigint")
    longest = _longest_us(reading, spot, param.name)
    since = f" AND {low} >= {a}::bigint - {longest}" if longest is not None else ""
    told = {
        "eq": f"{low} >= {a} AND {low} < {b} AND {high} <= {b}",
        "ne": f"NOT ({low} >= {a} AND {high} <= {b})",
        "gt": f"{high} > {b}{since}",
        "ge": f"({low} >= {a} OR {high} > {b}){since}",
        "lt": f"{low} < {a}",
        "le": f"{low} < {b} AND ({low} < {a} OR {high} <= {b})",
        "sa": f"{low} >= {b}",
        "eb": f"{low} < {a} AND {high} <= {a}",
        "ap": f"{low} < {b} AND {high} > {a}{since}",
    }
    bounds = {
        "eq": f"{low} >= {a} AND {low} < {b}",
        "lt": f"{low} < {a}",
        "le": f"{low} < {b}",
        "sa": f"{low} >= {b}",
        "eb": f"{low} < {a}",
        "ap": f"{low} < {b}{since}",
    }
    bound = bounds.get(asked.prefix) or since.removeprefix(" AND ")
    return Condition(
        told[asked.prefix],
        ranged=asked.prefix != "ne",
        reach=[bound] if bound and asked.prefix != "ne" else [],
        closed=asked.prefix == "eq",
    )


def _longest_us(reading: Reading, spot: Layout, name: str) -> int | None:
    """How long the longest stored span of a parameter may be; None when some are open-ended."""
    powers = [int(trait[5:]) for trait in reading.ground.interning.traits(spot.number, name) if trait.startswith("long:")]
    longest = max(powers, default=20)
    return None if longest > 52 else 1 << longest


def amount_condition(reading: Reading, spot: Layout, param: SearchParam, asked: AmountAsked) -> Condition:
    """A number or quantity; a quantity with a unit is asked of every unit seen that converts to it."""
    column = spot.numbers.get(param.name)
    traits = reading.ground.interning.traits(spot.number, param.name)
    if column is None or "many" in traits:
        return unchecked()
    if asked.code is None and asked.system is None:
        compared = _compared(reading, column, asked.prefix, asked.value, asked.lo, asked.hi)
        return Condition(compared, ranged=asked.prefix != "ne", reach=[compared], closed=True)
    legs: list[Condition] = []
    for unit in sorted(trait[5:] for trait in traits if trait.startswith("unit:")):
        bounds = _in_unit(asked, unit)
        if bounds is not None:
            token = reading.arguments.add([reading.token(unit_text(param.name, unit))], "bigint[]")
            legs.append(Condition(f"{reading.row}.tokens @> {token} AND {_compared(reading, column, asked.prefix, *bounds)}", ranged=True))
    if not legs:
        return never()
    whole = any_of(legs)
    whole.ranged = asked.prefix != "ne"
    return whole


def _in_unit(asked: AmountAsked, unit: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """The asked value and its range in a stored unit `system|code|unit`; None when they do not compare."""
    system, code, name = unit.split("|", 2)
    if asked.system and asked.system != system:
        return None
    if asked.code is None or asked.code == code or (asked.system is None and asked.code == name):
        return asked.value, asked.lo, asked.hi
    if asked.system == UCUM and code and asked.code:
        values = [convert(value, asked.code, code) for value in (asked.value, asked.lo, asked.hi)]
        if all(value is not None for value in values):
            return values[0], values[1], values[2]  # pyright: ignore[reportReturnType]
    return None


def _compared(reading: Reading, column: str, prefix: str, value: Decimal, lo: Decimal, hi: Decimal) -> str:
    number = f"{reading.row}.{column}"

    def place(of: Decimal) -> str:
        return reading.arguments.add(float(of), "double precision")

    if prefix in ("eq", "ne"):
        inside = f"{number} >= {place(lo)} AND {number} < {place(hi)}"
        return f"({inside})" if prefix == "eq" else f"({number} IS NOT NULL AND NOT ({inside}))"
    if prefix == "ap":
        return f"({number} >= {place(lo)} AND {number} <= {place(hi)})"
    sign = {"gt": ">", "sa": ">", "ge": ">=", "lt": "<", "eb": "<", "le": "<="}[prefix]
    return f"{number} {sign} {place(value)}"


def measured_tokens(reading: Reading, spot: Layout, param: SearchParam, asked: TupleAsked) -> list[int] | None:
    """The tokens a row must have one of for `code$quantity` of a repeated element; None when tokens cannot tell."""
    code, amount = asked.parts
    traits = reading.ground.interning.traits(spot.number, param.name)
    if not is_measured(param) or "many" in traits or not isinstance(code, TokenAsked) or not isinstance(amount, AmountAsked):
        return None
    if code.code is None or amount.code is not None or amount.system is not None or amount.prefix == "ne":
        return None
    form = f"{'*' if code.system is None else code.system}|{code.code}"
    marks = [mark for trait in sorted(traits) if trait.startswith("power:") for mark in _marks_within(trait[6:], amount)]
    return [reading.token(f"{param.name}&{form}&{mark}") for mark in dict.fromkeys(marks)]


def _marks_within(power: str, asked: AmountAsked) -> list[str]:
    """The buckets of one seen power of ten that may hold an answer: those whose stretch meets the asked one."""
    low, high = _stretch(asked)
    sign, exponent = (-1 if power.startswith("minus ") else 1), int(power.removeprefix("minus "))
    marks = ["0"] if low <= 0 <= high else []
    for digits, end in pairwise(BUCKETS):
        edge, far = sign * Decimal(digits).scaleb(exponent), sign * Decimal(end).scaleb(exponent)  # the far end is not in it
        if (edge <= high and far > low) if sign > 0 else (edge >= low and far < high):
            marks.append(f"{sign * digits}e{exponent}")
    return marks


def _stretch(asked: AmountAsked) -> tuple[Decimal, Decimal]:
    endless = Decimal("Infinity")
    if asked.prefix in ("gt", "ge", "sa"):
        return asked.value, endless
    if asked.prefix in ("lt", "le", "eb"):
        return -endless, asked.value
    return asked.lo, asked.hi
