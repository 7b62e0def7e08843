"""Reads one search criterion, chains and `_has` included, into a term.

Source: FHIR R4 search, Modifiers, Chained Parameters, Reverse Chaining. Raises `Unknown` for a parameter, modifier or type the
server does not have, `Malformed` for a value of the wrong form, `TooLarge` at a limit.
"""

from __future__ import annotations

from collections.abc import Callable

from xinglin.base.errors import Malformed, TooLarge, Unknown
from xinglin.fhir.search.model import Chain, Clause, Has, PresenceAsked, SearchParam, Term, TextAsked
from xinglin.fhir.search.operands import Reading, known_type, operand, split

MODIFIERS: dict[str, frozenset[str]] = {
    "token": frozenset({"missing", "not", "text", "in", "not-in", "above", "below", "of-type"}),
    "string": frozenset({"missing", "exact", "contains"}),
    "uri": frozenset({"missing", "above", "below"}),
    "reference": frozenset({"missing", "identifier", "text"}),
    "date": frozenset({"missing"}),
    "number": frozenset({"missing"}),
    "quantity": frozenset({"missing"}),
    "composite": frozenset({"missing"}),
}
"""The modifiers each kind of parameter knows; a reference also takes the name of a type."""

SPECIAL = ("_text", "_content", "_list")
"""Parameters that are not values of the resource but can be asked of every type."""


def param_of(reading: Reading, type: str, name: str) -> SearchParam:
    """A parameter that can be searched by. Raises `Unknown`."""
    if name == "_list":
        return SearchParam(type, name, "special", "")
    found = reading.params_of(type).get(name)
    if found is None or (found.kind == "special" and name not in SPECIAL):
        raise Unknown("{type} has no search parameter {name}.", type=type, name=name[:80])
    return found


def term(reading: Reading, type: str, name: str, value: str, depth: int = 0) -> Term:
    """The term of one `name=value` about a resource of `type`."""
    if depth > reading.limits.depth:
        raise TooLarge("A chain may have {limit} links at most.", limit=reading.limits.depth)
    reading.budget.spend()
    if name.startswith("_has:"):
        return _has(reading, type, name, value, depth)
    head, dot, rest = name.partition(".")
    if dot:
        return _chain(reading, type, head, rest, value, depth)
    return clause(reading, type, head, value)


def clause(reading: Reading, type: str, head: str, value: str) -> Clause:
    """A clause on the resource itself: `code:not=a,b`. Raises `Malformed` when nothing is asked."""
    name, colon, modifier = head.partition(":")
    param = param_of(reading, type, name)
    if colon:
        _check_modifier(param, modifier)
    raw = [part for part in split(value, ",") if part.strip()]
    if not raw:
        raise Malformed("The parameter {name} has no value.", name=head[:80])
    if len(raw) > reading.limits.operands:
        raise TooLarge("The parameter {name} may have {limit} values at most.", name=head[:80], limit=reading.limits.operands)
    if name in SPECIAL:
        return Clause(param, None, tuple(TextAsked(part) for part in raw))
    asked = tuple(operand(reading, param, modifier or None, part) for part in raw)
    return Clause(param, _kept(modifier), tuple(dict.fromkeys(asked)))


def _check_modifier(param: SearchParam, modifier: str) -> None:
    known = MODIFIERS.get(param.kind, frozenset())
    if param.name in SPECIAL or modifier not in known:
        if param.kind == "reference" and _may_target(param, modifier):
            return
        raise Unknown(
            "The search parameter {name} of {type} has no modifier {modifier}.", name=param.name, type=param.type, modifier=modifier[:80]
        )


def _may_target(param: SearchParam, type: str) -> bool:
    return known_type(type) and (not param.targets or type in param.targets)


def _kept(modifier: str) -> str | None:
    """The name of a type is in the operand already."""
    return None if not modifier or modifier[0].isupper() else modifier


# --- chains ---


def _chain(reading: Reading, type: str, head: str, rest: str, value: str, depth: int) -> Chain:
    name, _, named = head.partition(":")
    param = param_of(reading, type, name)
    return Chain(param, chain_over(param, named, lambda target: term(reading, target, rest, value, depth + 1)))


def chain_over(param: SearchParam, named: str, beyond: Callable[[str], Term]) -> tuple[tuple[str, Term], ...]:
    """The term beyond a reference: for the type named, or for each type it may lead to that has such a term; raises when none has."""
    if param.kind != "reference":
        raise Unknown("The search parameter {name} of {type} is no reference: it cannot be chained.", name=param.name, type=param.type)
    if named and not _may_target(param, named):
        raise Unknown(
            "The search parameter {name} of {type} does not lead to {target}.", name=param.name, type=param.type, target=named[:80]
        )
    if named:
        return ((named, beyond(named)),)
    found: list[tuple[str, Term]] = []
    wrong: Malformed | Unknown | None = None
    for target in param.targets:
        try:
            found.append((target, beyond(target)))
        except Malformed as malformed:
            wrong = malformed
        except Unknown as unknown:
            wrong = wrong or unknown
    if not found:
        raise wrong or Unknown("The search parameter {name} of {type} leads to no type: name one.", name=param.name, type=param.type)
    return tuple(found)


def _has(reading: Reading, type: str, name: str, value: str, depth: int) -> Has:
    parts = name.split(":", 3)
    if len(parts) != 4 or not all(parts):
        raise Malformed("{name} is not of the form _has:Type:reference:parameter.", name=name[:80])
    source, refers, rest = parts[1:]
    if not known_type(source):
        raise Unknown("There is no resource type {type}.", type=source[:80])
    param = param_of(reading, source, refers)
    if param.kind != "reference" or (param.targets and type not in param.targets):
        raise Unknown("The search parameter {name} of {source} does not lead to {type}.", name=refers, source=source, type=type)
    return Has(type, source, param, term(reading, source, rest, value, depth + 1))


def presence(param: SearchParam, missing: bool) -> Clause:
    """A clause that a parameter has a value, or has none."""
    return Clause(param, "missing", (PresenceAsked(missing),))
