"""Search parameters of our own, which no FHIRPath can say: names by pinyin, identifiers by their last characters.

`Patient?pinyin=zgl` finds 张桂兰 by initials, `pinyin=zhangguil` by the beginning of the whole;
`id-tail=1234` finds by the end of any identifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from xinglin.base.text import pinyin_of_name
from xinglin.fhir.search.model import SearchParam, Text, Token, Value

TAIL_LENGTHS = (4, 6)
_URL = "urn:xinglin:search-parameter:"


def _names(resource: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name in _objects(resource.get("name")):
        text, given = name.get("text"), name.get("given")
        first = "".join(map(str, cast("list[Any]", given))) if isinstance(given, list) else ""
        whole = text if isinstance(text, str) else f"{name.get('family', '')}{first}"
        if whole and not whole.isascii():
            found.append(whole)
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none of anything else."""
    return [cast("dict[str, Any]", one) for one in cast("list[Any]", value) if isinstance(one, dict)] if isinstance(value, list) else []


def _pinyin(resource: Mapping[str, Any]) -> tuple[Value, ...]:
    read = [pinyin_of_name(name) for name in _names(resource)]
    return tuple(Text(text) for text in dict.fromkeys(text for one in read for text in (one.full, one.initials)) if text)


def _id_tail(resource: Mapping[str, Any]) -> tuple[Value, ...]:
    values = [one.get("value") for one in _objects(resource.get("identifier"))]
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
