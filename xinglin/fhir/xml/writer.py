"""Resource -> FHIR XML: elements in the order of the definitions."""

from __future__ import annotations

import re
from decimal import Decimal
from html.entities import name2codepoint
from itertools import zip_longest
from typing import Any
from xml.parsers import expat

from xinglin.base.errors import Malformed, NotAcceptable
from xinglin.fhir.codec import Resource
from xinglin.fhir.narrowing import is_list, is_object
from xinglin.fhir.xml.shape import DEPTH_MAX, FHIR, XHTML, Slot, is_resource, slots

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_NAMED = ("amp", "lt", "gt", "quot", "apos")
_DIV = re.compile(r"<div(?=[\s>/])")


def to_xml(resource: Resource) -> bytes:
    """The XML document of a resource. Raises `Malformed` for what has no place in it, `NotAcceptable` for characters XML cannot carry."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>']
    _resource(out, resource, f' xmlns="{FHIR}"', 0)
    text = "".join(out)
    if _UNWRITABLE.search(text):
        raise NotAcceptable("This holds a control character, which XML cannot carry; ask for JSON.")
    return text.encode()


def _resource(out: list[str], resource: Any, namespace: str, deep: int) -> None:
    type = resource.get("resourceType") if is_object(resource) else None
    if not isinstance(type, str) or not is_resource(type):
        raise Malformed("{name} is not a resource type of R4.", name=str(type))
    out.append(f"<{type}{namespace}")
    _element(out, type, type, {key: value for key, value in resource.items() if key != "resourceType"}, deep)


def _element(out: list[str], tag: str, type: str, value: Any, deep: int) -> None:
    """The rest of an element whose start tag is open: attributes, elements, end tag."""
    known = slots(type)
    if known is None or not is_object(value):
        raise Malformed("{name} must be an object.", name=tag)
    if deep > DEPTH_MAX:
        raise Malformed("The resource is nested too deep.")
    keys = {key.removeprefix("_") for key in value}
    if unknown := keys - known.keys():
        raise Malformed("{type} has no element {name}.", type=type, name=min(unknown))
    inner: list[str] = []
    for key in sorted(keys, key=lambda key: known[key].order):
        if known[key].form == "attribute":
            out[-1] += f' {key}="{_text(key, value.get(key))}"'
        else:
            inner.append(key)
    out.append(">")
    empty = len(out)
    for key in inner:
        _key(out, key, known[key], value, deep + 1)
    if len(out) == empty:
        out[-1] = "/>"
    else:
        out.append(f"</{tag}>")


def _key(out: list[str], key: str, slot: Slot, value: Resource, deep: int) -> None:
    said, beside = value.get(key), value.get("_" + key)
    if slot.form == "xhtml":
        out.append(_div(said))
    elif slot.form == "primitive":
        pairs = zip_longest(_listed(key, said), _listed(key, beside)) if slot.many else [(said, beside)]
        for one, extra in pairs:
            _primitive(out, key, one, extra, deep)
    else:
        for one in _listed(key, said) if slot.many else [said]:
            out.append(f"<{key}")
            if slot.form == "resource":
                out.append(">")
                _resource(out, one, "", deep)
                out.append(f"</{key}>")
            else:
                _element(out, key, slot.type, one, deep)


def _listed(key: str, value: Any) -> list[Any]:
    if value is not None and not is_list(value):
        raise Malformed("{name} must be a list.", name=key)
    return value or []


def _primitive(out: list[str], key: str, value: Any, extra: Any, deep: int) -> None:
    start = f"<{key}" if value is None else f'<{key} value="{_text(key, value)}"'
    out.append(start)
    if extra is None:
        out.append("/>")
    else:
        _element(out, key, "Element", extra, deep)


def _text(key: str, value: Any) -> str:
    """A primitive as the text of an attribute; line ends and tabs by number, for attribute values would lose them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise Malformed("{name} must be a simple value.", name=key)


# --- narrative ---


def _div(written: Any) -> str:
    """A div as it was written; what is not XML is shown as text within a div, so that the document stays whole."""
    if not isinstance(written, str):
        raise Malformed("The narrative's div must be a text.")
    if _is_div(written):
        return written
    mended = _NAMED.sub(_numbered, written.strip())
    if "xmlns" not in mended[: mended.find(">")]:
        mended = _DIV.sub(f'<div xmlns="{XHTML}"', mended, count=1)
    return mended if _is_div(mended) else f'<div xmlns="{XHTML}">{written.translate(_ESCAPES)}</div>'


def _numbered(named: re.Match[str]) -> str:
    """`&nbsp;` -> `&#160;`: HTML's names are unknown to XML."""
    name = named[1]
    return f"&#{name2codepoint[name]};" if name in name2codepoint and name not in _XML_NAMED else named[0]


class _Refused(Exception):
    """Not one xhtml div."""


def _is_div(written: str) -> bool:
    """Whether a text is one well-formed div of XHTML alone, without document type or entities."""
    if not written.startswith("<div") or not written.endswith(">"):
        return False
    depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX or (depth == 1 and name != XHTML + " div"):
            raise _Refused

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: Any) -> None:
        raise _Refused

    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(written.encode("utf-8", "surrogatepass"), True)
    except (expat.ExpatError, _Refused):
        return False
    return True
