"""From a search term to a condition on rows. Each kind of parameter has one function; chains are resolved first, under the same scope."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from xinglin.base.errors import TooCostly, Unknown
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.model import (
    All,
    AmountAsked,
    Asked,
    Chain,
    Clause,
    Has,
    LinkAsked,
    Not,
    PresenceAsked,
    SearchParam,
    Some,
    SpanAsked,
    Term,
    TextAsked,
    TokenAsked,
    TupleAsked,
)
from xinglin.fhir.search.text import normal
from xinglin.store.layout import Layout, layout
from xinglin.store.rows import PREFIX_LENGTHS, link_alias, patient_links, stored_params
from xinglin.store.searching.condition import Condition, any_of, never, none_of, unchecked
from xinglin.store.searching.measures import amount_condition, measured_tokens, span_condition, tick_condition
from xinglin.store.searching.predicate import access_sql
from xinglin.store.searching.reading import Reading

_NEGATING = frozenset({"not", "not-in"})
_CONTENT_ONLY = frozenset({"text", "contains", "ends"})
FEW_MAX = 1_000
LINKS_MAX = 10_000
CODES_MAX = 2_000

V = TypeVar("V")


async def condition(reading: Reading, spot: Layout, term: Term) -> Condition:
    """The condition of any term on the rows `r` of a type's table."""
    if isinstance(term, All):
        return all_of([await condition(reading, spot, part) for part in _merged(reading, spot, term.terms)])
    if isinstance(term, Some):
        return any_of([await condition(reading, spot, part) for part in term.terms])
    if isinstance(term, Not):
        return none_of(await condition(reading, spot, term.term))
    if isinstance(term, Chain):
        return any_of([await _chain(reading, spot, term.param, target, part) for target, part in term.targets])
    if isinstance(term, Has):
        return await _has(reading, spot, term)
    return await _clause(reading, spot, term)


def all_of(parts: list[Condition]) -> Condition:
    """Every part holds; entries of the parts are kept for the plan."""
    if any(part.never for part in parts):
        return never()
    told = [f"({part.sql})" for part in parts if part.sql is not None and part.sql != "true"]
    whole = Condition(" AND ".join(told) or "true", all(part.exact for part in parts))
    for part in parts:
        whole.patients = _narrower(whole.patients, part.patients)
        whole.codes = _narrower(whole.codes, part.codes)
        whole.ids = _narrower(whole.ids, part.ids)
        whole.tokens += part.tokens
        whole.ranged = whole.ranged or part.ranged
        whole.walk = whole.walk or part.walk
        whole.reach += part.reach
        whole.closed = whole.closed or part.closed
    whole.closed = whole.closed or len(whole.reach) > 1
    return whole


def _narrower(one: list[V] | None, other: list[V] | None) -> list[V] | None:
    """The shorter of two lists; either bounds the rows, and the SQL tests both."""
    if one is None or other is None:
        return other if one is None else one
    return one if len(one) <= len(other) else other


async def _clause(reading: Reading, spot: Layout, clause: Clause) -> Condition:
    if clause.modifier in _NEGATING:
        return none_of(await _clause(reading, spot, replace(clause, modifier="in" if clause.modifier == "not-in" else None)))
    name = clause.param.name
    if name.startswith("combo-") and clause.modifier != "missing" and "component-" + name[6:] in search_params(spot.type):
        return await _combo(reading, spot, clause)
    return any_of([await _asked(reading, spot, clause.param, clause.modifier, asked) for asked in clause.asked])


async def _combo(reading: Reading, spot: Layout, clause: Clause) -> Condition:
    """`combo-x` is `x` of the resource or of one of its components."""
    params, rest = search_params(spot.type), clause.param.name[6:]
    halves = [params[half] for half in (rest, "component-" + rest) if half in params]
    return any_of([await _clause(reading, spot, replace(clause, param=half)) for half in halves])


