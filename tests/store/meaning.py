"""What a search means among a handful of resources, by the pure matcher: chains, `_has` and lists followed in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xinglin.fhir.codec import Resource
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.match import matches
from xinglin.fhir.search.model import Chain, Clause, Has, Link, Search, SearchParam, Term, TextAsked

Key = tuple[str, str]


class World:
    """The resources someone may see."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.by_key: dict[Key, Resource] = {(one["resourceType"], one["id"]): one for one in resources}

    def found(self, search: Search) -> list[str]:
        """The ids of all matches, sorted."""
        return sorted(id_ for (type_, id_), one in self.by_key.items() if type_ == search.type and self.holds(search.where, one))

    def holds(self, term: Term, resource: Resource) -> bool:
        return matches(term, resource, follow=self.follow)

    def follow(self, term: Chain | Has | Clause, resource: Resource) -> bool:
        if isinstance(term, Chain):
            return any(
                (there := self.by_key.get((target, id_))) is not None and self.holds(part, there)
                for target, part in term.targets
                for type_, id_ in links(resource, term.param)
                if type_ == target
            )
        if isinstance(term, Has):
            key = (resource["resourceType"], resource["id"])
            return any(
                type_ == term.source and key in links(one, term.param) and self.holds(term.term, one)
                for (type_, _), one in self.by_key.items()
            )
        return any(self._lists(asked.text, resource) for asked in term.asked if isinstance(asked, TextAsked))

    def _lists(self, list_id: str, resource: Resource) -> bool:
        entries = self.by_key.get(("List", list_id), {}).get("entry", [])
        return f"{resource['resourceType']}/{resource['id']}" in [
            entry["item"]["reference"] for entry in entries if not entry.get("deleted")
        ]


def links(resource: Resource, param: SearchParam) -> Sequence[Key]:
    """The (type, id) a parameter of a resource refers to."""
    return [(value.type, value.id) for value in extract_param(resource, param) if isinstance(value, Link) and value.type and value.id]
