"""$export as a job: one type after another, page by page, to NDJSON files. Source: HL7 Bulk Data Access 2.0.

The export is of one moment, `transactionTime`, though it is read while others write. After each page the files are
made durable and the place is stored, so that a killed export goes on at the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from asyncpg import Connection

from xinglin.base.clock import instant
from xinglin.fhir.codec import Resource, decode, encode
from xinglin.fhir.dates import span_of
from xinglin.fhir.definitions import compartment, search_params
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import All, Link, Search
from xinglin.store.changes import Stored
from xinglin.store.exported import Output, folder_of, remove_others
from xinglin.store.ground import Ground
from xinglin.store.jobs import Run, Work
from xinglin.store.layout import Layout, layout
from xinglin.store.past import opened, seen_versions
from xinglin.store.rows import link_alias, patient_links
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.predicate import access_sql, may_see
from xinglin.store.searching.running import Seeker, matching_ids
from xinglin.store.searching.scope import Scope
from xinglin.store.snapshot import Page, Row, Whose, deletions, page, settled_tick

PAGE_MAX = 1000
_PAGE_FIRST = 200
_PAGE_BYTES = 16 * 1024 * 1024
_TOKENS_AT_ONCE = 400
_GROUPS_DEPTH_MAX = 5

ScopeOf = Callable[[Mapping[str, Any]], Awaitable[Scope]]
"""The scope of who started a job, by its parameters."""


def exporter(scope_of: ScopeOf) -> Work:
    """The work of an export job, under the scope its owner has when it runs."""

    async def work(run: Run) -> Mapping[str, Any]:
        scope = await scope_of(run.parameters)
        return await _Export(run, scope).run()

    return work


@dataclass(slots=True)
class _Export:
    """One attempt at an export."""

    job: Run
    scope: Scope
    members: frozenset[str] | None = None
    size: int = _PAGE_FIRST
    outputs: dict[str, Output] = field(default_factory=dict[str, Output])

    @property
    def ground(self) -> Ground:
        return self.job.ground

    async def run(self) -> Mapping[str, Any]:
        asked, at = self.job.parameters, dict(self.job.progress)
        folder = folder_of(self.ground.settings, self.job.id)
        since = span_of(asked["since"], ZoneInfo("UTC"))[0] if asked.get("since") else 0
        if "upto" not in at:
            at["upto"] = await settled_tick(self.ground)
            await self.job.save(at, "begun")
        if asked["level"] == "group":
            at["members"] = at.get("members") or await self._members(asked["group"])
            self.members = frozenset(at["members"])
        for name, label in (("output", ""), ("deleted", "deleted.")):
            self.outputs[name] = await asyncio.to_thread(Output.resumed, folder, self.job.attempt, label, at.get(name, {}))
        try:
            for place, type_ in enumerate(asked["types"]):
                if place >= at.get("place", 0):
                    await self._type(type_, place, since, at)
        finally:
            for output in self.outputs.values():
                output.abandon()
        await asyncio.to_thread(remove_others, folder, *self.outputs.values())
        return {
            "transactionTime": instant(at["upto"]),
            "request": asked["request"],
            "output": self.outputs["output"].parts,
            "deleted": self.outputs["deleted"].parts,
            "error": [],
        }

    async def _members(self, group: str) -> list[str]:
        async with self.ground.pool.connection() as connection:
            return sorted(await _patients_of(self.ground, connection, self.scope, group, _GROUPS_DEPTH_MAX))

    # --- one type ---

    async def _type(self, type_: str, place: int, since: int, at: dict[str, Any]) -> None:
        """Its present and past rows, then its deletions; then the files are closed and the next type's place is stored."""
        spot = layout(type_)
        if at.get("place", 0) != place:
            at |= {"place": place, "after": None, "gone": None}
        async with self.ground.pool.connection() as connection:
            if not await self.ground.tables.there(connection, spot):
                return
            whose = await self._whose(connection, spot)
        filters = self._filters(type_)
        after: int = at["after"] if at.get("after") is not None else max(since - 1, 0)
        while after < at["upto"]:
            async with self.ground.pool.connection() as connection:
                found = await page(self.ground, connection, spot, whose, after, at["upto"], self.size)
                rows = await self._wanted(connection, spot, found, filters)
            lines = b"".join([row.stored.content + b"\n" for row in rows])
            await asyncio.to_thread(self.outputs["output"].write, type_, lines, len(rows))
            self._fit(found)
            after = at["after"] = found.upto
            await self._save(type_, at, len(rows))
        if since and self.scope.unlimited:
            await self._deletions(spot, since, at)
        for output in self.outputs.values():
            await asyncio.to_thread(output.close)
        at |= {"place": place + 1, "after": None, "gone": None}
        await self._save(type_, at, 0)

    async def _deletions(self, spot: Layout, since: int, at: dict[str, Any]) -> None:
        """What was deleted, as transaction bundles that would delete it elsewhere too."""
        gone = at.get("gone") or since - 1
        while True:
            async with self.ground.pool.connection() as connection:
                found = await deletions(self.ground, connection, spot, gone, at["upto"], PAGE_MAX)
            if not found:
                return
            entries = [_deletion(stored) for _, stored in found if self._of_level(stored)]
            bundle = encode({"resourceType": "Bundle", "type": "transaction", "entry": entries}) + b"\n"
            await asyncio.to_thread(self.outputs["deleted"].write, "Bundle", bundle if entries else b"", 1 if entries else 0)
            gone = at["gone"] = found[-1][0]
            await self._save(spot.type, at, 0)

    async def _save(self, type_: str, at: dict[str, Any], more: int) -> None:

        at |= {name: output.state() for name, output in self.outputs.items()}
        at["done"] = at.get("done", 0) + more
        await self.job.save(at, f"{type_}: {at['done']} resources so far")

    def _fit(self, found: Page) -> None:
        """Pages of about as many bytes as are good to hold."""
        held = sum(len(row.stored.content) for row in found.rows)
        fitting = len(found.rows) * _PAGE_BYTES // max(held, 1)
        self.size = max(1, min(PAGE_MAX, self.size * 4, fitting or PAGE_MAX))

    # --- which rows ---

    async def _whose(self, connection: Connection, spot: Layout) -> Whose:
        """The rows an index can find: under the scope, and of the group's members."""
        if spot.patient is None or self.members is None:
            return Whose(self.scope)
        if not await self.ground.tables.there(connection, spot):
            return Whose(self.scope, [])
        keys = [self.ground.hashes.id(id_) for id_ in sorted(self.members)]
        numbers = [row["n"] for row in await connection.fetch("SELECT n FROM xinglin.person WHERE id = ANY($1)", keys)]
        found: list[Any] = []
        tokens = await self._member_tokens(connection, spot)
        for start in range(0, len(tokens), _TOKENS_AT_ONCE):
            part = tokens[start : start + _TOKENS_AT_ONCE]
            arguments = Arguments([part])
            within = access_sql(self.ground, self.scope, arguments, spot, "r")
            found += await connection.fetch(f"SELECT r.id FROM {spot.table} r WHERE r.tokens && $1::bigint[]{within}", *arguments.values)
        return Whose(self.scope, numbers, [row["id"] for row in found])

    async def _member_tokens(self, connection: Connection, spot: Layout) -> list[int]:
        """The tokens of references to members that are not said by the patient column."""
        await self.ground.interning.catch_up(connection)
        main = patient_links(spot)
        names = {link_alias(spot.type, param)[0] for param in compartment("Patient").get(spot.type, ())}
        if main in names and "many" not in self.ground.interning.traits(spot.number, main):
            names.discard(main)
        return [self.ground.hashes.link(name, "Patient", id_) for name in sorted(names) for id_ in sorted(self.members or ())]

    async def _wanted(self, connection: Connection, spot: Layout, found: Page, filters: Sequence[Search]) -> list[Row]:
        rows = found.rows
        if not self.scope.unlimited:
            then = await seen_versions(self.ground, connection, self.scope, spot, [row.stored for row in rows])
            ticks = {stored.tick for stored in then}
            rows = [row for row in rows if row.stored.tick in ticks]
        if self.job.parameters["level"] == "patient":
            rows = [row for row in rows if row.patient or self._of_level(row.stored)]
        if not filters or not rows:
            return rows
        seeker = Seeker(self.ground, connection, self.scope)
        await self.ground.interning.catch_up(connection)
        ids = ",".join(row.stored.id for row in rows if row.present)
        only = read_search(spot.type, [("_id", ids)], strict=True).where.terms if ids else ()
        passed: set[str] = set()
        for asked in filters:
            passed |= {row.stored.id for row in rows if not row.present and seeker.passes(asked.where, row.stored)}
            if only:
                narrowed = replace(asked, where=All((*only, *asked.where.terms)), order=(), cursor=None, includes=())
                passed |= {stored.id for stored in await matching_ids(self.ground, connection, narrowed, self.scope, PAGE_MAX)}
        return [row for row in rows if row.stored.id in passed]

    def _filters(self, type_: str) -> list[Search]:
        zone = ZoneInfo(self.ground.settings.timezone)
        texts = [text.partition("?") for text in self.job.parameters["type_filters"]]
        pairs = [parse_qsl(query, keep_blank_values=True) for name, _, query in texts if name == type_]
        return [read_search(type_, asked, strict=True, zone=zone) for asked in pairs]

    def _of_level(self, stored: Stored) -> bool:
        """Whether a version is within the level: in any patient's compartment, or in a member's."""
        if self.job.parameters["level"] == "system":
            return True
        patients = set(_compartments(decode(stored.content)))
        return bool(patients if self.members is None else patients & self.members)


