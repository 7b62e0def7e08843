"""Whether a resource holds what a search asks: the exact meaning, one resource at a time, by the text of FHIR R4 search.

The store answers most of this from its indexes; what an index can only narrow is decided here, and its tests ask here what is right.

Where R4 leaves it open: codes are compared with case; a code element, which has no system of its own, also matches a system asked
for; strings are compared by `text.normal`; words of `:text`, `_text` and `_content` are starts of words (any place in Chinese).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from xinglin.base.errors import Unknown
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.extract import LEFT_OUT, Values, extract_param
from xinglin.fhir.search.measures import CHINA
from xinglin.fhir.search.model import (
    All,
    Amount,
    AmountAsked,
    Asked,
    Chain,
    Clause,
    Has,
    Link,
    LinkAsked,
    Not,
    Number,
    Prefix,
    PresenceAsked,
    Some,
    Span,
    SpanAsked,
    Term,
    Text,
    TextAsked,
    Token,
    TokenAsked,
    Tuple,
    TupleAsked,
    Uri,
    Value,
)
from xinglin.fhir.search.shape import ARRAY, OBJECT
from xinglin.fhir.search.text import normal, words
from xinglin.fhir.ucum import canonical

Codes = Callable[[str, str], Collection[tuple[str | None, str]]]
"""(`in`, `above` or `below`; the operand) -> the (system, code) pairs meant, the code itself among those above and below it."""

Follow = Callable[[Chain | Has | Clause, Resource], bool]
"""Decides what lies outside the resource: chains, `_has` and `_list`."""

UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class _View:
    resource: Resource
    values: Mapping[str, tuple[Value, ...]] | None
    zone: tzinfo
    codes: Codes | None
    follow: Follow | None


def matches(
    term: Term,
    resource: Resource,
    values: Values | None = None,
    *,
    zone: tzinfo = CHINA,
    codes: Codes | None = None,
    follow: Follow | None = None,
) -> bool:
    """Whether the term holds for the resource; `values`: its `extract`ed values, if at hand.

    Raises `Unknown` for a term that needs `codes` or `follow` when that is not given.
    """
    return _term(term, _View(resource, values, zone, codes, follow))


def _term(term: Term, view: _View) -> bool:
    if isinstance(term, Clause):
        return _clause(term, view)
    if isinstance(term, All):
        return all(_term(part, view) for part in term.terms)
    if isinstance(term, Some):
        return any(_term(part, view) for part in term.terms)
    if isinstance(term, Not):
        return not _term(term.term, view)
    return _outside(term, view)


def _outside(term: Chain | Has | Clause, view: _View) -> bool:
    if view.follow is None:
        raise Unknown("The search parameter {name} cannot be decided on one resource.", name=term.param.name)
    return view.follow(term, view.resource)


def _clause(clause: Clause, view: _View) -> bool:
    name, modifier = clause.param.name, clause.modifier
    if name in ("_text", "_content"):
        whole = narrative(view.resource) if name == "_text" else content(view.resource)
        return any(isinstance(asked, TextAsked) and has_words(whole, asked.text) for asked in clause.asked)
    if name == "_list":
        return _outside(clause, view)
    values = _values(clause, view)
    if modifier == "missing":
        return any(isinstance(asked, PresenceAsked) and asked.missing is not bool(values) for asked in clause.asked)
    if modifier in ("not", "not-in"):
        positive = None if modifier == "not" else "in"
        return not any(value_matches(value, asked, positive, view.codes) for asked in clause.asked for value in values)
    return any(value_matches(value, asked, modifier, view.codes) for asked in clause.asked for value in values)


def _values(clause: Clause, view: _View) -> tuple[Value, ...]:
    if view.values is not None and clause.param.name not in LEFT_OUT:
        return view.values.get(clause.param.name, ())
    return extract_param(view.resource, clause.param, view.zone)


def value_matches(value: Value, asked: Asked, modifier: str | None = None, codes: Codes | None = None) -> bool:
    """Whether one value is what one operand asks for; a value of another kind than the operand's is not."""
    if isinstance(asked, TokenAsked):
        return _token(value, asked, modifier, codes)
    if isinstance(asked, TextAsked):
        return _text(value, asked.text, modifier)
    if isinstance(asked, LinkAsked):
        return isinstance(value, Link) and _link(value, asked)
    if isinstance(asked, SpanAsked):
        return isinstance(value, Span) and _span(value, asked)
    if isinstance(asked, AmountAsked):
        return _number(value, asked)
    if isinstance(asked, TupleAsked):
        return isinstance(value, Tuple) and _tuple(value, asked, codes)
    return False


