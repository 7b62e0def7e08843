"""The deeds: write what a form or a file says, keep a file between its preview and its confirmation, end a position.

A resource is amended element by element: what a table does not speak of stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from xinglin.access.policy import require
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Invalid, NotFound, Stale
from xinglin.base.ids import new_id
from xinglin.capabilities.directory import model, queries, rules
from xinglin.capabilities.directory.model import Department, tables
from xinglin.capabilities.directory.rules import Known, Settled, Values
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import Code, codes_of, id_of
from xinglin.kit.pages import Upload
from xinglin.kit.sheets import Sheet, read_sheet
from xinglin.kit.tables import Headings, Row, match_headings, rows_of
from xinglin.kit.unit import Unit
from xinglin.store import AuditRow, Update
from xinglin.store.papers import Paper, Papers

IMPORT_S = 2 * 3600
"""How long a file waits for its confirmation, and its receipt is kept."""
AT_ONCE = 2000
LEVELS_MAX = 12
REASON_HEADINGS = ("原因", "Reason")


# --- a row as a resource ---


def drafted(known: Known, table: str, settled: Settled, today: date) -> tuple[Resource, ...]:
    """What is to be written for a row that is not refused, the resource of the row first."""
    made: Resource = settled.about or {"resourceType": rules.TYPES[table], "id": new_id()}
    full = settled.full
    if table == "licence":
        return _licensed(known, made, settled, today)
    amended = {
        "institution": _institution, "department": _department, "staff": _staff, "position": _position, "equipment": _equipment,
    }[table](known, made, full, today)  # fmt: skip
    return ({name: value for name, value in amended.items() if value not in (None, [], {}, "")},)


def _institution(known: Known, made: Resource, full: Values, _today: date) -> Resource:
    kind, above = full["kind"], known.find("institution", full["parent"]) if full["parent"] else None
    general = ("govt", "政府机构") if kind in model.OFFICES else ("pay", "支付方") if kind == "insurer" else ("prov", "医疗卫生机构")
    types = made.get("type", [])
    if not any(of == model.ORGANIZATION_TYPE for one in types for of, _ in codes_of(one)):
        types = [_concept(model.ORGANIZATION_TYPE, *general), *types]
    for system, column in ((model.KIND, "kind"), (model.CLASS, "class"), (model.LEVEL, "level")):
        types = _typed(types, system, _choice("institution", column, full))
    system = model.ID_INSTITUTION if len(full["code"]) == 18 else model.ID_REGISTERED
    return made | {
        "identifier": _numbered(made, system, full["code"]), "active": full["active"] == "yes", "type": types, "name": full["name"],
        "telecom": _reached(made, full["phone"]), "address": _placed(made, full["address"]), "partOf": _reference(above),
    }  # fmt: skip


def _department(known: Known, made: Resource, full: Values, _today: date) -> Resource:
    types = made.get("type") or [_concept(model.ORGANIZATION_TYPE, "dept", "科室")]
    return made | {
        "identifier": _numbered(made, model.ID_DEPARTMENT, full["code"]), "active": full["active"] == "yes",
        "type": _typed(types, model.DISCIPLINE, _choice("department", "discipline", full)), "name": full["name"],
        "telecom": _reached(made, full["phone"]), "partOf": _reference(known.find("institution", full["institution"])),
    }  # fmt: skip


def _staff(_known: Known, made: Resource, full: Values, _today: date) -> Resource:
    name = full["name"]
    names = made.get("name", [])
    if rules.name_of_person(made) != name:
        names = [{"use": "official", "text": name}, *names[1:]]
    numbered = made | {"identifier": _numbered(made, model.ID_STAFF, full["staff_number"])}
    return numbered | {
        "identifier": _numbered(numbered, model.ID_RESIDENT, full["number"]), "active": full["active"] == "yes", "name": names,
        "telecom": _reached(made, full["phone"]), "gender": full["sex"], "birthDate": full["born"],
    }  # fmt: skip


def _position(known: Known, made: Resource, full: Values, today: date) -> Resource:
    house = known.find("institution", full["institution"])
    assert house is not None, "checked before"
    department = known.find("department", house["id"], full["department"])
    codes = made.get("code", [])
    for system, column in ((model.POST, "profession"), (model.TITLE, "title"), (model.SITE, "site")):
        codes = _typed(codes, system, _choice("position", column, full))
    specialty = made.get("specialty", [])
    if full["department"] != next((code for one in specialty for of, code in codes_of(one) if of == model.DEPARTMENT), ""):
        specialty = [_specialty(department)] if department else []
    period = {name: full[column] for name, column in (("start", "start"), ("end", "end")) if full[column]}
    return made | {
        "active": not full["end"] or full["end"] > today.isoformat(), "period": period,
        "practitioner": _reference(known.find("staff", full["staff"])), "organization": _reference(house),
        "code": codes, "specialty": specialty,
    }  # fmt: skip


def _specialty(organization: Resource) -> Resource:
    one = Department.of(organization)
    made = _concept(model.DEPARTMENT, one.code, one.name)
    return made if one.discipline is None else made | {"coding": [*made["coding"], _concept_of(one.discipline)["coding"][0]]}


def _equipment(known: Known, made: Resource, full: Values, _today: date) -> Resource:
    kind = _choice("equipment", "kind", full)
    named = [one for one in made.get("deviceName", []) if one.get("type") != "user-friendly-name"]
    status = "active" if full["active"] == "yes" else "inactive"
    return made | {
        "extension": _extended(made, model.CALIBRATION_EXTENSION, "valueDate", full["due"]),
        "identifier": _numbered(made, model.ID_ASSET, full["asset"]),
        "status": status if (made.get("status") == "active") != (status == "active") or "status" not in made else made["status"],
        "manufacturer": full["maker"], "serialNumber": full["serial"],
        "deviceName": [{"name": full["name"], "type": "user-friendly-name"}, *named], "modelNumber": full["model"],
        "type": _concept_of(kind) if kind else made.get("type"), "owner": _reference(known.find("institution", full["institution"])),
        "location": made.get("location") if made.get("location", {}).get("display", "") == full["place"] else {"display": full["place"]},
    }  # fmt: skip


def _licensed(known: Known, person: Resource, settled: Settled, today: date) -> tuple[Resource, ...]:
    """The certificate among the person's qualifications, and the verification of it, when somebody has looked."""
    full, before = settled.full, next((one.before for one in settled.changes if one.column.key == "number"), "") or settled.full["number"]
    listed = person.get("qualification", [])
    place = next((n for n, one in enumerate(listed) if any(i.get("value") == before for i in one.get("identifier", []))), None)
    old: Resource = listed[place] if place is not None else {}
    kind = _choice("licence", "kind", full)
    made = old | {
        "extension": _extended(old, model.SCOPE_EXTENSION, "valueString", full["scope"]),
        "identifier": [{"system": model.ID_LICENCE, "value": full["number"]}], "code": _concept_of(kind) if kind else old.get("code"),
        "period": {name: full[column] for name, column in (("start", "issued"), ("end", "ends")) if full[column]},
        "issuer": old.get("issuer") if old.get("issuer", {}).get("display", "") == full["issuer"] else {"display": full["issuer"]},
    }  # fmt: skip
    made = {name: value for name, value in made.items() if value not in (None, [], {}) and value != {"display": ""}}
    rest = [one for n, one in enumerate(listed) if n != place]
    holder = person | {"qualification": [*rest[:place], made, *rest[place:]] if place is not None else [*rest, made]}
    verified = known.find("verified", person["id"], before)
    if not full["verified"] and verified is None:
        return (holder,)
    return holder, _verification(verified, holder, full, today)


