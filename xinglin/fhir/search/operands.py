"""Reads one operand of a search parameter: `ge2021-05`, `http://loinc.org|8480-6`, `Patient/7`, `8480-6$lt60`.

Source: FHIR R4 search, Search Parameter Types, Prefixes, Escaping. Raises `Malformed` naming the parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Context, Decimal
from typing import cast

from xinglin.base.errors import Malformed, TooLarge
from xinglin.fhir.dates import span_of
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.measures import CHINA
from xinglin.fhir.search.model import (
    AmountAsked,
    Asked,
    LinkAsked,
    Prefix,
    PresenceAsked,
    SearchParam,
    SpanAsked,
    TextAsked,
    TokenAsked,
    TupleAsked,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one search may ask at most: parameters, operands of one parameter, characters, links of a chain, terms, rows of a page."""

    parameters: int = 200
    operands: int = 1_000
    characters: int = 200_000
    depth: int = 6
    terms: int = 2_000
    count: int = 1_000


class Budget:
    """Counts terms while one search is read; a chain over every type would otherwise grow without end."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self) -> None:
        """One more term; raises `TooLarge` at the limit."""
        self.left -= 1
        if self.left < 0:
            raise TooLarge("The search has too many parts: name the type in each chain, or ask for less.")


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs to know. `now_us`: for `ap` on dates (None: not widened). `base`: the server's url, cut off references."""

    zone: tzinfo = CHINA
    now_us: int | None = None
    base: str = ""
    limits: Limits = Limits()
    params_of: Callable[[str], Mapping[str, SearchParam]] = search_params
    budget: Budget = field(default_factory=lambda: Budget(Limits().terms))


def split(text: str, sign: str) -> list[str]:
    """Splits at a sign that no backslash stands before; escapes stay in the parts."""
    if "\\" not in text:
        return text.split(sign)
    parts, start, at = list[str](), 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == sign:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    r"""`\,` `\$` `\|` `\\` become the sign they stand for."""
    return re.sub(r"\\([,$|\\])", r"\1", text) if "\\" in text else text


def operand(reading: Reading, param: SearchParam, modifier: str | None, raw: str) -> Asked:
    """One operand, still escaped, under a modifier the parameter's kind knows. Raises `Malformed`."""
    if modifier == "missing":
        return _presence(param, raw)
    if modifier == "identifier":
        return token(raw)
    if param.kind == "token":
        return _token(param, modifier, raw)
    if param.kind == "reference":
        return TokenAsked(None, None, unescape(raw)) if modifier == "text" else _link(reading, modifier, raw)
    if param.kind == "date":
        return _span(reading, param, raw)
    if param.kind in ("number", "quantity"):
        return _amount(param, raw)
    if param.kind == "composite":
        return _tuple(reading, param, raw)
    return TextAsked(unescape(raw))


def _presence(param: SearchParam, raw: str) -> PresenceAsked:
    if raw not in ("true", "false"):
        raise Malformed("The parameter {name}:missing wants true or false, not {value}.", name=param.name, value=raw[:60])
    return PresenceAsked(raw == "true")


# --- token ---


def token(raw: str) -> TokenAsked:
    """`code`, `system|code`, `|code`, `system|`."""
    system, *rest = split(raw, "|")
    if not rest:
        return TokenAsked(None, unescape(system), unescape(raw))
    code = unescape("|".join(rest))
    return TokenAsked(unescape(system), code or None, unescape(raw))


def _token(param: SearchParam, modifier: str | None, raw: str) -> TokenAsked:
    if modifier in ("text", "in", "not-in"):
        return TokenAsked(None, None, unescape(raw))
    if modifier == "of-type":
        parts = [unescape(part) for part in split(raw, "|")]
        if len(parts) != 3 or not all(parts[1:]):
            raise Malformed("The parameter {name}:of-type wants system|code|value, not {value}.", name=param.name, value=raw[:60])
        return TokenAsked(None, parts[2], unescape(raw), (parts[0], parts[1], parts[2]))
    asked = token(raw)
    if not asked.code and not asked.system:
        raise Malformed("The parameter {name} wants a code, system|code or system|, not {value}.", name=param.name, value=raw[:60])
    return asked


