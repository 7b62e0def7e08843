"""Narrative: well-formed XHTML in one `<div>`, from the limited set of elements R4 allows, with nothing that acts.

Source: https://hl7.org/fhir/R4/narrative.html#xhtml.
"""

from __future__ import annotations

import re
from html.entities import name2codepoint
from xml.parsers import expat

XHTML = "http://www.w3.org/1999/xhtml"

_ELEMENTS = frozenset(
    "a abbr acronym address b big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i "
    "img ins kbd li map area ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var".split()
)
_ATTRIBUTES = frozenset(
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite "
    "class color colspan compact coords datetime dir face frame headers height href hreflang hspace id lang language longdesc "
    "name nohref noshade nowrap rel rev rowspan rules scope shape size span src start style summary tabindex title type "
    "usemap valign value vspace width".split()
)
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_NAMED = ("amp", "lt", "gt", "quot", "apos")


class _Reader:
    """Hears the parser out; keeps the first fault and whether there is anything to read."""

    def __init__(self) -> None:
        self.fault = ""
        self.depth = 0
        self.speaks = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and (name != "div" or attributes.get("xmlns", XHTML) != XHTML):
            self.fault = self.fault or "Narrative is one XHTML <div>."
        if name not in _ELEMENTS:
            self.fault = self.fault or f"Narrative may not hold <{name[:40]}>."
        self.speaks = self.speaks or name == "img"
        for attribute, value in attributes.items():
            if attribute not in _ATTRIBUTES and not attribute.startswith(("xmlns", "xml:")):
                self.fault = self.fault or f"Narrative may not hold the attribute {attribute[:40]}."
            elif attribute in ("href", "src") and value.lower().lstrip().startswith(("javascript:", "vbscript:")):
                self.fault = self.fault or "Narrative may not hold script."

    def end(self, _name: str) -> None:
        self.depth -= 1

    def text(self, text: str) -> None:
        self.speaks = self.speaks or not text.isspace()


def narrative_fault(text: str) -> str:
    """What is wrong with a narrative, "" when nothing is."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text or "<?" in text:
        return "Narrative may not hold a document type, an entity or a processing instruction."
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse((_NAMED.sub(_numbered, text) if "&" in text else text).encode("utf-8"), True)
    except (expat.ExpatError, UnicodeEncodeError) as broken:
        return f"Narrative is not well-formed XHTML: {broken}."
    return reader.fault or ("" if reader.speaks else "Narrative says nothing (txt-2).")


def _numbered(named: re.Match[str]) -> str:
    """`&nbsp;` as `&#160;`: the entities of XHTML are allowed, but the parser has no document type to know them from."""
    code = None if named[1] in _XML_NAMED else name2codepoint.get(named[1])
    return f"&#{code};" if code else named[0]
