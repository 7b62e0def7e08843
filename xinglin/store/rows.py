"""From a resource to its row: typed columns and tokens, from the values its search parameters yield.

Token texts (hashed with the index key before they are stored), for a parameter p:
`p=system|code`, `p=*|code` of codings and identifiers, and of these `p=system|`; `p=.|code` of bare codes; `p^prefix` of texts;
`p@url` of absolute references; `p#system|value` of logical ones; `p/uri`; `p~of-type`; `p&code&number`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, cast
from uuid import UUID

from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import search_params
from xinglin.fhir.search.extract import compile_params
from xinglin.fhir.search.model import Amount, Link, Number, SearchParam, Span, Text, Token, Tuple, Uri, Value
from xinglin.fhir.search.text import normal
from xinglin.fhir.sensitivity import RESTRICTED, level_of
from xinglin.store.hashes import Hashes
from xinglin.store.interning import Interning, Wants
from xinglin.store.layout import Layout, layout

PREFIX_LENGTHS = (1, 2, 3, 4, 6, 8)
SECOND_US = 1_000_000
_OVERFLOW_AT = 2_000
RESTRICTED_MARK = "!"
"""Stands among the present parameters of a row that only those who treat may see (fhir/sensitivity.py); no parameter has this name."""
ELSEWHERE = "a patient elsewhere"
"""Stands for the id of whoever is not one of our patients; no Patient has it, as an id has no spaces."""
_WHOSE = {"CareTeam": "subject", "Device": "patient", "Schedule": "actor", "Task": "for"}
_UNSTORED = frozenset({"_text", "_content", "_id", "_lastUpdated"})


@dataclass(slots=True)
class Draft:
    """A row before its numbers are known. `cells`: column values that need no number. `others`: further patients it is about."""

    spot: Layout
    id: UUID
    patient: UUID | None
    concept: int
    presence: str
    cells: dict[str, int | float | None]
    tokens: set[int]
    others: tuple[UUID, ...] = ()


def draft(resource: Resource, id_: str, hashes: Hashes, wants: Wants) -> Draft:
    """Take a resource's values apart; what needs a number is added to `wants`."""
    spot = layout(resource["resourceType"])
    values = _extractor(spot.type)(resource)
    made = Draft(spot, hashes.id(id_), None, 0, "", {}, set())
    for name, found in values.items():
        kind = type(found[0])
        if kind is Span and name in spot.spans:
            _put_span(made, name, found, wants)
        elif kind in (Number, Amount) and name in spot.numbers:
            _put_number(made, name, found, hashes, wants)
        elif name == spot.code:
            _put_concept(made, found, hashes, wants)
        elif kind is Tuple:
            _put_measured(made, name, found, hashes, wants)
        elif kind is Link:
            _put_links(made, name, found, hashes, wants)
        else:
            _put_tokens(made, name, found, hashes)
    if spot.type == "Patient":
        made.patient = made.id
    if made.patient is None and names_someone_elsewhere(resource):
        made.patient = hashes.id(ELSEWHERE)
    wants.persons.update(made.others)
    if made.patient:
        wants.persons.add(made.patient)
    made.presence = " ".join(sorted(values))
    if level_of(resource) >= RESTRICTED:
        made.presence += f" {RESTRICTED_MARK}"
    wants.presences.add((spot.number, made.presence))
    return made


def names_someone_elsewhere(resource: Resource) -> bool:
    """Whether a resource that could be an institution's names a patient who is not one of ours: by an address elsewhere, an identifier, or
    as a contained resource. It is then no institution's, and of a patient nobody here has a relation with.
    """
    name = _WHOSE.get(resource["resourceType"])
    found: Any = resource.get(name) if name else None
    named = cast("list[Any]", found) if isinstance(found, list) else [found]
    return any(_is_elsewhere(cast("dict[str, Any]", one), surely=name == "actor") for one in named if isinstance(one, dict))


def _is_elsewhere(named: dict[str, Any], *, surely: bool) -> bool:
    reference, type_ = str(named.get("reference", "")), named.get("type")
    if reference and "://" not in reference and not reference.startswith(("#", "urn:")):
        return False  # one of ours, which the column tells, or no patient
    told = type_ == "Patient" or "/Patient/" in reference
    return told if surely else type_ in (None, "Patient")


