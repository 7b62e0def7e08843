"""From an element of a known FHIR type to what search compares: one converter per kind of parameter and type of element.

Source: FHIR R4 search, the tables under token, string, reference, date, number, quantity and uri. A converter never raises: an
element of the wrong shape has no search values. Values repeat a lot in a record, so tokens, links and spans are kept and shared.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from functools import cache, lru_cache
from typing import Any

from xinglin.fhir.codec import Resource
from xinglin.fhir.search.measures import KEPT_MAX, Convert, date_converter, money, number, quantity, range_
from xinglin.fhir.search.model import Kind, Link, Text, Token, Uri, Value
from xinglin.fhir.search.shape import ARRAY, OBJECT

STRINGS = frozenset({"string", "markdown", "code", "id", "uri", "url", "canonical", "oid", "uuid", "base64Binary", "date", "dateTime",
                     "instant", "time", "xhtml"})  # fmt: skip
QUANTITIES = frozenset({"Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"})
NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
NAME_PARTS = ("family", "given", "text", "prefix", "suffix")
ADDRESS_PARTS = ("line", "city", "district", "state", "postalCode", "country", "text")


@cache
def converter(kind: Kind, fhir_type: str | None, zone: tzinfo) -> Convert | None:
    """The converter for elements of a FHIR type (None: by shape) under a kind of parameter; None when that type holds nothing for it."""
    if fhir_type is None:
        return _by_shape(kind, zone)
    if kind == "date":
        return date_converter(fhir_type, zone)
    if fhir_type in QUANTITIES:
        return quantity if kind == "quantity" else None
    if kind == "number":
        return number if fhir_type in NUMBERS else None
    found = _CONVERTERS.get((kind, fhir_type))
    if found is None and fhir_type in STRINGS:
        found = _STRING_CONVERTERS.get(kind)
    return found


# --- token ---


@lru_cache(KEPT_MAX)
def _coded(system: str | None, code: str | None, text: str | None) -> Token:
    return Token(system, code, text)


@lru_cache(KEPT_MAX)
def _bare(code: str) -> tuple[Token]:
    return (Token(None, code, None, True),)


@lru_cache(KEPT_MAX)
def _worded(text: str) -> Token:
    return Token(None, None, text)


def _str(value: object) -> str | None:
    return value if type(value) is str else None


def coding(element: Any) -> tuple[Token, ...]:
    """A Coding."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    system, code, text = _str(found.get("system")), _str(found.get("code")), _str(found.get("display"))
    return (_coded(system, code, text),) if code or system or text else ()


def concept(element: Any) -> tuple[Token, ...]:
    """A CodeableConcept: a token for each coding and one for its text."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    codings: Any = found.get("coding")
    text: Any = found.get("text")
    values: list[Token] = []
    if type(codings) is ARRAY:
        listed: list[Any] = codings
        for one in listed:
            values += coding(one)
    if type(text) is str:
        values.append(_worded(text))
    return tuple(values)


def identifier(element: Any) -> tuple[Value, ...]:
    """An Identifier: one token, or one for each coding of its type (for `:of-type`)."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    system, value, kind = _str(found.get("system")), _str(found.get("value")), found.get("type")
    if value is None and system is None:
        return ()
    types = concept(kind)
    text = next((one.text for one in reversed(types) if one.text), None)
    coded = [one for one in types if one.code or one.system]
    if not coded:
        return (Token(system, value, text),)
    return tuple(Token(system, value, text, False, one.system, one.code) for one in coded)


