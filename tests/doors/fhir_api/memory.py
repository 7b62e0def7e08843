"""A small record store in memory with the face of `Records`, so that the door is tested for what it does itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xinglin.access.actor import Actor
from xinglin.base.clock import Ticks, instant
from xinglin.base.errors import Gone, NotFound, Stale, Unavailable
from xinglin.base.ids import new_id
from xinglin.fhir.codec import Resource, encode
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.match import matches
from xinglin.fhir.search.model import Link, Search
from xinglin.store import Amend, AmendWhere, AuditRow, Change, Create, Delete, DeleteWhere, Outcome, Scope, Stored, Update, UpdateWhere


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of matches."""

    matches: list[Stored]
    included: list[Stored]
    total: int | None
    next: str | None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of versions."""

    entries: list[Stored]
    next: str | None
    total: int | None


async def everyone(_actor: Actor) -> Scope:
    """The scope of whoever asks: no limit."""
    return Scope.everyone()


@dataclass
class MemoryRecords:
    """Every version in one list; small and slow on purpose."""

    versions: list[Stored] = field(default_factory=list)
    ticks: Ticks = field(default_factory=lambda: Ticks(0))
    failing: Exception | None = None
    deaf: bool = False
    trail: list[AuditRow] = field(default_factory=list)

    seen: set[int] = field(default_factory=set)
    scope: Scope = field(default_factory=Scope.everyone)

    def records(self, scope: Scope) -> MemoryRecords:
        return self

    def apart(self) -> MemoryRecords:
        return self

    def note(self, row: AuditRow) -> None:
        if self.deaf:
            raise Unavailable("The audit trail cannot be written now.")
        self.trail.append(row)

    def heads(self) -> dict[tuple[str, str], Stored]:
        return {(version.type, version.id): version for version in self.versions}

    async def read(self, type: str, id: str) -> Stored:
        if self.failing:
            raise self.failing
        head = self.heads().get((type, id))
        if head is None:
            raise NotFound("There is no {type}/{id}.", type=type, id=id)
        if not head.content:
            raise Gone("{type}/{id} was deleted.", type=type, id=id)
        return head

    async def vread(self, type: str, id: str, version: int) -> Stored:
        for stored in self.versions:
            if (stored.type, stored.id, stored.version) == (type, id, version):
                if not stored.content:
                    raise Gone("{type}/{id} was deleted.", type=type, id=id)
                return stored
        raise NotFound("{type}/{id} has no version {version}.", type=type, id=id, version=version)

    async def history(self, type=None, id=None, *, since=None, count=20, cursor=None) -> HistoryPage:
        found = [v for v in reversed(self.versions) if type in (None, v.type) and id in (None, v.id) and (since is None or v.tick >= since)]
        if id and not found and since is None:
            raise NotFound("There is no {type}/{id}.", type=type, id=id)
        start = int(cursor or 0)
        following = str(start + count) if start + count < len(found) else None
        return HistoryPage(found[start : start + count], following, len(found))

    def matching(self, search: Search) -> list[Stored]:
        heads = [h for h in self.heads().values() if h.type == search.type and h.content]
        return sorted((h for h in heads if matches(search.where, h.resource())), key=lambda h: -h.tick)

    async def search(self, search: Search) -> SearchPage:
        found = self.matching(search)
        if search.summary == "count" or search.count == 0:
            return SearchPage([], [], len(found), None)
        start, count = int(search.cursor or 0), search.count or 20
        page = found[start : start + count]
        following = str(start + count) if start + count < len(found) else None
        return SearchPage(page, self._included(search, page), None if search.total == "none" else len(found), following)

    def _included(self, search: Search, page: list[Stored]) -> list[Stored]:
        heads = self.heads()
        found: dict[Any, Stored] = {}
        for include in search.includes:
            for stored in page:
                resource = stored.resource()
                links = _all_links(resource) if include.param is None else list(extract_param(resource, include.param))
                for link in links:
                    key = (link.type, link.id)
                    if key in heads and heads[key].content:
                        found[key] = heads[key]
        return list(found.values())

    async def write(self, changes: Sequence[Change], audit: Sequence[AuditRow] = ()) -> list[Outcome]:
        if self.failing:
            raise self.failing
        before = list(self.versions)
        targets: dict[str, str] = {}
        try:
            named = [self._named(change, targets) for change in changes]
            outcomes = [self._apply(change, id_, targets) for change, id_ in named]
        except Exception:
            self.versions[:] = before
            raise
        self.trail += audit
        return outcomes

    def _named(self, change: Change, targets: dict[str, str]) -> tuple[Change, str]:
        id_ = (change.id or new_id()) if isinstance(change, Create) else getattr(change, "id", "")
        if getattr(change, "full_url", None) and isinstance(change, Create | Update):
            targets[change.full_url] = f"{change.resource['resourceType']}/{id_}"
        return change, id_

    def _apply(self, change: Change, id_: str, targets: dict[str, str]) -> Outcome:
        match change:
            case Create():
                found = self.matching(change.if_none_exist) if change.if_none_exist else []
                if found:
                    return Outcome(_one(found), "unchanged")
                return Outcome(self._put(change.resource, id_, "POST", targets), "created")
            case Update():
                return self._update(change.resource, change.id, change.if_match, change.if_none_match, targets)
            case UpdateWhere():
                found = self.matching(change.where)
                if not found:
                    return Outcome(self._put(change.resource, change.resource.get("id", new_id()), "POST", targets), "created")
                return self._update(change.resource, _one(found).id, change.if_match, False, targets)
            case Amend():
                return self._amend(change, change.type, change.id)
            case AmendWhere():
                found = self.matching(change.where)
                if not found:
                    raise NotFound("Nothing matches.")
                return self._amend(change, _one(found).type, _one(found).id)
            case Delete():
                return self._delete(change.type, change.id, change.if_match)
            case DeleteWhere():
                found = self.matching(change.where)
                outcomes = [self._delete(s.type, s.id, None) for s in (found if change.many else [_one(found)] if found else [])]
                return outcomes[0] if outcomes else Outcome(None, "absent")

    def _update(self, resource: Resource, id_: str, if_match: int | None, only_new: bool, targets: dict[str, str]) -> Outcome:
        head = self.heads().get((resource["resourceType"], id_))
        there = head is not None and bool(head.content)
        if (if_match is not None and (head is None or head.version != if_match)) or (only_new and there):
            raise Stale("{type}/{id} is at another version.", type=resource["resourceType"], id=id_)
        return Outcome(self._put(resource, id_, "PUT", targets), "updated" if there else "created")

    def _amend(self, change: Amend | AmendWhere, type_: str, id_: str) -> Outcome:
        head = self.heads().get((type_, id_))
        if head is None:
            raise NotFound("There is no {type}/{id}.", type=type_, id=id_)
        if change.if_match is not None and head.version != change.if_match:
            raise Stale("{type}/{id} is at another version.", type=type_, id=id_)
        return Outcome(self._put(change.change(head.resource()), id_, "PUT", {}), "updated")

    def _delete(self, type_: str, id_: str, if_match: int | None) -> Outcome:
        head = self.heads().get((type_, id_))
        if if_match is not None and (head is None or head.version != if_match):
            raise Stale("{type}/{id} is at another version.", type=type_, id=id_)
        if head is None or not head.content:
            return Outcome(None, "absent")
        gone = Stored(type_, id_, head.version + 1, self.ticks.take(), b"", "DELETE")
        self.versions.append(gone)
        return Outcome(gone, "deleted")

    def _put(self, resource: Resource, id_: str, method: str, targets: dict[str, str]) -> Stored:
        head = self.heads().get((resource["resourceType"], id_))
        version, tick = (head.version + 1 if head else 1), self.ticks.take()
        meta = resource.get("meta", {}) | {"versionId": str(version), "lastUpdated": instant(tick)}
        linked = _relinked({k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}, targets)
        whole = {"resourceType": resource["resourceType"], "id": id_, "meta": meta} | linked
        stored = Stored(resource["resourceType"], id_, version, tick, encode(whole), method)
        self.versions.append(stored)
        return stored


def _one(found: list[Stored]) -> Stored:
    if len(found) > 1:
        raise Stale("{count} resources match; one must.", count=len(found))
    return found[0]


def _relinked(value: Any, targets: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: targets.get(v, v) if k == "reference" and isinstance(v, str) else _relinked(v, targets) for k, v in value.items()}
    return [_relinked(item, targets) for item in value] if isinstance(value, list) else value


def _all_links(value: Any) -> list[Link]:
    if isinstance(value, dict):
        text = value.get("reference")
        own = [Link(*text.split("/"))] if isinstance(text, str) and text.count("/") == 1 else []
        return own + [link for part in value.values() for link in _all_links(part)]
    return [link for part in value for link in _all_links(part)] if isinstance(value, list) else []