@cache
def stored_params(type_: str) -> frozenset[str]:
    """The parameters whose values rows carry. A composite or combo asks its parts, which are stored; the rest is asked of the content."""
    params = search_params(type_)
    return frozenset(
        name
        for name, param in params.items()
        if (param.kind not in ("composite", "special") or is_measured(param)) and name not in _UNSTORED and not _is_combo(params, name)
    )


def _is_combo(params: Mapping[str, SearchParam], name: str) -> bool:
    return name.startswith("combo-") and "component-" + name[6:] in params


def is_measured(param: SearchParam) -> bool:
    """Whether a composite is a code and a quantity of one repeated element: these get tokens of code and rounded quantity together."""
    return param.expression != param.type and [component.kind for component, _ in param.components] == ["token", "quantity"]


BUCKETS = (*range(10, 20), 20, 22, 24, 26, 28, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100)
"""The edges within a power of ten between which numbers share a token."""


def bucket(value: Decimal) -> str:
    """The bucket of a number, such as `13e1` of 137.5 (130 up to 140): what the tokens of a measured composite say of it."""
    if not value:
        return "0"
    power = value.adjusted() - 1
    digits = BUCKETS[bisect_right(BUCKETS, abs(int(value.scaleb(-power)))) - 1]
    return f"{'-' if value < 0 else ''}{digits}e{power}"


@cache
def _extractor(type_: str) -> Callable[[Resource], Mapping[str, tuple[Value, ...]]]:
    params = search_params(type_)
    return compile_params([params[name] for name in sorted(stored_params(type_))])


def finish(made: Draft, interning: Interning, *, tick: int, version: int, era: int, content: bytes) -> tuple[object, ...]:
    """The row, in the order of the layout's columns."""
    spot, cells = made.spot, made.cells
    fixed = {
        "tick": tick,
        "id": made.id,
        "patient": interning.persons[made.patient] if made.patient else 0,
        "code": interning.concepts[made.concept] if made.concept else 0,
        "version": version,
        "presence": interning.presences[spot.number, made.presence],
        "tokens": [*made.tokens, era],
        "content": content,
    }
    return tuple(fixed[name] if name in fixed else cells.get(name) for name in spot.columns)


def era_token(hashes: Hashes, era: int) -> int:
    """The token every row of an era carries."""
    return hashes.of(f"era {era}")


def _put_span(made: Draft, name: str, found: tuple[Value, ...], wants: Wants) -> None:
    spans = [value for value in found if isinstance(value, Span)]
    lo, hi = min(span.lo for span in spans), max(span.hi for span in spans)
    low, high = made.spot.spans[name]
    made.cells[low] = lo
    if hi - lo != SECOND_US:
        made.cells[high] = hi
        wants.traits.add((made.spot.number, name, f"long:{(hi - lo).bit_length()}"))
    if len(spans) > 1:
        wants.traits.add((made.spot.number, name, "many"))


def _put_number(made: Draft, name: str, found: tuple[Value, ...], hashes: Hashes, wants: Wants) -> None:
    for value in found:
        if isinstance(value, Number):
            number = value.value
        else:
            assert isinstance(value, Amount)
            number = value.lo if value.lo is not None else value.hi
            if value.lo != value.hi:
                wants.traits.add((made.spot.number, name, "many"))
            coding = f"{value.system or ''}|{value.code or ''}|{value.unit or ''}"
            made.tokens.add(hashes.of(unit_text(name, coding)))
            wants.traits.add((made.spot.number, name, f"unit:{coding}"))
        made.cells[made.spot.numbers[name]] = float(number) if number is not None else None
    if len(found) > 1:
        wants.traits.add((made.spot.number, name, "many"))


def _put_concept(made: Draft, found: tuple[Value, ...], hashes: Hashes, wants: Wants) -> None:
    codings = sorted({f"{v.system or ''}|{v.code}" for v in found if isinstance(v, Token) and v.code is not None})
    if not codings:
        return
    key = made.concept = hashes.of("concept " + " ".join(codings))
    if key not in wants.concepts:
        wants.concepts[key] = tuple(hashes.all(sorted({form for coding in codings for form in _concept_forms(coding)})))


def _concept_forms(coding: str) -> Iterator[str]:
    system, _, code = coding.partition("|")
    yield f"concept={coding}"
    yield f"concept=*|{code}"
    yield f"concept={system}|"