async def _asked(reading: Reading, spot: Layout, param: SearchParam, modifier: str | None, asked: Asked) -> Condition:
    if isinstance(asked, PresenceAsked):
        return _presence(reading, spot, param, asked)
    if modifier in _CONTENT_ONLY or param.name in ("_text", "_content"):
        return unchecked()
    if param.name == "_list" and isinstance(asked, TextAsked):
        return by_ids(reading, await reading.listed(spot.type, asked.text))
    if isinstance(asked, TokenAsked):
        return _token(reading, spot, param, modifier, asked)
    if isinstance(asked, LinkAsked):
        return await _link(reading, spot, param, asked)
    if isinstance(asked, SpanAsked):
        return tick_condition(reading, asked) if param.name == "_lastUpdated" else span_condition(reading, spot, param, asked)
    if isinstance(asked, AmountAsked):
        return amount_condition(reading, spot, param, asked)
    if isinstance(asked, TextAsked):
        return _text(reading, param, modifier, asked)
    return await _tuple(reading, spot, param, asked)


def _presence(reading: Reading, spot: Layout, param: SearchParam, asked: PresenceAsked) -> Condition:
    if param.name in ("_id", "_lastUpdated"):
        return never() if asked.missing else Condition("true")
    if param.name not in stored_params(spot.type):
        return unchecked()
    sets = reading.ground.interning.presences_with(spot.number, param.name, present=not asked.missing)
    return Condition(f"{reading.row}.presence = ANY({reading.arguments.add(sets, 'integer[]')})") if sets else never()


def with_tokens(reading: Reading, tokens: list[int], *, exact: bool = True) -> Condition:
    """The row carries one of the tokens."""
    if len(tokens) == 1:
        sql = f"{reading.row}.tokens @> {reading.arguments.add(tokens, 'bigint[]')}"
    else:
        sql = f"{reading.row}.tokens && {reading.arguments.add(tokens, 'bigint[]')}"
    return Condition(sql, exact, tokens=[tuple(tokens)], single=True)


def _token(reading: Reading, spot: Layout, param: SearchParam, modifier: str | None, asked: TokenAsked) -> Condition:
    if param.name == "_id":
        return by_ids(reading, [asked.code or ""])
    if modifier in ("in", "above", "below"):
        return _coded(reading, spot, param, modifier, asked)
    if modifier == "identifier":
        return with_tokens(reading, [reading.token(f"{link_alias(spot.type, param.name)[0]}#{_form(asked)}")])
    if asked.of_type is not None:
        return with_tokens(reading, [reading.token(f"{param.name}~{'|'.join(asked.of_type)}")])
    if param.name == spot.code:
        return _in_concepts(reading, [_form(asked)])
    if asked.code is None and param.name != "identifier":
        return unchecked()
    tokens = [reading.token(f"{param.name}={_form(asked)}")]
    if param.name != "identifier":  # a code element has no system of its own and answers to any
        tokens.append(reading.token(f"{param.name}=.|{asked.code}"))
    if spot.overflows:
        return with_tokens(reading, [*tokens, reading.token(f"{param.name}!overflow")], exact=False)
    return with_tokens(reading, tokens)


def _in_concepts(reading: Reading, forms: list[str]) -> Condition:
    """The main code of the row has a coding of one of these forms."""
    codes = reading.ground.interning.concepts_with([reading.token(f"concept={form}") for form in forms])
    if not codes:
        return never()
    test = f"= {reading.arguments.add(codes[0], 'integer')}" if len(codes) == 1 else f"= ANY({reading.arguments.add(codes, 'integer[]')})"
    return Condition(f"{reading.row}.code {test}", codes=codes)


def _coded(reading: Reading, spot: Layout, param: SearchParam, modifier: str, asked: TokenAsked) -> Condition:
    """`:in`, `:above`, `:below`: one of the codes a terminology names."""
    if reading.codes is None:
        raise Unknown("The modifier {modifier} needs a terminology.", modifier=modifier)
    pairs = list(reading.codes(modifier, asked.text))
    if not pairs:
        return never()
    if len(pairs) > CODES_MAX:
        return unchecked()
    if param.name == spot.code:
        return _in_concepts(reading, [f"{system or ''}|{code}" for system, code in pairs])
    forms = {form for system, code in pairs for form in (f"{system or ''}|{code}", f".|{code}")}
    return with_tokens(reading, reading.ground.hashes.all(f"{param.name}={form}" for form in forms))