# --- token ---


def _token(value: Value, asked: TokenAsked, modifier: str | None, codes: Codes | None) -> bool:
    if isinstance(value, Link):
        if modifier == "text":
            return value.text is not None and has_words(value.text, asked.text)
        return modifier == "identifier" and value.identifier is not None and _coded(Token(*value.identifier), asked)
    if not isinstance(value, Token):
        return False
    if modifier == "text":
        return value.text is not None and has_words(value.text, asked.text)
    if modifier == "of-type":
        return asked.of_type == (value.type_system or "", value.type_code, value.code)
    if modifier in ("in", "above", "below"):
        return _among(value, modifier, asked, codes)
    return _coded(value, asked)


def _coded(value: Token, asked: TokenAsked) -> bool:
    if asked.code is None:
        return value.system == asked.system
    if value.code != asked.code:
        return False
    if asked.system is None or asked.system == value.system:
        return True
    return value.system is None and (asked.system == "" or value.bare)


def _among(value: Token, modifier: str, asked: TokenAsked, codes: Codes | None) -> bool:
    if codes is None:
        raise Unknown("The modifier {modifier} needs a terminology.", modifier=modifier)
    if value.code is None:
        return False
    meant = codes(modifier, asked.text)
    if value.bare and value.system is None:
        return any(code == value.code for _, code in meant)
    return (value.system, value.code) in meant


# --- string, uri ---


def _text(value: Value, asked: str, modifier: str | None) -> bool:
    if isinstance(value, Text):
        return _string(value.text, asked, modifier)
    return isinstance(value, Uri) and _uri(value.uri, asked, modifier)


def _string(text: str, asked: str, modifier: str | None) -> bool:
    if modifier == "exact":
        return text == asked
    folded, wanted = normal(text), normal(asked)
    if modifier == "contains":
        return wanted in folded
    if modifier == "equals":
        return wanted == folded
    if modifier == "ends":
        return folded.endswith(wanted)
    return folded.startswith(wanted)


def _uri(uri: str, asked: str, modifier: str | None) -> bool:
    if modifier in ("below", "starts"):
        return uri.startswith(asked)
    if modifier == "above":
        return asked == uri or (asked.startswith(uri) and (uri[-1:] == "/" or asked[len(uri)] in "/?#|"))
    if modifier == "contains":
        return asked in uri
    if modifier == "ends":
        return uri.endswith(asked)
    return uri in (asked, asked.partition("|")[0])


def has_words(text: str, asked: str) -> bool:
    """Whether every word asked for starts a word of the text, or stands anywhere in it if it is not of Latin letters."""
    held = words(text)
    return all(_has_word(held, wanted) for wanted in words(asked))


def _has_word(held: tuple[str, ...], wanted: str) -> bool:
    if wanted.isascii():
        return any(word.startswith(wanted) for word in held)
    return any(wanted in word for word in held)


_TAG = re.compile(r"<[^>]*>")


def narrative(resource: Resource) -> str:
    """The words of the narrative, without its tags."""
    text: Any = resource.get("text")
    div: Any = text.get("div") if type(text) is OBJECT else None
    return html.unescape(_TAG.sub(" ", div)) if type(div) is str else ""


