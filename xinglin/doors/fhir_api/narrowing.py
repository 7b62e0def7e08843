"""Records as an application's granular scopes let them be seen: a search of a scope is part of every search, and asked of all that is shown
or changed. Source: SMART App Launch 2.2, Scopes for requesting FHIR resources (finer-grained resource constraints using search parameters).

A resource outside the scope is as if it were not there. Who it is of is not decided here but by the store's scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl

from xinglin.access.actor import Actor
from xinglin.access.oauth.scopes import narrowing, permits
from xinglin.access.policy import DIRECTORY
from xinglin.base.errors import Forbidden, NotFound
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.match import matches
from xinglin.fhir.search.model import All, Chain, Clause, Has, Not, Search, Some, Term
from xinglin.store import (
    Amend,
    AmendWhere,
    AuditRow,
    Change,
    Create,
    Delete,
    DeleteWhere,
    HistoryPage,
    Outcome,
    Records,
    Scope,
    SearchPage,
    Stored,
    Update,
    UpdateWhere,
)
from xinglin.store.links import conditional

Amender = Callable[[Resource], Resource]


def narrowed(records: Records, actor: Actor, zone: tzinfo) -> Records:
    """The records as the actor's scopes let them be seen; the same when there are none."""
    return records if actor.scopes is None else cast("Records", Narrowed(records, actor.scopes, zone))