def _verification(old: Resource | None, holder: Resource, full: Values, today: date) -> Resource:
    ended = bool(full["ends"]) and full["ends"] < today.isoformat()
    made: Resource = old or {"resourceType": "VerificationResult", "id": new_id()}
    looked = {name: full["verified"] for name in ("statusDate", "lastPerformed") if full["verified"]}
    next_look = {"nextScheduled": full["ends"]} if full["ends"] else {}
    kept = {name: value for name, value in made.items() if name not in ("statusDate", "lastPerformed", "nextScheduled")}
    return kept | looked | next_look | {
        "target": [_reference(holder)],
        "targetLocation": [f"Practitioner.qualification.where(identifier.value='{full['number']}')"],
        "status": ("reval-fail" if ended else "validated") if full["verified"] else "attested",
        "validationType": _concept(model.HL7 + "validation-type", "primary", "primary source"),
        "primarySource": [{"who": {"display": full["issuer"] or "发证机关"}, "validationDate": full["verified"]} if full["verified"] else {
            "who": {"display": full["issuer"] or "发证机关"}}],
    }  # fmt: skip


def _choice(table: str, column: str, full: Values) -> Code | None:
    return next((code for code in tables()[table].column(column).choices if code.code == full[column]), None)


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _concept_of(code: Code) -> Resource:
    return _concept(code.system, code.code, code.zh)


