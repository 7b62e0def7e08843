"""What the actor's role and scopes let an interaction touch: asked for every type a search reaches, not only the one it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from xinglin.access.actor import Actor
from xinglin.access.oauth.scopes import permits
from xinglin.access.policy import allowed, require
from xinglin.base.errors import Forbidden
from xinglin.doors.fhir_api.call import Call
from xinglin.fhir.search.model import All, Chain, Clause, Has, Not, Search, Some, Term
from xinglin.store import Stored


def permit(call: Call, deed: str, type_: str | None) -> None:
    """Raise `Forbidden` unless the actor's role and scopes may do this to the type (None: to every type)."""
    permit_actor(call.actor, deed, type_)


def permit_actor(actor: Actor, deed: str, type_: str | None) -> None:
    """The same, before there is a call."""
    if not _allowed(actor.role, deed, type_):
        require(actor, deed, type_)
    if actor.scopes is not None and not permits(actor.scopes, type_, deed):
        named = type_ or "the whole system"
        raise Forbidden("The application was given no scope to {interaction} {type}.", interaction=deed, type=named)


_allowed = lru_cache(maxsize=8192)(allowed)


def permit_search(call: Call, search: Search) -> None:
    """Raise `Forbidden` when the search, its chains or its `_has` reach a type the role may not search."""
    for type_ in {search.type, *_reached(search.where)}:
        permit_actor(call.actor, "search", type_)


def _reached(term: Term) -> Iterator[str]:
    match term:
        case All(terms) | Some(terms):
            for part in terms:
                yield from _reached(part)
        case Not(part):
            yield from _reached(part)
        case Chain(_, targets):
            for type_, part in targets:
                yield type_
                yield from _reached(part)
        case Has():
            yield term.source
            yield from _reached(term.term)
        case Clause(param) if param.name == "_list":
            yield "List"
        case _:
            return


def permitted(call: Call, deed: str, types: Iterable[str]) -> tuple[str, ...]:
    """Those of the types the role and scopes may do this to."""
    return tuple(type_ for type_ in types if _may(call.actor, deed, type_))


def held(call: Call, search: Search) -> Search:
    """The search with its includes going on only through what the role and scopes may read."""
    actor = call.actor
    return replace(search, through=lambda stored: _may(actor, "read", stored.type)) if search.includes else search


def visible(call: Call, included: Iterable[Stored]) -> list[Stored]:
    """Included resources of types the role and scopes may read."""
    return [stored for stored in included if _may(call.actor, "read", stored.type)]


def _may(actor: Actor, deed: str, type_: str) -> bool:
    return _allowed(actor.role, deed, type_) and (actor.scopes is None or permits(actor.scopes, type_, deed))