def filters_within(actor: Actor, types: Iterable[str], filters: Sequence[str]) -> list[str]:
    """The `_typeFilter`s of an export, each held to what the actor's scopes narrow its type to."""
    limits = {type_: limit for type_ in types if actor.scopes is not None and (limit := narrowing(actor.scopes, type_)) is not None}
    filtered = {text.partition("?")[0] for text in filters}
    kept = [f"{text}&{limit}" for text in filters for limit in limits.get(text.partition("?")[0], ("",))]
    kept += [f"{type_}?{limit}" for type_, own in limits.items() if type_ not in filtered for limit in own]
    return [text.removesuffix("&") for text in kept]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """`Records` for an application with scopes; the same face. `seen`: the patients of what passed."""

    inner: Records
    scopes: tuple[str, ...]
    zone: tzinfo
    seen: set[int] = field(default_factory=set[int], compare=False)

    @property
    def store(self) -> Any:
        """The store itself."""
        return self.inner.store

    @property
    def scope(self) -> Scope:
        """Whom the actor may see."""
        return self.inner.scope

    def apart(self) -> Records:
        """The same records, with an account of its own of whose are seen."""
        return cast("Records", replace(self, inner=self.inner.apart(), seen=set[int]()))

    async def read(self, type_: str, id_: str) -> Stored:
        """The present version; raises `NotFound`, also for one outside the scopes."""
        return self._passed(await self.inner.read(type_, id_), "r")

    async def vread(self, type_: str, id_: str, version: int) -> Stored:
        """One version; raises `NotFound`, also for one outside the scopes."""
        return self._passed(await self.inner.vread(type_, id_, version), "r")

    async def history(
        self, type_: str | None = None, id_: str | None = None, *, since: int | None = None, count: int = 20, cursor: str | None = None
    ) -> HistoryPage:
        """Versions that are within the scopes; deletions of a narrowed type are left out, and its totals."""
        page = await self.inner.history(type_, id_, since=since, count=count, cursor=cursor)
        letter = "r" if id_ else "s"
        kept = [one for one in page.entries if self._lets(one, letter)]
        self._saw(kept)
        return replace(page, entries=kept, total=page.total if len(kept) == len(page.entries) and type_ and self._open(type_) else None)

    async def search(self, asked: Search) -> SearchPage:
        """One page; the scopes are part of the question, so totals and pages are right. Raises `Forbidden`."""
        self._require(asked.type, "search")
        outer = asked.through
        through = lambda stored: (outer is None or outer(stored)) and self._lets(stored, "r")  # noqa: E731 - as short as what it joins
        page = await self.inner.search(replace(self._within(asked, "s"), through=through))
        beside = [one for one in page.included if self._lets(one, "r")]
        self._saw(page.matches)
        self._saw(beside)
        return replace(page, included=beside)

    async def find(self, type_: str, query: str = "", count: int = 50) -> list[Resource]:
        """The first matches of a query string, parsed."""
        asked = read_search(type_, parse_qsl(query, keep_blank_values=True), strict=True, zone=self.zone)
        page = await self.search(replace(asked, count=count, total="none"))
        return [stored.resource() for stored in page.matches]

    async def write(self, changes: Sequence[Change], audit: Sequence[AuditRow] = ()) -> list[Outcome]:
        """All changes or none, each within the scopes before and after. Raises `Forbidden`, `NotFound`."""
        for change in changes:
            if isinstance(change, Create | Update | UpdateWhere):
                self._require_plain(change.resource)
        outcomes = await self.inner.write([await self._held(change) for change in changes], audit)
        self._saw(outcome.stored for outcome in outcomes if outcome.stored)
        return outcomes

    # --- what passes ---

    def _open(self, type_: str) -> bool:
        return type_ in DIRECTORY or narrowing(self.scopes, type_, "s") is None

    def _lets(self, stored: Stored, letter: str) -> bool:
        limits = narrowing(self.scopes, stored.type, letter)
        if limits is None:
            return True
        if stored.type in DIRECTORY and not limits:  # what operations look up by themselves; a client's own request asks `permits`
            return True
        return bool(limits and stored.content) and self._fits(stored.resource(), limits)

    def _passed(self, stored: Stored, letter: str) -> Stored:
        if not self._lets(stored, letter):
            raise NotFound("There is no {type} with the id {id}.", type=stored.type, id=stored.id)
        self._saw((stored,))
        return stored

    def _fits(self, resource: Resource, limits: Iterable[str]) -> bool:
        return any(matches(_term(resource["resourceType"], limit, self.zone), resource, zone=self.zone) for limit in limits)

    def _saw(self, stored: Iterable[Stored]) -> None:
        self.seen.update(one.patient for one in stored if one.patient)

    def _require(self, type_: str, interaction: str) -> None:
        if type_ not in DIRECTORY and not permits(self.scopes, type_, interaction):
            raise Forbidden("The application was given no scope to {interaction} {type}.", interaction=interaction, type=type_)

    # --- searches ---

    def _within(self, asked: Search, *letters: str) -> Search:
        terms = [limit for letter in letters if (limit := self._limit(asked.type, letter)) is not None]
        where = tuple(self._held_term(term) for term in asked.where.terms)
        return replace(asked, where=All((*where, *terms)))

    def _limit(self, type_: str, letter: str) -> Term | None:
        limits = narrowing(self.scopes, type_, letter)
        if limits is None or (type_ in DIRECTORY and not limits):
            return None
        if not limits:
            raise Forbidden("The application was given no scope to {interaction} {type}.", interaction="search", type=type_)
        return Some(tuple(_term(type_, limit, self.zone) for limit in limits))

    def _held_term(self, term: Term) -> Term:
        """The term with the scopes inside every chain and reverse chain, so that nothing outside them shows through a link."""
        match term:
            case All(terms):
                return All(tuple(self._held_term(part) for part in terms))
            case Some(terms):
                return Some(tuple(self._held_term(part) for part in terms))
            case Not(part):
                return Not(self._held_term(part))
            case Chain(param, targets):
                return Chain(param, tuple((type_, self._joined(type_, part)) for type_, part in targets))
            case Has():
                return replace(term, term=self._joined(term.source, term.term))
            case Clause(param) if param.name == "_list" and narrowing(self.scopes, "List", "s") is not None:
                raise Forbidden("The application was given no scope to {interaction} {type}.", interaction="search", type="List")
            case _:
                return term

    def _joined(self, type_: str, term: Term) -> Term:
        limit, held = self._limit(type_, "s"), self._held_term(term)
        return held if limit is None else All((limit, held))

    # --- writes ---

    async def _held(self, change: Change) -> Change:
        match change:
            case Create():
                self._require_fits(change.resource, "c")
                where = change.if_none_exist
                return change if where is None else replace(change, if_none_exist=self._within(where, "s"))
            case Update():
                self._require_fits(change.resource, "u")
                return await self._over_present(change, change.resource["resourceType"], change.id, "u")
            case UpdateWhere():
                self._require_fits(change.resource, "u")
                return replace(change, where=self._within(change.where, "s", "u"))
            case Amend():
                return replace(change, change=self._watched(change.change))
            case AmendWhere():
                return replace(change, where=self._within(change.where, "s", "u"), change=self._watched(change.change))
            case Delete():
                return await self._over_present(change, change.type, change.id, "d")
            case DeleteWhere():
                return replace(change, where=self._within(change.where, "s", "d"))

    def _require_plain(self, resource: Resource) -> None:
        """A reference by a search finds what the store's scope shows: only for types that the scopes do not narrow."""
        for reference in sorted(conditional([resource])):
            type_ = reference.partition("?")[0]
            if narrowing(self.scopes, type_, "s") is not None:
                raise Forbidden("The application was given no scope to {interaction} {type}.", interaction="search", type=type_[:64])

    def _require_fits(self, resource: Resource, letter: str) -> None:
        limits = narrowing(self.scopes, resource["resourceType"], letter)
        if limits is not None and not self._fits(resource, limits):
            raise Forbidden("The application's scopes do not cover this {type}.", type=resource["resourceType"])

    async def _over_present(self, change: Change, type_: str, id_: str, letter: str) -> Change:
        """The change only over the version that was seen to be within the scopes; of a free id nothing is to be seen."""
        assert isinstance(change, Update | Delete)
        limits = narrowing(self.scopes, type_, letter)
        if limits is None:
            return change
        try:
            present = await self.inner.read(type_, id_)
        except NotFound:
            return change
        self._require_fits(present.resource(), letter)
        return change if change.if_match is not None else replace(change, if_match=present.version)

    def _watched(self, amend: Amender) -> Amender:
        def watched(resource: Resource) -> Resource:
            self._require_fits(resource, "u")
            amended = amend(resource)
            self._require_fits(amended, "u")
            return amended

        return watched


@lru_cache(maxsize=1024)
def _term(type_: str, query: str, zone: tzinfo) -> Term:
    return read_search(type_, parse_qsl(query, keep_blank_values=True), strict=True, zone=zone).where