def content(resource: Resource) -> str:
    """Every string of the resource, narrative included, as one text."""
    found = [narrative(resource)]
    waiting: list[Any] = [{key: value for key, value in resource.items() if key not in ("resourceType", "text")}]
    while waiting:
        one = waiting.pop()
        if type(one) is OBJECT:
            inside: Resource = one
            waiting += inside.values()
        elif type(one) is ARRAY:
            waiting += one
        elif type(one) is str:
            found.append(one)
    return "\n".join(found)


# --- reference ---


def _link(value: Link, asked: LinkAsked) -> bool:
    if asked.url is not None:
        return value.url == asked.url and (asked.type is None or f"/{asked.type}/" in asked.url)
    return value.id is not None and value.id == asked.id and asked.type in (None, value.type)


# --- date ---


def _span(value: Span, asked: SpanAsked) -> bool:
    within = asked.lo <= value.lo and value.hi <= asked.hi
    answers: dict[Prefix, bool] = {
        "eq": within,
        "ne": not within,
        "gt": value.hi > asked.hi,
        "lt": value.lo < asked.lo,
        "ge": value.hi > asked.hi or within,
        "le": value.lo < asked.lo or within,
        "sa": value.lo >= asked.hi,
        "eb": value.hi <= asked.lo,
        "ap": value.lo < asked.hi and value.hi > asked.lo,
    }
    return answers[asked.prefix]


# --- number, quantity ---


def _number(value: Value, asked: AmountAsked) -> bool:
    if isinstance(value, Number):
        return asked.code is None and asked.system is None and _compare(value.value, value.value, asked)
    return isinstance(value, Amount) and _amount(value, asked)


def _amount(value: Amount, asked: AmountAsked) -> bool:
    if asked.code is None:
        return asked.system in (None, value.system) and _compare(value.lo, value.hi, asked)
    if asked.system is None:
        return asked.code in (value.code, value.unit) and _compare(value.lo, value.hi, asked)
    if asked.system != value.system or value.code is None:
        return False
    if asked.code == value.code:
        return _compare(value.lo, value.hi, asked)
    return asked.system == UCUM and _converted(value, value.code, asked, asked.code)


def _converted(value: Amount, own: str, asked: AmountAsked, code: str) -> bool:
    """The comparison in base units; units of different kinds never match."""
    middle, low, high = canonical(asked.value, code), canonical(asked.lo, code), canonical(asked.hi, code)
    lo = canonical(value.lo, own) if value.lo is not None else None
    hi = canonical(value.hi, own) if value.hi is not None else None
    some = lo or hi
    if middle is None or low is None or high is None or some is None or some[1] != middle[1]:
        return False
    return _compare(lo and lo[0], hi and hi[0], AmountAsked(asked.prefix, middle[0], low[0], high[0]))


_ENDLESS = Decimal("Infinity")


def _compare(lo: Decimal | None, hi: Decimal | None, asked: AmountAsked) -> bool:
    """Prefixes other than eq, ne and ap take the number as written exactly, without its precision."""
    low, high = (-_ENDLESS if lo is None else lo), (_ENDLESS if hi is None else hi)
    within = asked.lo <= low and high < asked.hi
    answers: dict[Prefix, bool] = {
        "eq": within,
        "ne": not within,
        "gt": high > asked.value,
        "lt": low < asked.value,
        "ge": high >= asked.value,
        "le": low <= asked.value,
        "sa": low > asked.value,
        "eb": high < asked.value,
        "ap": low <= asked.hi and high >= asked.lo,
    }
    return answers[asked.prefix]


# --- composite ---


def _tuple(value: Tuple, asked: TupleAsked, codes: Codes | None) -> bool:
    if len(value.parts) != len(asked.parts):
        return False
    pairs = zip(value.parts, asked.parts, strict=True)
    return all(any(value_matches(one, wanted, None, codes) for one in part) for part, wanted in pairs)