# --- reference ---

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")


def _link(reading: Reading, modifier: str | None, raw: str) -> LinkAsked:
    text = unescape(raw)
    if reading.base and text.startswith(reading.base + "/"):
        text = text[len(reading.base) + 1 :]
    found = _LOCAL.fullmatch(text)
    if found and (modifier is None or modifier == found[1]):
        return LinkAsked(found[1], found[2])
    if ":" in text or "/" in text:
        return LinkAsked(modifier, None, text.partition("/_history/")[0].partition("|")[0])
    return LinkAsked(modifier, text)


# --- date ---

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)", re.DOTALL)


def _prefixed(raw: str) -> tuple[Prefix, str]:
    found = cast("re.Match[str]", _PREFIXED.fullmatch(raw))
    return cast("Prefix", found[1] or "eq"), found[2]


def _span(reading: Reading, param: SearchParam, raw: str) -> SpanAsked:
    prefix, text = _prefixed(raw)
    try:
        lo, hi = span_of(text.replace(" ", "+"), reading.zone)  # a + that was not escaped in the address arrives as a space
    except Malformed as wrong:
        raise Malformed("The parameter {name} wants a date: {why}", name=param.name, why=str(wrong)) from wrong
    if prefix == "ap" and reading.now_us is not None:
        gap = abs(reading.now_us - (lo + hi) // 2) // 10
        lo, hi = lo - gap, hi + gap
    return SpanAsked(prefix, lo, hi)


# --- number, quantity ---

_NUMBER = re.compile(r"([+-]?[0-9]{1,60}(\.[0-9]{1,60})?)([eE][+-]?[0-9]{1,3})?")
_EXACT = Context(prec=200)


def _amount(param: SearchParam, raw: str) -> AmountAsked:
    prefix, text = _prefixed(raw)
    number, *unit = [unescape(part) for part in split(text, "|")]
    if unit and (param.kind == "number" or len(unit) != 2):
        wanted = "a number" if param.kind == "number" else "number, number|system|code or number||code"
        raise Malformed("The parameter {name} wants {wanted}, not {value}.", name=param.name, wanted=wanted, value=raw[:60])
    system, code = (unit[0] or None, unit[1] or None) if unit else (None, None)
    value, lo, hi = _written(param, number)
    if prefix == "ap":
        tenth = _EXACT.multiply(abs(value), Decimal("0.1"))
        lo, hi = min(lo, _EXACT.subtract(value, tenth)), max(hi, _EXACT.add(value, tenth))
    return AmountAsked(prefix, value, lo, hi, system, code)


def _written(param: SearchParam, text: str) -> tuple[Decimal, Decimal, Decimal]:
    """The number and the range its written precision covers: 5.4 is 5.35 to 5.45, and as R4 has it 1e2 is 95 to 105."""
    found = _NUMBER.fullmatch(text)
    value = Decimal(text) if found else Decimal("NaN")
    if found is None or abs(value.adjusted()) > 400:
        raise Malformed("The parameter {name} wants a number, not {value}.", name=param.name, value=text[:60])
    exponent = int(value.as_tuple().exponent) - (1 if found[3] and not found[2] else 0)
    half = Decimal((0, (5,), exponent - 1))
    return value, _EXACT.subtract(value, half), _EXACT.add(value, half)


# --- composite ---


def _tuple(reading: Reading, param: SearchParam, raw: str) -> TupleAsked:
    parts = split(raw, "$")
    if len(parts) != len(param.components) or not all(parts):
        names = "$".join(component.name for component, _ in param.components)
        raise Malformed("The parameter {name} wants {names}, not {value}.", name=param.name, names=names, value=raw[:60])
    asked = (operand(reading, component, None, part) for (component, _), part in zip(param.components, parts, strict=True))
    return TupleAsked(tuple(asked))


def known_type(name: str) -> bool:
    """Whether R4 has this resource type."""
    return name in _TYPES


_TYPES = frozenset(RESOURCE_TYPES)
