"""Converters for what is measured: dates, numbers and quantities as search compares them (see `values`).

Source: FHIR R4 search, the tables under date, number and quantity.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from xinglin.base.errors import Malformed
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import span_of
from xinglin.fhir.search.model import TIME_MAX, TIME_MIN, Amount, Number, Span, Value
from xinglin.fhir.search.shape import ARRAY, OBJECT

Convert = Callable[[Any], tuple[Value, ...]]

KEPT_MAX = 16_384
"""Values each cache keeps; the oldest unused go first."""

CHINA = ZoneInfo("Asia/Shanghai")
"""The zone of dates and times that name none."""

CURRENCY = "urn:iso:std:iso:4217"


@lru_cache(KEPT_MAX)
def _span(text: str, zone: tzinfo) -> tuple[Span, ...]:
    try:
        return (Span(*span_of(text, zone)),)
    except Malformed:
        return ()


def date_converter(fhir_type: str, zone: tzinfo) -> Convert | None:
    """The converter for dates, instants, periods and timings; dates that name no zone are of `zone`."""

    def moment(element: Any) -> tuple[Value, ...]:
        return _span(element, zone) if type(element) is str else ()

    def period(element: Any) -> tuple[Value, ...]:
        return _period(element, zone)

    def timing(element: Any) -> tuple[Value, ...]:
        return _timing(element, zone)

    if fhir_type in ("date", "dateTime", "instant"):
        return moment
    return {"Period": period, "Timing": timing}.get(fhir_type)


def _period(element: Any, zone: tzinfo) -> tuple[Span, ...]:
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    start: Any = found.get("start")
    end: Any = found.get("end")
    first = _span(start, zone) if type(start) is str else ()
    last = _span(end, zone) if type(end) is str else ()
    if not first and not last:
        return ()
    return (Span(first[0].lo if first else TIME_MIN, last[0].hi if last else TIME_MAX),)


def _timing(element: Any, zone: tzinfo) -> tuple[Span, ...]:
    """The outer limits of a Timing: its events and its bounds."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    spans: list[Span] = []
    events: Any = found.get("event")
    rule: Any = found.get("repeat")
    if type(events) is ARRAY:
        listed: list[Any] = events
        for event in listed:
            spans += _span(event, zone) if type(event) is str else ()
    if type(rule) is OBJECT:
        repeat: Resource = rule
        spans += _period(repeat.get("boundsPeriod"), zone)
    return (Span(min(s.lo for s in spans), max(s.hi for s in spans)),) if spans else ()


# --- number, quantity ---


def _decimal(value: object) -> Decimal | None:
    if type(value) is Decimal:
        return value if value.is_finite() else None
    if type(value) is int:
        return Decimal(value)
    return Decimal(repr(value)) if type(value) is float and value - value == 0 else None


def number(element: Any) -> tuple[Value, ...]:
    """A decimal or integer."""
    value = _decimal(element)
    return () if value is None else (Number(value),)


def quantity(element: Any) -> tuple[Amount, ...]:
    """A Quantity, Age, Duration …; with a comparator one side is open."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    value = _decimal(found.get("value"))
    if value is None:
        return ()
    lo: Decimal | None = value
    hi: Decimal | None = value
    comparator = found.get("comparator")
    if comparator in ("<", "<="):
        lo = None
    elif comparator in (">", ">="):
        hi = None
    return (Amount(lo, hi, _str(found.get("system")), _str(found.get("code")), _str(found.get("unit"))),)


def money(element: Any) -> tuple[Value, ...]:
    """A Money: the currency is the unit."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    value, currency = _decimal(found.get("value")), _str(found.get("currency"))
    return () if value is None else (Amount(value, value, CURRENCY if currency else None, currency, currency),)


def range_(element: Any) -> tuple[Value, ...]:
    """A Range; a missing end is open."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    low, high = quantity(found.get("low")), quantity(found.get("high"))
    some = low or high
    if not some:
        return ()
    lo = low[0].lo if low else None
    hi = high[0].hi if high else None
    return (Amount(lo, hi, some[0].system, some[0].code, some[0].unit),)


def _str(value: object) -> str | None:
    return value if type(value) is str else None