def _put_measured(made: Draft, name: str, found: tuple[Value, ...], hashes: Hashes, wants: Wants) -> None:
    for value in found:
        assert isinstance(value, Tuple)
        codes, amounts = value.parts
        for amount in amounts:
            assert isinstance(amount, Amount)
            if amount.lo is None or amount.lo != amount.hi:
                wants.traits.add((made.spot.number, name, "many"))
                continue
            mark = bucket(amount.lo)
            wants.traits.add((made.spot.number, name, f"power:{'minus ' if mark[0] == '-' else ''}{mark.partition('e')[2] or '0'}"))
            forms = [form for code in codes if isinstance(code, Token) for form in (f"*|{code.code}", f"{code.system or ''}|{code.code}")]
            made.tokens.update(hashes.of(f"{name}&{form}&{mark}") for form in forms)


def _put_links(made: Draft, name: str, found: tuple[Value, ...], hashes: Hashes, wants: Wants) -> None:
    if link_alias(made.spot.type, name)[0] != name:
        return  # the same references stand under their canonical parameter
    links = [value for value in found if isinstance(value, Link)]
    if name == patient_links(made.spot):
        patients = [link.id for link in links if link.type == "Patient" and link.id]
        if patients:
            made.patient = hashes.id(patients[0])
            made.others = tuple(hashes.id(other) for other in dict.fromkeys(patients[1:]) if other != patients[0])
            if len(links) == 1:
                return  # said by the column: no token
            wants.traits.add((made.spot.number, name, "many"))
    made.tokens.update(_link_tokens(name, links, hashes))


def patient_links(spot: Layout) -> str | None:
    """The parameter whose references feed the patient column."""
    return link_alias(spot.type, spot.patient)[0] if spot.patient and spot.type != "Patient" else None


def _link_tokens(name: str, links: Iterable[Link], hashes: Hashes) -> Iterator[int]:
    for link in links:
        if link.type and link.id:
            yield hashes.link(name, link.type, link.id)
        elif link.url:
            yield hashes.of(f"{name}@{link.url}")
        if link.identifier:
            system, value = link.identifier
            yield hashes.of(f"{name}#{system or ''}|{value or ''}")
            yield hashes.of(f"{name}#*|{value or ''}")
            yield hashes.of(f"{name}#{system or ''}|")


def _put_tokens(made: Draft, name: str, found: tuple[Value, ...], hashes: Hashes) -> None:
    if made.spot.overflows and len(found) > _OVERFLOW_AT:
        made.tokens.add(hashes.of(f"{name}!overflow"))
        return
    of = hashes.of
    made.tokens.update(of(text) for value in found for text in token_texts(name, value))


def token_texts(name: str, value: Value) -> Iterator[str]:
    """The token texts of one value of a parameter; none for values that only the content can answer for."""
    if isinstance(value, Token):
        if value.bare and value.system is None:
            yield f"{name}=.|{value.code}"
        elif value.bare:  # a ContactPoint: its system is only the kind of contact, and may be left out
            yield from (f"{name}=*|{value.code}", f"{name}={value.system}|{value.code}", f"{name}=|{value.code}")
        elif value.code is not None:
            yield f"{name}=*|{value.code}"
            yield f"{name}={value.system or ''}|{value.code}"
        if value.system and name == "identifier":
            yield f"{name}={value.system}|"
        if value.type_code is not None:
            yield f"{name}~{value.type_system or ''}|{value.type_code}|{value.code}"
    elif isinstance(value, Text):
        text = normal(value.text)
        for length in PREFIX_LENGTHS:
            if length <= len(text):
                yield f"{name}^{text[:length]}"
    elif isinstance(value, Uri):
        yield f"{name}/{value.uri}"


def unit_text(name: str, coding: str) -> str:
    """The token text of a quantity's unit, `system|code|unit`."""
    return f"{name}%{coding}"


@cache
def link_alias(type_: str, name: str) -> tuple[str, str | None]:
    """(the parameter whose tokens hold these references, the one target type they are cut down to).

    `patient` is `subject.where(resolve() is Patient)`: its references are those of `subject`, stored once.
    """
    params = search_params(type_)
    path, cut, rest = params[name].expression.partition(".where(resolve() is ")
    if not cut:
        return name, None
    only = rest.rstrip(")")
    same = (other for other, param in sorted(params.items()) if param.kind == "reference" and param.expression == path)
    return next(same, name), only