def _form(asked: TokenAsked) -> str:
    return f"{'*' if asked.system is None else asked.system}|{asked.code or ''}"


def by_ids(reading: Reading, ids: list[str]) -> Condition:
    """The row has one of these logical ids."""
    keys = [reading.ground.hashes.id(id_) for id_ in ids]
    return Condition(f"{reading.row}.id = ANY({reading.arguments.add(keys, 'uuid[]')})", ids=keys)


def _text(reading: Reading, param: SearchParam, modifier: str | None, asked: TextAsked) -> Condition:
    if param.kind == "uri":
        if modifier is not None:
            return unchecked()
        return with_tokens(
            reading, [reading.token(f"{param.name}/{uri}") for uri in dict.fromkeys((asked.text, asked.text.partition("|")[0]))]
        )
    if param.kind != "string":
        return unchecked()
    text = normal(asked.text)
    fitting = max((length for length in PREFIX_LENGTHS if length <= len(text)), default=0)
    if not fitting:
        return unchecked()
    return with_tokens(
        reading, [reading.token(f"{param.name}^{text[:fitting]}")], exact=fitting == len(text) and modifier in (None, "starts")
    )


async def _link(reading: Reading, spot: Layout, param: SearchParam, asked: LinkAsked) -> Condition:
    canonical, only = link_alias(spot.type, param.name)
    if asked.url is not None and asked.id is None:
        tokens = [reading.token(f"{canonical}@{asked.url}"), reading.token(f"{param.name}/{asked.url}")]
        return with_tokens(reading, tokens, exact=asked.type is None)
    types = [asked.type] if asked.type else list(param.targets if param.targets and "*" not in param.targets else RESOURCE_TYPES)
    if only is not None:
        types = [type_ for type_ in types if type_ == only]
    return any_of([await _link_to(reading, spot, canonical, type_, asked.id or "") for type_ in types])


async def _link_to(reading: Reading, spot: Layout, canonical: str, type_: str, id_: str) -> Condition:
    token = reading.ground.hashes.link(canonical, type_, id_)
    if type_ != "Patient" or canonical != patient_links(spot):
        return with_tokens(reading, [token])
    n = await reading.ground.interning.person(reading.connection, reading.ground.hashes.id(id_))
    if "many" in reading.ground.interning.traits(spot.number, canonical):
        told = f"{reading.row}.tokens @> {reading.arguments.add([token], 'bigint[]')}"
        return Condition(f"{reading.row}.patient = {reading.arguments.add(n)} OR {told}" if n else told)
    return Condition(f"{reading.row}.patient = {reading.arguments.add(n)}", patients=[n]) if n else never()


async def _tuple(reading: Reading, spot: Layout, param: SearchParam, asked: TupleAsked) -> Condition:
    """A composite: each part holds. Exact only when every part is of the resource itself and single; else the content decides."""
    params = search_params(spot.type)
    parts: list[Condition] = []
    for (component, _), part in zip(param.components, asked.parts, strict=True):
        own = params.get(component.name)
        if own is None or component.name.startswith("combo-"):
            parts.append(unchecked())
        else:
            parts.append(await _asked(reading, spot, own, None, part))
    whole = all_of(parts)
    if param.expression != spot.type:
        whole.exact = False
        measured = measured_tokens(reading, spot, param, asked)
        if measured is not None:
            return all_of([with_tokens(reading, measured, exact=False)]) if measured else never()
    return whole


# --- chains: the near side is resolved first, as ids or patient numbers, and enters the query as values ---


