"""Reads the FHIRPath that search parameters are written in: unions of paths with choice types, filters and indexes, no general logic.

Source: FHIR R4 SearchParameter.expression, FHIRPath N1. What is outside this subset raises `Malformed`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from xinglin.base.errors import Malformed

LENGTH_MAX = 4_000
DEPTH_MAX = 40


@dataclass(frozen=True, slots=True)
class Go:
    """Into a child element."""

    name: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Keeps values of one FHIR type (`as`, `ofType`)."""

    type: str


@dataclass(frozen=True, slots=True)
class At:
    """Keeps the n-th of a list, from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class Extension:
    """Extensions of one url."""

    url: str


@dataclass(frozen=True, slots=True)
class Where:
    """Keeps elements for which the test is true."""

    test: Test


@dataclass(frozen=True, slots=True)
class Leads:
    """Keeps references to one resource type: `where(resolve() is Type)`, read from the reference, not resolved."""

    type: str


@dataclass(frozen=True, slots=True)
class Root:
    """Back to the resource: `%resource`."""


Step = Go | Cast | At | Extension | Where | Leads | Root
Branch = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """Some value is there."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Equals:
    """Some value equals the literal; `wanted` False: the values are there and none equals."""

    branches: tuple[Branch, ...]
    literal: str | bool
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Both:
    """Every test is true."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Some test is true."""

    tests: tuple[Test, ...]


Test = Exists | Equals | Both | Either | Leads


@dataclass(frozen=True, slots=True)
class Fact:
    """An expression that is itself true or false of the resource, such as `deceased.exists() and deceased != false`."""

    test: Test


@lru_cache(maxsize=4096)
def read_path(expression: str) -> tuple[Branch, ...] | Fact:
    """The branches of a union, or the fact a boolean expression states. Raises `Malformed`."""
    if len(expression) > LENGTH_MAX:
        raise Malformed("The search expression is longer than {limit} characters.", limit=LENGTH_MAX)
    reader = _Reader(_words(expression), expression)
    reading = reader.fact_or_union()
    if reader.word():
        raise reader.wrong()
    return reading


_WORD = re.compile(r"\s*(?:('(?:[^'\\]|\\.)*')|(!=|[|.()\[\]=,])|(%?[A-Za-z_$][\w]*|`[^`]+`)|([0-9]+))")


def _words(expression: str) -> list[str]:
    words: list[str] = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise Malformed("The search expression {text} cannot be read at {at}.", text=expression, at=text[at : at + 20])
        words.append(found[0].strip().strip("`"))
        at = found.end()
    return words


class _Reader:
    """Reads one expression from left to right."""

    __slots__ = ("_at", "_depth", "_expression", "_words")

    def __init__(self, words: list[str], expression: str) -> None:
        self._words, self._at, self._depth, self._expression = words, 0, 0, expression

    def word(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def wrong(self) -> Malformed:
        return Malformed("The search expression {text} is outside what search can index.", text=self._expression)

    def take(self, wanted: str = "") -> str:
        word = self.word()
        if not word or (wanted and word != wanted):
            raise self.wrong()
        self._at += 1
        return word

    def took(self, word: str) -> bool:
        if self.word() != word:
            return False
        self._at += 1
        return True

    def fact_or_union(self) -> tuple[Branch, ...] | Fact:
        start = self._at
        union = self._union()
        if union and self.word() in ("", "|"):
            asserted = [branch for branch in union if branch and isinstance(branch[-1], Where) and branch[-1].test == _ASSERTED]
            if not asserted:
                return union
        self._at = start
        return Fact(self._test())

    def _union(self) -> tuple[Branch, ...]:
        branches = self._typed()
        while self.took("|"):
            branches += self._typed()
        return branches

    def _typed(self) -> tuple[Branch, ...]:
        branches = self._path()
        if self.took("as"):
            cast = Cast(self._type())
            return tuple((*branch, cast) for branch in branches)
        return branches

    def _type(self) -> str:
        name = self.take()
        while self.took("."):
            name = self.take()
        return name

    def _path(self) -> tuple[Branch, ...]:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self.wrong()
        branches = self._start()
        while self.word() in (".", "["):
            if self.took("["):
                step: Step = At(self._number())
                self.take("]")
            else:
                self.take(".")
                step = self._step()
            branches = tuple((*branch, step) for branch in branches)
        self._depth -= 1
        return branches

    def _number(self) -> int:
        word = self.take()
        if not word.isdecimal():
            raise self.wrong()
        return int(word)

    def _start(self) -> tuple[Branch, ...]:
        if self.took("("):
            branches = self._union()
            self.take(")")
            return branches
        if self.word() in ("%resource", "%rootResource"):
            self.take()
            return ((Root(),),)
        if self.took("$this"):
            return ((),)
        return ((self._step(),),)

    def _step(self) -> Step:
        name = self.take()
        if not (name[0].isalpha() or name[0] == "_"):
            raise self.wrong()
        if not self.took("("):
            return Go(name)
        step = self._call(name)
        self.take(")")
        return step

    def _call(self, name: str) -> Step:
        if name in ("as", "ofType"):
            return Cast(self._type())
        if name == "extension":
            return Extension(self._quoted())
        if name == "where":
            test = self._test()
            return Leads(test.type) if isinstance(test, Leads) else Where(test)
        if name == "first":
            return At(0)
        if name in ("exists", "hasValue"):
            return Where(_ASSERTED)
        raise self.wrong()

    def _quoted(self) -> str:
        word = self.take()
        if word[0] != "'":
            raise self.wrong()
        return re.sub(r"\\(.)", r"\1", word[1:-1])

    def _test(self) -> Test:
        tests = [self._conjunction()]
        while self.took("or"):
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else Either(tuple(tests))

    def _conjunction(self) -> Test:
        tests = [self._comparison()]
        while self.took("and"):
            tests.append(self._comparison())
        return tests[0] if len(tests) == 1 else Both(tuple(tests))

    def _comparison(self) -> Test:
        if self._words[self._at : self._at + 4] == ["resolve", "(", ")", "is"]:
            self._at += 4
            return Leads(self._type())
        branches = self._path()
        sign = self.word()
        if sign in ("=", "!="):
            self.take()
            return Equals(branches, self._literal(), sign == "=")
        if all(branch and branch[-1] == Where(_ASSERTED) for branch in branches):
            return Exists(tuple(branch[:-1] for branch in branches))
        raise self.wrong()

    def _literal(self) -> str | bool:
        word = self.word()
        if word in ("true", "false"):
            self.take()
            return word == "true"
        return self._quoted()


_ASSERTED: Test = Exists(())
"""Marks `.exists()` while reading; it never leaves this module."""
