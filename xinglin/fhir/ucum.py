"""UCUM: what a unit code means, as a factor of base units, so that 5 mg and 0.005 g are the same amount.

Source: The Unified Code for Units of Measure, 2.1 (https://ucum.org/ucum), case-sensitive codes. Factors are exact fractions: the only
rounding is the last one, to 28 digits. Arbitrary units ([iU]) and logarithmic scales (pH) are comparable with themselves only.
A code that is not UCUM, or not within the limits, is None: never an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

CODE_LENGTH_MAX = 200
EXPONENT_MAX = 400
_DEPTH_MAX = 8
_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_OFFSET_K = {
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67")),
    "[degRe]": (Fraction(5, 4), Fraction("218.52")),
}
"""Scales with an offset: kelvin = factor * (value + offset)."""
_PIECE = re.compile(
    r"(?P<number>[0-9]+)(?![*^0-9])"
    r"|(?P<symbol>10[*^]|(?:[^0-9./(){}\[\]+\-\s\x00-\x20\x7f-\U0010ffff]|\[[^\[\]{}\s]*\])+)(?P<exponent>[+-]?[0-9]+)?"
    r"|(?P<sign>[./()])"
    r"|(?P<note>\{[!-z|~]*\})"
)
_EXACT = Context(prec=400)
_ROUNDED = Context(prec=28)

Dimension = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A code read: base amount = factor * (value + offset); `base` is its code in base units, `1` when it has none."""

    factor: Fraction
    base: str
    offset: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class _Product:
    factor: Fraction
    powers: dict[str, int]


_ONE = _Product(Fraction(1), {})


def canonical(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    """The amount in base units and their code: (Decimal("37"), "Cel") -> (Decimal("310.15"), "K"). None: unknown code."""
    unit = unit_of(code)
    if unit is None:
        return None
    return _scaled(value, unit.factor, unit.offset), unit.base


def comparable(one: str, other: str) -> bool:
    """True when both codes measure the same thing."""
    left, right = unit_of(one), unit_of(other)
    return left is not None and right is not None and left.base == right.base


def convert(value: Decimal, source: str, target: str) -> Decimal | None:
    """The same amount in another unit. None: a code is unknown, or they do not measure the same thing."""
    left, right = unit_of(source), unit_of(target)
    if left is None or right is None or left.base != right.base:
        return None
    if not left.offset and not right.offset:
        return _scaled(value, left.factor / right.factor, Fraction(0))
    return _decimal(left.factor * (Fraction(value) + left.offset) / right.factor - right.offset)


def unit_of(code: str) -> Unit | None:
    """A code as factor, offset and base units; None: not UCUM."""
    return _unit_of(code) if 0 < len(code) <= CODE_LENGTH_MAX else None


@lru_cache(maxsize=4096)
def _unit_of(code: str) -> Unit | None:
    if code in _OFFSET_K:
        factor, offset = _OFFSET_K[code]
        return Unit(factor, "K", offset)
    product = _read(code)
    return None if product is None else Unit(product.factor, _written(product.powers))


def _scaled(value: Decimal, factor: Fraction, offset: Fraction) -> Decimal:
    if offset:
        return _decimal(factor * (Fraction(value) + offset))
    return _ROUNDED.divide(_EXACT.multiply(value, Decimal(factor.numerator)), Decimal(factor.denominator))


def _decimal(value: Fraction) -> Decimal:
    return _ROUNDED.divide(Decimal(value.numerator), Decimal(value.denominator))


def _written(powers: dict[str, int]) -> str:
    return ".".join(f"{unit}{power if power != 1 else ''}" for unit, power in sorted(powers.items()) if power) or "1"


def _times(one: _Product, other: _Product, power: int) -> _Product:
    powers = dict(one.powers)
    for unit, exponent in other.powers.items():
        powers[unit] = powers.get(unit, 0) + exponent * power
    return _Product(one.factor * other.factor**power, powers)


def _read(code: str) -> _Product | None:
    pieces: list[re.Match[str]] = []
    place = 0
    while place < len(code):
        piece = _PIECE.match(code, place)
        if piece is None:
            return None
        pieces.append(piece)
        place = piece.end()
    found = _term(pieces, 0, 0)
    return found[0] if found is not None and found[1] == len(pieces) else None


def _term(pieces: list[re.Match[str]], place: int, depth: int) -> tuple[_Product, int] | None:
    """A product from `place` to the closing bracket or the end; operators bind from left to right (a/b.c is a/b times c)."""
    total, power, wanting = _ONE, 1, True
    while place < len(pieces):
        piece = pieces[place]
        sign = piece["sign"]
        if sign == ")":
            break
        if sign in (".", "/"):
            if wanting and not (sign == "/" and place == 0):
                return None
            power, wanting, place = (1 if sign == "." else -1), True, place + 1
            continue
        if not wanting and piece["note"] is None:
            return None
        read = _component(pieces, place, depth)
        if read is None:
            return None
        total, place, wanting = _times(total, read[0], power if wanting else 1), read[1], False
    return None if wanting else (total, place)


def _component(pieces: list[re.Match[str]], place: int, depth: int) -> tuple[_Product, int] | None:
    piece = pieces[place]
    if piece["note"] is not None:
        return _ONE, place + 1
    if piece["number"] is not None:
        number = int(piece["number"])
        return (_Product(Fraction(number), {}), place + 1) if number and len(piece["number"]) < 30 else None
    if piece["sign"] == "(":
        inner = _term(pieces, place + 1, depth + 1) if depth < _DEPTH_MAX else None
        closed = inner is not None and inner[1] < len(pieces) and pieces[inner[1]]["sign"] == ")"
        return (inner[0], inner[1] + 1) if inner is not None and closed else None
    atom, power = _atom(piece["symbol"]), int(piece["exponent"] or 1)
    if atom is None or abs(power) > EXPONENT_MAX or piece["symbol"] in _OFFSET_K:
        return None
    return _times(_ONE, atom, power), place + 1


@cache
def _table() -> dict[str, tuple[bool, Fraction, str]]:
    text = (Path(__file__).parent / "ucum_units.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {code: (metric == "m", Fraction(factor), unit) for code, metric, factor, unit in rows}


@lru_cache(maxsize=4096)
def _atom(symbol: str) -> _Product | None:
    """A unit with or without prefix, down to base units."""
    if symbol in ("10*", "10^"):
        return _Product(Fraction(10), {})
    known = _table().get(symbol)
    if known is not None:
        return _defined(symbol, known[1], known[2])
    for length in (2, 1):
        prefix, rest = symbol[:length], symbol[length:]
        known = _table().get(rest)
        if known is None or not known[0] or rest in _OFFSET_K:
            continue
        if prefix in _PREFIXES:
            return _times(_Product(Fraction(10) ** _PREFIXES[prefix], {}), _defined(rest, known[1], known[2]), 1)
        if prefix in _BINARY:
            return _times(_Product(Fraction(_BINARY[prefix]), {}), _defined(rest, known[1], known[2]), 1)
    return None


def _defined(symbol: str, factor: Fraction, unit: str) -> _Product:
    if not unit:
        return _Product(factor, {symbol: 1})
    product = _read(unit)
    assert product is not None, f"the table defines {symbol} by {unit}, which is not UCUM"
    return _Product(factor * product.factor, product.powers)
