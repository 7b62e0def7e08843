"""The narrative's XHTML as R4 allows it (narrative.html, txt-1 and txt-2): formatting of HTML 4, images, tables, no active content."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from xml.parsers import expat

_XHTML = "http://www.w3.org/1999/xhtml"
_ELEMENTS = frozenset(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre q"
    " samp small span strong sub sup table tbody td tfoot th thead tr tt ul var".split()
)
_ATTRIBUTES = frozenset(
    "abbr accesskey align alt axis border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class colspan"
    " compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules scope shape span src"
    " start style summary tabindex title type valign value vspace width xml:lang xml:space xmlns".split()
)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)([A-Za-z][A-Za-z0-9]*);")


@lru_cache(maxsize=8)  # txt-1 and txt-2 ask the same of one text
def is_narrative(text: str) -> bool:
    """Whether a text is one XHTML `div` that R4 allows, with something to read in it."""
    if "<!" in text.replace("<!--", ""):
        return False
    seen = _Seen()
    parser = expat.ParserCreate()
    parser.StartElementHandler = seen.start
    parser.CharacterDataHandler = seen.words
    try:
        parser.Parse(_ENTITY.sub(lambda found: html.unescape(found[0]), text), True)
    except expat.ExpatError:
        return False
    return seen.allowed and seen.content


class _Seen:
    """What has been met so far."""

    __slots__ = ("allowed", "content", "root")

    def __init__(self) -> None:
        self.allowed, self.content, self.root = True, False, True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.root and (name != "div" or attributes.get("xmlns", _XHTML) != _XHTML):
            self.allowed = False
        self.root = False
        self.content = self.content or name == "img"
        self.allowed = self.allowed and name in _ELEMENTS and all(_is_allowed(key, value) for key, value in attributes.items())

    def words(self, words: str) -> None:
        self.content = self.content or bool(words.strip())


def _is_allowed(name: str, value: str) -> bool:
    if name in ("href", "src") and re.match(r"\s*(?:javascript|vbscript)\s*:", value, re.IGNORECASE):
        return False
    return name in _ATTRIBUTES
