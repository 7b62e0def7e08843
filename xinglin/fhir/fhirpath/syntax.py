"""FHIRPath tokens -> a tree (N1, section 6.8 for what binds tighter)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from xinglin.fhir.fhirpath.limits import DEPTH_MAX, NESTED_MAX, PathError
from xinglin.fhir.fhirpath.quantity import Quantity, calendar_unit
from xinglin.fhir.fhirpath.temporal import Temporal, read_moment, read_time
from xinglin.fhir.fhirpath.tokens import Token, tokens_of, wrong


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the expression."""

    value: bool | int | Decimal | str | Temporal | Quantity


@dataclass(frozen=True, slots=True)
class Nothing:
    """`{}`."""


@dataclass(frozen=True, slots=True)
class Dollar:
    """`$this`, `$index`, `$total`."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`%name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Name:
    """A name at the start of a path: a child of the context, or its type."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`source.name`."""

    source: Node
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """`source.name(arguments)`; `source` None: called on the context."""

    source: Node | None
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """`source[index]`."""

    source: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Signed:
    """`-operand` or `+operand`."""

    sign: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class OfType:
    """`operand is Type` and `operand as Type`."""

    operator: str
    operand: Node
    namespace: str | None
    name: str


Node = Literal | Nothing | Dollar | Variable | Name | Member | Call | Indexed | Signed | Binary | OfType

_BINDING = {
    "implies": 1, "or": 2, "xor": 2, "and": 3, "in": 4, "contains": 4, "=": 5, "~": 5, "!=": 5, "!~": 5,
    "<": 6, ">": 6, "<=": 6, ">=": 6, "|": 7, "is": 8, "as": 8, "+": 9, "-": 9, "&": 9,
    "*": 10, "/": 10, "div": 10, "mod": 10,
}  # fmt: skip
_SIGNED = 11


def parse(expression: str) -> Node:
    """The tree of an expression; raises `PathError`."""
    reader = _Reader(expression)
    tree = reader.expression(0)
    if reader.token.kind != "end":
        raise reader.wrong()
    return tree


class _Reader:
    """Where the reading stands. `depth` counts levels of the tree, `nested` open brackets."""

    __slots__ = ("_depth", "_nested", "_place", "_text", "_tokens", "token")

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._place = 0
        self._depth = 0
        self._nested = 0
        self.token: Token = self._tokens[0]

    def wrong(self) -> PathError:
        return wrong(self._text, self.token.at)

    def _next(self) -> Token:
        taken = self.token
        self._place += 1
        self.token = self._tokens[min(self._place, len(self._tokens) - 1)]
        return taken

    def _take(self, sign: str) -> None:
        if not self._is(sign):
            raise self.wrong()
        self._next()

    def _is(self, sign: str) -> bool:
        return self.token.kind == "sign" and self.token.text == sign

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise PathError("The FHIRPath expression has more than {most} steps in one path or formula.", most=DEPTH_MAX)

    def expression(self, above: int) -> Node:
        """Everything that binds tighter than `above`."""
        depth = self._depth
        self._nested += 1
        if self._nested > NESTED_MAX:
            raise PathError("The FHIRPath expression has brackets nested deeper than {most}.", most=NESTED_MAX)
        self._deeper()
        left = self._operand()
        while True:
            operator = self.token.text if self.token.kind in ("sign", "name") else ""
            binding = _BINDING.get(operator, 0)
            if binding <= above:
                self._depth = depth
                self._nested -= 1
                return left
            self._deeper()
            self._next()
            cast = operator in ("is", "as")
            left = OfType(operator, left, *self._type()) if cast else Binary(operator, left, self.expression(binding))

    def _operand(self) -> Node:
        if self._is("-") or self._is("+"):
            sign = self._next().text
            return Signed(sign, self.expression(_SIGNED))
        node = self._term()
        while True:
            if self._is("."):
                self._next()
                node = self._step(node)
            elif self._is("["):
                self._next()
                node = Indexed(node, self.expression(0))
                self._take("]")
            else:
                return node
            self._deeper()

    def _step(self, source: Node) -> Node:
        if self.token.kind not in ("name", "quoted"):
            raise self.wrong()
        name = self._next().text
        return Call(source, name, self._arguments()) if self._is("(") else Member(source, name)

    def _arguments(self) -> tuple[Node, ...]:
        self._take("(")
        found: list[Node] = []
        while not self._is(")"):
            found.append(self.expression(0))
            if not self._is(")"):
                self._take(",")
                if self._is(")"):
                    raise self.wrong()
        self._next()
        return tuple(found)

    def _type(self) -> tuple[str | None, str]:
        if self.token.kind not in ("name", "quoted"):
            raise self.wrong()
        first = self._next().text
        if not self._is("."):
            return None, first
        self._next()
        if self.token.kind not in ("name", "quoted"):
            raise self.wrong()
        return first, self._next().text

    def _term(self) -> Node:
        token = self._next()
        match token.kind:
            case "number":
                return self._number(token)
            case "string":
                return Literal(token.text)
            case "moment" | "time":
                value = read_moment(token.text) if token.kind == "moment" else read_time(token.text)
                if value is None:
                    raise wrong(self._text, token.at)
                return Literal(value)
            case "variable":
                return Variable(token.text)
            case "dollar":
                return Dollar(token.text)
            case "name" | "quoted":
                return self._name(token)
            case _:
                return self._bracket(token)

    def _name(self, token: Token) -> Node:
        if self._is("("):
            return Call(None, token.text, self._arguments())
        if token.kind == "name" and token.text in ("true", "false"):
            return Literal(token.text == "true")
        return Name(token.text)

    def _bracket(self, token: Token) -> Node:
        if token.text == "(":
            inner = self.expression(0)
            self._take(")")
            return inner
        if token.text == "{":
            self._take("}")
            return Nothing()
        raise wrong(self._text, token.at)

    def _number(self, token: Token) -> Node:
        if len(token.text) > 40:
            raise wrong(self._text, token.at)
        if self.token.kind == "string":
            return Literal(Quantity(Decimal(token.text), self._next().text))
        word = calendar_unit(self.token.text) if self.token.kind == "name" else None
        if word:
            self._next()
            return Literal(Quantity(Decimal(token.text), word, calendar=True))
        return Literal(Decimal(token.text) if "." in token.text else int(token.text))
