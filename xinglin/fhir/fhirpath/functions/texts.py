"""String functions (N1, 5.6; FHIRPath 2.0 for encode, escape, split, join and trim). Positions count characters."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable

from xinglin.fhir.fhirpath.env import Env
from xinglin.fhir.fhirpath.functions.signature import Plain
from xinglin.fhir.fhirpath.limits import PathError
from xinglin.fhir.fhirpath.operators import text
from xinglin.fhir.fhirpath.patterns import pattern_of
from xinglin.fhir.fhirpath.values import FALSE, NONE, TRUE, Items, integer_of, text_of

_ESCAPE_OR_QUOTE = re.compile(r'\\.|"', re.DOTALL)


def _simple(work: Callable[[str], Items]) -> Callable[[Items], Items]:
    def run(items: Items) -> Items:
        value = text_of(items)
        return NONE if value is None else work(value)

    return run


def _pair(work: Callable[[str, str], Items]) -> Callable[[Env, Items, Items], Items]:
    def run(_env: Env, items: Items, other: Items) -> Items:
        value, argument = text_of(items), text_of(other)
        return NONE if value is None or argument is None else work(value, argument)

    return run


def _triple(work: Callable[[str, str, str], Items]) -> Callable[[Env, Items, Items, Items], Items]:
    def run(_env: Env, items: Items, other: Items, third: Items) -> Items:
        value, first, second = text_of(items), text_of(other), text_of(third)
        return NONE if value is None or first is None or second is None else work(value, first, second)

    return run


def _said(answer: bool) -> Items:
    return TRUE if answer else FALSE


def _substring(_env: Env, items: Items, start: Items, length: Items | None = None) -> Items:
    value, first = text_of(items), integer_of(start)
    if value is None or first is None or not 0 <= first < len(value):
        return NONE
    count = None if length is None else integer_of(length)
    return [value[first:] if count is None else value[first : first + max(count, 0)]]


# --- regular expressions ---


def _bounded(value: str, most: int) -> str:
    if len(value) > most:
        raise PathError("The text has {count} characters; this regular expression takes {most}.", count=len(value), most=most)
    return value


def _matches(value: str, pattern: str) -> Items:
    compiled, most = pattern_of(pattern)
    return _said(compiled.search(_bounded(value, most)) is not None)


def _matches_full(value: str, pattern: str) -> Items:
    compiled, most = pattern_of(pattern)
    return _said(compiled.fullmatch(_bounded(value, most)) is not None)


def _replace_matches(value: str, pattern: str, by: str) -> Items:
    if not pattern:
        return [value]
    compiled, most = pattern_of(pattern)
    template = _template(by)
    return text(compiled.sub(lambda found: "".join(_part(part, found) for part in template), _bounded(value, most)))


def _template(by: str) -> list[str | int]:
    """`$1` and `$0` stand for what the groups found."""
    parts: list[str | int] = []
    place = 0
    while place < len(by):
        if by[place] == "$" and by[place + 1 : place + 2].isdigit():
            parts.append(int(by[place + 1]))
            place += 2
        else:
            place += by[place] == "\\" and place + 1 < len(by)
            parts.append(by[place])
            place += 1
    return parts


def _part(part: str | int, found: object) -> str:
    if isinstance(part, str):
        return part
    try:
        return found[part] or ""  # type: ignore[index]
    except IndexError as none:
        raise PathError("replaceMatches() names group {group}, which the pattern does not have.", group=part) from none


def _replace(value: str, pattern: str, by: str) -> Items:
    if len(value) * max(len(by), 1) > 50_000_000:
        raise PathError("replace() would make too long a text.")
    return text(value.replace(pattern, by))


# --- lists of texts ---


def _characters(value: str) -> Items:
    return list(value)


def _split(value: str, separator: str) -> Items:
    return list(value.split(separator) if separator else value)


def _join(env: Env, items: Items, separator: Items = NONE) -> Items:
    env.spend(len(items))
    parts = [part for item in items if (part := text_of([item])) is not None]
    between = text_of(separator) or ""
    return text(between.join(parts)) if items else NONE


# --- codings ---

_DECODERS: dict[str, Callable[[str], bytes]] = {
    "base64": lambda value: base64.b64decode(value, validate=True),
    "urlbase64": lambda value: base64.b64decode(value, altchars=b"-_", validate=True),
    "hex": bytes.fromhex,
}
_ENCODERS: dict[str, Callable[[bytes], str]] = {
    "base64": lambda value: base64.b64encode(value).decode(),
    "urlbase64": lambda value: base64.urlsafe_b64encode(value).decode(),
    "hex": bytes.hex,
}


def _encode(value: str, form: str) -> Items:
    encoder = _ENCODERS.get(form)
    return NONE if encoder is None else text(encoder(value.encode()))


def _decode(value: str, form: str) -> Items:
    decoder = _DECODERS.get(form)
    try:
        return NONE if decoder is None else text(decoder(value).decode())
    except (ValueError, binascii.Error) as wrong:
        raise PathError("decode('{form}') cannot read the text.", form=form) from wrong


def _escape(value: str, form: str) -> Items:
    if form == "json":
        return text(json.dumps(value, ensure_ascii=False)[1:-1])
    return text(html.escape(value)) if form == "html" else NONE


def _unescape(value: str, form: str) -> Items:
    if form == "json":
        try:
            quoted = _ESCAPE_OR_QUOTE.sub(lambda found: '\\"' if found[0] == '"' else found[0], value)
            return text(json.loads(f'"{quoted}"', strict=False))
        except ValueError as wrong:
            raise PathError("unescape('json') cannot read the text.") from wrong
    return text(html.unescape(value)) if form == "html" else NONE


DIRECT: dict[str, Callable[[Items], Items]] = {
    "length": _simple(lambda value: [len(value)]),
    "upper": _simple(lambda value: text(value.upper())),
    "lower": _simple(lambda value: text(value.lower())),
    "trim": _simple(lambda value: [value.strip()]),
    "toChars": _simple(_characters),
}
PLAIN: dict[str, Plain] = {
    "indexOf": Plain(_pair(lambda value, other: [value.find(other)]), 1, 1),
    "lastIndexOf": Plain(_pair(lambda value, other: [value.rfind(other)]), 1, 1),
    "startsWith": Plain(_pair(lambda value, other: _said(value.startswith(other))), 1, 1),
    "endsWith": Plain(_pair(lambda value, other: _said(value.endswith(other))), 1, 1),
    "contains": Plain(_pair(lambda value, other: _said(other in value)), 1, 1),
    "substring": Plain(_substring, 1, 2),
    "matches": Plain(_pair(_matches), 1, 1),
    "matchesFull": Plain(_pair(_matches_full), 1, 1),
    "replaceMatches": Plain(_triple(_replace_matches), 2, 2),
    "replace": Plain(_triple(_replace), 2, 2),
    "split": Plain(_pair(_split), 1, 1),
    "join": Plain(_join, 0, 1),
    "encode": Plain(_pair(_encode), 1, 1),
    "decode": Plain(_pair(_decode), 1, 1),
    "escape": Plain(_pair(_escape), 1, 1),
    "unescape": Plain(_pair(_unescape), 1, 1),
}