def _typed(concepts: Sequence[Resource], system: str, code: Code | None) -> list[Resource]:
    """Concepts with the one of a system put in the place of what it was."""
    if code is not None and any((system, code.code) in codes_of(one) for one in concepts):
        return list(concepts)
    others = [one for one in concepts if all(of != system for of, _ in codes_of(one))]
    return [*others, _concept_of(code)] if code else others


def _numbered(made: Resource, system: str, value: str) -> list[Resource]:
    kept = [one for one in made.get("identifier", []) if one.get("system") != system]
    old = next((one for one in made.get("identifier", []) if one.get("system") == system), {})
    return [*([old | {"system": system, "value": value}] if value else []), *kept]


def _reached(made: Resource, phone: str) -> list[Resource]:
    listed = made.get("telecom", [])
    place = next((n for n, one in enumerate(listed) if one.get("system") == "phone"), None)
    rest = [one for n, one in enumerate(listed) if n != place]
    old: dict[str, Any] = listed[place] if place is not None else {"system": "phone", "use": "work"}
    return [*([old | {"value": phone}] if phone else []), *rest]


def _placed(made: Resource, address: str) -> list[Resource]:
    listed = made.get("address", [])
    if listed and listed[0].get("text", "") == address:
        return listed
    return [*([{"use": "work", "text": address}] if address else []), *listed[1:]]


def _extended(made: Resource, url: str, key: str, value: str) -> list[Resource]:
    kept = [one for one in made.get("extension", []) if one.get("url") != url]
    return [*kept, {"url": url, key: value}] if value else kept


def _reference(resource: Resource | None) -> Resource | None:
    if resource is None:
        return None
    person = resource["resourceType"] == "Practitioner"
    name = rules.name_of_person(resource) if person else resource.get("name", "")
    return {"reference": f"{resource['resourceType']}/{resource['id']}", "display": name}


# --- forms ---


async def save(
    unit: Unit, table: str, row: Row, today: date, about: str = "", which: str = "", version: str = ""
) -> tuple[Settled, Resource | None]:
    """Write what a form says; how it settled and what it is now, None when it is refused. Raises `Stale` over another `version`."""
    require(unit.actor, "update", rules.TYPES[table])
    known = await queries.known_of(unit, table)
    target = known.resources.get(f"{rules.TYPES[table]}/{about}") if about else None
    if about and target is None:
        raise NotFound("There is nothing of this kind any more.")
    if target and version and target["meta"]["versionId"] != version:
        raise Stale("Somebody has changed this meanwhile. Open it again and compare.")
    settled = rules.settle(known, table, row, today, target, which)
    if not about and settled.what in ("changed", "unchanged"):
        settled = rules.taken(table, settled)
    if settled.what in ("refused", "unchanged"):
        return settled, target if settled.what == "unchanged" else None
    resources = drafted(known, table, settled, today)
    await unit.store.write([_change(one) for one in resources])
    return settled, resources[0]


async def end_position(unit: Unit, staff: str, position: str, last: date) -> None:
    """The last day of a position. Raises `NotFound`, `Invalid` when it began later."""
    require(unit.actor, "update", "PractitionerRole")
    stored = await unit.store.read("PractitionerRole", position)
    role = stored.resource()
    if id_of(role.get("practitioner")) != staff:
        raise NotFound("There is no such position of this person.")
    if role.get("period", {}).get("start", "") > last.isoformat():
        raise Invalid("A position cannot end before it begins.")
    ended = role | {"active": False, "period": role.get("period", {}) | {"end": last.isoformat()}}
    await unit.store.write([Update(ended, position, if_match=stored.version)])


def _change(resource: Resource) -> Update:
    version = resource.get("meta", {}).get("versionId")
    return Update(resource, resource["id"], if_match=int(version) if version else None, if_none_match=version is None)


# --- files ---


class Waiting(msgspec.Struct, frozen=True):
    """A file between its preview and two hours later. `state`: waiting, writing, done; `counts`: rows by what became of them."""

    table: str
    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    by: str
    state: Literal["waiting", "writing", "done"] = "waiting"
    counts: dict[str, int] = {}
    at: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do, row by row. `mark`: stands for all of it, so that what is confirmed is what was seen."""

    rows: tuple[Settled, ...]
    headings: Headings
    resources: tuple[Resource, ...]
    mark: str

    def count(self, what: str) -> int:
        """How many rows become new, changed, unchanged or refused."""
        return sum(one.what == what for one in self.rows)


def _papers(unit: Unit) -> Papers[Waiting]:
    return Papers(unit.store.store.ground, "import", Waiting)


async def take_file(unit: Unit, table: str, file: Upload) -> str:
    """Keep a file that was sent; the key of its preview. Raises `Malformed` or `TooLarge` in words when it cannot be read."""
    require(unit.actor, "update", rules.TYPES[table])
    sheet = await asyncio.to_thread(read_sheet, file.content)
    key, ends = new_id(), tick_of(unit.now) + IMPORT_S * 1_000_000
    waiting = Waiting(table, file.name, sheet.header, sheet.rows, unit.actor.id)
    await _papers(unit).add(key, waiting, [unit.actor.id], ends)
    return key


async def waiting_file(unit: Unit, key: str) -> Paper[Waiting]:
    """A file of one's own that waits. Raises `NotFound`."""
    paper = await _papers(unit).look(key, tick_of(unit.now))
    if paper is None or paper.value.by != unit.actor.id:
        raise NotFound("This file is no longer kept. Send it again.")
    return paper


