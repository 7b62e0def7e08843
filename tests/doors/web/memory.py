"""A store in memory with the face of `Records` that pages read: for tests of pages alone, decided by the search floor's exact matcher."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from xinglin.base.errors import NotFound
from xinglin.base.text import pinyin_of_name
from xinglin.fhir.codec import Resource, encode
from xinglin.fhir.search.extract import Values, extract
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.match import matches
from xinglin.fhir.search.model import All, Clause, Include, Link, LinkAsked, Search, Span, Term
from xinglin.store.changes import Stored


@dataclass(frozen=True, slots=True)
class Found:
    """What a search answers."""

    matches: list[Stored]
    included: list[Stored]
    total: int | None
    next: str | None


class MemoryRecords:
    """Resources by type; counts how often it was asked."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.rows: dict[str, dict[str, Stored]] = defaultdict(dict)
        self.values: dict[tuple[str, str], Values] = {}
        self.resources: dict[tuple[str, str], Resource] = {}
        self.by_patient: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.asked: list[str] = []
        for tick, resource in enumerate(resources):
            kind, id_ = resource["resourceType"], resource["id"]
            self.rows[kind][id_] = Stored(kind, id_, 1, tick, encode(resource), "POST")
            self.resources[kind, id_] = resource
            owner = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
            self.by_patient[kind, owner.rpartition("/" if "/" in owner else ":")[2]].append(id_)

    async def read(self, kind: str, id_: str) -> Stored:
        """The newest version."""
        self.asked.append(f"{kind}/{id_}")
        if id_ not in self.rows[kind]:
            raise NotFound("There is no {type} with id {id}.", type=kind, id=id_)
        return self.rows[kind][id_]

    async def find(self, kind: str, query: str, count: int = 50) -> list[Resource]:
        """Matches of a query string, parsed."""
        page = await self.search(replace(read_search(kind, parse_qsl(query), strict=True), count=count))
        return [stored.resource() for stored in page.matches]

    async def search(self, search: Search) -> Found:
        """A page of matches; the cursor is the number of rows before it."""
        self.asked.append(f"{search.type}?{search.asked}")
        kept = [one for one in self._candidates(search) if self._holds(search.where, search.type, one)]
        for order in reversed(search.order):
            kept.sort(key=lambda one: self._key(search.type, one, order.param.name), reverse=order.descending)
        if not search.order:
            kept.reverse()
        start, count = int(search.cursor or 0), search.count or 20
        page = [self.rows[search.type][one] for one in kept[start : start + count]]
        included = {stored.id: stored for include in search.includes for row in page for stored in self._included(row, include)}
        more = str(start + count) if start + count < len(kept) else None
        return Found(page, list(included.values()), len(kept), more)

    def _candidates(self, search: Search) -> list[str]:
        for term in search.where.terms:
            if isinstance(term, Clause) and term.param.name in ("patient", "subject") and isinstance(term.asked[0], LinkAsked):
                return list(self.by_patient[search.type, term.asked[0].id or ""])
            if isinstance(term, Clause) and term.param.name == "_id":
                return [one for one in (asked.text for asked in term.asked) if one in self.rows[search.type]]  # type: ignore[union-attr]
        return list(self.rows[search.type])

    def _holds(self, where: Term, kind: str, id_: str) -> bool:
        resource = self.resources[kind, id_]
        if isinstance(where, All):
            return all(self._holds(term, kind, id_) for term in where.terms)
        if isinstance(where, Clause) and where.param.name in ("pinyin", "id-tail"):
            return any(_own(where.param.name, resource, asked) for asked in where.asked)
        if isinstance(where, Clause) and where.param.name == "_id":
            return True
        return matches(where, resource, self._values(kind, id_))

    def _values(self, kind: str, id_: str) -> Values:
        if (kind, id_) not in self.values:
            self.values[kind, id_] = extract(self.resources[kind, id_])
        return self.values[kind, id_]

    def _key(self, kind: str, id_: str, param: str) -> Any:
        found = self._values(kind, id_).get(param, ())
        return max((value.lo for value in found if isinstance(value, Span)), default=-(2**62))

    def _included(self, row: Stored, include: Include) -> Iterable[Stored]:
        assert include.param is not None
        for value in self._values(row.type, row.id).get(include.param.name, ()):
            if isinstance(value, Link) and value.type and value.id in self.rows[value.type]:
                yield self.rows[value.type][value.id]


def _own(name: str, patient: Resource, asked: Any) -> bool:
    text = getattr(asked, "text", "") or ""
    if name == "id-tail":
        return any(one.get("value", "").endswith(text) for one in patient.get("identifier", []))
    for one in patient.get("name", []):
        said = pinyin_of_name(one.get("text") or f"{one.get('family', '')}{''.join(one.get('given', []))}")
        if said.full.startswith(text) or said.initials.startswith(text):
            return True
    return False
