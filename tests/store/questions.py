"""Searches worth asking of a set of resources, made from the values those resources hold: every parameter, prefix and modifier."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import search_params
from xinglin.fhir.search.extract import extract
from xinglin.fhir.search.model import TIME_MAX, TIME_MIN, Amount, Link, Number, SearchParam, Span, Text, Token, Tuple, Uri, Value

_PREFIXES = ("", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def questions(resources: Sequence[Resource], chance: random.Random, each: int = 2) -> Iterator[tuple[str, str, str]]:
    """(type, parameter with modifier, operand): for each parameter with values, `each` sampled values in all their forms."""
    held: dict[tuple[str, str], list[Value]] = {}
    for resource in resources:
        for name, values in extract(resource).items():
            held.setdefault((resource["resourceType"], name), []).extend(values)
    for (type_, name), values in sorted(held.items(), key=lambda item: item[0]):
        param = search_params(type_)[name]
        yield type_, f"{name}:missing", "true"
        yield type_, f"{name}:missing", "false"
        for value in chance.sample(values, min(each, len(values))):
            for modifier, operand in _forms(param, value):
                yield type_, name + modifier, operand


def _forms(param: SearchParam, value: Value) -> Iterator[tuple[str, str]]:
    if isinstance(value, Token):
        yield from _token_forms(value)
    elif isinstance(value, Text):
        yield from _text_forms(value.text)
    elif isinstance(value, Link):
        yield from _link_forms(value)
    elif isinstance(value, Span):
        yield from (("", prefix + text) for text in _dates(value) for prefix in _PREFIXES)
    elif isinstance(value, (Number, Amount)):
        yield from _amount_forms(value)
    elif isinstance(value, Uri):
        yield from (("", _escaped(value.uri)), (":below", _escaped(value.uri[:12])), (":above", _escaped(value.uri + "/x")))
    elif isinstance(value, Tuple) and all(value.parts):
        parts = [next(_forms(component, part[0]))[1] for (component, _), part in zip(param.components, value.parts, strict=True)]
        yield "", "$".join(parts)


def _token_forms(value: Token) -> Iterator[tuple[str, str]]:
    if value.code is not None:
        code = _escaped(value.code)
        for modifier in ("", ":not"):
            yield modifier, code
            yield modifier, f"{_escaped(value.system or '')}|{code}"
        yield "", f"{code},no-such-code"
    if value.system:
        yield "", f"{_escaped(value.system)}|"
    if value.text:
        yield ":text", _escaped(value.text.split()[0])


def _text_forms(text: str) -> Iterator[tuple[str, str]]:
    for length in (1, 3, 5, 7, 12):
        if text[:length].strip():
            yield "", _escaped(text[:length])
    yield ":exact", _escaped(text)
    if text[1:4].strip():
        yield ":contains", _escaped(text[1:4])


def _link_forms(value: Link) -> Iterator[tuple[str, str]]:
    if value.type and value.id:
        yield "", f"{value.type}/{value.id}"
        yield "", value.id
        yield f":{value.type}", value.id
    elif value.url:
        yield "", _escaped(value.url)
    if value.identifier:
        yield ":identifier", f"{_escaped(value.identifier[0] or '')}|{_escaped(value.identifier[1] or '')}"


def _dates(value: Span) -> Iterator[str]:
    if not TIME_MIN < value.lo < TIME_MAX:
        return
    moment = _EPOCH + timedelta(microseconds=value.lo)
    yield moment.strftime("%Y")
    yield moment.strftime("%Y-%m-%d")
    yield moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _amount_forms(value: Number | Amount) -> Iterator[tuple[str, str]]:
    number = value.value if isinstance(value, Number) else value.lo if value.lo is not None else value.hi
    for prefix in _PREFIXES:
        yield "", f"{prefix}{number}"
        if isinstance(value, Amount) and value.code:
            yield "", f"{prefix}{number}|{_escaped(value.system or '')}|{_escaped(value.code)}"
    if isinstance(value, Amount) and value.code == "cm" and number is not None:
        yield "", f"lt{number / 100 + 1}|http://unitsofmeasure.org|m"
        yield "", f"gt{number / 100 - 1}|http://unitsofmeasure.org|m"


def _escaped(text: str) -> str:
    return "".join("\\" + sign if sign in "\\,$|" else sign for sign in text)
