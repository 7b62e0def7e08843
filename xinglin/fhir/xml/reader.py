"""FHIR XML -> resource. Document types, entities, processing of anything outside the document: refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn
from xml.parsers import expat

from xinglin.base.errors import Malformed, TooLarge
from xinglin.fhir.codec import NUMBER_CHARS_MAX, Resource
from xinglin.fhir.xml.shape import DEPTH_MAX, FHIR, WHOLE, XHTML, Slot, is_resource, slots

TAGS_MAX = 1_000_000
"""Most tags of a document, and most attributes. An element read takes a hundred times the room of a short tag: bytes are no limit."""
_WHOLE_NUMBER = re.compile(r"[-+]?\d{1,20}\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d{1,3})?\Z")


def from_xml(raw: bytes) -> Resource:
    """The resource of an XML document in UTF-8, as from JSON: numbers, booleans, decimals exact. Raises `Malformed`, `TooLarge`."""
    if len(raw) > TAGS_MAX and max(raw.count(b"<"), raw.count(b"=")) > TAGS_MAX:
        raise TooLarge("The body holds more than {most} tags: split it, or use $import.", most=TAGS_MAX)
    return _resource(_Reading(raw).tree())


# --- bytes -> nodes ---


@dataclass(slots=True)
class _Node:
    """An element of the FHIR namespace, or a whole xhtml div as text."""

    name: str
    attributes: dict[str, str]
    children: list[_Node] = field(default_factory=list["_Node"])
    xhtml: str | None = None


class _Reading:
    """One run of the parser over one document. A div is cut out of the source as it was written."""

    __slots__ = ("_div", "_div_depth", "_div_start", "_open", "_parser", "_raw", "_root")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._root = _Node("", {})
        self._open = [self._root]
        self._div: _Node | None = None
        self._div_start = self._div_depth = 0
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._aside
        parser.ProcessingInstructionHandler = self._aside
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse

    def tree(self) -> _Node:
        """The root element. Raises `Malformed`."""
        try:
            self._parser.Parse(self._raw, True)
        except expat.ExpatError as broken:
            raise Malformed("The body is not valid XML: {why}.", why=str(broken)) from broken
        except UnicodeDecodeError as broken:
            raise Malformed("The body is not valid UTF-8.") from broken
        return self._root.children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._close_div()
        namespace, _, local = name.rpartition(" ")
        if self._div_depth:
            self._div_depth += 1
        elif namespace == XHTML and local == "div":
            self._div_start, self._div_depth = self._parser.CurrentByteIndex, 1
            self._open[-1].children.append(_Node("div", {}, xhtml=""))
        elif namespace == FHIR:
            node = _Node(local, {key: value for key, value in attributes.items() if " " not in key})
            self._open[-1].children.append(node)
            self._open.append(node)
        else:
            raise Malformed("The element {name} is not of the namespace {namespace}.", name=local, namespace=FHIR)
        if len(self._open) + self._div_depth > DEPTH_MAX:
            raise Malformed("The body is nested too deep.")

    def _end(self, _: str) -> None:
        self._close_div()
        if not self._div_depth:
            self._open.pop()
            return
        self._div_depth -= 1
        if not self._div_depth:
            self._div = self._open[-1].children[-1]

    def _text(self, text: str) -> None:
        self._close_div()
        if not self._div_depth and not text.isspace():
            raise Malformed("There is text where FHIR has none: {text}.", text=repr(text[:40]))

    def _aside(self, *_: str) -> None:
        self._close_div()

    def _close_div(self) -> None:
        """The div that has just ended reaches to where the parser now stands."""
        if self._div is not None:
            written = self._raw[self._div_start : self._parser.CurrentByteIndex].decode()
            if not written.startswith("<div"):
                raise Malformed("Write the narrative's div without a prefix, with the XHTML namespace as its default.")
            self._div.xhtml, self._div = written, None

    def _refuse(self, *_: Any) -> NoReturn:
        raise Malformed("A document type or an entity is not accepted.")


# --- nodes -> resource ---


def _resource(node: _Node) -> Resource:
    if not is_resource(node.name):
        raise Malformed("{name} is not a resource type of R4.", name=node.name)
    return {"resourceType": node.name} | _element(node, node.name)


def _element(node: _Node, type: str) -> Resource:
    """The JSON object of an element that has elements."""
    known = slots(type)
    if known is None:
        raise Malformed("{type} is not a type of R4.", type=type)
    found: Resource = {}
    for key, value in node.attributes.items():
        if key not in known or known[key].form != "attribute":
            raise Malformed("{type} has no attribute {name}.", type=type, name=key)
        found[key] = value
    for child in node.children:
        slot = known.get(child.name)
        if slot is None or slot.form == "attribute":
            raise Malformed("{type} has no element {name}.", type=type, name=child.name)
        if slot.form == "primitive":
            _add_primitive(found, child, slot)
        else:
            _add(found, child.name, _value(child, slot), slot.many)
    return found


def _value(node: _Node, slot: Slot) -> Any:
    if slot.form == "xhtml" or node.xhtml is not None:
        if slot.form != "xhtml" or node.xhtml is None:
            raise Malformed("The narrative's div must be of the namespace {namespace}.", namespace=XHTML)
        return node.xhtml
    if slot.form == "complex":
        return _element(node, slot.type)
    if len(node.children) != 1 or node.attributes:
        raise Malformed("{name} must hold one resource.", name=node.name)
    return _resource(node.children[0])


def _add(found: Resource, name: str, value: Any, many: bool) -> None:
    if many:
        found.setdefault(name, []).append(value)
    elif name in found:
        raise Malformed("{name} may stand once only.", name=name)
    else:
        found[name] = value


def _add_primitive(found: Resource, node: _Node, slot: Slot) -> None:
    """The value under the key, its id and extensions under `_key`; lists padded with null so that both count alike."""
    value = _typed(node, slot.type) if "value" in node.attributes else None
    beside = _beside(node)
    if not slot.many:
        if value is None and beside is None:
            raise Malformed("{name} has neither value nor extension.", name=node.name)
        if node.name in found or "_" + node.name in found:
            raise Malformed("{name} may stand once only.", name=node.name)
        found.update({key: said for key, said in ((node.name, value), ("_" + node.name, beside)) if said is not None})
        return
    values, besides = found.get(node.name), found.get("_" + node.name)
    count = len(values or besides or ())
    if value is not None or values:
        found[node.name] = [*(values or [None] * count), value]
    if beside is not None or besides:
        found["_" + node.name] = [*(besides or [None] * count), beside]


def _beside(node: _Node) -> Resource | None:
    said = {key: value for key, value in node.attributes.items() if key != "value"}
    if not said and not node.children:
        return None
    return _element(_Node(node.name, said, node.children), "Element")


def _typed(node: _Node, type: str) -> Any:
    text = node.attributes["value"]
    if type == "boolean" and text in ("true", "false"):
        return text == "true"
    if type in WHOLE and _WHOLE_NUMBER.match(text):
        return int(text)
    if type == "decimal" and _NUMBER.match(text):
        return int(text) if _WHOLE_NUMBER.match(text) else _decimal(text)
    if type in ("boolean", "decimal") or type in WHOLE:
        raise Malformed("{name} has the value {value}, which is not {type}.", name=node.name, value=repr(text[:40]), type=type)
    return text


def _decimal(text: str) -> Decimal:
    value = Decimal(text[:NUMBER_CHARS_MAX])
    if len(text) > NUMBER_CHARS_MAX or not -400 < value.adjusted() < 400:
        raise Malformed("The number {number} is out of range.", number=text[:40])
    return value
