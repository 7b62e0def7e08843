"""Reads `_filter`: `given eq "peter" and (birthdate ge 2014-10-10 or not (subject[type eq x].name co "pet"))`.

`and` and `or` are taken from left to right, neither binds closer. What the ordinary parameters cannot say becomes a clause with one of
the modifiers "equals", "contains", "ends" (string and uri) or "starts" (uri). Source: FHIR R4 search_filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from xinglin.base.errors import Malformed, TooLarge, Unknown
from xinglin.fhir.search.model import All, Chain, Clause, Has, Not, SearchParam, Some, SpanAsked, Term, TextAsked
from xinglin.fhir.search.operands import Reading, known_type, operand
from xinglin.fhir.search.terms import SPECIAL, chain_over, param_of, presence

NESTING_MAX = 30
PARTS_MAX = 100


@dataclass(frozen=True, slots=True)
class _Link:
    """One name of a path; `only`: what must also hold where it leads."""

    name: str
    only: _Said | None = None


@dataclass(frozen=True, slots=True)
class _Test:
    path: tuple[_Link, ...]
    sign: str
    value: str


@dataclass(frozen=True, slots=True)
class _Nor:
    inner: _Said


@dataclass(frozen=True, slots=True)
class _Joined:
    sign: str
    parts: tuple[_Said, ...]


_Said = _Test | _Nor | _Joined


def read_filter(reading: Reading, type: str, text: str) -> Term:
    """The term of a `_filter` about a resource of `type`. Raises `Malformed`, `Unknown` (parameter or operator), `TooLarge`."""
    reader = _Reader(text)
    said = reader.either(0)
    if reader.rest():
        raise reader.wrong()
    return _meant(reading, type, said)


# --- from text to what is said ---

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"_has:[A-Za-z]+:[A-Za-z_][\w-]*:[A-Za-z_][\w-]*|[A-Za-z_][\w-]*(?::[A-Za-z]+)?")
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s\])]+')


class _Reader:
    """Reads one filter from left to right."""

    __slots__ = ("_at", "_parts", "_text")

    def __init__(self, text: str) -> None:
        self._text, self._at, self._parts = text, 0, 0

    def rest(self) -> str:
        self._match(_SPACE)
        return self._text[self._at :]

    def wrong(self) -> Malformed:
        return Malformed("The parameter _filter cannot be read at {at}.", at=self.rest()[:40] or "its end")

    def either(self, depth: int) -> _Said:
        if depth > NESTING_MAX:
            raise TooLarge("The parameter _filter is nested deeper than {limit}.", limit=NESTING_MAX)
        joined, parts = "", (self._one(depth),)
        while sign := self._word("and", "or"):
            if joined and sign != joined:
                parts = (_Joined(joined, parts),)
            joined, parts = sign, (*parts, self._one(depth))
        return _Joined(joined, parts) if joined else parts[0]

    def _one(self, depth: int) -> _Said:
        if self._sign("("):
            return self._closed(self.either(depth + 1), ")")
        start = self._at
        if self._word("not") and self._sign("("):
            return _Nor(self._closed(self.either(depth + 1), ")"))
        self._at = start
        return self._test(depth)

    def _test(self, depth: int) -> _Test:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise TooLarge("The parameter _filter may have {limit} tests at most.", limit=PARTS_MAX)
        links = [self._link(depth)]
        while self._text[self._at : self._at + 1] == ".":
            self._at += 1
            links.append(self._link(depth))
        sign = self._need(_NAME)
        return _Test(tuple(links), sign, self._value())

    def _link(self, depth: int) -> _Link:
        name = self._need(_NAME)
        if self._text[self._at : self._at + 1] != "[":
            return _Link(name)
        self._at += 1
        return _Link(name, self._closed(self.either(depth + 1), "]"))

    def _value(self) -> str:
        raw = self._need(_VALUE)
        if raw[0] != '"':
            return raw
        try:
            return msgspec.json.decode(raw.encode("utf-8", "surrogatepass"), type=str)
        except msgspec.DecodeError as broken:
            raise self.wrong() from broken

    def _closed(self, said: _Said, sign: str) -> _Said:
        if not self._sign(sign):
            raise self.wrong()
        return said

    def _sign(self, sign: str) -> bool:
        if not self.rest().startswith(sign):
            return False
        self._at += 1
        return True

    def _word(self, *words: str) -> str:
        self._match(_SPACE)
        found = _NAME.match(self._text, self._at)
        if found is None or found[0] not in words:
            return ""
        self._at = found.end()
        return found[0]

    def _need(self, pattern: re.Pattern[str]) -> str:
        self._match(_SPACE)
        found = self._match(pattern)
        if not found:
            raise self.wrong()
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]


# --- from what is said to what is meant ---


def _meant(reading: Reading, type: str, said: _Said) -> Term:
    if isinstance(said, _Nor):
        return Not(_meant(reading, type, said.inner))
    if isinstance(said, _Joined):
        parts = tuple(_meant(reading, type, part) for part in said.parts)
        return All(parts) if said.sign == "and" else Some(parts)
    return _along(reading, type, said.path, said, 0)


def _along(reading: Reading, type: str, path: tuple[_Link, ...], test: _Test, depth: int) -> Term:
    if depth > reading.limits.depth:
        raise TooLarge("A chain may have {limit} links at most.", limit=reading.limits.depth)
    reading.budget.spend()
    first, onward = path[0], path[1:]
    if first.name.startswith("_has:"):
        return _has(reading, type, path, test, depth)
    name, _, named = first.name.partition(":")
    param = param_of(reading, type, name)
    if not onward:
        if named or first.only:
            raise Malformed("The parameter _filter: nothing follows {name}.", name=first.name)
        return _leaf(reading, param, test)

    def beyond(target: str) -> Term:
        rest = _along(reading, target, onward, test, depth + 1)
        return All((_meant(reading, target, first.only), rest)) if first.only else rest

    return Chain(param, chain_over(param, named, beyond))


def _has(reading: Reading, type: str, path: tuple[_Link, ...], test: _Test, depth: int) -> Has:
    _, source, refers, name = path[0].name.split(":")
    if not known_type(source):
        raise Unknown("There is no resource type {type}.", type=source)
    param = param_of(reading, source, refers)
    if param.kind != "reference" or (param.targets and type not in param.targets):
        raise Unknown("The search parameter {name} of {source} does not lead to {type}.", name=refers, source=source, type=type)
    return Has(type, source, param, _along(reading, source, (_Link(name, path[0].only), *path[1:]), test, depth + 1))


_Make = Callable[[Reading, SearchParam, str], Term]


def _leaf(reading: Reading, param: SearchParam, test: _Test) -> Term:
    if test.sign == "pr":
        if test.value not in ("true", "false"):
            raise Malformed("The parameter _filter: pr wants true or false, not {value}.", value=test.value[:60])
        return presence(param, test.value == "false")
    if param.name in SPECIAL:
        return Clause(param, None, (TextAsked(test.value),))
    if test.sign == "ne" and param.kind not in _MEASURED:
        return All((presence(param, False), Not(_leaf(reading, param, _Test(test.path, "eq", test.value)))))
    if test.sign == "po" and param.kind == "date":
        span = operand(reading, param, None, test.value)
        return Clause(param, None, (SpanAsked("ap", span.lo, span.hi),) if isinstance(span, SpanAsked) else ())
    if param.kind in _MEASURED and test.sign in _PREFIXES:
        return Clause(param, None, (operand(reading, param, None, test.sign + test.value),))
    modifier = _MODIFIERS.get((param.kind, test.sign), "?")
    if modifier == "?":
        raise Unknown("The parameter _filter: {sign} does not go with {name}.", sign=test.sign[:40], name=param.name)
    return Clause(param, modifier, (operand(reading, param, modifier, test.value),))


_MEASURED = ("date", "number", "quantity")
_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb")
_MODIFIERS: dict[tuple[str, str], str | None] = {
    ("string", "eq"): "equals",
    ("string", "sw"): None,
    ("string", "co"): "contains",
    ("string", "ew"): "ends",
    ("uri", "eq"): None,
    ("uri", "sw"): "starts",
    ("uri", "co"): "contains",
    ("uri", "ew"): "ends",
    ("token", "eq"): None,
    ("token", "ss"): "below",
    ("token", "sb"): "above",
    ("token", "in"): "in",
    ("token", "ni"): "not-in",
    ("reference", "eq"): None,
    ("reference", "re"): None,
    ("composite", "eq"): None,
}
