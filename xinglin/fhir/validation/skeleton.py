"""The boolean skeleton of an invariant as a native closure: and, or, xor, implies, parentheses, and the plainest leaves.

Most invariants of R4 only ask whether elements are there or equal a code. Those are answered from the JSON object in well under a
microsecond; a leaf of another form goes to FHIRPath, and only when the skeleton's short cut has not already decided.
Truth is three-valued as in FHIRPath: None stands for the empty collection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from xinglin.fhir.validation.findings import Scope

Object = Mapping[str, Any]
Truth = bool | None
Ask = Callable[[Object, Scope], Truth]
Leaf = Callable[[str], Ask]
KeysOf = Callable[[str], tuple[str, ...]]

UCUM = "http://unitsofmeasure.org"

_OPERATORS = (("implies",), ("or", "xor"), ("and",))


def compile_skeleton(expression: str, keys_of: KeysOf, leaf: Leaf, level: int = 0) -> Ask:
    """An expression as a question on an object. `keys_of`: the JSON keys of an element, () if it has none; `leaf`: asks FHIRPath."""
    text = _bare(expression)
    if level == len(_OPERATORS):
        if text != expression.strip():  # it was in parentheses: begin again inside
            return compile_skeleton(text, keys_of, leaf)
        return _plain(text, keys_of) or leaf(text)
    operands, operators = _split(expression if level else text, _OPERATORS[level])
    asked = compile_skeleton(operands[0], keys_of, leaf, level + 1)
    for operator, operand in zip(operators, operands[1:], strict=True):
        asked = _JOIN[operator](asked, compile_skeleton(operand, keys_of, leaf, level + 1))
    return asked


def _bare(text: str) -> str:
    text = text.strip()
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing(text: str) -> int:
    depth, quoted = 0, False
    for place, sign in enumerate(text):
        quoted ^= sign == "'" and text[place - 1] != "\\"
        if not quoted:
            depth += (sign == "(") - (sign == ")")
            if depth == 0:
                return place
    return -1


def _split(text: str, operators: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Operands and the operators between them, outside of parentheses and strings."""
    operands, found, start, depth, quoted = list[str](), list[str](), 0, 0, False
    for place, sign in enumerate(text):
        quoted ^= sign == "'" and text[place - 1] != "\\"
        if quoted:
            continue
        depth += (sign in "([") - (sign in ")]")
        for operator in operators if depth == 0 and sign in " )" else ():
            if place >= start and re.match(rf"[ )]\s*{operator}\b", text[place:]) and (end := text.index(operator, place)):
                operands.append(text[start : place + (sign == ")")])
                found.append(operator)
                start = end + len(operator)
    return [*operands, text[start:]], found


# --- joining ---


def _and(left: Ask, right: Ask) -> Ask:
    def ask(value: Object, scope: Scope) -> Truth:
        first = left(value, scope)
        if first is False:
            return False
        second = right(value, scope)
        return False if second is False else None if first is None or second is None else True

    return ask


def _or(left: Ask, right: Ask) -> Ask:
    def ask(value: Object, scope: Scope) -> Truth:
        first = left(value, scope)
        if first:
            return True
        second = right(value, scope)
        return True if second else None if first is None or second is None else False

    return ask


def _xor(left: Ask, right: Ask) -> Ask:
    def ask(value: Object, scope: Scope) -> Truth:
        first, second = left(value, scope), right(value, scope)
        return None if first is None or second is None else first != second

    return ask


def _implies(left: Ask, right: Ask) -> Ask:
    def ask(value: Object, scope: Scope) -> Truth:
        first = left(value, scope)
        if first is False:
            return True
        second = right(value, scope)
        return True if second else None if first is None or second is None else False

    return ask


_JOIN = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}


# --- leaves ---

_EXISTS = re.compile(r"(\w+)\.(exists|empty)\(\)(\.not\(\))?\Z").match
_SET_TO = re.compile(r"(\w+)\s*(!?=)\s*('[^'\\]*'|%ucum|true|false|\d+)\Z").match
_ONE_OF = re.compile(r"(\w+)\s+in\s+\(((?:\s*'[^'\\]*'\s*\|?)+)\)\Z").match
_CODED = re.compile(
    r"(\w+)\.coding\.where\(system\s*=\s*'([^']*)' and \(?((?:code\s*=\s*'[^']*'(?: or )?)+)\)?\)\.(exists|empty)\(\)\Z"
).match
_WITHOUT = re.compile(r"where\((\w+)\s*=\s*'([^']*)'\)\.empty\(\)\Z").match
_LITERALS: dict[str, Any] = {"%ucum": UCUM, "true": True, "false": False}


def _plain(text: str, keys_of: KeysOf) -> Ask | None:
    if said := _EXISTS(text):
        wanted = (said[2] == "exists") != bool(said[3])
        return _existing(keys_of(said[1]), wanted) if keys_of(said[1]) else None
    if (said := _SET_TO(text)) and keys_of(said[1]) == (said[1],):
        literal = said[3]
        value = _LITERALS[literal] if literal in _LITERALS else literal[1:-1] if literal[0] == "'" else int(literal)
        return _set_to(said[1], value, said[2] == "=")
    if (said := _ONE_OF(text)) and keys_of(said[1]) == (said[1],):
        return _one_of(said[1], frozenset(re.findall(r"'([^']*)'", said[2])))
    if (said := _CODED(text)) and keys_of(said[1]) == (said[1],):
        return _coded(said[1], said[2], frozenset(re.findall(r"'([^']*)'", said[3])), said[4] == "exists")
    if said := _WITHOUT(text):
        key, literal = said[1], said[2]
        return lambda value, _scope: value.get(key) != literal
    return None


def _existing(keys: tuple[str, ...], wanted: bool) -> Ask:
    if len(keys) == 1:
        key, sibling = keys[0], f"_{keys[0]}"
        return lambda value, _scope: (key in value or sibling in value) is wanted
    either = frozenset((*keys, *(f"_{key}" for key in keys)))
    return lambda value, _scope: either.isdisjoint(value) is not wanted


def _set_to(key: str, literal: Any, wanted: bool) -> Ask:
    def ask(value: Object, _scope: Scope) -> Truth:
        found = value.get(key)
        return None if found is None or isinstance(found, list | dict) else (found == literal) is wanted

    return ask


def _one_of(key: str, codes: frozenset[str]) -> Ask:
    def ask(value: Object, _scope: Scope) -> Truth:
        found = value.get(key)
        return None if found is None or not isinstance(found, str) else found in codes

    return ask


def _coded(key: str, system: str, codes: frozenset[str], wanted: bool) -> Ask:
    def ask(value: Object, _scope: Scope) -> Truth:
        concept: Object = value.get(key) or {}
        codings: list[Object] = concept.get("coding", [])
        return any(c.get("code") in codes and c.get("system") == system for c in codings) is wanted

    return ask