async def _chain(reading: Reading, spot: Layout, param: SearchParam, target: str, term: Term) -> Condition:
    """The reference leads to a row of `target` for which the term holds."""
    canonical, only = link_alias(spot.type, param.name)
    if only is not None and only != target:
        return never()
    by_patient = target == "Patient" and canonical == patient_links(spot)
    if by_patient and "many" in reading.ground.interning.traits(spot.number, canonical):
        by_patient = False
    found = await reading.collect(target, term, FEW_MAX + 1)
    if not found:
        return never()
    if by_patient and len(found) <= FEW_MAX:
        numbers = sorted(patient for _, patient in found)
        return Condition(f"{reading.row}.patient = ANY({reading.arguments.add(numbers, 'integer[]')})", patients=numbers)
    if by_patient:
        return await _chain_to_many_patients(reading, term)
    if len(found) > FEW_MAX:
        found = await reading.collect(target, term, LINKS_MAX + 1)
        if len(found) > LINKS_MAX:
            raise TooCostly("{param} leads to more than {most} resources; narrow what is asked of them.", param=param.name, most=LINKS_MAX)
    tokens = [reading.ground.hashes.link_to(canonical, target, id_) for id_, _ in found]
    if target == "Patient" and canonical == patient_links(spot):  # said by the column where it is the only link
        numbers = reading.arguments.add(sorted(patient for _, patient in found), "integer[]")
        return Condition(f"{reading.row}.patient = ANY({numbers}) OR {reading.row}.tokens && {reading.arguments.add(tokens, 'bigint[]')}")
    return with_tokens(reading, tokens)


def _merged(reading: Reading, spot: Layout, terms: tuple[Term, ...]) -> list[Term]:
    """Chains through the one patient a row has, put together: what is asked of that patient is asked once."""
    anchor = patient_links(spot)
    if anchor is None or "many" in reading.ground.interning.traits(spot.number, anchor):
        return list(terms)
    chains = [term for term in terms if isinstance(term, Chain) and [target for target, _ in term.targets] == ["Patient"]]
    chains = [chain for chain in chains if link_alias(spot.type, chain.param.name)[0] == anchor]
    if len(chains) < 2:
        return list(terms)
    whole = Chain(chains[0].param, (("Patient", All(tuple(chain.targets[0][1] for chain in chains))),))
    return [whole, *(term for term in terms if term not in chains)]


async def _chain_to_many_patients(reading: Reading, term: Term) -> Condition:
    """Too many patients to list: their condition becomes a hashed sub-select, tested row by row."""
    there = layout("Patient")
    inner = await condition(replace(reading, row=f"{reading.row}p"), there, term)
    if not inner.exact:
        raise TooCostly("This chain reaches too many patients to look into each; narrow it.")
    where = f"({inner.sql}){scope_sql(reading, there, f'{reading.row}p')}"
    return Condition(f"({reading.row}.patient IN (SELECT {reading.row}p.patient FROM {there.table} {reading.row}p WHERE {where})) IS TRUE")


async def _has(reading: Reading, spot: Layout, term: Has) -> Condition:
    """Some `source` row refers here and its term holds."""
    source = layout(term.source)
    if not await reading.ground.tables.there(reading.connection, source):
        return never()
    canonical, only = link_alias(term.source, term.param.name)
    if only is not None and only != spot.type:
        return never()
    row = f"{reading.row}h"
    if (
        spot.type == "Patient"
        and canonical == patient_links(source)
        and "many" not in reading.ground.interning.traits(source.number, canonical)
    ):
        inner = await condition(replace(reading, row=row), source, term.term)
        if inner.never:
            return never()
        if inner.exact:
            where = f"{row}.patient = {reading.row}.patient AND ({inner.sql}){scope_sql(reading, source, row)}"
            walk = (source.table, inner.codes[0]) if inner.codes and len(inner.codes) == 1 else None
            return Condition(f"EXISTS (SELECT FROM {source.table} {row} WHERE {where})", walk=walk)
    ids = await reading.referred(term, spot.type, LINKS_MAX)
    return by_ids(reading, ids) if ids else never()


def scope_sql(reading: Reading, spot: Layout, row: str, *, walked: bool = False) -> str:
    """The access predicate on a table's rows, to stand behind a condition; empty when everything may be seen (see `access_sql`)."""
    return access_sql(reading.ground, reading.scope, reading.arguments, spot, row, walked=walked)