def _compartments(resource: Resource) -> Sequence[str]:
    """The ids of the patients whose compartments a resource is in."""
    type_ = resource["resourceType"]
    own = [resource["id"]] if type_ == "Patient" else []
    params = search_params(type_)
    values = [value for name in compartment("Patient").get(type_, ()) if name in params for value in extract_param(resource, params[name])]
    return own + [value.id for value in values if isinstance(value, Link) and value.type == "Patient" and value.id]


def _deletion(stored: Stored) -> Resource:
    return {"request": {"method": "DELETE", "url": f"{stored.type}/{stored.id}"}}


async def _patients_of(ground: Ground, connection: Connection, scope: Scope, group: str, depth: int) -> set[str]:
    """The patients that are members of a group and of the groups in it."""
    spot, key, found = layout("Group"), ground.hashes.id(group), set[str]()
    if not await ground.tables.there(connection, spot):
        return found
    if not await ground.tables.there(connection, spot):
        return found
    row = await connection.fetchrow(f"SELECT version, tick, content, patient, presence FROM {spot.table} WHERE id = $1", key)
    if row is None or not await may_see(ground, connection, scope, spot, row["patient"], row["presence"]):
        return found  # a group that is not there has no members
    for member in opened(ground, spot, key, row["version"], row["tick"], row["content"]).resource().get("member", ()):
        reference = str(member.get("entity", {}).get("reference", ""))
        type_, _, id_ = reference.partition("/")
        if member.get("inactive") or not id_:
            continue
        if type_ == "Patient":
            found.add(id_.partition("/")[0])
        elif type_ == "Group" and depth:
            found |= await _patients_of(ground, connection, scope, id_.partition("/")[0], depth - 1)
    return found