def contact(element: Any) -> tuple[Value, ...]:
    """A ContactPoint: its value; `system` (phone, email …) can be asked for but need not be."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    value = _str(found.get("value"))
    return (Token(_str(found.get("system")), value, None, True),) if value else ()


def bare(element: Any) -> tuple[Value, ...]:
    """A code, id, uri or string."""
    return _bare(element) if type(element) is str else ()


def boolean(element: Any) -> tuple[Value, ...]:
    """A boolean: the token `true` or `false`."""
    return _bare("true" if element else "false") if type(element) is bool else ()


# --- string, uri ---


def text(element: Any) -> tuple[Value, ...]:
    """A string or markdown."""
    return (Text(element),) if type(element) is str else ()


def _parts(element: Any, names: tuple[str, ...]) -> tuple[Value, ...]:
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    texts: list[Value] = []
    for name in names:
        part: Any = found.get(name)
        if type(part) is str:
            texts.append(Text(part))
        elif type(part) is ARRAY:
            listed: list[Any] = part
            texts += [Text(one) for one in listed if type(one) is str]
    return tuple(texts)


def name(element: Any) -> tuple[Value, ...]:
    """A HumanName: each part."""
    return _parts(element, NAME_PARTS)


def address(element: Any) -> tuple[Value, ...]:
    """An Address: each part."""
    return _parts(element, ADDRESS_PARTS)


def concept_text(element: Any) -> tuple[Value, ...]:
    """A CodeableConcept under a string parameter: its text and displays."""
    return tuple(Text(token.text) for token in concept(element) if token.text)


def uri(element: Any) -> tuple[Value, ...]:
    """A uri, url, oid or uuid."""
    return (Uri(element),) if type(element) is str else ()


def canonical(element: Any) -> tuple[Value, ...]:
    """A canonical under a uri parameter, its version cut off."""
    return (Uri(element.partition("|")[0]),) if type(element) is str else ()


# --- reference ---

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")


@lru_cache(KEPT_MAX)
def _link(target: str, text: str | None) -> tuple[Link, ...]:
    if not target or target[0] == "#":
        return ()
    found = _RELATIVE.fullmatch(target)
    if found:
        return (Link(found[1], found[2], None, None, text),)
    return (Link(None, None, target.partition("/_history/")[0].partition("|")[0], None, text),)


def reference(element: Any) -> tuple[Value, ...]:
    """A Reference; `#x` (contained) leads nowhere a search can go, unless it carries an identifier."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    target, words = _str(found.get("reference")), _str(found.get("display"))
    logical: Any = found.get("identifier")
    links = _link(target, words) if target else ()
    if type(logical) is not OBJECT:
        return links
    named: Resource = logical
    key = (_str(named.get("system")), _str(named.get("value")))
    if key[1] is None:
        return links
    if links:
        return (Link(links[0].type, links[0].id, links[0].url, key, words),)
    return (Link(_str(found.get("type")), None, None, key, words),)


def link(element: Any) -> tuple[Value, ...]:
    """A canonical or uri under a reference parameter."""
    return _link(element, None) if type(element) is str else ()


def inline(element: Any) -> tuple[Value, ...]:
    """A resource in place, as in Bundle.entry.resource: a link to its own id."""
    if type(element) is not OBJECT:
        return ()
    found: Resource = element
    kind, id_ = _str(found.get("resourceType")), _str(found.get("id"))
    return (Link(kind, id_),) if kind and id_ else ()


# --- which converter ---

_CONVERTERS: dict[tuple[str, str], Convert] = {
    ("token", "Coding"): coding,
    ("token", "CodeableConcept"): concept,
    ("token", "Identifier"): identifier,
    ("token", "ContactPoint"): contact,
    ("token", "boolean"): boolean,
    ("string", "HumanName"): name,
    ("string", "Address"): address,
    ("string", "CodeableConcept"): concept_text,
    ("uri", "canonical"): canonical,
    ("reference", "Reference"): reference,
    ("reference", "Resource"): inline,
    ("quantity", "Money"): money,
    ("quantity", "Range"): range_,
}
_STRING_CONVERTERS: dict[Kind, Convert] = {"token": bare, "string": text, "uri": uri, "reference": link}


def _by_shape(kind: Kind, zone: tzinfo) -> Convert | None:
    """For elements whose type the definitions do not tell: the type is guessed from the keys an element has."""
    if kind in ("composite", "special"):
        return None

    def convert(element: Any) -> tuple[Value, ...]:
        found = converter(kind, shape_of(element, kind), zone)
        return found(element) if found else ()

    return convert


_SHAPES = (
    ("reference", "Reference"), ("coding", "CodeableConcept"), ("family", "HumanName"), ("given", "HumanName"), ("line", "Address"),
    ("city", "Address"), ("start", "Period"), ("end", "Period"), ("repeat", "Timing"), ("event", "Timing"), ("low", "Range"),
    ("high", "Range"), ("currency", "Money"), ("resourceType", "Resource"), ("display", "Coding"),
)  # fmt: skip


def shape_of(element: Any, kind: Kind) -> str:
    """A likely FHIR type of an element."""
    if type(element) is bool:
        return "boolean"
    if type(element) is not OBJECT:
        return {"date": "dateTime"}.get(kind, "string") if type(element) is str else "decimal"
    found: Resource = element
    for key, guess in _SHAPES:
        if key in found:
            return guess
    if "value" in found:
        return "Quantity" if kind == "quantity" else "ContactPoint" if _str(found.get("system")) in _CONTACTS else "Identifier"
    return {"reference": "Reference", "string": "HumanName"}.get(kind, "Coding" if "code" in found else "CodeableConcept")


_CONTACTS = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})
