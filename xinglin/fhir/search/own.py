"""Search parameters of our own, which no FHIRPath can say: names by pinyin, identifiers by their last characters.

`Patient?pinyin=zgl` finds 张桂兰 by initials, `pinyin=zhangguil` by the beginning of the whole; `id-tail=1234` by the end of any identifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xinglin.base.text import pinyin_of_name
from xinglin.fhir.search.model import SearchParam, Text, Token, Value

TAIL_LENGTHS = (4, 6)
_URL = "urn:xinglin:search-parameter:"


def _names(resource: Mapping[str, Any]) -> list[str]:
    names = resource.get("name")
    found: list[str] = []
    for name in names if isinstance(names, list) else ():
        if not isinstance(name, dict):
            continue
        text = name.get("text")
        given = name.get("given")
        whole = text if isinstance(text, str) else f"{name.get('family', '')}{''.join(map(str, given)) if isinstance(given, list) else ''}"
        if whole and not whole.isascii():
            found.append(whole)
    return found


def _pinyin(resource: Mapping[str, Any]) -> tuple[Value, ...]:
    read = [pinyin_of_name(name) for name in _names(resource)]
    return tuple(Text(text) for text in dict.fromkeys(text for one in read for text in (one.full, one.initials)) if text)


def _id_tail(resource: Mapping[str, Any]) -> tuple[Value, ...]:
    identifiers = resource.get("identifier")
    values = [one.get("value") for one in identifiers if isinstance(one, dict)] if isinstance(identifiers, list) else []
    tails = {value[-length:].upper() for value in values if isinstance(value, str) for length in TAIL_LENGTHS if len(value) >= length}
    return tuple(Token(None, tail, bare=True) for tail in sorted(tails))


_OWN: dict[tuple[str, str], tuple[SearchParam, Callable[[Mapping[str, Any]], tuple[Value, ...]]]] = {
    ("Patient", "pinyin"): (SearchParam("Patient", "pinyin", "string", "", url=_URL + "pinyin"), _pinyin),
    ("Patient", "id-tail"): (SearchParam("Patient", "id-tail", "token", "", url=_URL + "id-tail"), _id_tail),
}


def own_params(type_: str) -> Mapping[str, SearchParam]:
    """Our own parameters of a type."""
    return {name: param for (of, name), (param, _) in _OWN.items() if of == type_}


def own_values(param: SearchParam) -> Callable[[Mapping[str, Any]], tuple[Value, ...]] | None:
    """How the values of one of our own parameters are taken; None for any other parameter."""
    found = _OWN.get((param.type, param.name))
    return found[1] if found else None