async def preview(unit: Unit, waiting: Waiting, zone: ZoneInfo) -> Preview:
    """What a file would do now."""
    known = await queries.known_of(unit, waiting.table)
    return await asyncio.to_thread(planned, known, waiting, unit.now.astimezone(zone).date())


def planned(known: Known, waiting: Waiting, today: date) -> Preview:
    """Each row settled on what the rows before it leave; a row that names what stands further down waits for it."""
    table = tables()[waiting.table]
    headings = match_headings(table, waiting.header, REASON_HEADINGS)
    rows = rows_of(table, Sheet(waiting.header, waiting.rows), headings) if not headings.missing else ()
    first: dict[rules.Key, int] = {}
    written: dict[str, Resource] = {}
    settled: dict[int, Settled] = {}
    for row in _parents_first(waiting.table, rows):
        one = rules.settle(known, waiting.table, row, today)
        if one.what != "refused":
            before = first.setdefault(rules.row_key(waiting.table, one), row.number)
            one = one if before == row.number else rules.repeated(one, before)
        if one.what in ("new", "changed"):
            for resource in drafted(known, waiting.table, one, today):
                known.put(resource)
                written[f"{resource['resourceType']}/{resource['id']}"] = resource
        settled[row.number] = one
    ordered = tuple(settled[row.number] for row in rows)
    return Preview(ordered, headings, tuple(written.values()), _mark(ordered))


def _parents_first(table: str, rows: Sequence[Row]) -> list[Row]:
    if table != "institution":
        return list(rows)
    by_code = {row.values["code"]: row for row in reversed(rows) if row.values.get("code")}

    def depth(row: Row) -> int:
        first = by_code.get(row.values.get("code", ""), row)  # of two about the same, the first in the file counts
        levels, above = 0, by_code.get(first.values.get("parent", ""))
        while above is not None and levels < LEVELS_MAX:  # deeper goes in a circle
            levels, above = levels + 1, by_code.get(above.values.get("parent", ""))
        return levels

    return sorted(rows, key=depth)


def _mark(rows: Sequence[Settled]) -> str:
    told = [
        (one.row.number, one.what, dict(one.full), [fault.column for fault in one.faults], [change.before for change in one.changes])
        for one in rows
    ]
    return sha256(msgspec.json.encode(told)).hexdigest()[:32]


async def confirm(unit: Unit, key: str, mark: str, zone: ZoneInfo) -> None:
    """Write what the preview showed, leaving refused rows out. Raises `Conflict` when the directory has changed since."""
    paper = await waiting_file(unit, key)
    waiting = paper.value
    require(unit.actor, "update", rules.TYPES[waiting.table])
    if waiting.state != "waiting":
        return
    seen = await preview(unit, waiting, zone)
    if seen.mark != mark:
        raise Conflict("The directory has changed since this preview was made. Look through it again.")
    paper = await _papers(unit).put(paper, msgspec.structs.replace(waiting, state="writing"))
    written = False
    try:
        await _write(unit, waiting, seen)
        written = True
    finally:
        counts = {what: seen.count(what) for what in ("new", "changed", "unchanged", "refused")}
        after = msgspec.structs.replace(waiting, state="done", counts=counts, at=unit.now.isoformat()) if written else waiting
        await _papers(unit).put(paper, after)


async def _write(unit: Unit, waiting: Waiting, seen: Preview) -> None:
    actor = unit.actor
    changes = [_change(one) for one in seen.resources]
    for start in range(0, len(changes), AT_ONCE):
        part = changes[start : start + AT_ONCE]
        told = f"{waiting.name}: {len(part)}"
        row = AuditRow(actor.id, actor.role, "import", rules.TYPES[waiting.table], None, told, 200, None, None)
        await unit.store.write(part, [row])
